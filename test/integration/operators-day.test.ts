import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import type { RecordedEvent } from '../../src/records/event.ts';
import type { RecordView } from '../../src/records/http/records-api-routes.ts';
import { Phone, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { parseScenario, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { hearsOut } from './agent-heard.ts';
import { noChromium, openChromium, shoot, speech } from './browser-chromium.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon-process.ts';
import { readBySse } from './events-reader.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { sleep, toneAloneMs } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { WAIT_MS } from './waiting.ts';

/** A day of an operator's, in one run of the real process: two calls at once, watched, found again; a deploy; a crash. */

const CALLER = '+12025550143';
const AGENT_HZ = 620;
const CALLER_HZ = 1_020;
const GREETING = 'Good morning, this is the practice.';
const FOUND = 'I have your file here.';
const WRITTEN = 'My number is 4711.';

const DAY = {
  greeting: { text: GREETING, tone: AGENT_HZ, toneMs: 1_000 },
  turns: [
    {
      tools: [{ name: 'look_up_caller', arguments: {} }],
      afterTools: { text: FOUND, tone: AGENT_HZ, toneMs: 600 },
    },
  ],
  loop: true,
};

interface Detail {
  readonly record: RecordView;
  readonly events: readonly RecordedEvent[];
}

const json = async <T>(url: string) => (await (await askAsOperator(url)).json()) as T;
const recordsOf = async ({ url }: DaemonProcess) =>
  (await json<{ records?: RecordView[] }>(`${url}/records`)).records ?? [];
const detailOf = ({ url }: DaemonProcess, id: string) => json<Detail>(`${url}/records/${id}?limit=5000`);

/** What was recorded of a call: milliseconds, and those in which each side's tone is alone on its channel. */
async function recordingOf({ url }: DaemonProcess, id: string) {
  const answer = await askAsOperator(`${url}/records/${id}/recording`);
  expect(answer.status).toBe(200);
  const { sampleRate, channels } = decodeWav(new Uint8Array(await answer.arrayBuffer()));
  const [caller = new Int16Array(), agent = new Int16Array()] = channels;
  return {
    ms: (caller.length * 1000) / sampleRate,
    callerMs: toneAloneMs(caller, sampleRate, CALLER_HZ),
    agentMs: toneAloneMs(agent, sampleRate, AGENT_HZ),
  };
}

async function eventually<T>(look: () => Promise<T | undefined | false>, what: string, ms = WAIT_MS): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await sleep(100);
  }
}

/** Somebody on the telephone, who says one thing, by `speak`, once the greeting was heard. */
function dial(daemon: DaemonProcess) {
  const phone = new Phone({
    ...{ carrier: 'twilio', source: silenceSource(), from: CALLER, verbTimeScale: 0.05, hangUpAfterMs: 90_000 },
    record: true,
  });
  const speak = async () => {
    await hearsOut(phone, 700);
    phone.say(toneSource(CALLER_HZ, { ms: 700, dbfs: -15 }));
  };
  const report = phone.placeCall({ webhookUrl: `${daemon.url}/incoming-call` });
  return { phone, report, speak };
}

const talk = (page: Page) => page.getByRole('log', { name: 'Conversation' }).first();

/** The past call of this party, opened in the console: its words, its recording, its cost. */
async function lookUp(page: Page, url: string, party: string, words: readonly string[]): Promise<void> {
  await page.goto(`${url}/#/calls`);
  await page.locator('.records tbody').getByRole('link', { name: party }).first().click();
  for (const one of words) await talk(page).getByText(one, { exact: true }).first().waitFor();
  await page.getByRole('slider', { name: 'Position in the recording' }).waitFor();
  await page
    .locator('.call-head')
    .getByText(/^\$0\.0\d+$/)
    .waitFor();
}

