import type { DatabaseSync } from 'node:sqlite';
import { appointmentQueries } from './appointments.ts';
import { callerQueries } from './callers.ts';
import { knowledgeQueries } from './knowledge.ts';
import { messageQueries } from './messages.ts';

/** The business as the agent works with it: who calls, what is free, what was left, what is known. */

export interface BusinessOptions {
  /** The business's time zone, e.g. "America/New_York". */
  readonly zone: string;
  /** Folder of Markdown files to be searched; none: nothing is known. */
  readonly knowledge?: string | undefined;
}

/** Name and place of the business, for prompts. */
export interface BusinessProfile {
  readonly name: string;
  readonly phone: string;
  readonly address: string;
}

/** All queries of one open database. Synchronous: see `store.ts` for the same from another thread. */
export function businessQueries(db: DatabaseSync, options: BusinessOptions) {
  const profile = db.prepare('SELECT name, phone, address FROM business WHERE id = 1');
  return {
    callers: callerQueries(db),
    appointments: appointmentQueries(db, options.zone),
    messages: messageQueries(db),
    knowledge: knowledgeQueries(db, options.knowledge),
    business: {
      /** Undefined on a database without one. */
      profile: (): BusinessProfile | undefined => {
        const row = profile.get();
        return row === undefined ? undefined : ({ ...row } as unknown as BusinessProfile);
      },
    },
  };
}

export type BusinessQueries = ReturnType<typeof businessQueries>;

/** The same functions, answering later. */
export type Later<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : Later<T[K]>;
};

/** The business from the daemon's main thread: every query is answered by the database's own thread. */
export type BusinessStore = Later<BusinessQueries>;
