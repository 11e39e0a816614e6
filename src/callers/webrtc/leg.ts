import type { Clock } from '../../call/clock.ts';
import type { Counter } from '../../call/counters.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import { RtcDecoded } from '../../media/rtc-decoded.ts';
import { RtpPlayout } from '../../media/rtp-playout.ts';
import { type Peer, type PeerChannel, type PeerHandlers, RTC_SAMPLE_RATE } from '../../transport/peer.ts';
import { PeerSession, type SessionPeer } from '../../transport/peer-session.ts';

/** What the leg needs of a peer. */
export type CallerPeer = SessionPeer & Pick<Peer, 'sendAudio'>;

export interface WebRtcLegInit<P extends CallerPeer> {
  /** What kind of caller it is: a metric label. */
  readonly kind: string;
  /** Who is at the far end, in words: "the page". */
  readonly far: string;
  /** Makes the peer with the leg's handlers. May throw, then so does the leg's constructor. */
  readonly peer: (handlers: PeerHandlers) => P;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nothing may be sent before `release`, silence neither: for who takes the first packet as the call's acceptance. */
  readonly held?: boolean;
  /** Told of each data channel that the far end opens, where it may open any. */
  readonly channel?: (channel: PeerChannel) => void;
  /** Whether all is there beside media that `connected` is to wait for; asked when media is up, and by `recheck`. */
  readonly isComplete?: () => boolean;
  /** Called once, when the leg is closed: tells the far end why, and says how long that takes to leave, ms. */
  readonly farewell?: (end: Termination) => number;
  /** What the log says when the line is closed, beside what it was like. */
  readonly lineClosed: string;
  /** More for that entry. */
  readonly notes?: () => object;
}

/** Agent audio that may wait for its turn, ms: more than any answer is long. */
const MAX_QUEUE_MS = 300_000;

/**
 * A caller by WebRTC: Opus or G.711 both ways, and no more than that. How its offer comes, and what else is said beside the audio, is
 * for whoever makes it; who learns there that the caller is gone calls `end`.
 */
