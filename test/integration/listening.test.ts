import { describe, expect } from 'vitest';
import { isToneAlone } from '../../src/media/tone.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { LISTEN_RATE, listen } from './listener.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { askAsOperator } from './operator.ts';
import { loudestTone, type Rig, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Who hears whom when an operator is on a call: each of the three has a tone of its own. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const OPERATOR_HZ = 1_500;

/** A caller who says a word of half a second now and then, for long. */
const talker = () =>
  scriptSource(
    Array.from({ length: 30 }, () => [{ pauseMs: 2_000 }, toneSource(CALLER_HZ, { ms: 500, dbfs: -15 })]).flat(),
  );

async function talking(rig: Rig) {
  const { phone, report } = rig.call({ source: talker(), hangUpAfterMs: 60_000 });
  await until(() => rig.of('first_agent_audio')[0], 'the greeting', 20_000);
  const id = [...rig.app.calls][0]?.info.id ?? '';
  return { id, phone, report };
}

/**
 * What is heard from where a voice is first heard alone to where it last is. A listener hears up to 200 ms later than the caller, so the end of what the agent had said
 * before a takeover still comes when that is told; what was written behind it begins with the operator.
 */
function whileAlone(samples: Int16Array, sampleRate: number, hz: number): Int16Array {
  const window = sampleRate / 20;
  const alone: number[] = [];
  for (let at = 0; at + window <= samples.length; at += window)
    if (isToneAlone(samples.subarray(at, at + window), sampleRate, hz, { minDb: -40, maxOtherDb: -40 })) alone.push(at);
  return samples.subarray(alone[0] ?? 0, (alone.at(-1) ?? -window) + window);
}

const operators = (rig: Rig) => rig.of('operator').map(({ event }) => event);
const start = (over: Parameters<typeof startRig>[0] = {}) =>
  startRig({ model: { voice: { tone: AGENT_HZ, ms: 700, dbfs: -15 } }, ...over });

describe('an operator who listens', () => {
  it('hears both, each on a side of its own, and is heard by neither', async ({ own }) => {
    const rig = own(await start());
    const { id, phone, report } = await talking(rig);
    const ear = await listen(rig.url, id);
    await until(
      () =>
        toneAloneMs(ear.side('caller'), LISTEN_RATE, CALLER_HZ) >= 400 &&
        toneAloneMs(ear.side('agent'), LISTEN_RATE, AGENT_HZ) >= 500,
      'both sides are heard',
      20_000,
    );
    expect(loudestTone(ear.side('caller'), LISTEN_RATE, AGENT_HZ)).toBeLessThan(-50);
    expect(loudestTone(ear.side('agent'), LISTEN_RATE, CALLER_HZ)).toBeLessThan(-50);
    // Nobody is spoken to while nobody is to hear it.
    await ear.speak(OPERATOR_HZ, 400);
    ear.close();
    await until(() => operators(rig).some(({ type }) => type === 'listen_ended'), 'it is known that he is gone');
    await phone.hangUp();
    await report;
    const heard = phone.recordedChannels();
    expect(loudestTone(heard!.agent, heard!.sampleRate, OPERATOR_HZ)).toBeLessThan(-50);
    expect(loudestTone(rig.model.sessions[0]!.inputAudio(), 24_000, OPERATOR_HZ)).toBeLessThan(-50);
    expect(operators(rig)).toMatchObject([
      { type: 'listen_started', by: 'admin', announced: false },
      { type: 'listen_ended', by: 'admin' },
    ]);
    expect(ear.messages[0]).toEqual({ kind: 'hello', rate: LISTEN_RATE, channels: 2, announced: false });
  });

  it('is announced first, where that is set, and hears nothing before', async ({ own }) => {
    const rig = own(await start({ settings: { LISTEN_NOTICE: 'A colleague is listening, too.' } }));
    const { id, phone, report } = await talking(rig);
    const ear = await listen(rig.url, id);
    await until(() => ear.messages[0], 'the caller was told', 20_000);
    expect(ear.messages[0]).toMatchObject({ kind: 'hello', announced: true });
    expect(JSON.stringify(rig.model.sessions[0]?.received)).toContain('A colleague is listening, too.');
    // The greeting, and the notice to its end: only then did anything come.
    expect(rig.agentEvents('audio_done').length).toBeGreaterThanOrEqual(2);
    expect(operators(rig)[0]).toMatchObject({ type: 'listen_started', announced: true });
    await phone.hangUp();
    await report;
    expect(await until(() => ear.ended, 'the socket ends with the call')).toMatchObject({ reason: 'call-ended' });
  });

  it('is refused where there is no such call, where too many listen, and to viewers', async ({ own }) => {
    const rig = own(await start({ settings: { OPERATORS_LISTENING: '1' } }));
    await expect(listen(rig.url, 'nobody')).rejects.toMatchObject({ status: 404 });
    const { id, phone, report } = await talking(rig);
    /** What a page is told, which sees nothing of a refused upgrade. */
    const why = async (call: string) => {
      const answer = await askAsOperator(`${rig.url}/listen?call=${call}`);
      return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
    };
    expect(await why('nobody')).toEqual([404, 'CALL_UNKNOWN']);
    expect(await why(id)).toEqual([426, 'REQUEST_INVALID']);
    const one = await listen(rig.url, id);
    await expect(listen(rig.url, id)).rejects.toMatchObject({ status: 503 });
    expect(await why(id)).toEqual([503, 'LISTENERS_TOO_MANY']);
    const made = await askAsOperator(`${rig.url}/people`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Vera', role: 'viewer' }),
    });
    const { token } = (await made.json()) as { token: string };
    one.close();
    await expect(listen(rig.url, id, { authorization: `Bearer ${token}` })).rejects.toMatchObject({ status: 403 });
    await expect(listen(rig.url, id, { origin: 'https://evil.example' })).rejects.toMatchObject({ status: 403 });
    await phone.hangUp();
    await report;
  });
});

