import { describe, expect } from 'vitest';
import type { CallEvent } from '../../src/call/events.ts';
import { parseTwiml, silenceSource, streamCodec, toneSource } from '../../src/simulator/phone/index.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { converse } from './agent-heard.ts';
import { type Loop, watchLoop } from './loop.ts';
import { judgedAtLast, type Skip } from './measured-again.ts';
import { type Rig, sleep, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { expectUntorn } from './untorn.ts';
import { WAIT_MS } from './waiting.ts';

/** A stream that misbehaves is answered as it deserves, counted, and harms no other: a good call runs beside each of them. */

interface Bad {
  socket: Socket;
  closed: () => { code: number; reason: string } | undefined;
  heard: string[];
  sid: string;
  token: string;
}

let serial = 0;

async function invite(rig: Rig): Promise<{ url: string; token: string; callSid: string }> {
  const callSid = `CA${String(++serial).padStart(32, '0')}`;
  const answer = await fetch(`${rig.url}/incoming-call`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `CallSid=${callSid}&AccountSid=AC1&From=%2B15005550006&To=%2B15005550001&CallStatus=ringing`,
  });
  const [connect] = parseTwiml(await answer.text(), 'twilio');
  if (connect?.verb !== 'Connect') throw new Error('no Connect');
  return { url: connect.stream.url, token: connect.stream.parameters['token'] ?? '', callSid };
}

async function open(rig: Rig, { start = true, token }: { start?: boolean; token?: string } = {}): Promise<Bad> {
  const invitation = await invite(rig);
  let closed: { code: number; reason: string } | undefined;
  const heard: string[] = [];
  const socket = await openSocket(
    invitation.url,
    {
      text: (data) => void heard.push(String(data)),
      binary() {},
      close: (code, reason) => {
        closed = { code, reason };
      },
    },
    { maxMessageBytes: 1_000_000, pingIntervalMs: 0, connectTimeoutMs: WAIT_MS },
  );
  const sid = `MZ${invitation.callSid.slice(2)}`;
  socket.send(JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' }));
  const bad = { socket, closed: () => closed, heard, sid, token: token ?? invitation.token };
  if (start) begin(bad, invitation.callSid);
  return bad;
}

function begin({ socket, sid, token }: Bad, callSid = `CA${sid.slice(2)}`): void {
  socket.send(
    JSON.stringify({
      event: 'start',
      sequenceNumber: '1',
      streamSid: sid,
      start: {
        accountSid: 'AC1',
        streamSid: sid,
        callSid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        customParameters: { token },
      },
    }),
  );
}

const SILENCE = Buffer.alloc(160, 0xff).toString('base64');

function media({ socket, sid }: Bad, n: number, payload = SILENCE): void {
  socket.send(
    JSON.stringify({
      event: 'media',
      sequenceNumber: String(n + 2),
      media: { track: 'inbound', chunk: String(n + 1), timestamp: String(n * 20), payload },
      streamSid: sid,
    }),
  );
}

/** Sends so many frames, each when it is due: where this process stood still, all that are, as a line does. */
async function speaks(bad: Bad, count: number, from: number, payload: (n: number) => string | undefined) {
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    media(bad, from + n, payload(n));
    await sleep(Math.max(0, began + (n + 1) * 20 - performance.now()));
  }
}

const saysAudio = (text: string) => text.includes('"media"');
const closeCode = (bad: Bad) => until(() => bad.closed()?.code, 'the close of the bad stream');

type Case = [name: string, does: (rig: Rig, loop: Loop, skip: Skip) => Promise<void>];

