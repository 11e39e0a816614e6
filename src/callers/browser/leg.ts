import type { Clock, Timer } from '../../call/clock.ts';
import type { Counter } from '../../call/counters.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import { RtpPlayout } from '../../media/rtp-playout.ts';
import { watchLiveness } from '../../transport/liveness.ts';
import {
  type Peer,
  type PeerChannel,
  type PeerHandlers,
  type PeerState,
  RTC_SAMPLE_RATE,
} from '../../transport/peer.ts';
import { PageChannel } from './channel.ts';
import { CHANNEL, type PageError, parsePageMessage } from './page.ts';
import { TypedTurns } from './typed-turns.ts';

/** What the leg needs of a peer. */
export type BrowserPeer = Pick<Peer, 'sendAudio' | 'stats' | 'quality' | 'close'>;

export interface BrowserLegInit<P extends BrowserPeer> {
  /** Makes the peer with the leg's handlers. May throw, then so does the leg's constructor. */
  readonly peer: (handlers: PeerHandlers) => P;
  readonly clock: Clock;
  readonly log: Log;
}

/** Media lost for so long is lost, ms: ICE goes to 'disconnected' for a moment of bad line too (RFC 8445 section 11). */
const DISCONNECTED_GRACE_MS = 5_000;
/** Agent audio that may wait for its turn, ms: more than any answer is long. */
const MAX_QUEUE_MS = 300_000;
/** Data channels a page may open; it needs one. */
const MOST_CHANNELS = 16;
/** The last message to the page gets so long to leave before the peer is closed, ms. */
const FAREWELL_MS = 150;
/** The statistics of a call may hold its close up for so long, ms. */
const QUALITY_TIMEOUT_MS = 500;

