import type { Clock } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import { ADMIN, type Operator, type Role } from '../http/operators.ts';
import { idOfToken, isTokenOf, makeToken, nameKey, type Person } from './person.ts';
import type { PeopleStore } from './store.ts';

/** Most people whose tokens are good at once: each is somebody who has to be known. */
export const PEOPLE_MOST = 500;

export interface PeopleOptions {
  readonly store: Pick<PeopleStore, 'add' | 'find' | 'list' | 'revoke'>;
  readonly clock: Pick<Clock, 'wall'>;
  /** A token was revoked: tells all processes, this one too. */
  readonly revoked: (id: string) => void;
}

/** Why somebody gets no token: as many have one as may, or somebody is told by this name already. */
export type NotAdded = 'too-many' | 'name-taken';

/**
 * People and their tokens. Nothing is remembered of them here: each request asks the store, so that a token which was revoked anywhere is good nowhere
 * from that moment on.
 */
export class People {
  readonly #o: PeopleOptions;
  /** One after the other: each looks at who is there. */
  #adding: Promise<unknown> = Promise.resolve();

  constructor(options: PeopleOptions) {
    this.#o = options;
  }

  /** Whose token this is; undefined: nobody's, or one that was revoked. Rejects with STORE_UNAVAILABLE (503). */
  readonly find = async (token: string): Promise<Operator | undefined> => {
    const id = idOfToken(token);
    if (id === undefined) return undefined;
    const person = await asked(this.#o.store.find(id));
    if (person === undefined || !isTokenOf(token, person) || person.revokedAt !== null) return undefined;
    return { id: person.id, name: person.name, role: person.role };
  };

  /** Whether this person's token is still good. Rejects with STORE_UNAVAILABLE (503). */
  async isGood(id: string): Promise<boolean> {
    const person = await asked(this.#o.store.find(id));
    return person !== undefined && person.revokedAt === null;
  }

  /** All that there ever were, the newest first. */
  list(): Promise<readonly Person[]> {
    return asked(this.#o.store.list());
  }

  /**
   * Makes a token for somebody, or says why not. The token is told here and never again. The audit log and records tell people by their names, so that no two good
   * tokens are of one name, and none is of that which stands for the token of the settings.
   */
  add(
    who: { readonly name: string; readonly role: Role },
    by: Pick<Operator, 'name'>,
  ): Promise<{ readonly person: Person; readonly token: string } | NotAdded> {
    const made = this.#adding.then(() => this.#add(who, by));
    this.#adding = made.catch(() => {});
    return made;
  }

  async #add(
    { name, role }: { readonly name: string; readonly role: Role },
    by: Pick<Operator, 'name'>,
  ): Promise<{ readonly person: Person; readonly token: string } | NotAdded> {
    const good = (await this.list()).filter(({ revokedAt }) => revokedAt === null);
    if (good.length >= PEOPLE_MOST) return 'too-many';
    if ([ADMIN, ...good].some((one) => nameKey(one.name) === nameKey(name))) return 'name-taken';
    const { id, token, digest } = makeToken();
    const person = { id, name, role, createdAt: this.#o.clock.wall(), createdBy: by.name, revokedAt: null };
    // Another process may have been quicker: the store alone knows.
    return (await asked(this.#o.store.add({ ...person, digest }))) ? { person, token } : 'name-taken';
  }

  /** Makes somebody's token good for nothing, and ends what it has open; false where there is no such person, or it was done before. */
  async revoke(id: string): Promise<boolean> {
    const done = await asked(this.#o.store.revoke(id, this.#o.clock.wall()));
    if (done) this.#o.revoked(id);
    return done;
  }
}

/** What the store answers; that it cannot is the store's matter and passes, so the request may be repeated. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof BridgeError && cause.code !== 'STORE_UNAVAILABLE' && cause.code !== 'ABORTED') throw cause;
    throw new BridgeError('STORE_UNAVAILABLE', 'who that is cannot be looked up at the moment', {
      status: 503,
      retryable: true,
      retryAfterMs: 2_000,
      cause,
    });
  }
}
