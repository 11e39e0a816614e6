import type { Clock } from '../../src/call/clock.ts';
import { HourLimit } from '../../src/memory/hour-limit.ts';
import type { MemoryPort } from '../../src/memory/ipc-wire.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import type { MemoryState, ProcessMemory } from '../../src/memory/memory.ts';
import { type Around, memoryThrough as through } from '../../src/memory/through.ts';
import { FakeClock } from './clock.ts';

/** A limit by the hour that nothing else counts for. */
export const hourLimit = (most: number, clock: Pick<Clock, 'now'> = new FakeClock()): HourLimit =>
  new HourLimit(most, new LocalMemory({ clock }), 'orders-hour');

/** What orders are counted by, where nobody else counts. */
export function orderLimits(perHour: number, clock: Pick<Clock, 'now'> = new FakeClock()) {
  const leases = new LocalMemory({ clock }).leases<string>({ name: 'orders' });
  return { hourly: hourLimit(perHour, clock), leases, instance: 'here' };
}

/** A memory each of whose calls goes through `around`. */
export const memoryThrough = (
  around: Around,
  inner: ProcessMemory = new LocalMemory({ clock: new FakeClock() }),
): ProcessMemory => through(inner, around);

/** One that can be switched off and on: while it is off, all it is asked for fails and nothing of it is done. */
export function failingMemory(inner?: ProcessMemory): { readonly memory: ProcessMemory; fails: boolean } {
  const state = { fails: true };
  const memory = memoryThrough(async (work) => {
    if (state.fails) throw new Error('the memory is gone');
    return work();
  }, inner);
  return Object.assign(state, { memory });
}

/** One that is shared with others: `gone` and `back` change its state, and what is asked of it meanwhile fails. `forget` empties it. */
export function sharedMemory(clock: FakeClock) {
  const watchers = new Set<(state: MemoryState) => void>();
  let state: MemoryState = 'here';
  /** Fails the next of what is asked, after it was done or without. */
  let failing: 'before' | 'after' | undefined;
  let inner = new LocalMemory({ clock });
  const forms = () =>
    through(inner, async (asked) => {
      const fails = failing;
      failing = undefined;
      if (state === 'away' || fails === 'before') throw new Error('the memory is gone');
      const done = await asked();
      if (fails === 'after') throw new Error('no answer');
      return done;
    });
  const change = (to: MemoryState) => () => {
    state = to;
    for (const one of [...watchers]) one(to);
  };
  const memory: ProcessMemory = {
    space: <T>(options: Parameters<ProcessMemory['space']>[0]) => latest(() => forms().space<T>(options)),
    window: (options) => latest(() => forms().window(options)),
    leases: <T>(options: Parameters<ProcessMemory['leases']>[0]) => latest(() => forms().leases<T>(options)),
    channel: (options) => inner.channel(options),
    get state() {
      return state;
    },
    onState: (changed) => {
      watchers.add(changed);
      return () => void watchers.delete(changed);
    },
    close: async () => {},
  };
  return {
    memory,
    gone: change('away'),
    back: change('here'),
    fail: (when: 'before' | 'after') => {
      failing = when;
    },
    forget: () => {
      inner = new LocalMemory({ clock });
    },
    /** As another instance sees it. */
    get theirs(): ProcessMemory {
      return inner;
    },
  };
}

/** A form of whichever memory there is when it is asked. */
const latest = <F extends object>(form: () => F): F =>
  new Proxy({} as F, { get: (_, name) => (form() as Record<string | symbol, unknown>)[name] });

/** One that never answers. */
export const silentMemory = (): ProcessMemory => memoryThrough(() => new Promise(() => {}));

/** Whose calls are done, and answered, in an order that is drawn: `turn` resolves when it is one's turn. */
export const shuffledMemory = (turn: () => Promise<unknown>, inner?: ProcessMemory): ProcessMemory =>
  memoryThrough(async (work) => {
    await turn();
    const done = await work();
    await turn();
    return done;
  }, inner);

/** The two ends of a way between processes: messages are copied as JSON, and come later. `close` ends it for both, `hold` keeps messages back until it is released. */
export function memoryPorts(): [MemoryPort & { close(): void }, MemoryPort & { hold(): () => void }] {
  const heard: Array<Array<(message: unknown) => void>> = [[], []];
  const closed: Array<() => void> = [];
  let held: Array<() => void> | undefined;
  const end = (own: 0 | 1): MemoryPort => ({
    send: (message) => {
      const text = JSON.stringify(message);
      const deliver = () => {
        for (const one of heard[1 - own] ?? []) one(JSON.parse(text));
      };
      queueMicrotask(() => (held === undefined ? deliver() : held.push(deliver)));
    },
    onMessage: (one) => void heard[own]?.push(one),
    onClose: (one) => void closed.push(one),
  });
  const close = () => {
    for (const one of closed.splice(0)) one();
  };
  const hold = () => {
    held = [];
    return () => {
      const all = held ?? [];
      held = undefined;
      for (const deliver of all) deliver();
    };
  };
  return [
    { ...end(0), close },
    { ...end(1), hold },
  ];
}
