import { link } from '../media/link.ts';
import type { Clock } from './clock.ts';
import { Comfort, type ComfortSounds } from './comfort.ts';
import type { AgentEvent, AnswerDelay, Heard, RingingTone } from './events.ts';
import type { Journal } from './journal.ts';
import type { AgentLeg, CallerLeg, Log } from './leg.ts';
import { Patch } from './patch.ts';
import { PlayoutLedger } from './playout.ts';
import type { Ticker } from './ticker.ts';
import { AudioWatchdog } from './watchdog.ts';

export interface DownlinkOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly ticker: Pick<Ticker, 'subscribe'>;
  readonly agent: Pick<AgentLeg, 'rate' | 'interrupt' | 'heard' | 'listened' | 'heardAgain'>;
  readonly journal: Pick<Journal, 'count' | 'tell'>;
  readonly log: Pick<Log, 'error'>;
  /** What a caller hears who waits for an answer; undefined for nothing. */
  readonly comfort?: ComfortSounds | undefined;
  /** Both audio paths in words. */
  readonly path: () => string;
}

/**
 * What the agent says, on its way to the caller: the cable that can be plugged, the ledger of what is in play on the caller's leg, and the watchdog
 * over both. It knows what was heard when something cuts in.
 */
export class Downlink {
  /** What the agent's leg writes to. */
  readonly patch: Patch;
  readonly #options: DownlinkOptions;
  readonly #ledger = new PlayoutLedger();
  readonly #watchdog: AudioWatchdog;
  readonly #comfort: Comfort;
  #caller: CallerLeg | undefined;
  #joinedAt: number | undefined;
  #plugged = false;
  #spoke = false;
  /** Somebody else speaks with the caller: what the agent says is heard by nobody. */
  #muted = false;
  /** Somebody is being called who is to answer: what is heard meanwhile. */
  #ringing: RingingTone | undefined;

  constructor(options: DownlinkOptions) {
    this.#options = options;
    this.patch = new Patch(options.agent.rate);
    this.#watchdog = new AudioWatchdog(this.patch);
    this.#comfort = new Comfort({ patch: this.patch, ticker: options.ticker, sounds: options.comfort });
  }

  /** Whether anything of the agent's is being written, or not yet played to its end. */
  get inPlay(): boolean {
    return this.#caller !== undefined && this.#ledger.inPlay(this.#caller.playout.playedMs());
  }

