import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { SAY_WE_CLOSE } from '../../src/call/words.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { type LiveKitServer, People, type Person } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/index.ts';
import { noChromium, openChromium, shoot } from './browser-chromium.ts';
import { ask } from './browser-page.ts';
import { readBySocket } from './events-reader.ts';
import { children, type LiveKitRig, type Opened, startLiveKitRig } from './livekit-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { asked, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What every call has, a call in a room of a real LiveKit server has, too: a recording, tools, live words, numbers, a place in the console, and an end in peace when the daemon stops. */

const AGENT_HZ = 620;
const ANNA_HZ = 1_020;
const BEN_HZ = 1_500;
const GREETING = { text: 'Welcome to the practice.', tone: AGENT_HZ, toneMs: 1_500 };
const FOUND = { text: 'I have looked you up.', tone: AGENT_HZ, toneMs: 1_200 };
const AGAIN = { text: 'And you are welcome, too.', tone: AGENT_HZ, toneMs: 1_200 };

const says = (hz: number) => toneSource(hz, { ms: 2_500, dbfs: -15 });
/** Final words of the agent's, so far. */
const answers = (rig: LiveKitRig) =>
  rig.agentEvents('transcript').flatMap(({ role, final, text }) => (role === 'agent' && final ? [text] : []));

/** Waits until the agent has spoken since it was in so many states, and listens. */
async function heardOut(person: Person, since = 0): Promise<void> {
  const states = () => person.agentStates.slice(since);
  await until(() => states().includes('speaking') && states().at(-1) === 'listening', 'words of the agent', 20_000);
}

/** Says a turn, and waits until its answer was heard to the end. */
async function turn(person: Person, hz: number): Promise<void> {
  const before = person.agentStates.length;
  await person.say(says(hz));
  await heardOut(person, before);
}

