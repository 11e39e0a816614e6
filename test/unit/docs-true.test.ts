import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { REFUSALS } from '../../src/admission/admission.ts';
import { COUNTERS } from '../../src/call/counters.ts';
import { type RecordingStop, TOOL_OUTCOMES } from '../../src/call/events.ts';
import { terminationReasons } from '../../src/call/termination.ts';
import { START_OUTCOMES } from '../../src/callers/bridge/http/metrics.ts';
import { openCarriers, unprovenWarning } from '../../src/callers/phone/carriers/index.ts';
import { CONTROL_ERRORS } from '../../src/callers/phone/control/index.ts';
import { GRAPH_ERRORS } from '../../src/callers/whatsapp/graph/errors.ts';
import { OPERATORS_ERRORS } from '../../src/cli/docs.ts';
import { loadConfig, settings } from '../../src/config.ts';
import { ERRORS } from '../../src/errors.ts';
import { HTTP_COUNTERS } from '../../src/http/counters.ts';
import { liveMetrics } from '../../src/live/metrics.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { WRITER_FAILURES, writerMeters } from '../../src/records/writer-meters.ts';
import { WEBHOOK_EVENTS } from '../../src/webhooks/delivery.ts';
import { OUTCOMES } from '../../src/webhooks/destination.ts';
import { webhookMetrics } from '../../src/webhooks/metrics.ts';

/** What the documents name is there: metrics, labels, settings and their defaults, codes, files, links, routes, messages of the log. */

const root = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** A document: its code (spans and blocks) apart from its prose. */
interface Page {
  readonly file: string;
  readonly text: string;
  readonly code: readonly string[];
  readonly prose: string;
}

const CODE = /^ *```[^\n]*\n[\s\S]*?^ *```$|`[^`\n]+`/gm;

function pageOf(file: string): Page {
  const text = read(file);
  // In a table a bar inside code is written with a backslash.
  const code = (text.match(CODE) ?? []).map((span) => span.replace(/^[\s`]+|[\s`]+$/g, '').replaceAll('\\|', '|'));
  return { file, text, code, prose: text.replace(CODE, ' ') };
}

const pages = ['README.md', ...globSync(['docs/*.md', 'docs/carriers/*.md'], { cwd: root }).sort()].map(pageOf);
const page = (file: string): Page => {
  const found = pages.find((one) => one.file === file);
  if (found === undefined) throw new Error(`there is no ${file}`);
  return found;
};

const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [`src/${name}`, read(`src/${name}`)]),
);
const source = [...sources.values()].join('\n');

/** Everything that matches in the pages' code and fails `isTrue`, as `file: what`. */
function untrue(
  pattern: RegExp,
  isTrue: (match: RegExpExecArray) => boolean,
  among: readonly Page[] = pages,
): string[] {
  return among.flatMap(({ file, code }) =>
    code.flatMap((span) =>
      [...span.matchAll(pattern)].filter((match) => !isTrue(match)).map(([all]) => `${file}: ${all}`),
    ),
  );
}

describe('metrics', () => {
  const labels = new Map<string, readonly string[] | undefined>();
  const registries = [new Registry(), new Registry(), new Registry()] as const;
  writerMeters(registries[0], () => ({ waiting: 0, spooled: 0 }));
  liveMetrics(registries[1]);
  webhookMetrics(registries[2], () => 0);
  const { registry } = createMetrics({
    clock: { now: () => 0, wall: () => 0 },
    activeCalls: () => 0,
    loopDelay: () => ({ p50: 0, p99: 0, max: 0, smoothed: 0 }),
    isTool: () => false,
    agents: { transports: [], errors: [] },
  });
  // Parts that make theirs beside other work are known by their source.
  for (const [, name = ''] of source.matchAll(/\bname: '(voicebridge_\w+)'/g)) labels.set(name, undefined);
  const histograms = new Set<string>();
  for (const metric of [registry, ...registries].flatMap((one) => one.getMetricsAsArray())) {
    const { name, type } = metric;
    labels.set(name, (metric as unknown as { readonly labelNames: readonly string[] }).labelNames);
    if (String(type) === 'histogram') histograms.add(name);
  }
  const baseOf = (name: string) => {
    const [, base = name] = /^(.*)_(?:bucket|sum|count)$/.exec(name) ?? [];
    return histograms.has(base) ? base : name;
  };

  it('that are named are there, also those named by their end alone', () => {
    expect(labels.size).toBeGreaterThan(25);
    expect(untrue(/\bvoicebridge_\w+/g, ([name]) => labels.has(baseOf(name)))).toEqual([]);
    const byEnd = ([end]: RegExpExecArray) => labels.has(baseOf(`voicebridge${end}`));
    expect(untrue(/^_[a-z]\w*/g, byEnd, [page('docs/operating.md')])).toEqual([]);
  });

  it('have the labels that they are asked by', () => {
    const has = ([, name = '', matchers = '']: RegExpExecArray) => {
      const known = labels.get(baseOf(name));
      return matchers.split(',').every((part) => known?.includes(/^\w+/.exec(part)?.[0] ?? '') ?? true);
    };
    expect(untrue(/\b(voicebridge_\w+)\{([^}]*)\}/g, has)).toEqual([]);
  });

  it('have the values that they are asked for', () => {
    const stops = ['call-ended', 'disk-full', 'write-failed', 'too-slow', 'too-long', 'notice-not-heard'] as const;
    const values: Readonly<Record<string, readonly string[]>> = {
      counter: COUNTERS,
      event: [...HTTP_COUNTERS, ...WEBHOOK_EVENTS],
      what: WRITER_FAILURES,
      outcome: [...TOOL_OUTCOMES, ...OUTCOMES, ...START_OUTCOMES],
      reason: [...REFUSALS, ...terminationReasons, ...(stops satisfies readonly RecordingStop[])],
      result: ['success', 'caller_error', 'upstream_error', 'server_error', 'indeterminate'],
      stage: ['detect', 'model', 'play', 'total'],
      stat: ['p50', 'p99', 'max', 'smoothed'],
      why: ['slow', 'closing'],
    };
    const pattern = new RegExp(`\\b(${Object.keys(values).join('|')})(?:=~|!=|!~|=)"([^"]*)"`, 'g');
    const known = ([, label = '', asked = '']: RegExpExecArray) =>
      asked === '...' || asked.split('|').every((value) => values[label]?.includes(value));
    expect(untrue(pattern, known)).toEqual([]);
  });

  it('are each described somewhere', () => {
    const code = pages.flatMap((one) => one.code).join('\n');
    const missing = [...labels.keys()].filter((name) => !code.includes(name.replace('voicebridge', '')));
    expect(missing).toEqual([]);
  });
});

