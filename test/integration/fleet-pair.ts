import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { type AudioSource, type CallReport, Phone, scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { startRedis, type TestRedis } from '../redis-server.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon-process.ts';
import { INSTANCE } from './fleet-calls.ts';
import { OPERATOR } from './operator.ts';
import { type PostgresCluster, postgresCluster } from './postgres.ts';
import { asked, sleep, until } from './rig.ts';
import { type RoundRobin, startRoundRobin } from './round-robin.ts';

/**
 * Two daemons as processes of their own, behind one load balancer, with a real Redis and a real PostgreSQL between them; the wall clock of the second is
 * five minutes ahead. Their callers say a word every few seconds, and are answered.
 */

const CLOCK_AHEAD = `--import=data:text/javascript,${encodeURIComponent('const now=Date.now;Date.now=()=>now()+300000;')}`;
/** A caller's words: one after each pause, ms. The agent speaks for most of the time between. */
const FIRST_PAUSE_MS = 1_500;
const PAUSE_MS = 3_400;
const WORD_MS = 600;
const ROUNDS = 60;
/** How long a call may take to be greeted and answered once, ms: a busy machine is no fault. */
const TALKS_MS = 20_000;

export interface Placed {
  readonly phone: Phone;
  readonly report: Promise<CallReport>;
  /** When it was placed, monotonic ms: what its report's times count from. */
  readonly placedAt: number;
  over: boolean;
}

export interface PairRecord {
  readonly id: string;
  readonly reason: string | null;
  readonly continues: string | null;
  readonly endedAt: string | null;
}

type Session = RealtimeServer['sessions'][number];

/** What such a caller says. */
export function talking(): AudioSource {
  const word = toneSource(1_020, { ms: WORD_MS, dbfs: -15 });
  const rounds = Array.from({ length: ROUNDS }, () => [word, { pauseMs: PAUSE_MS }]).flat();
  return scriptSource([{ pauseMs: FIRST_PAUSE_MS }, ...rounds]);
}

/** The answer that such a caller gets each time. */
export const ANSWER = { tone: 620, ms: 2_000, dbfs: -15 };

export class FleetPair {
  readonly redis: TestRedis;
  readonly model: RealtimeServer;
  readonly proxy: RoundRobin;
  readonly daemons: readonly DaemonProcess[];
  readonly placed: Placed[] = [];
  readonly #postgres: PostgresCluster;
  readonly #folders: readonly string[];
  readonly #ticker = new Ticker(systemClock);
  readonly #source: AudioSource;

  private constructor(
    parts: Pick<FleetPair, 'redis' | 'model' | 'proxy' | 'daemons'>,
    postgres: PostgresCluster,
    folders: readonly string[],
  ) {
    this.redis = parts.redis;
    this.model = parts.model;
    this.proxy = parts.proxy;
    this.daemons = parts.daemons;
    this.#postgres = postgres;
    this.#folders = folders;
    this.#source = talking();
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<FleetPair> {
    const [redis, postgres, model] = await Promise.all([
      startRedis(),
      postgresCluster(),
      startRealtimeServer({ port: 0, record: true, voice: ANSWER }),
    ]);
    // Known before the daemons, which are told of it; it is told of them when they listen.
    const targets: string[] = [];
    const proxy = await startRoundRobin(targets);
    const folders: string[] = [];
    const start = (more: Record<string, string>) => {
      const folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
      folders.push(folder);
      return startDaemonProcess({
        ...INSTANCE,
        DATA_DIR: folder,
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        PUBLIC_URL: proxy.url,
        OPENAI_BASE_URL: model.url,
        OPENAI_TRANSCRIPTION_MODEL: 'gpt-4o-transcribe',
        ...settings,
        ...more,
      });
    };
    // One after the other: the first makes the tables.
    const daemons = [
      await start({}),
      await start({ NODE_OPTIONS: `${CLOCK_AHEAD} ${settings['NODE_OPTIONS'] ?? ''}` }),
    ];
    targets.push(...daemons.map(({ url }) => url));
    return new FleetPair({ redis, model, proxy, daemons }, postgres, folders);
  }

  /** Places calls whose webhook and stream come to this instance, and waits until each was greeted, understood and answered. */
  async call(at: number, calls: number): Promise<void> {
    this.proxy.choose = () => at;
    const before = this.model.sessions.length;
    for (let n = 0; n < calls; n++) {
      const phone = new Phone({ carrier: 'twilio', source: this.#source, ticker: this.#ticker, verbTimeScale: 0.05 });
      const placedAt = performance.now();
      const report = phone.placeCall({ webhookUrl: `${this.proxy.url}/incoming-call` });
      const one: Placed = { phone, report, placedAt, over: false };
      void report.then(() => {
        one.over = true;
      });
      this.placed.push(one);
      // One after the other: a machine that starts all at once has none answered in time.
      await until(() => this.answered(before, 1).length > n, 'a greeting', TALKS_MS);
    }
    await until(() => this.answered(before, 2).length === calls, 'an answer in each call', TALKS_MS);
  }

  /** The model's sessions since so many that have spoken so often. */
  answered(since: number, times: number): readonly Session[] {
    const spoken = ({ sent }: Session) => sent.filter((type) => type === 'response.done').length;
    return this.model.sessions.slice(since).filter((session) => spoken(session) >= times);
  }

  async ask<T>(path: string, at: number): Promise<T> {
    const response = await fetch(`${this.daemons[at]!.url}${path}`, { headers: { ...OPERATOR } });
    if (!response.ok) throw new Error(`${path} answers ${response.status}`);
    return (await response.json()) as T;
  }

  /** The calls that one instance shows as going on, with which instance has each. */
  async active(at: number): Promise<ReadonlyArray<{ readonly id: string; readonly instance: string }>> {
    return (await this.ask<{ calls: Array<{ id: string; instance: string }> }>('/calls?limit=1000', at)).calls;
  }

  async records(query = ''): Promise<readonly PairRecord[]> {
    return (await this.ask<{ records: PairRecord[] }>(`/records?limit=200${query}`, 1)).records;
  }

  /** One of its metrics, by its name and labels. */
  async metric(name: string, at: number): Promise<number> {
    const text = await (await fetch(`${this.daemons[at]!.url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1),
    );
  }

  /** Both reach Redis, and have told it again what it forgot, words too. */
  async reachRedis(withinMs: number): Promise<void> {
    const reached = async () =>
      (await this.metric('voicebridge_memory_here', 0)) === 1 &&
      (await this.metric('voicebridge_memory_here', 1)) === 1;
    await asked(async () => (await reached()) || undefined, 'both reach Redis again', withinMs);
    // What is said is gathered for a quarter of a second before it is kept.
    await sleep(1_000);
  }

  /** Ends all calls, and tells what each phone measured, in the order in which they were placed. */
  async hangUp(): Promise<readonly CallReport[]> {
    for (const { phone } of this.placed) phone.hangUp();
    return Promise.all(this.placed.map(({ report }) => report));
  }

  async close(): Promise<void> {
    for (const { phone } of this.placed) phone.hangUp();
    await Promise.all(this.daemons.map((daemon) => daemon.kill('SIGKILL')));
    await this.proxy.close();
    await this.model.close();
    await this.redis.close();
    this.#postgres.remove();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** The gaps in what the agent said that one caller heard between two moments (monotonic ms), ms each. */
export function gapsBetween({ placedAt }: Placed, { streams }: CallReport, fromMs: number, toMs: number): number[] {
  return streams
    .flatMap(({ playback }) => playback.gapList)
    .filter(({ atMs }) => placedAt + atMs >= fromMs && placedAt + atMs <= toMs)
    .map(({ ms }) => ms);
}