/** A caller who speaks over a notice when he hears it first, and listens when it is said again. */
describe.each([
  ['listening', 'LISTEN_NOTICE', 'A colleague is listening, too.'],
  ['taking over', 'TAKEOVER_NOTICE', 'I put you through to a colleague.'],
] as const)('a notice of %s that the caller speaks over', (what, setting, notice) => {
  it.for(TRANSPORTS)(
    'is said again, and counts as heard when it was, over %s',
    { timeout: 240_000 },
    (transport, { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        // A notice of three seconds, cut off after a part of one.
        const rig = own(
          await start({
            transport,
            settings: { [setting]: notice },
            model: { voice: { tone: AGENT_HZ, ms: 3_000, dbfs: -15 } },
          }),
        );
        const loop = own(watchLoop());
        const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 120_000 });
        /** How much of the agent he has heard, ms: over a WebSocket its words are sent long before. */
        const heardMs = () => {
          const { agent, sampleRate } = phone.recordedChannels()!;
          return toneAloneMs(agent, sampleRate, AGENT_HZ);
        };
        await hearsOut(phone, 2_000);
        const greeting = heardMs();
        const id = [...rig.app.calls][0]?.info.id ?? '';
        const ear = await listen(rig.url, id);
        if (what === 'taking over') ear.mode('takeover');
        await until(() => heardMs() >= greeting + 500, 'a part of the notice', 20_000);
        phone.stream?.mouth.cutIn(toneSource(CALLER_HZ, { ms: 600, dbfs: -12 }));
        await until(() => rig.of('barge_in')[0], 'he cuts it off', 20_000);
        const told = () =>
          what === 'listening'
            ? ear.messages.some(({ kind }) => kind === 'hello')
            : ear.messages.some(({ mode }) => mode === 'takeover');
        expect(told(), 'nobody hears, or has, the caller before').toBe(false);
        await until(told, 'he was told', 30_000);
        const kind = what === 'listening' ? 'listen_started' : 'takeover_started';
        expect(operators(rig).find(({ type }) => type === kind)).toMatchObject({ announced: true });
        // What he heard next is the notice: the answer to what he said comes behind it.
        const cut = rig.events.findIndex(({ type }) => type === 'barge_in');
        const next = rig.events
          .slice(cut)
          .flatMap((event) =>
            event.type === 'agent' && event.event.type === 'audio_started' ? [event.event.itemId] : [],
          );
        const words = rig.agentEvents('transcript').filter(({ role, final }) => role === 'agent' && final);
        expect(words.find(({ itemId }) => itemId === next[0])?.['text']).toBe(notice);
        await phone.hangUp();
        await report;
        // The greeting, a part of the notice, and the notice to its end; who takes over silences the agent behind it.
        loop.excuses(skip, heardMs() < 6_200, 100);
        expect(heardMs()).toBeGreaterThanOrEqual(6_200);
      }),
  );
});

