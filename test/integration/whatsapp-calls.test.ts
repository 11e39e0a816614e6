import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { makeTone, toneLevel } from '../../src/media/tone.ts';
import { encodeWav } from '../../src/media/wav.ts';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { NUMBER } from '../../src/simulator/whatsapp/index.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { converse, hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { askAsOperator } from './operator.ts';
import { loudestTone, sleep, TRANSPORTS, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { startWhatsAppRig } from './whatsapp-rig.ts';

/** Calls by WhatsApp through the whole daemon: Meta's far end with real phones, real webhooks, real WebRTC. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const FIRST_HZ = 1_900;

/** A greeting whose first 20 ms have a tone of their own. */
function markedGreeting(): string {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-greeting-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const rate = 24_000;
  const samples = new Int16Array(rate * 1.5);
  samples.set(makeTone(AGENT_HZ, rate, 1_500, -12));
  samples.set(makeTone(FIRST_HZ, rate, 20, -12));
  const file = join(folder, 'greeting.wav');
  writeFileSync(file, encodeWav([samples], rate));
  return file;
}

/** Sound from its first 5 ms to its last, ms: where an agent's greeting is clipped, it is shorter. */
function lengthMs(samples: Int16Array, rate: number, untilMs: number): number {
  const window = rate / 200;
  const loud: number[] = [];
  for (let at = 0; at + window <= Math.min(samples.length, (untilMs * rate) / 1_000); at += window)
    if (samples.subarray(at, at + window).some((sample) => Math.abs(sample) > 1_000)) loud.push(at);
  return loud.length === 0 ? 0 : (((loud.at(-1) ?? 0) - (loud[0] ?? 0) + window) * 1_000) / rate;
}

/** The highest level of a tone in any 10 ms, dBFS. */
function briefest(samples: Int16Array, rate: number, hz: number): number {
  let level = Number.NEGATIVE_INFINITY;
  for (let at = 0; at + rate / 100 <= samples.length; at += rate / 200)
    level = Math.max(level, toneLevel(samples.subarray(at, at + rate / 100), rate, hz));
  return level;
}

describe.each([
  { preAccept: true, transport: 'websocket' },
  { preAccept: false, transport: 'websocket' },
  { preAccept: true, transport: 'webrtc' },
] as const)('a call by WhatsApp, pre_accept $preAccept, over $transport', ({ preAccept, transport }) => {
  it(
    'is greeted whole, hears its own words back, and no packet comes before the accept is answered',
    {
      timeout: 240_000,
    },
    ({ own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startWhatsAppRig({
            transport,
            settings: { WHATSAPP_PRE_ACCEPT: String(preAccept) },
            scenario: { greeting: { wav: markedGreeting() } },
          }),
        );
        const phone = rig.meta.phone({
          source: silenceSource(),
          record: true,
        });
        const loop = own(watchLoop());
        const over = phone.placeCall();
        await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
        const report = await over;
        expect(report.reason).toBe('audio went both ways');

        expect(phone.rtp.packetsBeforeAccept).toBe(0);
        expect(rig.asked()).toEqual([...(preAccept ? [['pre_accept', 200]] : []), ['accept', 200]]);
        // Within 100 ms of the 200, and of there being media: the accept does not wait for that. What this process was late itself, by the phone's own
        // clockwork, is not the daemon's.
        const { acceptedMs = 0, mediaMs = 0 } = report.connect;
        const firstMs = (phone.rtp.firstMs ?? Number.POSITIVE_INFINITY) - (phone.acceptedMs ?? 0);
        expect(firstMs).toBeGreaterThan(0);
        const lateMs = firstMs - Math.max(0, mediaMs - acceptedMs) - (report.streams[0]?.sent.maxLateMs ?? 0);
        loop.excuses(skip, lateMs > 100, 100);
        expect(lateMs).toBeLessThanOrEqual(100);

        const heard = phone.recordedChannels()!;
        const { agent, sampleRate } = heard;
        // The greeting's first 20 ms, and all the rest of it.
        expect(briefest(agent, sampleRate, FIRST_HZ)).toBeGreaterThan(-24);
        const greeted = report.timeline.find(({ what }) => what === 'agent-silent')?.atMs ?? 0;
        expect(lengthMs(agent, sampleRate, greeted + 200)).toBeGreaterThanOrEqual(1_485);
        expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(1_200);
        // His own words, said back.
        expect(toneAloneMs(agent, sampleRate, CALLER_HZ)).toBeGreaterThanOrEqual(1_000);
        const input = rig.model.sessions[0]?.inputAudio() ?? new Int16Array(0);
        expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
        expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-50);

        const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
        expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
        // He hung up himself: Meta is not told what it told us.
        expect(rig.asked().map(([action]) => action)).not.toContain('terminate');
        const records = await rig.records(1);
        expect(records).toHaveLength(1);
        expect(records[0]).toMatchObject({
          carrier: 'whatsapp',
          carrierCallId: report.callSid,
          from: `+${phone.user.waId}`,
          result: 'success',
        });
        expect(rig.of('call_started').map(({ info }) => info.accountId)).toEqual([NUMBER.id]);
        await until(() => rig.model.sessions.every((session) => !session.live), 'the end of the session');
        await until(() => openPeers() === 0, 'all peers to be closed');
      }),
  );
});

