import { test } from 'vitest';
import type { Rig } from './rig.ts';

export type Own = <T extends Pick<Rig, 'close'>>(rig: T) => T;

/** A test that owns rigs: each given to `own` is closed when the test is over, also when tests run side by side. */
export const rigTest = test.extend<{ own: Own }>({
  // biome-ignore lint/correctness/noEmptyPattern: the first argument must be a destructuring pattern.
  own: async ({}, use) => {
    const owned: Array<Pick<Rig, 'close'>> = [];
    await use((rig) => {
      owned.push(rig);
      return rig;
    });
    await Promise.all(owned.map((rig) => rig.close()));
  },
});
