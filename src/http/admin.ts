import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-error.ts';
import { ADMIN, leastRole, mayAs, type Operator, type Role } from './operators.ts';

/** Who may use the interface for operators: whoever has a token, from wherever, as far as its role goes. Nothing else of a request says who made it. */

export interface AdminOptions {
  /** Tokens of the settings that are taken, one at least; several while one is being rotated. They are an admin's. */
  readonly tokens: readonly string[];
  /** Whose token this is of the people that have one of their own; undefined: nobody's. Rejects where that cannot be looked up now. Left out: there are none. */
  readonly people?: ((token: string) => Promise<Operator | undefined>) | undefined;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** What is looked at of a request; both fastify's and node:http's requests fit. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, as soon as `adminGuard` has let the request pass; also where the role was too low. */
    operator?: Operator;
    /** What this is done to, for the audit log, where neither the path nor a Location tells its id: a call, a file, a tool. No words and no number. */
    auditTarget?: string;
  }
}

/** The answer to somebody who is known and may not do this. */
export class RoleTooLow extends ApiError {
  readonly operator: Operator;

  constructor(operator: Operator, least: Role, what = 'this') {
    super(403, 'ROLE_TOO_LOW', `${what} needs the role ${least}; yours is ${operator.role}`, {
      details: { role: operator.role, needs: least },
    });
    this.operator = operator;
  }
}

/**
 * For what a route takes of some roles alone: throws ROLE_TOO_LOW where this operator's is lower. `what`: that of the request which needs it, to be read before
 * "needs the role".
 */
export function needsRole(operator: Operator, least: Role, what: string): void {
  if (!mayAs(operator.role, least)) throw new RoleTooLow(operator, least, what);
}

/** An agent that is told by its address (`AgentOptions.saysAddress`), as whoever may not order one is told. */
export const OWN_ADDRESS = 'an agent at an address that the request names';

/**
 * Tells who asks: a request, or an upgrade. `token`: a bearer token that came by another way than the Authorization header, which
 * wins. Rejects with ADMIN_TOKEN_MISSING and ADMIN_TOKEN_INVALID (401), and with ROLE_TOO_LOW (403) for whoever may not do what `least` is needed for.
 */
export function adminCheck(options: AdminOptions): (asking: Asking, least: Role, token?: string) => Promise<Operator> {
  // Digests have one length, so that comparing tells nothing of a token's length either.
  const tokens = options.tokens.map(digest);
  if (tokens.length === 0) throw new TypeError('operators need a token');
  const find = async (token: string): Promise<Operator | undefined> => {
    const given = digest(token);
    let good = false;
    for (const known of tokens) if (timingSafeEqual(known, given)) good = true;
    return good ? ADMIN : options.people?.(token);
  };
  return async (asking, least, token) => {
    const header = asking.headers.authorization ?? (token === undefined ? undefined : `Bearer ${token}`);
    const challenge = { headers: { 'www-authenticate': 'Bearer' } };
    if (header === undefined) throw new ApiError(401, 'ADMIN_TOKEN_MISSING', 'a bearer token is needed', challenge);
    const operator = await find(/^Bearer +(\S+) *$/i.exec(header)?.[1] ?? '');
    if (operator === undefined) {
      throw new ApiError(401, 'ADMIN_TOKEN_INVALID', 'this bearer token is not taken', {
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      });
    }
    if (!mayAs(operator.role, least)) throw new RoleTooLow(operator, least);
    return operator;
  };
}

/** `adminCheck` as an `onRequest` hook: it runs before a body is read. The route says which role it needs; this is the one place where that is looked at. */
export function adminGuard(options: AdminOptions): (request: FastifyRequest) => Promise<void> {
  const check = adminCheck(options);
  return async (request) => {
    try {
      const { config } = request.routeOptions;
      request.operator = await check(request, leastRole(request.method, config.describes));
    } catch (error) {
      if (error instanceof RoleTooLow) request.operator = error.operator;
      if (error instanceof ApiError && error.code === 'ADMIN_TOKEN_INVALID')
        request.log.warn(
          { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: request.routeOptions.url },
          'admin token is wrong',
        );
      throw error;
    }
  };
}
