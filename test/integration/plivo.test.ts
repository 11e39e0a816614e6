import plivo from 'plivo';
import { describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { plivoProof } from '../../src/callers/phone/carriers/plivo/signature.ts';
import { Phone, type PhoneOptions, scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { openSocket } from '../../src/transport/socket.ts';
import { converse, cutsIn, hears, hearsOut } from './agent-heard.ts';
import { type CallsRig, OURS, startCallsRig, THEIRS } from './calls-rig.ts';
import { farKeys } from './keys-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { loudestTone, type Rig, sleep, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';

/** Calls at Plivo, whole: the daemon, a model's far end, and a phone and a carrier that are as strict as Plivo's documents. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const TOKEN = 'auth-token-of-the-account';
const PUBLIC = 'https://voice.example.com';
const ELSEWHERE = '+12025550100';
const voice = { tone: AGENT_HZ, ms: 1_500, dbfs: -15 };
const order = { to: '+1 (202) 555-1111', prompt: 'reminder', variables: { name: 'Ada Lovelace' } };

const LINES = [
  ...TRANSPORTS.map((transport) => ({ transport, codec: 'PCMU@8000', order: 'auto' })),
  { transport: 'websocket', codec: 'L16@8000', order: 'auto' },
  { transport: 'websocket', codec: 'L16@16000', order: 'le' },
  { transport: 'websocket', codec: 'L16@16000', order: 'be' },
  { transport: 'webrtc', codec: 'L16@16000', order: 'auto' },
] as const;

describe.concurrent('a call at Plivo', () => {
  it.for(LINES)(
    '[plivo] codecs: each side’s tone reaches the other, alone, in $codec, byte order $order, the model on $transport',
    async ({ transport, codec, order }, { own }) => {
      const settings = { PLIVO_CODEC: `${codec}h`, PLIVO_L16_BYTE_ORDER: order };
      const rig = own(await startRig({ transport, settings, model: { voice } }));
      const byteOrder = order === 'be' ? 'be' : 'le';
      const { phone, report } = rig.call({ carrier: 'plivo', source: silenceSource(), byteOrder });
      await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
      const result = await report;
      expect(result.reason).toBe('audio went both ways');
      expect(result.streams[0]).toMatchObject({ codec, faultCount: 0 });
      expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual([transport]);
      const heard = phone.recordedChannels();
      if (heard === undefined) throw new Error('no recording');
      // A greeting and an answer of 1.5 s each.
      expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
      expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
      const session = rig.model.sessions[0]!;
      expect(toneAloneMs(session.inputAudio(), 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    },
  );

  it('[plivo] codecs: the wrong one is static at the far end, so that a test that hears a tone proves the right one', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { PLIVO_CODEC: 'PCMU@8000h' }, model: { voice } }));
    const { phone, report } = rig.call({
      carrier: 'plivo',
      codec: 'L16@16000',
      source: silenceSource(),
    });
    // A second and a half of it is heard four times as fast.
    await hears(phone, 200);
    phone.hangUp();
    const result = await report;
    expect(result.streams[0]?.faults['wrong-format']).toBeGreaterThan(0);
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBe(0);
  });

  it('[plivo] in: from the webhook on, signed, heard both ways, and over at once when the caller hangs up', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: PUBLIC, PLIVO_AUTH_TOKEN: TOKEN }, model: { voice } }));
    const { phone, placed } = signedCall(rig, { source: silenceSource() });
    await hearsOut(phone, 800);
    phone.say(toneSource(CALLER_HZ, { ms: 800, dbfs: -15 }));
    await until(() => rig.agentEvents('response_done').length > 1, 'the greeting and an answer', 15_000);
    phone.hangUp();
    const result = await placed;
    expect(result.ok).toBe(true);
    expect(result.streams[0]?.marks.cleared).toBe(0);
    // Its socket has no word for the end; the close is taken for one, and no line that broke is waited for.
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call', 2_000);
    expect(ended.end.reason).toBe('caller-hangup');
    expect(rig.of('call_started')[0]?.info).toMatchObject({
      carrier: 'plivo',
      direction: 'inbound',
      carrierCallId: phone.callSid,
    });
    expect(await rig.counter('upgrade_signature_invalid')).toBe(0);
  });

  it('[plivo] digits in: keys that the caller presses become a turn', async ({ own }) => {
    const rig = own(await startRig({ model: { voice } }));
    const { phone, report } = rig.call({ carrier: 'plivo', source: silenceSource(), hangUpAfterMs: 9_000 });
    await until(() => rig.of('first_agent_audio').length > 0, 'the greeting');
    phone.press('47*#');
    const keys = () =>
      rig
        .of('caller')
        .flatMap(({ event }) => (event.type === 'dtmf' ? [event.digit] : []))
        .join('');
    await until(() => keys() === '47*#', 'the keys');
    phone.hangUp();
    await report;
  });

  it('[plivo] recovery: a line that breaks is attached again, the caller and the conversation stay', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: PUBLIC, PLIVO_AUTH_TOKEN: TOKEN }, model: { voice } }));
    const source = scriptSource([{ pauseMs: 2_000 }, toneSource(CALLER_HZ, { ms: 800 }), { pauseMs: 1_500 }], {
      endless: true,
    });
    const { phone, placed } = signedCall(rig, { source, hangUpAfterMs: 30_000 });
    await until(() => rig.agentEvents('response_done').length > 0, 'the greeting');
    phone.stream?.breakLine();
    await until(() => rig.of('caller_joined').length === 2, 'the caller back');
    await until(() => phone.stream?.ear.lastLoudMs, 'the agent to be heard again');
    phone.hangUp();
    const result = await placed;
    expect(result.streams).toHaveLength(2);
    expect(rig.model.sessions).toHaveLength(1);
    expect(rig.of('caller_joined').map((e) => e.again)).toEqual([false, true]);
    expect(result.streams[1]?.agentSpoke.length).toBeGreaterThan(0);
    expect(result.streams[1]?.faultCount).toBe(0);
  });

  it.for([
    ['busy', 'the line was busy'],
    ['answer', ''],
  ] as const)('[plivo] transfer: to another number, which is %s', async ([outcome, words], { own }) => {
    const asked = {
      settings: { PUBLIC_URL: PUBLIC, PLIVO_AUTH_TOKEN: TOKEN, DIAL_ALLOW: '+1202' },
      model: { voice: { tone: AGENT_HZ, ms: 500, dbfs: -15 } },
      scenario: {
        turns: [
          {
            say: { tone: AGENT_HZ, toneMs: 400 },
            tools: [{ name: 'transfer_call', arguments: { destination: ELSEWHERE } }],
            afterTools: { tone: AGENT_HZ, toneMs: 600 },
          },
          { say: { tone: AGENT_HZ, toneMs: 600 } },
        ],
      },
    };
    const rig = own(await startRig(asked));
    const { phone, placed } = signedCall(rig, {
      source: silenceSource(),
      from: '+12025550143',
      to: '+12025550177',
      dialled: () => ({ outcome, ringMs: 300, talkMs: 200 }),
      hangUpAfterMs: 30_000,
    });
    await hearsOut(phone, 300);
    phone.say(toneSource(CALLER_HZ, { ms: 500, dbfs: -15 }));
    if (outcome === 'busy') {
      await until(() => rig.of('caller_joined').length === 2, 'the caller back', 20_000);
      await until(() => phone.stream?.ear.lastLoudMs, 'the agent to say why');
      phone.hangUp();
    }
    const result = await placed;
    const verbs = result.timeline.filter(({ what }) => what === 'verb').map(({ text }) => text);
    expect(verbs).toContain(`<Dial> ${ELSEWHERE}`);
    expect(verbs).toContain(`<Dial> ended: ${outcome === 'answer' ? 'completed' : outcome}`);
    expect(rig.of('transfer_ended')).toMatchObject([{ n: 1, how: outcome === 'answer' ? 'completed' : outcome }]);
    // Back in the same call, or over.
    expect(result.streams).toHaveLength(outcome === 'answer' ? 1 : 2);
    if (words !== '') expect(JSON.stringify(rig.model.sessions[0]?.received)).toContain(words);
  });
});

/** Measured to milliseconds, so that no other call is beside them. */
describe('barge-in at Plivo', () => {
  it.for([
    ['PCMU@8000h', 'websocket'],
    ['L16@16000h', 'websocket'],
    ['L16@16000h', 'webrtc'],
  ] as const)(
    '[plivo] clear: what was not heard is discarded when the caller cuts in, in %s, the model on %s',
    { timeout: 240_000 },
    ([codec, transport], { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const long = { tone: AGENT_HZ, ms: 6_000, dbfs: -15 };
        const rig = own(await startRig({ transport, settings: { PLIVO_CODEC: codec }, model: { voice: long } }));
        const { stream, interruption, loop } = await interrupted(rig, own);
        expect(interruption.silencedBy).toBe('clear');
        expect(interruption.leftoverMs).toBe(0);
        const delayMs = Number(interruption.delayMs);
        const mostMs = transport === 'webrtc' ? 600 : 400;
        loop.excuses(skip, delayMs >= mostMs, 100);
        expect(delayMs).toBeLessThan(mostMs);
        const clearMs = Number(rig.of('barge_in')[0]?.clearMs);
        loop.excuses(skip, clearMs > 5, 20);
        expect(clearMs).toBeLessThanOrEqual(5);
        expect(stream.clears.length).toBeGreaterThanOrEqual(1);
        expect(rig.agentEvents('error')).toEqual([]);
      }),
  );

  it.for([['PCMU@8000h'], ['L16@16000h']] as const)(
    '[plivo] marks: checkpoints tell what was heard to within 40 ms, in %s, though those that were cleared are never answered',
    { timeout: 240_000 },
    ([codec], { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const long = { tone: AGENT_HZ, ms: 6_000, dbfs: -15 };
        const rig = own(await startRig({ settings: { PLIVO_CODEC: codec }, model: { voice: long } }));
        const { stream, interruption, loop } = await interrupted(rig, own);
        const offMs = Math.abs((interruption.reportedHeardMs ?? 0) - interruption.heardMs);
        loop.excuses(skip, offMs > 40, 40);
        expect(offMs).toBeLessThanOrEqual(40);
        expect(stream.marks.played).toBeGreaterThan(3);
        const truncations = rig.model.sessions[0]?.received.filter(({ type }) => type === 'conversation.item.truncate');
        expect(truncations).toHaveLength(1);
        expect(Math.abs(Number(truncations?.[0]?.['audio_end_ms']) - interruption.heardMs)).toBeLessThanOrEqual(40);
        expect(rig.lines.filter((line) => line['msg'] === 'mark_expired')).toEqual([]);
      }),
  );
});

describe.concurrent('who asks in the name of Plivo', () => {
  const params = {
    CallUUID: '12345678-1234-4234-8234-123456789abc',
    From: '12025550143',
    To: '12025550177',
    CallStatus: 'ringing',
    Direction: 'inbound',
  };
  const post = (rig: Rig, headers: Record<string, string>) =>
    fetch(`${rig.url}/incoming-call`, { method: 'POST', headers, body: new URLSearchParams(params) });

  it('[plivo] webhook signature: what the vendor’s own library takes is answered, and nothing else', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: PUBLIC, PLIVO_AUTH_TOKEN: `old,${TOKEN}` } }));
    const url = `${PUBLIC}/incoming-call`;
    const proof = plivoProof(TOKEN, { method: 'POST', url, params }, '17');
    const [signature, nonce] = [proof['X-Plivo-Signature-V3']!, proof['X-Plivo-Signature-V3-Nonce']!];
    expect(plivo.validateV3Signature('POST', url, nonce, TOKEN, signature, params)).toBe(true);
    const answer = await post(rig, proof);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('<Stream bidirectional="true" keepCallAlive="true"');
    for (const headers of [
      {},
      plivoProof('another', { method: 'POST', url, params }, '17'),
      { ...proof, 'X-Plivo-Signature-V3-Nonce': '18' },
    ])
      expect((await post(rig, headers)).status).toBe(403);
    expect(await rig.counter('webhook_signature_invalid')).toBe(3);
  });

  it('[plivo] upgrade signature: a media socket with another’s is refused, with Plivo’s or without one its token decides', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: PUBLIC, PLIVO_AUTH_TOKEN: TOKEN } }));
    const asked = 'https://voice.example.com/media-stream';
    const open = (headers: Record<string, string>) =>
      openSocket(
        `${rig.url.replace('http', 'ws')}/media-stream`,
        { text() {}, binary() {}, close() {} },
        { maxMessageBytes: 1_024, pingIntervalMs: 0, connectTimeoutMs: 2_000, clock: systemClock, headers },
      );
    const proof = plivoProof(TOKEN, { method: 'GET', url: asked, params: {} }, '5');
    expect(plivo.validateV3Signature('GET', asked, '5', TOKEN, proof['X-Plivo-Signature-V3']!)).toBe(true);
    (await open(proof)).close(1000);
    (await open({})).close(1000);
    await expect(open(plivoProof('another', { method: 'GET', url: asked, params: {} }, '5'))).rejects.toMatchObject({
      code: 'SOCKET_REFUSED',
    });
    await expect(open({ ...proof, 'X-Plivo-Signature-V3-Nonce': '6' })).rejects.toThrow();
    expect(await rig.counter('upgrade_signature_invalid')).toBe(2);
  });
});

