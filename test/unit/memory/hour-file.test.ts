import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HourFile } from '../../../src/memory/hour-file.ts';
import { HourLimit } from '../../../src/memory/hour-limit.ts';
import { LocalMemory } from '../../../src/memory/local.ts';

const MINUTE = 60_000;

/** A machine whose wall clock can be set; each process on it has a monotonic clock of its own. */
class Machine {
  boot: string | undefined = 'first';
  up = 1_000_000;
  wall = 1_700_000_000_000;
  pass(ms: number) {
    this.up += ms;
    this.wall += ms;
  }
  process() {
    const began = this.up;
    return { now: () => this.up - began + 17, wall: () => this.wall };
  }
}

describe('the uses of an hourly limit', () => {
  let folder: string;
  let path: string;
  let machine: Machine;
  let said: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hour-'));
    path = join(folder, 'data', 'hour.json');
    machine = new Machine();
    said = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A process that counts up to two an hour. */
  const start = async () => {
    const clock = machine.process();
    const file = await HourFile.open({
      path,
      clock,
      sinceBoot: () => (machine.boot === undefined ? undefined : { boot: machine.boot, ms: machine.up }),
      log: { warn: (_fields, message) => said.push(message) },
    });
    return { limit: new HourLimit(2, new LocalMemory({ clock, kept: { 'orders-hour': file } }), 'orders-hour'), file };
  };
  const used = async (times: number) => {
    const { limit, file } = await start();
    for (let i = 0; i < times; i++) await limit.take();
    await file.close();
  };
  const next = async () => {
    const { limit, file } = await start();
    const use = await limit.take();
    await file.close();
    return use.ok ? 'free' : use.retryAfterMs;
  };

  it('are counted on by the next process, for the rest of their hour', async () => {
    await used(2);
    machine.pass(20 * MINUTE);
    expect(await next()).toBe(40 * MINUTE);
    machine.pass(40 * MINUTE);
    expect(await next()).toBe('free');
  });

  it.each([
    ['forward', 3 * 60 * MINUTE],
    ['back', -3 * 60 * MINUTE],
  ])('last as long when the clock is put %s meanwhile', async (_way, by) => {
    await used(2);
    machine.wall += by;
    machine.pass(20 * MINUTE);
    expect(await next()).toBe(40 * MINUTE);
  });

  it('last an hour from now at most where the machine was started anew with its clock set back', async () => {
    await used(2);
    machine.boot = 'second';
    machine.up = 5_000;
    machine.wall -= 300 * MINUTE;
    expect(await next()).toBe(60 * MINUTE);
  });

  it('go by the wall clock where a machine does not tell its starts', async () => {
    machine.boot = undefined;
    await used(2);
    machine.pass(50 * MINUTE);
    expect(await next()).toBe(10 * MINUTE);
  });

  it('do not come back when they came to nothing', async () => {
    const { limit, file } = await start();
    await limit.take();
    const use = await limit.take();
    if (use.ok) use.giveBack();
    await file.close();
    expect(await next()).toBe('free');
  });

  it('are in a file for the owner alone, which is whole at any time', async () => {
    await used(2);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'data'))).toEqual(['hour.json']);
    expect(JSON.parse(await readFile(path, 'utf8')).uses).toHaveLength(2);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"uses":{}}',
    '{"uses":[null]}',
    '{"uses":[{"wall":"x"}]}',
    '{"boot":1,"uses":[]}',
    '{"uses":[{"wall":1,"up":null}]}',
  ])('are counted anew, and that is said, where the file is %j', async (text) => {
    await used(1);
    await writeFile(path, text);
    expect(await next()).toBe('free');
    expect(said).toEqual([expect.stringMatching(/counted anew/)]);
  });

  it('count on in memory, and that is said, where the disk takes nothing', async () => {
    path = '/dev/null/x/hour.json';
    const { limit, file } = await start();
    expect([(await limit.take()).ok, (await limit.take()).ok, (await limit.take()).ok]).toEqual([true, true, false]);
    await file.close();
    expect(said.at(-1)).toContain('cannot be stored');
  });
});