describe.concurrent.each(TRANSPORTS)('a user on WhatsApp, over %s', (transport) => {
  it('carries each side’s tone to the other, alone', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ transport, model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } } }));
    const phone = rig.meta.phone({
      source: silenceSource(),
      record: true,
    });
    const over = phone.placeCall();
    await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
    const report = await over;
    expect(report.ok).toBe(true);
    const heard = phone.recordedChannels()!;
    // A greeting and an answer of 1.5 s each.
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_400);
    expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-45);
    const input = rig.model.sessions[0]?.inputAudio() ?? new Int16Array(0);
    expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-45);
  });
});

/** Measured to milliseconds, so that no other call is beside them. */
describe.each(TRANSPORTS)('an interruption by a user on WhatsApp, over %s', (transport) => {
  it(
    'interrupts the agent, who is silent at once and knows what was heard to within 40 ms',
    { timeout: 240_000 },
    ({ own, skip }) =>
      judgedAtLast({ own, skip }, async (own, skip) => {
        const rig = own(
          await startWhatsAppRig({ transport, model: { voice: { tone: AGENT_HZ, ms: 6_000, dbfs: -15 } } }),
        );
        const phone = rig.meta.phone({
          source: silenceSource(),
          interruptAtMs: 2_000,
          interruptWith: toneSource(CALLER_HZ, { ms: 700, dbfs: -12 }),
          record: true,
        });
        const over = phone.placeCall();
        await until(() => rig.of('first_agent_audio')[0], 'the agent', 20_000);
        const loop = own(watchLoop());
        await until(() => (rig.model.sessions[0]?.responses ?? 0) >= 2, 'the answer to the interruption', 20_000);
        await sleep(500);
        phone.hangUp();
        const report = await over;
        const [interruption] = report.streams[0]?.interruptions ?? [];
        if (interruption === undefined) throw new Error('the agent was not interrupted');
        expect(interruption.silencedBy).toBe('silence');
        // From the user's first sound: turn detection takes most of it, then what was on its way is heard.
        loop.excuses(skip, Number(interruption.delayMs) >= 900, 100);
        expect(interruption.delayMs).toBeLessThan(900);
        const told = rig.of('barge_in')[0]?.heard[0]?.heardMs ?? Number.NaN;
        const offMs = Math.abs(told - interruption.heardMs);
        loop.excuses(skip, offMs > 40, 40);
        expect(offMs).toBeLessThanOrEqual(40);
        expect(rig.agentEvents('error')).toEqual([]);
      }),
  );
});