it('a caller who speaks over every notice is not listened to, and that is in the audit log', async ({ own }) => {
  const rig = own(
    await start({
      settings: { LISTEN_NOTICE: 'A colleague is listening, too.' },
      model: { voice: { tone: AGENT_HZ, ms: 3_000, dbfs: -15 } },
    }),
  );
  // A word every 2.2 s, sooner than the agent is through with anything: whatever it says, he speaks into it.
  const insistent = scriptSource(
    Array.from({ length: 100 }, () => [{ pauseMs: 1_800 }, toneSource(CALLER_HZ, { ms: 400, dbfs: -12 })]).flat(),
  );
  const { phone, report } = rig.call({ source: insistent, hangUpAfterMs: 120_000 });
  await until(() => rig.of('first_agent_audio')[0], 'the greeting', 20_000);
  const id = [...rig.app.calls][0]?.info.id ?? '';
  const ear = await listen(rig.url, id);
  await until(() => ear.ended, 'the operator is refused', 40_000);
  expect(ear.messages).toMatchObject([{ kind: 'refused', code: 'LISTEN_NOT_ANNOUNCED' }]);
  expect(toneAloneMs(ear.side('caller'), LISTEN_RATE, CALLER_HZ)).toBe(0);
  expect(operators(rig)).toEqual([]);
  const audit = await (await askAsOperator(`${rig.url}/audit?target=${id}`)).json();
  expect((audit as { entries: object[] }).entries).toMatchObject([{ action: 'listen', status: 409 }]);
  await phone.hangUp();
  await report;
});

describe('an operator who whispers', () => {
  it('is heard by the agent beside the caller, and by nobody else', async ({ own }) => {
    const rig = own(await start());
    const { id, phone, report } = await talking(rig);
    const session = rig.model.sessions[0]!;
    const ear = await listen(rig.url, id);
    ear.mode('whisper');
    await until(() => ear.messages.some(({ mode }) => mode === 'whisper'), 'the voice is open');
    await ear.speak(OPERATOR_HZ, 1_000);
    await until(() => toneAloneMs(session.inputAudio(), 24_000, OPERATOR_HZ) >= 300, 'the agent hears it');
    ear.mode('listen');
    await until(() => operators(rig).some(({ type }) => type === 'whisper_ended'), 'it is over');
    await until(
      () => toneAloneMs(session.inputAudio(), 24_000, CALLER_HZ) >= 300,
      'the agent hears the caller',
      20_000,
    );
    await phone.hangUp();
    await report;
    const heard = phone.recordedChannels();
    expect(loudestTone(heard!.agent, heard!.sampleRate, OPERATOR_HZ)).toBeLessThan(-50);
  });

  it('gives the agent a line, which stands in the record with who gave it', async ({ own }) => {
    const rig = own(await start());
    const { id, phone, report } = await talking(rig);
    const answer = await askAsOperator(`${rig.url}/calls/${id}/whisper`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'offer the blue one' }),
    });
    expect(answer.status).toBe(202);
    await until(
      () => JSON.stringify(rig.model.sessions[0]?.received ?? '').includes('offer the blue one'),
      'the model has it',
    );
    expect(operators(rig)).toEqual([{ type: 'whispered', by: 'admin', text: 'offer the blue one' }]);
    await phone.hangUp();
    await report;
  });
});

