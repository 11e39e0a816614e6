import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { liveUrl } from '../deploy/health.ts';
import { loadEnvFile } from '../src/config.ts';
import { BridgeError, errorMessage } from '../src/errors.ts';
import { readOperatorFileSync, readYaml } from '../src/operator-file.ts';
import { type Program, runBeside } from './beside.ts';

/** `npm run tunnel`: the daemon with a Cloudflare Tunnel beside it. Ends with the daemon's exit status, or 2 when it cannot begin. */

const USAGE = `Usage: npm run tunnel [-- --config FILE]

Starts the daemon and, once it listens, cloudflared; starts cloudflared again when it dies; stops it after the daemon.

  --config FILE   rules of a locally managed tunnel (default: cloudflared/config.yml)

With TUNNEL_TOKEN or TUNNEL_TOKEN_FILE set the tunnel is run by token, and its rules are those of Cloudflare's dashboard.
CLOUDFLARED names the program when it is not in PATH.
`;

type Env = Readonly<Record<string, string | undefined>>;

/** What cloudflared gets of the environment: its own variables and where things are, and none of the daemon's secrets. */
const FOR_TUNNEL = /^(TUNNEL_.*|NO_AUTOUPDATE|PATH|HOME|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY)$/i;

/** Why the tunnel cannot be started, in words for its operator. */
export class TunnelError extends Error {}

/** How cloudflared is to be called. Throws a TunnelError that says what to do. The token stays in the environment, where `ps` does not show it. */
export function tunnelProgram(env: Env, configFile: string): Program {
  const command = env['CLOUDFLARED'] ?? 'cloudflared';
  if (!isThere(command, env))
    throw new TunnelError(`${command} is not installed: see docs/tunnel.md, or set CLOUDFLARED`);
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => FOR_TUNNEL.test(name)));
  const port = new URL(liveUrl(env)).port;
  if (port === '0') throw new TunnelError('PORT is 0: a tunnel needs to know the port beforehand');
  if (env['TUNNEL_TOKEN'] || env['TUNNEL_TOKEN_FILE']) {
    return { command, args: ['tunnel', '--no-autoupdate', 'run'], env: own };
  }
  if (!existsSync(configFile)) throw new TunnelError(`there is neither TUNNEL_TOKEN nor ${configFile}`);
  const problem = configProblem(rules(configFile), port, env['PUBLIC_URL']);
  if (problem !== undefined) throw new TunnelError(`${configFile}: ${problem}`);
  return { command, args: ['tunnel', '--config', configFile, 'run'], env: own };
}

function isThere(command: string, env: Env): boolean {
  if (command.includes('/')) return existsSync(command);
  return (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

/** The text of the rules: what cloudflared would understand otherwise, or not at all, is said before it is started. */
function rules(configFile: string): string {
  try {
    return readOperatorFileSync(configFile);
  } catch (error) {
    throw new TunnelError(`${configFile}: ${errorMessage(error)}`);
  }
}

/** What in the rules does not go with the daemon's settings: every tunnel would come up and no call would arrive. */
function configProblem(text: string, port: string, publicUrl: string | undefined): string | undefined {
  const { value, problems } = readYaml(text);
  if (problems[0] !== undefined) return `line ${problems[0].line}: ${problems[0].problem}`;
  const { ingress = [] } = (value ?? {}) as { ingress?: { hostname?: string; service?: string }[] };
  const origins = ingress.flatMap(({ service = '' }) => (/^https?:/.test(service) ? [new URL(service)] : []));
  if (origins.length === 0) return 'no rule leads to the daemon';
  const astray = origins.find((origin) => (origin.port || '80') !== port);
  if (astray !== undefined) return `a rule leads to ${astray.origin}, but the daemon listens on port ${port}`;
  const host = publicUrl === undefined || publicUrl === '' ? undefined : new URL(publicUrl).hostname;
  const names = ingress.flatMap(({ hostname }) => (hostname === undefined ? [] : [hostname]));
  if (host !== undefined && names.length > 0 && !names.includes(host)) {
    return `no rule is for ${host}, the host of PUBLIC_URL; there are rules for ${[...new Set(names)].join(', ')}`;
  }
  return undefined;
}

/** Whether something answers HTTP at this address; asks again until it does. */
async function listening(url: string, over: AbortSignal): Promise<boolean> {
  while (!over.aborted) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer !== undefined) return true;
    await delay(200, undefined, { signal: over }).catch(() => undefined);
  }
  return false;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: join(import.meta.dirname, 'config.yml') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  loadEnvFile();
  const { env } = process;
  const say = (line: string) => void process.stderr.write(`tunnel: ${line}\n`);
  const tunnel = tunnelProgram(env, values.config);
  const url = liveUrl(env);
  const ours = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TUNNEL_')));
  const beside = runBeside({
    daemon: { command: process.execPath, args: [join(import.meta.dirname, '../src/main.ts')], env: ours },
    tunnel,
    listening: (over) => listening(url, over),
    retry: { firstMs: 1_000, longestMs: 30_000, steadyMs: 60_000 },
    // cloudflared's own grace period, and a little.
    stopMs: 35_000,
    say,
  });
  process.on('SIGTERM', () => beside.signal('SIGTERM'));
  process.on('SIGINT', () => beside.signal('SIGINT'));
  process.on('SIGHUP', () => beside.signal('SIGTERM'));
  process.once('exit', () => beside.kill());
  return beside.ended;
}

if (import.meta.main) {
  main().then(
    (status) => process.exit(status),
    (error: unknown) => {
      const said = error instanceof TunnelError || error instanceof BridgeError || error instanceof TypeError;
      if (!said) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exit(2);
    },
  );
}
