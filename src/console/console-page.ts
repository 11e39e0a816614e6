import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { nameVersions, readVersion, versionOf } from './console-version.ts';

/**
 * The operators' console: a page of plain modules and style sheets. They hold nothing about any call, so they are given to everybody; what
 * the page asks for needs the admin token. All files are read once, so that no path of a request ever reaches the file system.
 */

/** What a browser is told each kind of file is; a file of another kind is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the page's own files are, beside the page itself at `/`. */
const PREFIX = '/console/';

/**
 * Scripts, styles and connections from here alone, nothing inline, no frames, and no text becomes markup (Trusted Types), so that what
 * callers say and tools return can never run. Recordings are played from blobs, since a bearer token cannot go with an audio element's own
 * request. https://www.w3.org/TR/CSP3/ https://w3c.github.io/trusted-types/
 */
const contentSecurityPolicy = (connects: readonly string[] = []) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", ...connects].join(' '),
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  // Asked for anew each time and mostly answered with 304: the page tells of which version all else is.
  'cache-control': 'no-cache',
  'content-security-policy': contentSecurityPolicy(),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(self)',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** What is asked for by its version never changes. https://www.rfc-editor.org/rfc/rfc8246 */
const FOR_GOOD = 'public, max-age=31536000, immutable';

export interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
}

function consoleFile(type: string, body: Buffer): ConsoleFile {
  return { type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`, body };
}

/** Every file of the folder that is served, by its path with `/`. Throws when the folder cannot be read. */
export function readConsoleFiles(folder: URL): ReadonlyMap<string, ConsoleFile> {
  const root = fileURLToPath(folder);
  const files = new Map<string, ConsoleFile>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(root, path).replaceAll(sep, '/'), consoleFile(type, readFileSync(path)));
  }
  return files;
}

/** A package's module for browsers, `file` beside its main file, to be served as one of the console's own. Throws when it is not installed. */
export function readModule(name: string, file: string): ConsoleFile {
  const main = createRequire(import.meta.url).resolve(name);
  return consoleFile(TYPES['.js'] ?? '', readFileSync(join(dirname(main), file)));
}

/** Whether the client has this version: `If-None-Match`, RFC 9110 section 13.1.2; weak marks play no part in a GET. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: ConsoleFile,
  { connects, isForGood = false }: { connects?: readonly string[] | undefined; isForGood?: boolean } = {},
): FastifyReply {
  reply.headers(HEADERS).header('etag', file.etag);
  if (isForGood) reply.header('cache-control', FOR_GOOD);
  if (connects !== undefined) reply.header('content-security-policy', contentSecurityPolicy(connects));
  if (isKnown(request.headers['if-none-match'], file.etag)) return reply.code(304).send();
  return reply.type(file.type).send(file.body);
}

/** A page with what it is told of this daemon: how people write the names of carriers. */
function told(html: string, carriers: Readonly<Record<string, string>>): string {
  const json = JSON.stringify(carriers).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return html.replace('name="carriers" content="{}"', () => `name="carriers" content="${json}"`);
}

export interface ConsolePages {
  readonly files: ReadonlyMap<string, ConsoleFile>;
  /** Carriers' titles by name. */
  readonly carriers?: Readonly<Record<string, string>>;
  /** Origins to which a page may connect beside our own, by the page's path. */
  readonly connects?: Readonly<Record<string, readonly string[]>>;
}

/** `GET /` is the page; `GET /console/...` are its modules and styles, and the other pages. HEAD is answered too. */
export const consolePages: FastifyPluginCallback<ConsolePages> = (
  app,
  { files, carriers = {}, connects = {} },
  done,
) => {
  const html = files.get('index.html');
  if (html === undefined) throw new Error('the console has no index.html');
  const current = versionOf(files);
  const source = (path: string) => files.get(path)?.body.toString();
  const pageOf = ({ type, body }: ConsoleFile, folder: string) =>
    consoleFile(type, Buffer.from(nameVersions(told(body.toString(), carriers), folder, current, source)));
  const pages = new Map(
    [...files].filter(([path]) => path.endsWith('.html')).map(([path, file]) => [path, pageOf(file, '')]),
  );
  const page = pageOf(html, PREFIX.slice(1));
  const config = { limit: 'files' } as const;
  app.get('/', { config }, (request, reply) => send(request, reply, page));
  app.get<{ Params: { '*': string } }>(`${PREFIX}*`, { config }, (request, reply) => {
    const { path, version } = readVersion(request.params['*']);
    const file = pages.get(path) ?? files.get(path);
    // Where several instances run, one may be asked for the files of another that is newer: what it has is better than nothing, and not kept.
    const isForGood = version === current;
    return file === undefined
      ? reply.callNotFound()
      : send(request, reply, file, { connects: connects[path], isForGood });
  });
  done();
};
