import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sayable, toneWords } from '../../src/simulator/openai-http/tone-words.ts';
import { type AudioSource, pcmSource, scriptSource } from '../../src/simulator/phone/index.ts';
import { untilTrue } from './console-rig.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** A daemon that has had a day: calls that go on, calls that are over, somebody refused, people, a run of a suite. What its pages show can be looked at. */

const ROOT = join(import.meta.dirname, '../..');

/** Places for calls: as many as the day has at once, so that one more is refused. */
const PLACES = 4;

const SUITE = `name: The front desk
description: What a caller of Lakeside Dental must get.
target: { kind: self, prompt: default }
cases:
  - name: offers a time on the day that was asked for
    steps:
      - wait_for: turn
      - say: I would like a check-up on Tuesday.
      - wait_for: turn
      - hang_up
    checks: { says: which one suits you, ended_by: caller }
    success: The agent says "tuesday".
  - name: tells the price
    steps: [{ wait_for: turn }, hang_up]
    checks: { says: price }
`;

const said = (text: string) => ({ text, words: true as const });
const SCENARIO = {
  greeting: said('Thank you for calling Lakeside Dental, how can I help you?'),
  turns: [
    {
      waitMs: 180,
      tools: [
        { name: 'look_up_caller' },
        { name: 'check_availability', arguments: { service: 'check-up', date: nextTuesday(), days: 2 } },
      ],
      afterTools: said('On Tuesday there is 9:00 or 14:30. Which one suits you?'),
    },
    { waitMs: 420, say: said('Gladly. Under which name shall I book it?') },
    {
      waitMs: 250,
      tools: [
        {
          name: 'book_appointment',
          arguments: { service: 'check-up', start: `${nextTuesday()}T09:00`, name: 'Alan Turing' },
        },
      ],
      afterTools: said('It is booked. Is there anything else?'),
    },
  ],
  loop: true,
  faults: [
    {
      fault: 'error_event' as const,
      sessions: [2],
      from: 'speech' as const,
      afterMs: 900,
      code: 'rate_limit_exceeded',
      message: 'Rate limit reached for requests.',
    },
  ],
};

/** YYYY-MM-DD, a week from today at the latest. */
function nextTuesday(): string {
  const day = new Date();
  do day.setUTCDate(day.getUTCDate() + 1);
  while (day.getUTCDay() !== 2);
  return day.toISOString().slice(0, 10);
}

/** A text, as a caller says it whom the simulated transcription understands. */
const say = (text: string) => pcmSource(toneWords(sayable(text)), 24_000);

/** Somebody who books a check-up; `endless`: and another one, over and over. */
function booking(endless: boolean): AudioSource {
  return scriptSource(
    [
      { pauseMs: 6_000 },
      say('hello, i would like a check-up on tuesday.'),
      { pauseMs: 6_500 },
      say('at 9:00 please.'),
      { pauseMs: 5_000 },
      say('alan turing.'),
      { pauseMs: 5_500 },
    ],
    { endless },
  );
}

export interface ConsoleDay extends Pick<Rig, 'url' | 'close'> {
  /** Resolves when no call but the two that go on is there any more: the places of those that pages made are free again. */
  settled(): Promise<void>;
  /** The token of somebody who may look and do nothing. */
  readonly viewerToken: string;
  /** A call that goes on. */
  readonly liveId: string;
  /** A call that is over, with tools in it and a recording. */
  readonly pastId: string;
  /** A call in which the model reported an error. */
  readonly brokenId: string;
  /** A run of the suite in which one case failed. */
  readonly runId: string;
  /** The case of it that did not. */
  readonly caseId: string;
}

