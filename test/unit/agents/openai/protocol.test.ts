import fc from 'fast-check';
import type { RealtimeSessionCreateRequest } from 'openai/resources/realtime/realtime';
import { describe, expect, it } from 'vitest';
import { parseServerEvent } from '../../../../src/agents/openai/events.ts';
import { type KeyApi, resolveOptions } from '../../../../src/agents/openai/options.ts';
import {
  channelBytes,
  formatMismatch,
  keySession,
  sessionUpdate,
  takesTemperature,
} from '../../../../src/agents/openai/session.ts';
import { restUrl, socketUrl } from '../../../../src/agents/openai/urls.ts';
import { updateFromBeta } from '../../../../src/simulator/realtime/beta.ts';
import { parseUpdate } from '../../../../src/simulator/realtime/session-config.ts';
import { says } from '../../../fakes/model.ts';

describe('addresses', () => {
  it.each([
    [
      restUrl('https://api.openai.com/v1', 'realtime/client_secrets'),
      'https://api.openai.com/v1/realtime/client_secrets',
    ],
    [
      restUrl('https://h.example/v1/?api-version=2025-01', '/realtime/calls', { model: 'a b' }),
      'https://h.example/v1/realtime/calls?api-version=2025-01&model=a+b',
    ],
    [restUrl('http://127.0.0.1:8080', 'realtime'), 'http://127.0.0.1:8080/realtime'],
    [restUrl('wss://h.example/v1', 'realtime'), 'https://h.example/v1/realtime'],
    [
      socketUrl('https://h.example/v1?api-version=1', { model: 'm' }),
      'wss://h.example/v1/realtime?api-version=1&model=m',
    ],
    [socketUrl('http://localhost:9/v1', { model: 'm' }), 'ws://localhost:9/v1/realtime?model=m'],
    [socketUrl('ws://localhost:9'), 'ws://localhost:9/realtime'],
    [socketUrl('https://h/v1?model=base', { model: 'mine' }), 'wss://h/v1/realtime?model=mine'],
  ])('%s', (got, wanted) => expect(got).toBe(wanted));

  it.each(['', 'api.openai.com/v1', 'ftp://h/v1', 'https://user:secret@h/v1'])('refuses %j', (base) => {
    expect(() => restUrl(base, 'x')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('server events', () => {
  it('maps what the beta called otherwise', () => {
    const beta = (type: string, more: object) => parseServerEvent(JSON.stringify({ type, ...more }))?.type;
    const ids = { response_id: 'r', item_id: 'i' };
    expect(beta('response.audio.delta', { ...ids, delta: '' })).toBe('response.output_audio.delta');
    expect(beta('response.audio.done', ids)).toBe('response.output_audio.done');
    expect(beta('response.audio_transcript.delta', { ...ids, delta: '' })).toBe(
      'response.output_audio_transcript.delta',
    );
    expect(beta('response.audio_transcript.done', { ...ids, transcript: '' })).toBe(
      'response.output_audio_transcript.done',
    );
    expect(beta('response.text.delta', { ...ids, delta: '' })).toBe('response.output_text.delta');
    expect(beta('response.text.done', { ...ids, text: '' })).toBe('response.output_text.done');
    expect(beta('conversation.item.created', { item: { id: 'x' } })).toBe('conversation.item.added');
  });

  it('tells unknown from ignored from junk', () => {
    expect(parseServerEvent('{"type":"response.telepathy.delta"}')).toEqual({
      type: 'unknown',
      name: 'response.telepathy.delta',
    });
    expect(parseServerEvent('{"type":"response.content_part.added"}')).toMatchObject({ type: 'ignored' });
    expect(parseServerEvent('{"type":"__proto__"}')).toEqual({ type: 'unknown', name: '__proto__' });
    for (const junk of ['', 'null', '7', '[]', '{}', '{"type":1}', '{"type":"response.created"}', 'x'.repeat(1000)]) {
      expect(parseServerEvent(junk)).toBeNull();
    }
  });

  it('reads who begins to speak whatever it says of the item', () => {
    const read = (more: object) =>
      parseServerEvent(JSON.stringify({ type: 'input_audio_buffer.speech_started', ...more }));
    const type = 'input_audio_buffer.speech_started';
    expect(read({ item_id: 'item_1', audio_start_ms: 3 })).toEqual({ type, item_id: 'item_1' });
    expect(read({ item_id: 17 })).toEqual({ type, item_id: '17' });
    for (const item of [undefined, null, {}, ['x'], true, 'x'.repeat(257)])
      expect(read({ item_id: item })).toEqual({ type });
    expect(parseServerEvent(`{"type":"${type}","item_id":1e999}`)).toEqual({ type });
  });

  it('refuses an audio delta of a wrong shape', () => {
    const good = says.delta('r', 'i', 'AAAA');
    expect(parseServerEvent(JSON.stringify(good))).toEqual({
      type: 'response.output_audio.delta',
      response_id: 'r',
      item_id: 'i',
      content_index: 0,
      delta: 'AAAA',
    });
    for (const bad of [{ delta: 1 }, { response_id: null }, { item_id: {} }, { item_id: 'x'.repeat(300) }]) {
      expect(parseServerEvent(JSON.stringify({ ...good, ...bad }))).toBeNull();
    }
  });

  it('reads formats in both dialects', () => {
    const ga = parseServerEvent(
      JSON.stringify({ type: 'session.updated', session: { audio: { input: { format: { type: 'audio/pcmu' } } } } }),
    );
    expect(ga).toMatchObject({ session: { formats: { input: { type: 'audio/pcmu' }, output: undefined } } });
    const beta = parseServerEvent(
      JSON.stringify({
        type: 'session.created',
        session: { id: 's', input_audio_format: 'g711_ulaw', output_audio_format: 'pcm16', expires_at: 12 },
      }),
    );
    expect(beta).toMatchObject({
      session: {
        id: 's',
        expiresAt: 12,
        formats: { input: { type: 'audio/pcmu' }, output: { type: 'audio/pcm', rate: 24_000 } },
      },
    });
  });

  it('never throws, whatever comes', () => {
    const types = [
      'session.updated',
      'response.done',
      'error',
      'response.output_item.done',
      'rate_limits.updated',
      'x',
    ];
    const anyEvent = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom(...types),
          session: fc.jsonValue(),
          response: fc.jsonValue(),
          error: fc.jsonValue(),
          item: fc.jsonValue(),
        })
        .map((event) => JSON.stringify(event)),
    );
    fc.assert(
      fc.property(anyEvent, (text) => {
        const event = parseServerEvent(text);
        expect(event === null || typeof event.type === 'string').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the session', () => {
  const full = resolveOptions({
    apiKey: 'sk-x',
    model: 'gpt-realtime',
    voice: 'marin',
    instructions: 'Be kind.',
    tools: [{ type: 'function', name: 'f', parameters: {} }],
    turnDetection: { type: 'server_vad', threshold: 0.4, silenceDurationMs: 300, interruptResponse: true },
    transcription: { model: 'gpt-4o-transcribe', language: 'de' },
    noiseReduction: 'near_field',
    speed: 1.1,
  });

  it('is asked for in GA form, with the format over the WebSocket only', () => {
    expect(sessionUpdate(full, 'websocket')).toEqual({
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'Be kind.',
      tools: [{ type: 'function', name: 'f', parameters: {} }],
      tool_choice: 'auto',
      audio: {
        input: {
          format: { type: 'audio/pcmu' },
          transcription: { model: 'gpt-4o-transcribe', language: 'de' },
          noise_reduction: { type: 'near_field' },
          turn_detection: { type: 'server_vad', threshold: 0.4, silence_duration_ms: 300, interrupt_response: true },
        },
        output: { format: { type: 'audio/pcmu' }, voice: 'marin', speed: 1.1 },
      },
    });
    const overWebRtc = sessionUpdate(full, 'webrtc') as { audio: { input: object; output: object } };
    expect(overWebRtc.audio.input).not.toHaveProperty('format');
    expect(overWebRtc.audio.output).not.toHaveProperty('format');
  });

  const everything = resolveOptions({
    apiKey: 'sk-x',
    model: 'gpt-realtime-2.1',
    voice: 'voice_abc',
    reasoningEffort: 'low',
    parallelToolCalls: false,
    maxOutputTokens: 900,
    truncation: { retentionRatio: 0.8, postInstructionTokens: 8_000 },
    transcription: {
      model: 'gpt-transcribe',
      languages: ['en', 'es'],
      keywords: ['Lakeside'],
      prompt: 'dental',
      delay: 'low',
    },
    storedPrompt: { id: 'pmpt_1', version: '2', variables: { city: 'Boston' } },
  });

  it('has all that can be set, in the names of the API, and nothing that is not', () => {
    const session: RealtimeSessionCreateRequest = sessionUpdate(everything, 'webrtc') as never;
    expect(session).toEqual({
      type: 'realtime',
      output_modalities: ['audio'],
      reasoning: { effort: 'low' },
      parallel_tool_calls: false,
      max_output_tokens: 900,
      truncation: { type: 'retention_ratio', retention_ratio: 0.8, token_limits: { post_instructions: 8_000 } },
      prompt: { id: 'pmpt_1', version: '2', variables: { city: 'Boston' } },
      audio: {
        input: {
          transcription: {
            model: 'gpt-transcribe',
            languages: ['en', 'es'],
            keywords: ['Lakeside'],
            prompt: 'dental',
            delay: 'low',
          },
        },
        output: { voice: { id: 'voice_abc' } },
      },
    } satisfies RealtimeSessionCreateRequest);
    expect(parseUpdate(session)).toBeDefined();
    const bare = resolveOptions({ apiKey: 'sk-x', model: 'm' });
    expect(sessionUpdate(bare, 'webrtc')).toEqual({
      type: 'realtime',
      output_modalities: ['audio'],
      audio: { input: {}, output: {} },
    });
    expect(sessionUpdate({ ...bare, truncation: 'disabled', maxOutputTokens: 'inf' }, 'webrtc')).toMatchObject({
      truncation: 'disabled',
      max_output_tokens: 'inf',
    });
    expect(sessionUpdate({ ...bare, truncation: { retentionRatio: 0.5 } }, 'webrtc')).toMatchObject({
      truncation: { type: 'retention_ratio', retention_ratio: 0.5 },
    });
    expect(keySession(everything)).toMatchObject({ model: 'gpt-realtime-2.1', reasoning: { effort: 'low' } });
  });

  it('has in the beta only what that knows', () => {
    const flat = sessionUpdate({ ...everything, keyApi: 'sessions' }, 'webrtc');
    expect(flat).toEqual({
      modalities: ['audio', 'text'],
      max_response_output_tokens: 900,
      input_audio_transcription: { model: 'gpt-transcribe', prompt: 'dental' },
    });
    expect(() => updateFromBeta(flat)).not.toThrow();
  });

  it.each([0, 4_097, 1.5])('has no answers of %d tokens', (maxOutputTokens) => {
    expect(() => resolveOptions({ apiKey: 'sk-x', model: 'm', maxOutputTokens })).toThrow(/maxOutputTokens/);
  });

  it('has no idle timeout where the deployment speaks the beta, which knows none', () => {
    const idle = { ...full, turnDetection: { type: 'server_vad', idleTimeoutMs: 6_000 } } as const;
    expect(sessionUpdate(idle, 'websocket')).toMatchObject({
      audio: { input: { turn_detection: { idle_timeout_ms: 6_000 } } },
    });
    for (const flat of [
      sessionUpdate({ ...idle, keyApi: 'sessions' }, 'webrtc'),
      keySession({ ...idle, keyApi: 'sessions' }),
    ]) {
      expect(flat['turn_detection']).toEqual({ type: 'server_vad' });
    }
  });

  it('has a temperature where the deployment speaks the beta, which takes one, and nowhere else', () => {
    const warm = { ...full, temperature: 0.7 };
    expect(sessionUpdate({ ...warm, keyApi: 'sessions' }, 'websocket')['temperature']).toBe(0.7);
    expect(keySession({ ...warm, keyApi: 'sessions' })['temperature']).toBe(0.7);
    expect(JSON.stringify([sessionUpdate(warm, 'websocket'), keySession(warm)])).not.toContain('temperature');
    const taken = (keyApi: KeyApi, temperature: number) => takesTemperature({ keyApi }, temperature);
    expect([taken('sessions', 0.6), taken('sessions', 1.2), taken('sessions', 0.5), taken('sessions', 1.3)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([taken('client_secrets', 0.8), taken('none', 0.8)]).toEqual([false, false]);
  });

  it.each([
    ['ASCII', 'x'.repeat(100), 100],
    ['what the far end may escape', '語ä', 12],
    ['a pair of surrogates', '😀', 12],
  ])('is measured as it may come back on a data channel: %s', (_what, text, bytes) => {
    expect(channelBytes(text)).toBe(bytes);
  });

  it('is asked for flat where the deployment speaks the beta', () => {
    expect(sessionUpdate({ ...full, keyApi: 'sessions', format: 'pcm16' }, 'websocket')).toMatchObject({
      modalities: ['audio', 'text'],
      voice: 'marin',
      input_audio_format: 'pcm16',
      output_audio_format: 'pcm16',
      input_audio_transcription: { model: 'gpt-4o-transcribe', language: 'de' },
    });
    expect(sessionUpdate({ ...full, keyApi: 'sessions' }, 'websocket')).not.toHaveProperty('type');
  });

  it('names the model when a key is asked for, and not when a session is changed', () => {
    expect(keySession(full)).toMatchObject({ type: 'realtime', model: 'gpt-realtime' });
    expect(sessionUpdate(full, 'websocket')).not.toHaveProperty('model');
  });

  it('turns things off with null', () => {
    const off = { ...full, turnDetection: null, transcription: null, noiseReduction: null };
    expect(sessionUpdate(off, 'webrtc')).toMatchObject({
      audio: { input: { turn_detection: null, transcription: null, noise_reduction: null } },
    });
  });

  it.each([
    ['pcmu', { type: 'audio/pcmu' }, { type: 'audio/pcmu' }, true],
    ['pcmu', undefined, undefined, true],
    ['pcmu', { type: 'audio/pcm', rate: 24_000 }, undefined, false],
    ['pcmu', { type: 'audio/pcmu' }, { type: 'audio/pcma' }, false],
    ['pcm16', { type: 'audio/pcm', rate: 24_000 }, { type: 'audio/pcm' }, true],
    ['pcm16', { type: 'audio/pcm', rate: 16_000 }, undefined, false],
    ['pcm16', undefined, { type: 'audio/pcmu' }, false],
  ] as const)('%s against %j and %j', (format, input, output, fits) => {
    expect(formatMismatch(format, { input, output }) === undefined).toBe(fits);
  });
});

describe('options', () => {
  it.each([
    { model: '' },
    { apiKey: '' },
    { baseUrl: 'nonsense' },
    { keyTtlSeconds: 5 },
    { keyTtlSeconds: 7201 },
    { speed: 2 },
  ])('refuse %j', (bad) => {
    expect(() => resolveOptions({ apiKey: 'sk-x', model: 'm', ...bad })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it.each([
    { silentEndMs: 0 },
    { silentRetryMs: 0 },
    { slowRetryMs: Number.NaN },
    { unheardMs: -1 },
    { rolloverMs: Number.POSITIVE_INFINITY },
    { coverMs: -1 },
  ])('refuses a time limit that no timer keeps: %o', (budgets) => {
    expect(() => resolveOptions({ apiKey: 'sk-x', model: 'm', budgets })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(Object.keys(budgets)[0]!) }),
    );
    expect(resolveOptions({ apiKey: 'sk-x', model: 'm', budgets: { coverMs: 0 } }).limits.coverMs).toBe(0);
  });

  it('need no key where there is none to be had', () => {
    expect(() => resolveOptions({ apiKey: '', model: 'm', keyApi: 'none' })).not.toThrow();
    expect(() => resolveOptions({ apiKey: '', model: 'm', headers: { 'Api-Key': 'x' } })).not.toThrow();
  });
});
