/**
 * How long a worker with rooms may say nothing, ms: it speaks fifty times a second. On a machine that has far too much to do one was silent for 6 s, and would have gone on; its end is the
 * end of all its calls, so only one that hangs is ended.
 */
export const DUMB_MS = 20_000;
/** Looks in a row, one a second, in which nothing was heard of it until it gets no new rooms: who waits for one is not to wait for it as well. */
const SILENT_LOOKS = 2;

/** Whether a worker that holds rooms still speaks, as whoever looks at it once a second sees it. Pure but for the time it is given. */
export class SignsOfLife {
  #heardAt: number;
  #silentLooks = 0;
  /** It was dumb at the last look: once more, and it hangs. */
  #suspect = false;

  constructor(now: number) {
    this.#heardAt = now;
  }

  /** Something came from it. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#silentLooks = 0;
  }

  /** Whether it spoke lately, or has no reason to. Counted in looks: where it is this process that stood still, what the worker said meanwhile is read before the next one. */
  get answers(): boolean {
    return this.#silentLooks < SILENT_LOOKS;
  }

  /** Looks once. `speaks`: it has rooms, and so something to say. True where it hangs: once more than it seems, since it may be this process that stood still. */
  look(now: number, speaks: boolean): boolean {
    this.#silentLooks = speaks ? this.#silentLooks + 1 : 0;
    const isDumb = speaks && now - this.#heardAt > DUMB_MS;
    const hangs = isDumb && this.#suspect;
    this.#suspect = isDumb;
    return hangs;
  }
}
