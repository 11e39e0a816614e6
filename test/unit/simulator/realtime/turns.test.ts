import { describe, expect, it } from 'vitest';
import { dominantTone, makeTone } from '../../../../src/media/tone.ts';
import { heardToneWords, toneWords } from '../../../../src/simulator/openai-http/tone-words.ts';
import { defaultConfig, mergeConfig, parseUpdate } from '../../../../src/simulator/realtime/session-config.ts';
import { recording } from '../../../../src/simulator/realtime/speech.ts';
import { seen } from '../../../integration/waiting.ts';
import { bench, deltasOf } from './fakes.ts';

const silence = (ms: number) => new Int16Array(ms * 24);
const tone = (hz: number, ms: number) => makeTone(hz, 24_000, ms, -18);

function configWith(update: Record<string, unknown>) {
  return mergeConfig(defaultConfig(), parseUpdate({ type: 'realtime', ...update }), {
    voiceFixed: false,
    modelFixed: false,
  });
}

describe('turns', () => {
  it('detects a turn, commits it and says it back', () => {
    const { clock, speak, events, types, last, all } = bench();
    speak(silence(500));
    speak(tone(700, 900));
    speak(silence(700));
    clock.advance(3_000);
    const order = types().filter((type) => !type.endsWith('.delta'));
    expect(order.slice(0, 8)).toEqual([
      'session.created',
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
    ]);
    const started = last('input_audio_buffer.speech_started');
    const stopped = last('input_audio_buffer.speech_stopped');
    expect(Math.abs(started.audio_start_ms - 200)).toBeLessThanOrEqual(20);
    expect(Math.abs(stopped.audio_end_ms - 1_900)).toBeLessThanOrEqual(40);
    const committed = last('input_audio_buffer.committed');
    expect(committed).toMatchObject({ item_id: started.item_id, previous_item_id: null });
    expect(all('conversation.item.added')[0].item).toMatchObject({ id: started.item_id, role: 'user' });
    const echo = deltasOf(events);
    expect(echo.length / 24).toBeGreaterThan(900);
    expect(echo.length / 24).toBeLessThan(1_200);
    expect(dominantTone(echo.subarray(4_800, 19_200), 24_000).hz).toBeCloseTo(700, 0);
    expect(last('response.output_audio_transcript.done').transcript).toMatch(/^You said this, 1\.\d seconds\.$/);
  });

  it('transcribes when that is configured', () => {
    const { speak, last, types } = bench({
      config: configWith({ audio: { input: { transcription: { model: 'whisper-1' } } } }),
    });
    speak(tone(700, 600));
    speak(silence(700));
    const done = last('conversation.item.input_audio_transcription.completed');
    expect(done).toMatchObject({ content_index: 0, item_id: last('input_audio_buffer.committed').item_id });
    expect(done.transcript).toContain('seconds');
    expect(types()).toContain('conversation.item.input_audio_transcription.delta');
  });

  it('writes down words that were said in tones', async () => {
    const { speak, last } = bench({
      config: configWith({ audio: { input: { transcription: { model: 'whisper-1' } } } }),
    });
    speak(silence(400));
    speak(toneWords('table for two'));
    speak(silence(900));
    await seen(() =>
      expect(last('conversation.item.input_audio_transcription.completed').transcript).toBe('table for two'),
    );
  });

  it('says scripted words in such tones, with their text as transcript', async () => {
    const { clock, send, events, last } = bench({
      scenario: { greeting: { text: 'Good morning, Peter.', words: true } },
    });
    send({ type: 'response.create' });
    clock.advance(6_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('Good morning, Peter.');
    const heard = await heardToneWords(deltasOf(events));
    expect(heard.map(({ text }) => text).join(' ')).toBe('good morning, peter.');
  });

  it('cancels the response that the caller speaks into', () => {
    const { speak, send, last, types, record } = bench({ pace: { speed: 1 } });
    send({ type: 'response.create' });
    speak(silence(300));
    speak(tone(500, 200));
    expect(last('response.done').response.status_details).toEqual({ type: 'cancelled', reason: 'turn_detected' });
    expect(types().indexOf('input_audio_buffer.speech_started')).toBeLessThan(types().indexOf('response.done'));
    expect(record.interruptions).toBe(1);
  });

  it('leaves the response alone with interrupt_response off, and answers the turn after it', () => {
    const detection = { type: 'server_vad', interrupt_response: false };
    const { clock, speak, send, all } = bench({
      pace: { speed: 1 },
      config: configWith({ audio: { input: { turn_detection: detection } } }),
    });
    send({ type: 'response.create' });
    speak(tone(500, 600));
    speak(silence(700));
    expect(all('response.done')).toHaveLength(0);
    clock.advance(5_000);
    expect(all('response.done')[0].response.status).toBe('completed');
    expect(all('response.created')).toHaveLength(2);
  });

  it('creates no response with create_response off', () => {
    const { speak, types } = bench({
      config: configWith({ audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } }),
    });
    speak(tone(500, 600));
    speak(silence(700));
    expect(types()).toContain('input_audio_buffer.committed');
    expect(types()).not.toContain('response.created');
  });

  it('waits by eagerness with semantic VAD', () => {
    for (const [eagerness, ms] of [
      ['high', 400],
      ['low', 1_200],
    ] as const) {
      const { speak, last } = bench({
        config: configWith({ audio: { input: { turn_detection: { type: 'semantic_vad', eagerness } } } }),
      });
      speak(tone(500, 600));
      speak(silence(1_500));
      expect(Math.abs(last('input_audio_buffer.speech_stopped').audio_end_ms - (600 + ms))).toBeLessThanOrEqual(40);
    }
  });

  it('leaves turns to the client without turn detection', () => {
    const { clock, speak, send, types, last, events } = bench({
      config: configWith({ audio: { input: { turn_detection: null } } }),
    });
    speak(tone(500, 600));
    speak(silence(1_000));
    expect(types()).toEqual(['session.created']);
    send({ type: 'input_audio_buffer.commit' });
    expect(types().slice(1)).toEqual([
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
    ]);
    send({ type: 'response.create' });
    clock.advance(2_000);
    expect(last('response.done').response.status).toBe('completed');
    expect(dominantTone(deltasOf(events).subarray(4_800, 14_400), 24_000).hz).toBeCloseTo(500, 0);
  });

  it('refuses to commit less than 100 ms, and forgets what is cleared', () => {
    const { speak, send, last, types } = bench({ config: configWith({ audio: { input: { turn_detection: null } } }) });
    speak(tone(500, 600));
    send({ type: 'input_audio_buffer.clear' });
    expect(types()).toContain('input_audio_buffer.cleared');
    send({ type: 'input_audio_buffer.commit' });
    expect(last('error').error.code).toBe('input_audio_buffer_commit_empty');
  });

  it('asks after idle_timeout_ms of silence, counted from the end of what it said', () => {
    const detection = { type: 'server_vad', idle_timeout_ms: 5_000 };
    const { clock, send, types, last } = bench({
      config: configWith({ audio: { input: { turn_detection: detection } } }),
    });
    send({ type: 'response.create' });
    const greeting = recording('greeting').audio.length / 24;
    clock.advance(greeting + 4_900);
    expect(types()).not.toContain('input_audio_buffer.timeout_triggered');
    clock.advance(greeting / 8 + 300);
    const triggered = last('input_audio_buffer.timeout_triggered');
    expect(triggered.item_id).toBe(last('input_audio_buffer.committed').item_id);
    clock.advance(3_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('Are you still there?');
  });

  it('takes G.711 input', () => {
    const { session, clock, events, last } = bench({
      config: configWith({ audio: { input: { format: { type: 'audio/pcmu' } } } }),
    });
    // Mu-law of a square wave of 500 Hz at 8 kHz: eight samples up, eight down.
    const bytes = Buffer.alloc(160);
    for (let i = 0; i < 160; i++) bytes[i] = i % 16 < 8 ? 0x9f : 0x1f;
    const quiet = Buffer.alloc(160, 0xff);
    for (let i = 0; i < 80; i++) {
      const audio = (i < 40 ? bytes : quiet).toString('base64');
      session.receive(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
      clock.advance(20);
    }
    clock.advance(2_000);
    expect(last('response.done').response.status).toBe('completed');
    expect(dominantTone(deltasOf(events).subarray(4_800, 14_400), 24_000).hz).toBeCloseTo(500, 0);
  });
});

describe('over WebRTC', () => {
  it('plays in real time what it generated ahead, and truncates by itself when the caller speaks', () => {
    const { clock, session, send, playout, types, last } = bench({ webrtc: true });
    const frame = new Int16Array(480);
    send({ type: 'response.create' });
    for (let i = 0; i < 100; i++) {
      playout?.pull(frame);
      clock.advance(10);
    }
    expect(types()).not.toContain('response.output_audio.delta');
    expect(types()).toContain('response.done');
    const responseId = last('response.created').response.id;
    expect(last('output_audio_buffer.started').response_id).toBe(responseId);
    expect(types()).not.toContain('output_audio_buffer.stopped');
    session.hear(tone(600, 200));
    expect(last('output_audio_buffer.cleared').response_id).toBe(responseId);
    const truncated = last('conversation.item.truncated');
    expect(truncated.audio_end_ms).toBe(1_000);
    send({ type: 'conversation.item.retrieve', item_id: truncated.item_id });
    expect(last('conversation.item.retrieved').item.content[0]).not.toHaveProperty('transcript');
    expect(playout?.pull(frame)).toBe(false);
  });

  it('tells when the buffer has run out', () => {
    const { clock, send, playout, types } = bench({ webrtc: true, voice: { tone: 800, ms: 500 } });
    const frame = new Int16Array(480);
    send({ type: 'response.create' });
    for (let i = 0; i < 60; i++) {
      clock.advance(10);
      playout?.pull(frame);
    }
    expect(types().slice(-2)).toContain('output_audio_buffer.stopped');
    send({ type: 'output_audio_buffer.clear' });
    expect(types()).not.toContain('output_audio_buffer.cleared');
    expect(types()).not.toContain('error');
  });

  it('counts idle time from the end of what is heard, not of what is generated', () => {
    const { clock, send, playout, types } = bench({
      webrtc: true,
      voice: { tone: 800, ms: 7_000 },
      config: configWith({ audio: { input: { turn_detection: { type: 'server_vad', idle_timeout_ms: 5_000 } } } }),
    });
    const frame = new Int16Array(480);
    const pass = (ms: number) => {
      for (let at = 0; at < ms; at += 10) {
        clock.advance(10);
        playout?.pull(frame);
      }
    };
    send({ type: 'response.create' });
    pass(7_100);
    expect(types().at(-1)).toBe('output_audio_buffer.stopped');
    pass(4_000);
    send({ type: 'response.create', response: { instructions: 'Greet again.' } });
    pass(11_900);
    expect(types()).not.toContain('input_audio_buffer.timeout_triggered');
    pass(300);
    expect(types()).toContain('input_audio_buffer.timeout_triggered');
  });

  it('has no such buffer on a WebSocket', () => {
    const { send, last } = bench();
    send({ type: 'output_audio_buffer.clear' });
    expect(last('error').error.type).toBe('invalid_request_error');
  });
});
