import { BridgeError } from '../errors.ts';
import { probeRedis } from '../memory/redis-probe.ts';
import { createPool } from '../records/postgres-client.ts';
import { postgresMigrations } from '../records/postgres-schema.ts';
import { ask } from './ask.ts';
import { type Check, type Finding, fail, pass, reasonOf, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** What the settings say that calls are told to: the database of records, the memory that instances share, and receivers of webhooks. Nothing is left in any. */

const CONNECT_MS = 5_000;
const ASK_MS = 5_000;

export function serviceChecks(deps: DoctorDeps): Check[] {
  return [
    { name: 'records database', run: () => database(deps) },
    { name: 'shared memory', run: () => sharedMemory(deps) },
    { name: 'webhook receivers', run: (signal) => receivers(deps, signal) },
  ];
}

async function database({ config }: DoctorDeps): Promise<Finding> {
  if (config.DATABASE_URL === undefined) return skip('DATABASE_URL is not set: records are in DATA_DIR');
  const { host, pathname } = new URL(config.DATABASE_URL);
  const name = `${host}${pathname}`;
  const pool = createPool({
    connectionString: config.DATABASE_URL,
    max: 1,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ASK_MS,
    statement_timeout: ASK_MS,
    idle_in_transaction_session_timeout: ASK_MS,
    application_name: 'voicebridge-doctor',
    keepAlive: false,
    allowExitOnIdle: true,
  });
  try {
    const { rows } = await pool.query(
      `SELECT to_regclass('record_migrations') IS NOT NULL AS made,
              coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create`,
    );
    const { made, may_create: mayCreate } = rows[0] ?? {};
    if (made !== true)
      return mayCreate === true
        ? pass(`${name} takes the credentials; the tables are made at the first start`)
        : fail(
            `${name}: there are no tables, and this user may make none`,
            'GRANT CREATE ON SCHEMA public to the user of DATABASE_URL, or make him the owner of the database.',
          );
    const applied = (await pool.query('SELECT id FROM record_migrations')).rows.map(({ id }) => String(id));
    const known = new Set(postgresMigrations.map(({ id }) => id));
    const newer = applied.find((id) => !known.has(id));
    if (newer !== undefined)
      return fail(
        `STORE_SCHEMA_NEWER: ${name} was written by a newer version (${newer})`,
        'Run that version, or another database: the daemon does not start with this one.',
      );
    return pass(`${name} takes the credentials; the tables are there`);
  } catch (error) {
    return databaseFailure(name, error);
  } finally {
    await pool.end().catch(() => {});
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
function databaseFailure(name: string, error: unknown): Finding {
  const state = error instanceof BridgeError ? '' : String((error as { code?: unknown }).code ?? '');
  const seen = `${name}: ${reasonOf(error)}`;
  if (/^28/.test(state))
    return fail(`CONFIG_INVALID: ${seen}`, 'Check user and password in DATABASE_URL: the daemon does not start so.');
  if (state === '3D000')
    return fail(
      `CONFIG_INVALID: ${seen}`,
      'Make the database, or name another in DATABASE_URL: the daemon does not start so.',
    );
  if (/^42/.test(state))
    return fail(
      `CONFIG_INVALID: ${seen}`,
      'Give the user of DATABASE_URL the right to the tables: the daemon does not start so.',
    );
  return fail(
    `STORE_UNAVAILABLE: ${seen}`,
    'Start the database, or check host, port and sslmode in DATABASE_URL. Calls go on meanwhile: what happens waits on disk.',
  );
}

/** From here on a webhook, which waits for about four commands, is answered noticeably later. */
const FAR_MS = 10;

async function sharedMemory({ config }: DoctorDeps): Promise<Finding> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = config;
  if (url === undefined) return skip('REDIS_URL is not set: this daemon shares nothing with other machines');
  const { host } = new URL(url);
  try {
    const found = await probeRedis(url, prefix);
    const { version, policy, roundTripMs } = found;
    const name = `${found.valkey ? 'Valkey' : 'Redis'} ${version} at ${host}`;
    if (Number.parseInt(version, 10) < 7) return fail(`${name} is too old`, 'Take Redis 7.0 or newer, or Valkey.');
    if (found.isReplica)
      return fail(
        `${name} is a replica, which takes nothing`,
        'Set REDIS_URL to a name that leads to the server it is a replica of.',
      );
    if (found.isCluster)
      return fail(
        `${name} is part of a Cluster`,
        'Take one server, with or without replicas: one step of the daemon may be about several keys.',
      );
    if (policy !== 'noeviction')
      return warn(
        `${name} forgets what it holds when it is full (maxmemory-policy ${policy})`,
        'Set maxmemory-policy noeviction: places of calls and tokens would be lost.',
      );
    if (roundTripMs > FAR_MS)
      return warn(
        `${name} is ${Math.round(roundTripMs)} ms away`,
        'Put it nearer: a webhook waits for about four commands.',
      );
    return pass(`${name} runs scripts, in ${roundTripMs.toFixed(1)} ms, and forgets nothing when it is full`);
  } catch (error) {
    const seen = `${host}: ${reasonOf(error)}`;
    if (/WRONGPASS|NOAUTH|invalid (username|password)/i.test(seen))
      return fail(
        seen,
        'Check user and password in REDIS_URL. Calls are taken meanwhile, by each instance for itself, unless REDIS_AWAY says otherwise.',
      );
    if (/NOPERM/.test(seen))
      return fail(
        seen,
        `Give the user of REDIS_URL scripts, keys and channels: ACL SETUSER ... +@all ~${prefix}:* &${prefix}:*`,
      );
    return fail(
      seen,
      'Start Redis, or check host, port and TLS (rediss://) in REDIS_URL. Calls are taken meanwhile, by each instance for itself, unless REDIS_AWAY says otherwise.',
    );
  }
}

/** Whether something answers there; no event is sent, so what it says to one is not known. */
async function receivers(deps: DoctorDeps, signal: AbortSignal): Promise<Finding> {
  const urls = deps.config.WEBHOOK_URL;
  if (urls.length === 0) return skip('WEBHOOK_URL is not set');
  const found = await Promise.all(urls.map((url) => receiver(deps, url, signal)));
  const bad = found.filter(({ status }) => status !== 'pass');
  return bad.find(({ status }) => status === 'fail') ?? bad[0] ?? pass(found.map(({ detail }) => detail).join(', '));
}

async function receiver(deps: DoctorDeps, url: string, signal: AbortSignal): Promise<Finding> {
  // Paths and queries of receivers often are their secret.
  const { origin } = new URL(url);
  try {
    const { status } = await ask(deps, { url, method: 'HEAD', headers: {}, signal });
    if (status >= 300 && status < 400)
      return warn(`${origin} redirects`, 'Set WEBHOOK_URL to where it leads: webhooks follow no redirects.');
    if (status >= 500)
      return warn(
        `${origin} answers HTTP ${status}`,
        'Look at the receiver: webhooks are tried again for a day at most.',
      );
    return pass(`${origin} answers`);
  } catch (error) {
    return fail(
      `${origin}: ${reasonOf(error)}`,
      'Start the receiver, or check WEBHOOK_URL. Calls go on meanwhile: webhooks are tried again for a day at most.',
    );
  }
}
