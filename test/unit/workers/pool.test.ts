import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';
import type { Ending } from '../../../src/process/ending.ts';
import type { Load } from '../../../src/workers/messages.ts';
import { Pool, type PoolLimits, type PoolOptions } from '../../../src/workers/pool.ts';
import type { Worker } from '../../../src/workers/worker-process.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A worker that is no process: it starts, ends and grows as the test says. */
class FakeWorker implements Worker {
  readonly instance: string;
  readonly pid: number;
  readonly about = [];
  readonly adminTokenFile = undefined;
  readonly pending = 0;
  readonly lastMetrics = [];
  silent = false;
  silentMs = 0;
  wished = false;
  state: Worker['state'] = 'starting';
  load: Load | undefined;
  servesSince: number | undefined;
  rss = 0;
  readonly told: string[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<Ending>();

  readonly n: number;
  readonly #clock: FakeClock;

  constructor(n: number, serial: number, clock: FakeClock) {
    this.n = n;
    this.#clock = clock;
    this.instance = `w${serial}`;
    this.pid = serial;
    this.#ready.promise.catch(() => {});
  }

  get ready() {
    return this.#ready.promise;
  }

  get ended() {
    return this.#ended.promise;
  }

  serve(): void {
    this.state = 'serving';
    this.servesSince = this.#clock.now();
    this.#ready.resolve();
  }

  end(kind: Ending['kind'] = 'finished'): void {
    this.state = 'ended';
    this.#ready.reject(new Error('it ended'));
    this.#ended.resolve({ kind, code: null, signal: null, detail: kind });
  }

  says(readiness: Load['readiness']): void {
    this.load = { taken: 0, calls: 0, requests: 0, readiness, memory: { rss: 0, heapTotal: 0, heapUsed: 0 } };
  }

  hand(): void {}
  takeBack() {
    return [];
  }
  say(): void {}
  metrics() {
    return Promise.resolve([]);
  }

  retire(): void {
    if (this.state !== 'serving') return;
    this.state = 'retiring';
    this.wished = true;
    this.told.push('retire');
  }

  drain(): void {
    this.wished = true;
    this.told.push('drain');
  }

  close(): void {
    this.wished = true;
    this.told.push('close');
  }

  kill(why: string): void {
    this.told.push(`kill: ${why}`);
    this.end('killed');
  }
}

const LIMITS: PoolLimits = { size: 2, maxRss: 0, maxAgeMs: 0, killMs: 1_000 };

async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

function pool(limits: Partial<PoolLimits> = {}) {
  const clock = new FakeClock();
  const started: FakeWorker[] = [];
  const ended: string[] = [];
  const errors: string[] = [];
  const log = {
    ...createLog({ level: 'silent' }),
    info() {},
    warn() {},
    error: (_: object, message: string) => void errors.push(message),
  } as unknown as PoolOptions['log'];
  const made = new Pool({
    limits: { ...LIMITS, ...limits },
    clock,
    log,
    usageOf: async (pid) => ({ rss: started[pid - 1]?.rss ?? 0, threads: 1 }),
    start: (n) => {
      const worker = new FakeWorker(n, started.length + 1, clock);
      started.push(worker);
      return worker;
    },
    ended: (worker, { kind }) => void ended.push(`${worker.instance} ${kind}`),
  });
  const open = async () => {
    const opening = made.open();
    started[0]?.serve();
    await settle();
    for (const worker of started) if (worker.state === 'starting') worker.serve();
    await opening;
  };
  const serving = () => made.workers.filter(({ state }) => state === 'serving').map(({ instance }) => instance);
  return { pool: made, clock, started, ended, errors, open, serving };
}

describe('the start of a pool', () => {
  it('is led by one process, which finds what is wrong before the others are there', async () => {
    const { pool: made, started } = pool({ size: 3 });
    const opening = made.open();
    await settle();
    expect(started.length).toBe(1);
    started[0]?.serve();
    await settle();
    expect(started.length).toBe(3);
    for (const worker of started.slice(1)) worker.serve();
    await opening;
  });

  it('fails with the first process, and starts none in its place', async () => {
    const { pool: made, started, clock } = pool();
    const opening = made.open();
    started[0]?.end('failed');
    await expect(opening).rejects.toThrow('it ended');
    await clock.advanceAsync(60_000, 1_000);
    expect(started.length).toBe(1);
  });
});

describe('a process that is gone', () => {
  it('has a successor at once, and those that are gone again and again wait longer each time', async () => {
    const { started, clock, open, errors } = pool();
    await open();
    started[0]?.end('aborted');
    await clock.advanceAsync(30);
    expect(started.map(({ n }) => n)).toEqual([0, 1, 0]);
    expect(errors).toHaveLength(1);
    started[2]?.serve();
    await settle();
    started[2]?.end('aborted');
    await clock.advanceAsync(400);
    expect(started.length).toBe(3);
    await clock.advanceAsync(200);
    expect(started.length).toBe(4);
    // It never serves.
    started[3]?.end('failed');
    await clock.advanceAsync(900);
    expect(started.length).toBe(4);
    await clock.advanceAsync(200);
    expect(started.length).toBe(5);
    started[4]?.serve();
    await clock.advanceAsync(30_000, 1_000);
    started[4]?.end('aborted');
    await clock.advanceAsync(30);
    expect(started.length).toBe(6);
  });

  it('is made up for when it leaves by its own wish, before it has ended', async () => {
    const { pool: made, started, open, serving, errors } = pool();
    await open();
    started[1]?.says('draining');
    made.changed(started[1] as FakeWorker);
    made.changed(started[1] as FakeWorker);
    await settle();
    expect(started.length).toBe(3);
    started[2]?.serve();
    await settle();
    expect(serving()).toEqual(['w1', 'w3']);
    started[1]?.end('finished');
    await settle();
    expect(started.length).toBe(3);
    expect(errors).toEqual([]);
  });

  it('is made up for by one try at a time, with a pause behind one that fails, however often it says that it leaves', async () => {
    const { pool: made, started, clock, open } = pool();
    await open();
    const leaving = started[1] as FakeWorker;
    leaving.says('draining');
    const says = async (ms: number) => {
      for (let at = 0; at < ms; at += 500) {
        made.changed(leaving);
        await clock.advanceAsync(500);
        // What is wrong with the program lets none start.
        for (const worker of started) if (worker.state === 'starting') worker.end('failed');
        await settle();
      }
    };
    await says(29_000);
    expect(started.length).toBe(3);
    await says(5_000);
    expect(started.length).toBe(4);
  });

  it('is killed when it says nothing for half a minute', async () => {
    const { started, clock, open, ended } = pool();
    await open();
    if (started[0]) started[0].silentMs = 29_000;
    await clock.advanceAsync(5_000, 500);
    expect(ended).toEqual([]);
    if (started[0]) started[0].silentMs = 31_000;
    await clock.advanceAsync(6_000, 500);
    expect(ended).toEqual(['w1 killed']);
    expect(started.length).toBe(3);
  });

  it('is not killed for what was not read of it while the first process itself stood still', async () => {
    const { started, clock, open, ended } = pool();
    await open();
    for (const worker of started) worker.silentMs = 36_000;
    clock.stall(36_000);
    // What they said meanwhile is read, of one of them there is nothing.
    if (started[0]) started[0].silentMs = 0;
    await settle();
    expect(ended).toEqual([]);
    await clock.advanceAsync(6_000, 500);
    expect(ended).toEqual(['w2 killed']);
  });

  it('is killed so, too, while another is replaced whose successor takes long to start', async () => {
    const { started, clock, open, ended } = pool({ maxAgeMs: 60_000 });
    await open();
    await clock.advanceAsync(66_000, 500);
    expect(started.length).toBe(3);
    if (started[1]) started[1].silentMs = 31_000;
    await clock.advanceAsync(10_000, 500);
    expect(ended).toEqual(['w2 killed']);
  });
});

describe('replacing', () => {
  it('goes one by one: each leaves when its successor serves, and nobody waits for its calls', async () => {
    const { pool: made, started, open } = pool();
    await open();
    const reloaded = made.reload(LIMITS);
    await settle();
    expect(started.length).toBe(3);
    expect(started[0]?.told).toEqual([]);
    started[2]?.serve();
    await settle();
    expect(started[0]?.told).toEqual(['retire']);
    expect(started[1]?.told).toEqual([]);
    expect(started.length).toBe(4);
    started[3]?.serve();
    await reloaded;
    expect(started[1]?.told).toEqual(['retire']);
    started[0]?.end();
    started[1]?.end();
    await settle();
    expect(started.length).toBe(4);
  });

  it('stops where a successor does not start: all that run go on', async () => {
    const { pool: made, started, open, serving, clock } = pool();
    await open();
    const reloaded = made.reload(LIMITS);
    await settle();
    started[2]?.end('failed');
    await expect(reloaded).rejects.toThrow('it ended');
    await clock.advanceAsync(5_000, 500);
    expect(serving()).toEqual(['w1', 'w2']);
    expect(started.length).toBe(3);
  });

  it('makes more or fewer of them where that is the new setting', async () => {
    const { pool: made, started, open, serving } = pool();
    await open();
    const serveAll = async () => {
      for (let i = 0; i < 6; i++) {
        for (const worker of started) if (worker.state === 'starting') worker.serve();
        await settle();
      }
    };
    const more = made.reload({ ...LIMITS, size: 3 });
    await serveAll();
    await more;
    expect(serving()).toEqual(['w3', 'w4', 'w5']);
    const fewer = made.reload({ ...LIMITS, size: 1 });
    await serveAll();
    await fewer;
    expect(serving()).toEqual(['w6']);
  });

  it('survives a crash of the one that is to be replaced while its successor starts', async () => {
    const { pool: made, started, open, serving, clock } = pool();
    await open();
    const reloaded = made.reload(LIMITS);
    await settle();
    started[0]?.end('aborted');
    await clock.advanceAsync(1_000, 100);
    started[2]?.serve();
    await settle();
    started[3]?.serve();
    await reloaded;
    await clock.advanceAsync(5_000, 500);
    expect(serving()).toEqual(['w3', 'w4']);
  });

  it('comes of memory that stays above the limit, one process at a time', async () => {
    const { started, open, clock } = pool({ maxRss: 1_000 });
    await open();
    for (const worker of started) worker.rss = 2_000;
    await clock.advanceAsync(10_000, 500);
    expect(started.length).toBe(2);
    if (started[0]) started[0].rss = 500;
    await clock.advanceAsync(5_000, 500);
    expect(started.length).toBe(3);
    started[2]?.serve();
    await settle();
    expect([started[0]?.told, started[1]?.told]).toEqual([[], ['retire']]);
  });

  it('comes of age', async () => {
    const { started, open, clock } = pool({ maxAgeMs: 60_000 });
    await open();
    await clock.advanceAsync(59_000, 500);
    expect(started.length).toBe(2);
    await clock.advanceAsync(7_000, 500);
    expect(started.length).toBe(3);
    started[2]?.serve();
    await clock.advanceAsync(6_000, 500);
    started[3]?.serve();
    await settle();
    expect(started.map(({ told }) => told)).toEqual([['retire'], ['retire'], [], []]);
  });
});

describe('the end of a pool', () => {
  it('waits for all, those too that were leaving, and replaces none', async () => {
    const { pool: made, started, open, clock } = pool();
    await open();
    started[0]?.retire();
    let over = false;
    const drained = made.drain(5_000).then(() => {
      over = true;
    });
    expect(started.map(({ told }) => told)).toEqual([['retire', 'drain'], ['drain']]);
    started[0]?.end();
    await clock.advanceAsync(1_000, 100);
    expect(over).toBe(false);
    started[1]?.end('aborted');
    await drained;
    await clock.advanceAsync(60_000, 1_000);
    expect(started.length).toBe(2);
    expect(clock.pending).toBe(0);
  });
});
