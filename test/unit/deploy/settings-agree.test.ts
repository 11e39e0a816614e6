import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { liveUrl } from '../../../deploy/health.ts';
import { assignments, type Instruction, parseDockerfile } from '../../../deploy/image/dockerfile.ts';
import { contextFilter } from '../../../deploy/image/ignore.ts';
import { PATHS } from '../../../src/callers/phone/http/answers.ts';
import { settings } from '../../../src/config.ts';
import { healthRoutes } from '../../../src/health/health-route.ts';

/** The files by which the daemon is deployed name ports, paths, settings and times of the daemon: here they are held against each other. */

const root = resolve(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const defaultOf = (name: string) => settings.find((setting) => setting.name === name)?.default;
const PORT = Number(defaultOf('PORT'));
/** What an orchestrator must wait for before it kills, seconds. */
const DRAIN = Number(defaultOf('DRAIN_TIMEOUT')) + 30;
const unknownSettings = (names: string[]) => names.filter((name) => !settings.some((setting) => setting.name === name));

describe('Dockerfile', () => {
  const stages = parseDockerfile(read('Dockerfile'));
  const last = stages.at(-1)?.instructions ?? [];
  const only = (name: string): Instruction => {
    const found = last.filter((instruction) => instruction.name === name);
    expect(found).toHaveLength(1);
    return found[0]!;
  };

  it('is built on Debian with the Node that the project is tested with', () => {
    const names = new Set(stages.map(({ name }) => name));
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
    const major = devDependencies['node']?.split('.')[0];
    const images = stages.map(({ from }) => from).filter((from) => !names.has(from));
    expect(images).toEqual([`node:${major}-bookworm-slim`]);
  });

  it('has in it what is installed for production alone, by the lock file; what builds stays behind', () => {
    const installs = stages.flatMap(({ name: stage, instructions }) =>
      instructions
        .filter(({ name, text }) => name === 'RUN' && /\bnpm\b.*\b(ci|install)\b/.test(text))
        .map(({ text }) => [stage, /npm ci --\w+=dev/.exec(text)?.[0]]),
    );
    expect(installs).toEqual([
      ['dependencies', 'npm ci --omit=dev'],
      ['build', 'npm ci --include=dev'],
    ]);
    const taken = stages.flatMap(({ name: stage, instructions }) =>
      instructions.flatMap(({ flags, text }) => (flags['from'] === undefined ? [] : [[stage, flags['from'], text]])),
    );
    expect(taken).toEqual([
      ['program', 'dependencies', '/app/node_modules ./node_modules'],
      ['program', 'build', '/app/dist ./dist'],
      [undefined, 'program', '/app ./'],
    ]);
  });

  it('runs as a numbered user, under an init, with no shell or npm that would keep signals to itself', () => {
    expect(only('USER').text).toBe('1000:1000');
    expect(only('ENTRYPOINT').list).toEqual(['/usr/bin/tini', '--', '/bin/sh', '/app/deploy/entrypoint.sh']);
    expect(only('CMD').list).toEqual(['start']);
    for (const line of read('deploy/entrypoint.sh').match(/^ +.*\b(node|"\$name") .*"\$@"/gm) ?? []) {
      expect(line.trim()).toMatch(/^exec /);
    }
  });

  it('exposes the default port, and keeps what it keeps in its only volume', () => {
    expect(only('EXPOSE').text).toBe(String(PORT));
    const env = assignments(only('ENV').text, {});
    expect(unknownSettings(Object.keys(env))).toEqual([]);
    expect(only('VOLUME').list).toEqual([env['DATA_DIR']]);
  });

  it('has a health check that asks the route of the process, whatever the settings', async () => {
    expect(only('HEALTHCHECK').text).toBe('CMD ["node", "/app/deploy/health.ts"]');
    expect(liveUrl({})).toBe(`http://127.0.0.1:${PORT}/health/live`);
    expect(liveUrl({ HOST: '0.0.0.0', PORT: '9000' })).toBe('http://127.0.0.1:9000/health/live');
    expect(liveUrl({ HOST: '10.1.2.3', PORT: '' })).toBe(`http://10.1.2.3:${PORT}/health/live`);
    expect(liveUrl({ HOST: '::' })).toBe(`http://[::1]:${PORT}/health/live`);
    expect(await hasRoute('/health/live')).toBe(true);
  });
});

describe('.dockerignore', () => {
  const isIn = contextFilter(read('.dockerignore'));

  it('lets in what runs: the source, and every folder and file that a setting names by default', () => {
    const named = settings
      .filter(
        ({ name, default: value }) => /_(DIR|FILE)$/.test(name) && name !== 'DATA_DIR' && typeof value === 'string',
      )
      .map((setting) => String(setting.default));
    expect(named).toContain('tools');
    const needed = ['package.json', 'package-lock.json', 'src/main.ts', 'src/assets/apology.wav', 'web/index.html'];
    const own = [
      'deploy/bundle.ts',
      'deploy/entrypoint.sh',
      'deploy/health.ts',
      'deploy/warm.ts',
      'prompts/default.md',
      'tools/end_call.ts',
      'knowledge/practice.md',
    ];
    expect([...named, ...needed, ...own].filter((path) => !isIn(path))).toEqual([]);
  });

  it('lets in nothing else: no secret, recording, database, history, test', () => {
    const never = [
      '.env',
      '.env.local',
      'data/voicebridge.db',
      'recordings/a.wav',
      '.git/config',
      'test/a.ts',
      'node_modules/a/b.js',
    ];
    const others = [
      'cloudflared/credentials.json',
      'deploy/image/check.ts',
      'README.md',
      'bench/run.ts',
      'coverage/x',
      'anything',
    ];
    expect([...never, ...others].filter(isIn)).toEqual([]);
  });
});

interface Service {
  readonly profiles?: string[];
  readonly image: string;
  readonly environment?: Record<string, string>;
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly secrets?: string[];
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly depends_on?: unknown;
}

describe('docker-compose.yml', () => {
  const { services, volumes, secrets } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
    secrets: Record<string, unknown>;
  };
  const daemon = services['voicebridge']!;

  it('starts the daemon alone, and the rest by profile', () => {
    const profiles = Object.fromEntries(Object.entries(services).map(([name, { profiles }]) => [name, profiles?.[0]]));
    expect(profiles).toEqual({
      voicebridge: undefined,
      postgres: 'postgres',
      redis: 'redis',
      prometheus: 'monitoring',
      grafana: 'monitoring',
      cloudflared: 'tunnel',
    });
  });

  it('sets settings that exist, and leaves the daemon nothing to write on but its volume', () => {
    const { environment = {} } = daemon;
    expect(unknownSettings(Object.keys(environment))).toEqual([]);
    expect(daemon.read_only).toBe(true);
    expect(daemon.volumes).toEqual([`data:${environment['DATA_DIR']}`]);
  });

  it('publishes nothing that speaks HTTP beyond this machine: whom its networks trust, nobody else can pass for', () => {
    for (const [name, { ports = [] }] of Object.entries(services))
      for (const port of ports)
        if (!port.endsWith('/udp'))
          expect(port, name).toMatch(/^(?:\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}|127\.0\.0\.1):/);
  });

  it('publishes the port and the UDP range, by the same numbers inside and out', () => {
    const range = daemon.environment?.['RTC_PORT_RANGE'] ?? '';
    expect(daemon.environment?.['PORT']).toBe(String(PORT));
    const published = `\${PUBLISH_ADDRESS:-127.0.0.1}:\${PORT:-${PORT}}:${PORT}`;
    expect(daemon.ports).toEqual([published, `${range}:${range}/udp`]);
    const [, low, high] = /^\$\{RTC_PORT_RANGE:-(\d+)-(\d+)\}$/.exec(range) ?? [];
    expect(PORT < Number(low) || PORT > Number(high)).toBe(true);
  });

  it('waits for the drain before it kills, and stops the tunnel and the database after the daemon', () => {
    const minutes = Number(/^(\d+)m$/.exec(daemon.stop_grace_period ?? '')?.[1]);
    expect(minutes * 60).toBeGreaterThanOrEqual(DRAIN);
    expect(Object.keys(daemon.depends_on as object)).toEqual(['postgres', 'redis', 'cloudflared']);
    for (const name of ['postgres', 'redis', 'cloudflared']) expect(services[name]?.depends_on).toBeUndefined();
  });

  it('pins every image that it does not build, and names volumes, secrets and files that are there', () => {
    for (const [name, service] of Object.entries(services)) {
      if (name !== 'voicebridge') expect(service.image, name).toMatch(/^[\w./-]+:v?\d+[\w.-]*$/);
      for (const mount of service.volumes ?? []) {
        const [source = ''] = mount.split(':');
        if (source.startsWith('./')) expect(existsSync(join(root, source)), mount).toBe(true);
        else expect(Object.keys(volumes), mount).toContain(source);
      }
      for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret);
    }
  });

  it('Prometheus asks the daemon, with the token that Compose puts in its place, and Grafana asks Prometheus', () => {
    const { scrape_configs } = parse(read('deploy/prometheus.yml')) as {
      scrape_configs: { authorization: { credentials_file: string }; static_configs: { targets: string[] }[] }[];
    };
    expect(scrape_configs[0]?.static_configs[0]?.targets).toEqual([`voicebridge:${PORT}`]);
    expect(scrape_configs[0]?.authorization.credentials_file).toBe(
      `/run/secrets/${services['prometheus']?.secrets?.[0]}`,
    );
    const sources = parse(read('deploy/grafana/datasources/prometheus.yml')) as { datasources: { url: string }[] };
    expect(sources.datasources[0]?.url).toBe('http://prometheus:9090');
    const boards = parse(read('deploy/grafana/dashboards/voicebridge.yml')) as {
      providers: { options: { path: string } }[];
    };
    expect(services['grafana']?.volumes).toContain(`./docs/grafana:${boards.providers[0]?.options.path}:ro`);
  });
});

