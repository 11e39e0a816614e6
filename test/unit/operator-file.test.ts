import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig, loadEnvFile } from '../../src/config.ts';
import { parseEnvFile } from '../../src/env-file.ts';
import { decodeText, readJson, readOperatorFile, readYaml } from '../../src/operator-file.ts';
import { meant } from '../../src/suggest.ts';

const bytes = (text: string, encoding: BufferEncoding = 'utf8', mark: number[] = []) =>
  Buffer.concat([Buffer.from(mark), Buffer.from(text, encoding)]);
const failureOf = (work: () => unknown): string => {
  try {
    work();
    return '';
  } catch (error) {
    return `${(error as { code?: string }).code} ${(error as Error).message}`;
  }
};
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('a file that an operator wrote', () => {
  const bigEndian = Buffer.from('\ufeffa\n\u00e9', 'utf16le').swap16();
  it.each([
    ['UTF-8', bytes('a\n\u00e9')],
    ['a byte order mark', bytes('a\n\u00e9', 'utf8', [0xef, 0xbb, 0xbf])],
    ['two of them', bytes('\ufeffa\n\u00e9', 'utf8', [0xef, 0xbb, 0xbf])],
    ['CRLF', bytes('a\r\n\u00e9')],
    ['CR alone', bytes('a\r\u00e9')],
    ['UTF-16, little end first', bytes('\ufeffa\r\n\u00e9', 'utf16le')],
    ['UTF-16, big end first', bigEndian],
  ])('is read for what it says, as %s', (_, content) => expect(decodeText(content)).toBe('a\n\u00e9'));

  it.each([
    ['UTF-16 without a mark', bytes('ab', 'utf16le'), 'line 1: holds a NUL character'],
    ['a NUL', bytes('a\nb\0'), 'line 2: holds a NUL character'],
    ['Latin-1', bytes('a\r\nb\r\ncaf\u00e9', 'latin1'), 'line 3: is not UTF-8'],
    ['cut-off UTF-16', bytes('\ufeffab', 'utf16le').subarray(0, 5), 'line 1: is not UTF-16LE'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 97, 0, 0, 0]), 'is UTF-32'],
  ])('that is %s is refused with its line', (_, content, message) => {
    expect(failureOf(() => decodeText(content))).toContain(`CONFIG_INVALID ${message}`);
  });

  it('is read from its path, and is missing as any file is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-operator-'));
    folders.push(folder);
    writeFileSync(join(folder, 'a.md'), '\ufeffx\r\n');
    expect(await readOperatorFile(join(folder, 'a.md'))).toBe('x\n');
    await expect(readOperatorFile(join(folder, 'b.md'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('YAML and JSON', () => {
  it.each([
    ['a tab for indentation', 'a:\n\tb: 1', 2, 'a tab cannot indent YAML'],
    ['a key that is there twice', 'a: 1\nb: 2\na: 3', 3, 'Map keys must be unique'],
    ['two documents', 'a: 1\n---\nb: 2', 2, 'more than one YAML document'],
    ['a tag nobody knows', 'a: 1\nb: !secret x', 2, 'Unresolved tag'],
    ['an alias of nothing', 'a: *b', 1, 'Unresolved alias'],
    ['lists without end', '['.repeat(5_000), 1, ''],
  ])('tells the line of %s', (_, text, line, problem) => {
    const { value, problems } = readYaml(text);
    expect(value).toBeUndefined();
    expect(problems[0]).toMatchObject({ line, problem: expect.stringContaining(problem) });
  });

  it('counts lines from where the text stands in its file', () => {
    const file = readYaml('a: 1\nb: [1, 2]', 5);
    expect([file.value, file.lineOf(['b', 1]), file.lineOf(['nothing'])]).toEqual([{ a: 1, b: [1, 2] }, 6, 5]);
  });

  it('takes of JSON no key that is there twice, though JSON itself would take the last', () => {
    expect(readJson('\ufeff{\r\n\t"a": 1\r\n}').value).toEqual({ a: 1 });
    expect(readJson('{\n"enabled": false,\n"enabled": true}').problems).toMatchObject([{ line: 3 }]);
    expect(readJson('{\n"a": 1,\n}').problems).toMatchObject([
      { line: 3, problem: expect.stringContaining('not valid JSON') },
    ]);
  });

  it('guesses what was meant, and only where it is near', () => {
    const known = ['tools', 'voice', 'turnDetection', 'recording'];
    expect(
      ['Tools', 'tool', 'vioce', 'turn_detection', 'RECORDNG', 'greeting', ''].map((w) => meant(w, known)),
    ).toEqual(['tools', 'tools', 'voice', 'turnDetection', 'recording', undefined, undefined]);
  });
});

describe('.env', () => {
  const KNOWN = ['RECORDING', 'PORT', 'OPENAI_API_KEY', 'FALLBACK_SAY'];
  const read = (text: string) => parseEnvFile('.env', text, KNOWN);

  it('is read as Node reads it, behind a byte order mark and with any line ends', () => {
    const text =
      '\ufeffRECORDING=off\r\n# a\r\n\r\nexport PORT="80"\r\nTOOL_KEY=a=b # c\r\nFALLBACK_SAY="one\r\ntwo"\rOTHER=\'x\'\n';
    expect({ ...read(text) }).toEqual({
      RECORDING: 'off',
      PORT: '80',
      TOOL_KEY: 'a=b',
      FALLBACK_SAY: 'one\ntwo',
      OTHER: 'x',
    });
  });

  it.each([
    ['RECORDING: off', '.env:1: is no setting'],
    ['PORT=1\nRECORDING off', '.env:2: is no setting'],
    ['RECORDING=off\nRECORDING=wav', '.env:2: RECORDING is set in line 1 already'],
    ['FALLBACK_SAY="one\nPORT=1', '.env:1: FALLBACK_SAY: the quote'],
    ['recording=off', '.env:1: there is no setting recording; did you mean RECORDING?'],
    ['RECORDNG=off', '.env:1: there is no setting RECORDNG; did you mean RECORDING?'],
    ['PORT=1\0', 'line 1: holds a NUL'],
  ])('is not understood in part: %j', (text, message) => expect(failureOf(() => read(text))).toContain(message));

  it('may hold names of others', () => {
    expect(Object.keys(read('TOOL_KEY=1\nPOSTGRES_PASSWORD=x\nPORTS=1\nRECORDING=off\nRECORDING=off'))).toHaveLength(4);
  });

  it('behind a byte order mark sets what it says, and nothing that the environment has', () => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-env-'));
    folders.push(folder);
    const path = join(folder, '.env');
    writeFileSync(path, Buffer.from('\ufeffTOOL_CANARY_ONE=1\r\nTOOL_CANARY_TWO=2\r\n', 'utf16le'));
    process.env['TOOL_CANARY_TWO'] = 'kept';
    loadEnvFile(path);
    loadEnvFile(join(folder, 'none'));
    expect([process.env['TOOL_CANARY_ONE'], process.env['TOOL_CANARY_TWO']]).toEqual(['1', 'kept']);
    delete process.env['TOOL_CANARY_ONE'];
    delete process.env['TOOL_CANARY_TWO'];
    writeFileSync(path, 'RECORDING off\n');
    expect(failureOf(() => loadEnvFile(path))).toContain(`${path}:1: is no setting`);
  });

  it('as a container engine passes it on is read for what it says, or refused', () => {
    expect(
      loadConfig({ FALLBACK_SAY: '"Please call again."\r', PORT: "'81'", OPENAI_HEADERS: '{"a":"b"}' }),
    ).toMatchObject({
      FALLBACK_SAY: 'Please call again.',
      PORT: 81,
      OPENAI_HEADERS: { a: 'b' },
    });
    expect(failureOf(() => loadConfig({ '\ufeffRECORDING': 'off' }))).toContain('RECORDING: the environment has it as');
    expect(failureOf(() => loadConfig({ 'export RECORDING': 'off' }))).toContain(
      'RECORDING: the environment has it as',
    );
  });
});
