import { describe, expect } from 'vitest';
import { lamlSignature } from '../../src/callers/phone/carriers/laml/signature.ts';
import { tideSignature } from '../fixtures/kinds/carrier/signature.ts';
import { hearsOut } from './agent-heard.ts';
import { type KindsRig, PUBLIC, startKindsRig, TIDE_SECRET } from './kinds-rig.ts';
import { OPERATOR } from './operator.ts';
import { asked, loudestTone, sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A made-up carrier and a made-up agent, joined by the tables alone: what a new kind needs is there without an edit of the daemon. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 700;

it('opens the kind of agent that is named, and none that nobody is answered by', async ({ own }) => {
  const { app } = own(await startKindsRig());
  expect(app.agents.opened.map(({ model }) => model)).toEqual(['buoy-1']);
});

describe.each(['burst', 'live'] as const)('a call between made-up kinds, its agent of %s pace', (pace) => {
  it('carries each side’s tone to the other, alone, and ends cleanly', async ({ own }) => {
    const rig = own(await startKindsRig());
    const to = pace === 'live' ? '12025550101' : '12025550100';
    const call = await rig.tide.callIn('c-1', { hz: CALLER_HZ, to });
    await until(() => rig.of('connected')[0], 'both ends on the line');
    await until(() => rig.of('agent').some(({ event }) => event.type === 'response_done'), 'the greeting said');
    const ear = { recordedChannels: () => ({ sampleRate: call.rate, agent: call.heard() }) };
    const greeting = await hearsOut(ear, 1_250);
    call.speak(true);
    await sleep(1_500);
    call.speak(false);
    const session = rig.buoys.sessions[0]!;
    await until(() => session.talks === 2, 'the answer');
    await hearsOut(ear, greeting + 1_250);
    call.hangUp();
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    expect(session.hello).toMatchObject({ instructions: 'You are a buoy.', tone: AGENT_HZ, pace });

    expect(toneAloneMs(call.heard(), call.rate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
    expect(loudestTone(call.heard(), call.rate, CALLER_HZ)).toBeLessThan(-50);
    expect(toneAloneMs(session.heard(), 16_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(session.heard(), 16_000, AGENT_HZ)).toBeLessThan(-50);
    expect(call.oddFrames).toBe(0);

    await until(() => session.closed, 'the agent closed');
    expect(rig.app.calls.size).toBe(0);
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});

/** Calls, and waits until both ends are on the line. */
async function connected(rig: KindsRig, id = 'c-1') {
  const call = await rig.tide.callIn(id, { hz: CALLER_HZ });
  await until(() => rig.of('connected').length === rig.tide.calls.length, 'both ends on the line');
  return { call, callId: rig.of('call_started').at(-1)!.info.id };
}

const ended = (rig: KindsRig) => until(() => rig.of('call_ended')[0], 'the end of the call');

async function operate(rig: KindsRig, path: string, body?: object) {
  const answer = await fetch(rig.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...OPERATOR, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe.concurrent('a caller of the made-up carrier', () => {
  it('is answered by the agent that his route names by more than its kind, without a prompt', async ({ own }) => {
    const rig = own(await startKindsRig());
    const call = await rig.tide.callIn('c-1', { hz: CALLER_HZ, to: '12025550102' });
    await until(() => rig.of('connected')[0], 'both ends on the line');
    expect(rig.buoys.sessions[0]!.hello).toMatchObject({ instructions: '', berth: 'north', depth: 4 });
    const { info } = rig.of('call_started')[0]!;
    expect([info.route, info.prompt, info.model]).toEqual(['moored', undefined, 'buoy-north']);
    call.hangUp();
    await until(() => rig.of('call_ended')[0], 'the end of the call');
  });

  it('silences the agent by the carrier’s own message, and presses keys that the agent cannot take', async ({
    own,
  }) => {
    const rig = own(await startKindsRig({ talkMs: 6_000 }));
    const { call } = await connected(rig);
    await until(() => call.heard().some((sample) => sample !== 0), 'the agent heard');
    await sleep(1_000);
    call.press('5');
    call.speak(true);
    const [bargeIn] = await until(() => rig.of('barge_in').length > 0 && rig.of('barge_in'), 'the interruption');
    await until(() => call.told.some(({ action }) => action === 'clear'), 'the carrier’s clear');
    expect(bargeIn?.heard[0]?.heardMs).toBeGreaterThan(500);
    await sleep(100);
    expect(call.waitingMs).toBe(0);
    expect(call.clearedMs).toBeGreaterThan(0);
    expect(rig.buoys.sessions[0]?.hushes).toBe(1);
    await sleep(2_500);
    call.hangUp();
    expect((await ended(rig)).counters).toMatchObject({ barge_in: 1, turn_not_taken: 1 });
  });

  it('leaves a record with the names of both kinds, and metrics', async ({ own, expect }) => {
    const rig = own(await startKindsRig());
    const { call, callId } = await connected(rig);
    await sleep(500);
    call.hangUp();
    await ended(rig);
    const record = async () => (await operate(rig, `/records/${callId}`)).body?.record;
    await asked(async () => typeof (await record())?.endedAt === 'string', 'the record is closed');
    expect(await record()).toMatchObject({
      carrier: 'tide',
      carrierCallId: 'c-1',
      from: '+12025550143',
      to: '+12025550100',
      route: 'all',
      prompt: 'buoy',
      model: 'buoy-1',
      transports: ['line'],
      result: 'success',
      reason: 'caller-hangup',
      currency: 'EUR',
    });
    // Six a minute, from when its media came: half a second and what the call took around it.
    const { cost, durationMs, startedAt, answeredAt } = await record();
    const talkMs = durationMs - (Date.parse(answeredAt) - Date.parse(startedAt));
    expect(talkMs).toBeGreaterThanOrEqual(490);
    expect(cost).toBeGreaterThan(0.045);
    expect(Math.abs(cost - talkMs / 10_000)).toBeLessThan(0.000_2);
    expect(rig.lines.filter(({ msg }) => String(msg).includes('price'))).toMatchObject([]);
    expect(rig.of('caller_joined')).toMatchObject([{ kind: 'tide' }]);
    expect(rig.of('connected')[0]?.audioPath).toMatch(/^up: tide -> .*buoy; down: buoy -> .*tide$/);
    const metrics = await rig.metrics();
    expect(metrics).toContain('voicebridge_calls_ended_total{result="success",reason="caller-hangup"} 1');
    expect(metrics).toContain('voicebridge_call_setup_seconds_count{transport="line"} 1');
  });
});

describe.concurrent('an operator', () => {
  it('has keys played, connects the caller to a number, who comes back, and hangs up', async ({ own }) => {
    const rig = own(await startKindsRig());
    const { call, callId } = await connected(rig);
    expect(await operate(rig, `/calls/${callId}/digits`, { digits: '12' })).toMatchObject({ status: 204 });
    // Its socket carries no keys to the caller: they go as tones. One of a 1 has 1209 Hz.
    await until(() => loudestTone(call.heard(), call.rate, 1_209) > -30, 'the keys');
    expect(await operate(rig, `/calls/${callId}/say`, { text: 'Hello.' })).toMatchObject({ status: 501 });
    expect(await operate(rig, `/calls/${callId}/transfer`, { to: '+12025550199' })).toMatchObject({ status: 204 });
    const dial = await until(() => call.steps.find(({ action }) => action === 'dial'), 'the transfer');
    expect(dial['to']).toBe('+12025550199');
    await until(() => rig.of('transfer_started')[0], 'the caller away');
    // Nobody answers.
    await call.transferEnds('no-answer');
    await until(() => rig.of('connected').length === 2, 'the caller back');
    expect(rig.of('transfer_ended')).toMatchObject([{ n: 1, how: 'no-answer' }]);
    expect(await operate(rig, `/calls/${callId}/hangup`, {})).toMatchObject({ status: 204 });
    expect((await ended(rig)).end).toMatchObject({ reason: 'operator-hangup' });
    await until(() => call.isOver, 'the carrier’s end');
  });

  it('has the doctor look at both kinds from within, and at files that name them', async ({ own }) => {
    const rig = own(await startKindsRig());
    const asked = await fetch(`${rig.url}/setup/doctor`, { method: 'POST', headers: OPERATOR });
    const results = (await asked.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const seen = (name: string) => results.find((result) => result.name === name);
    expect(seen('agent files')).toMatchObject({ status: expect.stringMatching(/pass|warn/) });
    expect(seen('buoy')).toMatchObject({ status: 'pass' });
    expect(seen('tide account')).toMatchObject({ status: 'pass' });
  });
});

describe.concurrent('an ordered call', () => {
  it('is placed over the made-up carrier’s API, answered by the agent, and told of', async ({ own }) => {
    const settings = { OUTBOUND_CARRIER: 'tide', OUTBOUND_FROM: '+12025550100' };
    const rig = own(await startKindsRig({ settings }));
    const { status, body } = await operate(rig, '/calls', { to: '+12025550143' });
    expect(status).toBe(201);
    await until(() => rig.of('connected')[0], 'both ends on the line');
    const call = rig.tide.calls[0]!;
    expect(rig.of('call_started')[0]?.info).toMatchObject({ id: body.id, direction: 'outbound', carrier: 'tide' });
    await until(() => call.heard().some((sample) => sample !== 0), 'the agent heard');
    call.hangUp();
    expect((await ended(rig)).end).toMatchObject({ reason: 'caller-hangup' });
  });
});

describe.concurrent('an agent that cannot be asked for words', () => {
  it('holds up no end: the process drains in no time, and the caller hears the apology', async ({ own }) => {
    const rig = own(await startKindsRig());
    await connected(rig);
    const began = performance.now();
    await rig.app.drain(0);
    // The apology is recorded, and has some seconds; a goodbye in words would have been waited for until 12 s.
    expect(performance.now() - began).toBeLessThan(9_000);
    expect(rig.of('call_ended')[0]?.end).toMatchObject({ reason: 'drained' });
    await until(() => rig.buoys.sessions[0]?.closed, 'the agent closed');
  });

  it('ends a line on which nobody speaks, after the first silence', async ({ own }) => {
    const rig = own(await startKindsRig({ talkMs: 200, settings: { SILENCE_SECONDS: '1' } }));
    const { call } = await connected(rig);
    expect((await ended(rig)).end).toMatchObject({ reason: 'caller-silent' });
    await until(() => call.isOver, 'the carrier’s end');
    expect(call.steps.at(-1)).toEqual({ action: 'hangup' });
  });
});

describe.concurrent('a carrier that is answered over its API', () => {
  it('is put on the stream and hung up there', async ({ own }) => {
    const rig = own(await startKindsRig({ settings: { TIDE_ANSWERS: 'rest', SILENCE_SECONDS: '1' }, talkMs: 200 }));
    const { call } = await connected(rig);
    expect(rig.tide.asked[0]?.steps).toMatchObject([{ action: 'stream' }]);
    expect((await ended(rig)).end).toMatchObject({ reason: 'caller-silent' });
    await until(() => call.isOver, 'the carrier’s end');
    expect(rig.tide.asked.at(-1)?.steps).toEqual([{ action: 'hangup' }]);
  });
});

const FORM = { CallSid: 'c-1', AccountSid: 'a-3', From: '+12025550143', To: '+12025550100', Direction: 'inbound' };

/** The same call's id, at one of the daemon's own carriers. */
async function atTwilio(rig: KindsRig, path: string, more: Record<string, string>, secret?: string) {
  const params = { ...FORM, ...more };
  const answer = await fetch(rig.url + path, {
    method: 'POST',
    headers: secret === undefined ? {} : { 'x-twilio-signature': lamlSignature(secret, PUBLIC + path, params) },
    body: new URLSearchParams(params),
  });
  return { status: answer.status, text: await answer.text() };
}

const TWILIO = 'auth-token-of-twilio';

describe.concurrent('webhooks', () => {
  it('that the made-up carrier did not sign are refused as any carrier’s are', async ({ own }) => {
    const rig = own(await startKindsRig({ settings: { TWILIO_AUTH_TOKEN: TWILIO } }));
    const now = Math.floor(Date.now() / 1_000);
    const signed = (secret: string, seconds: number, body: string) => ({
      'x-tide-signature': tideSignature(secret, seconds, body),
    });
    const body = JSON.stringify({
      event: 'call.offered',
      account: 'a-3',
      call: 'c-9',
      from: '12025550143',
      to: '12025550100',
    });
    const refused = [
      await rig.tide.post('call.offered', 'c-9', {}, { 'x-tide-signature': '' }),
      await rig.tide.post('call.offered', 'c-9', {}, signed('another', now, body)),
      // Of an hour ago, and of another body.
      await rig.tide.post('call.offered', 'c-9', {}, signed(TIDE_SECRET, now - 3_600, body)),
      await rig.tide.post('call.offered', 'c-9', { more: 1 }, signed(TIDE_SECRET, now, body)),
      // At its address nobody else is believed.
      await atTwilio(rig, '/tide/events', {}, TWILIO),
    ];
    for (const answer of refused) {
      expect(answer.status).toBe(403);
      expect(answer.text).toContain('WEBHOOK_SIGNATURE_INVALID');
    }
    const text = await rig.metrics();
    expect(text).toContain(`voicebridge_http_events_total{event="webhook_signature_invalid"} ${refused.length}`);
    expect(rig.of('call_started')).toEqual([]);
    // The right one is taken, without an id it is none.
    expect((await rig.tide.post('call.offered', '')).text).toContain('a webhook needs a call of 1 to 100');
    expect((await rig.tide.post('call.offered', 'c-9')).steps).toMatchObject([{ action: 'stream' }]);
  });

  it.for([true, false])('are each carrier’s own, with secrets: %s', async (signed, { own }) => {
    const secret = signed ? TWILIO : undefined;
    const settings: Record<string, string> = signed ? { TWILIO_AUTH_TOKEN: TWILIO } : {};
    const rig = own(await startKindsRig({ signed, settings }));
    expect((await atTwilio(rig, '/incoming-call', {}, secret)).text).toContain('<Connect>');
    // The common address reads the made-up carrier's, too.
    expect((await rig.tide.post('call.offered', 'c-1', {}, {}, '/incoming-call')).steps).toMatchObject([
      { action: 'stream' },
    ]);
    expect(rig.of('call_started').map(({ info }) => info.carrier)).toEqual(['twilio', 'tide']);
  });

  it('of two carriers’ calls with one id are no news of each other', async ({ own }) => {
    const rig = own(await startKindsRig({ settings: { TWILIO_AUTH_TOKEN: TWILIO } }));
    await atTwilio(rig, '/incoming-call', {}, TWILIO);
    const ours = await rig.tide.post('call.offered', 'c-1');
    expect((await rig.tide.post('call.offered', 'c-1')).text).toBe(ours.text);
    await atTwilio(rig, '/call-status', { CallStatus: 'completed' }, TWILIO);
    await until(() => rig.of('call_ended')[0], 'the end of the one');
    await sleep(50);
    expect([...rig.app.calls].map(({ info }) => info.carrier)).toEqual(['tide']);
    await rig.tide.post('call.news', 'c-1', { state: 'completed' });
    await until(() => rig.app.calls.size === 0, 'the end of the other');
  });
});