export class WebRtcLeg<P extends CallerPeer = CallerPeer> implements CallerLeg {
  readonly kind: string;
  readonly rate = RTC_SAMPLE_RATE;
  readonly audio: AudioSink;
  readonly playout: Playout;
  /** Resolves when media is up, DTLS included, so that it is worth making a call for the far end; rejects as `connected` does. */
  readonly reached: Promise<void>;
  /** Resolves when media is connected and all else that was asked for there; rejects with PEER_FAILED or ABORTED when that never comes. */
  readonly connected: Promise<void>;
  /** While set the agent hears silence, whatever the far end still sends. */
  muted = false;
  readonly #init: WebRtcLegInit<P>;
  readonly #session: PeerSession<P>;
  readonly #out: RtpPlayout;
  readonly #decoded = new RtcDecoded();
  readonly #there = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #frame: { samples: Int16Array; readonly sampleRate: number } = {
    samples: new Int16Array(0),
    sampleRate: RTC_SAMPLE_RATE,
  };
  #silence = new Int16Array(0);
  #context: LegContext<CallerEvent> | undefined;
  #stop: (() => void) | undefined;
  /** Set once, when the caller's side is over; nothing is told after it. */
  #ended: Termination | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: WebRtcLegInit<P>) {
    this.#init = init;
    this.kind = init.kind;
    this.reached = this.#there.promise;
    this.connected = this.#ready.promise;
    // How it ends may be known before anybody waits for it.
    this.reached.catch(() => {});
    this.connected.catch(() => {});
    this.#out = new RtpPlayout({
      push: (samples, offset) => {
        this.peer.sendAudio(samples, offset);
        this.count('frames_out');
      },
      dropped: (ms) => this.count('ms_dropped_backpressure', ms),
      maxQueueMs: MAX_QUEUE_MS,
    });
    this.#out.held = init.held ?? false;
    this.playout = this.#out;
    this.audio = {
      sampleRate: RTC_SAMPLE_RATE,
      write: (frame) => this.#write(frame),
      clear: () => this.#clear(),
      toString: () => `opus/${RTC_SAMPLE_RATE} -> ${this.kind}`,
    };
    this.#session = new PeerSession<P>({
      peer: init.peer,
      media: {
        audio: (samples, rate) => this.#onAudio(samples, rate),
        ...(init.channel === undefined ? {} : { channel: init.channel }),
      },
      clock: init.clock,
      log: init.log,
      far: init.far,
      connected: () => {
        this.#there.resolve();
        this.recheck();
      },
      lost: (loss, detail) =>
        this.end(
          loss === 'closed'
            ? termination('caller-hangup', `${init.far} closed its connection`)
            : termination('media-lost', detail),
        ),
    });
  }

  get peer(): P {
    return this.#session.peer;
  }

  /** Whether media is up just now. */
  get hasMedia(): boolean {
    return this.#session.isConnected;
  }

  /** Whether a call has it, has none yet, or the caller's side is over. */
  get phase(): 'waiting' | 'running' | 'over' {
    if (this.#ended !== undefined) return 'over';
    return this.#context === undefined ? 'waiting' : 'running';
  }

  /** As `CallerLeg.setPace`. Delay of a live agent's audio that gathers here is won back in its silence. */
  setPace(pace: Pace): void {
    this.#out.live = pace === 'live';
  }

  /** Attaches at once. Rejects with ABORTED when the call is over or the leg was closed; one whose caller is gone meanwhile tells `ended`. */
  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (this.#closing !== undefined || context.signal.aborted) {
      this.#detach();
      throw new BridgeError('ABORTED', `the call ended before its ${this.kind} leg was started`);
    }
    this.#context = context;
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    this.#session.watch();
    const unsubscribe = context.ticker.subscribe((now) => this.#out.tick(now));
    const onAbort = () => this.#detach();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      unsubscribe();
      context.signal.removeEventListener('abort', onAbort);
    };
  }

  /** From now on it may send: what waits is played, and where nothing does silence goes. Nothing changes for one that was never held. */
  release(): void {
    if (!this.#out.held) return;
    this.#out.held = false;
    if (this.phase === 'running') this.#out.tick(this.#init.clock.now());
  }

  /** Looks again whether all is there that `connected` waits for. */
  recheck(): void {
    if (!this.hasMedia || this.#init.isComplete?.() === false) return;
    this.#ready.resolve();
  }

  /** Tells the call what the caller did beside speaking; nothing unless it runs. */
  emit(event: Exclude<CallerEvent, { type: 'ended' }>): void {
    if (this.phase === 'running') this.#context?.emit(event);
  }

  /** The caller's side is over; the first reason is the one that is told. The leg still is to be closed. */
  end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#fail(new BridgeError('PEER_FAILED', end.detail ?? `${this.#init.far} hung up`));
    this.#detach();
    this.#context?.emit({ type: 'ended', end });
  }

  /** Lets the far end be told, then frees the peer and its ports. */
  close(end: Termination): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const { clock, farewell, lineClosed, notes } = this.#init;
      this.#ended ??= end;
      this.#fail(new BridgeError('ABORTED', 'the call ended'));
      this.#detach();
      const free = () => resolve(this.#session.close(lineClosed, notes));
      // What was just sent leaves with the next packets: a peer closed at once would take it along.
      const leaving = farewell?.(end) ?? 0;
      if (leaving > 0) clock.after(leaving, free);
      else free();
    });
    return this.#closing;
  }

  /** Counts for the call that has it. */
  count(counter: Counter, n = 1): void {
    this.#context?.count(counter, n);
  }

  #write(frame: PcmFrame): void {
    if (this.phase !== 'running') return;
    if (frame.sampleRate !== this.rate) this.count('frames_invalid');
    else this.#out.write(frame.samples, this.#init.clock.now());
  }

  #clear(): void {
    if (this.phase !== 'running') return;
    this.count('ms_cleared', this.#out.writtenMs() - this.#out.playedMs());
    this.#out.clear();
  }

  #onAudio(samples: Int16Array, rate: number): void {
    const context = this.#context;
    if (this.#ended !== undefined || context === undefined) return;
    const heard = this.#decoded.at48k(samples, rate);
    if (heard === undefined) return;
    this.count('frames_in');
    if (this.muted && this.#silence.length !== heard.length) this.#silence = new Int16Array(heard.length);
    this.#frame.samples = this.muted ? this.#silence : heard;
    context.peer.write(this.#frame);
  }

  #fail(error: BridgeError): void {
    this.#there.reject(error);
    this.#ready.reject(error);
  }

  /** Stops the clockwork; what is not driven sends nothing. */
  #detach(): void {
    this.#session.stop();
    this.#stop?.();
    this.#stop = undefined;
  }
}
