import type { ProcessMemory } from '../../src/memory/memory.ts';

/** What a daemon asks of the memory that instances share. */
export interface Asked {
  /** When, ms. */
  readonly at: number;
  readonly form: 'space' | 'window' | 'leases' | 'channel';
  readonly options: { readonly name: string; readonly ms?: number; readonly most?: number };
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The same memory; all that is asked of it is told to `asked`. */
export function traced(memory: ProcessMemory, asked: (one: Asked) => void): ProcessMemory {
  const watch = <F extends object>(form: Asked['form'], options: Asked['options'], of: F): F =>
    new Proxy(of, {
      get(target, method) {
        const value = Reflect.get(target, method);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (method !== 'subscribe') asked({ at: performance.now(), form, options, method: String(method), args });
          return value.apply(target, args);
        };
      },
    });
  return {
    space: (options) => watch('space', options, memory.space(options)),
    window: (options) => watch('window', options, memory.window(options)),
    leases: (options) => watch('leases', options, memory.leases(options)),
    channel: (options) => watch('channel', options, memory.channel(options)),
    get state() {
      return memory.state;
    },
    onState: (changed) => memory.onState(changed),
    close: () => memory.close(),
  };
}

type Method = (...args: unknown[]) => unknown;

/** Asks another memory the same, as call number `n` of many: what was the traced call's own is this one's. */
export async function replay(memory: ProcessMemory, { form, options, method, args }: Asked, n: number): Promise<void> {
  const own = (text: unknown) => `${text}#${n}`;
  const entry = (one: { key: string }) => ({ ...one, key: own(one.key) });
  const lease = (one: { group: string; id: string }) => ({
    ...one,
    // One limit counts all calls; the others have groups of their own.
    group: one.group.startsWith('caller') ? own(one.group) : one.group,
    id: own(one.id),
    most: Number.MAX_SAFE_INTEGER,
  });
  const changed =
    form === 'space'
      ? [Array.isArray(args[0]) ? args[0].map(entry) : own(args[0]), ...args.slice(1)]
      : form === 'leases' && Array.isArray(args[0])
        ? [args[0].map(lease), ...args.slice(1)]
        : args;
  const of = memory[form](options as never) as unknown as Readonly<Record<string, Method>>;
  await of[method]?.(...changed);
}
