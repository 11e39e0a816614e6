import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, build } from '../../src/app.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type BuoyFarEnd, startBuoys } from '../fixtures/kinds/agent/far-end.ts';
import { Tide } from '../fixtures/kinds/carrier/far-end.ts';
import { TABLES } from '../fixtures/kinds/tables.ts';
import { fixtures } from './calls-rig.ts';
import { OPERATOR_TOKEN } from './operator.ts';

/** The whole daemon with a made-up carrier and a made-up agent beside its own, by the tables alone, and the far ends of both. */

export const TIDE_SECRET = 'secret-of-the-tide';
const BUOY_TOKEN = 'token-of-the-buoys-0123';
export const PUBLIC = 'https://voice.example.com';

export interface KindsRig {
  readonly app: App;
  readonly url: string;
  readonly tide: Tide;
  readonly buoys: BuoyFarEnd;
  readonly events: CallEvent[];
  readonly lines: Array<Record<string, unknown>>;
  of<T extends CallEvent['type']>(type: T): Array<Extract<CallEvent, { type: T }>>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export interface KindsRigOptions {
  readonly settings?: Record<string, string>;
  /** False: no secret is set, and the carrier signs nothing. */
  readonly signed?: boolean;
  readonly talkMs?: number;
}

export async function startKindsRig({ settings = {}, signed = true, talkMs }: KindsRigOptions = {}): Promise<KindsRig> {
  const buoys = await startBuoys({ token: BUOY_TOKEN, ...(talkMs === undefined ? {} : { talkMs }) });
  const options = { bridge: '', secret: signed ? TIDE_SECRET : undefined };
  const tide = new Tide(options);
  const api = await tide.listen();
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  const events: CallEvent[] = [];
  const lines: Array<Record<string, unknown>> = [];
  const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const config = loadConfig(
    {
      DATA_DIR: dataDir,
      HOST: '127.0.0.1',
      PORT: '0',
      MAX_LOOP_DELAY_MS: '0',
      ROUTES_FILE: join(fixtures, 'kinds/routes.yaml'),
      PROMPTS_DIR: join(fixtures, 'kinds/prompts'),
      PRICES_FILE: join(fixtures, 'kinds/prices.json'),
      // None: the daemon's own are for prompts that are not here.
      SUITES_DIR: dataDir,
      ADMIN_TOKEN: OPERATOR_TOKEN,
      METRICS_ACCESS: 'public',
      DIAL_ALLOW: '+1202',
      BUOY_URL: buoys.url,
      BUOY_TOKEN,
      TIDE_ACCOUNT: tide.options.account,
      TIDE_API_KEY: tide.options.key,
      TIDE_API_URL: api,
      ...(signed ? { TIDE_SECRET, PUBLIC_URL: PUBLIC } : {}),
      ...settings,
    },
    TABLES,
  );
  const observers = [{ onEvent: (_id: string, event: CallEvent) => void events.push(event) }];
  const app = await build(config, { log, observers, ...TABLES });
  const url = await app.listen();
  tide.options.bridge = url;
  return {
    app,
    url,
    tide,
    buoys,
    events,
    lines,
    of: (type) => events.filter((event) => event.type === type) as never,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    async close() {
      await tide.close();
      await app.close();
      await buoys.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
