import { dirname, join } from 'node:path';
import type { AgentKind } from '../agents/kind.ts';
import type { Config } from '../config.ts';
import { BridgeError } from '../errors.ts';
import { loadSuite, parseSuite, type Suite } from '../suites/load.ts';
import { planOf } from '../suites/plan.ts';
import type { RunReport } from '../suites/report/types.ts';
import type { RunOrder } from '../suites/runs.ts';
import { RunStore } from '../suites/store.ts';
import { missingFor, type WayIn, wayInOf } from '../suites/way-in.ts';

/**
 * The daemon that the command of tests runs for itself, in this process, with the settings of the environment. It is on a free port of the loopback interface where
 * nobody has to come to it, and else where the settings have it, as `npm start` is.
 */

export interface Wanted {
  /** Path of the suite's file; undefined: that of the run that is named. */
  readonly suite: string | undefined;
  readonly order: Omit<RunOrder, 'suite'>;
  /** It is where the settings have it, whatever the suite needs. */
  readonly listens: boolean;
}

export type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<RunReport>;

export interface OwnDaemon {
  readonly ask: Ask;
  /** Where runs are kept. */
  readonly folder: string;
  /** Where it is reached from outside, and its tools are asked for, in lines for people; none where it is on loopback alone. */
  readonly about: readonly string[];
  close(): Promise<void>;
}

/** Why the daemon does not do what it was asked. */
interface Refusal {
  readonly code: string;
  readonly message: string;
  /** Where it is for the form of what was asked: which fields. */
  readonly issues?: ReadonlyArray<{ readonly path: string; readonly message: string }>;
}

/** In the words of the command line, whose flags the fields were. */
function inWords(refusal: Refusal | undefined): string | undefined {
  const { message, issues = [] } = refusal ?? {};
  if (issues.length === 0) return message;
  return issues
    .map(({ path, message: what }) => `${path.replace(/^body\.(?!suite)/, '--').replace('body.', '')}: ${what}`)
    .join('\n');
}

/** Builds it and has it listen. Rejects with CONFIG_INVALID and LISTEN_FAILED. */
export async function openOwnDaemon(wanted: Wanted): Promise<OwnDaemon> {
  const [{ build }, { AGENTS }, { createLog }, { loadConfig, loadEnvFile }] = await Promise.all([
    import('../app.ts'),
    import('../agents/index.ts'),
    import('../log.ts'),
    import('../config.ts'),
  ]);
  loadEnvFile();
  const given = loadConfig();
  const folder = join(given.DATA_DIR, 'test-runs');
  const wayIn = await wayInTo(wanted, new RunStore(folder), given.SUITES_DIR, AGENTS);
  // What is missing the daemon says itself, when it is asked to run the suite.
  const comes = wanted.listens || (wayIn !== undefined && missingFor(wayIn, given).length === 0);
  const token = crypto.randomUUID();
  const config = {
    ...given,
    ...(comes ? {} : { HOST: '127.0.0.1', PORT: 0 }),
    WORKERS: 1,
    // No instance of a fleet: nobody else's calls come here.
    REDIS_URL: undefined,
    ADMIN_TOKEN: [token],
    SUITES_DIR: wanted.suite === undefined ? given.SUITES_DIR : dirname(wanted.suite),
  };
  const app = await build(config, { log: createLog({ level: 'fatal' }) });
  const url = await app.listen().catch(async (error: unknown) => {
    await app.close();
    throw comes ? taken(error) : error;
  });
  const ask: Ask = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = (await answer.json()) as RunReport & { error?: Refusal };
    if (!answer.ok)
      throw new BridgeError('CONFIG_INVALID', inWords(said.error) ?? `the daemon answered ${answer.status}`);
    return said;
  };
  return { ask, folder, about: comes ? aboutOf(url, given, wayIn) : [], close: () => app.close() };
}

/** What of the run comes in; undefined where nothing does, nobody is called, or there is no such suite, of which the daemon will say so. */
async function wayInTo(
  { suite: path, order }: Wanted,
  store: RunStore,
  suites: string,
  agents: readonly AgentKind[],
): Promise<WayIn | undefined> {
  if (order.rejudge !== undefined) return undefined;
  const { resume } = order;
  const before = resume === undefined ? undefined : await store.read(resume);
  let suite: Suite | undefined;
  try {
    const text = resume === undefined ? undefined : await store.suiteText(resume);
    // Of a masked run no suite was kept.
    const file = before === undefined ? path : join(suites, before.suiteFile);
    if (text !== undefined) suite = parseSuite(before?.suiteFile ?? '', text, { agents });
    else if (file !== undefined) suite = await loadSuite(file, { agents });
  } catch {
    return undefined;
  }
  return suite && wayInOf(suite, planOf(suite, before?.options ?? order), agents);
}

function taken(error: unknown): unknown {
  if (!(error instanceof BridgeError) || error.code !== 'LISTEN_FAILED') return error;
  return new BridgeError(
    'LISTEN_FAILED',
    `${error.message}\nThe run has to be reached from outside, where HOST and PORT are. Where a daemon runs there already, have that one run the suite: "Tests" in its console, or POST /tests/runs.`,
    { cause: error },
  );
}

function aboutOf(
  url: string,
  { PUBLIC_URL: publicUrl }: Pick<Config, 'PUBLIC_URL'>,
  wayIn: WayIn | undefined,
): string[] {
  const outside = publicUrl ?? url;
  return [
    `listens on ${url}${publicUrl === undefined ? '' : `, reached from outside as ${publicUrl}`}, and takes calls there as the daemon does, until the run is over`,
    // The token is a secret.
    ...(wayIn?.hasTools ? [`tools are asked for by POST ${outside}/tests/tools/$TESTS_TOOLS_TOKEN/NAME`] : []),
  ];
}
