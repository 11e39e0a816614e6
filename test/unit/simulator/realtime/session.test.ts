import { describe, expect, it } from 'vitest';
import { dominantTone } from '../../../../src/media/tone.ts';
import { defaultConfig, mergeConfig, parseUpdate } from '../../../../src/simulator/realtime/session-config.ts';
import { recording } from '../../../../src/simulator/realtime/speech.ts';
import { bench, deltasOf } from './fakes.ts';

function configWith(update: Record<string, unknown>) {
  return mergeConfig(defaultConfig(), parseUpdate({ type: 'realtime', ...update }), {
    voiceFixed: false,
    modelFixed: false,
  });
}

describe('a response over WebSocket', () => {
  it('tells every event in the order of the service, and ends', () => {
    const { session, clock, send, types, events, last, ticker } = bench();
    send({ type: 'response.create' });
    clock.advance(5_000);
    const order = types().filter((type, i, all) => type !== all[i - 1]);
    const collapsed = order.filter((type) => !type.endsWith('.delta'));
    expect(collapsed).toEqual([
      'session.created',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.content_part.added',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    expect(order.indexOf('response.output_audio_transcript.delta')).toBeLessThan(
      order.indexOf('response.output_audio.delta'),
    );
    const ids = events.map((event) => event.event_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(deltasOf(events)).toEqual(recording('greeting').audio);
    const said = events.filter((e) => e.type === 'response.output_audio_transcript.delta').map((e) => e.delta);
    expect(said.join('')).toBe(recording('greeting').transcript);
    const { response } = last('response.done');
    expect(response.status).toBe('completed');
    expect(response.output[0]).toMatchObject({ type: 'message', role: 'assistant', status: 'completed' });
    expect(response.usage.output_token_details.audio_tokens).toBe(
      Math.ceil((recording('greeting').audio.length / 24_000) * 20),
    );
    expect(response.usage.total_tokens).toBe(response.usage.input_tokens + response.usage.output_tokens);
    expect(session.responses.active).toBeUndefined();
    expect(ticker.size).toBe(0);
  });

  it('generates eight times as fast as it is heard, in deltas of 200 ms', () => {
    const { clock, send, events, types } = bench();
    send({ type: 'response.create' });
    const total = recording('greeting').audio.length / 24;
    clock.advance(total / 8 - 60);
    expect(types()).not.toContain('response.done');
    const lengths = events
      .filter((e) => e.type === 'response.output_audio.delta')
      .map((e) => Buffer.from(e.delta, 'base64').length / 48);
    expect(new Set(lengths)).toEqual(new Set([200]));
    clock.advance(120);
    expect(types()).toContain('response.done');
  });

  it('catches up after a stall instead of losing audio', () => {
    const { clock, send, events, types } = bench();
    send({ type: 'response.create' });
    clock.stall(5_000);
    clock.advance(20);
    expect(types()).toContain('response.done');
    expect(deltasOf(events)).toEqual(recording('greeting').audio);
  });

  it.each([
    ['audio/pcmu', 8],
    ['audio/pcma', 8],
  ])('speaks %s at 8 kHz', (type, bytesPerMs) => {
    const { clock, send, events } = bench({
      config: configWith({ audio: { output: { format: { type } } } }),
      voice: { tone: 1_000, ms: 1_000 },
    });
    send({ type: 'response.create' });
    clock.advance(3_000);
    const bytes = events
      .filter((e) => e.type === 'response.output_audio.delta')
      .map((e) => Buffer.from(e.delta, 'base64').length);
    expect(bytes.reduce((a, b) => a + b, 0)).toBe(1_000 * bytesPerMs);
  });

  it('speaks a pure tone when asked to', () => {
    const { clock, send, events } = bench({ voice: { tone: 1_000, ms: 1_000 } });
    send({ type: 'response.create' });
    clock.advance(3_000);
    const heard = dominantTone(deltasOf(events).subarray(2_400, 21_600), 24_000);
    expect(heard.hz).toBeCloseTo(1_000, 0);
    expect(heard.dbfs).toBeCloseTo(-18, 0);
  });

  it('answers in text when the output is text', () => {
    const { clock, send, last, types } = bench();
    send({ type: 'response.create', response: { output_modalities: ['text'] } });
    clock.advance(1_000);
    expect(last('response.output_text.done').text).toBe(recording('greeting').transcript);
    expect(types().some((type) => type.includes('audio'))).toBe(false);
  });

  it('stops at max_output_tokens as incomplete', () => {
    const { clock, send, last, events } = bench();
    send({ type: 'response.create', response: { max_output_tokens: 20 } });
    clock.advance(3_000);
    expect(last('response.done').response).toMatchObject({
      status: 'incomplete',
      status_details: { type: 'incomplete', reason: 'max_output_tokens' },
    });
    expect(deltasOf(events).length).toBe(24_000);
  });

  it('speaks out of band without touching the conversation, beside the active response', () => {
    const { clock, session, send, all, types } = bench();
    send({ type: 'response.create' });
    send({ type: 'response.create', response: { conversation: 'none', metadata: { topic: 'x' } } });
    clock.advance(3_000);
    expect(all('response.done')).toHaveLength(2);
    expect(all('conversation.item.added')).toHaveLength(1);
    expect(session.conversation.entries).toHaveLength(1);
    expect(all('response.created')[1].response).toMatchObject({ conversation_id: null, metadata: { topic: 'x' } });
    expect(types()).not.toContain('error');
  });
});

describe('one response at a time', () => {
  it('refuses a second one', () => {
    const { send, last } = bench();
    send({ type: 'response.create' });
    send({ type: 'response.create', event_id: 'mine' });
    expect(last('error').error).toMatchObject({
      type: 'invalid_request_error',
      code: 'conversation_already_has_active_response',
      event_id: 'mine',
    });
  });

  it('cancels, with every done event and no audio afterwards', () => {
    const { clock, send, last, types } = bench();
    send({ type: 'response.create' });
    clock.advance(100);
    send({ type: 'response.cancel' });
    const { response } = last('response.done');
    expect(response.status).toBe('cancelled');
    expect(response.status_details).toEqual({ type: 'cancelled', reason: 'client_cancelled' });
    expect(response.output[0].status).toBe('incomplete');
    const at = types().length;
    clock.advance(5_000);
    expect(types().slice(at)).toEqual([]);
    expect(types().filter((type) => type.endsWith('.done'))).toEqual([
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'conversation.item.done',
      'response.output_item.done',
      'response.done',
    ]);
  });

  it('says that there is nothing to cancel', () => {
    const { send, last, all } = bench();
    send({ type: 'response.cancel' });
    expect(last('error').error.code).toBe('response_cancel_not_active');
    send({ type: 'response.create' });
    send({ type: 'response.cancel', response_id: 'resp_other' });
    expect(all('error')).toHaveLength(2);
  });
});
