import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, NO_REDIS, redisProgram, startRedis, type TestRedis } from '../redis-server.ts';
import { startDaemonProcess } from './daemon-process.ts';
import { INSTANCE } from './fleet-calls.ts';
import { asked } from './rig.ts';

/** Redis over TLS alone, with a password, and a certificate of an authority of the operator's own. */

const PASSWORD = 'canary-password-of-redis';
const missing =
  redisProgram === undefined
    ? NO_REDIS
    : spawnSync('openssl', ['version']).error === undefined
      ? undefined
      : 'openssl is not in the PATH';

it('is tried with a real Redis and a certificate', ({ skip }) => {
  skip(missing !== undefined, missing);
});

describe.skipIf(missing !== undefined)('Redis over TLS', () => {
  let folder: string;
  let redis: TestRedis;
  let url: string;
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-tls-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority of a test');
    const of = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1'];
    openssl('req', '-x509', ...key, ...of, '-keyout', 'redis.key', '-out', 'redis.pem', '-subj', '/CN=redis');
    const port = await freePort();
    const certificate = ['--tls-cert-file', file('redis.pem'), '--tls-key-file', file('redis.key')];
    const tls = ['--tls-port', `${port}`, ...certificate, '--tls-ca-cert-file', file('ca.pem')];
    redis = await startRedis('--port', '0', ...tls, '--tls-auth-clients', 'no', '--requirepass', PASSWORD);
    url = `rediss://:${PASSWORD}@127.0.0.1:${port}`;
  }, 60_000);
  afterAll(async () => {
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const daemon = (name: string, settings: Record<string, string>) =>
    startDaemonProcess({ ...INSTANCE, LOG_LEVEL: 'warn', DATA_DIR: file(name), ...settings });
  const isHere = async (at: string) =>
    /^voicebridge_memory_here 1$/m.test(await (await fetch(`${at}/metrics`)).text()) ? true : undefined;

  it('is shared where its certificate is trusted', async () => {
    const one = await daemon('trusting', { REDIS_URL: url, NODE_EXTRA_CA_CERTS: file('ca.pem') });
    try {
      await asked(() => isHere(one.url), 'it is reached');
    } finally {
      await one.kill('SIGKILL');
    }
    expect(one.output()).not.toContain(PASSWORD);
  }, 60_000);

  it.each([
    ['its certificate is not trusted', {}, /certificate/i],
    ['the daemon speaks without TLS', { plain: true }, /./],
  ])(
    'is away where %s, which is said without the password',
    async (name, { plain = false }: { plain?: boolean }, why) => {
      const one = await daemon(name.replaceAll(' ', '-'), { REDIS_URL: plain ? url.replace('rediss', 'redis') : url });
      try {
        const said = await asked(
          async () => /^.*Redis cannot be reached at the start.*$/m.exec(one.output())?.[0],
          'the log says so',
        );
        expect(await isHere(one.url)).toBeUndefined();
        expect((JSON.parse(said) as { detail: string }).detail).toMatch(why);
        expect(one.output()).not.toContain(PASSWORD);
      } finally {
        await one.kill('SIGKILL');
      }
    },
    60_000,
  );
});
