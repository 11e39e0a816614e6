import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { ModelConnection } from '../../src/agents/openai/connection.ts';
import { connectWebRtc, type WebRtcConnectOptions } from '../../src/agents/openai/webrtc.ts';
import { systemClock } from '../../src/call/clock.ts';
import type { Log } from '../../src/call/leg.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { link } from '../../src/media/link.ts';
import { isToneAlone, ToneGenerator, toneLevel } from '../../src/media/tone.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { IceOnly, strangeHello } from './ice-only.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { Far } from './openai-webrtc-far.ts';
import { rigTest as it } from './rig-test.ts';

/** dBFS: tones are sent at -12. */
const TONE = { minDb: -16, maxOtherDb: -40 };
const STANDARD_KEY = 'sk-a-key-that-no-log-may-hold';
const SECRET = 'ek_a-secret-that-no-log-may-hold';

const logged: Array<{ fields: object; message: string }> = [];
const log: Log = {
  trace: (fields, message) => logged.push({ fields, message }),
  debug: (fields, message) => logged.push({ fields, message }),
  info: (fields, message) => logged.push({ fields, message }),
  warn: (fields, message) => logged.push({ fields, message }),
  error: (fields, message) => logged.push({ fields, message }),
  child: () => log,
};

async function until(what: string, done: () => boolean, ms = 20_000): Promise<void> {
  const begun = performance.now();
  while (!done()) {
    if (performance.now() - begun > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let far: Far;
let baseUrl: string;
let ticker: Ticker;
let connections: ModelConnection[];
let events: string[];
let closed: string[];
let heard: Int16Array;
let frames: number;
const counted: Record<string, number> = {};

beforeEach(async () => {
  far = new Far();
  baseUrl = await far.listen();
  ticker = new Ticker(systemClock);
  connections = [];
  events = [];
  closed = [];
  heard = new Int16Array(48_000);
  frames = 0;
  logged.length = 0;
});

afterEach(async () => {
  for (const connection of connections) connection.close();
  await far.close();
  await until('every peer is closed', () => openPeers() === 0);
  expect(ticker.size).toBe(0);
  expect(JSON.stringify(logged)).not.toContain(SECRET);
  expect(JSON.stringify(logged)).not.toContain(STANDARD_KEY);
});

async function connect(options: Partial<WebRtcConnectOptions> = {}): Promise<ModelConnection> {
  const connection = await connectWebRtc(
    {
      baseUrl,
      headers: { 'X-Extra': 'yes' },
      key: SECRET,
      standardKey: STANDARD_KEY,
      model: 'gpt-realtime',
      sdpApi: 'calls',
      iceServers: [],
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      clock: systemClock,
      ticker,
      count: (counter, n = 1) => {
        counted[counter] = (counted[counter] ?? 0) + n;
      },
      log,
      ...options,
    },
    {
      event: (json) => events.push(json),
      audio: (samples) => {
        frames++;
        heard.copyWithin(0, samples.length);
        heard.set(samples, heard.length - samples.length);
      },
      closed: (code) => closed.push(code),
    },
  );
  connections.push(connection);
  return connection;
}

/** Waits until in the last second this tone is heard, and nothing else: what a stall tears is behind it then. */
const heardAlone = (ear: () => Int16Array, hz: number) =>
  expect.poll(() => isToneAlone(ear(), 48_000, hz, TONE), { interval: 100 }).toBe(true);

/** Speaks a tone in 20 ms frames as a telephone does; returns how to stop. */
function speak(connection: ModelConnection, hz: number): () => void {
  const tone = new ToneGenerator(hz, connection.inputRate, -12);
  const frame = new Int16Array((connection.inputRate * TICK_MS) / 1_000);
  let sent = performance.now();
  return ticker.subscribe((now) => {
    for (; sent + TICK_MS <= now; sent += TICK_MS) connection.sendAudio(tone.fill(frame));
  });
}

describe('a connection', () => {
  it('carries audio and events both ways, and hangs up when it is closed', async () => {
    far.greeting = '{"type":"session.created"}';
    const connection = await connect({ sourceRate: 8_000 });
    expect(connection.transport).toBe('webrtc');
    expect([connection.inputRate, connection.outputRate]).toEqual([16_000, 48_000]);
    expect(connection.toString()).toBe('opus/48000 (band of 8000 Hz) -> webrtc');
    const [post] = far.requests;
    expect(post).toMatchObject({ method: 'POST', url: '/v1/realtime/calls' });
    expect(post?.headers).toMatchObject({
      'content-type': 'application/sdp',
      authorization: `Bearer ${SECRET}`,
      'x-extra': 'yes',
    });
    expect(post?.body).not.toContain('a=candidate');
    expect([...(post?.body.matchAll(/a=rtpmap:\d+ (\S+)/g) ?? [])].map((m) => m[1])).toEqual([
      'opus/48000/2',
      'PCMU/8000',
      'PCMA/8000',
      'telephone-event/48000',
      'telephone-event/8000',
    ]);
    expect(connection.send('{"type":"session.update"}')).toBe(true);
    far.play(1_250);
    const stop = speak(connection, 440);
    await until('events', () => events.length === 1 && far.texts.length === 1);
    expect(events).toEqual(['{"type":"session.created"}']);
    expect(far.channel?.label).toBe('oai-events');
    await heardAlone(() => heard, 1_250);
    await heardAlone(() => far.heard, 440);
    stop();
    connection.close();
    connection.close();
    expect(connection.send('{}')).toBe(false);
    const before = frames;
    await until('the hang-up', () => far.hangups.length === 1);
    expect(far.hangups).toEqual(['/v1/realtime/calls/rtc_test123/hangup']);
    // The call's own key may not hang up.
    expect(far.requests.at(-1)?.headers.authorization).toBe(`Bearer ${STANDARD_KEY}`);
    await until('the log', () => logged.some((entry) => entry.message === 'webrtc line closed'));
    expect(logged.find((entry) => entry.message === 'webrtc line closed')?.fields).toMatchObject({
      codec: 'audio/opus',
    });
    expect(frames).toBe(before);
    expect(closed).toEqual([]);
  });

  it('leaves the band of a telephone as it is', async () => {
    const connection = await connect({ sourceRate: 8_000 });
    const sink = link(8_000, {
      sampleRate: connection.inputRate,
      write: ({ samples }) => connection.sendAudio(samples),
      clear() {},
    });
    const levels: number[] = [];
    for (const hz of [300, 1_000, 2_000, 3_000, 3_400]) {
      const tone = new ToneGenerator(hz, 8_000, -12);
      const frame = { samples: new Int16Array(160), sampleRate: 8_000 };
      let sent = performance.now();
      const stop = ticker.subscribe((now) => {
        for (; sent + TICK_MS <= now; sent += TICK_MS) {
          tone.fill(frame.samples);
          sink.write(frame);
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      const last = () => far.heard.slice(-24_000);
      let whole = last();
      await heardAlone(() => (whole = last()), hz);
      stop();
      levels.push(toneLevel(whole, 48_000, hz));
    }
    // A filter in the way would take some dB of the highest.
    expect(Math.max(...levels) - Math.min(...levels)).toBeLessThan(0.5);
  });

  it('goes by the older address, and without a key where there is none', async () => {
    far.habits = { location: null };
    const connection = await connect({
      sdpApi: 'realtime',
      key: '',
      headers: { 'api-key': 'k' },
      baseUrl: `${baseUrl}?api-version=1`,
    });
    const [post] = far.requests;
    expect(post?.url).toBe('/v1/realtime?api-version=1&model=gpt-realtime');
    expect(post?.headers.authorization).toBeUndefined();
    expect(post?.headers['api-key']).toBe('k');
    connection.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(far.hangups).toEqual([]);
  });

  it('keeps RTP going while the caller sends nothing', async () => {
    await connect();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const stats = await far.peers[0]?.quality();
    expect(stats?.packetsReceived).toBeGreaterThan(50);
  });

  it('sends nothing larger than the far end takes', async () => {
    far.habits = { answer: (sdp) => sdp.replace(/a=max-message-size:\d+/, 'a=max-message-size:100000') };
    const connection = await connect();
    expect(connection.maxEventBytes).toBe(100_000);
    expect(connection.send('x'.repeat(100_001))).toBe(false);
    expect(connection.send('y'.repeat(100_000))).toBe(true);
    await until('the large one', () => far.texts.length === 1);
  });

  it('bears candidates with extensions', async () => {
    far.habits = { answer: (sdp) => sdp.replace(/(a=candidate:[^\r]*)/g, '$1 ufrag abcd x-unknown 1') };
    await connect();
  });

  it('hears a line of G.711 at 48 kHz too', async () => {
    far.habits = {
      offer: (sdp) =>
        sdp.replace(/^(m=audio \S+ \S+) [\d ]+/m, '$1 0').replace(/^a=(?:rtpmap|fmtp|rtcp-fb):(?!0 )\d+ .*\r\n/gm, ''),
    };
    const connection = await connect({ sourceRate: 8_000 });
    expect(connection.toString()).toBe('pcmu/8000 -> webrtc');
    far.play(1_020);
    const stop = speak(connection, 440);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await heardAlone(() => heard, 1_020);
    await expect
      .poll(() => isToneAlone(far.heard, 48_000, 440, TONE) || far.heard.every((sample) => sample === 0), {
        interval: 100,
      })
      .toBe(true);
    stop();
    connection.close();
    await until('the log', () => logged.some((entry) => entry.message === 'webrtc line closed'));
    expect(logged.find((entry) => entry.message === 'webrtc line closed')?.fields).toMatchObject({
      codec: 'audio/PCMU',
    });
  });

  it('refuses an event that the channel cannot carry, and lives on', async () => {
    const connection = await connect();
    expect(connection.send('x'.repeat(300_000))).toBe(false);
    expect(connection.send('y'.repeat(250_000))).toBe(true);
    await until('the large one', () => far.texts.length === 1);
    expect(far.texts[0]?.length).toBe(250_000);
    expect(closed).toEqual([]);
  });
});

describe('a lost connection', () => {
  it('is told once when the far end closes the channel', async () => {
    const connection = await connect();
    await until('the far end has the channel', () => far.channel?.isOpen === true);
    far.channel?.close();
    await until('told', () => closed.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(closed).toEqual(['channel-closed']);
    expect(connection.send('{}')).toBe(false);
    expect(far.hangups.length).toBe(1);
  });

  it('is told once when the far end goes', async () => {
    await connect();
    far.hangUp();
    await until('told', () => closed.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(closed.length).toBe(1);
  });

  it('is told within 10 s when the far end dies without a word', { timeout: 240_000 }, ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      closed = [];
      const dying = fork(new URL('./openai-webrtc-far-process.ts', import.meta.url).pathname);
      const [url] = (await once(dying, 'message')) as [string];
      await connect({ baseUrl: url });
      const loop = own(watchLoop());
      const started = performance.now();
      dying.kill('SIGKILL');
      await until('told', () => closed.length > 0, 25_000);
      const toldMs = performance.now() - started;
      // Whichever finds out first; before that it might have been a moment of bad line.
      expect(['far-end-silent', 'ice-disconnected']).toContain(closed[0]);
      expect(toldMs).toBeGreaterThan(5_000);
      loop.excuses(skip, toldMs >= 10_000, 100);
      expect(toldMs).toBeLessThan(10_000);
      expect(closed.length).toBe(1);
    }),
  );

  it('is not told after our own close', async () => {
    const connection = await connect();
    connection.close();
    far.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(closed).toEqual([]);
  });
});

describe('an attempt that fails frees everything', () => {
  it.each([
    [401, 'MODEL_AUTH'],
    [429, 'MODEL_RATE_LIMITED'],
    [503, 'MODEL_UNAVAILABLE'],
    [400, 'MODEL_REJECTED'],
  ])('HTTP %i is %s', async (status, code) => {
    far.habits = { status };
    await expect(connect()).rejects.toMatchObject({ code, status });
  });

  it.each([
    ['not SDP', '<html>', 'MODEL_PROTOCOL'],
    ['not an answer', 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n', 'PEER_SDP_INVALID'],
  ])('%s', async (_name, body, code) => {
    far.habits = { body };
    await expect(connect()).rejects.toMatchObject({ code });
    if (code === 'PEER_SDP_INVALID') await until('the server is told', () => far.hangups.length === 1);
  });

  it('nobody listens', async () => {
    await expect(connect({ baseUrl: 'http://127.0.0.1:9/v1' })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it('the offer is never answered', async () => {
    far.habits = { mute: true };
    await expect(connect({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'MODEL_TIMEOUT' });
  });

  it('media never connects, and the server is told', async () => {
    far.habits = { answer: (sdp) => sdp.replace(/^a=candidate:.*\r\n/gm, '') };
    await expect(connect({ timeoutMs: 3_000 })).rejects.toMatchObject({ code: 'PEER_CONNECT_TIMEOUT' });
    await until('the server is told', () => far.hangups.length === 1);
  });

  it('the answer names only addresses that are not allowed', async () => {
    await expect(connect({ timeoutMs: 3_000, allowPrivateCandidates: false })).rejects.toMatchObject({
      code: 'PEER_CONNECT_TIMEOUT',
    });
    expect(logged.some((entry) => entry.message.includes('not public'))).toBe(true);
  });

  it('by the signal: before, while the offer is out, while media connects', async () => {
    const reason = new Error('the call is over');
    const before = AbortSignal.abort(reason);
    await expect(connect({ signal: before })).rejects.toBe(reason);
    expect(far.requests.length).toBe(0);

    far.habits = { mute: true };
    const posting = new AbortController();
    const first = connect({ signal: posting.signal });
    await until('the offer', () => far.requests.length === 1);
    posting.abort(reason);
    await expect(first).rejects.toBe(reason);

    let answered = false;
    far.habits = {
      answer(sdp) {
        answered = true;
        return sdp.replace(/^a=candidate:.*\r\n/gm, '');
      },
    };
    const connecting = new AbortController();
    const second = connect({ signal: connecting.signal });
    await until('the answer to the second offer', () => answered);
    expect(far.requests.length).toBe(2);
    setTimeout(() => connecting.abort(reason), 300);
    await expect(second).rejects.toBe(reason);
    await until('the server is told', () => far.hangups.length === 1);
  });
});

describe('DTLS', () => {
  it('that never comes about, though the way is found, is given up in time, and the server is told', async () => {
    const ice = new IceOnly();
    const port = await ice.listen();
    far.habits = {
      // The answer's own ICE password, the address of a far end that does nothing but ICE, and the handshake left to us.
      answer(sdp) {
        ice.password = /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1] ?? '';
        return sdp
          .replace(/^a=candidate:.*\r\n/gm, '')
          .replace(/^a=setup:\w+/gm, 'a=setup:passive')
          .replace(/^a=ice-pwd:.*\r\n/m, `$&a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host\r\n`);
      },
    };
    const began = performance.now();
    await expect(connect({ timeoutMs: 1_500 })).rejects.toMatchObject({ code: 'PEER_CONNECT_TIMEOUT' });
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(ice.clientHellos).toBeGreaterThan(0);
    await until('the server is told', () => far.hangups.length === 1);
    ice.close();
  });

  it('of strangers, sent to the port of a call, disturbs nothing of it', async () => {
    let answer = '';
    far.habits = {
      answer(sdp) {
        answer = sdp;
        return sdp;
      },
    };
    const connection = await connect();
    far.play(620);
    const [, address, port] = /^a=candidate:\S+ 1 udp \d+ (127\.\S+|\d+\.\S+) (\d+) typ host/im.exec(answer) ?? [];
    expect(port).toBeDefined();
    const stranger = createSocket('udp4');
    for (let i = 0; i < 500; i++) stranger.send(strangeHello(), Number(port), address);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    stranger.close();
    expect(closed).toEqual([]);
    await heardAlone(() => heard, 620);
    connection.send('{"type":"still.there"}');
    await until('the event', () => far.texts.length === 1);
  });
});
