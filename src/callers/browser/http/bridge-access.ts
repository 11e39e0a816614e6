import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AdminOptions, adminGuard, RoleTooLow } from '../../../http/admin.ts';
import { ApiError } from '../../../http/api-error.ts';

export interface BridgeAccessOptions {
  readonly admin: AdminOptions;
  /** Whether anybody may call, or operators alone. */
  readonly access: 'admin' | 'public';
  /** Origins besides the host that was asked whose pages may ask, in lower case. */
  readonly origins: readonly string[];
}

/** Who asks. */
export type Asker =
  | { readonly operator: true }
  /** `session`: the call that the request shows to be its own. */
  | { readonly operator: false; readonly session: string | undefined };

/** By this header a page shows that a call is its own: the call's `session_id`. */
export const SESSION_HEADER = 'x-session-id';

/** Who may use the routes of calls from pages, and pages of which sites. */
export class BridgeAccess {
  readonly #options: BridgeAccessOptions;
  readonly #guard: (request: FastifyRequest) => Promise<void>;
  readonly #askers = new WeakMap<FastifyRequest, Asker>();

  constructor(options: BridgeAccessOptions) {
    this.#options = options;
    this.#guard = adminGuard(options.admin);
  }

  /** An `onRequest` hook. Throws ORIGIN_REFUSED (403) and what `adminGuard` throws. */
  readonly check = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    this.#allow(request, reply);
    // A page asks first whether it may (https://fetch.spec.whatwg.org/#cors-preflight-fetch), without its token.
    if (request.method === 'OPTIONS') return;
    this.#askers.set(request, await this.#asker(request));
  };

  /** Who asks, of a request that `check` let pass. */
  asker(request: FastifyRequest): Asker {
    return this.#askers.get(request) ?? { operator: false, session: undefined };
  }

  async #asker(request: FastifyRequest): Promise<Asker> {
    if (this.#options.access === 'admin') {
      await this.#guard(request);
      return { operator: true };
    }
    if (request.headers.authorization !== undefined && (await this.#mayOperate(request))) return { operator: true };
    const session = request.headers[SESSION_HEADER];
    return { operator: false, session: typeof session === 'string' ? session : undefined };
  }

  /** Whether the token of a request is an operator's. Whose role is too low for that may still do what anybody may; a token that nobody has is refused. */
  async #mayOperate(request: FastifyRequest): Promise<boolean> {
    try {
      await this.#guard(request);
      return true;
    } catch (error) {
      if (error instanceof RoleTooLow) return false;
      throw error;
    }
  }

  /** Lets pages of the listed sites read the answer, and refuses those of others. */
  #allow(request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    if (origin === undefined || isSameOrigin(request, origin)) return;
    if (!this.#options.origins.includes(origin.toLowerCase()))
      throw new ApiError(403, 'ORIGIN_REFUSED', 'pages of this origin may not place calls');
    reply.headers({ 'access-control-allow-origin': origin, vary: 'origin' });
  }
}

/** Whether the page came from this server: a browser says so itself, an older one by the host. */
function isSameOrigin(request: FastifyRequest, origin: string): boolean {
  if (request.headers['sec-fetch-site'] === 'same-origin') return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}
