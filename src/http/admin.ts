import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';

/** Who may use the interface for operators: whoever has the token, from wherever. Nothing else of a request says who made it. */

export interface AdminOptions {
  /** Tokens that are taken, one at least; several while one is being rotated. */
  readonly tokens: readonly string[];
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** What is looked at of a request; both fastify's and node:http's requests fit. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
}

/**
 * Lets operators pass: a request, or an upgrade. `token`: a bearer token that came by another way than the Authorization header, which
 * wins. The check throws ADMIN_TOKEN_MISSING and ADMIN_TOKEN_INVALID (401).
 */
export function adminCheck(options: AdminOptions): (asking: Asking, token?: string) => void {
  // Digests have one length, so that comparing tells nothing of a token's length either.
  const tokens = options.tokens.map(digest);
  if (tokens.length === 0) throw new TypeError('operators need a token');
  return (asking, token) => {
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
        request.log.warn(
          { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: request.routeOptions.url },
          'admin token is wrong',
        );
      throw error;
    }
  };
}
