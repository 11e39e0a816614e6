import { delay, systemClock } from '../call/clock.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import type { Pool, PoolClient } from './postgres-client.ts';

/** What every store in PostgreSQL does with its connections: the schema is brought up to date before the first statement, and errors are told as the port tells them. */
export interface PostgresClients {
  /** Resolves once the schema is there; what failed is tried again by the next who asks. Rejects as `told` says. */
  open(): Promise<void>;
  /** Lends a connection. Rejects with ABORTED once it is closed, and as `told` says. */
  withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/** Classes of SQLSTATE that say that the data is at fault. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DATA_AT_FAULT = /^(22|23)/;
/** Wrong user, password, database, schema or right: nothing that passes by waiting. */
const SETTING_AT_FAULT = /^(28|3D|3F|42)/;

/** `prepare` brings the schema up to date. */
export function postgresClients(pool: Pool, prepare: (client: PoolClient) => Promise<void>): PostgresClients {
  let ready: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  async function withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new BridgeError('ABORTED', 'the store is closed');
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // What state the connection is in is not known: a statement that timed out may still be running on it.
      client?.release(true);
      throw told(error);
    }
  }

  return {
    withClient,
    open() {
      ready ??= withClient(prepare).catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
      return ready;
    },
    close() {
      // The pool waits for statements that run, and a server that hangs answers none.
      closed ??= Promise.race([pool.end().catch(() => {}), delay(systemClock, CLOSE_MS)]);
      return closed;
    },
  };
}

/** The statement with PostgreSQL's numbered places for `?`. */
export function numbered(sql: string): string {
  let n = 0;
  return sql.replace(/\?/g, () => `$${++n}`);
}

/** The error of a database as the port tells it. Messages of the server can hold data, of a connection its address: neither is repeated. */
function told(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const code = (error as { code?: unknown }).code;
  const state = typeof code === 'string' ? code : '';
  if (DATA_AT_FAULT.test(state)) {
    return new BridgeError('STORE_REFUSED', `PostgreSQL refuses the data (SQLSTATE ${state})`, { cause: error });
  }
  if (SETTING_AT_FAULT.test(state) && state.length === 5) {
    return new BridgeError('CONFIG_INVALID', `DATABASE_URL: PostgreSQL says: ${errorMessage(error)}`, { cause: error });
  }
  const why = state === '' ? 'no answer' : state;
  return new BridgeError('STORE_UNAVAILABLE', `PostgreSQL cannot be used at the moment (${why})`, {
    cause: error,
    retryable: true,
  });
}
