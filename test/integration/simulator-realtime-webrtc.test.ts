import OpenAI from 'openai';
import { afterEach, describe, expect } from 'vitest';
import { dominantTone, isToneAlone, ToneGenerator } from '../../src/media/tone.ts';
import {
  parseScenario,
  type RealtimeServer,
  type RealtimeServerOptions,
  startRealtimeServer,
} from '../../src/simulator/realtime/index.ts';
import { Peer, type PeerChannel, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { rigTest as it } from './rig-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: events are read by tests as the JSON they are.
type AnyEvent = any;

/** What this process, in which client and server are, may stand still before what was measured meanwhile says nothing, ms. */
const STOOD_MS = 30;

let server: RealtimeServer;
const closers: Array<() => void> = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await server.close();
});

async function start(options: Partial<RealtimeServerOptions> = {}): Promise<RealtimeServer> {
  server = await startRealtimeServer({ port: 0, record: true, ...options });
  return server;
}

async function until(what: string, done: () => boolean, ms = 20_000): Promise<number> {
  const begun = performance.now();
  while (!done()) {
    if (performance.now() - begun > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - begun;
}

/** A browser-like client: one audio line both ways, the data channel, 10 ms frames sent all the time. */
class Client {
  readonly events: AnyEvent[] = [];
  readonly times: number[] = [];
  state = 'new';
  channelClosed = false;
  callId = '';
  /** The last second of what was heard, 48 kHz. */
  heard = new Int16Array(48_000);
  frames = 0;
  readonly peer: Peer;
  readonly channel: PeerChannel;
  #tone: ToneGenerator | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.peer = new Peer(
      { iceServers: [] },
      {
        audio: (samples) => {
          this.frames++;
          this.heard.copyWithin(0, samples.length);
          this.heard.set(samples, this.heard.length - samples.length);
        },
        state: (state) => {
          this.state = state;
        },
      },
    );
    this.channel = this.peer.createChannel('oai-events');
    this.channel.attach({
      text: (text) => {
        this.events.push(JSON.parse(text));
        this.times.push(performance.now());
      },
      close: () => {
        this.channelClosed = true;
      },
    });
    closers.push(() => this.close());
  }

  async connect(
    key: string,
    body?: (offer: string) => { body: string | FormData; headers: Record<string, string> },
    path = '/realtime/calls',
  ): Promise<Response> {
    const offer = await this.peer.createOffer();
    const request = body?.(offer) ?? { body: offer, headers: { 'content-type': 'application/sdp' } };
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...request.headers },
      body: request.body,
    });
    if (!response.ok) return response;
    this.callId = response.headers.get('location')?.split('/').pop() ?? '';
    await this.peer.acceptAnswer(await response.text());
    const silence = new Int16Array(RTC_FRAME_SAMPLES);
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timer = setInterval(() => {
      for (; sent + 10 <= performance.now(); sent += 10) {
        this.peer.sendAudio(this.#tone === undefined ? silence : this.#tone.fill(frame));
      }
    }, 10);
    return response;
  }

  say(hz: number | undefined): void {
    this.#tone = hz === undefined ? undefined : new ToneGenerator(hz, 48_000, -18);
  }

  send(event: Record<string, unknown>): void {
    this.channel.send(JSON.stringify(event));
  }

  has(type: string): boolean {
    return this.events.some((event) => event.type === type);
  }

  last(type: string): AnyEvent {
    return this.events.findLast((event) => event.type === type);
  }

  count(type: string): number {
    return this.events.filter((event) => event.type === type).length;
  }

  close(): void {
    clearInterval(this.#timer);
    this.peer.close();
  }
}

async function ephemeral(session: Record<string, unknown> = {}): Promise<string> {
  const response = await fetch(`${server.url}/realtime/client_secrets`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'realtime', model: 'gpt-realtime', ...session } }),
  });
  return ((await response.json()) as { value: string }).value;
}

