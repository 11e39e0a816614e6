import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCarriers } from '../../../../../../src/callers/phone/carriers/index.ts';
import { privateKeyText } from '../../../../../../src/callers/phone/carriers/vonage/private-key.ts';
import { loadConfig } from '../../../../../../src/config.ts';
import { APPLICATION_ID, PRIVATE_PEM } from '../../../../../fixtures/vonage/key.ts';

const folder = mkdtempSync(join(tmpdir(), 'voicebridge-vonage-'));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true }));

const problemsOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the private key of an application', () => {
  const oneLine = PRIVATE_PEM.replaceAll('\n', '\\n');
  it.each([
    ['PEM', PRIVATE_PEM],
    ['PEM with the line breaks of another system', PRIVATE_PEM.replaceAll('\n', '\r\n')],
    ['PEM in one line', oneLine],
    ['PEM in one line of the other system', PRIVATE_PEM.replaceAll('\n', '\\r\\n')],
    ['PEM between blanks', `  ${PRIVATE_PEM}\n\n`],
    ['base64 of a PEM', Buffer.from(PRIVATE_PEM).toString('base64')],
    [
      'base64 of a PEM in lines',
      (
        Buffer.from(PRIVATE_PEM)
          .toString('base64')
          .match(/.{1,76}/g) ?? []
      ).join('\n'),
    ],
    ['a file', file('private.key', PRIVATE_PEM)],
    ['a file of one line', file('one-line.key', oneLine)],
    ['a file of base64', file('base64.key', Buffer.from(PRIVATE_PEM).toString('base64'))],
  ])('may be %s', (_what, text) => {
    expect(privateKeyText(text)).toBe(PRIVATE_PEM);
  });

  it.each([
    ['nothing of the kind', 'my key', 'is neither a private key in PEM'],
    ['a file that is not there', '/nowhere/private.key', 'is neither a private key in PEM'],
    ['a folder', folder, 'names a file that cannot be read: EISDIR'],
    ['the public half', '-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----', 'is neither a private key'],
    ['a broken PEM', '-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----', 'is no private key'],
    [
      'a key that is not RSA',
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'must be an RSA key of 2048 bits at least',
    ],
  ])('is refused as %s, and nothing of it is shown', (_what, text, says) => {
    const problems = problemsOf({ VONAGE_APPLICATION_ID: APPLICATION_ID, VONAGE_PRIVATE_KEY: text });
    expect(problems).toContain('VONAGE_PRIVATE_KEY');
    expect(problems).toContain(says);
    if (text.startsWith('-----')) expect(problems).not.toContain(text.slice(30, 60));
  });
});

describe('the settings of Vonage', () => {
  it('are refused that are set only in part, or are of another form', () => {
    expect(problemsOf({ VONAGE_APPLICATION_ID: APPLICATION_ID })).toContain(
      'VONAGE_PRIVATE_KEY: goes with VONAGE_APPLICATION_ID. Set both, or neither.',
    );
    expect(problemsOf({ VONAGE_API_KEY: 'abcd1234' })).toContain('VONAGE_API_SECRET: goes with VONAGE_API_KEY.');
    expect(problemsOf({ VONAGE_APPLICATION_ID: 'app', VONAGE_PRIVATE_KEY: PRIVATE_PEM })).toContain(
      'VONAGE_APPLICATION_ID: must be a UUID',
    );
    expect(problemsOf({ VONAGE_CODEC: 'PCMU@8000' })).toContain('VONAGE_CODEC');
  });

  it('give control with an application and its key, and proof with a signature secret', () => {
    const opened = (env: Record<string, string>) => openCarriers(loadConfig(env)).of({ carrier: 'vonage' });
    const deps = { clock: {} as never, log: { info() {}, warn() {} }, host: () => '', onStatus: () => {} };
    expect(opened({}).control?.(deps)).toBeUndefined();
    expect(opened({}).isSigned).toBe(false);
    const application = { VONAGE_APPLICATION_ID: APPLICATION_ID, VONAGE_PRIVATE_KEY: PRIVATE_PEM };
    expect(opened(application).control?.(deps)?.account).toEqual({ carrier: 'vonage', accountId: APPLICATION_ID });
    expect(() => opened({ ...application, VONAGE_API_URL: 'http://api.example.com' }).control?.(deps)).toThrow(
      'VONAGE_API_URL: the address of a carrier',
    );
    expect(opened({ VONAGE_SIGNATURE_SECRET: 'a, b' }).checks.signingSecret).toBe('a');
  });
});
