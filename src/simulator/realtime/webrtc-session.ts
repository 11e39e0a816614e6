import type { Timer } from '../../call/clock.ts';
import { Resampler } from '../../media/resample.ts';
import { Peer, type PeerChannel, type PeerState, RTC_FRAME_SAMPLES } from '../../transport/peer.ts';
import { newId } from './ids.ts';
import { Playout } from './playout.ts';
import type { Registry } from './registry.ts';
import { type Fault, findFault } from './scenario.ts';
import { withDeadCandidates, withoutCandidates } from './sdp.ts';
import type { Session } from './session.ts';
import type { SessionConfig } from './session-config.ts';
import { SPEECH_RATE } from './speech.ts';

/** How long candidates may be gathered before the answer goes out, ms: host candidates take a few. */
const GATHER_MS = 1_000;
/** A call whose media never connects is forgotten after this, ms. */
const CONNECT_DEADLINE_MS = 30_000;
/** A connection that was lost and does not come back is over after this, ms. */
const DISCONNECTED_MS = 10_000;
/** Frames that are made up for at once after a stall; what is older than that is skipped. */
const MAX_CATCH_UP = 20;
const FRAME_MS = 10;
const SILENCE = new Int16Array(RTC_FRAME_SAMPLES);

export interface WebRtcEntry {
  readonly number: number;
  readonly faults: readonly Fault[];
  readonly config: SessionConfig;
  readonly beta: boolean;
  /** Told once, when the call is over. */
  readonly ended: (call: WebRtcCall) => void;
}

/** A session over a peer connection: events on the client's data channel, audio as RTP both ways, paced by the shared media clock. */
export class WebRtcCall {
  readonly id = newId('rtc');
  readonly session: Session;
  readonly #registry: Registry;
  readonly #entry: WebRtcEntry;
  readonly #peer: Peer;
  readonly #playout: Playout;
  readonly #frame = new Int16Array(RTC_FRAME_SAMPLES);
  readonly #release: () => void;
  #channel: PeerChannel | undefined;
  #channelClosedByUs = false;
  #resampler = new Resampler(48_000, SPEECH_RATE);
  #unsubscribe: (() => void) | undefined;
  #deadline: Timer | undefined;
  #lost: Timer | undefined;
  #sentUntil = 0;
  #ended = false;

  /** Throws PEER_UNAVAILABLE where WebRTC cannot be had. */
  constructor(registry: Registry, entry: WebRtcEntry) {
    this.#registry = registry;
    this.#entry = entry;
    const { portRange } = registry.options;
    this.#peer = new Peer(
      { iceServers: [], clock: registry.clock, ...(portRange === undefined ? {} : { portRange }) },
      {
        audio: (samples, rate) => this.#onAudio(samples, rate),
        state: (state) => this.#onState(state),
        channel: (channel) => this.#onChannel(channel),
      },
    );
    this.#playout = new Playout({
      started: (responseId) => this.session.playoutStarted(responseId),
      stopped: (responseId) => this.session.playoutStopped(responseId),
    });
    this.session = registry.create({
      number: entry.number,
      faults: entry.faults,
      config: entry.config,
      beta: entry.beta,
      kind: 'webrtc',
      callId: this.id,
      transport: {
        send: (text) => {
          this.#channel?.send(text);
        },
        close: (_code, reason) => this.end(reason),
        drop: () => this.end('dropped'),
        closeChannel: () => {
          this.#channelClosedByUs = true;
          this.#channel?.close();
        },
        play: (responseId, itemId, audio, offset) => this.#playout.push(responseId, itemId, audio, offset),
        playComplete: (responseId) => this.#playout.complete(responseId),
        clearPlayout: () => this.#playout.clear(),
      },
    });
    this.#release = registry.hold({ shutdown: () => this.end('the server stops') });
  }

  /** The answer to an offer, with its candidates. Throws PEER_SDP_INVALID. */
  async answer(offer: string): Promise<string> {
    this.#deadline = this.#registry.clock.after(CONNECT_DEADLINE_MS, () => this.end('media never connected'));
    const blocked = this.#registry.options.udp === 'block' || findFault(this.#entry.faults, 'block_udp') !== undefined;
    const answer = await this.#peer.answer(blocked ? withoutCandidates(offer) : offer, GATHER_MS);
    return blocked ? withDeadCandidates(answer) : answer;
  }

  /** Frees everything; idempotent. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline?.cancel();
    this.#lost?.cancel();
    this.#unsubscribe?.();
    this.session.end(reason);
    this.#peer.close();
    this.#release();
    this.#entry.ended(this);
  }

  #onState(state: PeerState): void {
    this.#lost?.cancel();
    if (state === 'connected') {
      this.#deadline?.cancel();
      if (this.#unsubscribe !== undefined) return;
      this.#sentUntil = this.#registry.clock.now();
      this.#unsubscribe = this.#registry.ticker.subscribe(this.#onTick);
    } else if (state === 'failed' || state === 'closed') {
      this.end(`media ${state}`);
    } else if (state === 'disconnected') {
      this.#lost = this.#registry.clock.after(DISCONNECTED_MS, () => this.end('media lost'));
    }
  }

  #onChannel(channel: PeerChannel): void {
    // The first channel is the event channel (`oai-events`); the service has no other.
    if (this.#channel !== undefined) return;
    this.#channel = channel;
    channel.attach({
      open: () => this.session.start(),
      text: (data) => this.session.receive(data),
      close: () => {
        if (!this.#channelClosedByUs) this.end('data channel closed');
      },
    });
  }

  #onAudio(samples: Int16Array, rate: number): void {
    if (this.#ended) return;
    if (rate === SPEECH_RATE) {
      this.session.hear(samples);
      return;
    }
    if (rate !== this.#resampler.from) {
      // G.711 lines decode to 8 kHz. A rate that nobody converts is not audio that can be heard.
      if (rate !== 8_000 && rate !== 16_000 && rate !== 48_000) return;
      this.#resampler = new Resampler(rate, SPEECH_RATE);
    }
    this.session.hear(this.#resampler.process(samples));
  }

  readonly #onTick = (now: number): void => {
    if (now - this.#sentUntil > MAX_CATCH_UP * FRAME_MS) this.#sentUntil = now - MAX_CATCH_UP * FRAME_MS;
    while (this.#sentUntil + FRAME_MS <= now && !this.#ended) {
      this.#sentUntil += FRAME_MS;
      this.#peer.sendAudio(this.#playout.pull(this.#frame) ? this.#frame : SILENCE);
    }
  };
}
