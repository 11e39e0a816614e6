import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toneLevel } from '../../src/media/tone.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { type LiveKitServer, People, type Person, soundsOn } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/index.ts';
import { noChromium, openChromium, shoot, speech } from './browser-chromium.ts';
import { children, type LiveKitRig, type Opened, startLiveKitRig, tokenFor } from './livekit-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { asked, loudestTone, sleep, toneAloneMs, until } from './rig.ts';

/** People in rooms of a real LiveKit server, by LiveKit's own libraries, against the whole daemon: what each hears is proven by tones. */

const AGENT_HZ = 620;
const RATE = 24_000;
const PAGE_HZ = 1_020;
const ANNA_HZ = 1_500;
const CARL_HZ = 2_020;
const tone = (hz: number, ms = 1_500) => toneSource(hz, { ms, dbfs: -15 });
const said = { tone: AGENT_HZ, toneMs: 1_500 };

/** Ms in which a person heard this tone and nothing else, from a moment of its call on. */
async function aloneMs(person: Person, hz: number, fromMs = 0): Promise<number> {
  const { heard } = await person.recording();
  return toneAloneMs(heard.subarray(Math.round(fromMs * (RATE / 1_000))), RATE, hz);
}

async function untilHears(person: Person, hz: number, ms: number, what: string, fromMs = 0): Promise<void> {
  for (const end = performance.now() + 15_000; ; await sleep(100)) {
    const heardMs = await aloneMs(person, hz, fromMs);
    if (heardMs >= ms) return;
    if (performance.now() < end) continue;
    const states = person.agentStates.join(', ') || 'not seen';
    throw new Error(`waited in vain for ${what}: ${heardMs} of ${ms} ms were heard; the agent was ${states}`);
  }
}

/** All that the model has heard. */
const input = (rig: LiveKitRig) => rig.model.sessions[0]?.inputAudio() ?? new Int16Array(0);

/** What the model has heard of a tone alone, ms, after so many samples: whoever asks often does not measure all of a call each time, in the process that serves it. */
const modelHears = (rig: LiveKitRig, hz: number, after = 0) => toneAloneMs(input(rig).subarray(after), RATE, hz);

/** Says a tone into the room, and waits until the model heard it, and the answer to it was heard by the listener. */
async function turn(rig: LiveKitRig, speaker: Person, hz: number, listener = speaker): Promise<void> {
  const before = input(rig).length;
  const from = now(listener);
  await speaker.say(tone(hz));
  await until(() => modelHears(rig, hz, before) >= 900, `${hz} Hz to be heard by the model`, 15_000);
  await untilHears(listener, AGENT_HZ, 1_000, 'the answer', from);
}

/** Milliseconds since a person's call began. */
const now = (person: Person) => performance.timeOrigin + performance.now() - person.originMs;

/** Within this an agent's link that is back by the library's word alone is given up and joined anew, and a person's sooner, ms. */
const PROVEN_MS = 15_000;

/** How often the way to the room was lost: once, and once more where the library's word that it is back was not true, which is known after 9 s. Anything else is a fault. */
function timesLost(rig: LiveKitRig): number {
  const links = rig.lines.filter(({ msg }) => msg === 'the way to the room');
  const states = links.map(({ link }) => link);
  if (states.length === 2) {
    expect(states).toEqual(['reconnecting', expect.stringMatching(/^(resumed|rejoined)$/)]);
    return 1;
  }
  expect(states).toEqual(['reconnecting', 'resumed', 'reconnecting', 'rejoined']);
  expect(Date.parse(String(links[2]!['time'])) - Date.parse(String(links[1]!['time']))).toBeGreaterThan(8_000);
  return 2;
}

/** Whether this is so within a time, ms. */
async function isSo(check: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) if (await check()) return true;
  return false;
}

/** Says a tone, once; whether the model heard it within a time, ms, and the answer to it was heard by who said it. */
async function isAnswered(rig: LiveKitRig, person: Person, hz: number, ms: number): Promise<boolean> {
  const before = input(rig).length;
  const from = now(person);
  await person.say(tone(hz));
  if (!(await isSo(() => modelHears(rig, hz, before) >= 900, ms))) return false;
  return isSo(async () => (await aloneMs(person, AGENT_HZ, from)) >= 1_000, 10_000);
}

