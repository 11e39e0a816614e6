import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminTokens } from '../../../src/http/admin-token.ts';

const MADE = /^[\w-]{43}$/;
let folder: string;
let file: string;
const open = (over: { ADMIN_TOKEN?: string[]; DATA_DIR?: string } = {}) =>
  adminTokens({ ADMIN_TOKEN: [], DATA_DIR: folder, ...over });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-token-'));
  file = join(folder, 'admin-token');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the token of the operators', () => {
  it('is that of the settings where one is set, and nothing is written', () => {
    expect(open({ ADMIN_TOKEN: ['a', 'b'] })).toEqual({ tokens: ['a', 'b'] });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is made once, for its owner’s eyes, and kept over restarts', () => {
    const first = open();
    expect(first).toEqual({ tokens: [expect.stringMatching(MADE)], file, wasReadable: false });
    expect(readFileSync(file, 'utf8')).toBe(`${first.tokens[0]}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(open()).toEqual(first);
    expect(readdirSync(folder)).toEqual(['admin-token']);
    rmSync(file);
    expect(open().tokens).not.toEqual(first.tokens);
  });

  it('has a folder made for it that is its owner’s alone', () => {
    const inner = join(folder, 'not', 'there');
    expect(open({ DATA_DIR: inner }).file).toBe(join(inner, 'admin-token'));
    expect(statSync(inner).mode & 0o777).toBe(0o700);
  });

  it('that others could read is taken from their eyes, and that is said', () => {
    open();
    chmodSync(file, 0o640);
    expect(open().wasReadable).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(open().wasReadable).toBe(false);
  });

  it('may be put there by the operator: with any line end, or as a link to a mounted secret', () => {
    writeFileSync(file, '  the-token-of-an-operator\r\n', { mode: 0o600 });
    expect(open().tokens).toEqual(['the-token-of-an-operator']);
    rmSync(file);
    writeFileSync(join(folder, 'secret'), 'the-token-of-another-one', { mode: 0o600 });
    symlinkSync('secret', file);
    expect(open().tokens).toEqual(['the-token-of-another-one']);
  });

  it.each(['', '\n', 'fifteen-letters', 'a token with blanks in it', 'ein-Schlüssel-mit-Umlaut'])(
    'never is what could not be one: %j',
    (text) => {
      writeFileSync(file, text, { mode: 0o600 });
      expect(() => open()).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(file) }),
      );
    },
  );

  it('that cannot be kept stops the start, and says what would help', () => {
    mkdirSync(file);
    expect(() => open()).toThrow(
      /ADMIN_TOKEN: is not set, and .*admin-token cannot be used: .*Set ADMIN_TOKEN, or DATA_DIR/,
    );
    writeFileSync(join(folder, 'file'), '');
    expect(() => open({ DATA_DIR: join(folder, 'file') })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
