import { createRequire } from 'node:module';

/** The little of `pg` that is used, and the only place where it is loaded. https://node-postgres.com/apis/pool */

export interface QueryResult {
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly rowCount: number | null;
}

/** A statement with a limit of its own for its answer, ms. */
export interface PatientQuery {
  readonly text: string;
  readonly query_timeout: number;
}

export interface Queryable {
  query(text: string | PatientQuery, values?: readonly unknown[]): Promise<QueryResult>;
}

export interface PoolClient extends Queryable {
  /** Gives the connection back; with `true` it is closed. */
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): void;
}

export interface PoolOptions {
  readonly connectionString: string;
  readonly max: number;
  /** How long a connection may take to be made, ms. */
  readonly connectionTimeoutMillis: number;
  /** How long the client waits for a statement's answer, ms. */
  readonly query_timeout: number;
  /** How long the server lets a statement run, ms. */
  readonly statement_timeout: number;
  readonly idle_in_transaction_session_timeout: number;
  readonly application_name: string;
  readonly keepAlive: boolean;
  /** An idle connection keeps no process alive. */
  readonly allowExitOnIdle: boolean;
}

export interface Pool extends Queryable {
  connect(): Promise<PoolClient>;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'connect', listener: (client: PoolClient) => void): void;
  end(): Promise<void>;
}

export function createPool(options: PoolOptions): Pool {
  const { Pool } = createRequire(import.meta.url)('pg') as { Pool: new (options: PoolOptions) => Pool };
  const pool = new Pool(options);
  // A connection that breaks says so by an event beside its query's error; without a listener that ends the process, and the pool listens
  // only while a connection is idle.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