const CASES: Case[] = [
  [
    'malformed messages: closed after ten',
    async (rig) => {
      const bad = await open(rig);
      for (let i = 0; i < 20; i++) bad.socket.send(i % 2 === 0 ? '{"event":' : '{"event":"media","media":7}');
      expect([1003, 1007]).toContain(await closeCode(bad));
      await until(() => rig.of('call_ended').some((e) => e.end.reason === 'media-malformed'), 'the end of that call');
    },
  ],
  [
    'a giant message: 1009',
    async (rig) => {
      const bad = await open(rig);
      bad.socket.send(JSON.stringify({ event: 'media', streamSid: bad.sid, media: { payload: 'A'.repeat(70_000) } }));
      expect(await closeCode(bad)).toBe(1009);
    },
  ],
  [
    'media faster than real time: 1008',
    async (rig) => {
      const bad = await open(rig);
      for (let i = 0; i < 1_500; i++) media(bad, i);
      expect(await closeCode(bad)).toBe(1008);
      await until(() => rig.of('call_ended').some((e) => e.end.reason === 'media-flood'), 'the end of that call');
      expect(await rig.counter('message_flood')).toBeGreaterThan(0);
    },
  ],
  [
    'no start: closed after 5 s',
    async (rig, loop, skip) => {
      const began = performance.now();
      const bad = await open(rig, { start: false });
      for (let i = 0; i < 10; i++) media(bad, i);
      await closeCode(bad);
      const took = performance.now() - began;
      expect(took).toBeGreaterThan(4_500);
      loop.excuses(skip, took >= 7_000, 100);
      expect(took).toBeLessThan(7_000);
      expect(await rig.counter('frames_before_start')).toBeGreaterThanOrEqual(10);
    },
  ],
  [
    'a forged token: 1008, and the call it was meant for is not touched',
    async (rig) => {
      const bad = await open(rig, { token: 'A'.repeat(120) });
      expect(await closeCode(bad)).toBe(1008);
      expect(await rig.counter('stream_token_invalid')).toBe(1);
    },
  ],
  [
    'a token used twice: the second stream is refused',
    async (rig) => {
      const first = await open(rig);
      await until(() => rig.of('caller_joined').length === 2, 'the first stream, beside the good call');
      const second = await open(rig, { start: false, token: first.token });
      begin(second, `CA${first.sid.slice(2)}`);
      expect(await closeCode(second)).toBe(1008);
      expect(first.closed()).toBeUndefined();
      expect(await rig.counter('stream_token_used')).toBe(1);
      first.socket.close();
    },
  ],
  [
    'bad base64, unknown events and unknown marks: ignored and counted, the call goes on',
    async (rig) => {
      const bad = await open(rig);
      media(bad, 0, '%%%not base64@@');
      media(bad, 1, 'AAAA====AAAA');
      bad.socket.send(JSON.stringify({ event: 'weather', streamSid: bad.sid }));
      bad.socket.send(JSON.stringify({ event: 'mark', streamSid: bad.sid, mark: { name: 'never sent' } }));
      await speaks(bad, 58, 2, () => SILENCE);
      await until(() => bad.heard.some(saysAudio), 'the agent to be heard');
      expect(bad.closed()).toBeUndefined();
      bad.socket.send(JSON.stringify({ event: 'stop', streamSid: bad.sid, stop: { accountSid: 'AC1', callSid: 'x' } }));
      bad.socket.close();
      await until(() => rig.of('call_ended').length > 0, 'the end of that call');
      expect(await rig.counter('frames_invalid')).toBe(2);
      expect(await rig.counter('message_unknown')).toBe(1);
      expect(await rig.counter('mark_unknown')).toBe(1);
    },
  ],
  [
    'no audio for 18 s while the socket lives, as on hold: nobody is asked or hung up on, and the call goes on',
    async (rig) => {
      const held = await open(rig);
      await speaks(held, 50, 0, () => SILENCE);
      // Both were greeted, and the good call has had its turn: nobody else is spoken to.
      const asked = 3;
      await until(() => rig.agentEvents('response_started').length === asked, 'both greetings and an answer');
      await sleep(18_000);
      expect(held.closed()).toBeUndefined();
      expect(await rig.counter('line_on_hold')).toBe(1);
      expect(await rig.counter('ms_filled')).toBeGreaterThan(9_000);
      expect(await rig.counter('ms_filled')).toBeLessThan(10_500);
      const spoke = rig.agentEvents('speech_started').length;
      expect(rig.agentEvents('response_started').length).toBe(asked);
      const tone = toneSource(1_020, { ms: 1_000, dbfs: -15 }).clip(streamCodec('PCMU@8000')).frames;
      await speaks(held, 120, 1_000, (n) => (n < 40 ? tone[n]?.payload : SILENCE));
      await until(() => rig.agentEvents('response_started').length > asked, 'the answer to who is back');
      expect(rig.agentEvents('speech_started').length).toBe(spoke + 1);
      expect(held.closed()).toBeUndefined();
      held.socket.close();
    },
  ],
  [
    'a second start on the same socket: a new generation',
    async (rig) => {
      const bad = await open(rig);
      await speaks(bad, 25, 0, () => SILENCE);
      const again = { ...bad, sid: `MZ${'f'.repeat(32)}` };
      begin(again, `CA${bad.sid.slice(2)}`);
      const isRestart = (e: CallEvent) => e.type === 'caller' && e.event.type === 'stream_restarted';
      await until(() => rig.events.some(isRestart), 'the new generation');
      // What was sent before it is on its way still.
      await sleep(50);
      bad.heard.length = 0;
      const tone = toneSource(1_020).clip(streamCodec('PCMU@8000')).frames;
      await speaks(again, 120, 0, (n) => (n < 40 ? tone[n]?.payload : SILENCE));
      await until(() => bad.heard.some(saysAudio), 'the agent to be heard');
      expect(bad.closed()).toBeUndefined();
      expect(bad.heard.filter(saysAudio).every((text) => text.includes(again.sid))).toBe(true);
      bad.socket.close();
    },
  ],
];

// A line on hold takes its time.
describe.concurrent('beside a good call', { timeout: 240_000 }, () => {
  it.for(CASES)('%s', ([, does], { own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const rig = own(
        await startRig({
          model: { voice: { tone: 620, ms: 1_000, dbfs: -15 } },
          settings: { RECLAIM_MS: '0', PLAYOUT_CUSHION_LEAST_MS: '200' },
        }),
      );
      const good = rig.call({ source: silenceSource() });
      const loop = own(watchLoop());
      await until(() => rig.agentEvents('audio_started').length > 0, 'the good call');
      await Promise.all([does(rig, loop, skip), converse(good.phone, toneSource(1_020, { ms: 1_000, dbfs: -15 }))]);
      const report = await good.report;
      const heard = good.phone.recordedChannels();
      expect(report.streams).toHaveLength(1);
      expect(toneAloneMs(heard?.agent ?? new Int16Array(), 8_000, 620)).toBeGreaterThanOrEqual(1_600);
      expect(report.streams[0]?.faultCount).toBe(0);
      expectUntorn(report, loop, skip);
    }),
  );
});
