import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import type { CallReport } from '../../src/simulator/phone/index.ts';
import { ANSWER, gapsBetween, type Placed, talking } from './fleet-pair.ts';
import { askAsOperator } from './operator.ts';
import { asked, sleep, until } from './rig.ts';
import { startWorkers, type Workers } from './workers-rig.ts';

/** Callers of a daemon of several processes who say a word every few seconds and are answered, while processes are replaced under them or die. */

/** How long a call may take to be greeted, ms: a busy machine is no fault. */
const GREETED_MS = 30_000;
const KEPT_MS = 5_500;
/** How long callers stay who come while processes are replaced, once they are greeted, ms. */
const VISIT_MS = 2_000;
/** Two processes start one after the other. */
const REPLACED_MS = 240_000;
/** Has a process give up as a native library does that finds its memory spoilt: by abort(3), from within. */
export const ABORT_SIGNAL = 'SIGUSR2';
const ABORTS = `--import=data:text/javascript,${encodeURIComponent(`process.on('${ABORT_SIGNAL}',()=>process.abort());`)}`;

/** A daemon of two processes for such callers. */
export function startTalkedTo(settings: Readonly<Record<string, string>> = {}): Promise<Workers> {
  return startWorkers(
    {
      SILENCE_SECONDS: '0',
      CALLS_PER_SECOND: '0',
      MAX_LOOP_DELAY_MS: '0',
      RATE_LIMIT_WEBHOOKS: '0',
      RATE_LIMIT_STREAMS: '0',
      RATE_LIMIT_API: '0',
      CONNECTIONS_PER_ADDRESS: '1000',
      OPENAI_TRANSCRIPTION_MODEL: 'gpt-4o-transcribe',
      ...settings,
      NODE_OPTIONS: `${ABORTS} ${settings['NODE_OPTIONS'] ?? ''}`,
    },
    { record: true, voice: ANSWER },
  );
}

const greeted = (one: Placed) =>
  until(() => one.over || one.phone.stream?.ear.lastLoudMs !== undefined, 'a greeting', GREETED_MS);

export class TalkingCalls {
  readonly placed: Placed[] = [];
  readonly #daemon: Workers;
  readonly #ticker = new Ticker(systemClock);
  readonly #source = talking();

  constructor(daemon: Workers) {
    this.#daemon = daemon;
  }

  /** One more call, from now on. */
  begin(): Placed {
    const placedAt = performance.now();
    const { phone, report } = this.#daemon.call({ source: this.#source, ticker: this.#ticker });
    const one: Placed = { phone, report, placedAt, over: false };
    void report.then(() => {
      one.over = true;
    });
    this.placed.push(one);
    return one;
  }

  /** One more call; resolves when its caller was greeted, or when it is over. */
  async place(): Promise<Placed> {
    const one = this.begin();
    await greeted(one);
    return one;
  }

  /** So many, one after the other: a machine that starts all at once has none answered in time. */
  async placeAll(calls: number): Promise<void> {
    for (let n = 0; n < calls; n++) await this.place();
  }

  /** Which process has each of the calls, by the carrier's id of it. */
  async owners(): Promise<ReadonlyMap<string, string>> {
    const response = await askAsOperator(`${this.#daemon.url}/calls?limit=1000`);
    const { calls } = (await response.json()) as { calls: Array<{ carrierCallId: string; instance: string }> };
    return new Map(calls.map(({ carrierCallId, instance }) => [carrierCallId, instance]));
  }

  /** How many of these calls each process has, the most first. */
  async counts(): Promise<number[]> {
    const each = new Map<string, number>();
    for (const instance of (await this.owners()).values()) each.set(instance, (each.get(instance) ?? 0) + 1);
    return [...each.values()].sort((a, b) => b - a);
  }

  get over(): number {
    return this.placed.filter(({ over }) => over).length;
  }

  /** Ends all, and tells what each phone measured, in the order in which they were placed. */
  async hangUp(): Promise<readonly CallReport[]> {
    for (const { phone } of this.placed) phone.hangUp();
    return Promise.all(this.placed.map(({ report }) => report));
  }
}

/** What became of the calls of a daemon one of whose processes died. */
export interface DeathReport {
  /** Calls that it had, and those of the other. */
  readonly its: number;
  readonly others: number;
  /** Calls that ended before their callers hung up. */
  readonly ended: number;
  /** Its callers who were talked to again, after how long the last of them, ms, and by an agent that was told what had been said. */
  readonly back: number;
  readonly lastBackMs: number;
  readonly knowing: number;
  /** Streams that calls of the other had beyond their first. */
  readonly broken: number;
  /** Gaps in what callers of the other heard, from a second before the death until ten after it, ms each. */
  readonly gaps: readonly number[];
  /** How late the phones themselves were in sending, at most, ms. */
  readonly phonesLateMs: number;
  /** Its calls that are closed as lost in the records. */
  readonly lost: number;
  /** Processes that serve at the end. */
  readonly serving: number;
  /** When it was killed, ms since 1970. */
  readonly killedAt: number;
}

