/**
 * What the agent owes the caller. A caller who stopped speaking, a tool's result or an order (a greeting, words of an operator's) is to be
 * followed by words, and only words that were **heard** settle that: not a response that began, not one that says it is completed. The
 * debt's age counts from what it is owed for and never starts anew with a response; what the caller hears meanwhile is what he waited for.
 * Pure: times come with each call, in ms of one clock, and what is due is asked for.
 */

export interface DebtLimits {
  /** Silence after which the caller is to be told that it takes a moment. */
  readonly coverMs: number;
  /** No response has begun: asked again, once. Also the patience with one that fell silent in the middle of its words. */
  readonly askMs: number;
  /** A response runs and has said nothing: cancelled, and asked again. A model that thinks is not to be hurried. */
  readonly retryMs: number;
  /** What was said does not come out: how long the caller's side may hold it. */
  readonly unheardMs: number;
  /** Silence after which the agent is given up. */
  readonly endMs: number;
}

/** What is to be done now. */
export type Due = 'cover' | 'ask' | 'retry' | 'unheard' | 'end';

/** A silence that goes on is covered again after this time, ms. */
const COVER_AGAIN_MS = 6_000;
/** A tool's result is answered within this time as a rule: who waited for the tool is not told to wait a moment before the answer, ms. */
const COVER_LEAST_MS = 1_000;

type Stage =
  /** Nothing answers yet. */
  | 'asked'
  /** A response runs. */
  | 'running'
  /** It has said all, and that is to be heard. */
  | 'said'
  /** Whoever asks knows a time to ask again. */
  | 'resting';

interface Run {
  over: boolean;
  heard: boolean;
}

export class AnswerDebt {
  readonly #limits: DebtLimits;
  /** Responses that may settle it, by id. */
  readonly #runs = new Map<string, Run>();
  #since: number | undefined;
  /** Somebody waits for it, as far as is known here: a response that the server began by itself nobody needs to be told to wait for. */
  #awaited = false;
  /** Since when the caller hears nothing, over the tools of one turn. */
  #quietSince: number | undefined;
  #movedAt = 0;
  #coverAt = 0;
  #stage: Stage = 'asked';
  #askedAgain = false;
  #speaking = false;
  #away = false;
  /** Tries that came to nothing. */
  #tries = 0;

  constructor(limits: DebtLimits) {
    this.#limits = limits;
  }

  /** Whether something is owed. */
  get owed(): boolean {
    return this.#since !== undefined;
  }

  /** How long the caller has heard nothing of what he waits for, ms. */
  silentMs(now: number): number {
    return this.#since === undefined ? 0 : now - Math.max(this.#since, this.#quietSince ?? this.#since);
  }

  /** How long the caller may still be kept waiting, ms. */
  leftMs(now: number): number {
    return this.#limits.endMs - this.silentMs(now);
  }

