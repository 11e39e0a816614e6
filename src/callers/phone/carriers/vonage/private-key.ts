import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errorMessage } from '../../../../errors.ts';

/** A key file is two or three kilobytes. */
const TEXT_MOST = 16_384;
/** What Vonage makes for an application: https://developer.vonage.com/en/application/overview */
const LEAST_BITS = 2048;

const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/**
 * The private key of an application, however it is spelled: PEM with its line breaks, PEM in one line with `\n` for them, base64 of a PEM, or
 * the path of a file that holds one of these. Throws an Error that says what is wrong and quotes nothing of it.
 */
export function privateKeyOf(setting: string): KeyObject {
  const pem = pemIn(setting) ?? pemIn(fileText(setting));
  if (pem === undefined)
    throw new Error('is neither a private key in PEM, nor base64 of one, nor a file that holds one');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's own words would name neither the setting nor anything that helps.
    throw new Error('holds a PEM that is no private key, or one that is encrypted');
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < LEAST_BITS)
    throw new Error(`must be an RSA key of ${LEAST_BITS} bits at least, since Vonage signs with RS256`);
  return key;
}

/** The key as one text, which any spelling of it becomes. */
export const privateKeyText = (setting: string): string =>
  privateKeyOf(setting).export({ type: 'pkcs8', format: 'pem' }).toString();

/** The PEM that a text is or spells; undefined where it is something else. */
function pemIn(text: string): string | undefined {
  if (PEM.test(text)) return text.replaceAll('\\r', '').replaceAll('\\n', '\n').trim();
  if (!/^[A-Za-z0-9+/_=\s-]{200,}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64').toString('latin1');
  return PEM.test(decoded) ? decoded.trim() : undefined;
}

function fileText(path: string): string {
  if (path.length > 1_000 || path.includes('\n')) return '';
  try {
    const bytes = readFileSync(path);
    if (bytes.length > TEXT_MOST) throw new Error(`is longer than ${TEXT_MOST} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    // A key that lost its first line would otherwise be shown as a path that is not there.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENAMETOOLONG' || code === 'ENOTDIR') return '';
    throw new Error(`names a file that cannot be read: ${code ?? errorMessage(error)}`);
  }
}
