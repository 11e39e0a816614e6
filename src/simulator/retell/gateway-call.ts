import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { Peer, type PeerChannel, type PeerState, RTC_FRAME_SAMPLES, RTC_SAMPLE_RATE } from '../../transport/peer.ts';
import { qualityOf } from '../../transport/peer-stats.ts';
import { RecentWaits } from '../../transport/recent-waits.ts';
import type { RetellScenario } from './scenario.ts';
import type { WebCall } from './web-call.ts';

/** How long candidates may be gathered before the answer goes out, ms. */
const GATHER_MS = 1_000;
const FRAME_MS = 10;
/** How often the statistics are looked at: every second. */
const LOOK_TICKS = 50;
/** Frames that are made up for at once after a stall. */
const MOST_DUE = 20;

/** A call over the gateway: a peer that answers, with the agent's voice and a data channel by which the end is told. */
export class GatewayCall {
  readonly id = `sess_${randomUUID()}`;
  readonly call: WebCall;
  /** Candidates that the client told of. */
  readonly candidates: string[] = [];
  /** How often the client said that it hangs up. */
  deleted = 0;
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #ticker: Ticker;
  readonly #ends: RetellScenario['ends'];
  readonly #frame = new Int16Array(RTC_FRAME_SAMPLES);
  #control: PeerChannel | undefined;
  #untick: (() => void) | undefined;
  #ending: Timer | undefined;
  #sentUntil = 0;
  #over = false;

  constructor(call: WebCall, ends: RetellScenario['ends'], clock: Clock, ticker: Ticker) {
    this.call = call;
    this.#clock = clock;
    this.#ticker = ticker;
    this.#ends = ends;
    this.#peer = new Peer(
      { iceServers: [], clock },
      {
        audio: (samples, rate) => {
          if (rate === RTC_SAMPLE_RATE) this.call.hear(samples, rate);
        },
        state: (state) => this.#onState(state),
        channel: (channel) => {
          // The client makes one channel, and no other is looked at.
          if (channel.label !== 'control') return;
          this.#control = channel;
          channel.attach({ text: () => {} });
        },
      },
    );
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Throws PEER_SDP_INVALID. */
  answer(offer: string): Promise<string> {
    return this.#peer.answer(offer, GATHER_MS);
  }

  /** The call is over: told on the control channel where it is the agent's side that ends it. */
  end(reason: string, state?: 'ended' | 'replaced'): void {
    if (this.#over) return;
    this.#over = true;
    this.#untick?.();
    this.#ending?.cancel();
    this.call.end(reason);
    if (state !== undefined) this.#control?.send(JSON.stringify({ type: 'status', state }));
    // What was just said has to go out.
    this.#clock.after(state === undefined ? 0 : 200, () => this.#peer.close());
  }

  #onState(state: PeerState): void {
    if (state === 'failed' || state === 'closed') this.end('user_hangup');
    if (state !== 'connected' || this.#untick !== undefined || this.#over) return;
    const talker = this.call.begin(RTC_SAMPLE_RATE);
    this.#sentUntil = this.#clock.now();
    const waits = new RecentWaits();
    const look = () =>
      void this.#peer
        .stats()
        .then((report) => this.call.holds(qualityOf(report, waits).jitterBufferMs ?? this.call.heldMs))
        .catch(() => {});
    let ticks = 0;
    this.#untick = this.#ticker.subscribe((now) => {
      if (++ticks % LOOK_TICKS === 0) look();
      if (now - this.#sentUntil > MOST_DUE * FRAME_MS) this.#sentUntil = now - MOST_DUE * FRAME_MS;
      for (; this.#sentUntil + FRAME_MS <= now; this.#sentUntil += FRAME_MS) {
        talker.pull(this.#frame);
        this.#peer.sendAudio(this.#frame);
      }
    });
    const ends = this.#ends;
    if (ends === undefined) return;
    this.#ending = this.#clock.after(ends.afterMs, () =>
      ends.how === 'dropped' ? this.end('error_retell') : this.end('agent_hangup', ends.how),
    );
  }
}