/** Kills one of the two processes by this signal, waits until its callers are back and its records are closed, and hangs up. */
export async function killOne(daemon: Workers, calls: TalkingCalls, signal: NodeJS.Signals): Promise<DeathReport> {
  const { model } = daemon;
  const owners = await calls.owners();
  const [victim = ''] = [...owners.values()];
  const pid = daemon.pids().get(victim) ?? 0;
  const mine = calls.placed.filter(({ phone }) => owners.get(phone.callSid) === victim);
  const answers = ({ sent }: (typeof model.sessions)[number]) => sent.filter((type) => type === 'response.done').length;
  const talked = () => model.sessions.slice(-calls.placed.length).every((session) => answers(session) >= 2);
  await until(talked, 'all are greeted and answered once', GREETED_MS).catch(() => {});
  // What was said is kept for others every five seconds.
  await sleep(KEPT_MS);
  const sessions = model.sessions.length;
  const killedAt = performance.now();
  process.kill(pid, signal);
  const again = () => model.sessions.slice(sessions).filter((session) => answers(session) > 0);
  await until(() => again().length >= mine.length, 'all its callers are talked to again', GREETED_MS).catch(() => {});
  const lastBackMs = performance.now() - killedAt;
  const lost = () =>
    daemon.records().filter(({ instance, reason }) => instance === victim && reason === 'process-lost').length;
  await until(() => lost() >= mine.length, 'its calls are closed as lost', 40_000).catch(() => {});
  await sleep(Math.max(0, killedAt + 11_000 - performance.now()));
  const serving = await asked(
    async () => ((await daemon.metric('voicebridge_workers{state="serving"}')) === 2 ? 2 : undefined),
    'another takes its place',
    40_000,
  ).catch(() => daemon.metric('voicebridge_workers{state="serving"}'));
  const back = again();
  const ended = calls.over;
  const reports = await calls.hangUp();
  const others = calls.placed.flatMap((one, at) => (mine.includes(one) ? [] : [{ one, report: reports[at]! }]));
  return {
    its: mine.length,
    others: others.length,
    ended,
    back: back.length,
    lastBackMs,
    knowing: back.filter(({ received }) => JSON.stringify(received).includes('You said this')).length,
    broken: others.filter(({ report }) => report.streams.length !== 1).length,
    gaps: others.flatMap(({ one, report }) => gapsBetween(one, report, killedAt - 1_000, killedAt + 10_000)),
    phonesLateMs: lateness(reports),
    lost: lost(),
    serving,
    killedAt: performance.timeOrigin + killedAt,
  };
}

/** How late the phones were in sending, at most, ms: what they measure is as good as that. */
export const lateness = (reports: readonly CallReport[]): number =>
  Math.max(0, ...reports.flatMap(({ streams }) => streams.map(({ sent }) => sent.maxLateMs)));

/** What became of the calls of a daemon all of whose processes were replaced. */
export interface ReplacedReport {
  /** Calls of each process before, while the last of the old ones were still there, and when they were gone; the most first. */
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly after: readonly number[];
  /** Callers who came meanwhile, and those of them who were not answered. */
  readonly came: number;
  readonly unanswered: number;
  /** Of those who were there before: calls that ended, and streams beyond their first. */
  readonly ended: number;
  readonly broken: number;
  /** Gaps in what they heard meanwhile, ms each. */
  readonly gaps: readonly number[];
  readonly phonesLateMs: number;
  /** From the signal until all successors served, ms. */
  readonly replacedMs: number;
  /** Processes of before that were there when all calls of before were over for so long that they had time to end. */
  readonly left: number;
  /** Whether the new processes have the new settings and the new routes. */
  readonly newSettings: boolean;
  readonly newRoutes: boolean;
}

const NEW_ROUTES = `routes:
  - name: anew
    prompt: default
`;

/**
 * Has all processes replaced under these calls, with other settings and other routes, while a caller comes each `everyMs` and stays until he was greeted and a little longer; hangs up those who were there before,
 * and waits until the old processes are gone.
 */
export async function replaceAll(daemon: Workers, calls: TalkingCalls, everyMs: number): Promise<ReplacedReport> {
  const before = await calls.counts();
  const old = [...daemon.pids()];
  const there = calls.placed.length;
  daemon.setEnv({ METRICS_ACCESS: 'admin' });
  daemon.setRoutes(NEW_ROUTES);
  const from = performance.now();
  daemon.signal('SIGHUP');
  const coming = new TalkingCalls(daemon);
  const visit = async () => {
    const one = coming.begin();
    // Who is not greeted on a busy machine would be one more that hangs up too soon.
    await greeted(one).catch(() => {});
    await sleep(VISIT_MS);
    one.phone.hangUp();
  };
  const come = setInterval(() => void visit(), everyMs);
  await until(
    () => daemon.lines('all processes are replaced; those before').length > 0,
    'all are replaced',
    REPLACED_MS,
  ).finally(() => clearInterval(come));
  const replacedMs = performance.now() - from;
  const during = await calls.counts();
  const next = await coming.place();
  const newcomers = coming.placed.filter((one) => one !== next);
  const answers = await Promise.all(newcomers.map(({ report }) => report));
  const to = performance.now();
  const ended = calls.over;
  const reports = await calls.hangUp();
  const living = () => old.filter(([, pid]) => lives(pid)).length;
  await until(() => living() === 0, 'the old ones are gone', 30_000).catch(() => {});
  const after = await calls.counts();
  next.phone.hangUp();
  await next.report;
  const settings = await fetch(`${daemon.url}/metrics`);
  const routes = () => daemon.records().filter(({ route }) => route === 'anew');
  await until(() => routes().length > 0, 'a call by the new routes').catch(() => {});
  return {
    before,
    during,
    after,
    came: newcomers.length,
    unanswered: answers.filter(({ ok }) => !ok).length,
    ended,
    broken: reports.slice(0, there).filter(({ streams }) => streams.length !== 1).length,
    gaps: reports.flatMap((report, at) => gapsBetween(calls.placed[at]!, report, from, to)),
    phonesLateMs: lateness(reports),
    replacedMs,
    left: living(),
    newSettings: settings.status === 401,
    newRoutes: routes().length > 0,
  };
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
