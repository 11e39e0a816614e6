import { describe, expect, it } from 'vitest';
import { type Preview, Trial } from '../../../web/phone/devices.js';

/** Microphones that open when the person has allowed them. */
function microphones() {
  const waiting: Array<() => void> = [];
  const open = new Set<string>();
  const trial = new Trial(
    ({ microphoneId = '' }) =>
      new Promise<Preview>((resolve) => {
        waiting.push(() => {
          open.add(microphoneId);
          resolve({
            level: -20,
            problem: undefined,
            close: () => void open.delete(microphoneId),
          } as unknown as Preview);
        });
      }),
  );
  const start = (microphoneId: string) => trial.start({ processing: true, microphoneId });
  return { trial, start, open, allow: () => waiting.shift()?.() };
}

describe('a microphone that is being tried', () => {
  it('is open until it is stopped', async () => {
    const { trial, start, open, allow } = microphones();
    const opening = start('a');
    expect([trial.active, trial.level]).toEqual([true, -100]);
    allow();
    expect(await opening).toBeDefined();
    expect([trial.active, trial.level, [...open]]).toEqual([true, -20, ['a']]);
    trial.stop();
    expect([trial.active, trial.level, [...open]]).toEqual([false, -100, []]);
  });

  it('is one alone, however often it is asked for before the first is there', async () => {
    const { start, open, allow } = microphones();
    const all = [start('a'), start('b')];
    allow();
    allow();
    expect((await Promise.all(all)).map((one) => one !== undefined)).toEqual([false, true]);
    expect([...open]).toEqual(['b']);
  });

  it('is closed at once when nobody waits for it any more', async () => {
    const { trial, start, open, allow } = microphones();
    const opening = start('a');
    trial.stop();
    allow();
    expect(await opening).toBeUndefined();
    expect([...open]).toEqual([]);
  });
});