describe.concurrent('a user on WhatsApp', () => {
  it('presses keys, each of which is told once and in order', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ settings: { GREETING: 'off' } }));
    const phone = rig.meta.phone({ source: silenceSource() });
    const over = phone.placeCall();
    await until(() => rig.of('connected')[0], 'both ends on the line');
    await until(() => phone.rtp.packets > 20, 'audio');
    phone.press('15#*09');
    const keys = () =>
      rig.events.flatMap((event) =>
        event.type === 'caller' && event.event.type === 'dtmf' ? [event.event.digit] : [],
      );
    await until(() => keys().length >= 6, 'the keys').catch((e) => {
      throw new Error(`${e.message} got ${keys().join('')} ${JSON.stringify(rig.events.map((x) => x.type))}`);
    });
    // One that is told again comes with the packets that repeat it.
    await sleep(500);
    phone.hangUp();
    await over;
    expect(keys().join('')).toBe('15#*09');
  });

  it('without a telephone number is served like any other, and known by the id that Meta gives him', async ({
    own,
  }) => {
    const rig = own(await startWhatsAppRig({ model: { voice: { tone: AGENT_HZ, ms: 500 } } }));
    const phone = rig.meta.phone({ user: { userId: 'US.13491208655302741918' }, record: true });
    const over = phone.placeCall();
    await hearsOut(phone, 300);
    phone.hangUp();
    const report = await over;
    expect(report.ok).toBe(true);
    const [record] = await rig.records(1);
    expect(record?.from).toContain('US.13491208655302741918');
  });

  it('is hung up on by an operator: Meta is told, and he hears of it', async ({ own }) => {
    const rig = own(await startWhatsAppRig());
    const phone = rig.meta.phone();
    const placed = phone.placeCall();
    const { info } = await until(() => rig.of('call_started')[0], 'the call');
    await until(() => rig.of('connected')[0], 'the call to be joined');
    const answer = await askAsOperator(`${rig.url}/calls/${info.id}/hangup`, { method: 'POST' });
    expect(answer.ok).toBe(true);
    const report = await placed;
    expect(report.ended).toMatchObject({ by: 'bridge', callStatus: 'completed' });
    await until(() => rig.asked().at(-1)?.[0] === 'terminate', 'Meta to be told');
    // Meta's own word of it, which comes then, changes nothing.
    await sleep(300);
    expect(await rig.records(1)).toHaveLength(1);
    expect(rig.of('call_ended')).toHaveLength(1);
    expect(rig.asked().filter(([action]) => action === 'terminate')).toEqual([['terminate', 200]]);
  });

  it('for whom there is no place is rejected, and leaves a record', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ settings: { MAX_CALLS: '1' } }));
    const first = rig.meta.phone();
    const going = first.placeCall();
    await until(() => rig.of('connected')[0], 'the first call');
    const report = await rig.meta.phone().placeCall();
    expect(report.ended).toMatchObject({ by: 'bridge', callStatus: 'busy' });
    await until(() => rig.asked().at(-1)?.[0] === 'reject', 'Meta’s answer');
    first.hangUp();
    await going;
    expect(await rig.records(2)).toHaveLength(2);
  });
});

describe('a user on WhatsApp, with no other call in the process', () => {
  it('whose call Meta refuses to accept leaves nothing behind', async ({ own }) => {
    const rig = own(await startWhatsAppRig({ settings: { WHATSAPP_PRE_ACCEPT: 'false' } }));
    rig.meta.graph.faults.add({ action: 'accept', kind: 'error', code: 138000 });
    const phone = rig.meta.phone({ patienceMs: 3_000 });
    await phone.placeCall();
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ reason: 'carrier-failed', detail: expect.stringContaining('138000') });
    await until(() => openPeers() === 0, 'all peers to be closed');
    await until(() => rig.model.sessions.every((session) => !session.live), 'the end of the session');
  });
});