/** Resolves when all of the day is stored; the calls that go on do so until it is closed. */
export async function startConsoleDay(): Promise<ConsoleDay> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-day-'));
  const file = (name: string) => join(folder, name);
  cpSync(join(ROOT, 'prompts'), file('prompts'), { recursive: true });
  cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
  writeFileSync(file('front-desk.yaml'), SUITE);
  const rig = await startRig({
    scenario: SCENARIO,
    settings: {
      PROMPTS_DIR: file('prompts'),
      ROUTES_FILE: file('prompts/routes.yaml'),
      SUITES_DIR: folder,
      MAX_CALLS: String(PLACES),
      CALLS_PER_SECOND: '0',
      RATE_LIMIT_API: '0',
      RECORDING: 'wav',
      RECORDING_CONSENT: 'operator',
      RECORDINGS_MIN_FREE_MB: '0',
      DIAL_ALLOW: '+1',
      LIVEKIT_ENABLED: 'true',
      // Nobody joins a room here: the page stands before the door.
      LIVEKIT_SERVER_URL: 'ws://127.0.0.1:9',
      LIVEKIT_API_KEY: 'key-of-the-day',
      LIVEKIT_API_SECRET: 'secret-of-the-day-that-is-long-enough',
    },
  });
  const close = async () => {
    await rig.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const json = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await askAsOperator(`${rig.url}${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}: ${text}`);
    return JSON.parse(text || 'null') as T;
  };
  /** The id of the call that this brings, once it is there. */
  const call = async (from: string, endless: boolean) => {
    const known = rig.of('connected').length;
    const placed = rig.call({ source: booking(endless), from, hangUpAfterMs: 1_200_000 });
    await until(() => rig.of('connected').length > known, `the call of ${from}`, 20_000);
    const { calls } = await json<{ calls: Array<{ id: string; from?: string }> }>('/calls');
    const id = calls.find((one) => JSON.stringify(one).includes(from))?.id;
    if (id === undefined) throw new Error(`the call of ${from} is not listed`);
    return { ...placed, id };
  };
  /** A run of the suite, once it is over. */
  const run = async () => {
    const { id: runId } = await json<{ id: string }>('/tests/runs', { suite: 'front-desk.yaml' });
    let caseId = '';
    await untilTrue(
      async () => {
        const { state, cases } = await json<{ state: string; cases: Array<{ id: string }> }>(`/tests/runs/${runId}`);
        caseId = cases[0]?.id ?? '';
        return state !== 'running';
      },
      'the run to end',
      90_000,
    );
    return { runId, caseId };
  };
  try {
    const past = await call('+12025550143', false);
    const broken = await call('+12025550188', false);
    // While these two speak.
    const { runId, caseId } = await run();
    const live = await call('+12025550127', true);
    await call('+12025550164', true);
    await rig.call({ source: booking(false), from: '+12025550166', hangUpAfterMs: 1_000 }).report.catch(() => {});
    await json('/people', { name: 'Grace Hopper', role: 'operator' });
    const { token: viewerToken } = await json<{ token: string }>('/people', { name: 'Ada Lovelace', role: 'viewer' });
    await json(`/calls/${live.id}/say`, { text: 'We close in five minutes.' });
    // On a busy machine they take longer, and are there until all places are known to have been taken.
    const told = async (id: string, words: string) => JSON.stringify(await json(`/records/${id}`)).includes(words);
    await untilTrue(
      async () => (await told(past.id, 'It is booked')) && (await told(broken.id, 'rate_limit_exceeded')),
      'what was said in both calls',
      90_000,
    );
    for (const { phone } of [past, broken]) phone.hangUp();
    await Promise.all([past.report, broken.report]);
    await untilTrue(
      async () => {
        const { totals } = await json<{ totals: { active: number; refused: number } }>('/records/overview');
        return totals.active === 2 && totals.refused === 1;
      },
      'all to be stored',
      20_000,
    );
    const settled = () =>
      untilTrue(
        async () => (await json<{ calls: unknown[] }>('/calls')).calls.length <= 2,
        'calls that pages made to be over',
        20_000,
      );
    const ids = { liveId: live.id, pastId: past.id, brokenId: broken.id, runId, caseId };
    return { url: rig.url, close, settled, viewerToken, ...ids };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A daemon that nobody has called yet. */
export const startEmptyDay = () => startRig({ settings: { RATE_LIMIT_API: '0' } });
