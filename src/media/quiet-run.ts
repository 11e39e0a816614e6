/** Silence shorter than this may lie inside a word (a stop consonant), ms. */
export const WITHIN_WORD_MS = 60;

/** How long what goes out has been quiet, for whoever wins time back in pauses: of a closure inside a word nothing may be left out. */
export class QuietRun {
  #ms = 0;

  /** Whether it has been quiet for longer than words are inside: more of it may be left out. */
  get isPause(): boolean {
    return this.#ms >= WITHIN_WORD_MS;
  }

  /** Takes what goes out next. */
  add(quiet: boolean, ms: number): void {
    this.#ms = quiet ? this.#ms + ms : 0;
  }

  /** What comes next is not behind this. */
  reset(): void {
    this.#ms = 0;
  }
}
