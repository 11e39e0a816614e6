import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenAiLeg } from '../../src/agents/openai/leg.ts';
import { type OpenAiAgentOptions, resolveOptions } from '../../src/agents/openai/options.ts';
import { connectWebSocket } from '../../src/agents/openai/websocket.ts';
import { systemClock } from '../../src/call/clock.ts';
import type { Counter } from '../../src/call/counters.ts';
import type { AgentEvent } from '../../src/call/events.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { BridgeError } from '../../src/errors.ts';
import { FakeSink, fakeLog } from '../fakes/legs.ts';
import { says, ulaw } from '../fakes/model.ts';
import { ScriptedModel } from '../fakes/scripted-model.ts';
import { seen } from './waiting.ts';

const HANGUP = termination('caller-hangup');

let model: ScriptedModel;
let legs: OpenAiLeg[] = [];

beforeEach(async () => {
  model = await ScriptedModel.listen();
});

afterEach(async () => {
  await Promise.all(legs.map((leg) => leg.close(HANGUP)));
  legs = [];
  await model.close();
});

function agent(options: Partial<OpenAiAgentOptions> = {}) {
  const leg = new OpenAiLeg(
    resolveOptions({
      apiKey: 'sk-canary',
      baseUrl: model.baseUrl,
      model: 'gpt-realtime',
      transport: 'websocket',
      ...options,
    }),
    {
      webrtc: () => Promise.reject(new BridgeError('PEER_UNAVAILABLE', 'not in this test')),
      websocket: connectWebSocket,
    },
  );
  legs.push(leg);
  const events: AgentEvent[] = [];
  const counters: Partial<Record<Counter, number>> = {};
  const abort = new AbortController();
  const peer = new FakeSink(leg.rate);
  const log = fakeLog();
  const started = leg.start({
    callId: 'call_1',
    peer,
    emit: (event) => events.push(event),
    count: (counter, n = 1) => {
      counters[counter] = (counters[counter] ?? 0) + n;
    },
    log,
    clock: systemClock,
    ticker: new Ticker(systemClock),
    signal: abort.signal,
  });
  started.catch(() => {});
  const types = () => events.map((event) => event.type);
  const end = () => events.find((event) => event.type === 'ended')?.end;
  return { leg, events, counters, abort, peer, log, started, types, end };
}

