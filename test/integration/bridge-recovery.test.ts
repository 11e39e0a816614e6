import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type PhoneOptions, scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import type { ScenarioInput } from '../../src/simulator/realtime/index.ts';
import { converse, hears, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { type Rig, startRig, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What becomes of a caller when the network or the model fails: never silence, never a stuck call, and one record each time. */

const AGENT_HZ = 620;
const CALLER_HZ = 1_020;
const voice = { tone: AGENT_HZ, ms: 1_000, dbfs: -15 };

/** What is measured here is more than this, so that it takes longer where all ends of a call stand still for so long. */
const STOOD_MS = 100;

/** Milliseconds of anything audible in the agent's channel. */
function audibleMs(samples: Int16Array, rate: number): number {
  let ms = 0;
  for (let at = 0; at + rate / 50 <= samples.length; at += rate / 50) {
    if (samples.subarray(at, at + rate / 50).some((s) => Math.abs(s) > 300)) ms += 20;
  }
  return ms;
}

/** A call of one who hears the agent to its end, and hangs up. */
async function heardCall(rig: Rig, options: Partial<PhoneOptions> = {}) {
  const { phone, report } = rig.call({ source: silenceSource(), ...options });
  await hearsOut(phone, 500);
  phone.hangUp();
  return { phone, report: await report };
}

describe.concurrent('the transport to the model', () => {
  it(
    'falls back to the WebSocket within 3 s when UDP is blocked, and the next callers do not wait',
    { timeout: 240_000 },
    ({ own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(await startRig({ transport: 'webrtc', model: { voice, udp: 'block' } }));
        const loop = own(watchLoop());
        const first = rig.call({ source: silenceSource() });
        await converse(first.phone, toneSource(CALLER_HZ, { ms: 1_000 }));
        const report = await first.report;
        expect(report.ok).toBe(true);
        const { fromCallStartMs } = report.firstAgentAudio;
        loop.excuses(skip, Number(fromCallStartMs) >= 3_300, STOOD_MS);
        expect(fromCallStartMs).toBeLessThan(3_300);
        const [fallback] = rig.agentEvents('transport_fallback');
        expect(fallback).toMatchObject({ from: 'webrtc', to: 'websocket', reason: 'PEER_CONNECT_TIMEOUT' });
        expect(rig.lines.some((line) => line['msg'] === 'the transport to the model fell back')).toBe(true);
        const heard = first.phone.recordedChannels();
        expect(
          toneAloneMs(heard?.agent ?? new Int16Array(), heard?.sampleRate ?? 8000, AGENT_HZ),
        ).toBeGreaterThanOrEqual(1_500);

        const { fromCallStartMs: nextMs } = (await heardCall(rig)).report.firstAgentAudio;
        loop.excuses(skip, Number(nextMs) >= 800, STOOD_MS);
        expect(nextMs).toBeLessThan(800);
      }),
  );

  it('waits for an answer that comes from far away, and stays on WebRTC', async ({ own }) => {
    const rig = own(
      await startRig({
        transport: 'webrtc',
        model: { voice },
        scenario: { faults: [{ fault: 'delay_sdp', ms: 2_500 }] },
      }),
    );
    const { report } = await heardCall(rig);
    expect(report.ok).toBe(true);
    expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual(['webrtc']);
  });

  it('falls back for one call whose answer never comes, and the next one has WebRTC', async ({ own }) => {
    const rig = own(
      await startRig({
        transport: 'webrtc',
        model: { voice },
        settings: { WEBRTC_TIMEOUT_MS: '1200' },
        scenario: { faults: [{ fault: 'delay_sdp', sessions: [1], ms: 4_000 }] },
      }),
    );
    await heardCall(rig);
    expect(rig.agentEvents('transport_fallback')).toMatchObject([{ reason: 'MODEL_TIMEOUT' }]);
    await heardCall(rig);
    expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual(['websocket', 'webrtc']);
  });

  it(
    'takes the WebSocket for a prompt that no data channel takes, and WebRTC stays open to others',
    { timeout: 240_000 },
    ({ own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const prompts = mkdtempSync(join(tmpdir(), 'voicebridge-prompts-'));
        writeFileSync(join(prompts, 'default.md'), 'Be brief.\n');
        writeFileSync(join(prompts, 'large.md'), `Be brief. ${'Know this. '.repeat(28_000)}\n`);
        writeFileSync(
          join(prompts, 'routes.yaml'),
          "routes:\n  - name: large\n    to: '+15005550009'\n    prompt: large\n  - name: all\n    prompt: default\n",
        );
        const rig = own(
          await startRig({
            transport: 'webrtc',
            model: { voice },
            settings: { PROMPTS_DIR: prompts, ROUTES_FILE: join(prompts, 'routes.yaml') },
          }),
        );
        const loop = own(watchLoop());
        const { report: large } = await heardCall(rig, { to: '+15005550009' });
        expect(large.ok).toBe(true);
        const { fromCallStartMs } = large.firstAgentAudio;
        loop.excuses(skip, Number(fromCallStartMs) >= 3_000, STOOD_MS);
        expect(fromCallStartMs).toBeLessThan(3_000);
        const other = await heardCall(rig);
        expect(other.report.ok).toBe(true);
        expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual(['websocket', 'webrtc']);
        expect(rig.agentEvents('transport_fallback')).toMatchObject([{ reason: 'MODEL_SESSION_TOO_LARGE' }]);
        // The call's own key may not hang up: the standard key does.
        await until(() => rig.model.sessions[1]?.endReason, 'the end of the session');
        expect(rig.model.sessions[1]?.endReason).toBe('hangup');
      }),
  );

  it('falls back when the SDP exchange is refused', async ({ own }) => {
    const rig = own(
      await startRig({
        transport: 'webrtc',
        model: { voice },
        scenario: { faults: [{ fault: 'refuse_sdp', status: 500 }] },
      }),
    );
    const { report } = await heardCall(rig);
    expect(report.ok).toBe(true);
    expect(rig.agentEvents('ready').map((e) => e['transport'])).toEqual(['websocket']);
  });

  it('is built again when the data channel closes while media go on', async ({ own }) => {
    const rig = own(
      await startRig({
        transport: 'webrtc',
        model: { voice },
        scenario: { faults: [{ fault: 'close_channel', sessions: [1], afterMs: 2_500 }] },
      }),
    );
    const { report, phone } = rig.call({ source: silenceSource() });
    await hearsOut(phone, 500);
    await until(() => rig.agentEvents('ready').length === 2, 'the session to be back');
    const before = await hearsOut(phone, 500);
    const { length = 0 } = phone.recordedChannels()?.agent ?? {};
    phone.say(toneSource(CALLER_HZ, { ms: 1_000 }));
    await hearsOut(phone, before + 500);
    phone.hangUp();
    const result = await report;
    expect(result.ok).toBe(true);
    const ready = rig.agentEvents('ready');
    expect(ready.map((e) => e['resumed'])).toEqual([false, true]);
    // The caller's turn after the break was answered.
    const heard = phone.recordedChannels();
    if (heard === undefined) throw new Error('no recording');
    const late = heard.agent.subarray(length);
    expect(toneAloneMs(late, 8_000, AGENT_HZ)).toBeGreaterThanOrEqual(800);
  });

  it.for(TRANSPORTS)(
    'is built again when the session drops in the middle of a sentence: %s',
    { timeout: 240_000 },
    (transport, { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startRig({
            transport,
            model: { voice: { ...voice, ms: 4_000 } },
            scenario: { faults: [{ fault: 'drop', sessions: [1], from: 'speech', afterMs: 1_500 }] },
          }),
        );
        const loop = own(watchLoop());
        const { phone, report } = rig.call({ source: silenceSource() });
        await until(() => rig.agentEvents('ready').length === 2, 'the session to be back');
        // More than was said before it dropped.
        await hears(phone, 2_500);
        phone.hangUp();
        const result = await report;
        expect(result.ok).toBe(true);
        const ready = rig.agentEvents('ready');
        expect(ready.map((e) => e['resumed'])).toEqual([false, true]);
        // The gap the caller hears stays within 3 s, and the agent goes on speaking by itself.
        const spoke = result.streams[0]?.agentSpoke ?? [];
        expect(spoke.length).toBeGreaterThanOrEqual(1);
        const gaps = spoke.slice(1).map(({ fromMs }, i) => fromMs - (spoke[i]?.toMs ?? 0));
        loop.excuses(
          skip,
          gaps.some((ms) => ms >= 3_000),
          STOOD_MS,
        );
        for (const ms of gaps) expect(ms).toBeLessThan(3_000);
        await until(() => rig.of('call_ended')[0], 'the end of the call');
        expect(rig.of('call_ended')).toHaveLength(1);
      }),
  );
});

describe.concurrent('a model that cannot be had', () => {
  it.for([
    ['a refused key', { fault: 'refuse_key', status: 401, code: 'invalid_api_key' }, 'model-auth'],
    ['an exhausted quota', { fault: 'refuse_key', status: 429, code: 'insufficient_quota' }, 'model-quota'],
    ['a failing service', { fault: 'refuse_key', status: 500 }, 'model-unavailable'],
  ] as const)(
    'apologises in words, then hands over to the carrier: %s',
    { timeout: 240_000 },
    ([, fault, reason], { own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startRig({
            scenario: { faults: [fault] },
            settings: { FALLBACK_DIAL: '+15005550009', FALLBACK_SAY: 'Fallback words.' },
          }),
        );
        const loop = own(watchLoop());
        const { phone, report } = rig.call({ source: silenceSource() });
        const result = await report;
        const heard = phone.recordedChannels();
        expect(audibleMs(heard?.agent ?? new Int16Array(), 8_000)).toBeGreaterThan(2_000);
        const { fromCallStartMs } = result.firstAgentAudio;
        loop.excuses(skip, Number(fromCallStartMs) >= 5_500, STOOD_MS);
        expect(fromCallStartMs).toBeLessThan(5_500);
        const verbs = result.timeline.map((entry) => `${entry.what} ${entry.text}`).join('\n');
        expect(verbs).toContain('Fallback words.');
        expect(verbs).toContain('+15005550009');
        const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
        expect(ended.end.reason).toBe(reason);
        expect(rig.of('call_ended')).toHaveLength(1);
        expect(JSON.stringify(rig.lines)).not.toMatch(/canary|ek_[a-z0-9]{6}/i);
      }),
  );

  it('is not tried by every caller: after two refusals in a row the next hears the apology at once', async ({
    own,
  }) => {
    const rig = own(
      await startRig({
        scenario: { faults: [{ fault: 'refuse_key', status: 401 }] },
        settings: { FALLBACK_DIAL: '+15005550009', FALLBACK_SAY: 'Fallback words.' },
      }),
    );
    const ready = async () => (await fetch(`${rig.url}/ready`)).json();
    expect(await ready()).toEqual({ status: 'ok' });
    await Promise.all([1, 2].map(() => rig.call({ source: silenceSource() }).report));
    await until(() => rig.of('call_ended').length === 2, 'both calls are over');
    expect(await ready()).toEqual({ status: 'model-refuses' });

    const spared = await rig.call({ source: silenceSource() }).report;
    const verbs = spared.timeline.map((entry) => `${entry.what} ${entry.text}`).join('\n');
    expect(verbs).toContain('Fallback words.');
    expect(verbs).toContain('+15005550009');
    expect(spared.streams).toHaveLength(0);
    expect(rig.of('call_started')).toHaveLength(2);
    expect(rig.lines.some(({ msg }) => msg === 'the model refuses calls; the next get the apology at once')).toBe(true);
  });

  it('is asked again within the budget when it is only busy for a moment', async ({ own }) => {
    const rig = own(
      await startRig({
        model: { voice },
        scenario: { faults: [{ fault: 'refuse_key', sessions: [1], status: 429, retryAfterSeconds: 1 }] },
      }),
    );
    const { report } = await heardCall(rig);
    expect(report.ok).toBe(true);
    expect(rig.agentEvents('ready')).toHaveLength(1);
    expect(await rig.counter('model_retry')).toBeGreaterThanOrEqual(1);
  });

  it('ends before noise is heard when the confirmed audio format is another than the leg sends', async ({ own }) => {
    const rig = own(
      await startRig({ model: { voice }, scenario: { faults: [{ fault: 'other_format', format: 'audio/pcm' }] } }),
    );
    const { phone, report } = rig.call({ source: silenceSource() });
    await report;
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end.reason).toBe('model-format-mismatch');
    // The apology was heard, and none of the model's audio.
    const heard = phone.recordedChannels();
    expect(audibleMs(heard?.agent ?? new Int16Array(), 8_000)).toBeGreaterThan(2_000);
    expect(toneAloneMs(heard?.agent ?? new Int16Array(), 8_000, AGENT_HZ)).toBe(0);
  });
});