/** How a server is gone for good: its sockets close, or it hangs with all of them open and answers nobody. */
const GONE = {
  dies: (server: LiveKitServer) => server.stop(),
  hangs: async (server: LiveKitServer) => void process.kill(server.pid!, 'SIGSTOP'),
};

/** A call whose server is gone for good; resolves with how it ended. */
async function abandon(how: keyof typeof GONE) {
  const rig = await startLiveKitRig({
    settings: { RECORDING: 'wav', RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' },
    scenario: { greeting: { ...said, text: 'Good day.' } },
  });
  try {
    const opened = await rig.post<Opened>('create-room', { participantName: 'Anna' });
    await untilHears(await rig.enter(opened), AGENT_HZ, 1_000, 'the greeting');
    await GONE[how](rig.server);
    const gone = performance.now();
    const { end } = await until(() => rig.of('call_ended')[0], 'the end of the call', 75_000);
    const lastedMs = performance.now() - gone;
    const record = await rig.record(opened.connectionId);
    const { body: status } = await rig.get<{ status: string }>(`connection-status/${opened.connectionId}`);
    const { body: stats } = await rig.get<{ workers: Array<{ rooms: number }> }>('stats');
    const url = `${rig.url}/records/${opened.connectionId}`;
    const { events } = (await (await askAsOperator(url)).json()) as { events: Array<{ type: string; data: unknown }> };
    const recording = await asked(async () => {
      const file = await askAsOperator(`${url}/recording`);
      return file.status === 200 && new Uint8Array(await file.arrayBuffer());
    }, 'the recording to be closed');
    const { channels, sampleRate } = decodeWav(recording);
    const recordedMs = toneAloneMs(channels[1]!, sampleRate, AGENT_HZ);
    return { lastedMs, end, record, status, stats, events, recordedMs };
  } finally {
    await rig.close();
  }
}

const missing = noLiveKit;
const abandoned: Partial<Record<keyof typeof GONE, ReturnType<typeof abandon>>> = {};
/** Such a call, the same for all who ask. Begun with the first test, since each waits for a minute; their own tests, the last, look at them. */
const abandonedBy = (how: keyof typeof GONE) => (abandoned[how] ??= abandon(how));
/** That such a call ended within a minute, with a reason and all of its record. */
async function expectEnded(how: keyof typeof GONE) {
  const { lastedMs, end, record, status, stats, events, recordedMs } = await abandonedBy(how);
  expect(lastedMs).toBeLessThan(60_000);
  expect(end).toMatchObject({ result: 'upstream_error', reason: 'media-lost' });
  expect(record).toMatchObject({ result: end.result, reason: end.reason });
  expect(record.endedAt).not.toBeNull();
  const words = { role: 'agent', final: true, text: 'Good day.' };
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'agent.transcript', data: expect.objectContaining(words) }),
  );
  expect(events.filter(({ type }) => type === 'call_ended')).toHaveLength(1);
  expect(recordedMs).toBeGreaterThanOrEqual(1_000);
  expect(status).toMatchObject({ status: 'ended', end: { reason: 'media-lost' } });
  expect(stats.workers.reduce((sum, { rooms }) => sum + rooms, 0)).toBe(0);
}

