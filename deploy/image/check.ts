import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBase, which } from './base.ts';
import { buildImage, type Image } from './build.ts';
import { type Container, freePort, placeCall, runInContainer, startContainer } from './container.ts';

/**
 * `npm run image`: builds the image without a container engine and calls it. Debian's debootstrap makes the base, the Dockerfile's own steps
 * are run in it, and the daemon is started from the result as the image says: as its user, with a read-only root, its volume the only place
 * that can be written. Exit status 0 when calls over both transports were answered; 77 when this machine cannot do it, with the reason.
 */

const USAGE = `Usage: npm run image -- [options]

  --context DIR   build this folder instead of the last commit
  --base DIR      keep the base there, and use it when it is there already
`;

/** Exit status by which test runners know a check that was not made. */
const SKIPPED = 77;

const project = resolve(import.meta.dirname, '../..');
const started = performance.now();

function say(line: string): void {
  process.stdout.write(`${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`);
}

/** Why the check cannot be made here, or undefined. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'it needs root on Linux, to make and enter roots';
  for (const program of ['debootstrap', 'unshare', 'chroot', 'git', 'npm']) {
    try {
      which(program);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}

/** How this machine reaches its registries, for use within: its resolver, its certificates and npm's registry. */
function registryAccess(): { env: Record<string, string>; mounts: Array<readonly [string, string]> } {
  const npm = (key: string) => execFileSync(which('npm'), ['config', 'get', key], { encoding: 'utf8' }).trim();
  const env: Record<string, string> = { npm_config_registry: npm('registry'), npm_config_cache: '/tmp/npm-cache' };
  const mounts: Array<readonly [string, string]> = [['/etc/resolv.conf', '/etc/resolv.conf']];
  const certificates = process.env['NODE_EXTRA_CA_CERTS'] ?? process.env['SSL_CERT_FILE'] ?? npm('cafile');
  if (existsSync(certificates)) {
    mounts.push([certificates, '/run/registry-certificates.crt']);
    env['NODE_EXTRA_CA_CERTS'] = '/run/registry-certificates.crt';
  }
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
    const value = process.env[name] ?? process.env[name.toUpperCase()];
    if (value !== undefined) env[name] = value;
  }
  return { env, mounts };
}

function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
  say(`ok: ${what}`);
}

/** What was added to the base, MB; uncompressed, as files lie on a disk. */
function sizeOf(image: Image): string {
  const [all = 0, modules = 0] = ['app', 'app/node_modules'].map((folder) =>
    Number.parseInt(execFileSync('du', ['-sm', join(image.root, folder)], { encoding: 'utf8' }), 10),
  );
  return `/app has ${all} MB, ${modules} MB of them in node_modules`;
}

/** What is true of the image before anything listens. */
async function inspect(image: Image, work: string): Promise<void> {
  const data = join(work, 'data-inspect');
  const script =
    'id -u; touch /app/x /tmp/x /etc/x 2>/dev/null; ls -d /app/x /tmp/x /etc/x 2>/dev/null; touch /data/x && ls /data';
  const seen = await runInContainer(image, data, ['sh', '-c', script]);
  expectThat(seen === '1000\nx\n', 'it runs as user 1000, and can write nothing but /data');
  const has = (path: string) => existsSync(join(image.root, 'app', path));
  expectThat(!has('node_modules/vitest') && !has('node_modules/typescript'), 'no development dependency is in it');
  expectThat(
    !has('.env') && !has('.git') && !has('data') && !has('test'),
    'no secret, history, database or test is in it',
  );
  expectThat(has('node_modules/@discordjs/opus'), 'the Opus add-on is in it');
  await runInContainer(image, data, ['check']);
  say('ok: `check` finds its settings, tools, prompts and routes in order');
  const doctor = await runInContainer(image, data, ['doctor'], { HOST: '127.0.0.1', PORT: String(await freePort()) });
  expectThat(/^\d+ pass, \d+ warn, 0 fail, \d+ skip$/m.test(doctor), '`doctor` finds nothing that has failed');
  const refusal = await runInContainer(image, data, ['no-such-command']).catch((error: Error) => error.message);
  expectThat(refusal.includes('unknown command: no-such-command'), 'an unknown command is refused');
}

/** The daemon answers a carrier's call, with the model's part played by a second container of the same image. */
async function callIt(image: Image, work: string, useWebrtc: boolean, carrier: string): Promise<void> {
  const [port, modelPort] = [await freePort(), await freePort()];
  const name = useWebrtc ? 'webrtc' : 'websocket';
  const containers: Container[] = [];
  const start = (data: string, command: string[], env: Record<string, string>) => {
    const container = startContainer(image, join(work, data), command, env);
    containers.push(container);
    return container;
  };
  try {
    const model = start(`model-${name}`, ['simulator', '--port', String(modelPort)], {});
    await model.printed('Realtime simulator on', 60_000);
    const daemon = start(`data-${name}`, [...image.command], {
      HOST: '127.0.0.1',
      PORT: String(port),
      USE_WEBRTC: String(useWebrtc),
      OPENAI_BASE_URL: `http://127.0.0.1:${modelPort}/v1`,
      OPENAI_API_KEY: 'sk-image-check',
      METRICS_ACCESS: 'public',
    });
    await daemon.printed('voicebridge listens on', 60_000);
    expectThat(await daemon.healthy(), `USE_WEBRTC=${useWebrtc}: the daemon listens and its health check passes`);
    const { ok, reason } = await placeCall(project, `http://127.0.0.1:${port}/incoming-call`, carrier);
    expectThat(ok, `USE_WEBRTC=${useWebrtc}: a call from ${carrier}, placed from outside, is answered: ${reason}`);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expectThat(
      metrics.includes('voicebridge_call_count_total{counter="transport_fallback"} 0\n'),
      `USE_WEBRTC=${useWebrtc}: it did not fall back to the other transport`,
    );
    const status = await daemon.stop();
    expectThat(status === 0, `USE_WEBRTC=${useWebrtc}: SIGTERM ends the daemon with status 0`);
    expectThat(!(await daemon.healthy()), 'the health check fails once nothing listens');
    expectThat((await model.stop()) === 0, 'SIGTERM ends the simulator with status 0');
  } catch (error) {
    for (const container of containers) process.stderr.write(`--- output\n${container.output().slice(-4_000)}\n`);
    throw error;
  } finally {
    for (const container of containers) container.kill();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { context: { type: 'string' }, base: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const reason = obstacle();
  if (reason !== undefined) {
    process.stdout.write(`SKIPPED: the image was not checked: ${reason}\n`);
    return SKIPPED;
  }
  const work = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    const context = values.context === undefined ? lastCommit(join(work, 'context')) : resolve(values.context);
    const base = resolve(values.base ?? join(work, 'base'));
    if (!existsSync(base)) {
      say('making the base: Debian bookworm, Node 24');
      makeBase(base);
    }
    const read = (name: string) => readFileSync(join(context, name), 'utf8');
    const image = await buildImage({
      dockerfile: read('Dockerfile'),
      dockerignore: read('.dockerignore'),
      context,
      base,
      work,
      network: registryAccess(),
      say,
    });
    say(sizeOf(image));
    await inspect(image, work);
    await callIt(image, work, true, 'twilio');
    await callIt(image, work, false, 'signalwire');
    say('the image is in order');
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The last commit's files, whatever else the work tree holds. */
function lastCommit(folder: string): string {
  mkdirSync(folder);
  const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: project, maxBuffer: 1 << 30 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  return folder;
}

if (import.meta.main) {
  main().then(
    (status) => process.exit(status),
    (error: Error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    },
  );
}
