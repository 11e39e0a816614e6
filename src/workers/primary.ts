import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { Counter, Gauge } from 'prom-client';
import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import type { Readiness } from '../health/health-route.ts';
import type { MachineHealth } from '../health/machine.ts';
import { ClientAddresses } from '../http/client-address.ts';
import { type ConnectionLimits, Connections } from '../http/connections.ts';
import { ENDINGS, type Ending } from '../process/ending.ts';
import { usageOf } from '../process/usage.ts';
import { choose } from './choose.ts';
import { firstBytes } from './first-bytes.ts';
import type { Connection } from './handover.ts';
import { MachineMetrics } from './machine-metrics.ts';
import { plainAnswer } from './plain-answer.ts';
import { Pool, type PoolLimits } from './pool.ts';
import type { Worker, WorkerOptions } from './worker-process.ts';

/**
 * The process that owns the port, and no call. It reads of each connection as much as says which worker it is for, and gives it away; what is said on it from
 * then on passes it by.
 */

export interface PrimaryOptions {
  readonly limits: PoolLimits;
  /** Starts a worker's process. */
  readonly start: (options: Pick<WorkerOptions, 'start' | 'changed' | 'exposition' | 'back'>) => Worker;
  readonly connections: ConnectionLimits;
  readonly trustProxy: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** As long as a worker gives the head of a request. */
const LINE_MS = 3_000;
/** How long a connection waits for a worker where all are just being replaced, ms. */
const NOBODY_MS = 2_000;
const NOBODY_LOOK_MS = 100;
/** Workers that a connection is given to in vain until it is refused: one that ends them is not to end all. */
const MISSED_MOST = 2;
/** How often all workers are told of all, ms, and how soon after a change. */
const TELL_MS = 1_000;
const TELL_SOON_MS = 100;
const METRICS_MS = 1_500;
/** How long a worker that is told to end at once may take, ms: legs close within 5 s, and what is stored is written after them. */
const CLOSE_MS = 15_000;

export class Primary {
  readonly #o: PrimaryOptions;
  readonly #pool: Pool;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #metrics = new MachineMetrics();
  /** By this its workers know one another among those of other machines. */
  readonly #machine = randomBytes(12).toString('base64url');
  readonly #startedAt: number;
  readonly #handed: Counter<'to'>;
  readonly #ended: Counter<'why'>;
  #turn = 0;
  #telling: Timer | undefined;
  #tellAt = 0;
  #draining = false;

