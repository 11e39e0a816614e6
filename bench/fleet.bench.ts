/**
 * What instances ask of Redis: every command of one real call of a daemon in a fleet, with all limits on; then ten thousand such calls at once in a real
 * Redis, over as many connections as instances of that size would have: memory and CPU there, and what breaks first.
 * Run: node bench/fleet.bench.ts [--quick]
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { build } from '../src/app.ts';
import { systemClock } from '../src/call/clock.ts';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { LocalMemory } from '../src/memory/local.ts';
import type { Lease } from '../src/memory/memory.ts';
import { RedisMemory } from '../src/memory/redis.ts';
import { Phone, scriptSource, toneSource } from '../src/simulator/phone/index.ts';
import { startRealtimeServer } from '../src/simulator/realtime/index.ts';
import { NO_REDIS, redisProgram, startRedis } from '../test/redis-server.ts';
import { type Asked, replay, traced } from './lib/memory-trace.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';

const CALLS = 10_000;
/** What one core takes on the WebSocket. */
const CALLS_AN_INSTANCE = 400;
/** How long a call lasts on average, for how many begin in a second, s. */
const CALL_SECONDS = 180;
/** Webhooks that one instance answers at once in the replay. */
const AT_ONCE = 2;

interface Trace {
  readonly begin: readonly Asked[];
  readonly running: readonly Asked[];
  readonly end: readonly Asked[];
  readonly runningSeconds: number;
  /** Commands a second of an instance without a call. */
  readonly idle: number;
}

/** What an instance asks for itself, or for all of its calls at once. */
const isOfInstance = ({ options, method }: Asked) => options.name === 'instances' || method === 'renewAll';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** One call, as a carrier places it, of a daemon that thinks itself one of many. */
async function traceCall(quick: boolean): Promise<Trace> {
  const model = await startRealtimeServer({ port: 0, record: false });
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-fleet-'));
  const all: Asked[] = [];
  const memory = traced(new LocalMemory({ clock: systemClock }), (one) => all.push(one));
  const config = loadConfig({
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    PORT: '0',
    OPENAI_API_KEY: 'sk-of-the-bench',
    OPENAI_BASE_URL: model.url,
    USE_WEBRTC: 'false',
    // Not asked: the memory is given.
    REDIS_URL: 'redis://127.0.0.1:1',
    FLEET_SECRET: 'a-secret-of-the-bench-that-is-long-enough',
    INSTANCE_URL: 'http://127.0.0.1:1',
    FLEET_MAX_CALLS: String(CALLS),
    CALLS_PER_NUMBER: String(CALLS),
    CALLS_PER_CALLER: '9',
    CALLS_PER_ACCOUNT: String(CALLS),
  });
  const app = await build(config, { log: createLog({ level: 'silent' }), memory });
  const url = await app.listen();
  const idleMs = quick ? 10_000 : 30_000;
  await pause(1_000);
  all.length = 0;
  await pause(idleMs);
  const idle = all.length / (idleMs / 1_000);
  all.length = 0;
  const talkMs = quick ? 12_000 : 40_000;
  // It speaks, listens, and speaks again.
  const turn = [{ pauseMs: 1_500 }, toneSource(440, { ms: 800 }), { pauseMs: 3_000 }] as const;
  const phone = new Phone({
    carrier: 'twilio',
    source: scriptSource(Array.from({ length: 20 }, () => turn).flat()),
    hangUpAfterMs: talkMs,
  });
  const report = phone.placeCall({ webhookUrl: `${url}/incoming-call` });
  await pause(3_000);
  const begun = performance.now();
  const begin = all.splice(0);
  await pause(talkMs - 5_000);
  const running = all.splice(0);
  const runningSeconds = (performance.now() - begun) / 1_000;
  await report;
  await pause(1_500);
  const end = all.splice(0);
  await app.close();
  await model.close();
  rmSync(dataDir, { recursive: true, force: true });
  const ofCall = (part: readonly Asked[]) => part.filter((one) => !isOfInstance(one));
  return { begin: ofCall(begin), running: ofCall(running), end: ofCall(end), runningSeconds, idle };
}

const nameOf = ({ form, options, method }: Asked) => `${form} ${options.name} ${method}`;

function showTrace({ begin, running, end }: Trace): void {
  const rows = new Map<string, [number, number, number]>();
  [begin, running, end].forEach((part, column) => {
    for (const one of part) {
      const row = rows.get(nameOf(one)) ?? [0, 0, 0];
      row[column] = (row[column] ?? 0) + 1;
      rows.set(nameOf(one), row);
    }
  });
  const shown = [...rows].map(([name, counts]) => [name, ...counts.map(String)]);
  table('Commands of one call', ['', 'begin', 'while it runs', 'end'], shown);
}

/** Leases that an instance renews for its calls. */
function leasesOf(begin: readonly Asked[]): ReadonlyArray<Lease<unknown>> {
  return begin.flatMap(({ form, method, args }) =>
    form === 'leases' && method === 'takeAll' ? (args[0] as ReadonlyArray<Lease<unknown>>) : [],
  );
}

