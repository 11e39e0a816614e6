import type { MemorySpace, ProcessMemory } from '../memory/memory.ts';
import { type Alias, aliasKey, type Owned } from './fleet.ts';

/**
 * Which instance has which call, by each of its names. An entry names its instance, whose lease says whether that lives; so nothing is renewed while
 * a call goes on. One that is over is remembered for ten minutes: its carrier may ask what comes next, or tell its news late.
 */

/** Longer than any call may last, ms. */
const RUNNING_MS = 25 * 3_600_000;
const AFTER_END_MS = 600_000;
const MOST = 100_000;

interface Entry {
  readonly instance: string;
  readonly callId: string;
}

interface Name {
  readonly key: string;
  readonly entry: Entry;
  /** What was asked of the memory for it last. */
  work: Promise<unknown>;
}

/** Most names in one command. */
const AT_ONCE = 200;

export class Owners {
  readonly #self: string;
  readonly #space: MemorySpace<Entry>;
  /** The names of calls that go on here. */
  readonly #mine = new Map<string, Name>();
  /** Names that the memory is told of together, in a moment: a call's are known one after the other. */
  #untold: Name[] = [];

  constructor(self: string, memory: Pick<ProcessMemory, 'space'>) {
    this.#self = self;
    this.#space = memory.space({ name: 'owners', most: MOST });
  }

  own(callId: string, aliases: readonly Alias[]): Owned {
    // Of this holding: another part of this instance may hold the same call by the same names.
    const names = new Map<string, Name>();
    const entry = { instance: this.#self, callId };
    const add = (alias: Alias) => {
      const key = aliasKey(alias);
      const name: Name = { key, entry, work: Promise.resolve() };
      names.set(key, name);
      this.#mine.set(key, name);
      if (this.#untold.length === 0) queueMicrotask(() => this.#tell(this.#untold.splice(0)));
      this.#untold.push(name);
    };
    for (const alias of [{ kind: 'call', id: callId } as const, ...aliases]) add(alias);
    return {
      add,
      leave: (alias) => {
        const name = names.get(aliasKey(alias));
        names.delete(aliasKey(alias));
        if (name !== undefined) this.#release([name]);
      },
      handOver: () => {
        for (const name of names.values()) if (this.#mine.get(name.key) === name) this.#mine.delete(name.key);
        names.clear();
      },
      release: () => {
        this.#release([...names.values()]);
        names.clear();
      },
    };
  }

  /** Who has the call of this name: this instance by what it knows itself, another by the memory. Rejects where that fails. */
  async find(alias: Alias): Promise<Entry | undefined> {
    const key = aliasKey(alias);
    return this.#mine.get(key)?.entry ?? (await this.#space.get(key));
  }

  /** The memory may have forgotten: tells it all names again. */
  tellAgain(): void {
    this.#tell([...this.#mine.values()]);
  }

  #tell(told: readonly Name[]): void {
    // What is over before anybody could have asked for it is told to nobody.
    const names = told.filter((name) => this.#mine.get(name.key) === name);
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE);
      const entries = some.map(({ key, entry }) => ({ key, value: entry }));
      const work = before(some).then(() => this.#space.putAll(entries, RUNNING_MS));
      // Where it cannot be told now it is told when the memory is back.
      for (const name of some) name.work = work.catch(() => {});
    }
  }

  #release(held: readonly Name[]): void {
    const names = held.filter((name) => this.#mine.get(name.key) === name);
    if (names.length === 0) return;
    for (const { key } of names) this.#mine.delete(key);
    // Another instance that has taken the call on keeps the name.
    const same = names.map(({ key, entry }) => ({ key, expected: entry, value: entry }));
    void before(names)
      .then(() => this.#space.replaceAll(same, AFTER_END_MS))
      .catch(() => {});
  }
}

/** What was asked for these names so far is done. */
const before = (names: readonly Name[]) => Promise.all(names.map(({ work }) => work));