describe.concurrent('a session that the model does not hold as it was asked', () => {
  const never: Array<[string, ScenarioInput['faults'], string]> = [
    ['refused without a word of which event', [{ fault: 'refuse_session_update' }], 'model-rejected'],
    [
      'confirmed with other instructions',
      [{ fault: 'other_session', instructions: 'Be a pirate.' }],
      'model-unconfirmed',
    ],
    ['confirmed without its tools', [{ fault: 'other_session', tools: 'none' }], 'model-unconfirmed'],
    ['never confirmed', [{ fault: 'ignore_session_update' }], 'model-unconfirmed'],
  ];
  it.each(never)('is not spoken through, and the caller hears the apology: %s', async (_how, faults, reason) => {
    const rig = await startRig({ model: { voice }, scenario: { faults } });
    try {
      const { phone, report } = rig.call({ source: silenceSource() });
      await report;
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end.reason).toBe(reason);
      const heard = phone.recordedChannels()?.agent ?? new Int16Array();
      expect(audibleMs(heard, 8_000)).toBeGreaterThan(2_000);
      expect(toneAloneMs(heard, 8_000, AGENT_HZ)).toBe(0);
    } finally {
      await rig.close();
    }
  });

  it('is asked for again, and the call goes on when the second request is taken', async ({ own }) => {
    const rig = own(
      await startRig({ model: { voice }, scenario: { faults: [{ fault: 'refuse_session_update', times: 1 }] } }),
    );
    const { phone, report } = await heardCall(rig);
    expect(report.ok).toBe(true);
    expect(rig.model.sessions[0]?.received.filter(({ type }) => type === 'session.update')).toHaveLength(2);
    expect(toneAloneMs(phone.recordedChannels()?.agent ?? new Int16Array(), 8_000, AGENT_HZ)).toBeGreaterThan(500);
  });

  it('over WebRTC is looked for over the WebSocket', async ({ own }) => {
    const rig = own(
      await startRig({
        transport: 'webrtc',
        model: { voice },
        scenario: { faults: [{ fault: 'other_session', sessions: [1], tools: 'none' }] },
      }),
    );
    const { phone, report } = await heardCall(rig);
    expect(report.ok).toBe(true);
    expect(rig.model.sessions.map((session) => session.transport)).toEqual(['webrtc', 'websocket']);
    expect(rig.agentEvents('transport_fallback')).toMatchObject([{ reason: 'MODEL_SESSION_UNCONFIRMED' }]);
    expect(toneAloneMs(phone.recordedChannels()?.agent ?? new Int16Array(), 8_000, AGENT_HZ)).toBeGreaterThan(500);
  });
});

