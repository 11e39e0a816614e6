import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Log } from '../call/leg.ts';
import { BridgeError, errorMessage } from '../errors.ts';

/**
 * The operators' token where ADMIN_TOKEN sets none: made once, and kept in a file of DATA_DIR that its owner alone can read. So there is
 * always one, and nothing has to be guessed from where a request seems to come: what passes the internet on (a proxy, a tunnel, a
 * container engine) is on this machine too, and need not say what it does.
 */

/** Characters that a token has at least. */
export const TOKEN_LEAST = 16;

/** Where the made token is kept. */
export const adminTokenFile = (dataDir: string): string => join(dataDir, 'admin-token');

export interface AdminTokens {
  /** What is taken as bearer token; never empty. */
  readonly tokens: readonly string[];
  /** The file that has the token; undefined where the settings have it. */
  readonly file?: string;
  /** Others could read the file until now. */
  readonly wasReadable?: boolean;
}

/** The tokens of these settings; makes one where there is none. Throws CONFIG_INVALID when the file cannot be used. */
export function adminTokens(config: {
  readonly ADMIN_TOKEN: readonly string[];
  readonly DATA_DIR: string;
}): AdminTokens {
  if (config.ADMIN_TOKEN.length > 0) return { tokens: config.ADMIN_TOKEN };
  const file = adminTokenFile(config.DATA_DIR);
  try {
    const token = readToken(file) ?? makeToken(file);
    if (token.length < TOKEN_LEAST || !/^[\x21-\x7e]+$/.test(token))
      throw new Error(`it holds no token of at least ${TOKEN_LEAST} characters; remove it, and one is made`);
    return { tokens: [token], file, wasReadable: closeToOthers(file) };
  } catch (cause) {
    throw new BridgeError(
      'CONFIG_INVALID',
      `ADMIN_TOKEN: is not set, and ${file} cannot be used: ${errorMessage(cause)}. Set ADMIN_TOKEN, or DATA_DIR to a folder that can be written to`,
      { cause },
    );
  }
}

/** The same, and says in the log what its reader must know of the file. */
export function openAdminTokens(
  config: Parameters<typeof adminTokens>[0],
  log: Pick<Log, 'info' | 'warn'>,
): AdminTokens {
  const admin = adminTokens(config);
  const { file, wasReadable } = admin;
  if (file !== undefined)
    log.info({ file }, 'no ADMIN_TOKEN is set: the token of the console and of operators is in this file');
  if (wasReadable)
    log.warn({ file }, 'OTHERS COULD READ THE ADMIN TOKEN: remove the file and start again to get a new one');
  return admin;
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts a new token there, whole or not at all; where another process was quicker its token is the one. */
function makeToken(file: string): string {
  const token = randomBytes(32).toString('base64url');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const whole = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(whole, `${token}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(whole, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Some file systems have no links: there the last of two that begin at once wins, and the other must be started again.
    if (code !== 'EEXIST') renameSync(whole, file);
  } finally {
    rmSync(whole, { force: true });
  }
  return readToken(file) ?? token;
}

/** Takes the file from others' eyes, as far as its file system knows owners; tells whether they had it. */
function closeToOthers(file: string): boolean {
  if (process.platform === 'win32' || (statSync(file).mode & 0o077) === 0) return false;
  try {
    chmodSync(file, 0o600);
  } catch {
    // A volume of somebody else's (a secret that an orchestrator mounts): what matters is that it is said.
  }
  return true;
}
