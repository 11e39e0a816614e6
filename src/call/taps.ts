import type { AudioSink, PcmFrame } from '../media/frame.ts';
import type { Count } from './counters.ts';
import type { AgentEvent, CallerEvent } from './events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from './leg.ts';
import type { CallTap, TapHooks } from './tap.ts';
import type { Termination } from './termination.ts';
import type { Ticker } from './ticker.ts';

/** So much is written between two looks of a source that writes, ms. */
const LOOK_MS = 100;
/** Positions that differ by less are the same, ms: a sum of fractions is not exact. */
const SAME_MS = 0.01;

/**
 * Hands one call's audio to all who listen to it. It stands before the caller's leg, so whatever the caller is given to hear (the agent, the
 * apology) passes it, and behind it, so what the caller says is told before anything holds it back. Positions go on over a stream that
 * begins anew and over a leg that takes the place of another. A tap that throws is told nothing more but the end: nothing a tap does
 * reaches the call. Without taps the leg is left as it is.
 */
export class Taps {
  readonly #taps: readonly CallTap[];
  readonly #count: Count;
  readonly #log: Log;
  #told: readonly CallTap[] = [];
  /** Those of them that have use for audio. */
  #hearing: readonly CallTap[] = [];
  #leg: TappedCaller | undefined;
  /** How far playing had come when it was last looked at, ms: where the positions of the next stream begin. */
  #playedMs = 0;
  /** Ends the ticks; undefined while nobody needs any. */
  #stopTicks: (() => void) | undefined;
  #over = false;