describe.concurrent('a call that is ordered at Plivo', () => {
  it('[plivo] out: the order’s id and the call’s differ, and the conversation, machine detection and the end are the order’s', async ({
    own,
  }) => {
    const rig = own(await startCallsRig({ carrier: 'plivo', model: { voice } }));
    const placed = await rig.api('POST', '/calls', {
      ...order,
      machineDetection: 'detect',
      callbackUrl: rig.callbackUrl,
    });
    expect(placed).toMatchObject({ status: 201, body: { direction: 'outbound', from: OURS, to: THEIRS } });
    const { id, carrierCallId } = placed.body;
    const call = rig.carrier.calls[0]!;
    expect(call).toMatchObject({ to: THEIRS, from: OURS, requestSid: carrierCallId });
    expect(call.sid).not.toBe(carrierCallId);

    const stream = await until(() => call.stream, 'the carrier opens a media stream');
    await until(() => stream.ear.lastLoudMs !== undefined, 'the agent is heard');
    await until(() => (rig.model.sessions[0]?.receivedAudioMs ?? 0) > 2_200, 'the model hears the one who answered');
    expect(rig.of('call_started')[0]?.info).toMatchObject({ id, direction: 'outbound', prompt: 'reminder' });
    await shows(rig, id, 'answeredBy', 'human');
    expect((await rig.api('GET', `/calls/${id}`)).body).toMatchObject({
      id,
      status: 'in-progress',
      answeredBy: 'human',
    });

    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await call.done;
    const callback = await until(() => rig.callbacks[0], 'the callback');
    expect(callback).toMatchObject({ call: { id, status: 'completed', end: { reason: 'operator-hangup' } } });
    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, 440)).toBeGreaterThan(300);
    expect(call.streams[0]?.faultCount).toBe(0);
    expect(JSON.stringify(rig.lines)).not.toMatch(/2025551111|2025559999|rest-token|Lovelace/);
  });

  it.for(['busy', 'no-answer', 'failed'] as const)('[plivo] out: nobody answers, %s', async (outcome, { own }) => {
    const rig = own(await startCallsRig({ carrier: 'plivo', far: () => ({ outcome, ringMs: 10 }), model: { voice } }));
    const { id } = (await rig.api('POST', '/calls', { ...order, callbackUrl: rig.callbackUrl })).body;
    const callback = await until(() => rig.callbacks[0], 'the callback');
    expect(callback.call).toMatchObject({ id, status: outcome });
  });

  it('[plivo] out: hung up while it rings, by the order’s id', async ({ own }) => {
    const far = () => ({ outcome: 'answer' as const, ringMs: 5_000 });
    const rig = own(await startCallsRig({ carrier: 'plivo', far, model: { voice } }));
    const { id } = (await rig.api('POST', '/calls', { ...order, callbackUrl: rig.callbackUrl })).body;
    await shows(rig, id, 'status', 'ringing');
    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    expect(rig.carrier.calls[0]?.isOver).toBe(true);
    expect((await until(() => rig.callbacks[0], 'the callback')).call).toMatchObject({ id, status: 'canceled' });
  });

  it('[plivo] transfer: by an operator, over REST, with words before it, and back from a busy line', async ({
    own,
  }) => {
    const far = (to: string) => ({ outcome: to === THEIRS ? ('answer' as const) : ('busy' as const), ringMs: 20 });
    const rig = own(await startCallsRig({ carrier: 'plivo', far, model: { voice } }));
    const { id } = (await rig.api('POST', '/calls', order)).body;
    const call = rig.carrier.calls[0]!;
    await until(() => call.stream?.ear.lastLoudMs, 'the agent is heard');
    const answer = await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE, say: 'One moment & <wait>.' });
    expect(answer.status).toBe(204);
    await until(() => call.dialled.length > 0, 'the other number is dialled');
    expect(call.dialled).toEqual([ELSEWHERE]);
    expect(call.timeline.entries.map(({ text }) => text)).toContain('<Say> One moment & <wait>.');
    await until(() => rig.of('transfer_ended')[0], 'the news of it');
    await until(() => rig.of('caller_joined').length > 1, 'the caller is back');
  });
});

