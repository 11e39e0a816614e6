import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkAll } from '../../src/agent-files/check.ts';
import { CARRIERS, openCarriers } from '../../src/callers/phone/carriers/index.ts';
import { envExample } from '../../src/cli/docs.ts';
import { settingsPage } from '../../src/cli/settings-docs.ts';
import { loadConfig, settingsOf } from '../../src/config.ts';
import { defaultToolSettings } from '../../src/tools/settings.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { TABLES } from '../fixtures/kinds/tables.ts';

/** What operators are told of kinds that came by the tables alone. */

const fixtures = join(import.meta.dirname, '../fixtures/kinds');
const problemsOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env, TABLES);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the settings of made-up kinds', () => {
  it('are refused with which, why and what would be right', () => {
    expect(problemsOf({ TIDE_CODEC: 'opus' })).toContain(
      'TIDE_CODEC: must be L16@8000 or L16@16000. Audio of the streams at Tide.',
    );
    expect(problemsOf({ BUOY_URL: 'buoys.example.com' })).toContain(
      'BUOY_URL: must be a ws:// or wss:// URL. Where the',
    );
  });

  it('are refused where they contradict each other', () => {
    expect(problemsOf({ TIDE_ACCOUNT: 'a-3' })).toContain(
      'TIDE_API_KEY: goes with TIDE_ACCOUNT. Set both, or neither.',
    );
    expect(problemsOf({ TIDE_ANSWERS: 'rest' })).toContain('TIDE_ANSWERS: is rest, which needs TIDE_API_KEY.');
    expect(problemsOf({ BUOY_TOKEN: 'token-of-the-buoys-0123' })).toContain('BUOY_TOKEN: goes with BUOY_URL.');
  });

  it('never show a secret', () => {
    expect(problemsOf({ BUOY_TOKEN: 'short-canary' })).toContain('BUOY_TOKEN: needs at least 16 characters');
    expect(problemsOf({ BUOY_TOKEN: 'short-canary', TIDE_API_KEY: 'key-canary' })).not.toContain('canary');
  });

  it('may name the made-up carrier for ordered calls', () => {
    expect(loadConfig({ OUTBOUND_CARRIER: 'tide' }, TABLES).OUTBOUND_CARRIER).toBe('tide');
    expect(problemsOf({ OUTBOUND_CARRIER: 'flood' })).toContain('tide');
  });

  it('are in the documents, each in its group, beside all others', () => {
    const all = settingsOf(TABLES);
    const names = all.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const page = settingsPage(all);
    const [carriers = ''] = /## Carriers\n.*?\n## /s.exec(page) ?? [];
    expect(carriers).toContain('| `TIDE_CODEC` | Audio of the streams at Tide. | `L16@16000` |');
    expect(carriers).toContain('| `TWILIO_AUTH_TOKEN` |');
    expect(envExample(all)).toContain('# Where the buoys are, e.g. wss://buoys.example.com/talk.\n#BUOY_URL=\n');
    expect(settingsPage()).not.toContain('TIDE');
  });
});

describe('the files of a made-up kind of agent', () => {
  const check = (folder: string, routes: string) =>
    checkAll(
      { ...defaultToolSettings(), PROMPTS_DIR: join(fixtures, folder), ROUTES_FILE: join(fixtures, routes) },
      () => undefined,
      TABLES.agents,
    );

  it('are well where they say what the kind understands', async () => {
    const { problems, warnings } = await check('prompts', 'routes.yaml');
    expect(problems).toEqual([]);
    expect(warnings.filter((line) => line.includes('buoy'))).toEqual([]);
  });

  it('are refused where they say what it does not, and hint at what was meant', async () => {
    const { problems, warnings } = await check('wrong', 'wrong/routes.yaml');
    const told = (file: string) => problems.filter((line) => line.includes(file)).join('\n');
    expect(told('misspelt.md')).toMatch(/misspelt\.md:2: agent: there is no kind of agent "bouy".*buoy/);
    expect(told('colour.md')).toMatch(/colour\.md:3: .*colour/);
    // Of another kind's keys it has none.
    expect(told('voice.md')).toMatch(/voice\.md:3: .*voice/);
    expect(told('tone.md')).toMatch(/tone\.md:3: tone: .*100/);
    expect(told('routes.yaml')).toContain('transport: is nothing that buoy understands');
    expect(told('routes.yaml')).toMatch(/routes\.1\.pace: .*live/);
    expect(told('berth.md')).toMatch(/berth\.md:2: agent\.depth: goes with a berth/);
    expect(told('routes.yaml')).toMatch(
      /routes\.yaml:10: routes\.2\.agent\.birth: is nothing that buoy understands; did you mean berth\?/,
    );
    expect(told('routes.yaml')).toMatch(
      /routes\.yaml:12: routes\.3\.prompt: is missing: an agent of the kind buoy needs the words of one/,
    );
    // Tools that it cannot call are no fault: it is left to say what becomes of them.
    expect(told('tools.md')).toBe('');
    expect(warnings.join('\n')).toMatch(/tools\.md: tools: a buoy calls none, and there are 1 for it/);
  });
});

describe('the table with made-up kinds', () => {
  it('opens beside the daemon’s own, and each has its own secret and control', () => {
    const config = loadConfig({ TIDE_SECRET: 'a, b', TIDE_ACCOUNT: 'a-3', TIDE_API_KEY: 'key-of-the-tide-1' }, TABLES);
    const carriers = openCarriers(config, { kinds: TABLES.carriers });
    expect(carriers.all.map(({ name, isSigned }) => [name, isSigned])).toEqual([
      ...CARRIERS.map(({ name }) => [name, false]),
      ['tide', true],
    ]);
    const deps = { clock: new FakeClock(), log: fakeLog(), host: () => '', onStatus() {} };
    expect(carriers.all.map(({ control }) => control?.(deps)?.name)).toEqual([
      ...CARRIERS.map(() => undefined),
      'tide-rest',
    ]);
  });
});

it('no file of the daemon or of its pages knows them', () => {
  const root = join(import.meta.dirname, '../..');
  const files = globSync(['src/**/*.ts', 'web/**/*.{js,html}'], { cwd: root });
  expect(files.length).toBeGreaterThan(300);
  expect(files.filter((file) => /\btide|\bbuoy/i.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
});
