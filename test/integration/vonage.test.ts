import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { signedJwt } from '../../src/callers/phone/carriers/vonage/jwt.ts';
import {
  type CallReport,
  Phone,
  type PhoneOptions,
  scriptSource,
  silenceSource,
  toneSource,
} from '../../src/simulator/phone/index.ts';
import { SIGNATURE_SECRET } from '../fixtures/vonage/key.ts';
import { converse, cutsIn, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { loudestTone, type Rig, type RigOptions, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Calls from Vonage, from the answer webhook on: signed on every request and on the socket, in binary messages. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const PUBLIC = 'https://voice.example.com';

const startVonage = (options: RigOptions = {}) =>
  startRig({
    ...options,
    settings: { VONAGE_SIGNATURE_SECRET: SIGNATURE_SECRET, PUBLIC_URL: PUBLIC, ...options.settings },
  });

/** Calls as Vonage would; `secret` undefined: unsigned. */
function call(
  rig: Rig,
  {
    secret = SIGNATURE_SECRET,
    method = 'POST',
    ...options
  }: Partial<PhoneOptions> & { secret?: string | null; method?: 'GET' | 'POST' } = {},
): { phone: Phone; report: Promise<CallReport> } {
  const phone = new Phone({
    carrier: 'vonage',
    record: true,
    verbTimeScale: 0.05,
    hangUpAfterMs: 30_000,
    source: silenceSource(),
    ...options,
  });
  const webhookUrl = `${rig.url}/incoming-call`;
  return {
    phone,
    report: phone.placeCall({ webhookUrl, method, publicUrl: PUBLIC, ...(secret === null ? {} : { secret }) }),
  };
}

const heardBy = (phone: Phone) => {
  const heard = phone.recordedChannels();
  if (heard === undefined) throw new Error('no recording');
  return heard;
};

describe.concurrent('a call from Vonage', () => {
  it.for([
    ['L16@8000', 'websocket'],
    ['L16@16000', 'websocket'],
    ['L16@24000', 'websocket'],
    ['L16@24000', 'webrtc'],
  ] as const)(
    '[vonage] codecs: each side’s tone reaches the other, alone, in %s, the model on %s',
    async ([codec, transport], { own }) => {
      const voice = { tone: AGENT_HZ, ms: 1_500, dbfs: -15 };
      const rig = own(await startVonage({ transport, settings: { VONAGE_CODEC: codec }, model: { voice } }));
      const { phone, report } = call(rig);
      await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
      const result = await report;
      expect(result.reason).toBe('audio went both ways');
      expect(result.streams[0]).toMatchObject({ codec, faultCount: 0 });
      const { agent, sampleRate } = heardBy(phone);
      expect(sampleRate).toBe(Number(codec.slice(4)));
      expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
      expect(loudestTone(agent, sampleRate, CALLER_HZ)).toBeLessThan(-50);
      const input = rig.model.sessions[0]!.inputAudio();
      expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
      expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-50);
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    },
  );

  it('[vonage] codecs: samples in the other byte order are static, and no tone', async ({ own }) => {
    const rig = own(await startVonage({ model: { voice: { tone: AGENT_HZ, ms: 1_000, dbfs: -15 } } }));
    const { phone, report } = call(rig, {
      byteOrder: 'be',
      source: scriptSource([toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }), { pauseMs: 20_000 }]),
    });
    await hearsOut(phone, 500);
    phone.hangUp();
    await report;
    const { agent, sampleRate } = heardBy(phone);
    expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBe(0);
    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, CALLER_HZ)).toBe(0);
  });

  it.for(['POST', 'GET'] as const)(
    '[vonage] in: is answered by %s and joined by its token',
    async (method, { own }) => {
      const rig = own(await startVonage({ model: { voice: { tone: AGENT_HZ, ms: 600, dbfs: -15 } } }));
      const { phone, report } = call(rig, { method, from: '+12025550143', to: '+12025550100' });
      await hearsOut(phone, 300);
      phone.hangUp();
      expect((await report).streams[0]?.agentSpoke.length).toBeGreaterThan(0);
      const [started] = rig.of('call_started');
      expect(started?.info).toMatchObject({
        carrier: 'vonage',
        carrierCallId: phone.callSid,
        from: '+12025550143',
        to: '+12025550100',
        direction: 'inbound',
      });
      expect(await rig.counter('upgrade_accepted')).toBe(1);
      expect(await rig.counter('upgrade_signature_invalid')).not.toBeGreaterThan(0);
      expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    },
  );

  it.for([
    ['nobody', null],
    ['somebody else', 'another-secret-of-nobody'],
  ] as const)('[vonage] webhook signature: a call is refused that %s signed', async ([, secret], { own }) => {
    const rig = own(await startVonage());
    const result = await call(rig, { secret }).report;
    expect(result).toMatchObject({ ok: false, connect: { webhookStatus: 403 } });
    expect(rig.of('call_started')).toEqual([]);
  });

  it('[vonage] upgrade signature: a socket is refused whose token is another’s, whatever it would say', async ({
    own,
  }) => {
    const rig = own(await startVonage());
    const phone = new Phone({ carrier: 'vonage', source: silenceSource(), hangUpAfterMs: 2_000 });
    const url = `${rig.url.replace('http', 'ws')}/media-stream`;
    // A bearer of the form of Vonage's own.
    const report = await phone.connect({
      url,
      secret: 'another-secret-of-nobody',
      parameters: { call: phone.callSid },
      signed: true,
    });
    expect(report.ok).toBe(false);
    expect(await rig.counter('upgrade_signature_invalid')).toBe(1);
  });

  it('[vonage] digits in: become a turn of the conversation', async ({ own }) => {
    const rig = own(await startVonage({ model: { voice: { tone: AGENT_HZ, ms: 400, dbfs: -15 } } }));
    const { phone, report } = call(rig);
    await until(() => rig.agentEvents('response_done')[0], 'the greeting');
    phone.press('42#');
    await until(() => (rig.model.sessions[0]?.responses ?? 0) >= 2, 'the answer to the keys');
    expect(JSON.stringify(rig.model.sessions[0]?.received)).toContain('pressed on the keypad: 4 2]');
    phone.hangUp();
    expect((await report).streams[0]?.dtmf.pressed).toBe('42#');
  });
});