describe('commands', () => {
  it('bring the Node that the project runs on: a new user’s may be too old to run TypeScript', () => {
    // In the image there is no other.
    const bare = [...pages, pageOf('bench/README.md')].flatMap(({ file, text }) =>
      [...text.matchAll(/^.*\bnode (?:bench|deploy|src\/cli|test)\/\S+.*$/gm)]
        .map(([line]) => line)
        .filter((line) => !/npx node |docker compose exec/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(bare).toEqual([]);
  });
});

describe('names in capitals', () => {
  /** Of other programs, of the tests, of the files beside the daemon, and stand-ins in examples. */
  const ELSEWHERE = new Set([
    ...[
      'AUTH_TOKEN',
      'GITHUB_STEP_SUMMARY',
      'NODE_ENV',
      'POSTGRES_PASSWORD',
      'PROJECT_NAME',
      'PUBLISH_ADDRESS',
      'REPOSITORY_URL',
    ],
    ...['TUNNEL_CRED_FILE', 'TUNNEL_TOKEN', 'TUNNEL_TOKEN_FILE', 'TUNNEL_TRANSPORT_PROTOCOL'],
    'TEST_REDIS_SERVER',
  ]);
  const codes = [
    ...Object.keys(ERRORS),
    ...Object.keys(OPERATORS_ERRORS),
    ...Object.keys(CONTROL_ERRORS),
    ...Object.keys(GRAPH_ERRORS),
  ];
  const channel = ['browser/page', 'test/messages'].map((name) => sources.get(`src/callers/${name}.ts`)).join('\n');
  const ofPages = [...channel.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code);
  const names = new Map<string, unknown>(settings.map(({ name, default: value }) => [name, value]));
  const known = new Set([...names.keys(), ...codes, ...ofPages, ...ELSEWHERE]);

  it('are settings or codes', () => {
    expect(ofPages).toContain('MESSAGE_FLOOD');
    expect(untrue(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g, ([name]) => known.has(name))).toEqual([]);
    expect(untrue(/^([A-Z]+)=/g, ([, name = '']) => known.has(name))).toEqual([]);
  });

  it('have the default that stands behind them in brackets', () => {
    const stated = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/`([A-Z][A-Z0-9_]*)` \((\d+)(?: [a-zA-Z]+)?\)/g)].map(([, name = '', value]) => ({
        file,
        name,
        value,
      })),
    );
    expect(stated.length).toBeGreaterThan(10);
    for (const { file, name, value } of stated)
      expect(`${file}: ${name} ${value}`).toBe(`${file}: ${name} ${names.get(name)}`);
  });
});