describe('OpenAI over a real WebSocket', () => {
  it('mints a key, opens the session with it, and carries audio both ways', async () => {
    const a = agent();
    await a.started;
    expect(model.keyRequests[0]).toMatchObject({
      url: '/v1/realtime/client_secrets',
      headers: { authorization: 'Bearer sk-canary' },
    });
    expect(model.last.url).toBe('/v1/realtime?model=gpt-realtime');
    expect(model.last.headers.authorization).toBe('Bearer ek_1');
    expect(model.last.headers['openai-beta']).toBeUndefined();
    for (let i = 0; i < 10; i++) a.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    await seen(() => expect(model.last.audioBytes).toBe(1600));
    for (const event of [says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(200))]) {
      model.last.says(event);
    }
    await seen(() => expect(a.peer.heard.length).toBe(1600));
    expect(a.types()).toEqual(['ready', 'response_started', 'audio_started']);
    expect(JSON.stringify(a.log.lines)).not.toMatch(/sk-canary|ek_1/);
  });

  it('keeps a query string of the base on every request, and says beta where it is spoken', async () => {
    const a = agent({
      baseUrl: `${model.baseUrl}?api-version=2025-04`,
      headers: { 'api-key': 'azure-canary' },
      keyApi: 'sessions',
    });
    model.script.key = { status: 200, body: { client_secret: { value: 'ek_beta', expires_at: 0 } } };
    await a.started;
    expect(model.keyRequests[0]?.url).toBe('/v1/realtime/sessions?api-version=2025-04');
    expect(model.keyRequests[0]?.headers.authorization).toBeUndefined();
    expect(model.last.url).toBe('/v1/realtime?api-version=2025-04&model=gpt-realtime');
    expect(model.last.headers).toMatchObject({ 'api-key': 'azure-canary', 'openai-beta': 'realtime=v1' });
  });

  it.each([
    // A short-lived key may have expired on the way: it is asked for anew, once.
    [401, 'MODEL_AUTH', 'model-auth', 2],
    [404, 'MODEL_REJECTED', 'model-rejected', 1],
  ])('does not insist when the handshake is refused with %i', async (status, code, reason, keys) => {
    model.script.upgrade = status;
    const a = agent();
    await expect(a.started).rejects.toMatchObject({ code, status });
    expect(a.end()).toMatchObject({ reason });
    expect(model.keyRequests).toHaveLength(keys);
  });

  it('tries again when the handshake meets a 500', async () => {
    model.script.upgrade = 500;
    const a = agent();
    await seen(() => expect(a.counters.model_retry).toBe(1));
    model.script = {};
    await a.started;
    expect(model.keyRequests.length).toBeGreaterThan(1);
    expect(a.types()).toEqual(['ready']);
  });

  it('asks for another key when the one it has expired on the way to its session', async () => {
    model.script.upgrade = 401;
    const a = agent();
    await seen(() => expect(a.counters.model_retry).toBe(1));
    model.script = {};
    await a.started;
    expect(model.keyRequests.length).toBe(2);
    expect(model.sessions.map(({ headers }) => headers.authorization)).toEqual(['Bearer ek_2']);
    expect(a.types()).toEqual(['ready']);
  });

  it('gives up when the second is refused as well', async () => {
    model.script.upgrade = 401;
    const a = agent();
    await expect(a.started).rejects.toMatchObject({ code: 'MODEL_AUTH' });
    expect(model.keyRequests.length).toBe(2);
  });

  it('fails clearly when the key is refused', async () => {
    model.script.key = {
      status: 401,
      body: { error: { code: 'invalid_api_key', message: 'Incorrect key sk-canary' } },
    };
    const a = agent();
    const error = await a.started.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'MODEL_AUTH' });
    expect(JSON.stringify([a.events, String(error)])).not.toContain('sk-canary');
    expect(model.sessions).toEqual([]);
  });

  it('ends before any noise when the model confirms another format', async () => {
    model.script.audio = { input: { format: { type: 'audio/pcm', rate: 24_000 } } };
    const a = agent();
    await expect(a.started).rejects.toMatchObject({ code: 'MODEL_FORMAT_MISMATCH' });
    expect(a.peer.heard).toEqual([]);
    await seen(() => expect(model.open).toBe(0));
  });

  it('takes the conversation up again when the line is cut in the middle of a sentence', async () => {
    const a = agent();
    await a.started;
    for (const event of [
      says.created('r1'),
      says.message('r1', 'i1'),
      says.words('r1', 'i1', 'We open at'),
      says.delta('r1', 'i1', ulaw(100)),
    ]) {
      model.last.says(event);
    }
    await seen(() => expect(a.peer.heard.length).toBe(800));
    const cutAt = performance.now();
    model.cut();
    await seen(() => expect(a.types().filter((type) => type === 'ready')).toHaveLength(2));
    expect(performance.now() - cutAt).toBeLessThan(3_000);
    expect(model.last.headers.authorization).toBe('Bearer ek_2');
    await seen(() => expect(model.last.received.map((event) => event.type)).toContain('response.create'));
    expect(JSON.stringify(model.last.received)).toContain('We open at');
    for (const event of [says.created('r2'), says.message('r2', 'j1'), says.delta('r2', 'j1', ulaw(100))]) {
      model.last.says(event);
    }
    await seen(() => expect(a.peer.heard.length).toBe(1600));
  });

  it('survives junk: text, binary, and events of wrong shapes', async () => {
    const a = agent();
    await a.started;
    model.last.says('not json');
    model.last.says('{"type":"response.done"}');
    model.last.says({ type: 'vendor.news' });
    model.last.socket.sendBinary(new Uint8Array([1, 2, 3]));
    model.last.says(says.speechStarted);
    await seen(() => expect(a.types()).toEqual(['ready', 'speech_started']));
    expect(a.counters).toMatchObject({ model_event_malformed: 3, model_event_unknown: 1 });
  });

  it('is never used when the session is never confirmed', async () => {
    model.script.mute = true;
    const a = agent({ budgets: { sessionMs: 100, startMs: 5_000 } });
    await expect(a.started).rejects.toMatchObject({ code: 'MODEL_SESSION_UNCONFIRMED' });
    expect(a.types()).toEqual(['ended']);
    await seen(() => expect(model.open).toBe(0));
  });

  it('closes its socket, in order, when the call ends', async () => {
    const a = agent();
    await a.started;
    await a.leg.close(HANGUP);
    await seen(() => expect(model.last.closed).toEqual({ code: 1000, reason: '' }));
    await seen(() => expect(model.open).toBe(0));
    expect(a.types()).toEqual(['ready']);
  });

  it('leaves no socket when the call ends in the middle of a start', async () => {
    model.script.mute = true;
    const a = agent();
    await seen(() => expect(model.sessions).toHaveLength(1));
    a.abort.abort(HANGUP);
    await expect(a.started).rejects.toMatchObject({ code: 'ABORTED' });
    await seen(() => expect(model.open).toBe(0));
    expect(a.events).toEqual([]);
  });
});
