import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const code = (file: string) =>
  readFileSync(join(root, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1');

/** What a file imports: ours as paths from the root, others by package name. */
function importsOf(file: string): string[] {
  const found = code(file).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|import\.meta\.url\)\(|\brequire\(\s*)'([^']+)'/g);
  return [...found].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name,
  );
}

/** Vendor connection libraries, each with the only file that may import it. */
const CONNECTION_LIBRARIES: Record<string, string> = {
  ws: 'src/transport/socket.ts',
  '@roamhq/wrtc': 'src/transport/peer.ts',
  '@livekit/rtc-node': 'src/transport/room.ts',
  pg: 'src/records/postgres-client.ts',
};

interface Rule {
  says: string;
  /** Files the rule is about. */
  about: (file: string) => boolean;
  /** Whether this import breaks it. */
  forbids: (imported: string, file: string) => boolean;
}

const under = (folder: string) => (file: string) => file.startsWith(folder);
const part = (file: string, depth: number) => file.split('/').slice(0, depth).join('/');
const isOurs = (imported: string) => /^(src|tools|web)\//.test(imported);
const CALL_TYPES = new Set(
  ['leg', 'events', 'termination', 'clock', 'ticker', 'counters'].map((name) => `src/call/${name}.ts`),
);

const rules: Rule[] = [
  {
    says: 'media/ imports nothing of ours but media/, and no I/O',
    about: under('src/media/'),
    forbids: (i) =>
      isOurs(i)
        ? !i.startsWith('src/media/')
        : i !== 'node:module' && (i.startsWith('node:') || builtinModules.includes(i)),
  },
  {
    says: 'call/ knows no vendor, no leg, no server: it imports call/ and media/ alone',
    about: under('src/call/'),
    forbids: (i) => (isOurs(i) ? !i.startsWith('src/call/') && !i.startsWith('src/media/') : true),
  },
  {
    says: 'a leg imports transport/, media/, the ports and values of call/, errors and its own folder: no other leg, never the call, stores, metrics, http or config',
    about: (file) => under('src/callers/')(file) || under('src/agents/')(file),
    forbids: (i, file) =>
      isOurs(i) &&
      !(
        i.startsWith('src/transport/') ||
        i.startsWith('src/media/') ||
        CALL_TYPES.has(i) ||
        i === 'src/errors.ts' ||
        i === 'src/log.ts' ||
        i.startsWith(`${part(file, 3)}/`)
      ),
  },
  {
    says: 'a carrier dialect knows no socket, no codec, no other dialect',
    about: (file) => /^src\/callers\/phone\/(twilio|signalwire|telnyx|plivo|vonage)\.ts$/.test(file),
    forbids: (i) =>
      i.startsWith('src/transport/') ||
      i.startsWith('src/media/') ||
      /^src\/callers\/phone\/(twilio|signalwire|telnyx|plivo|vonage)\.ts$/.test(i),
  },
  {
    says: 'transport/ imports the clock and the errors alone',
    about: under('src/transport/'),
    forbids: (i) => isOurs(i) && !i.startsWith('src/transport/') && i !== 'src/call/clock.ts' && i !== 'src/errors.ts',
  },
  {
    says: 'http/ imports no leg but the phone port it serves, and no config',
    about: under('src/http/'),
    forbids: (i) => i.startsWith('src/agents/') || i === 'src/config.ts' || i.startsWith('src/simulator/'),
  },
  {
    says: 'stores and metrics watch calls: of ours they import call/events and values beside it, never a call',
    about: (file) => under('src/stores/')(file) || under('src/metrics/')(file),
    forbids: (i, file) =>
      isOurs(i) && !CALL_TYPES.has(i) && !i.startsWith(`${part(file, 2)}/`) && i !== 'src/errors.ts',
  },
  {
    says: 'records watch calls: they import call/ types and values, errors, settings and the database thread of stores/, never a call, a leg or http',
    about: under('src/records/'),
    forbids: (i) =>
      isOurs(i) &&
      !CALL_TYPES.has(i) &&
      i !== 'src/call/info.ts' &&
      !i.startsWith('src/records/') &&
      !['src/errors.ts', 'src/settings.ts'].includes(i) &&
      !['serve', 'sqlite', 'thread'].some((name) => i === `src/stores/${name}.ts`),
  },
  {
    says: 'the simulator is a far end: it shares wires, audio and clocks with the daemon, nothing else',
    about: under('src/simulator/'),
    forbids: (i) =>
      isOurs(i) &&
      !['src/simulator/', 'src/transport/', 'src/media/'].some((folder) => i.startsWith(folder)) &&
      !['src/call/clock.ts', 'src/call/ticker.ts', 'src/errors.ts', 'src/log.ts'].includes(i),
  },
  {
    says: 'a tool imports nothing of ours but src/tools/tool.ts',
    about: under('tools/'),
    forbids: (i) => isOurs(i) && i !== 'src/tools/tool.ts',
  },
  {
    says: 'a vendor connection library is imported in its one file',
    about: under('src/'),
    forbids: (i, file) => i in CONNECTION_LIBRARIES && CONNECTION_LIBRARIES[i] !== file,
  },
];

const files = [...filesUnder('src'), ...filesUnder('tools')];

describe('the import rules', () => {
  it('look at real files and really find imports', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(importsOf('src/transport/peer.ts')).toContain('@roamhq/wrtc');
    expect(importsOf('src/call/call.ts')).toContain('src/media/link.ts');
  });

  for (const rule of rules) {
    it(rule.says, () => {
      const broken = files.filter(rule.about).flatMap((file) =>
        importsOf(file)
          .filter((i) => rule.forbids(i, file))
          .map((i) => `${file} imports ${i}: ${rule.says}`),
      );
      expect(broken).toEqual([]);
    });
  }

  it('only config.ts reads process.env', () => {
    expect(files.filter((file) => file !== 'src/config.ts' && /\bprocess\.env\b/.test(code(file)))).toEqual([]);
  });

  it('nothing in the daemon writes to the console', () => {
    expect(files.filter((file) => /(?<![/\w])console\.\w/.test(code(file)))).toEqual([]);
  });

  it('only the call itself and what makes calls imports call/call.ts', () => {
    const allowed = new Set(['src/call/calls.ts', 'src/app.ts']);
    expect(files.filter((file) => importsOf(file).includes('src/call/call.ts') && !allowed.has(file))).toEqual([]);
  });
});
