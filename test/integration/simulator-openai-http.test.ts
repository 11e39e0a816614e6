import { readFileSync } from 'node:fs';
import OpenAI, { APIError, toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { parseScenario, type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';

/** The official client talks to the endpoints beside the Realtime API. */

let server: RealtimeServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startRealtimeServer({ port: 0 });
  client = new OpenAI({ apiKey: 'sk-test', baseURL: server.url, maxRetries: 0 });
});
afterAll(() => server.close());

const speech = async (input: string) =>
  new Uint8Array(
    await (
      await client.audio.speech.create({ model: 'tts', voice: 'alloy', input, response_format: 'wav' })
    ).arrayBuffer(),
  );
const transcribe = async (bytes: Uint8Array) =>
  client.audio.transcriptions.create({ model: 'stt', file: await toFile(bytes, 'speech.wav') });

describe('speech and transcription', () => {
  it('give back the words that were said, the same bytes for the same words', async () => {
    const said = await speech('My number is 555 0143, Peter.');
    expect(await speech('My number is 555 0143, Peter.')).toEqual(said);
    expect(await transcribe(said)).toMatchObject({ text: 'my number is 555 0143, peter.' });
  });

  it('is bare samples as pcm, at 24 kHz', async () => {
    const answer = await client.audio.speech.create({
      model: 'tts',
      voice: 'a',
      input: 'hello',
      response_format: 'pcm',
    });
    const { channels, sampleRate } = decodeWav(await speech('hello'));
    expect(sampleRate).toBe(24_000);
    expect((await answer.arrayBuffer()).byteLength).toBe(channels[0]!.length * 2);
  });

  it('knows the recorded sentences of the test line, also between tones', async () => {
    const greeting = readFileSync(new URL('../../src/simulator/assets/greeting.wav', import.meta.url));
    expect((await transcribe(greeting)).text).toBe(
      'Hello, this is the test line. Say something and I will say it back to you.',
    );
    const { sampleRate, channels } = decodeWav(greeting);
    const words = decodeWav(await speech('yes'));
    expect(words.sampleRate).toBe(24_000);
    expect(sampleRate).toBe(24_000);
    const both = encodeWav(
      [Int16Array.from([...words.channels[0]!, ...new Int16Array(12_000), ...channels[0]!])],
      24_000,
    );
    expect((await transcribe(both)).text).toMatch(/^yes Hello, this is the test line\./);
  });

  it('tells words with their times when asked to', async () => {
    const heard = await client.audio.transcriptions.create({
      model: 'stt',
      file: await toFile(await speech('one two'), 'speech.wav'),
      response_format: 'verbose_json',
    });
    expect(heard.words?.map(({ word }) => word)).toEqual(['one', 'two']);
    expect(heard.duration).toBeCloseTo(9 * 0.06, 1);
  });

  it('refuses what it cannot do, as the service words it', async () => {
    await expect(client.audio.speech.create({ model: 'tts', voice: 'a', input: 'x' })).rejects.toMatchObject({
      status: 400,
      param: 'response_format',
    });
    await expect(client.audio.speech.create({ model: 'tts', voice: 'a', input: 'x'.repeat(5_000) })).rejects.toThrow(
      APIError,
    );
    await expect(transcribe(new Uint8Array(100))).rejects.toMatchObject({ status: 400, param: 'file' });
    const stranger = new OpenAI({ apiKey: 'nonsense', baseURL: server.url, maxRetries: 0 });
    await expect(stranger.audio.speech.create({ model: 'm', voice: 'a', input: 'x' })).rejects.toMatchObject({
      status: 401,
    });
  });
});

describe('chat', () => {
  it('judges a conversation by the words in quotes', async () => {
    const answer = await client.chat.completions.create({
      model: 'judge',
      messages: [
        { role: 'system', content: 'Judge.' },
        {
          role: 'user',
          content: JSON.stringify({
            conversation: [{ speaker: 'agent', text: 'Good morning!' }],
            criteria: [{ id: 'greets', criterion: 'The agent says "good morning".' }],
          }),
        },
      ],
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({
      verdicts: [{ id: 'greets', verdict: 'pass', quote: 'Good morning!', reason: 'The agent said it.' }],
    });
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('says that it has read anything else', async () => {
    const answer = await client.chat.completions.create({
      model: 'judge',
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(answer.choices[0]?.message.content).toBe('I have read your message.');
  });
});

it('fails as a scenario says, each endpoint by its own count', async () => {
  const failing = await startRealtimeServer({
    port: 0,
    scenario: parseScenario({
      faults: [{ fault: 'refuse_http', endpoint: 'chat', sessions: [1], status: 429, retryAfterSeconds: 3 }],
    }),
  });
  try {
    const asked = new OpenAI({ apiKey: 'sk-test', baseURL: failing.url, maxRetries: 0 });
    const ask = () => asked.chat.completions.create({ model: 'judge', messages: [{ role: 'user', content: 'Hi' }] });
    await asked.audio.speech.create({ model: 'm', voice: 'a', input: 'x', response_format: 'pcm' });
    await expect(ask()).rejects.toMatchObject({ status: 429 });
    await expect(ask()).resolves.toBeDefined();
  } finally {
    await failing.close();
  }
});