describe('cloudflared/config.yml', () => {
  const { ingress } = parse(read('cloudflared/config.yml')) as {
    ingress: { hostname?: string; path?: string; service: string }[];
  };
  const serviceOf = (hostname: string, path: string) =>
    ingress.find((rule) => (rule.hostname ?? hostname) === hostname && new RegExp(rule.path ?? '').test(path))?.service;

  it('leads webhooks and the media WebSocket to the daemon, and nothing but its own host', () => {
    const daemon = `http://127.0.0.1:${PORT}`;
    for (const path of [...Object.values(PATHS), '/health/ready']) {
      expect(serviceOf('voice.example.com', path)).toBe(daemon);
    }
    expect(serviceOf('voice.example.com', '/metrics')).toBe('http_status:404');
    expect(serviceOf('other.example.com', '/incoming-call')).toBe('http_status:404');
  });

  it('ends with a rule for everything else, without which cloudflared does not start', () => {
    expect(ingress.at(-1)).toEqual({ service: 'http_status:404' });
    expect(ingress.some(({ path }) => path === `^${PATHS.mediaStream}$`)).toBe(true);
  });
});

describe('deploy/northflank.json', () => {
  const text = read('deploy/northflank.json');
  const template = JSON.parse(text) as { arguments: Record<string, string>; spec: unknown };
  const nodes = new Map<string, Node>();
  interface Node {
    readonly ref?: string;
    readonly spec: {
      readonly ports: { internalPort: number; public: boolean; protocol: string }[];
      readonly healthChecks: { type: string; path: string; port: number }[];
      readonly deployment: { gracePeriodSeconds: number; instances: number };
      readonly runtimeEnvironment: Record<string, string>;
      readonly secrets: { variables: Record<string, string> };
      readonly mounts: { containerMountPath: string }[];
      readonly attachedObjects: { id: string }[];
    };
  }
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('kind' in value && 'ref' in value) nodes.set(String(value.kind), value as unknown as Node);
    for (const inner of Object.values(value)) collect(inner);
  };
  collect(template.spec);
  const service = nodes.get('CombinedService')!;

  it('defines every argument and reference that it uses, and uses every one that it defines', () => {
    const used = (kind: string) =>
      new Set([...text.matchAll(new RegExp(`\\$\\{${kind}\\.(\\w+)`, 'g'))].map(([, name]) => name));
    expect(used('args')).toEqual(new Set(Object.keys(template.arguments)));
    const refs = [...nodes.values()].map(({ ref }) => ref);
    expect([...used('refs')].filter((name) => !refs.includes(name))).toEqual([]);
  });

  it('holds no secret itself, and sets settings that exist', () => {
    const { runtimeEnvironment } = service.spec;
    const { variables } = nodes.get('SecretGroup')!.spec.secrets;
    expect(unknownSettings([...Object.keys(runtimeEnvironment), ...Object.keys(variables)])).toEqual([]);
    for (const [name, value] of Object.entries(variables)) {
      expect(value).toBe(`\${args.${name}}`);
      expect(template.arguments[name]).toBe('');
    }
  });

  it('serves the port over HTTP, and asks health routes that exist', async () => {
    const port = Number(service.spec.runtimeEnvironment['PORT']);
    expect(port).toBe(PORT);
    expect(service.spec.ports).toMatchObject([{ internalPort: port, public: true, protocol: 'HTTP' }]);
    expect(service.spec.healthChecks.map(({ type, path }) => [type, path])).toEqual([
      ['startupProbe', '/health/live'],
      ['livenessProbe', '/health/live'],
      ['readinessProbe', '/health/ready'],
    ]);
    for (const check of service.spec.healthChecks) {
      expect(check.port).toBe(port);
      expect(await hasRoute(check.path)).toBe(true);
    }
  });

  it('keeps the volume where the daemon keeps its data, and kills nothing before the drain is over', () => {
    const { runtimeEnvironment, deployment } = service.spec;
    expect(nodes.get('Volume')?.spec.mounts[0]?.containerMountPath).toBe(runtimeEnvironment['DATA_DIR']);
    expect(nodes.get('Volume')?.spec.attachedObjects[0]?.id).toBe(`\${refs.${service.ref}.id}`);
    expect(deployment.instances).toBe(1);
    expect(deployment.gracePeriodSeconds).toBeGreaterThanOrEqual(Number(runtimeEnvironment['DRAIN_TIMEOUT']) + 30);
    expect(deployment.gracePeriodSeconds).toBeGreaterThanOrEqual(DRAIN);
  });
});

/** Whether the daemon has this route for health. */
async function hasRoute(url: string): Promise<boolean> {
  const app = Fastify();
  await app.register(healthRoutes, {
    health: () => ({ status: 'ok', activeSessions: 0, uptime: 0, memory: { rss: 0, heapTotal: 0, heapUsed: 0 } }),
    readiness: () => 'ok',
  });
  const { statusCode } = await app.inject(url);
  await app.close();
  return statusCode === 200;
}
