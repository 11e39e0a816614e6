import { createHmac } from 'node:crypto';
import { describe, expect } from 'vitest';
import { peakDbfs } from '../../src/media/level.ts';
import { controlRig } from './control-rig.ts';
import { sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { WAIT_MS } from './waiting.ts';

const TO = '+12025551111';
const ELSEWHERE = '+12025553333';

/** Waits until the interface shows this. */
async function shows(look: () => Promise<unknown>, wanted: string, what: string): Promise<void> {
  let seen: unknown;
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await sleep(25)) {
    seen = await look();
    if (seen === wanted) return;
  }
  throw new Error(`waited in vain for: ${what}; seen was ${seen}`);
}

describe.each(['twilio', 'signalwire'] as const)('calls that are ordered, over %s', (name) => {
  it('[twilio, signalwire] out: POST /calls has the carrier open a media stream, who answered is told, and the conversation runs', async ({
    own,
  }) => {
    const rig = own(await controlRig(name));
    const order = {
      to: '+1 (202) 555-1111',
      prompt: 'reminder',
      variables: { name: 'Ada' },
      callbackUrl: rig.callbackUrl,
    };
    const placed = await rig.api(
      'POST',
      '/calls',
      { ...order, machineDetection: 'detect' },
      { 'idempotency-key': 'one' },
    );
    expect(placed).toMatchObject({ status: 201, body: { status: 'queued', to: TO, from: '+12025559999' } });
    const { id, carrierCallId } = placed.body;
    const call = rig.carrier.calls[0]!;
    expect(call).toMatchObject({ sid: carrierCallId, direction: 'outbound-api', to: TO });

    const stream = await until(() => call.stream, 'the carrier opens a media stream');
    await until(() => stream.ear.lastLoudMs !== undefined, 'the agent is heard');
    await until(() => (rig.model.sessions[0]?.receivedAudioMs ?? 0) > 1_800, 'the model hears the one who answered');
    expect(rig.plans).toEqual([{ callId: id, prompt: 'reminder', variables: { name: 'Ada' } }]);
    await shows(async () => (await rig.api('GET', `/calls/${id}`)).body.answeredBy, 'human', 'detection');
    expect((await rig.api('GET', '/calls')).body.calls).toMatchObject([
      { id, status: 'in-progress', answeredBy: 'human' },
    ]);

    const again = await rig.api(
      'POST',
      '/calls',
      { ...order, machineDetection: 'detect' },
      { 'idempotency-key': 'one' },
    );
    expect(again.body.id).toBe(id);
    expect(rig.carrier.calls).toHaveLength(1);

    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    await call.done;
    expect(call.status).toBe('completed');
    await until(() => rig.received.length > 0, 'the callback comes');
    const { body, headers } = rig.received[0]!;
    expect(body).toMatchObject({
      type: 'call.ended',
      call: { id, status: 'completed', answeredBy: 'human', end: { reason: expect.stringMatching(/hangup/) } },
    });
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${JSON.stringify(body)}`;
    const expected = createHmac('sha256', 'callback-secret').update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    expect((await rig.api('GET', '/calls?state=ended')).body.calls).toMatchObject([{ id, status: 'completed' }]);
    expect(rig.calls.size).toBe(0);

    // The one who answered says a tone, and the model heard it.
    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, 440)).toBeGreaterThan(300);
    const heard = call.recordedChannels()!;
    expect(peakDbfs(heard.agent)).toBeGreaterThan(-30);
    expect(call.streams[0]).toMatchObject({ faultCount: 0, codec: name === 'twilio' ? 'PCMU@8000' : 'L16@24000' });
    expect(rig.lines.join('')).not.toMatch(/2025551111|2025559999|admin-token|rest-token|Ada/);
  });

  it('a forbidden destination is refused with a reason, and the carrier hears nothing', async ({ own }) => {
    const rig = own(await controlRig(name));
    for (const [to, reason] of [
      ['+49 30 1234567', 'not_listed'],
      ['+1 900 555 1234', 'premium_rate'],
      ['12', 'not_e164'],
    ])
      expect(await rig.api('POST', '/calls', { to })).toMatchObject({
        status: 403,
        body: { error: { code: 'DESTINATION_REFUSED', reason, message: expect.any(String) } },
      });
    expect(rig.carrier.requests).toEqual([]);
  });

  it('transfers a call: it goes on elsewhere, and the bridge is out of it', async ({ own }) => {
    const rig = own(await controlRig(name));
    const { id } = (await rig.api('POST', '/calls', { to: TO })).body;
    const call = rig.carrier.calls[0]!;
    await until(() => call.stream, 'the media stream');
    const answer = await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE, say: 'One moment.' });
    expect(answer).toEqual({ status: 204, body: undefined });
    await until(() => call.isOver, 'the transfer is done');
    expect(call.dialled).toEqual([ELSEWHERE]);
    await until(() => rig.calls.size === 0, 'the conversation is over');
    expect(await rig.api('POST', `/calls/${id}/say`, { text: 'Hello' })).toMatchObject({
      status: 409,
      body: { error: { code: 'CALL_ENDED' } },
    });
  });

  it('controls calls that came in as well', async ({ own }) => {
    const rig = own(await controlRig(name));
    const call = rig.carrier.callIn({
      from: TO,
      to: '+12025559999',
      webhookUrl: 'https://voice.example.com/incoming-call',
    });
    await until(() => call.stream, 'the media stream');
    await shows(async () => (await rig.api('GET', '/calls')).body.calls[0]?.status, 'in-progress', 'the answered call');
    const [shown] = (await rig.api('GET', '/calls')).body.calls;
    expect(shown).toMatchObject({ direction: 'inbound', carrierCallId: call.sid, from: TO, status: 'in-progress' });
    expect((await rig.api('POST', `/calls/${shown.id}/transfer`, { to: ELSEWHERE })).status).toBe(204);
    await until(() => call.dialled.length > 0, 'the transfer');
    expect(call.dialled).toEqual([ELSEWHERE]);
    await shows(async () => (await rig.api('GET', `/calls/${shown.id}`)).body.status, 'completed', 'the end');
  });

  it('hangs up a call that rings', async ({ own }) => {
    const rig = own(await controlRig(name, { far: () => ({ outcome: 'answer', ringMs: 5_000 }) }));
    const { id } = (await rig.api('POST', '/calls', { to: TO, callbackUrl: rig.callbackUrl })).body;
    const call = rig.carrier.calls[0]!;
    await shows(async () => (await rig.api('GET', `/calls/${id}`)).body.status, 'ringing', 'it rings');
    expect(await rig.api('POST', `/calls/${id}/say`, { text: 'x' })).toMatchObject({ status: 409 });
    expect((await rig.api('POST', `/calls/${id}/hangup`)).status).toBe(204);
    expect(call.isOver).toBe(true);
    await until(() => rig.received.length > 0, 'the callback comes');
    expect(rig.received[0]?.body.call).toMatchObject({ id, status: 'canceled' });
    expect(rig.plans).toEqual([]);
  });

  it.each(['busy', 'no-answer', 'failed'] as const)(
    '[twilio, signalwire] out: a call that nobody answers is told of as %s, and has no conversation',
    async (outcome) => {
      const rig = await controlRig(name, { far: () => ({ outcome, ringMs: 10 }) });
      try {
        const { id } = (await rig.api('POST', '/calls', { to: TO, callbackUrl: rig.callbackUrl })).body;
        await until(() => rig.received.length > 0, 'the callback comes');
        expect(rig.received[0]?.body.call).toMatchObject({ id, status: outcome });
        await sleep(50);
        expect(rig.received).toHaveLength(1);
        expect((await rig.api('GET', '/calls')).body.calls).toEqual([]);
      } finally {
        await rig.close();
      }
    },
  );

  it('a lost answer rings nobody twice, and whoever answers is known', async ({ own }) => {
    const rig = own(await controlRig(name));
    rig.carrier.faults.add({ kind: 'lost-answer' });
    const order = { to: TO, prompt: 'reminder' };
    const key = { 'idempotency-key': 'one' };
    for (let i = 0; i < 2; i++)
      expect(await rig.api('POST', '/calls', order, key)).toMatchObject({
        status: 502,
        body: { error: { code: 'CONTROL_UNAVAILABLE', uncertain: true } },
      });
    expect(rig.carrier.calls).toHaveLength(1);
    await until(() => rig.carrier.calls[0]?.stream, 'the media stream');
    expect(rig.plans).toMatchObject([{ prompt: 'reminder' }]);
    // The carrier tells of it in a callback, beside the stream.
    await shows(
      async () => (await rig.api('GET', '/calls')).body.calls[0]?.status,
      'in-progress',
      'that it is answered',
    );
    expect((await rig.api('GET', '/calls')).body.calls).toMatchObject([
      { carrierCallId: rig.carrier.calls[0]?.sid, status: 'in-progress' },
    ]);
  });

  it(name === 'twilio' ? 'says that digits cannot be had' : 'sends digits over the media stream', async ({ own }) => {
    const rig = own(await controlRig(name));
    const { id } = (await rig.api('POST', '/calls', { to: TO })).body;
    const call = rig.carrier.calls[0]!;
    await until(() => call.stream, 'the media stream');
    await until(() => call.stream?.ear.lastLoudMs !== undefined, 'the agent is heard');
    const answer = await rig.api('POST', `/calls/${id}/digits`, { digits: '4w2' });
    if (name === 'twilio') {
      expect(answer).toMatchObject({ status: 501, body: { error: { code: 'CONTROL_UNSUPPORTED' } } });
      expect(call.stream).toBeDefined();
    } else {
      expect(answer.status).toBe(204);
      const heard = () => call.timeline.entries.filter(({ what }) => what === 'dtmf').map(({ text }) => text);
      await until(() => heard().length >= 2, 'the digits arrive');
      expect(heard().join(' ')).toMatch(/4.*2/);
    }
  });
});