it('is one run: calls by phone and browser at once, watched, found afterwards; a deploy cuts nobody, a crash loses nothing', async ({
  own,
  skip,
}) => {
  skip(noChromium !== undefined, noChromium);
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-day-'));
  own({ close: async () => rmSync(dataDir, { recursive: true, force: true }) });
  const model = own(await startRealtimeServer({ port: 0, scenario: parseScenario(DAY) }));
  const settings = {
    DATA_DIR: dataDir,
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: model.url,
    RECORDING: 'wav',
    RECORDING_CONSENT: 'operator',
    RECORDINGS_MIN_FREE_MB: '0',
    ROUTES_FILE: join(import.meta.dirname, '../fixtures/routes.yaml'),
  };
  const start = async (port = '0') => {
    const daemon = await startDaemonProcess({ ...settings, PORT: port });
    own({ close: () => daemon.kill('SIGKILL') });
    return daemon;
  };

  // Both calls at once: one over the carrier's WebSocket, one from the console's own page.
  const first = await start();
  const reader = await readBySse(first.url);
  own({ close: async () => reader.close() });
  const opened = own(
    await openChromium({ microphone: speech(CALLER_HZ, 500, 0, 60_000), viewport: DESK, token: OPERATOR_TOKEN }),
  );
  const { page } = opened;
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(first.url);
  const caller = dial(first);
  await page.locator('#open-phone').click();
  const panel = page.locator('#phone-panel');
  await panel.getByRole('button', { name: 'Call', exact: true }).click();
  await panel.getByText('In the call', { exact: true }).waitFor();
  await page.locator('.calls a:not(.over)').nth(1).waitFor();

  // The caller, live: words of both sides, the tool with what it answered, how long the answer took.
  await page.locator('.calls a').filter({ hasText: '+1 202 555 0143' }).click();
  await talk(page).getByText(GREETING, { exact: true }).waitFor();
  await caller.speak();
  const tool = talk(page).locator('.tool-card');
  await tool.getByText(/^done · /).waitFor();
  await tool.locator('summary').click();
  await tool.getByText('"known": true').waitFor();
  await talk(page).getByText(FOUND, { exact: true }).waitFor();
  await page.locator('.bar').first().waitFor();

  // The page, live: what is written there is a line of its call here.
  await panel.getByRole('textbox', { name: 'Message to the agent' }).fill(WRITTEN);
  await panel.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('.calls a').filter({ hasText: 'A web page' }).click();
  await talk(page).getByText('Caller, in writing').waitFor();
  // Every line is this call's own, none of the call that was looked at before.
  expect(
    await talk(page)
      .getByText(/^The agent is ready over/)
      .count(),
  ).toBe(1);
  expect(await talk(page).getByText('Recording began', { exact: true }).count()).toBe(1);
  await talk(page).getByText(WRITTEN, { exact: true }).waitFor();
  await talk(page).getByText(FOUND, { exact: true }).waitFor();
  await shoot(page, 'console/day-two-calls');

  // A deploy: nobody is cut off, and the process ends by itself.
  first.signal('SIGTERM');
  await page.locator('#health').getByText('Draining: no new calls').waitFor();
  expect((await fetch(`${first.url}/health/ready`)).status).toBe(503);
  await sleep(1_000);
  const ended = () => reader.events.filter(({ type }) => type === 'call_ended');
  expect(ended()).toEqual([]);
  caller.phone.hangUp();
  expect((await caller.report).ended.by).toBe('caller');
  await panel.getByRole('button', { name: 'Hang up' }).click();
  expect(await first.exit).toBe(0);
  await reader.over;
  expect(ended().map(({ data }) => (data['end'] as { reason: string }).reason)).toEqual([
    'caller-hangup',
    'caller-hangup',
  ]);
  const watched = Map.groupBy(
    reader.events.filter(({ transient }) => !transient),
    ({ callId }) => callId,
  );
  expect(watched.size).toBe(2);

  // The new process has both calls, each with all that was seen live, its recording and its cost; and the page is back by itself.
  const second = await start(new URL(first.url).port);
  await page.locator('#stream').getByText('Live', { exact: true }).waitFor();
  await page.locator('#health').getByText('Healthy').waitFor();
  const records = await recordsOf(second);
  expect(records.map(({ carrier, reason }) => [carrier, reason]).sort()).toEqual([
    ['browser', 'caller-hangup'],
    ['twilio', 'caller-hangup'],
  ]);
  for (const { id, carrier } of records) {
    const { record, events } = await detailOf(second, id);
    expect(events.map((event) => event.id)).toEqual(watched.get(id)?.map((event) => event.id));
    expect(record).toMatchObject({ result: 'success', events: events.length, toolCalls: 1, currency: 'USD' });
    expect(record.cost).toBeGreaterThan(0);
    expect(record.recording).toMatchObject({ consent: 'operator', stopped: 'call-ended' });
    const recording = await recordingOf(second, id);
    expect(Math.abs(recording.ms - (record.recording?.durationMs ?? 0))).toBeLessThan(50);
    // The greeting and the answer as they were heard.
    expect(recording.agentMs).toBeGreaterThanOrEqual(1_200);
    if (carrier === 'twilio') expect(recording.callerMs).toBeGreaterThanOrEqual(500);
  }
  await lookUp(page, second.url, '+1 202 555 0143', [GREETING, FOUND]);
  await shoot(page, 'console/day-record');
  await lookUp(page, second.url, 'A web page', [GREETING, WRITTEN, FOUND]);

  // A crash in the middle of a call: what was stored and recorded is there, and the call is closed as what it is.
  const cut = dial(second);
  await cut.speak();
  const running = await eventually(async () => {
    const call = (await recordsOf(second)).find((record) => record.endedAt === null);
    return call !== undefined && call.turns > 0 && call;
  }, 'the call to be recorded');
  await sleep(1_500);
  const before = await detailOf(second, running.id);
  const soFar = await recordingOf(second, running.id);
  expect(soFar.ms).toBeGreaterThan(2_000);
  await second.kill('SIGKILL');
  const third = await start();
  const lost = await eventually(async () => {
    const found = await detailOf(third, running.id);
    return found.record?.result !== null && found;
  }, 'the interrupted call to be closed');
  expect(lost.record).toMatchObject({ result: 'indeterminate', reason: 'process-lost', events: lost.events.length });
  expect(lost.events.slice(0, before.events.length)).toEqual(before.events);
  const kept = await recordingOf(third, running.id);
  expect(kept.ms).toBeGreaterThanOrEqual(soFar.ms);
  expect(kept.callerMs).toBeGreaterThanOrEqual(soFar.callerMs);
  expect(await recordsOf(third)).toHaveLength(3);
  await lookUp(page, third.url, '+1 202 555 0143', [GREETING]);
  await cut.report.catch(() => undefined);
}, 180_000);

const DESK = { width: 1_360, height: 860 };
