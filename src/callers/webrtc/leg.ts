import type { Clock, Timer } from '../../call/clock.ts';
import type { Counter } from '../../call/counters.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import { KeyDetector } from '../../media/key-detector.ts';
import { RtcDecoded } from '../../media/rtc-decoded.ts';
import { RtpPlayout } from '../../media/rtp-playout.ts';
import { hasAudio } from '../../transport/liveness.ts';
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
  /** Silence that goes before anything else once it may send, ms. */
  readonly leadInMs?: number;
  /** Whether keys come as telephone events in place of the audio: they are found by their sound, which the agent then does not hear. */
  readonly keys?: boolean;
  /** How long media may be lost before the caller is, ms; left out: as `PeerSession` has it. */
  readonly graceMs?: number;
  /** Whether somebody else watches for signs of life. */
  readonly watched?: boolean;
  /** Called whenever the leg's own clockwork stops, for what runs beside it. */
  readonly stopped?: () => void;
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

/** Between two looks whether audio of a far end's came, ms. */
const LOOK_MS = 50;
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
  /** Resolves when the first audio of the far end came; rejects as `connected` does. */
  readonly heard: Promise<void>;
  /** While set the agent hears silence, whatever the far end still sends. */
  muted = false;
  readonly #init: WebRtcLegInit<P>;
  readonly #session: PeerSession<P>;
  readonly #out: RtpPlayout;
  readonly #decoded = new RtcDecoded();
  readonly #keys: KeyDetector | undefined;
  readonly #there = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #audible = Promise.withResolvers<void>();
  readonly #frame: { samples: Int16Array; readonly sampleRate: number } = {
    samples: new Int16Array(0),
    sampleRate: RTC_SAMPLE_RATE,
  };
  #silence = new Int16Array(0);
  /** Whether it was let send. It does when media is up, too: what was sent before would be lost. */
  #released = false;
  /** Whether its first audio came, or is being looked for. */
  #isAudible = false;
  #looking = false;
  #look: Timer | undefined;
  #context: LegContext<CallerEvent> | undefined;
  #stop: (() => void) | undefined;
  /** Set once, when the caller's side is over; nothing is told after it. */
  #ended: Termination | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: WebRtcLegInit<P>) {
    this.#init = init;
    this.kind = init.kind;
    this.#keys = init.keys ? new KeyDetector() : undefined;
    this.reached = this.#there.promise;
    this.connected = this.#ready.promise;
    this.heard = this.#audible.promise;
    // How it ends may be known before anybody waits for it.
    this.reached.catch(() => {});
    this.connected.catch(() => {});
    this.heard.catch(() => {});
    this.#out = new RtpPlayout({
      push: (samples, offset) => {
        this.peer.sendAudio(samples, offset);
        this.count('frames_out');
      },
      dropped: (ms) => this.count('ms_dropped_backpressure', ms),
      maxQueueMs: MAX_QUEUE_MS,
      held: init.held ?? false,
    });
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
      ...(init.graceMs === undefined ? {} : { graceMs: init.graceMs }),
      connected: () => {
        this.#there.resolve();
        this.#letGo();
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
    if (!this.#init.watched) this.#session.watch();
    const unsubscribe = context.ticker.subscribe((now) => this.#out.tick(now));
    const onAbort = () => this.#detach();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      unsubscribe();
      context.signal.removeEventListener('abort', onAbort);
    };
  }

  /**
   * From now on, and from the moment media is up, it may send: silence, and what waits from its beginning. Nothing changes for one that was never held.
   */
  release(): void {
    this.#released = true;
    if (this.hasMedia) this.#letGo();
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

  #letGo(): void {
    if (!this.#released || !this.#out.held) return;
    this.#out.release(this.#init.leadInMs);
    if (this.phase === 'running') this.#out.tick(this.#init.clock.now());
  }

  #write(frame: PcmFrame): void {
    if (this.phase !== 'running') return;
    if (frame.sampleRate !== this.rate) this.count('frames_invalid');
    else this.#out.write(frame.samples, this.#init.clock.now(), frame.whole);
  }

  #clear(): void {
    if (this.phase !== 'running') return;
    this.count('ms_cleared', this.#out.writtenMs() - this.#out.playedMs());
    this.#out.clear();
  }

  #onAudio(samples: Int16Array, rate: number): void {
    if (this.#ended !== undefined) return;
    const heard = this.#decoded.at48k(samples, rate);
    if (heard === undefined) return;
    if (!this.#isAudible && !this.#looking) void this.#listen();
    const context = this.#context;
    if (context === undefined) return;
    this.count('frames_in');
    const digit = this.#keys?.push(heard);
    if (digit !== undefined) this.emit({ type: 'dtmf', digit });
    const hushed = this.muted || (this.#keys?.sounding ?? false);
    if (hushed && this.#silence.length !== heard.length) this.#silence = new Int16Array(heard.length);
    this.#frame.samples = hushed ? this.#silence : heard;
    context.peer.write(this.#frame);
  }

  /** The library gives silence on every line as soon as any other of the process has audio: whether this one has, its packets say. */
  async #listen(): Promise<void> {
    this.#looking = true;
    if (await hasAudio(this.peer).catch(() => false)) {
      this.#isAudible = true;
      this.#audible.resolve();
    } else if (this.#ended === undefined)
      this.#look = this.#init.clock.after(LOOK_MS, () => {
        this.#looking = false;
      });
  }

  #fail(error: BridgeError): void {
    this.#there.reject(error);
    this.#ready.reject(error);
    this.#audible.reject(error);
  }

  /** Stops the clockwork; what is not driven sends nothing. */
  #detach(): void {
    this.#session.stop();
    this.#look?.cancel();
    this.#stop?.();
    this.#stop = undefined;
    this.#init.stopped?.();
  }
}
