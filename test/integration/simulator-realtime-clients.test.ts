import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  OpenAIRealtimeWebRTC,
  OpenAIRealtimeWebSocket,
  RealtimeAgent,
  RealtimeSession,
  tool,
} from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { dominantTone, makeTone } from '../../src/media/tone.ts';
import { parseScenario, type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';

/** The published clients, unmodified, against the server: what satisfies them is what the real service does. */

let server: RealtimeServer;
afterEach(() => server.close());

// The SDK speaks wss only. The certificate is for localhost and guards nothing.
const tls = {
  cert: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url), 'utf8'),
  key: readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url), 'utf8'),
};

const toBase64 = (samples: Int16Array) =>
  Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString('base64');

function samplesOf(chunks: Uint8Array[]): Int16Array {
  const bytes = Buffer.concat(chunks);
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

async function until(what: string, done: () => boolean, ms = 20_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** 24 kHz audio in 20 ms packets, as fast as a line delivers it. */
async function speak(send: (packet: Int16Array) => void, audio: Int16Array): Promise<void> {
  const start = performance.now();
  for (let at = 0; at < audio.length; at += 480) {
    send(audio.slice(at, at + 480));
    const wait = start + (at + 480) / 24 - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

describe('the openai package', () => {
  it('mints a key, greets, is heard, is spoken back to, calls a tool and is hung up', async () => {
    server = await startRealtimeServer({
      port: 0,
      tls,
      record: true,
      scenario: parseScenario({
        turns: [
          { say: { echo: true } },
          {
            tools: [{ name: 'weather', arguments: { city: 'Bern' } }],
            afterTools: { text: 'Sunny.', tone: 900, toneMs: 400 },
          },
        ],
      }),
    });
    const agent = { ca: tls.cert };
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: server.url });
    const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: agent }, client);
    const types: string[] = [];
    const errors: unknown[] = [];
    const audio = new Map<string, Uint8Array[]>();
    let called: { call_id: string; name: string; arguments: string } | undefined;
    rt.on('event', (event) => types.push(event.type));
    rt.on('error', (error) => errors.push(error));
    rt.on('response.output_audio.delta', (event) => {
      const chunks = audio.get(event.response_id) ?? [];
      audio.set(event.response_id, chunks);
      chunks.push(Buffer.from(event.delta, 'base64'));
    });
    rt.on('response.function_call_arguments.done', (event) => {
      called = event;
    });
    await until('session.created', () => types.includes('session.created'));
    rt.send({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'Be a line.',
        audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } },
      },
    });
    await until('session.updated', () => types.includes('session.updated'));
    rt.send({ type: 'response.create' });
    await until('the greeting', () => types.includes('response.done'));
    const greeting = samplesOf([...audio.values()][0]!);
    expect(greeting.length).toBeGreaterThan(3 * 24_000);

    const packet = (samples: Int16Array) => rt.send({ type: 'input_audio_buffer.append', audio: toBase64(samples) });
    await speak(packet, makeTone(640, 24_000, 700, -18));
    await speak(packet, new Int16Array(24 * 700));
    await until('the echo', () => types.filter((type) => type === 'response.done').length === 2);
    const echo = samplesOf([...audio.values()][1]!);
    expect(dominantTone(echo.subarray(4_800, 14_400), 24_000).hz).toBeCloseTo(640, 0);
    expect(types).toContain('conversation.item.input_audio_transcription.completed');

    rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'weather?' }] },
    });
    rt.send({ type: 'response.create' });
    await until('the tool call', () => called !== undefined);
    expect(called).toMatchObject({ name: 'weather', arguments: '{"city":"Bern"}' });
    await until('the end of the call', () => types.filter((type) => type === 'response.done').length === 3);
    rt.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: called!.call_id, output: '{"sky":"clear"}' },
    });
    rt.send({ type: 'response.create' });
    await until('the answer', () => types.filter((type) => type === 'response.done').length === 4);
    expect(dominantTone(samplesOf([...audio.values()][2]!), 24_000).hz).toBeCloseTo(900, 0);
    expect(errors).toEqual([]);
    rt.close();
    await until('the end', () => server.sessions[0]?.live === false);
    expect(dominantTone(server.sessions[0]!.inputAudio().subarray(2_400, 12_000), 24_000).hz).toBeCloseTo(640, 0);
    expect(server.stats).toMatchObject({ sessionsStarted: 1, sessionsLive: 0, responses: 4, errors: 0 });
  });

  it('gets the errors of the service', async () => {
    server = await startRealtimeServer({ port: 0, tls });
    const client = new OpenAI({ apiKey: 'wrong', baseURL: server.url });
    const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { ca: tls.cert } }, client);
    const message = await new Promise<string>((resolve) => rt.on('error', (error) => resolve(error.message)));
    expect(message).toContain('401');
  });
});