  /** `open` makes the call's taps; the hooks given to it work as long as the call goes on. */
  constructor(open: (hooks: TapHooks) => readonly CallTap[], hooks: TapHooks, log: Log) {
    this.#count = hooks.count;
    this.#log = log;
    const whileItLasts: TapHooks = {
      count: hooks.count,
      tell: (event) => {
        if (!this.#over) hooks.tell(event);
      },
      announce: (announcement) => {
        if (this.#over) return;
        const { heard, givenUp } = announcement;
        // What breaks in one who waits for it is not to stop what others wait for.
        hooks.announce({ ...announcement, heard: () => this.#try(heard), givenUp: () => this.#try(givenUp) });
      },
    };
    this.#taps = this.#try(() => open(whileItLasts)) ?? [];
    this.#told = this.#taps;
    this.#hearing = this.#taps;
  }

  /** Both ends are there for the first time. */
  connected(): void {
    for (const tap of this.#told) {
      try {
        tap.connected?.();
      } catch (error) {
        this.#failed(tap, error);
      }
    }
  }

  /** The leg to use in place of `leg`: its audio, both ways, is told to the taps. What an earlier leg had not played is discarded. */
  listen(leg: CallerLeg): CallerLeg {
    if (this.#taps.length === 0) return leg;
    this.#leg?.detach();
    this.#leg = new TappedCaller(leg, this, this.#playedMs);
    return this.#leg;
  }

  /** Called every 100 ms: whoever has use for ticks is told each from now on, until nobody has; whoever has use for audio until the next look. */
  look(ticker: Pick<Ticker, 'subscribe'>): void {
    this.#ask();
    if (this.ticking) this.#stopTicks ??= ticker.subscribe((now) => this.tick(now));
  }

  /** Tells how far playing has come. */
  tick(now: number): void {
    this.#leg?.look();
    for (const tap of this.#told) {
      try {
        tap.tick(this.#playedMs, now);
      } catch (error) {
        this.#failed(tap, error);
      }
    }
    if (!this.ticking) this.#rest();
  }

  /** Makes a new list only where it is another: calls are many, and those who come to listen few. */
  #ask(): void {
    let at = 0;
    for (const tap of this.#told) {
      if (tap.hearing === false) continue;
      if (this.#hearing[at++] !== tap) {
        at = -1;
        break;
      }
    }
    if (at !== this.#hearing.length) this.#hearing = this.#told.filter((tap) => tap.hearing !== false);
  }

  #rest(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
  }

  /** Whether anybody has use for ticks now. */
  get ticking(): boolean {
    for (const tap of this.#told) if (tap.ticking !== false) return true;
    return false;
  }

  /** The call is over: what lies unplayed will not be heard. Told once. */
  ended(): void {
    if (this.#over) return;
    this.#rest();
    this.#leg?.detach();
    this.#told = [];
    this.#hearing = [];
    for (const tap of this.#taps) this.#try(() => tap.ended());
    this.#over = true;
  }

  /** Position behind all that was sent to the caller and not discarded, ms. */
  get writtenMs(): number {
    return this.#leg?.writtenMs ?? this.#playedMs;
  }

  /** For the tapped leg: what the caller said. */
  caller(frame: PcmFrame): void {
    for (const tap of this.#hearing) {
      try {
        tap.caller(frame);
      } catch (error) {
        this.#failed(tap, error);
      }
    }
  }

  /** For the tapped leg: what was written for the caller to hear, and where. */
  agent(frame: PcmFrame, fromMs: number): void {
    for (const tap of this.#hearing) {
      try {
        tap.agent(frame, fromMs);
      } catch (error) {
        this.#failed(tap, error);
      }
    }
  }

  /** For the tapped leg: how far playing has come. It never falls. */
  played(playedMs: number): number {
    this.#playedMs = Math.max(this.#playedMs, playedMs);
    return this.#playedMs;
  }

  /** For the tapped leg: what lay unplayed is gone. */
  cleared(): void {
    for (const tap of this.#told) {
      try {
        tap.cleared(this.#playedMs);
      } catch (error) {
        this.#failed(tap, error);
      }
    }
  }

  #try<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      this.#failed(undefined, error);
      return undefined;
    }
  }

  #failed(tap: CallTap | undefined, error: unknown): void {
    this.#told = this.#told.filter((t) => t !== tap);
    this.#hearing = this.#hearing.filter((t) => t !== tap);
    this.#count('tap_failed');
    this.#log.error({ err: error }, 'a listener to the audio failed; it is told nothing more of this call');
  }
}

/** A caller's leg with the taps on both its directions. */
class TappedCaller implements CallerLeg {
  readonly kind: string;
  readonly rate: number;
  readonly audio: AudioSink;
  readonly playout: Playout;
  readonly #leg: CallerLeg;
  readonly #taps: Taps;
  /** Added to the leg's positions, ms. */
  #base: number;
  /** What the leg had accepted when it was last looked at, by its own count, ms. */
  #writtenMs = 0;
  /** Written position at which a write looks how far playing has come, ms. */
  #lookAt = 0;
  #attached = true;
  /** As `CallerLeg.cut`. */
  cut: CallerLeg['cut'] = undefined;
  /** How far it had played when it was last looked at, by its own count, ms. */
  #seenPlayedMs = 0;
  /** All that was written has been played: nothing moves before something is written. */
  #idle = false;

  constructor(leg: CallerLeg, taps: Taps, playedMs: number) {
    this.#leg = leg;
    this.#taps = taps;
    this.#writtenMs = leg.playout.writtenMs();
    this.#base = playedMs - leg.playout.playedMs();
    this.kind = leg.kind;
    this.rate = leg.rate;
    this.playout = leg.playout;
    this.audio = {
      sampleRate: leg.audio.sampleRate,
      write: (frame) => this.#write(frame),
      clear: () => this.#clear(),
      toString: () => leg.audio.toString(),
    };
  }

  setPace(pace: Pace): void {
    this.#leg.setPace?.(pace);
  }

  get onHold(): boolean {
    return this.#leg.onHold ?? false;
  }

  get cushionMs(): number | undefined {
    return this.#leg.cushionMs;
  }

  get cannot(): CallerLeg['cannot'] {
    return this.#leg.cannot;
  }

  sendDigit(digit: string): boolean {
    return this.#leg.sendDigit?.(digit) ?? false;
  }

  start(ctx: LegContext<CallerEvent>): Promise<void> {
    const { peer } = ctx;
    const tapped: AudioSink = {
      sampleRate: peer.sampleRate,
      write: (frame) => {
        if (this.#attached) this.#taps.caller(frame);
        peer.write(frame);
      },
      clear: () => peer.clear(),
      toString: () => peer.toString(),
    };
    return this.#leg.start({
      ...ctx,
      peer: tapped,
      emit: (event) => {
        // The line is gone, and with it what it had not played; or its positions begin anew.
        if (event.type === 'ended') this.detach();
        else if (event.type === 'stream_restarted') this.#restart();
        ctx.emit(event);
      },
    });
  }

  onAgent(event: AgentEvent): AgentEvent {
    return this.#leg.onAgent?.(event) ?? event;
  }

  close(end: Termination): Promise<void> {
    return this.#leg.close(end);
  }

  /** Position behind all that it was given and has not discarded, ms. */
  get writtenMs(): number {
    return this.#base + this.#writtenMs;
  }

  /** Reads how far playing has come; notices what the leg discarded by itself. */
  look(): void {
    if (!this.#attached || this.#idle) return;
    const played = this.#leg.playout.playedMs();
    this.#seenPlayedMs = played;
    this.#taps.played(this.#base + played);
    const written = this.#leg.playout.writtenMs();
    if (written < this.#writtenMs - SAME_MS) {
      this.#cutHere();
      this.#taps.cleared();
    }
    this.#writtenMs = written;
    this.#idle = played >= written;
  }

  /** No longer the call's caller. */
  detach(): void {
    if (!this.#attached) return;
    this.look();
    this.#attached = false;
    this.#cutHere();
    this.#taps.cleared();
  }

  /** What had not been played is gone; of what had all been nothing is. */
  #cutHere(): void {
    if (this.#idle) return;
    this.cut = { n: (this.cut?.n ?? 0) + 1, playedMs: this.#seenPlayedMs };
  }

  #write(frame: PcmFrame): void {
    if (!this.#attached) {
      this.#leg.audio.write(frame);
      return;
    }
    const { playout } = this.#leg;
    // A live source writes a hundred times a second: how far playing has come is asked for a tenth of it, unless something was discarded.
    const written = playout.writtenMs();
    if (written < this.#writtenMs - SAME_MS || written >= this.#lookAt) {
      this.look();
      this.#lookAt = this.#writtenMs + LOOK_MS;
    }
    this.#idle = false;
    const from = this.#writtenMs;
    this.#leg.audio.write(frame);
    this.#writtenMs = playout.writtenMs();
    // A leg that drops a frame (a line that takes nothing any more) does not move on: the caller will not hear it.
    if (this.#writtenMs > from) this.#taps.agent(frame, this.#base + from);
  }

  #clear(): void {
    this.look();
    this.#leg.audio.clear();
    this.#writtenMs = this.#leg.playout.writtenMs();
    this.#lookAt = 0;
    this.#cutHere();
    if (this.#attached) this.#taps.cleared();
  }

  #restart(): void {
    if (!this.#attached) return;
    this.#cutHere();
    this.#idle = false;
    this.#lookAt = 0;
    // The leg counts from zero again; what it had played is known from the last look.
    this.#base = this.#taps.played(0) - this.#leg.playout.playedMs();
    this.#writtenMs = this.#leg.playout.writtenMs();
    this.#taps.cleared();
  }
}
