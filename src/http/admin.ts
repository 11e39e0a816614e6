import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { BlockList } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/**
 * Who may use the interface for operators: whoever has the token. Without a token set, nobody but this machine itself. There is no default
 * token, since one that everybody knows is none.
 */

export interface AdminOptions {
  /** Tokens that are taken; several while one is being rotated. */
  readonly tokens: readonly string[];
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** What proxies and tunnels add: with any of these a request from this machine was made by somebody else. */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-real-ip',
  'via',
  'cf-connecting-ip',
  'cf-ray',
  'true-client-ip',
] as const;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** What is looked at of a request; both fastify's and node:http's requests fit. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/**
 * Lets operators pass: a request, or an upgrade. `token`: a bearer token that came by another way than the Authorization header, which
 * wins. Throws ADMIN_TOKEN_MISSING and ADMIN_TOKEN_INVALID (401), ADMIN_LOOPBACK_ONLY (403).
 */
export function adminCheck(options: AdminOptions): (asking: Asking, token?: string) => void {
  // Digests have one length, so that comparing tells nothing of a token's length either.
  const tokens = options.tokens.map(digest);
  return (asking, token) => {
    if (tokens.length === 0) {
      if (isFromHere(asking)) return;
      throw new ApiError(403, 'ADMIN_LOOPBACK_ONLY', 'no admin token is set, so only this machine itself is answered');
    }
    const header = asking.headers.authorization ?? (token === undefined ? undefined : `Bearer ${token}`);
    const challenge = { headers: { 'www-authenticate': 'Bearer' } };
    if (header === undefined) throw new ApiError(401, 'ADMIN_TOKEN_MISSING', 'a bearer token is needed', challenge);
    const given = digest(/^Bearer +(\S+) *$/i.exec(header)?.[1] ?? '');
    let good = false;
    for (const known of tokens) if (timingSafeEqual(known, given)) good = true;
    if (!good) {
      throw new ApiError(401, 'ADMIN_TOKEN_INVALID', 'this bearer token is not taken', {
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      });
    }
  };
}

/** `adminCheck` as an `onRequest` hook: it runs before a body is read. */
export function adminGuard(options: AdminOptions): (request: FastifyRequest) => Promise<void> {
  const check = adminCheck(options);
  return async (request) => {
    try {
      check(request);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'ADMIN_TOKEN_INVALID')
        request.log.warn({ remoteAddress: request.ip, route: request.routeOptions.url }, 'admin token is wrong');
      throw error;
    }
  };
}

/**
 * Whether a request was made on this machine and for it. The address alone does not say so: a tunnel's daemon runs here too and passes the
 * whole internet on, and a page in a browser here can be made to send requests by anybody (through a rebound name, or across sites).
 */
function isFromHere(request: Asking): boolean {
  const address = request.socket.remoteAddress ?? '';
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!loopback.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')) return false;
  if (FORWARDED.some((name) => request.headers[name] !== undefined)) return false;
  if (!isLocalHost(request.headers.host)) return false;
  const { origin } = request.headers;
  if (origin !== undefined && !(URL.canParse(origin) && isLocalHost(new URL(origin).host))) return false;
  const site = request.headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none';
}

function isLocalHost(host: string | undefined): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host ?? '');
}