  constructor(options: PrimaryOptions) {
    const { clock, log, limits, connections, trustProxy } = options;
    this.#o = options;
    this.#startedAt = clock.now();
    this.#connections = new Connections(connections, new ClientAddresses(trustProxy));
    this.#pool = new Pool({
      limits,
      clock,
      log,
      usageOf,
      start: (n, of) =>
        options.start({
          start: { n, of, machine: this.#machine },
          changed: (worker) => {
            this.#pool.changed(worker);
            this.#tellSoon();
          },
          exposition: () => this.exposition(),
          back: (given) => {
            for (const connection of given) this.#route(connection);
          },
        }),
      ended: (worker, ending) => this.#left(worker, ending),
    });
    // Half-open: a client may have said all that it will say when its first line is read, and wants its answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
    const registers = [this.#metrics.registry];
    this.#handed = new Counter({
      name: 'voicebridge_workers_connections_total',
      help: 'Connections given to a worker, by whether their path named it, and those that none could be given to.',
      labelNames: ['to'],
      registers,
    });
    for (const to of ['named', 'chosen', 'nobody']) this.#handed.inc({ to }, 0);
    this.#ended = new Counter({
      name: 'voicebridge_workers_ended_total',
      help: 'Workers that have ended, by why.',
      labelNames: ['why'],
      registers,
    });
    for (const why of ENDINGS) this.#ended.inc({ why }, 0);
    this.#gauges(registers);
  }

  /** Starts the workers, then listens. Resolves to the port. Rejects with what is wrong with the settings, or LISTEN_FAILED. */
  async open({ host, port }: { readonly host: string; readonly port: number }): Promise<number> {
    await this.#pool.open();
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error) =>
        reject(new BridgeError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${errorMessage(cause)}`, { cause }));
      this.#server.once('error', failed);
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off('error', failed);
        // A connection that cannot be accepted, for want of a file descriptor for instance, is no reason to end.
        this.#server.on('error', (error) => this.#o.log.error({ reason: errorMessage(error) }, 'the port fails'));
        resolve();
      });
    });
    this.#tell();
    return (this.#server.address() as { port: number }).port;
  }

  get workers(): readonly Worker[] {
    return this.#pool.workers;
  }

  get calls(): number {
    return this.workers.reduce((sum, { load }) => sum + (load?.calls ?? 0), 0);
  }

  /** Replaces all workers, one after the other, by such as have the settings and the code of now. Rejects where they do not start; those that run go on then. */
  reload(limits: PoolLimits): Promise<void> {
    return this.#pool.reload(limits);
  }

  /** No new calls; resolves when the last has ended, and all processes with it. */
  async drain(withinMs?: number): Promise<void> {
    this.#draining = true;
    this.#tell();
    await this.#pool.drain(withinMs);
    this.#stop();
  }

  /** Ends all calls at once. */
  async close(): Promise<void> {
    this.#draining = true;
    await this.#pool.close(CLOSE_MS);
    this.#stop();
  }

  /** The metrics of all workers in one. */
  async exposition(): Promise<{ readonly contentType: string; readonly text: string }> {
    const told = await Promise.all(this.workers.map((worker) => worker.metrics(METRICS_MS)));
    return this.#metrics.exposition(told);
  }

  get health(): MachineHealth {
    const loads = this.workers.flatMap(({ state, load }) =>
      load === undefined || state === 'ended' ? [] : [{ state, load }],
    );
    const memory = { ...process.memoryUsage() };
    for (const { load } of loads)
      for (const name of ['rss', 'heapTotal', 'heapUsed'] as const) memory[name] += load.memory[name];
    const { rss, heapTotal, heapUsed } = memory;
    return {
      readiness: this.#readiness(loads.filter(({ state }) => state === 'serving').map(({ load }) => load.readiness)),
      calls: this.calls,
      uptime: (this.#o.clock.now() - this.#startedAt) / 1_000,
      memory: { rss, heapTotal, heapUsed },
    };
  }

  /** Of all together: as the best of them is. */
  #readiness(of: readonly Readiness[]): Readiness {
    if (this.#draining) return 'draining';
    return of.find((one) => one === 'ok') ?? of.find((one) => one !== 'draining') ?? 'overloaded';
  }

  #take(socket: Socket): void {
    // What becomes of it the one tells who gets it.
    socket.on('error', () => {});
    if (!this.#connections.add(socket)) return;
    firstBytes(socket, {
      clock: this.#o.clock,
      withinMs: LINE_MS,
      taken: (read, line) => {
        this.#connections.forget(socket);
        this.#route({ socket, read, path: line.path });
      },
      none: (why) => {
        // Who said nothing is not answered, as in a process alone: browsers open connections in advance.
        if (why === 'late' && socket.bytesRead > 0) plainAnswer(socket, 408, 'REQUEST_TIMEOUT', 'request timeout');
        else socket.destroy();
      },
    });
  }

  #route(connection: Connection, sinceMs = this.#o.clock.now()): void {
    const { socket, path } = connection;
    if (socket.destroyed) return;
    const worker = (connection.missed ?? 0) > MISSED_MOST ? undefined : choose(this.workers, path, this.#turn++);
    if (worker !== undefined) {
      this.#handed.inc({
        to: worker.instance !== undefined && path?.split('/')[2] === worker.instance ? 'named' : 'chosen',
      });
      worker.hand(connection);
      return;
    }
    const { clock } = this.#o;
    if ((connection.missed ?? 0) <= MISSED_MOST && !this.#draining && clock.now() - sinceMs < NOBODY_MS) {
      clock.after(NOBODY_LOOK_MS, () => this.#route(connection, sinceMs));
      return;
    }
    this.#handed.inc({ to: 'nobody' });
    plainAnswer(socket, 503, 'INTERNAL', 'no process takes calls at the moment');
  }

  #left(worker: Worker, { kind }: Ending): void {
    this.#ended.inc({ why: kind });
    this.#metrics.left(worker.lastMetrics);
  }

  #tellSoon(): void {
    const { clock } = this.#o;
    if (this.#tellAt <= clock.now() + TELL_SOON_MS) return;
    this.#telling?.cancel();
    this.#tellAt = clock.now() + TELL_SOON_MS;
    this.#telling = this.#o.clock.after(TELL_SOON_MS, () => this.#tell());
  }

  /** Has every worker know what all together are, and gives those connections to others that a worker does not take. */
  #tell(): void {
    this.#telling?.cancel();
    const { health } = this;
    for (const worker of this.workers) {
      if (worker.servesSince !== undefined) worker.say({ type: 'machine', health });
      if (worker.silent && this.workers.some((other) => other !== worker && other.state === 'serving' && !other.silent))
        for (const connection of worker.takeBack()) this.#route({ ...connection, path: undefined });
    }
    this.#tellAt = this.#o.clock.now() + TELL_MS;
    this.#telling = this.#o.clock.after(TELL_MS, () => this.#tell());
  }

  #stop(): void {
    this.#telling?.cancel();
    this.#server.close();
  }

  #gauges(registers: Array<MachineMetrics['registry']>): void {
    const primary = this;
    new Gauge({
      name: 'voicebridge_ready',
      help: 'Whether new calls may come: 1, or 0 with why.',
      labelNames: ['status'],
      registers,
      collect() {
        this.reset();
        const { readiness } = primary.health;
        this.set({ status: readiness }, readiness === 'ok' ? 1 : 0);
      },
    });
    const workers = new Gauge({
      name: 'voicebridge_workers',
      help: 'Processes that take calls, by what they do.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const state of ['starting', 'serving', 'retiring', 'draining'])
          workers.set({ state }, primary.workers.filter((worker) => worker.state === state).length);
      },
    });
    const calls = new Gauge({
      name: 'voicebridge_worker_calls',
      help: 'Calls of each worker, by its number.',
      labelNames: ['worker'],
      registers,
      collect() {
        calls.reset();
        for (const { n, load } of primary.workers) calls.inc({ worker: n }, load?.calls ?? 0);
      },
    });
    const memory = new Gauge({
      name: 'voicebridge_worker_resident_memory_bytes',
      help: 'Resident memory of each worker, by its number; of one that leaves and its successor both.',
      labelNames: ['worker'],
      registers,
      collect() {
        memory.reset();
        for (const { n, load } of primary.workers) memory.inc({ worker: n }, load?.memory.rss ?? 0);
      },
    });
  }
}
