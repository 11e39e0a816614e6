import { z } from 'zod';
import type { Role } from './operators.ts';

/** How a part describes its routes: requests are checked by it, and the OpenAPI document is made of it. */

/** The schemas that have a name in the document; each part adds its own. */
export const namedSchemas = z.registry<{ id: string }>();

export const apiErrorBody = z.object({
  error: z.looseObject({
    code: z.string().describe('What happened, for programs.'),
    message: z.string().describe('What happened, for people.'),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
});
namedSchemas.add(apiErrorBody, { id: 'Error' });

/** What is answered where all is well. */
export interface RouteSuccess {
  readonly status: number;
  /** A body of JSON. */
  readonly body?: z.ZodType;
  /** Types of a body that is no JSON. */
  readonly types?: readonly string[];
}

/** One route. `url` is in the server's notation (`:id`). */
export interface RouteDefinition {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly operationId: string;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Headers that mean something to it, with what. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  readonly success: RouteSuccess;
  /** Other answers that are no refusals, by status: what each means. They have the body of success, if they have one. */
  readonly also?: Readonly<Record<number, string>>;
  /** Codes of refusals by status, beside those every route has. */
  readonly errors: Readonly<Record<number, readonly string[]>>;
  /** Whether only operators are served, which goes without saying, or anybody, whose token is looked at where one is sent. */
  readonly access?: 'admin' | 'anybody';
  /** The least role that is served; as `leastRole` has it when left out. */
  readonly role?: Role;
  /**
   * Whether who asked stands in the audit log. Left out: of a route that changes something it does, and each that is no GET is taken to. True: who read it
   * does, too. False: it only asks, by whatever method.
   */
  readonly audited?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the OpenAPI document says of the route. */
    describes?: RouteDefinition;
  }
}
