import { type MemorySpace, memoryUnavailable } from './memory.ts';

/** What becomes of an entry: another value, nothing (`forget`), or undefined: it stays as it is. */
export type Change<T> = { readonly value: T; readonly ttlMs: number } | 'forget' | undefined;

/** How often others may have been quicker before that is no chance any more. */
const TRIES_MOST = 50;

/**
 * Makes of an entry what `change` says of it, though others change it too: what was read and is no longer so is read again, and `change` asked
 * again, so it must do nothing else. Resolves with the entry as it is then. `known`: what it was when it was read or made last, which spares reading it.
 */
export async function changeEntry<T>(
  space: MemorySpace<T>,
  key: string,
  change: (now: T | undefined) => Change<T>,
  known?: { readonly entry: T | undefined },
): Promise<T | undefined> {
  let now: T | undefined = known === undefined ? await space.get(key) : known.entry;
  for (let tries = 0; tries < TRIES_MOST; tries++) {
    const next = change(now);
    if (next === undefined) return now;
    if (next === 'forget') {
      if (now === undefined || (await space.delete(key, now))) return undefined;
      now = await space.get(key);
    } else if (now === undefined) {
      const put = await space.putIfAbsent(key, next.value, next.ttlMs);
      if (put.put) return next.value;
      if (put.there === undefined) throw memoryUnavailable('it is full');
      now = put.there;
    } else {
      if (await space.replace(key, now, next.value, next.ttlMs)) return next.value;
      now = await space.get(key);
    }
  }
  throw memoryUnavailable('an entry never stays as it was read');
}
