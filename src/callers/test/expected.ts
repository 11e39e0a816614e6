import { hasWords } from '../../measure/spelling.ts';
import { BoundedPattern } from './bounded-pattern.ts';
import type { Ear } from './ear.ts';
import type { Step } from './steps.ts';
import { includes, type Told } from './told.ts';

type Wanted = Extract<Step, { do: 'expect' }>['expect'];

/** What a step says of the agent, for people. */
export function describe(what: Readonly<Record<string, unknown>>): string {
  const named = Object.entries(what).filter(([, value]) => value !== undefined);
  return named
    .map(([key, value]) => {
      if (value === true) return key;
      if (value instanceof BoundedPattern)
        return `${key} ${value}${value.gaveUp ? ' (which takes too long: given up)' : ''}`;
      return `${key === 'state' ? '' : `${key} `}${typeof value === 'string' ? (key === 'state' ? value : `"${value}"`) : JSON.stringify(value)}`;
    })
    .join(', ');
}

/** How it is seen in what was said whether it has what is wanted of it; undefined where that is nothing about words. */
export function wordsIn({
  words,
  matches,
}: Pick<Wanted, 'words' | 'matches'>): ((said: string) => boolean) | undefined {
  if (words !== undefined) return (said) => hasWords(said, words);
  return matches && ((said) => matches.test(said));
}

/** Whether what is expected of the agent is so just now. */
export class Expected {
  readonly #wanted: Wanted;
  readonly #ear: Ear;
  readonly #told: Told;

  constructor(wanted: Wanted, ear: Ear, told: Told) {
    this.#wanted = wanted;
    this.#ear = ear;
    this.#told = told;
  }

  /** False where it is about words, and the agent never told any. */
  get tellsWords(): boolean {
    const { words, matches } = this.#wanted;
    return (words === undefined && matches === undefined) || this.#told.tellsWords;
  }

  isSo(): boolean {
    const { words, matches, tool, arguments: args = {}, speech, silence_ms: silence } = this.#wanted;
    if (words !== undefined) return this.#told.has(words);
    if (matches !== undefined) return matches.test(this.#told.text);
    if (tool !== undefined)
      return this.#told.tools.some((called) => called.name === tool && includes(called.arguments, args));
    if (speech) return this.#ear.hasWord;
    // Of a call that is over no frame comes: that the agent hung up is seen by the end of it.
    return silence !== undefined && this.#ear.quietMs >= silence;
  }
}