/** Measured to milliseconds, so that no other call is beside them. */
describe.each(TRANSPORTS)('an interruption over %s', (transport) => {
  it('[vonage] marks: tell to 40 ms what was heard when the caller cut in', { timeout: 240_000 }, ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(await startVonage({ transport, model: { voice: { tone: AGENT_HZ, ms: 6_000, dbfs: -15 } } }));
      const { phone, report } = call(rig, {
        ...cutsIn(rig, () => phone, CALLER_HZ),
      });
      await until(() => rig.of('first_agent_audio')[0], 'the agent', 20_000);
      const loop = own(watchLoop());
      const [stream] = (await report).streams;
      const [interruption] = stream?.interruptions ?? [];
      expect(interruption).toMatchObject({ silencedBy: 'clear', leftoverMs: 0 });
      const offMs = Math.abs((interruption?.reportedHeardMs ?? 0) - (interruption?.heardMs ?? 1_000));
      loop.excuses(skip, offMs > 40, 40);
      expect(offMs).toBeLessThanOrEqual(40);
      expect(stream?.marks.played).toBeGreaterThan(3);
      expect(stream?.faultCount).toBe(0);
      const clearMs = Number(rig.of('barge_in')[0]?.clearMs);
      loop.excuses(skip, clearMs > 5, 20);
      expect(clearMs).toBeLessThanOrEqual(5);
    }),
  );
});

describe.concurrent.each(TRANSPORTS)('what is left of an answer that was interrupted over %s', (transport) => {
  it('[vonage] clear: discards what was not heard, and the next words are heard whole', async ({ own }) => {
    const rig = own(await startVonage({ transport, model: { voice: { tone: AGENT_HZ, ms: 3_000, dbfs: -15 } } }));
    const { phone, report } = call(rig, {
      interruptAtMs: 1_000,
      interruptWith: toneSource(CALLER_HZ, { ms: 600, dbfs: -12 }),
    });
    // More than was heard before: the next words.
    await hearsOut(phone, 2_500);
    phone.hangUp();
    const [stream] = (await report).streams;
    expect(stream?.clears.length).toBeGreaterThanOrEqual(1);
    expect(stream?.playback.clearedMs).toBeGreaterThan(0);
    expect(stream?.agentSpoke.length).toBeGreaterThanOrEqual(2);
    const { agent, sampleRate } = heardBy(phone);
    // About one second before, and three after.
    expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(3_300);
  });
});

