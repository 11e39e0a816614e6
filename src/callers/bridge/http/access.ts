import type { FastifyRequest } from 'fastify';
import { adminGuard } from '../../../http/admin.ts';
import { isOnThisMachine } from '../../../http/client-address.ts';

/** Who may hand calls on. */
export interface HandlerAccess {
  /** Bearer tokens that are taken; one at least. */
  readonly tokens: readonly string[];
  /** Whether programs on this machine need none. */
  readonly open: boolean;
}

/** An `onRequest` hook. Throws ADMIN_TOKEN_MISSING and ADMIN_TOKEN_INVALID (401). */
export function handlerGuard({ tokens, open }: HandlerAccess): (request: FastifyRequest) => Promise<void> {
  const guard = adminGuard({ tokens });
  return async (request) => {
    if (open && request.headers.authorization === undefined && isOnThisMachine(request.raw)) return;
    await guard(request);
  };
}