  /** Plugs it into a caller's leg, in the place of an earlier one. */
  connect(caller: CallerLeg): void {
    this.#ledger.cut();
    this.#joinedAt ??= this.#options.clock.now();
    this.#caller = caller;
    this.#plug(caller);
    if (this.#ringing !== undefined && !this.#muted) this.#comfort.ring(caller, this.#ringing);
  }

  /** The caller's leg is started and plays what it is given: the agent is listened to from now on. */
  listened(caller: CallerLeg): void {
    if (this.#caller === caller) this.#options.agent.listened?.(true);
  }

  /** Somebody is being called who is to answer: whoever is on the line, or comes to it, hears this until `answered`. */
  ring(tone: RingingTone): void {
    if (this.#ringing === tone) return;
    this.#ringing = tone;
    if (this.#caller !== undefined && this.#plugged) this.#comfort.ring(this.#caller, tone);
  }

  /** Nobody is being called any more: he speaks, or he does not come. */
  answered(): void {
    if (this.#ringing === undefined) return;
    this.#ringing = undefined;
    this.#comfort.end();
    // What lies at the carrier of it would be in front of all that he says.
    if (this.#plugged) this.patch.clear();
  }

  /** Somebody else speaks with the caller from now on: what lies unplayed is discarded, and what the agent still says is heard by nobody, as it is told. */
  mute(): void {
    if (this.cutIn() === undefined) this.#options.agent.interrupt([]);
    this.#comfort.end();
    this.#muted = true;
    this.unplug();
  }

  /** The agent speaks with the caller again. */
  unmute(): void {
    this.#muted = false;
    if (this.#caller !== undefined) this.#plug(this.#caller);
  }

  #plug(caller: CallerLeg): void {
    if (this.#muted) return;
    const before = this.#plugged;
    this.#plugged = true;
    this.patch.connect(link(this.patch.sampleRate, caller.audio));
    if (!before) this.#options.agent.heardAgain?.();
  }

  /** Pulls the cable: what the agent says from now on is heard by nobody. What was written is still played. */
  unplug(): void {
    this.#comfort.end();
    this.#plugged = false;
    this.patch.connect(undefined);
  }

  /** The line broke: the model is told what was heard of what was in play. */
  broken(): void {
    this.unplug();
    const caller = this.#caller;
    this.#caller = undefined;
    if (caller !== undefined)
      this.#options.agent.interrupt(this.#ledger.heard(caller.playout.playedMs(), caller.playout.writtenMs()));
    this.#ledger.cut();
    this.#watchdog.disarm();
    this.#options.agent.listened?.(false);
  }

  /**
   * The caller waits for an answer: a sound tells him that the line lives, or words that it takes a moment. Not where something is in play, or nobody is there. `live`: the
   * agent's frames come all the time, and are silence now.
   */
  comfort(why: AnswerDelay, live: boolean): boolean {
    const caller = this.#caller;
    if (caller === undefined || !this.#plugged || this.inPlay || this.patch.laid) return false;
    return this.#comfort.play(caller, why, live);
  }

  /** The carrier began its stream anew: what it held unplayed is gone, and positions begin again. */
  restarted(): void {
    this.#ledger.cut();
  }

  /** An item's first frame is about to be written. */
  begin(item: Extract<AgentEvent, { type: 'audio_started' }>): void {
    if (this.#caller === undefined) return;
    const { clock, journal, agent } = this.#options;
    if (this.#muted) {
      const { itemId, contentIndex, responseId } = item;
      agent.interrupt([{ itemId, contentIndex, responseId, heardMs: 0, writtenMs: 0 }]);
      return;
    }
    this.#comfort.giveWay();
    this.#ledger.begin(item, this.#caller.playout.writtenMs());
    const now = clock.now();
    this.#watchdog.arm(now);
    if (this.#spoke || this.#joinedAt === undefined) return;
    this.#spoke = true;
    journal.tell({ type: 'first_agent_audio', sinceJoinMs: now - this.#joinedAt });
  }

  /** All audio of the item was written. */
  done(itemId: string): void {
    this.#ledger.end(itemId, this.#caller?.playout.writtenMs() ?? 0);
    this.#check(this.#options.clock.now(), true);
  }

  tick(now: number): void {
    this.#check(now, false);
    const caller = this.#caller;
    if (caller === undefined || this.#ledger.isEmpty) return;
    const { playout } = caller;
    for (const part of this.#ledger.news(playout.playedMs(), playout.writtenMs())) this.#options.agent.heard?.(part);
  }

  /**
   * The caller cuts in: what is queued is discarded at the carrier first, then the model learns what was heard. Undefined when all had been
   * heard already; else how long the discarding took us, ms. `keeps`: nothing is discarded, and it is only told what was heard by now.
   */
  cutIn(keeps = false): { readonly heard: readonly Heard[]; readonly clearMs: number } | undefined {
    const caller = this.#caller;
    if (caller === undefined) return undefined;
    const { clock, agent } = this.#options;
    const began = clock.now();
    const playedMs = caller.playout.playedMs();
    if (!this.#ledger.inPlay(playedMs)) {
      this.#hush();
      return undefined;
    }
    const heard = this.#ledger.heard(playedMs, caller.playout.writtenMs());
    if (keeps) return { heard, clearMs: 0 };
    this.patch.clear();
    const clearMs = clock.now() - began;
    agent.interrupt(heard);
    this.#ledger.cut();
    this.#watchdog.disarm();
    return { heard, clearMs };
  }

  /** A sound for one who waits is none for one who speaks. */
  #hush(): void {
    this.#comfort.stop();
    if (this.patch.laid) this.patch.clear();
  }

  #check(now: number, done: boolean): void {
    const kind = this.#watchdog.check(now, done);
    if (kind === undefined || !this.#plugged) return;
    const { journal, log, path } = this.#options;
    const audioPath = path();
    journal.count(kind === 'missing' ? 'agent_audio_missing' : 'agent_audio_silent');
    log.error({ kind, audioPath }, 'the model answers but the caller hears nothing');
    journal.tell({ type: 'audio_alarm', kind, audioPath });
  }
}