describe('an operator who takes over', () => {
  it.for(TRANSPORTS)(
    'is heard by the caller, with the agent over %s silent; hands back, and the agent speaks again',
    { timeout: 240_000 },
    (transport, { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(await start({ transport, settings: { TAKEOVER_NOTICE: 'I put you through to a colleague.' } }));
        const loop = own(watchLoop());
        const { id, phone, report } = await talking(rig);
        const session = rig.model.sessions[0]!;
        const ear = await listen(rig.url, id);
        ear.mode('takeover');
        await until(() => ear.messages.some(({ mode }) => mode === 'takeover'), 'the operator has the caller', 20_000);
        const responses = session.responses;
        const began = rig.events.length;
        ear.forget();
        // Longer than a word of the caller's, its answer, and the pause between.
        await ear.speak(OPERATOR_HZ, 6_000);
        const inPlace = whileAlone(ear.side('agent'), LISTEN_RATE, OPERATOR_HZ);
        const spoken = toneAloneMs(inPlace, LISTEN_RATE, OPERATOR_HZ);
        // A voice that comes in real time is torn by what stands still on its way.
        loop.excuses(skip, spoken <= 4_000, 100);
        expect(spoken).toBeGreaterThan(4_000);
        expect(loudestTone(inPlace, LISTEN_RATE, AGENT_HZ)).toBeLessThan(-50);
        expect(toneAloneMs(ear.side('caller'), LISTEN_RATE, CALLER_HZ)).toBeGreaterThanOrEqual(400);
        expect(session.responses, 'nothing was answered').toBe(responses);
        expect(rig.events.slice(began).some((event) => event.type === 'barge_in')).toBe(false);
        // Said by an order, nobody would hear it.
        const say = await askAsOperator(`${rig.url}/calls/${id}/say`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ text: 'hello' }),
        });
        expect([say.status, ((await say.json()) as { error: { code: string } }).error.code]).toEqual([
          ...[409, 'CALL_TAKEN_OVER'],
        ]);
        const other = await listen(rig.url, id);
        other.mode('takeover');
        await until(
          () => other.messages.some(({ code }) => code === 'OPERATOR_BUSY'),
          'a second one is refused',
          20_000,
        );
        other.close();
        ear.forget();
        ear.mode('listen');
        await until(() => toneAloneMs(ear.side('agent'), LISTEN_RATE, AGENT_HZ) >= 500, 'the agent is back', 20_000);
        expect(session.responses).toBeGreaterThan(responses);
        expect(JSON.stringify(session.received)).toContain('You heard what they said');
        await phone.hangUp();
        await report;
        const heard = phone.recordedChannels();
        const ofOperator = whileAlone(heard!.agent, heard!.sampleRate, OPERATOR_HZ);
        const heardMs = toneAloneMs(ofOperator, heard!.sampleRate, OPERATOR_HZ);
        loop.excuses(skip, heardMs <= 4_000, 100);
        expect(heardMs).toBeGreaterThan(4_000);
        expect(loudestTone(ofOperator, heard!.sampleRate, AGENT_HZ)).toBeLessThan(-50);
        expect(loudestTone(session.inputAudio(), 24_000, OPERATOR_HZ), 'the agent listened').toBeGreaterThan(-25);
        expect(operators(rig).filter(({ type }) => type.startsWith('takeover'))).toMatchObject([
          { type: 'takeover_started', by: 'admin', announced: true, heard: true },
          { type: 'takeover_ended' },
        ]);
        expect(await rig.counter('operator_takeover')).toBe(1);
        const audit = await (await askAsOperator(`${rig.url}/audit?target=${id}`)).json();
        expect((audit as { entries: Array<{ action: string }> }).entries.map(({ action }) => action)).toEqual([
          ...['stopSpeaking', 'listen', 'say', 'takeOver', 'listen'],
        ]);
      }),
  );

  it('whose token is revoked is put out at once, and the agent has the caller again', async ({ own }) => {
    const rig = own(await start());
    const made = await askAsOperator(`${rig.url}/people`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Olga', role: 'operator' }),
    });
    const { token, person } = (await made.json()) as { token: string; person: { id: string } };
    const authorization = `Bearer ${token}`;
    const { id, phone, report } = await talking(rig);
    const listener = await listen(rig.url, id, { authorization });
    const ear = await listen(rig.url, id, { authorization });
    ear.mode('takeover');
    await until(() => ear.messages.some(({ mode }) => mode === 'takeover'), 'the operator has the caller', 20_000);
    await ear.speak(OPERATOR_HZ, 1_000);
    const responses = rig.model.sessions[0]?.responses ?? 0;
    expect((await askAsOperator(`${rig.url}/people/${person.id}`, { method: 'DELETE' })).status).toBe(204);
    // By the order itself, not when somebody looks: the event is there when the answer is.
    expect(operators(rig).filter(({ type }) => type === 'takeover_ended')).toMatchObject([{ by: 'Olga' }]);
    for (const one of [ear, listener])
      expect(await until(() => one.ended, 'the line is closed')).toMatchObject({
        code: 1008,
        reason: 'the token was revoked',
      });
    await expect(listen(rig.url, id, { authorization })).rejects.toMatchObject({ status: 401 });
    await until(() => (rig.model.sessions[0]?.responses ?? 0) > responses, 'the agent speaks again', 20_000);
    const ended = operators(rig).map(({ type }) => type);
    expect(ended.filter((type) => type === 'listen_ended')).toHaveLength(2);
    const before = toneAloneMs(phone.recordedChannels()!.agent, phone.recordedChannels()!.sampleRate, AGENT_HZ);
    await until(
      () => {
        const heard = phone.recordedChannels()!;
        return toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ) >= before + 400;
      },
      'the caller hears the agent',
      20_000,
    );
    await phone.hangUp();
    await report;
  });

  it('hands back when his line breaks', async ({ own }) => {
    const rig = own(await start());
    const { id, phone, report } = await talking(rig);
    const ear = await listen(rig.url, id);
    ear.mode('takeover');
    await until(() => ear.messages.some(({ mode }) => mode === 'takeover'), 'the operator has the caller');
    ear.socket.terminate();
    await until(() => operators(rig).some(({ type }) => type === 'takeover_ended'), 'the agent has him again');
    expect([...rig.app.calls][0]?.operators.hasCaller).toBe(false);
    await phone.hangUp();
    await report;
  });

  it('hands back within seconds when his line is dead and nothing says so', async ({ own }) => {
    const rig = own(await start());
    const { id, phone, report } = await talking(rig);
    const ear = await listen(rig.url, id);
    ear.mode('takeover');
    await until(() => ear.messages.some(({ mode }) => mode === 'takeover'), 'the operator has the caller');
    // Nothing is read any more, pings neither: as of a machine that was put to sleep.
    ear.socket.pause();
    await until(() => operators(rig).some(({ type }) => type === 'takeover_ended'), 'the agent has him again', 9_000);
    ear.socket.terminate();
    await phone.hangUp();
    await report;
  });
});
