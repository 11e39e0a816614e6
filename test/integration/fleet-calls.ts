import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { type CallReport, Phone, scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import type { RealtimeServer } from '../../src/simulator/realtime/index.ts';
import { asked, until } from './rig.ts';
import type { RoundRobin } from './round-robin.ts';

/** What each of two instances behind the proxy is told: as much at once as the test wants, and nobody asked whether he is still there. */
export const INSTANCE = {
  FLEET_SECRET: 'a secret that both of the instances share',
  TRUST_PROXY: 'loopback',
  MAX_LOOP_DELAY_MS: '0',
  CALLS_PER_SECOND: '0',
  RATE_LIMIT_WEBHOOKS: '0',
  RATE_LIMIT_STREAMS: '0',
  RATE_LIMIT_API: '0',
  SILENCE_SECONDS: '0',
  OPENAI_API_KEY: 'sk-test-canary-000000000000',
  USE_WEBRTC: 'false',
  ROUTES_FILE: join(import.meta.dirname, '../fixtures/routes.yaml'),
};

/** Calls to a fleet, and what must be true of all of them, whether its instances are in this process or are processes. */

export interface Fleet {
  readonly proxy: RoundRobin;
  readonly model: RealtimeServer;
  /** Events of one type of all calls. */
  of<T extends CallEvent['type']>(type: T): Array<{ callId: string; event: Extract<CallEvent, { type: T }> }>;
  /** Calls that an instance has now. */
  active(): Promise<number>;
}

/** What the caller says from the first frame on. However late a frame comes on a busy machine, all of it is there or it is not. */
const words = () => toneSource(1_020, { ms: 600, dbfs: -15 });
const energy = (samples: Int16Array): number => samples.reduce((sum, sample) => sum + sample * sample, 0);
const WORDS = energy(words().samples(24_000));

/** A call whose webhook, stream and news go where the load balancer has them. He hangs up once he has said all and heard an answer, unless he `stays`. */
export function placeCall({ proxy }: Pick<Fleet, 'proxy'>, options: { stays?: boolean; ticker?: Ticker } = {}) {
  const phone = new Phone({
    carrier: 'twilio',
    source: scriptSource([words(), { pauseMs: 800 }]),
    verbTimeScale: 0.05,
    hangUpAfterMs: 60_000,
    ...(options.ticker === undefined ? {} : { ticker: options.ticker }),
  });
  const report = phone.placeCall({
    webhookUrl: `${proxy.url}/incoming-call`,
    statusCallback: `${proxy.url}/call-status`,
  });
  const look = setInterval(() => {
    const { stream } = phone;
    if (options.stays) return;
    if (stream?.mouth.done && stream.ear.lastLoudMs !== undefined) phone.hangUp();
  }, 100);
  void report.finally(() => clearInterval(look));
  return { phone, report };
}

/** So many calls, so many of them at a time that a busy machine takes longer, and nothing else. All end well. */
export async function placeCalls(fleet: Fleet, calls: number, atOnce: number): Promise<void> {
  const ticker = new Ticker(systemClock);
  const all: CallReport[] = [];
  let running = 0;
  const caller = async () => {
    for (let n = all.length; n < calls; n = all.length + running) {
      running++;
      const report = await placeCall(fleet, { ticker }).report;
      running--;
      all.push(report);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  expect(all.filter(({ ok }) => !ok).map(({ reason }) => reason)).toEqual([]);
  await until(() => fleet.of('call_ended').length >= calls, 'the end of all calls', 20_000);
  // Whoever was too busy to let go at once is told again.
  await asked(async () => (await fleet.active()) === 0, 'nobody has a call any more', 20_000);
}

/** That these were all calls there were, that half of them moved, and that each is one, with its first words whole. */
export function expectWhole(fleet: Fleet, calls: number): void {
  const moved = fleet.of('call_moved');
  expect(moved.length).toBeGreaterThan(calls / 4);
  expect(moved.length).toBeLessThan((calls * 3) / 4);
  // Each began once, where its webhook came, and again where its stream landed; it was joined by its caller once, and ended once.
  const ids = new Set(fleet.of('call_started').map(({ callId }) => callId));
  expect(ids.size).toBe(calls);
  expect(fleet.of('call_started').length).toBe(calls + moved.length);
  for (const type of ['caller_joined', 'call_ended'] as const) {
    const told = fleet.of(type).map(({ callId }) => callId);
    expect([told.length, new Set(told).size], type).toEqual([calls, calls]);
  }
  expect(new Set(fleet.of('call_ended').map(({ event }) => event.end.reason))).toEqual(new Set(['caller-hangup']));
  // Each caller's words are whole in one session of the model, and in no other.
  const heard = fleet.model.sessions.map((session) => energy(session.inputAudio()) / WORDS);
  expect(heard.filter((part) => part > 0.01 && (part < 0.95 || part > 1.05))).toEqual([]);
  expect(heard.filter((part) => part > 0.01).length).toBe(calls);
}

/** The token of the stream in a document. */
export const tokenOf = (document: string) => /name="token" value="([^"]+)"/.exec(document)?.[1] ?? document;