describe('the agents package', () => {
  it('holds a session over its WebSocket transport, with a tool and an interruption', async () => {
    server = await startRealtimeServer({
      port: 0,
      speed: 4,
      scenario: parseScenario({
        turns: [
          { tools: [{ name: 'add', arguments: { a: 2, b: 3 } }], afterTools: { text: 'Five.', speechMs: 600 } },
          { say: { text: 'A long story.', speechMs: 20_000 } },
        ],
      }),
    });
    let added: unknown;
    const add = tool({
      name: 'add',
      description: 'Adds two numbers',
      parameters: z.object({ a: z.number(), b: z.number() }),
      execute: async (args) => {
        added = args;
        return String(args.a + args.b);
      },
    });
    const transport = new OpenAIRealtimeWebSocket({
      url: `${server.url.replace('http', 'ws')}/realtime?model=gpt-realtime`,
      useInsecureApiKey: true,
    });
    const session = new RealtimeSession(new RealtimeAgent({ name: 'Line', instructions: 'Be a line.', tools: [add] }), {
      transport,
      model: 'gpt-realtime',
      config: { audio: { input: { turnDetection: { type: 'server_vad', silenceDurationMs: 300 } } } },
    });
    const errors: unknown[] = [];
    const heard: Uint8Array[] = [];
    const types: string[] = [];
    let interrupted = 0;
    session.on('error', (error) => errors.push(error));
    session.on('audio', (event) => heard.push(new Uint8Array(event.data)));
    session.on('audio_interrupted', () => interrupted++);
    session.transport.on('*', (event) => types.push(event.type));
    await session.connect({ apiKey: 'sk-test' });
    await until('session.updated', () => types.includes('session.updated'));
    session.sendMessage('please add');
    await until('the tool and its answer', () => types.filter((type) => type === 'response.done').length === 2);
    expect(added).toEqual({ a: 2, b: 3 });
    expect(samplesOf(heard).length / 24).toBe(600);
    session.sendMessage('tell me');
    await until('the story', () => types.filter((type) => type === 'response.created').length === 3);
    const packet = (samples: Int16Array) => session.sendAudio(samples.buffer as ArrayBuffer);
    await speak(packet, makeTone(500, 24_000, 400, -18));
    await until('the interruption', () => interrupted > 0);
    const record = server.sessions[0]!;
    expect(record.interruptions).toBe(1);
    await until('the truncation', () => types.includes('conversation.item.truncated'));
    session.close();
    await until('the end', () => !record.live);
    expect(errors).toEqual([]);
    expect(record.errors).toEqual([]);
  });
});

/** What the package needs of a browser, taken from the WebRTC library of this project. */
interface BrowserParts {
  RTCPeerConnection: new () => { addTransceiver(kind: string): unknown };
  nonstandard: { RTCAudioSource: new () => { createTrack(): unknown; onData(data: unknown): void } };
  MediaStream: new (tracks: unknown[]) => unknown;
}

describe('the agents package over WebRTC', () => {
  it('holds a session with the transport that browsers use', async () => {
    const wrtc = createRequire(import.meta.url)('@roamhq/wrtc') as BrowserParts;
    vi.stubGlobal('RTCPeerConnection', wrtc.RTCPeerConnection);
    server = await startRealtimeServer({ port: 0, voice: { tone: 800, ms: 1_000 } });
    const source = new wrtc.nonstandard.RTCAudioSource();
    const mediaStream = new wrtc.MediaStream([source.createTrack()]) as never;
    const minted = await new OpenAI({ apiKey: 'sk-test', baseURL: server.url }).realtime.clientSecrets.create({
      session: { type: 'realtime', model: 'gpt-realtime' },
    });
    const transport = new OpenAIRealtimeWebRTC({
      baseUrl: `${server.url}/realtime/calls`,
      mediaStream,
      audioElement: { autoplay: false } as never,
    });
    const session = new RealtimeSession(new RealtimeAgent({ name: 'Line', instructions: 'Be a line.' }), {
      transport,
      model: 'gpt-realtime',
    });
    const types: string[] = [];
    session.transport.on('*', (event) => types.push(event.type));
    try {
      await session.connect({ apiKey: minted.value });
      await until('session.updated', () => types.includes('session.updated'));
      session.sendMessage('hello');
      await until('the play-out', () => types.includes('output_audio_buffer.stopped'));
      expect(types).toContain('response.done');
      expect(types).not.toContain('error');
      expect(transport.callId).toMatch(/^rtc_/);
    } finally {
      session.close();
      vi.unstubAllGlobals();
    }
    await until('the end', () => server.stats.sessionsLive === 0, 15_000);
  });
});
