import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENTS } from '../../../src/agents/index.ts';
import { RouteBook } from '../../../src/routing/book.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

let folder: string;
let prompts: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-routes-'));
  prompts = ['day', 'night'];
  write('routes.yaml', 'routes:\n  - { name: a, prompt: day }\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

async function open(fails: () => boolean = () => false) {
  const log = fakeLog();
  const clock = new FakeClock();
  let reads = 0;
  const book = await RouteBook.open({
    path: join(folder, 'routes.yaml'),
    targets: {
      agents: AGENTS,
      agentOf: () => ({ kind: 'openai', isParticular: false }),
      hasPrompt: (name) => prompts.includes(name),
      hasTool: () => true,
      timezone: 'UTC',
    },
    before: async () => void reads++,
    open: async ({ routes }) => {
      if (fails()) throw new Error('no such recording');
      return routes.map(({ name }) => name).join();
    },
    now: () => clock.now(),
    log,
  });
  const shown = async () => {
    await book.refresh();
    return [book.now.opened, book.now.routes.routes.map(({ prompt }) => prompt).join()];
  };
  const errors = () => log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields);
  return { book, shown, errors, clock, reads: () => reads };
}

describe('routes that are saved', () => {
  it('count from then on, with what calls by them need', async () => {
    const { shown } = await open();
    expect(await shown()).toEqual(['a', 'day']);
    write('routes.yaml', 'routes:\n  - { name: b, to: "+1202*", prompt: day }\n  - { name: c, prompt: night }\n');
    expect(await shown()).toEqual(['b,c', 'day,night']);
  });

  it('are read only where a file changed, a list of callers among them', async () => {
    write('vip.txt', '+12025550143\n');
    const text =
      'callers:\n  vip: { file: vip.txt }\nroutes:\n  - { name: v, from: vip, prompt: day }\n  - { name: a, prompt: day }\n';
    write('routes.yaml', text);
    const { book, shown, reads } = await open();
    await shown();
    expect(reads()).toBe(0);
    write('vip.txt', '+12025550143\n+12025550144\n');
    await shown();
    expect(reads()).toBe(1);
    expect(book.now.routes.routes[0]?.from).toEqual(['+12025550143', '+12025550144']);
    await shown();
    expect(reads()).toBe(1);
  });

  it('that are wrong are told once and leave the good ones as they are, until they are right', async () => {
    const { shown, errors, clock, reads } = await open();
    write('routes.yaml', 'routes:\n  - { name: b, prompt: evening }\n');
    expect(await shown()).toEqual(['a', 'day']);
    expect(await shown()).toEqual(['a', 'day']);
    // However many calls begin meanwhile.
    expect(reads()).toBe(1);
    expect(errors()).toMatchObject([{ problem: expect.stringContaining('there is no prompt "evening"') }]);
    // The prompt that they name was saved after them.
    prompts.push('evening');
    clock.advance(5_000);
    expect(await shown()).toEqual(['b', 'evening']);
    expect(errors()).toHaveLength(1);
  });

  it('of which something cannot be had leave the good ones, too, and nothing in between', async () => {
    let fails = false;
    const { shown, errors, clock } = await open(() => fails);
    fails = true;
    write('routes.yaml', 'routes:\n  - { name: b, prompt: night }\n');
    expect(await shown()).toEqual(['a', 'day']);
    expect(errors()).toMatchObject([{ problem: 'no such recording' }]);
    fails = false;
    clock.advance(5_000);
    expect(await shown()).toEqual(['b', 'night']);
    rmSync(join(folder, 'routes.yaml'));
    expect(await shown()).toEqual(['b', 'night']);
  });

  it('are looked at once for all who ask at once', async () => {
    const { book, reads } = await open();
    write('routes.yaml', 'routes:\n  - { name: b, prompt: night }\n');
    await Promise.all(Array.from({ length: 20 }, () => book.refresh()));
    expect([reads(), book.now.opened]).toEqual([1, 'b']);
  });

  it('keep a daemon from starting where they are wrong', async () => {
    write('routes.yaml', 'routes: []');
    await expect(open()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
