import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, build } from '../../src/app.ts';
import { systemClock } from '../../src/call/clock.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { LocalMemory } from '../../src/memory/local.ts';
import type { ProcessMemory } from '../../src/memory/memory.ts';
import {
  type RealtimeServer,
  type RealtimeServerOptions,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type RoundRobin, startRoundRobin } from './round-robin.ts';

/** Two instances that share a memory, behind a load balancer that knows nothing of calls. */

export interface Told {
  readonly callId: string;
  readonly event: CallEvent;
}

export interface FleetInstance {
  readonly app: App;
  /** Its own address. */
  readonly url: string;
  readonly lines: Array<Record<string, unknown>>;
  /** Every event of every call here, in order. */
  readonly told: Told[];
}

export interface FleetRig {
  readonly instances: readonly FleetInstance[];
  readonly proxy: RoundRobin;
  readonly model: RealtimeServer;
  readonly memory: ProcessMemory;
  /** Events of one type of all calls, with where they were told. */
  of<T extends CallEvent['type']>(
    type: T,
  ): Array<{ callId: string; at: number; event: Extract<CallEvent, { type: T }> }>;
  /** Calls that either has now. */
  active(): Promise<number>;
  /** Asks as an operator: through the load balancer, or one instance. */
  operate(method: string, path: string, body?: object, at?: number): Promise<Response>;
  close(): Promise<void>;
}

export async function startFleet(
  options: {
    settings?: Record<string, string>;
    model?: Partial<RealtimeServerOptions>;
    /** How far the clock on the wall of each is off, ms. */
    clocksOff?: readonly [number, number];
  } = {},
): Promise<FleetRig> {
  const model = await startRealtimeServer({ port: 0, record: true, ...options.model });
  const memory = new LocalMemory({ clock: systemClock });
  const folders: string[] = [];
  const start = async (clockOff = 0): Promise<FleetInstance> => {
    const lines: Array<Record<string, unknown>> = [];
    const told: Told[] = [];
    const log = createLog({
      level: 'info',
      destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
    });
    const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-'));
    folders.push(dataDir);
    const config = loadConfig({
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: '0',
      MAX_LOOP_DELAY_MS: '0',
      CALLS_PER_SECOND: '0',
      RATE_LIMIT_WEBHOOKS: '0',
      RATE_LIMIT_STREAMS: '0',
      RATE_LIMIT_API: '0',
      OPENAI_API_KEY: 'sk-test-canary-000000000000',
      OPENAI_BASE_URL: model.url,
      USE_WEBRTC: 'false',
      ROUTES_FILE: join(import.meta.dirname, '../fixtures/routes.yaml'),
      ADMIN_TOKEN: OPERATOR_TOKEN,
      // What they share is given to them below.
      REDIS_URL: 'redis://127.0.0.1:1',
      FLEET_SECRET: 'a secret that both of the instances share',
      TRUST_PROXY: 'loopback',
      ...options.settings,
    });
    const app = await build(config, {
      log,
      memory,
      clock: { ...systemClock, wall: () => systemClock.wall() + clockOff },
      observers: [{ onEvent: (callId, event) => void told.push({ callId, event }) }],
    });
    return { app, url: await app.listen(), lines, told };
  };
  const [first, second] = options.clocksOff ?? [];
  const instances = [await start(first), await start(second)];
  const proxy = await startRoundRobin(instances.map(({ url }) => url));
  return {
    instances,
    proxy,
    model,
    memory,
    of: (type) =>
      instances.flatMap(({ told }, at) =>
        told.flatMap(({ callId, event }) => (event.type === type ? [{ callId, at, event }] : [])),
      ) as never,
    active: async () => instances.reduce((sum, { app }) => sum + app.calls.size, 0),
    operate: (method, path, body, at) =>
      fetch(`${at === undefined ? proxy.url : instances[at]!.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${OPERATOR_TOKEN}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async close() {
      await Promise.all(instances.map(({ app }) => app.close()));
      await proxy.close();
      await model.close();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
