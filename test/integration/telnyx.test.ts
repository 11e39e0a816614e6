import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { eventText, proofOf, type TelnyxCall } from '../../src/simulator/telnyx/index.ts';
import { converse, hears, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { asked, loudestTone, sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import {
  AGENT_HZ,
  CALLER,
  CALLER_HZ,
  heldBy,
  OURS,
  PUBLIC,
  startTelnyxRig,
  type TelnyxRig,
  THEIRS,
} from './telnyx-rig.ts';

/** Calls at Telnyx, from the webhook on: each end plays its own tone and listens for the other's. */

const connected = (rig: TelnyxRig, times = 1) =>
  until(() => rig.of('connected').length >= times, 'both ends on the line');
const ended = (rig: TelnyxRig) => until(() => rig.of('call_ended')[0], 'the end of the call');
const actions = (call: TelnyxCall) => call.commands.map(({ action }) => action);
const faultsOf = (call: TelnyxCall) => call.timeline.entries.filter(({ what }) => what === 'fault');

const words = () => toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 });
/** A caller who is silent until he is to speak. */
const listener = { source: silenceSource() };

/** What each side has heard, once the caller has hung up. */
async function tones(rig: TelnyxRig, call: TelnyxCall) {
  call.hangUp();
  await call.done;
  const heard = call.recordedChannels();
  if (heard === undefined) throw new Error('no recording');
  const input = rig.model.sessions[0]?.inputAudio() ?? new Int16Array();
  return {
    agentHeard: toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ),
    echo: loudestTone(heard.agent, heard.sampleRate, CALLER_HZ),
    callerHeard: toneAloneMs(input, 24_000, CALLER_HZ),
    input,
  };
}

const CODECS = [
  ['PCMU', 'PCMU', 'PCMU@8000'],
  ['PCMA', 'default', 'PCMU@8000'],
  ['PCMA', 'default', 'PCMA@8000'],
  ['PCMU', 'PCMU', 'PCMA@8000'],
  ['PCMA', 'PCMU', 'L16@16000'],
  ['L16@16000', 'L16', 'L16@16000'],
  ['L16@16000', 'L16', 'PCMA@8000'],
  ['L16@24000', 'L16', 'L16@24000'],
] as const;

