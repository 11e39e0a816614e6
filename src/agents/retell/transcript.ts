import { z } from 'zod';
import type { Clock, Timer } from '../../call/clock.ts';
import type { StreamTold } from '../stream/session.ts';

/**
 * The conversation as it is told over and over: a list of who said what, all of it or the last lines alone, whose last line grows. What is new in each
 * list becomes the call's own events. https://docs.retellai.com/api-references/monitor-call-websocket
 */

interface Line {
  readonly role: 'caller' | 'agent';
  readonly text: string;
}

/** A line that is known, and how it was told. */
interface Known extends Line {
  readonly id: string;
  /** The words that it was last told whole with; undefined before it was. */
  whole: string | undefined;
}

/** A line that has not changed for so long is taken to be whole, ms: nobody may say anything behind it any more. */
const SETTLED_MS = 1_500;

const lines = z
  .array(z.looseObject({ role: z.string(), content: z.string() }).catch({ role: '', content: '' }))
  .max(5_000);

export interface FollowerOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Each list has all lines from the first on; else it may have the last ones alone. */
  readonly isWhole: boolean;
}

export class TranscriptFollower {
  readonly #told: Pick<StreamTold, 'transcript' | 'unreadable'>;
  readonly #o: FollowerOptions;
  readonly #lines: Known[] = [];
  #ids = 0;
  #settling: Timer | undefined;

  constructor(told: Pick<StreamTold, 'transcript' | 'unreadable'>, options: FollowerOptions) {
    this.#told = told;
    this.#o = options;
  }

  /** Takes a list. Lines of other roles (tools, steps of a flow) are passed over. */
  take(list: unknown): void {
    const parsed = lines.safeParse(list);
    if (!parsed.success) {
      this.#told.unreadable('a transcript of the agent’s could not be read');
      return;
    }
    const now = parsed.data.flatMap(({ role, content }): Line[] => {
      if (role === 'agent') return [{ role: 'agent', text: content }];
      return role === 'user' ? [{ role: 'caller', text: content }] : [];
    });
    if (now.length === 0) return;
    const isNew = this.#put(this.#o.isWhole ? 0 : this.#beginOf(now), now);
    // Whoever said something behind a line has ended it.
    this.#finish(this.#lines.slice(0, -1));
    if (isNew) this.#settle();
  }

  /** The agent has said what it had to say: its last line is whole, where it was the last to speak. */
  agentStopped(): void {
    if (this.#lines.at(-1)?.role === 'agent') this.end();
  }

  /** Nothing more is told, as far as is known: the last line is whole. */
  end(): void {
    this.close();
    this.#finish(this.#lines);
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#settling?.cancel();
  }

  /**
   * Which of the lines that are known the first of a list is. The last known may have changed; where others were changed as well the list begins where most of it is alike, and
   * who spoke is the same throughout.
   */
  #beginOf(list: readonly Line[]): number {
    const known = this.#lines;
    let best = { from: known.length, alike: 0 };
    for (let from = Math.max(0, known.length - list.length); from < known.length; from++) {
      const overlap = known.slice(from);
      if (overlap.some(({ role }, i) => role !== list[i]!.role)) continue;
      const alike = overlap.filter(({ text }, i) => isAlike(text, list[i]!.text)).length;
      const isExact = overlap.every(({ text, whole }, i) => {
        const mayChange = i === overlap.length - 1 && (whole === undefined || isAlike(text, list[i]!.text));
        return text === list[i]!.text || mayChange;
      });
      if (alike > 0 && isExact) return from;
      if (alike > best.alike) best = { from, alike };
    }
    if (best.alike > 0) return best.from;
    // Understood quite otherwise, and nothing was before it in the list.
    const last = known.at(-1);
    const isRevised = last !== undefined && last.whole === undefined && last.role === list[0]?.role;
    return isRevised ? known.length - 1 : known.length;
  }

  /** Puts a list in place of what is known from there on; a line that came between others, or went, moves no other's words. Whether anything is new. */
  #put(from: number, list: readonly Line[]): boolean {
    const old = this.#lines.splice(from);
    let at = 0;
    let isNew = false;
    for (const [i, line] of list.entries()) {
      const [here, behind, next] = [old[at], old[at + 1], list[i + 1]];
      let before: Known | undefined;
      if (here?.role === line.role) [before, at] = [here, at + 1];
      else if (behind !== undefined && isSame(behind, line)) [before, at] = [behind, at + 2];
      else if (here === undefined || next === undefined || !isSame(here, next)) at++;
      isNew = this.#add(line, before) || isNew;
    }
    return isNew;
  }

  /** Whether the line is new, or another than it was. */
  #add({ role, text }: Line, before: Known | undefined): boolean {
    const { id, whole, text: known } = before ?? { id: `line-${this.#ids++}`, whole: undefined, text: '' };
    this.#lines.push({ role, text, id, whole });
    if (text === known) return before === undefined;
    // What was understood anew is told when it is whole, as is whatever changes behind that.
    if (whole === undefined && text.startsWith(known)) this.#told.transcript(role, text.slice(known.length), false, id);
    return true;
  }

  #settle(): void {
    this.#settling?.cancel();
    this.#settling = this.#o.clock.after(SETTLED_MS, () => this.#finish(this.#lines));
  }

  /** Tells lines whole that were not, or have changed since. */
  #finish(some: readonly Known[]): void {
    for (const line of some) {
      const { role, text, id, whole } = line;
      if (text === (whole ?? '')) continue;
      line.whole = text;
      this.#told.transcript(role, text, true, id);
    }
  }
}

/** Whether one text may be what became of the other: it is the same, or goes on. */
const isAlike = (one: string, other: string): boolean =>
  one !== '' && other !== '' && (one.startsWith(other) || other.startsWith(one));

const isSame = (one: Line, other: Line): boolean => one.role === other.role && isAlike(one.text, other.text);
