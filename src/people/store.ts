import type { Role } from '../http/operators.ts';
import type { Person, StoredPerson } from './person.ts';

/** Something that an operator did, or was refused. */
export interface AuditEntry {
  /** Sorts by time over all processes and is never given twice. */
  readonly id: string;
  /** Wall time, ms since 1970. */
  readonly at: number;
  readonly personId: string;
  readonly name: string;
  readonly role: Role;
  /** What was asked for: the `operationId` of a route, or what a socket was used for. */
  readonly action: string;
  /** What it was done to: the id of a call, a record, a person; a file of agents, a tool; null where there is none. */
  readonly target: string | null;
  /** The HTTP status that was answered. */
  readonly status: number;
  /** Where it was asked from, as far as trusted proxies say. */
  readonly address: string;
}

/** What is asked of the audit log; all that is given must fit. */
export interface AuditQuery {
  readonly personId?: string | undefined;
  readonly target?: string | undefined;
  readonly action?: string | undefined;
  /** Not before, and before this moment, ms. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Older than the entry of this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Where people and what they did are kept. Everything rejects with STORE_UNAVAILABLE where the store cannot be reached now. */
export interface PeopleStore {
  /** Brings the schema up to date. May be asked again. */
  open(): Promise<void>;
  /** False where somebody whose token is good has a name that people take for the same (`nameKey`), as far as that one was added since stores look at it. */
  add(person: StoredPerson): Promise<boolean>;
  /** Those whose token was revoked as well. */
  find(id: string): Promise<StoredPerson | undefined>;
  /** The newest first. */
  list(): Promise<readonly Person[]>;
  /** False where there is no such person, or the token was revoked before. */
  revoke(id: string, at: number): Promise<boolean>;
  note(entries: readonly AuditEntry[]): Promise<void>;
  /** The newest first. */
  audit(query: AuditQuery): Promise<readonly AuditEntry[]>;
  /** Forgets what is older, ms. */
  forget(before: number): Promise<void>;
  close(): Promise<void>;
}