describe.concurrent('a call at Telnyx', () => {
  it.for(CODECS)(
    '[telnyx] codecs: a call in %s whose stream is asked for in %s, and for ours in %s, carries each tone to the other side',
    async ([callCodec, TELNYX_STREAM_CODEC, TELNYX_BIDIRECTIONAL_CODEC], { own }) => {
      const settings = { TELNYX_STREAM_CODEC, TELNYX_BIDIRECTIONAL_CODEC };
      const rig = own(await startTelnyxRig({ settings, carrier: { callCodec, ...listener } }));
      const call = rig.callIn();
      await converse(heldBy(call), words());
      const { agentHeard, echo, callerHeard } = await tones(rig, call);
      // A greeting and an answer of 1.5 s each.
      expect(agentHeard).toBeGreaterThanOrEqual(2_500);
      expect(echo).toBeLessThan(-50);
      expect(callerHeard).toBeGreaterThanOrEqual(1_200);
      expect(faultsOf(call)).toEqual([]);
    },
  );

  it('[telnyx] codecs: where L16 is of the other byte order, the first audio of the caller shows it for both directions', async ({
    own,
  }) => {
    const settings = { TELNYX_STREAM_CODEC: 'L16', TELNYX_BIDIRECTIONAL_CODEC: 'L16@16000', GREETING: 'off' };
    const rig = own(
      await startTelnyxRig({ settings, carrier: { callCodec: 'L16@16000', byteOrder: 'le', ...listener } }),
    );
    const call = rig.callIn();
    await connected(rig);
    heldBy(call).say(words());
    await hearsOut(call, 800);
    const { agentHeard, callerHeard } = await tones(rig, call);
    expect(callerHeard).toBeGreaterThanOrEqual(1_200);
    expect(agentHeard).toBeGreaterThanOrEqual(1_000);
  });

  it('[telnyx] codecs: a wrong law is static, which this proof does notice', async ({ own }) => {
    // A carrier that does not say what it sends.
    const rig = own(
      await startTelnyxRig({
        carrier: { callCodec: 'PCMA', sentAs: 'PCMU' },
        settings: { TELNYX_STREAM_CODEC: 'default' },
      }),
    );
    const call = rig.callIn();
    await sleep(8_200);
    const { callerHeard } = await tones(rig, call);
    expect(callerHeard).toBeLessThan(300);
  });

  it('[telnyx] in: is answered with the stream in the answer, whose token comes back, and ends as the caller does', async ({
    own,
  }) => {
    const rig = own(await startTelnyxRig());
    const call = rig.callIn();
    await connected(rig);
    expect(actions(call)).toEqual(['answer']);
    expect(call.commands[0]?.fields).toMatchObject({
      stream_url: `${PUBLIC.replace('https', 'wss')}/media-stream`,
      stream_bidirectional_mode: 'rtp',
    });
    expect(rig.of('call_started')[0]?.info).toMatchObject({
      carrier: 'telnyx',
      carrierCallId: call.sid,
      from: CALLER,
      to: OURS,
    });
    await sleep(500);
    call.hangUp();
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    await call.done;
    await until(() => rig.app.calls.size === 0, 'nothing left of it');
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('[telnyx] in: a leg on which nothing is said is kept alive by silence', async ({ own }) => {
    const rig = own(
      await startTelnyxRig({ settings: { GREETING: 'off' }, carrier: { source: scriptSource([{ pauseMs: 60_000 }]) } }),
    );
    const call = rig.callIn();
    await connected(rig);
    await sleep(4_000);
    expect(call.isOver).toBe(false);
    expect(faultsOf(call)).toEqual([]);
    expect(call.stream?.talk.stats.marksReceived).toBe(0);
  });

  it('[telnyx] in: whom nobody answers in time is gone at the carrier, and here', async ({ own }) => {
    const rig = own(
      await startTelnyxRig({
        settings: { STREAM_TIMEOUT_MS: '1000', TELNYX_API_URL: 'http://127.0.0.1:9' },
        carrier: { firstCommandMs: 300 },
      }),
    );
    const call = rig.callIn();
    await call.done;
    expect(call.status).toBe('no-answer');
    await ended(rig);
    const error = await until(
      () => rig.lines.find(({ msg }) => msg === 'a carrier does not take what it is answered'),
      'the error',
    );
    expect(error['code']).toBe('CONTROL_UNAVAILABLE');
  });

  it('[telnyx] marks: are set as the agent speaks, and all come back when they were played', async ({ own }) => {
    const rig = own(await startTelnyxRig());
    const call = rig.callIn();
    await hearsOut(call, 800);
    const { stats } = call.stream!.talk;
    await until(() => stats.marksPlayed === stats.marksReceived, 'the last of them back');
    expect(stats.marksReceived).toBeGreaterThan(5);
    expect(await rig.counter('mark_unknown')).toBe(0);
  });

  it('[telnyx] digits in: a key that is pressed becomes a turn', async ({ own }) => {
    const rig = own(
      await startTelnyxRig({
        settings: { DTMF_PAUSE_MS: '300' },
        carrier: { source: scriptSource([{ pauseMs: 60_000 }]) },
      }),
    );
    const call = rig.callIn();
    await connected(rig);
    await sleep(2_500);
    call.stream?.talk.press('42#');
    const keys = () =>
      rig
        .of('caller')
        .flatMap(({ event }) => (event.type === 'dtmf' ? [event.digit] : []))
        .join('');
    await until(() => keys() === '42#', 'the keys');
    await until(() => rig.of('turn').length > 0 || rig.model.sessions[0]!.responses > 1, 'a turn of them');
  });

  it('[telnyx] digits out: none, so they go as tones in the audio', async ({ own }) => {
    const rig = own(
      await startTelnyxRig({ settings: { GREETING: 'off' }, carrier: { source: scriptSource([{ pauseMs: 60_000 }]) } }),
    );
    const call = rig.callIn();
    await connected(rig);
    const { id } = rig.of('call_started')[0]!.info;
    expect(await rig.operate(`/calls/${id}/digits`, { digits: '1' })).toMatchObject({ status: 204 });
    const heard = () => call.recordedChannels() ?? { agent: new Int16Array(), sampleRate: 8_000 };
    await until(() => loudestTone(heard().agent, heard().sampleRate, 1_209) > -30, 'the key');
    expect(loudestTone(heard().agent, heard().sampleRate, 697)).toBeGreaterThan(-30);
    expect(call.digits).toEqual([]);
  });

  it('[telnyx] recovery: a line that breaks is given another stream into the same conversation', async ({
    own,
    expect,
  }) => {
    const rig = own(await startTelnyxRig());
    const call = rig.callIn();
    await connected(rig);
    await sleep(1_000);
    call.stream?.breakLine();
    await connected(rig, 2);
    expect(actions(call)).toEqual(['answer', 'streaming_start']);
    expect(rig.of('call_started')).toHaveLength(1);
    expect(rig.model.sessions).toHaveLength(1);
    await asked(async () => (await rig.counter('stream_status_error')) === 1, 'the error is counted');
    await sleep(500);
    expect(call.isOver).toBe(false);
    expect(rig.lines.filter(({ msg }) => msg === 'carrier reports a stream error')).toMatchObject([
      { streamError: 'broken' },
    ]);
  });
});

/** Measured to milliseconds, so that no other call is beside it. */
describe('barge-in at Telnyx', () => {
  it(
    '[telnyx] clear: silences the agent at once, and what was heard is known to 40 ms',
    { timeout: 240_000 },
    ({ own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startTelnyxRig({
            model: { voice: { tone: AGENT_HZ, ms: 6_000, dbfs: -15 } },
            carrier: listener,
          }),
        );
        const call = rig.callIn();
        await until(() => rig.of('first_agent_audio')[0], 'the agent', 20_000);
        const loop = own(watchLoop());
        await hears(call, 2_000);
        heldBy(call).say(words());
        const bargeIn = await until(() => rig.of('barge_in')[0], 'the interruption');
        await sleep(1_000);
        const [interruption] = call.stream?.talk.interruptions.list ?? [];
        expect(interruption).toBeDefined();
        const offMs = Math.abs((bargeIn.heard[0]?.heardMs ?? 0) - (interruption?.heardMs ?? 0));
        loop.excuses(skip, offMs > 40, 40);
        expect(offMs).toBeLessThanOrEqual(40);
        expect(call.stream?.talk.stats.clears.length).toBeGreaterThanOrEqual(1);
        expect(faultsOf(call)).toEqual([]);
      }),
  );
});

describe.concurrent('a transfer at Telnyx', () => {
  const away = { carrier: { far: () => ({ outcome: 'answer' as const, ringMs: 200, talkMs: 60_000 }) } };

  it('[telnyx] transfer: by an operator, with words before it; our stream is taken away, and the call is the other’s', async ({
    own,
  }) => {
    const rig = own(await startTelnyxRig(away));
    const call = rig.callIn();
    await connected(rig);
    await sleep(500);
    const { id } = rig.of('call_started')[0]!.info;
    const body = { to: THEIRS, say: 'One moment.' };
    expect(await rig.operate(`/calls/${id}/transfer`, body)).toMatchObject({ status: 204 });
    expect(actions(call)).toEqual(['answer', 'speak', 'transfer', 'streaming_stop']);
    expect([call.dialled, call.said]).toEqual([[THEIRS], ['One moment.']]);
    await until(() => rig.of('transfer_started')[0], 'the caller away');
    await sleep(500);
    // Nobody asks for more of a caller who is being transferred.
    expect(actions(call)).toHaveLength(4);
    expect(call.isOver).toBe(false);
  });

  it.for([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
  ] as const)(
    '[telnyx] transfer: to a number that is %s brings the caller back to his agent',
    async ([outcome, how], { own }) => {
      const far = () => ({ outcome, ringMs: outcome === 'busy' ? 200 : 600_000 });
      const rig = own(await startTelnyxRig({ carrier: { far }, settings: { TRANSFER_RING_SECONDS: '5' } }));
      const call = rig.callIn();
      await connected(rig);
      await sleep(500);
      const { id } = rig.of('call_started')[0]!.info;
      expect(await rig.operate(`/calls/${id}/transfer`, { to: THEIRS })).toMatchObject({ status: 204 });
      await until(() => rig.of('connected').length === 2, 'the caller back');
      expect(rig.of('transfer_ended')).toMatchObject([{ n: 1, how }]);
      expect(actions(call)).toEqual(['answer', 'transfer', 'streaming_stop', 'streaming_start']);
      expect(rig.of('call_started')).toHaveLength(1);
    },
  );

  it('[telnyx] transfer: by the agent, after whose last words the stream is closed and the number rung', async ({
    own,
  }) => {
    const scenario = {
      turns: [
        {
          say: { tone: AGENT_HZ, toneMs: 400 },
          tools: [{ name: 'transfer_call', arguments: { destination: THEIRS } }],
          afterTools: { tone: AGENT_HZ, toneMs: 600 },
        },
      ],
    };
    const rig = own(await startTelnyxRig({ carrier: { ...away.carrier, ...listener }, scenario }));
    const call = rig.callIn();
    await hearsOut(call, 800);
    heldBy(call).say(words());
    await until(() => call.dialled.length > 0, 'the transfer', 20_000);
    expect(actions(call)).toEqual(['answer', 'transfer']);
    expect(call.dialled).toEqual([THEIRS]);
    expect(call.commands.at(-1)?.fields).toMatchObject({
      timeout_secs: expect.any(Number),
      time_limit_secs: expect.any(Number),
    });
  });

  it('the agent hangs up by closing the stream, and the carrier is told to', async ({ own }) => {
    const rig = own(
      await startTelnyxRig({
        settings: {
          SILENCE_SECONDS: '1',
          SILENCE_ASKS: '0',
          PROMPTS_DIR: join(import.meta.dirname, '../fixtures/prompts'),
        },
        carrier: { source: scriptSource([{ pauseMs: 60_000 }]) },
      }),
    );
    const call = rig.callIn();
    await connected(rig);
    await until(() => call.isOver, 'the carrier’s end', 20_000);
    expect(actions(call).at(-1)).toBe('hangup');
  });
});

describe.concurrent('a call that is ordered at Telnyx', () => {
  it('[telnyx] out: is placed, given a stream when somebody answers, and its machine detection told', async ({
    own,
    expect,
  }) => {
    const far = () => ({ outcome: 'answer' as const, ringMs: 100, machine: 'machine' as const });
    const rig = own(await startTelnyxRig({ carrier: { far } }));
    const order = { to: CALLER, machineDetection: 'detect' };
    const { status, body } = await rig.operate('/calls', order);
    expect(status).toBe(201);
    await connected(rig);
    const call = rig.telnyx.calls[0]!;
    expect(rig.of('call_started')[0]?.info).toMatchObject({ id: body['id'], direction: 'outbound', carrier: 'telnyx' });
    expect(rig.telnyx.requests[0]?.fields).toMatchObject({
      to: CALLER,
      from: OURS,
      answering_machine_detection: 'detect',
    });
    expect(actions(call)).toEqual(['streaming_start']);
    const view = async () => (await rig.operate(`/calls/${body['id']}`)).body;
    const byMachine = async () => (await view())['answeredBy'] === 'machine_start';
    await asked(byMachine, 'the carrier says who answered');
    expect(await view()).toMatchObject({ status: 'in-progress' });
    expect(await rig.operate(`/calls/${body['id']}/hangup`, {})).toMatchObject({ status: 204 });
    await until(() => call.isOver, 'the carrier’s end');
    await asked(async () => (await view())['status'] === 'completed', 'the order is over');
  });

  it.for([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
  ] as const)(
    '[telnyx] out: whom nobody answers, %s, has no conversation',
    async ([outcome, status], { own, expect }) => {
      const rig = own(await startTelnyxRig({ carrier: { far: () => ({ outcome, ringMs: 100 }) } }));
      const { body } = await rig.operate('/calls', { to: CALLER });
      const view = async () => (await rig.operate(`/calls/${body['id']}`)).body;
      await asked(async () => (await view())['status'] === status, 'the order is over');
      expect(rig.of('call_started')).toEqual([]);
    },
  );
});

describe.concurrent('a webhook in the name of Telnyx', () => {
  it('[telnyx] webhook signature: that is not signed, is old, is another’s or is a replay starts no call', async ({
    own,
  }) => {
    const rig = own(await startTelnyxRig());
    const { key } = rig.telnyx.side;
    const now = Math.floor(Date.now() / 1_000);
    const payload = { call_control_id: 'v3:x', direction: 'incoming', from: CALLER, to: OURS };
    const body = eventText('call.initiated', payload, Date.now(), PUBLIC);
    const post = async (headers: Record<string, string>, text = body) =>
      (
        await fetch(`${rig.url}/incoming-call`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: text,
        })
      ).status;
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const good = proofOf(key, now, body);
    expect(await post({})).toBe(403);
    expect(await post(proofOf(key, now - 301, body))).toBe(403);
    expect(await post(proofOf(stranger, now, body))).toBe(403);
    expect(await post(good, body.replace(CALLER, THEIRS))).toBe(403);
    expect(rig.of('call_started')).toEqual([]);
    expect(await post(good)).toBe(200);
    expect(await post(good)).toBe(403);
    expect(rig.of('call_started')).toHaveLength(1);
    // A repetition of the carrier's has a time of its own, and starts nothing either.
    expect(await post(proofOf(key, now + 1, body))).toBe(200);
    expect(rig.of('call_started')).toHaveLength(1);
  });
});