if (missing !== undefined) it('people in rooms', ({ skip }) => skip(missing));
describe.skipIf(missing !== undefined)('people in rooms', () => {
  let server: LiveKitServer;
  let people: People;
  beforeAll(async () => {
    for (const how of ['dies', 'hangs'] as const) abandonedBy(how).catch(() => {});
    [server, people] = await Promise.all([startLiveKit(), People.start()]);
  });
  afterAll(async () => {
    await people?.close();
    await server?.stop();
  });

  it('a page and others are in one room: all hear the agent, which hears each of them, late or muted or gone, by name', async ({
    skip,
  }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = await startLiveKitRig({
      server,
      people,
      scenario: { greeting: said, turns: [{ say: { ...said, text: 'So it is.' } }], loop: true },
    });
    const opened = await rig.post<Opened>('create-room', { participantName: 'Anna', tenantId: 'bakery' });
    expect(opened).toMatchObject({ status: 'created', serverUrl: server.url });
    const anna = await rig.enter(opened);
    await untilHears(anna, AGENT_HZ, 1_200, 'the greeting');
    expect(anna.agentStates).toContain('speaking');

    let mine: number[] = [0];
    // The page's own client, its microphone a tone 2.5 s after it was opened.
    const page = await openChromium({ microphone: speech(PAGE_HZ, 2_500, 1_500, 60_000) });
    try {
      await page.page.goto(`${rig.url}/console/livekit.html?raw=1&room=${opened.roomName}#token=${OPERATOR_TOKEN}`);
      await page.page.getByRole('textbox', { name: 'Your name' }).fill('Paula');
      await page.page.getByRole('button', { name: 'Join' }).click();
      await page.page.getByText('In the room', { exact: true }).waitFor();
      await until(() => modelHears(rig, PAGE_HZ) >= 900, 'the page to be heard by the model', 30_000);
      // The onset of a tone has a little of every frequency; the agent's own would be at -15.
      expect(loudestTone(rig.model.sessions[0]!.inputAudio(), RATE, AGENT_HZ)).toBeLessThan(-40);
      const heardByPage = await page.page.evaluate(async () => {
        const call = Reflect.get(globalThis, 'call');
        for (let i = 0; i < 200 && call.agentLevel < -35; i++) await new Promise((resolve) => setTimeout(resolve, 50));
        await new Promise((resolve) => setTimeout(resolve, 200));
        const analyser = call.agentAnalyser;
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        return (bins.indexOf(Math.max(...bins)) * analyser.context.sampleRate) / analyser.fftSize;
      });
      expect(Math.abs(heardByPage - AGENT_HZ)).toBeLessThan(24);
      const saidAll = () => until(() => anna.agentStates.at(-1) === 'listening', 'the answer to be over');
      await saidAll();
      await turn(rig, anna, ANNA_HZ);

      // A third comes late, is not greeted, and is heard at once.
      await saidAll();
      const carl = await rig.follow(opened, 'Carl');
      await asked(async () => {
        const { body } = await rig.get<{ participants: unknown[] }>(`connection-status/${opened.connectionId}`);
        return body.participants.length === 3;
      }, 'the agent to know of Carl');
      await sleep(1_500);
      expect(await aloneMs(carl, AGENT_HZ)).toBe(0);
      await turn(rig, carl, CARL_HZ);
      expect((await carl.seen()).map(({ name }) => name).sort()).toEqual(['Agent', 'Anna', 'Paula']);

      // Who is muted is not heard, and holds up nobody.
      await sleep(800);
      await anna.mute();
      const annaBefore = modelHears(rig, ANNA_HZ);
      await anna.say(tone(ANNA_HZ));
      await turn(rig, carl, CARL_HZ);
      expect(modelHears(rig, ANNA_HZ) - annaBefore).toBeLessThanOrEqual(100);
      await sleep(800);
      await anna.leave();
      await turn(rig, carl, CARL_HZ);

      // In the room everybody reads who said what.
      const { shown, agents, peoples } = await asked(async () => {
        const shown = await page.page.getByRole('log').locator(':scope > *').allTextContents();
        const [agents, peoples] = [
          shown.filter((text) => text.startsWith('Agent')),
          shown.filter((text) => !text.startsWith('Agent')),
        ];
        return agents.length >= 5 && peoples.length >= 5 && { shown, agents, peoples };
      }, 'all that was said to be on the page');
      await shoot(page.page, 'livekit-room');
      expect(
        peoples.map((text) => /^(\w+)You said this/.exec(text)?.[1]),
        shown.join('\n'),
      ).toEqual(['Paula', 'Anna', 'Carl', 'Carl', 'Carl']);
      expect(agents.length).toBeGreaterThanOrEqual(5);
      const final = carl.transcripts.filter(({ isFinal }) => isFinal);
      expect(final.filter(({ identity }) => identity === carl.identity).length).toBe(3);
      expect(final.every(({ segmentId }) => segmentId !== '')).toBe(true);

      const running = await rig.get<{ status: string; participants: Array<{ name: string }> }>(
        `connection-status/${opened.connectionId}`,
      );
      expect(running.body.status).toBe('active');
      expect(running.body.participants.map(({ name }) => name).sort()).toEqual(['Carl', 'Paula']);

      await rig.post('end-call', { connectionId: opened.connectionId });
      expect(await carl.gone).toMatch(/PARTICIPANT_REMOVED/);
      await page.page.getByText(/^Out of the room\./).waitFor();
      expect(await rig.api.listRooms()).toEqual([]);
      const over = await rig.get<{ status: string }>(`connection-status/${opened.connectionId}`);
      expect([over.status, over.body.status]).toEqual([200, 'ended']);
      const { rooms, workers } = (
        await rig.get<{ rooms: Record<string, number>; workers: Array<{ pid: number }> }>('stats')
      ).body;
      mine = workers.map(({ pid }) => pid);
      expect(mine.every((pid) => children().includes(pid))).toBe(true);
      expect(Object.values(rooms).reduce((sum, count) => sum + count, 0)).toBe(0);
      const record = await rig.record(opened.connectionId);
      expect(record).toMatchObject({ result: 'success' });
      expect(page.faults).toEqual([]);
    } finally {
      await page.close();
      await rig.close();
    }
    // Nothing of the rooms outlives the daemon: no worker, no zombie of one.
    await until(() => mine.every((pid) => !children().includes(pid)), 'all processes of rooms to be gone');
  }, 120_000);

  it('eight people are heard at once, hear one answer without a gap, and any of them cuts it off', async () => {
    const rig = await startLiveKitRig({
      server,
      people,
      settings: { GREETING: 'off' },
      scenario: { greeting: false, turns: [{ say: { tone: AGENT_HZ, toneMs: 30_000 } }], loop: true },
    });
    try {
      const opened = await rig.post<Opened>('create-room', { participantName: 'P0' });
      const all = [await rig.enter(opened)];
      for (let i = 1; i < 8; i++) all.push(await rig.follow(opened, `P${i}`, { keepsTape: i === 5 }));
      const first = all[0]!;
      const session = await until(() => rig.model.sessions[0], 'a session of the model', 15_000);
      // All at once, by tones that are no multiples of each other.
      const tones = all.map((_, i) => 500 + i * 330);
      await Promise.all(all.map((person, i) => person.say(toneSource(tones[i]!, { ms: 3_000, dbfs: -26 }))));
      await until(() => first.agentStates.at(-1) === 'speaking', 'the answer', 15_000);
      const from = all.map(now);
      await sleep(4_000);
      const heard = await Promise.all(all.map((person) => person.recording()));
      const cutter = all[5]!;
      // As the library gave it out: a moment in which the process of all people stood still is none in which nothing came.
      const sounds = soundsOn(await cutter.tape(), RATE);
      await cutter.say(tone(ANNA_HZ, 800));
      await until(() => rig.of('barge_in')[0], 'the barge-in', 10_000);

      const input = session.inputAudio();
      const window = RATE / 10;
      const together: boolean[] = [];
      for (let at = 0; at + window <= input.length; at += window)
        together.push(tones.every((hz) => toneLevel(input.subarray(at, at + window), RATE, hz) > -34));
      // Of 1.5 s, from when the one who came last is heard, too.
      const since = together.indexOf(true);
      expect(together.slice(since, since + 15).filter(Boolean).length).toBeGreaterThanOrEqual(9);
      // Everybody heard all of the answer: 2.5 s of the 4 at least, what a busy machine makes late left out.
      for (const [i, { heard: samples }] of heard.entries())
        expect(
          toneAloneMs(samples.subarray(Math.round(from[i]! * (RATE / 1_000))), RATE, AGENT_HZ),
        ).toBeGreaterThanOrEqual(2_500);

      await sleep(700);
      const { interruptions } = await cutter.report();
      expect(interruptions.length).toBe(1);
      expect(sounds.length).toBe(1);
      expect(Math.max(0, ...sounds[0]!.holes)).toBeLessThan(200);
      expect(await rig.get('stats')).toMatchObject({ body: { participants: 8 } });
    } finally {
      await rig.close();
    }
  }, 90_000);

  it('whoever telephones in is known by the number, and presses keys', async () => {
    const rig = await startLiveKitRig({ server, people, scenario: { greeting: said } });
    try {
      const room = 'hotline-1';
      await rig.api.createRoom({ name: room });
      const token = await tokenFor(server, room, 'sip_1', {
        kind: 'sip',
        attributes: { 'sip.phoneNumber': '+12025550143', 'sip.callID': 'SCL_1', 'sip.callStatus': 'active' },
      });
      const caller = await rig.people.join({ url: server.url, token });
      const { connectionId } = await rig.post<Opened>('join-room', { roomName: room });
      await untilHears(caller, AGENT_HZ, 1_200, 'the greeting');
      await sleep(800);
      await caller.press('12#');
      const isTurn = (event: Record<string, unknown>) =>
        event['type'] === 'conversation.item.create' &&
        /pressed on the keypad: 1 2\b/.test(JSON.stringify(event['item']));
      await until(() => rig.model.sessions[0]!.received.find(isTurn), 'the keys to be a turn', 10_000);
      const again = await rig.post<Opened>('join-room', { roomName: room });
      expect(again.connectionId).toBe(connectionId);
      await rig.post('end-call', { connectionId });
      expect(await rig.record(connectionId)).toMatchObject({ from: '+12025550143' });
    } finally {
      await rig.close();
    }
  }, 60_000);
});