/** CPU of a process so far, s. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
async function redisCpu(direct: Redis): Promise<number> {
  const info = await direct.info('cpu');
  const of = (name: string) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}

const used = async (direct: Redis) => Number(/^used_memory:(\d+)/m.exec(await direct.info('memory'))?.[1]);

async function hold(trace: Trace, calls: number): Promise<Verdict[]> {
  const redis = await startRedis();
  const direct = new Redis(redis.url);
  const log = { warn: () => {}, info: () => {} };
  const instances = Array.from({ length: Math.ceil(calls / CALLS_AN_INSTANCE) }, (_, one) => {
    const memory = new RedisMemory({ url: redis.url, prefix: 'bench', clock: systemClock, instance: `i${one}`, log });
    memory.open();
    return memory;
  });
  // All instances are in this one process: where the machine is slow they find Redis late, and themselves.
  const here = async () => {
    while (instances.some(({ state }) => state === 'away')) await pause(50);
  };
  await here();
  const numbers = instances.map((_, one) =>
    Array.from(
      { length: Math.min(CALLS_AN_INSTANCE, calls - one * CALLS_AN_INSTANCE) },
      (_, k) => one * CALLS_AN_INSTANCE + k,
    ),
  );
  // What is news is told to watchers, and kept nowhere.
  const each = async (part: readonly Asked[]) => {
    await here();
    const [began, cpu] = [performance.now(), await redisCpu(direct)];
    let failed = 0;
    const lane = async (one: number, from: number) => {
      for (let k = from; k < (numbers[one]?.length ?? 0); k += AT_ONCE) {
        for (const asked of part)
          await replay(instances[one]!, asked, numbers[one]![k]!).catch(() => {
            failed++;
          });
      }
    };
    await Promise.all(instances.flatMap((_, one) => Array.from({ length: AT_ONCE }, (_, from) => lane(one, from))));
    return { ms: performance.now() - began, cpu: (await redisCpu(direct)) - cpu, failed };
  };
  const empty = await used(direct);
  const begun = await each(trace.begin);
  const bytes = ((await used(direct)) - empty) / calls;
  // All instances renew at the same moment: no worse can happen.
  const leases = leasesOf(trace.begin);
  const places = numbers.map((own) =>
    own.flatMap((k) =>
      leases.map(({ group, id, value }) => ({
        group: group.startsWith('caller') ? `${group}#${k}` : group,
        id: `${id}#${k}`,
        value,
      })),
    ),
  );
  const [renewBegan, renewCpu] = [performance.now(), await redisCpu(direct)];
  let late = 0;
  const renewed = instances.map((memory, one) => memory.leases({ name: 'places' }).renewAll(places[one]!, 30_000));
  for (const one of await Promise.allSettled(renewed)) if (one.status === 'rejected') late++;
  const renew = { ms: performance.now() - renewBegan, cpu: (await redisCpu(direct)) - renewCpu };
  const ended = await each(trace.end);
  const perCall = trace.begin.length + trace.end.length;
  const beginning = calls / CALL_SECONDS;
  const [beginUs, endUs] = [(begun.cpu / calls) * 1e6, (ended.cpu / calls) * 1e6];
  const load = 100 * ((beginning * (beginUs + endUs)) / 1e6 + renew.cpu / 10);
  table(
    `${calls} calls at once on ${instances.length} instances`,
    ['', '', 'unit'],
    [
      ['failed commands', String(begun.failed + ended.failed), ''],
      ['memory in Redis', n(bytes / 1_024), 'KB a call'],
      ['', n((bytes * calls) / 2 ** 20, 0), 'MB in all'],
      ['CPU of Redis to begin a call', n(beginUs, 0), 'us'],
      ['CPU of Redis to end a call', n(endUs, 0), 'us'],
      ['begun as fast as it goes', n(calls / (begun.ms / 1_000), 0), 'calls a second, the load on the same machine'],
      ['renewed all at once, every 10 s', n(renew.ms, 0), 'ms until the last had its answer'],
      ['', n(renew.cpu * 1_000, 0), 'ms of CPU of Redis'],
      ['', String(late), 'instances that could not, and try again in 10 s'],
      [`Redis with ${n(beginning, 0)} calls a second that begin and end`, n(load, 1), '% of its one core'],
      ['calls at once that fill half of that core', n((50 / load) * calls, 0), ''],
    ],
  );
  await Promise.all(instances.map((memory) => memory.close()));
  direct.disconnect();
  await redis.close();
  const rate = trace.running.length / trace.runningSeconds;
  return [
    { what: 'Redis: commands for a call, begin and end', value: perCall, target: 20, unit: '' },
    { what: 'Redis: commands a second while it runs', value: rate, target: 0.2, unit: '1/s' },
    { what: 'Redis: failed commands', value: begun.failed + ended.failed, target: 0, unit: '' },
  ];
}

export async function fleet({ quick = false }: { quick?: boolean } = {}): Promise<Verdict[]> {
  if (redisProgram === undefined) {
    print(`not measured: ${NO_REDIS}`);
    return [];
  }
  print(execFileSync(redisProgram, ['--version'], { encoding: 'utf8' }).trim());
  const trace = await traceCall(quick);
  showTrace(trace);
  print(`an instance without a call: ${n(trace.idle)} commands a second, and the look at Redis's clock every 2 s`);
  return hold(trace, quick ? CALLS / 5 : CALLS);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  verdicts(await fleet({ quick: values.quick }));
  process.exit(0);
}