describe.concurrent('a socket of Vonage’s that breaks', () => {
  const voice = { tone: AGENT_HZ, ms: 1_000, dbfs: -15 };
  const talk = () =>
    scriptSource([{ pauseMs: 2_000 }, toneSource(CALLER_HZ, { ms: 800, dbfs: -15 }), { pauseMs: 1_500 }], {
      endless: true,
    });

  it('[vonage] recovery: is opened again by the answer to its event, and both hear each other before and after', async ({
    own,
  }) => {
    const rig = own(await startVonage({ model: { voice } }));
    const { phone, report } = call(rig, { source: talk(), hangUpAfterMs: 30_000 });
    await until(() => rig.agentEvents('response_done').length >= 2, 'the greeting, and an answer');
    const saidBefore = rig.model.sessions[0]!.inputAudio().length;
    // As a cut line: no closing handshake.
    phone.stream?.breakLine();
    await until(() => rig.of('caller_joined').length === 2, 'the caller back');
    const turns = rig.agentEvents('speech_stopped').length;
    await until(() => rig.agentEvents('speech_stopped').length > turns, 'his next turn', 15_000);
    await until(() => phone.stream?.ear.lastLoudMs, 'the agent to be heard again');
    phone.hangUp();
    const result = await report;
    expect(result.streams).toHaveLength(2);
    expect(result.timeline.map(({ text }) => text).join('\n')).toContain('/vonage/stream?leg=');
    // The same call, and the same session of the model.
    expect(rig.of('call_started')).toHaveLength(1);
    expect(rig.model.sessions).toHaveLength(1);
    expect(rig.of('caller_joined').map(({ again }) => again)).toEqual([false, true]);
    for (const stream of result.streams) {
      expect(stream.agentSpoke.length).toBeGreaterThan(0);
      expect(stream.faultCount).toBe(0);
    }
    const input = rig.model.sessions[0]!.inputAudio();
    expect(toneAloneMs(input.subarray(0, saidBefore), 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(500);
    expect(toneAloneMs(input.subarray(saidBefore), 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(500);
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
  });

  it('[vonage] recovery: three times in a run, and then the caller is told', async ({ own }) => {
    const rig = own(await startVonage({ model: { voice }, settings: { FALLBACK_SAY: 'Sorry, goodbye.' } }));
    const { phone, report } = call(rig, { source: talk(), hangUpAfterMs: 20_000 });
    for (let joined = 1; joined <= 4; joined++) {
      await until(() => rig.of('caller_joined').length === joined, `the caller for the ${joined}. time`);
      await until(() => phone.stream, 'the stream');
      phone.stream?.breakLine();
    }
    const result = await report;
    expect(result.streams).toHaveLength(4);
    expect(result.timeline.map(({ text }) => text)).toContain('<Say> Sorry, goodbye.');
  });

  it('[vonage] recovery: one that could not be opened is asked for again, and told of in the log', async ({ own }) => {
    const rig = own(await startVonage({ model: { voice } }));
    const leg = '0a5b1c2d-1111-4222-8333-444455556666';
    const post = async (path: string, message: object) => {
      const body = JSON.stringify(message);
      const authorization = `Bearer ${signedJwt(SIGNATURE_SECRET, Date.now(), { body })}`;
      const headers = { 'content-type': 'application/json', authorization };
      const answer = await fetch(rig.url + path, { method: 'POST', headers, body });
      return { status: answer.status, text: await answer.text() };
    };
    const ids = { uuid: leg, conversation_uuid: 'CON-1', from: '12025550143', to: '12025550100' };
    const [first] = JSON.parse((await post('/incoming-call', ids)).text);
    const { pathname, search } = new URL(first.eventUrl[0]);
    expect(await post(pathname + search, { ...ids, uuid: 'other', status: 'ringing' })).toEqual({
      status: 204,
      text: '',
    });
    const again = await post(pathname + search, { ...ids, uuid: 'other', status: 'unanswered' });
    const [second] = JSON.parse(again.text);
    expect(second.endpoint[0].headers.call).toBe(leg);
    expect(second.endpoint[0].headers.token).not.toBe(first.endpoint[0].headers.token);
    expect(rig.lines.find(({ msg }) => msg === 'carrier reports a stream error')).toMatchObject({
      streamError: 'unanswered',
    });
    // A repetition of the answer webhook gets what the first got, and makes no second call.
    expect(JSON.parse((await post('/incoming-call', ids)).text)).toEqual([first]);
    expect(rig.of('call_started')).toHaveLength(1);
  });
});

describe.concurrent('the far end', () => {
  it('gives an answer that is late five seconds, once more, and then the call has failed', async () => {
    let asked = 0;
    const silent = createServer(() => {
      asked++;
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const webhookUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/incoming-call`;
    const began = performance.now();
    const phone = new Phone({ carrier: 'vonage', source: silenceSource() });
    const report = await phone.placeCall({ webhookUrl, secret: SIGNATURE_SECRET });
    silent.closeAllConnections();
    silent.close();
    expect(report.ok).toBe(false);
    expect(report.timeline.map(({ text }) => text).join('\n')).toContain('no answer within 5 s');
    expect(asked).toBe(2);
    expect(performance.now() - began).toBeGreaterThan(9_900);
  });
});
