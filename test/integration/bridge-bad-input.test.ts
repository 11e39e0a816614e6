import { describe, expect } from 'vitest';
import { parseTwiml, scriptSource, streamCodec, toneSource } from '../../src/simulator/phone/index.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { type Rig, sleep, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

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
    { maxMessageBytes: 1_000_000, pingIntervalMs: 0, connectTimeoutMs: 3_000 },
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

const closeCode = (bad: Bad, ms = 8_000) => until(() => bad.closed()?.code, 'the close of the bad stream', ms);

type Case = [name: string, does: (rig: Rig) => Promise<void>];

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
    async (rig) => {
      const began = performance.now();
      const bad = await open(rig, { start: false });
      for (let i = 0; i < 10; i++) media(bad, i);
      await closeCode(bad);
      expect(performance.now() - began).toBeGreaterThan(4_500);
      expect(performance.now() - began).toBeLessThan(7_000);
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
      await until(() => rig.of('caller_joined').length >= 1, 'the first stream');
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
      for (let i = 2; i < 60; i++) {
        media(bad, i);
        await sleep(20);
      }
      expect(bad.closed()).toBeUndefined();
      expect(bad.heard.some((text) => text.includes('"media"'))).toBe(true);
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
      for (let i = 0; i < 50; i++) {
        media(held, i);
        await sleep(20);
      }
      await until(() => rig.of('call_ended').length > 0 || rig.agentEvents('audio_done').length >= 2, 'both greetings');
      const asked = rig.agentEvents('response_started').length;
      await sleep(18_000);
      expect(held.closed()).toBeUndefined();
      expect(await rig.counter('line_on_hold')).toBe(1);
      expect(await rig.counter('ms_filled')).toBeGreaterThan(9_000);
      expect(await rig.counter('ms_filled')).toBeLessThan(10_500);
      const spoke = rig.agentEvents('speech_started').length;
      // The good call has had its turn meanwhile; nobody else was spoken to.
      expect(rig.agentEvents('response_started').length).toBeLessThanOrEqual(asked + 1);
      const tone = toneSource(1_020, { ms: 1_000, dbfs: -15 }).clip(streamCodec('PCMU@8000')).frames;
      for (let i = 0; i < 120; i++) {
        media(held, 1_000 + i, i < 40 ? tone[i]?.payload : SILENCE);
        await sleep(20);
      }
      expect(rig.agentEvents('speech_started').length).toBe(spoke + 1);
      await until(() => rig.agentEvents('response_started').length >= asked + 2, 'the answer to who is back');
      expect(held.closed()).toBeUndefined();
      held.socket.close();
    },
  ],
  [
    'a second start on the same socket: a new generation',
    async (rig) => {
      const bad = await open(rig);
      for (let i = 0; i < 25; i++) {
        media(bad, i);
        await sleep(20);
      }
      const again = { ...bad, sid: `MZ${'f'.repeat(32)}` };
      begin(again, `CA${bad.sid.slice(2)}`);
      await sleep(50);
      bad.heard.length = 0;
      const tone = toneSource(1_020).clip(streamCodec('PCMU@8000')).frames;
      for (let i = 0; i < 120; i++) {
        media(again, i, i < 40 ? tone[i]?.payload : SILENCE);
        await sleep(20);
      }
      expect(bad.closed()).toBeUndefined();
      const later = bad.heard.filter((text) => text.includes('"media"'));
      expect(later.length).toBeGreaterThan(0);
      expect(later.every((text) => text.includes(again.sid))).toBe(true);
      expect(rig.events.some((e) => e.type === 'caller' && e.event.type === 'stream_restarted')).toBe(true);
      bad.socket.close();
    },
  ],
];

// A line on hold takes its time.
describe.concurrent('beside a good call', { timeout: 60_000 }, () => {
  it.for(CASES)('%s', async ([, does], { own }) => {
    const rig = own(
      await startRig({ model: { voice: { tone: 620, ms: 1_000, dbfs: -15 } }, settings: { RECLAIM_MS: '0' } }),
    );
    const good = rig.call({
      source: scriptSource([{ pauseMs: 3_000 }, toneSource(1_020, { ms: 1_000, dbfs: -15 }), { pauseMs: 6_000 }]),
      hangUpAfterMs: 8_000,
    });
    await until(() => rig.agentEvents('audio_started').length > 0, 'the good call');
    await does(rig);
    const report = await good.report;
    const heard = good.phone.recordedChannels();
    expect(report.streams).toHaveLength(1);
    expect(toneAloneMs(heard?.agent ?? new Int16Array(), 8_000, 620)).toBeGreaterThanOrEqual(1_600);
    expect(report.streams[0]?.playback.gaps).toBe(0);
    expect(report.streams[0]?.faultCount).toBe(0);
  });
});
