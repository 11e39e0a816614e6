import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, build } from '../../src/app.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type CallReport, Phone, type PhoneOptions } from '../../src/simulator/phone/index.ts';
import {
  parseScenario,
  type RealtimeServer,
  type RealtimeServerOptions,
  type ScenarioInput,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { WAIT_MS } from './waiting.ts';

export { loudestTone, toneAloneMs } from '../fakes/tones-heard.ts';

/** The whole bridge on real sockets: the daemon, a model's far end of its own, and phones that call it. */

export const TRANSPORTS = ['webrtc', 'websocket'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface RigOptions {
  transport?: Transport;
  /** Settings over the tests' own. */
  settings?: Record<string, string>;
  scenario?: ScenarioInput;
  model?: Partial<RealtimeServerOptions>;
  /** Told each event as it happens. */
  onEvent?: (event: CallEvent) => void;
}

export interface Placed {
  phone: Phone;
  report: Promise<CallReport>;
}

export interface Rig {
  readonly app: App;
  readonly model: RealtimeServer;
  readonly url: string;
  /** Where the daemon keeps its database. */
  readonly dataDir: string;
  /** Every log line of the daemon. */
  readonly lines: Array<Record<string, unknown>>;
  /** Every event of every call, in order. */
  readonly events: CallEvent[];
  /** Events of one type of the call, or of the agent inside it. */
  of<T extends CallEvent['type']>(type: T): Array<Extract<CallEvent, { type: T }>>;
  agentEvents<T extends string>(type: T): Array<Record<string, unknown> & { type: T }>;
  /** Calls the daemon. */
  call(options: Partial<PhoneOptions> & Pick<PhoneOptions, 'source'>): Placed;
  /** Value of a counter in what /metrics says. */
  counter(name: string): Promise<number>;
  close(): Promise<void>;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const model = await startRealtimeServer({
    port: 0,
    record: true,
    ...(options.scenario === undefined ? {} : { scenario: parseScenario(options.scenario) }),
    ...options.model,
  });
  const events: CallEvent[] = [];
  const lines: Array<Record<string, unknown>> = [];
  const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  const config = loadConfig({
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    PORT: '0',
    // The neighbours on a machine decide how late its event loops are; what is refused for that, these tests are not about.
    MAX_LOOP_DELAY_MS: '0',
    OPENAI_API_KEY: 'sk-test-canary-000000000000',
    OPENAI_BASE_URL: model.url,
    USE_WEBRTC: String((options.transport ?? 'websocket') === 'webrtc'),
    OPENAI_TRANSCRIPTION_MODEL: 'gpt-4o-transcribe',
    // The shipped routes go by the time of day.
    ROUTES_FILE: join(import.meta.dirname, '../fixtures/routes.yaml'),
    ADMIN_TOKEN: OPERATOR_TOKEN,
    METRICS_ACCESS: 'public',
    ...options.settings,
  });
  const onEvent = (_id: string, event: CallEvent) => {
    events.push(event);
    options.onEvent?.(event);
  };
  const app = await build(config, { log, observers: [{ onEvent }] });
  const url = await app.listen();
  return {
    app,
    model,
    url,
    dataDir,
    lines,
    events,
    of: (type) => events.filter((event) => event.type === type) as never,
    agentEvents: (type) =>
      events.flatMap((event) => (event.type === 'agent' && event.event.type === type ? [event.event] : [])) as never,
    call(phoneOptions) {
      const phone = new Phone({
        carrier: 'twilio',
        record: true,
        verbTimeScale: 0.05,
        hangUpAfterMs: 25_000,
        ...phoneOptions,
      });
      return { phone, report: phone.placeCall({ webhookUrl: `${url}/incoming-call` }) };
    },
    async counter(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = text.split('\n').find((l) => l.includes(`"${name}"`));
      return Number(line?.split(' ').at(-1) ?? Number.NaN);
    },
    async close() {
      await app.close();
      await model.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until `check` gives something; fails with `what` after `ms`. */
export async function until<T>(check: () => T | undefined | false, what: string, ms = WAIT_MS): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** As `until`, of something that is asked for. Tests that run beside others of their file cannot poll by `expect`. */
export async function asked<T>(check: () => Promise<T | undefined | false>, what: string, ms = WAIT_MS): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await sleep(100);
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