describe('what is pointed to', () => {
  const braced = (path: string): string[] => {
    const [all = '', inner = ''] = /\{([^{}]*)\}/.exec(path) ?? [];
    return all === '' ? [path] : inner.split(',').flatMap((one) => braced(path.replace(all, one)));
  };
  const isThere = (path: string) =>
    path.includes('*') ? globSync(path, { cwd: root }).length > 0 : existsSync(join(root, path));
  // Not `tools`, where documents have the reader make files.
  const FOLDERS = 'src|test|prompts|knowledge|docs|deploy|cloudflared|bench|web';

  it('in the repository is there', () => {
    const pattern = new RegExp(`(?<![\\w./-])(?:${FOLDERS})/[\\w./*{},-]*[\\w*/}]`, 'g');
    expect(untrue(pattern, ([path]) => path.includes('NAME') || braced(path).every(isThere))).toEqual([]);
  });

  it('by links is there, heading and all', () => {
    const headings = (file: string) =>
      [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      );
    const broken = pages.flatMap(({ file, prose }) =>
      [...prose.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(([, path = '', heading]) => {
        const target = path === '' ? file : join(dirname(file), path);
        const good = existsSync(join(root, target)) && (heading === undefined || headings(target).includes(heading));
        return good ? [] : [`${file}: ${path}#${heading}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('by routes is served', () => {
    // The root alone is no text to look for: every path holds it.
    const served = ([, path = '']: RegExpExecArray) =>
      source.includes(path === '/' ? "get('/'" : path.replace(/\/$/, ''));
    expect(untrue(/\b(?:GET|POST|DELETE|WS) (\/[\w/:-]*)/g, served)).toEqual([]);
  });
});

describe('the architecture', () => {
  const { text } = page('docs/architecture.md');

  it('says what each folder of the source holds', () => {
    const inside = (folder: string) =>
      readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [`${folder}/${entry.name}/`] : [],
      );
    const own = inside('src').filter((folder) => folder !== 'src/callers/');
    const folders = [...own, ...inside('src/agents'), ...inside('src/callers')];
    expect(folders.length).toBeGreaterThan(40);
    const said = text.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
    expect(folders.filter((folder) => !said.some((cell) => cell.includes(`\`${folder}\``)))).toEqual([]);
  });

  it('has a line for each feature', () => {
    const [, opened = ''] = /const FEATURES: [^=]*= \[([^\]]*)\]/.exec(read('src/app.ts')) ?? [];
    const features = opened.match(/\w+/g) ?? [];
    expect(features.length).toBeGreaterThan(10);
    const [, lines = ''] = /\n\| in order \|[^\n]*\n\| ---[^\n]*\n((?:\|[^\n]*\n)+)/.exec(text) ?? [];
    expect(lines.trim().split('\n')).toHaveLength(features.length);
  });
});

describe('the runbook', () => {
  const runbook = page('docs/runbook.md');

  it('quotes messages of the log as they are', () => {
    const quoted = [...runbook.prose.matchAll(/"([^"]+)"/g)].map(([, words = '']) => words.replace(/\s+/g, ' '));
    expect(quoted.length).toBeGreaterThan(40);
    // Of the one that names settings the table of carriers gives the names.
    const said = `${source}\n${unprovenWarning(openCarriers(loadConfig({})))}`;
    expect(quoted.filter((words) => !said.includes(words))).toEqual([]);
  });

  it("names the doctor's lines as they are", () => {
    const doctor = [...sources]
      .flatMap(([file, text]) => (/^src\/(agents\/\w+\/doctor|doctor|cli\/doctor)/.test(file) ? [text] : []))
      .join('\n');
    const lines = new Set([...doctor.matchAll(/\bname: ['`]([^'`]+)['`]/g)].map(([, name = '']) => name));
    for (const carrier of ['twilio', 'signalwire']) lines.add(`${carrier} account`);
    const named = [...runbook.prose.matchAll(/(?<!\*)\*([^*\n]+)\*(?!\*)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !lines.has(name))).toEqual([]);
  });

  it('leaves out no reason, counter, event and outcome', () => {
    const named = new Set(runbook.code.flatMap((span) => span.match(/[\w-]+/g) ?? []));
    const all = [
      ...terminationReasons,
      ...REFUSALS,
      ...COUNTERS,
      ...HTTP_COUNTERS,
      ...WRITER_FAILURES,
      ...TOOL_OUTCOMES,
    ];
    expect(all.filter((name) => !named.has(name))).toEqual([]);
  });
});