describe('a call over WebRTC', () => {
  it('carries a tone both ways, is interrupted, and is hung up', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      own(await start({ voice: { tone: 1_000, ms: 4_000 } }));
      const loop = own(watchLoop());
      const client = new Client();
      const response = await client.connect(await ephemeral());
      expect(response.status).toBe(201);
      expect(response.headers.get('content-type')).toBe('application/sdp');
      expect(response.headers.get('location')).toMatch(/^\/v1\/realtime\/calls\/rtc_\w+$/);
      await until('session.created', () => client.has('session.created'));
      await until('the connection to be told of', () => client.state === 'connected');
      expect(client.events[0].session).toMatchObject({ type: 'realtime', model: 'gpt-realtime' });

      // Without a word spoken the line is silent, but it is there.
      const framesBefore = client.frames;
      await until('frames of silence', () => client.frames - framesBefore > 20);
      expect(client.has('input_audio_buffer.speech_started')).toBe(false);

      client.send({ type: 'response.create' });
      await until('the start of the audio', () => client.has('output_audio_buffer.started'));
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      const loud = client.heard.subarray(24_000);
      const isAlone = isToneAlone(loud, 48_000, 1_000, { minDb: -24, maxOtherDb: -45 });
      loop.excuses(skip, !isAlone, STOOD_MS);
      expect(isAlone).toBe(true);
      expect(dominantTone(loud, 48_000).hz).toBeCloseTo(1_000, 0);
      expect(client.has('response.output_audio.delta')).toBe(false);
      await until('the end of the response', () => client.has('response.done'));
      expect(client.last('response.done').response.status).toBe('completed');

      client.say(600);
      const spoke = performance.now();
      await until('speech_started', () => client.has('input_audio_buffer.speech_started'));
      const recognised = performance.now() - spoke;
      loop.excuses(skip, recognised >= 500, STOOD_MS);
      expect(recognised).toBeLessThan(500);
      await until('the truncation', () => client.has('conversation.item.truncated'));
      expect(client.last('output_audio_buffer.cleared').response_id).toBe(client.last('response.done').response.id);
      const cut = client.last('conversation.item.truncated').audio_end_ms;
      loop.excuses(skip, cut <= 1_000 || cut >= 3_500, STOOD_MS);
      expect(cut).toBeGreaterThan(1_000);
      expect(cut).toBeLessThan(3_500);
      await new Promise((resolve) => setTimeout(resolve, 700));
      client.say(undefined);
      await until('the committed turn', () => client.has('input_audio_buffer.committed'));
      await until('the answer', () => client.count('output_audio_buffer.started') === 2);

      const heard = server.sessions[0]!.inputAudio();
      const record = server.sessions[0]!;
      const turn = client.last('input_audio_buffer.speech_started').audio_start_ms + 500;
      expect(dominantTone(heard.subarray(turn * 24, (turn + 400) * 24), 24_000).hz).toBeCloseTo(600, 0);

      const hangup = (id: string) =>
        fetch(`${server.url}/realtime/calls/${id}/hangup`, {
          method: 'POST',
          headers: { authorization: 'Bearer sk-test' },
        });
      expect((await hangup(client.callId)).status).toBe(200);
      await until('the end', () => !record.live);
      expect(record.endReason).toBe('hangup');
      await until('the closed channel', () => client.channelClosed);
      expect((await hangup(client.callId)).status).toBe(404);
    }));

  it('is referred to somebody else by the published client, and was answered from the first', async () => {
    await start();
    const client = new Client();
    await client.connect(await ephemeral());
    const { calls } = new OpenAI({ apiKey: 'sk-test', baseURL: server.url, maxRetries: 0 }).realtime;
    const record = server.sessions[0]!;
    const answered = { status: 409, code: 'call_already_answered' };
    await expect(calls.accept(client.callId, { type: 'realtime' })).rejects.toMatchObject(answered);
    await expect(calls.reject(client.callId, { status_code: 486 })).rejects.toMatchObject(answered);
    expect(record.live).toBe(true);
    await calls.refer(client.callId, { target_uri: 'tel:+12025550143' });
    await until('the end', () => !record.live);
    expect(record.endReason).toBe('referred to tel:+12025550143');
    await expect(calls.hangup(client.callId)).rejects.toMatchObject({ status: 404, code: 'call_not_found' });
  });

  it('says back what it heard', async () => {
    await start();
    const client = new Client();
    await client.connect(await ephemeral());
    await until('session.created', () => client.has('session.created'));
    client.say(750);
    await new Promise((resolve) => setTimeout(resolve, 900));
    client.say(undefined);
    await until('the echo', () => client.has('output_audio_buffer.started'));
    await until('its end', () => client.has('output_audio_buffer.stopped'));
    const echo = server.sessions[0]!.outputAudio();
    expect(dominantTone(echo.subarray(echo.length / 2 - 4_800, echo.length / 2 + 4_800), 24_000).hz).toBeCloseTo(
      750,
      0,
    );
    expect(dominantTone(client.heard.subarray(0, 24_000), 48_000).hz).toBeCloseTo(750, 0);
  });

  it('takes an offer and a session in one form with a standard key', async () => {
    await start();
    const client = new Client();
    const response = await client.connect('sk-test', (offer) => {
      const form = new FormData();
      form.set('sdp', offer);
      form.set('session', JSON.stringify({ type: 'realtime', model: 'gpt-realtime-mini', instructions: 'In a form.' }));
      return { body: form, headers: {} };
    });
    expect(response.status).toBe(201);
    await until('session.created', () => client.has('session.created'));
    expect(client.events[0].session).toMatchObject({ model: 'gpt-realtime-mini', instructions: 'In a form.' });
    client.send({ type: 'session.update', session: { type: 'realtime', instructions: 'New.' } });
    await until('session.updated', () => client.has('session.updated'));
    expect(client.last('session.updated').session.instructions).toBe('New.');
  });

  it('refuses a session without a type in a form', async () => {
    await start();
    const client = new Client();
    const response = await client.connect('sk-test', (offer) => {
      const form = new FormData();
      form.set('sdp', offer);
      form.set('session', '{"model":"x"}');
      return { body: form, headers: {} };
    });
    expect(response.status).toBe(400);
    expect(((await response.json()) as AnyEvent).error.param).toBe('session.type');
  });

  it('works the older way: a key from /sessions, raw SDP to /realtime?model=, beta events', async () => {
    await start();
    const minted = await fetch(`${server.url}/realtime/sessions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o-realtime-preview', voice: 'alloy' }),
    });
    const { client_secret: secret } = (await minted.json()) as { client_secret: { value: string } };
    const client = new Client();
    const response = await client.connect(secret.value, undefined, '/realtime?model=gpt-4o-realtime-preview');
    expect(response.status).toBe(201);
    await until('session.created', () => client.has('session.created'));
    expect(client.events[0].session).toMatchObject({ modalities: ['audio', 'text'], voice: 'alloy' });
    client.send({ type: 'session.update', session: { instructions: 'flat', turn_detection: null } });
    await until('session.updated', () => client.has('session.updated'));
    client.send({ type: 'response.create', response: { modalities: ['text', 'audio'] } });
    await until('response.done', () => client.has('response.done'));
    expect(client.has('response.audio_transcript.done')).toBe(true);
    expect(client.has('conversation.item.created')).toBe(true);
    expect(client.has('conversation.item.added')).toBe(false);
    expect(client.last('response.done').response.output[0].content[0].type).toBe('audio');
    expect(client.has('error')).toBe(false);
  });

  it('lets a sideband listen and speak', async () => {
    await start();
    const client = new Client();
    await client.connect(await ephemeral());
    await until('session.created', () => client.has('session.created'));
    const events: AnyEvent[] = [];
    let closed = 0;
    const sideband: Socket = await openSocket(
      `${server.url.replace('http', 'ws')}/realtime?call_id=${client.callId}`,
      { text: (data) => events.push(JSON.parse(data.toString())), binary() {}, close: (code) => (closed = code) },
      {
        maxMessageBytes: 1_000_000,
        pingIntervalMs: 0,
        connectTimeoutMs: 3_000,
        headers: { authorization: 'Bearer sk-test' },
      },
    );
    sideband.send(
      JSON.stringify({ type: 'session.update', session: { type: 'realtime', instructions: 'from aside' } }),
    );
    await until(
      'the update on both',
      () => client.has('session.updated') && events.some((e) => e.type === 'session.updated'),
    );
    expect(events[0].type).toBe('session.created');
    client.send({ type: 'response.create' });
    await until(
      'the response on both',
      () => client.has('response.done') && events.some((e) => e.type === 'response.done'),
    );
    client.close();
    await until('the sideband closed', () => closed !== 0);
    expect(closed).toBe(1_000);
    expect(server.stats).toMatchObject({ sessionsStarted: 1, sessionsLive: 0 });
  });
});

describe('what can go wrong with a call', () => {
  it('never connects where UDP is blocked', async () => {
    await start({ udp: 'block' });
    const client = new Client();
    const response = await client.connect(await ephemeral());
    expect(response.status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(client.state).not.toBe('connected');
    expect(client.events).toEqual([]);
  });

  it('may break in the middle of a sentence', async () => {
    await start({ scenario: parseScenario({ faults: [{ fault: 'drop', from: 'speech', afterMs: 400 }] }) });
    const client = new Client();
    await client.connect(await ephemeral());
    await until('session.created', () => client.has('session.created'));
    client.send({ type: 'response.create' });
    await until('the break', () => client.channelClosed);
    expect(client.has('output_audio_buffer.started')).toBe(true);
    expect(server.sessions[0]!.endReason).toBe('dropped');
  });

  it('may lose its data channel with the media up', async () => {
    await start({
      voice: { tone: 900, ms: 5_000 },
      scenario: parseScenario({ faults: [{ fault: 'close_channel', from: 'speech', afterMs: 300 }] }),
    });
    const client = new Client();
    await client.connect(await ephemeral());
    await until('session.created', () => client.has('session.created'));
    client.send({ type: 'response.create' });
    await until('the closed channel', () => client.channelClosed);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(client.state).toBe('connected');
    expect(dominantTone(client.heard.subarray(24_000), 48_000).hz).toBeCloseTo(900, 0);
    expect(server.sessions[0]!.live).toBe(true);
  });

  it('may get an answer that is none', async () => {
    await start({ scenario: parseScenario({ faults: [{ fault: 'garbled_sdp' }] }) });
    await expect(new Client().connect(await ephemeral())).rejects.toMatchObject({ code: 'PEER_SDP_INVALID' });
  });
});