describe.skipIf(missing !== undefined)('a LiveKit server that dies', () => {
  it('and is back within seconds: the call goes on, with the same session of the model', async () => {
    const rig = await startLiveKitRig({ scenario: { greeting: said, turns: [{ say: said }], loop: true } });
    try {
      const opened = await rig.post<Opened>('create-room', { participantName: 'Anna' });
      const anna = await rig.enter(opened, { comesBack: true });
      await untilHears(anna, AGENT_HZ, 1_200, 'the greeting');
      await rig.server.stop();
      await sleep(4_000);
      expect(rig.of('call_ended')).toEqual([]);
      // Before it is there: who is quick is in the room again before it says that it serves.
      const at = now(anna);
      await rig.server.start();
      const back = performance.now();
      await until(() => anna.of('came').some(({ atMs, seen }) => atMs > at && seen.isAgent), 'the agent', 20_000);
      expect(performance.now() - back).toBeLessThan(15_000);
      // She sees who is there before her own client is back, which carries nothing until then.
      await until(
        () => anna.of('link').some(({ atMs, state }) => atMs > at && state !== 'reconnecting'),
        'her client to be back',
        15_000,
      );
      // Sound goes both ways a second or two after that, and a link by which none goes is given up: who is not answered says it again, and is, once that time is over.
      const since = performance.now();
      for (let isOver = false; !(await isAnswered(rig, anna, ANNA_HZ, isOver ? 15_000 : 5_000)); ) {
        expect(isOver, `no answer to what was said ${PROVEN_MS} ms after her client was back`).toBe(false);
        isOver = performance.now() - since > PROVEN_MS;
      }
      expect(rig.model.sessions.length).toBe(1);
      const { body } = await rig.get<{ counters: { reconnects: number } }>(`connection-status/${opened.connectionId}`);
      expect(body.counters.reconnects).toBe(timesLost(rig));
      await rig.post('end-call', { connectionId: opened.connectionId });
      expect(await rig.record(opened.connectionId)).toMatchObject({ result: 'success' });
    } finally {
      await rig.close();
    }
  }, 120_000);

  it(
    'and stays away: the call ends with a reason within a minute, and its record is complete',
    () => expectEnded('dies'),
    120_000,
  );

  it(
    'or hangs with all its sockets open: the call ends with a reason within a minute, and its record is complete',
    () => expectEnded('hangs'),
    120_000,
  );
});