/** What a metric with these labels says. Asked by a connection of its own: one that is kept may be closed by the daemon while the process of both stands still. */
async function metric(rig: LiveKitRig, name: string): Promise<number> {
  const text = await (await fetch(`${rig.url}/metrics`, { headers: { connection: 'close' } })).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

if (noLiveKit !== undefined) it('calls in rooms as every call', ({ skip }) => skip(noLiveKit));
describe.skipIf(noLiveKit !== undefined)('a call in a room, as every call,', () => {
  let server: LiveKitServer;
  let people: People;
  beforeAll(async () => {
    [server, people] = await Promise.all([startLiveKit(), People.start()]);
  }, 60_000);
  afterAll(async () => {
    await people?.close();
    await server?.stop();
  });

  it('is recorded, uses tools, is followed live, counted, seen in the console and ended from there', async ({
    own,
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(
      await startLiveKitRig({
        server,
        people,
        settings: { RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' },
        scenario: {
          greeting: GREETING,
          turns: [{ tools: [{ name: 'look_up_caller' }], afterTools: FOUND }, { say: AGAIN }],
        },
      }),
    );
    const { page, faults } = own(
      await openChromium({ viewport: { width: 1_360, height: 860 }, token: OPERATOR_TOKEN }),
    );
    page.setDefaultTimeout(20_000);
    await page.goto(rig.url);
    await page.locator('#stream').getByText('Live', { exact: true }).waitFor();

    const opened = await rig.post<Opened>('create-room', { participantName: 'Anna', tenantId: 'bakery' });
    const live = await readBySocket(rig.url, `?conversation=${opened.roomName}`);
    const anna = await rig.enter(opened);
    const ben = await rig.follow(opened, 'Ben');
    await heardOut(anna);
    await page.locator('.calls a').click();

    // Counted while it goes on.
    await until(() => rig.of('recording_started')[0], 'the recording');
    expect(await metric(rig, 'voicebridge_livekit_rooms{tenant="bakery"}')).toBe(1);
    expect(await metric(rig, 'voicebridge_livekit_people{tenant="bakery"}')).toBe(2);
    expect(await metric(rig, 'voicebridge_calls_active')).toBe(1);
    expect(await metric(rig, 'voicebridge_recordings_active')).toBe(1);

    await turn(anna, ANNA_HZ);
    await turn(ben, BEN_HZ);
    expect(answers(rig)).toEqual([GREETING, FOUND, AGAIN].map(({ text }) => text));
    const tools = rig.of('tool').map(({ event }) => event);
    expect(tools).toMatchObject([
      { type: 'tool_started', name: 'look_up_caller' },
      { type: 'tool_finished', name: 'look_up_caller', outcome: 'ok' },
    ]);

    // The console: who said what, and the tool; then it hangs up.
    const talk = page.getByRole('log', { name: 'Conversation' });
    for (const { text } of [GREETING, FOUND, AGAIN]) await talk.getByText(text, { exact: true }).waitFor();
    await talk.locator('.tool-card').getByText('look_up_caller').waitFor();
    for (const name of ['Anna', 'Ben']) await talk.getByText(name, { exact: true }).first().waitFor();
    await shoot(page, 'console/livekit-call');
    await page.getByRole('button', { name: 'Hang up' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Hang up' }).click();
    const { end } = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(end.reason).toBe('operator-hangup');
    expect(await anna.gone).toMatch(/PARTICIPANT_REMOVED/);
    expect(faults).toEqual([]);

    // Followed live by its room: everything in order, words with whose they are before the call was over.
    await until(() => live.events.some(({ type }) => type === 'call_ended'), 'the end, live');
    const types = live.events.map(({ type }) => type);
    for (const type of ['call_started', 'connected', 'caller.participant', 'tool.tool_finished', 'recording_started'])
      expect(types).toContain(type);
    const words = live.events.flatMap(({ type, data }) =>
      type === 'agent.transcript' && data['final'] === true
        ? [[data['role'], (data['by'] as { name: string } | undefined)?.name, data['text']]]
        : [],
    );
    expect(words.filter(([role]) => role === 'agent').map(([, , text]) => text)).toEqual(
      [GREETING, FOUND, AGAIN].map(({ text }) => text),
    );
    expect(words.filter(([role]) => role === 'caller').map(([, name]) => name)).toEqual(['Anna', 'Ben']);
    expect(new Set(live.events.map(({ callId }) => callId))).toEqual(new Set([opened.connectionId]));
    live.close();

    const record = await rig.record(opened.connectionId);
    expect(record).toMatchObject({ reason: 'operator-hangup', carrier: 'livekit', tenantId: 'bakery' });

    // Recorded: people on one side, the agent on the other, each alone.
    const answer = await asked(async () => {
      const file = await askAsOperator(`${rig.url}/records/${opened.connectionId}/recording`);
      return file.status === 200 ? file : undefined;
    }, 'the recording to be closed');
    const { channels, sampleRate } = decodeWav(new Uint8Array(await answer.arrayBuffer()));
    const [caller, agent] = channels as [Int16Array, Int16Array];
    const heard = rig.model.sessions[0]!.inputAudio();
    for (const hz of [ANNA_HZ, BEN_HZ]) {
      // All that the model heard of it: what a busy machine lost on the way to both is in neither.
      const heardMs = toneAloneMs(heard, 24_000, hz);
      const recordedMs = toneAloneMs(caller, sampleRate, hz);
      expect(recordedMs, `${hz} Hz: the model heard ${heardMs} ms`).toBeGreaterThanOrEqual(
        Math.max(500, heardMs - 300),
      );
      // They do not speak at once: where one were in the other's channel it would be there alone.
      expect(toneAloneMs(agent, sampleRate, hz)).toBe(0);
    }
    expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(3_000);
    expect(toneAloneMs(caller, sampleRate, AGENT_HZ)).toBe(0);

    // Nothing of it is counted as going on.
    await asked(async () => (await metric(rig, 'voicebridge_calls_active')) === 0, 'no call to be counted');
    expect(await metric(rig, 'voicebridge_livekit_rooms{tenant="bakery"}')).toBeNaN();
    expect(await metric(rig, 'voicebridge_recordings_active')).toBe(0);
    expect(await metric(rig, 'voicebridge_livekit_events_total{event="ended"}')).toBe(1);
  }, 120_000);

  it('goes on while the daemon drains, with whoever else comes to it, and no other room is made', async ({ own }) => {
    const rig = own(
      await startLiveKitRig({
        server,
        people,
        settings: { LIVEKIT_LEAVE_SECONDS: '1' },
        scenario: { greeting: GREETING, turns: [{ say: AGAIN }], loop: true },
      }),
    );
    const opened = await rig.post<Opened>('create-room', { participantName: 'Anna' });
    const anna = await rig.enter(opened);
    await heardOut(anna);
    const drained = rig.app.drain(100_000);
    const refused = await ask(`${rig.url}/livekit/create-room`, 'POST', { participantName: 'Carl' });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'NO_MORE_CALLS' } } });
    const ben = await rig.follow(opened, 'Ben');
    await turn(anna, ANNA_HZ);
    await turn(ben, BEN_HZ);
    expect(rig.of('call_ended')).toEqual([]);
    await Promise.all([anna.leave(), ben.leave()]);
    await drained;
    expect(rig.of('call_ended')).toMatchObject([{ end: { result: 'success', reason: 'caller-hangup' } }]);
    expect(await rig.api.listRooms()).toEqual([]);
  }, 90_000);

  it('is said goodbye to when the time to drain is up; its room, and one to which nobody has come, are gone with the daemon', async ({
    own,
  }) => {
    const rig = own(
      await startLiveKitRig({
        server,
        people,
        scenario: { greeting: GREETING, turns: [{ say: AGAIN }], loop: true },
      }),
    );
    const opened = await rig.post<Opened>('create-room', { participantName: 'Anna' });
    await rig.post<Opened>('create-room', { participantName: 'Nobody' });
    const anna = await rig.enter(opened);
    await heardOut(anna);
    const { workers } = (await rig.get<{ workers: Array<{ pid: number }> }>('stats')).body;
    const states = anna.agentStates.length;
    await rig.app.drain(0);
    const asks = (rig.model.sessions[0]?.received ?? []).filter((event) =>
      JSON.stringify(event).includes(JSON.stringify(SAY_WE_CLOSE).slice(1, -1)),
    );
    expect(asks.length).toBeGreaterThanOrEqual(1);
    expect(rig.of('call_ended')).toMatchObject([{ end: { reason: 'drained' } }]);
    expect(await anna.gone).toMatch(/PARTICIPANT_REMOVED/);
    expect(anna.agentStates.slice(states)).toContain('speaking');
    expect(await rig.api.listRooms()).toEqual([]);
    expect(children().filter((pid) => workers.some((worker) => worker.pid === pid))).toEqual([]);
    const db = new DatabaseSync(join(rig.dataDir, 'records.db'), { readOnly: true });
    const rows = db.prepare('SELECT reason, ended_at FROM call_records WHERE id = ?').all(opened.connectionId);
    db.close();
    expect(rows).toMatchObject([{ reason: 'drained', ended_at: expect.any(Number) }]);
  }, 90_000);
});