/** Alone in the process: what stalls the daemon here stalls the far party, too, and a key is no longer than such a stall. */
describe('keys for the far party of a call at Plivo', () => {
  it('[plivo] digits out: none on its socket, so they are tones in the audio', async ({ own }) => {
    const rig = own(
      await startCallsRig({ carrier: 'plivo', model: { voice: { tone: AGENT_HZ, ms: 300, dbfs: -15 } } }),
    );
    const { id } = (await rig.api('POST', '/calls', order)).body;
    const call = rig.carrier.calls[0]!;
    await until(() => rig.agentEvents('response_done').length > 0, 'the greeting');
    expect((await rig.api('POST', `/calls/${id}/digits`, { digits: '4w2' })).status).toBe(204);
    expect(await farKeys(call, '42')).toBe('42');
    expect(call.streams.at(-1)?.faultCount ?? 0).toBe(0);
  });
});

/** Waits until the interface shows this of a call. */
async function shows(rig: CallsRig, id: string, field: string, wanted: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await rig.api('GET', `/calls/${id}`)).body[field] === wanted) return;
    await sleep(25);
  }
  throw new Error(`waited in vain for ${field} ${wanted}`);
}

/** A call whose every request is signed, as Plivo sends none otherwise. */
function signedCall(rig: Rig, options: Partial<PhoneOptions> & Pick<PhoneOptions, 'source'>) {
  const phone = new Phone({ carrier: 'plivo', record: true, verbTimeScale: 0.05, hangUpAfterMs: 20_000, ...options });
  const placed = phone.placeCall({ webhookUrl: `${rig.url}/incoming-call`, secret: TOKEN, publicUrl: PUBLIC });
  return { phone, placed };
}

/** A caller who cuts in once two seconds of the agent were heard. */
async function interrupted(rig: Rig, own: Own) {
  const { phone, report } = rig.call({
    carrier: 'plivo',
    source: silenceSource(),
    ...cutsIn(rig, () => phone, CALLER_HZ),
  });
  await until(() => rig.of('first_agent_audio')[0], 'the agent', 20_000);
  const loop = own(watchLoop());
  const stream = (await report).streams[0];
  const [interruption] = stream?.interruptions ?? [];
  if (stream === undefined || interruption === undefined) throw new Error('the agent was not interrupted');
  return { stream, interruption, loop };
}