  /** Something is owed from now on. What is owed already does not become younger. */
  owe(now: number): void {
    if (this.#speaking) return;
    if (this.#since === undefined) this.#begin(now);
    else if (this.#stage === 'resting') this.#stage = 'asked';
    this.#awaited = true;
    this.#movedAt = now;
  }

  /** The caller speaks: what was owed is for his next turn to say. */
  callerSpeaks(): void {
    this.#forget();
    this.#quietSince = undefined;
    this.#runs.clear();
    this.#speaking = true;
  }

  /**
   * The caller is done speaking, `quietMs` ago as far as that is known here. `answered`: an answer is owed for it; a response that began while
   * he was still taken to be speaking is that answer.
   */
  callerStopped(now: number, answered: boolean, quietMs = 0): void {
    this.#speaking = false;
    if (!answered) return;
    this.#quietSince = now - quietMs;
    this.owe(now);
    for (const [id, run] of this.#runs) {
      if (run.heard && run.over) this.settle();
      else if (run.over) this.over(id, now);
      else this.#stage = 'running';
    }
  }

  /** A response began. */
  begun(id: string, now: number): void {
    this.#runs.set(id, { over: false, heard: false });
    if (this.#speaking) return;
    if (this.#since === undefined) this.#begin(now);
    this.#stage = 'running';
    this.#movedAt = now;
  }

  /** A response puts something out. */
  progress(now: number): void {
    this.#movedAt = now;
  }

  /** The response that has said all and was not heard yet; undefined for none. */
  get unplayed(): string | undefined {
    for (const [id, run] of this.#runs) if (run.over && !run.heard) return id;
    return undefined;
  }

  /** Whether this response is to settle what is owed. */
  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** A response is over and has said something: it is to be heard. */
  over(id: string, now: number): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.over = true;
    if (this.#since === undefined) return;
    if (run.heard) {
      this.settle();
      return;
    }
    this.#stage = 'said';
    this.#movedAt = now;
  }

  /** A response came to nothing, and another is to be asked for. Returns how many have by now. */
  failed(id: string | undefined): number {
    if (id !== undefined) this.#runs.delete(id);
    this.#stage = 'resting';
    return ++this.#tries;
  }

  /** A response is none of the debt's any more: we cancelled it. */
  drop(id: string, now: number): void {
    if (!this.#runs.delete(id) || this.#stage !== 'running') return;
    this.#stage = 'asked';
    this.#movedAt = now;
  }

  /** The caller hears the agent, or has heard it up to now: words of this response. */
  heard(id: string, now: number): void {
    if (this.#since !== undefined) this.#quiet(now);
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.heard = true;
    if (run.over && this.#since !== undefined) this.settle();
  }

  /** A tool runs, and goes on with the turn: what follows it is owed when its result is in. */
  toolRuns(): void {
    this.#forget();
    this.#runs.clear();
  }

  /** Nothing is owed. */
  settle(): void {
    this.#forget();
    this.#quietSince = undefined;
    this.#runs.clear();
  }

  /** The session is gone, and with it what it had not said. */
  lost(now: number): void {
    for (const [id, run] of this.#runs) if (!run.over) this.#runs.delete(id);
    this.#speaking = false;
    if (this.#stage !== 'running') return;
    this.#stage = 'asked';
    this.#movedAt = now;
  }

  /** Whether somebody is there to be owed anything. */
  listened(there: boolean, now: number): void {
    if (!there) this.settle();
    else if (this.#away && this.#since !== undefined) {
      // Nobody has waited while nobody was there.
      this.#since = undefined;
      this.#quietSince = undefined;
      this.owe(now);
    }
    this.#away = !there;
  }

  /** When `look` has something to say at the earliest, ms; undefined for never, as things stand. */
  get dueAt(): number | undefined {
    const times = this.#times();
    return times.length === 0 ? undefined : Math.min(...times.map(([, at]) => at));
  }

  /** What is due; each thing is said once, and the worst of several first. */
  look(now: number): Due | undefined {
    const due = this.#times().find(([, at]) => now >= at)?.[0];
    if (due === 'cover') this.#coverAt = now + COVER_AGAIN_MS;
    else if (due === 'ask') this.#askedAgain = true;
    if (due !== undefined && due !== 'cover') this.#movedAt = now;
    return due;
  }

  #times(): Array<readonly [Due, number]> {
    const { coverMs, askMs, retryMs, unheardMs, endMs } = this.#limits;
    if (this.#since === undefined || this.#away) return [];
    const times: Array<readonly [Due, number]> = [];
    const quietSince = Math.max(this.#since, this.#quietSince ?? this.#since);
    times.push(['end', quietSince + endMs]);
    switch (this.#stage) {
      case 'asked':
        if (!this.#askedAgain) times.push(['ask', this.#movedAt + askMs]);
        break;
      case 'running': {
        const spoke = [...this.#runs.values()].some((run) => run.heard);
        // It is not standing still while the caller hears what it said before.
        times.push(['retry', Math.max(this.#movedAt, quietSince) + (spoke ? Math.min(askMs, retryMs) : retryMs)]);
        break;
      }
      case 'said':
        times.push(['unheard', Math.max(this.#movedAt, quietSince) + unheardMs]);
        break;
      case 'resting':
        break;
      default:
        this.#stage satisfies never;
    }
    if (this.#awaited && coverMs > 0) times.push(['cover', this.#coverAt]);
    return times;
  }

  #begin(now: number): void {
    this.#since = now;
    this.#quietSince ??= now;
    this.#stage = 'asked';
    this.#askedAgain = false;
    this.#tries = 0;
    this.#movedAt = now;
    const { coverMs } = this.#limits;
    this.#coverAt = Math.max(this.#quietSince + coverMs, now + Math.min(coverMs, COVER_LEAST_MS));
  }

  #quiet(now: number): void {
    this.#quietSince = now;
    this.#coverAt = Math.max(this.#coverAt, now + this.#limits.coverMs);
  }

  #forget(): void {
    this.#since = undefined;
    this.#awaited = false;
  }
}