/** The caller's side of a call from a web page: Opus by WebRTC both ways, and a data channel for what is typed and what is told. */
export class BrowserLeg<P extends BrowserPeer = BrowserPeer> implements CallerLeg {
  readonly kind = 'browser';
  readonly rate = RTC_SAMPLE_RATE;
  readonly audio: AudioSink;
  readonly playout: Playout;
  readonly peer: P;
  /** Resolves when the page answered a connectivity check, so that it is worth making a call for it; rejects as `connected` does. */
  readonly reached: Promise<void>;
  /** Resolves when media is connected and the data channel open; rejects with PEER_FAILED or ABORTED when that never comes. */
  readonly connected: Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #page = new PageChannel();
  readonly #turns = new TypedTurns();
  readonly #out: RtpPlayout;
  readonly #there = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #frame: { samples: Int16Array; readonly sampleRate: number } = {
    samples: new Int16Array(0),
    sampleRate: RTC_SAMPLE_RATE,
  };
  #silence = new Int16Array(0);
  #context: LegContext<CallerEvent> | undefined;
  #stop: (() => void) | undefined;
  #grace: Timer | undefined;
  #state: PeerState = 'new';
  #muted = false;
  #channels = 0;
  /** Set once, when the caller's side is over; nothing is told after it. */
  #ended: Termination | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: BrowserLegInit<P>) {
    const { clock, log } = init;
    this.#clock = clock;
    this.#log = log;
    this.reached = this.#there.promise;
    this.connected = this.#ready.promise;
    // How it ends may be known before anybody waits for it.
    this.reached.catch(() => {});
    this.connected.catch(() => {});
    this.#out = new RtpPlayout({
      push: (samples, offset) => {
        this.peer.sendAudio(samples, offset);
        this.#count('frames_out');
      },
      dropped: (ms) => this.#count('ms_dropped_backpressure', ms),
      maxQueueMs: MAX_QUEUE_MS,
    });
    this.playout = this.#out;
    this.audio = {
      sampleRate: RTC_SAMPLE_RATE,
      write: (frame) => this.#write(frame),
      clear: () => this.#clear(),
      toString: () => `opus/${RTC_SAMPLE_RATE} -> ${this.kind}`,
    };
    this.peer = init.peer({
      audio: (samples, rate) => this.#onAudio(samples, rate),
      reached: () => this.#there.resolve(),
      state: (state) => this.#onState(state),
      channel: (channel) => this.#onChannel(channel),
    });
  }

  /** As `CallerLeg.setPace`. Delay of a live agent's audio that gathers here is won back in its silence. */
  setPace(pace: Pace): void {
    this.#out.live = pace === 'live';
  }

  /** Attaches at once. Rejects with ABORTED when the call is over or the leg was closed; one whose page is gone meanwhile tells `ended`. */
  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (this.#closing !== undefined || context.signal.aborted) {
      this.#detach();
      throw new BridgeError('ABORTED', 'the call ended before its browser leg was started');
    }
    this.#context = context;
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    const unsubscribe = context.ticker.subscribe((now) => this.#out.tick(now));
    const unwatch = watchLiveness(this.peer, this.#clock, () => {
      this.#end(termination('media-lost', 'neither media nor answers to connectivity checks came from the page'));
    });
    const onAbort = () => this.#detach();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      unsubscribe();
      unwatch();
      context.signal.removeEventListener('abort', onAbort);
    };
  }

  /** Tells the page how the call ended, then frees the peer and its ports. */
  close(end: Termination): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const reachable = this.#state === 'connected' && this.#page.isOpen;
      this.#ended ??= end;
      this.#fail(new BridgeError('ABORTED', 'the call ended'));
      this.#detach();
      this.#page.send({ type: 'ended', result: end.result, reason: end.reason });
      const finish = () => {
        const close = () => {
          limit.cancel();
          this.peer.close();
          resolve();
        };
        const limit = this.#clock.after(QUALITY_TIMEOUT_MS, close);
        void this.peer.quality().then((quality) => {
          this.#log.info({ ...quality, pageMessagesDropped: this.#page.dropped }, "the page's line closed");
          close();
        });
      };
      // What was just sent leaves with the next packets: a peer closed at once would take it along.
      if (reachable) this.#clock.after(FAREWELL_MS, finish);
      else finish();
    });
    return this.#closing;
  }

  /** Tells the page something of its call. `transient`: it may be left out when the page does not keep up. */
  tell(json: string, transient: boolean): void {
    if (this.#closing === undefined) this.#page.forward(json, transient);
  }

  /** Takes a typed turn. Undefined: it was taken (or had been before); else why not. */
  type(text: string, id?: string): PageError | undefined {
    if (this.#ended !== undefined) return { code: 'CALL_ENDED', message: 'the call is over' };
    if (this.#context === undefined) return { code: 'CALL_NOT_ANSWERED', message: 'the call has not begun yet' };
    const verdict = this.#turns.take(id, this.#clock.now());
    if (verdict === 'repeated') return undefined;
    if (verdict !== 'new') return verdict;
    this.#context.emit({ type: 'text', text });
    return undefined;
  }

  #write(frame: PcmFrame): void {
    if (this.#ended !== undefined || this.#context === undefined) return;
    if (frame.sampleRate !== this.rate) this.#count('frames_invalid');
    else this.#out.write(frame.samples, this.#clock.now());
  }

  #clear(): void {
    if (this.#ended !== undefined || this.#context === undefined) return;
    this.#count('ms_cleared', this.#out.writtenMs() - this.#out.playedMs());
    this.#out.clear();
  }

  #onAudio(samples: Int16Array, rate: number): void {
    const context = this.#context;
    // Another rate is the jitter buffer's idle silence from before the first packet: Opus decodes to 48 kHz.
    if (this.#ended !== undefined || context === undefined || rate !== RTC_SAMPLE_RATE) return;
    this.#count('frames_in');
    if (this.#muted && this.#silence.length !== samples.length) this.#silence = new Int16Array(samples.length);
    // A page that says it is muted is not heard, whatever its track still sends.
    this.#frame.samples = this.#muted ? this.#silence : samples;
    context.peer.write(this.#frame);
  }

  #onState(state: PeerState): void {
    this.#state = state;
    this.#log.debug({ state }, 'webrtc state');
    if (state === 'connected') {
      this.#grace?.cancel();
      this.#grace = undefined;
      this.#maybeReady();
    } else if (state === 'disconnected') {
      this.#grace ??= this.#clock.after(DISCONNECTED_GRACE_MS, () =>
        this.#end(termination('media-lost', `no answer from the page for more than ${DISCONNECTED_GRACE_MS} ms`)),
      );
    } else if (state === 'failed') {
      this.#end(termination('media-lost', 'no way to the page works any more'));
    } else if (state === 'closed') {
      this.#end(termination('caller-hangup', 'the page closed its connection'));
    }
  }

  /**
   * Takes the page's channel, whatever its name: a page that calls it otherwise would be told nothing. The one named as documented takes the place of
   * another; what is beyond it is closed.
   */
  #onChannel(channel: PeerChannel): void {
    if (++this.#channels > MOST_CHANNELS) {
      channel.close();
      this.#end(termination('media-flood', 'the page opens data channels without end'));
      return;
    }
    if (this.#page.label === CHANNEL || (this.#page.label !== undefined && channel.label !== CHANNEL)) {
      channel.close();
      return;
    }
    this.#page.use(channel);
    channel.attach({
      open: () => this.#maybeReady(),
      text: (text) => {
        if (this.#page.uses(channel)) this.#onText(text);
      },
      // Only the far end's own close reaches this: a network that breaks leaves a channel open.
      close: () => {
        if (this.#page.uses(channel)) this.#end(termination('caller-hangup', 'the page closed its data channel'));
      },
    });
  }

  #maybeReady(): void {
    if (this.#state !== 'connected' || !this.#page.isOpen) return;
    this.#there.resolve();
    this.#ready.resolve();
  }

  #onText(text: string): void {
    if (this.#ended !== undefined) return;
    const admitted = this.#page.admit(this.#clock.now(), text.length);
    if (admitted !== 'taken') {
      this.#count('message_flood');
      if (admitted === 'flood') this.#end(termination('media-flood', 'the page sends messages without end'));
      else if (this.#page.firstRefusal)
        this.#page.send({ type: 'error', code: 'MESSAGE_FLOOD', message: 'too many messages in a short time' });
      return;
    }
    const parsed = parsePageMessage(text);
    if (!parsed.ok) {
      this.#count(parsed.error.code === 'MESSAGE_UNKNOWN' ? 'message_unknown' : 'message_malformed');
      if (parsed.id === undefined) this.#page.send({ type: 'error', ...parsed.error });
      else this.#page.send({ type: 'text_failed', id: parsed.id, ...parsed.error });
      return;
    }
    const { message } = parsed;
    switch (message.type) {
      case 'text': {
        const error = this.type(message.text, message.id);
        if (error === undefined) this.#page.send({ type: 'text_accepted', id: message.id });
        else this.#page.send({ type: 'text_failed', id: message.id, ...error });
        return;
      }
      case 'mute':
        this.#muted = message.muted;
        return;
      case 'hangup':
        this.#end(termination('caller-hangup'));
        return;
      default:
        message satisfies never;
    }
  }

  #end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#fail(new BridgeError('PEER_FAILED', end.detail ?? 'the page hung up'));
    this.#detach();
    this.#context?.emit({ type: 'ended', end });
  }

  #fail(error: BridgeError): void {
    this.#there.reject(error);
    this.#ready.reject(error);
  }

  readonly #count = (counter: Counter, n = 1): void => {
    this.#context?.count(counter, n);
  };

  /** Stops the clockwork; what is not driven sends nothing. */
  #detach(): void {
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#stop?.();
    this.#stop = undefined;
  }
}
