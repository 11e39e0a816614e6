import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../src/callers/phone/carriers/index.ts';
import { Answers } from '../../src/callers/phone/http/answers.ts';
import { StreamTokens } from '../../src/callers/phone/http/stream-token.ts';
import { loadConfig } from '../../src/config.ts';
import { publicUrls } from '../../src/http/public-url.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import { Destinations } from '../../src/tools/destinations.ts';
import { ToolRegistry } from '../../src/tools/registry.ts';
import { fakeLog } from '../fakes/legs.ts';
import { rig } from './tools/support.ts';

/** What readers copy out of the documents works. */

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the commands in the documents', () => {
  it('are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const pages = globSync(['docs/*.md', 'docs/carriers/*.md'], { cwd: root });
    const named = ['README.md', 'tools/README.md', 'bench/README.md', ...pages].flatMap((page) =>
      [...read(page).matchAll(/\bnpm run ([a-z-]+)/g)].map(([, name = '']) => name),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('docs/carriers.md', () => {
  it.each([
    ['twilio', '## Twilio'],
    ['signalwire', '## SignalWire'],
  ])('shows the document that %s gets', (carrier, heading) => {
    const answers = new Answers({
      carriers: openCarriers(loadConfig({ SIGNALWIRE_REALTIME: 'true' })),
      urls: publicUrls({ publicUrl: 'https://voice.example.com', signed: true }),
      tokens: new StreamTokens({
        secrets: ['a secret of sixteen bytes'],
        memory: new LocalMemory({ clock: { now: () => 0 } }),
        wall: () => 0,
      }),
      apology: { text: 'Sorry.' },
    });
    const webhook = { carrier, accountId: 'AC1', carrierCallId: 'CA1', proven: true, params: {}, query: {} };
    const document = answers.connect({ headers: {} }, webhook, 'c1');
    const page = read('docs/carriers.md');
    const shown = /```xml\n([\s\S]*?)```/.exec(page.slice(page.indexOf(heading)))?.[1] ?? '';
    const oneLine = shown.replace(/>\s+</g, '><').replace(/\s+/g, ' ').trim();
    expect(document.replace(/(value|authBearerToken)="[\w-]{60,}"/g, '$1="TOKEN"')).toBe(oneLine);
  });
});

describe("the README's tool", () => {
  it('works as it stands there', async () => {
    const [, code = ''] = /`tools\/days_until\.ts`:\n\n```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-readme-'));
    try {
      // From another folder the two imports need their whole addresses.
      const there = code
        .replace("'zod'", `'${import.meta.resolve('zod')}'`)
        .replace("'../src/tools/tool.ts'", `'${pathToFileURL(join(root, 'src/tools/tool.ts')).href}'`);
      writeFileSync(join(folder, 'days_until.ts'), there);
      const registry = await ToolRegistry.open({
        folder,
        log: fakeLog(),
        http: { destinations: new Destinations({ hosts: [], privateHosts: [] }), env: () => undefined },
      });
      const { run, clock } = rig(registry.all());
      const inTenDays = new Date(clock.wall() + 10 * 86_400_000).toISOString().slice(0, 10);
      expect(JSON.parse(await run('days_until', { date: inTenDays }))).toEqual({ days: 10 });
      expect(await run('days_until', { date: 'tomorrow' })).toContain('arguments_invalid');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