describe.concurrent("the caller's line", () => {
  it.for(['twilio', 'signalwire'] as const)(
    '[twilio, signalwire] recovery: a line that breaks is opened again into the same session, and the conversation goes on: %s',
    async (carrier, { own }) => {
      const rig = own(await startRig({ model: { voice } }));
      const source = scriptSource([{ pauseMs: 2_000 }, toneSource(CALLER_HZ, { ms: 800 }), { pauseMs: 1_500 }], {
        endless: true,
      });
      const { phone, report } = rig.call({ carrier, source });
      await until(() => rig.agentEvents('response_done').length > 0, 'the greeting');
      // As a cut line: no stop, no closing handshake.
      phone.stream?.breakLine();
      await until(() => rig.of('caller_joined').length === 2, 'the caller back');
      await until(() => phone.stream?.ear.lastLoudMs, 'the agent to be heard again');
      phone.hangUp();
      const result = await report;
      expect(result.streams).toHaveLength(2);
      expect(rig.model.sessions).toHaveLength(1);
      expect(rig.of('caller_joined').map((e) => e.again)).toEqual([false, true]);
      expect(result.streams[1]?.agentSpoke.length).toBeGreaterThan(0);
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
      expect(ended.end.reason).toBe('caller-hangup');
    },
  );

  it('may never open: the prepared session is dropped after its time', async ({ own }) => {
    const rig = own(await startRig({ settings: { STREAM_TIMEOUT_MS: '3000' } }));
    const answer = await fetch(`${rig.url}/incoming-call`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'CallSid=CA00000000000000000000000000000001&AccountSid=AC1&From=%2B15005550006&To=%2B15005550001',
    });
    expect(await answer.text()).toContain('<Stream ');
    await until(() => rig.model.sessions.length > 0, 'the prepared session');
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call', 12_000);
    expect(ended.end.reason).toBe('no-stream');
    await until(() => rig.model.sessions.every((s) => !s.live), 'the end of the session');
    expect(rig.app.calls.size).toBe(0);
  });
});
