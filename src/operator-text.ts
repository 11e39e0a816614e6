import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BridgeError } from './errors.ts';

/** The text of files that an operator writes, as `operator-file.ts` has it: a part of its own for threads that read no settings, which spares them the readers of those. */

/** Byte order marks, the longer first: UTF-32's little-endian one begins as UTF-16's. https://www.unicode.org/faq/utf_bom#bom4 */
const MARKS: ReadonlyArray<{ readonly bytes: readonly number[]; readonly encoding: string }> = [
  { bytes: [0xff, 0xfe, 0, 0], encoding: 'utf-32' },
  { bytes: [0, 0, 0xfe, 0xff], encoding: 'utf-32' },
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];

const wrong = (problem: string) => new BridgeError('CONFIG_INVALID', problem);

const encodingOf = (bytes: Uint8Array) =>
  MARKS.find((mark) => mark.bytes.every((byte, i) => bytes[i] === byte))?.encoding ?? 'utf-8';

/** Text with `\n` for line ends and no byte order mark. Throws CONFIG_INVALID, with the line, where it holds a NUL: that is no text. */
export function plainText(text: string): string {
  const plain = text.replace(/^\ufeff+/, '').replace(/\r\n?/g, '\n');
  const nul = plain.indexOf('\0');
  if (nul >= 0) throw wrong(`line ${lineAt(plain, nul)}: holds a NUL character: save the file as UTF-8 text`);
  return plain;
}

/** The text of a file's bytes: UTF-8, or UTF-16 that says so by its byte order mark. Throws CONFIG_INVALID for all else. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  if (encoding === 'utf-32') throw wrong('is UTF-32: save the file as UTF-8');
  try {
    return plainText(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw wrong(`line ${lineOfDamage(bytes, encoding)}: is not ${encoding.toUpperCase()}: save the file as UTF-8`);
  }
}

/**
 * A plain text in the form of the file that it replaces: with its byte order mark, and the ends that most of its lines have, so that whoever compares the two by lines sees what was written
 * and nothing else. What was UTF-16 is UTF-8 from then on.
 */
export function inFormOf(bytes: Uint8Array, text: string): string {
  const was = new TextDecoder(encodingOf(bytes), { ignoreBOM: true }).decode(bytes);
  const ends = was.match(/\r?\n/g) ?? [];
  const isWindows = ends.filter((end) => end !== '\n').length > ends.length / 2;
  return `${was.startsWith('\ufeff') ? '\ufeff' : ''}${isWindows ? text.replaceAll('\n', '\r\n') : text}`;
}

/** As far as it can be read, an undecodable file's lines: the last of them has the byte that cannot be. */
function lineOfDamage(bytes: Uint8Array, encoding: string): number {
  // What is damaged decodes to U+FFFD where the decoder is not told to throw; one that stands in the file is written with its own bytes.
  const lines = new TextDecoder(encoding).decode(bytes).split(/\r\n?|\n/);
  const at = lines.findIndex((line) => line.includes('\ufffd'));
  return at < 0 ? lines.length : at + 1;
}

/** Reads a file. Rejects as `readFile` does when there is none, with CONFIG_INVALID when it is no text. */
export async function readOperatorFile(path: string): Promise<string> {
  return decodeText(await readFile(path));
}

/** As `readOperatorFile`, at once: for threads that carry no audio, and before there are calls. */
export function readOperatorFileSync(path: string): string {
  return decodeText(readFileSync(path));
}

/** The line, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
