import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dominantTone, makeTone } from '../../../../src/media/tone.ts';
import { encodeWav } from '../../../../src/media/wav.ts';
import { faultsFor, loadScenario, parseScenario } from '../../../../src/simulator/realtime/scenario.ts';
import { bench, deltasOf } from './fakes.ts';

describe('a scenario file', () => {
  it.each([
    [{ turns: [{ say: { tone: 5 } }] }, /turns\.0\.say\.tone/],
    [{ turns: [{ say: { tone: 500, speechMs: 100 } }] }, /give one of tone, wav, speechMs, echo and words/],
    [{ turns: [{ say: { words: true, text: '日本' } }] }, /words needs a text/],
    [{ faults: [{ fault: 'explode' }] }, /faults\.0/],
    [{ faults: [{ fault: 'refuse_key', status: 200 }] }, /faults\.0\.status/],
    [{ faults: [{ fault: 'drop', sessions: [0] }] }, /faults\.0\.sessions/],
    [{ nonsense: true }, /nonsense/],
  ])('%j is refused, naming the place', (value, message) => {
    expect(() => parseScenario(value, 'bad.json')).toThrow(message);
    expect(() => parseScenario(value, 'bad.json')).toThrow(/^bad\.json is not a valid scenario/);
  });

  it('that cannot be read is refused', () => {
    expect(() => loadScenario('/nonexistent/scenario.json')).toThrow(/could not be read/);
  });

  it('finds its sounds beside itself, and says them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
    writeFileSync(join(folder, 'tone.wav'), encodeWav([makeTone(620, 8_000, 500, -12)], 8_000));
    writeFileSync(join(folder, 'a.json'), JSON.stringify({ greeting: { wav: 'tone.wav', text: 'Beep.' } }));
    const { send, clock, events } = bench({ scenario: loadScenario(join(folder, 'a.json')) });
    rmSync(join(folder, 'a.json'));
    send({ type: 'response.create' });
    clock.advance(1_000);
    rmSync(folder, { recursive: true });
    const audio = deltasOf(events);
    expect(audio.length / 24).toBe(500);
    expect(dominantTone(audio, 24_000).hz).toBeCloseTo(620, 0);
  });

  it('names the sessions that a fault is for', () => {
    const { faults } = parseScenario({ faults: [{ fault: 'block_udp' }, { fault: 'drop', sessions: [2] }] });
    expect(faultsFor(faults, 1).map((entry) => entry.fault)).toEqual(['block_udp']);
    expect(faultsFor(faults, 2).map((entry) => entry.fault)).toEqual(['block_udp', 'drop']);
  });
});

describe('scripted turns', () => {
  it('are said in order, with tool calls and what follows their results', () => {
    const { send, clock, last, all } = bench({
      scenario: {
        greeting: { text: 'Good day.', tone: 700, toneMs: 300 },
        turns: [
          {
            waitMs: 400,
            say: { text: 'One moment.', speechMs: 500 },
            tools: [
              { name: 'find', arguments: { q: 'x' } },
              { name: 'raw', arguments: '{"broken' },
            ],
            afterTools: { text: 'Found it.' },
          },
        ],
      },
    });
    send({ type: 'response.create' });
    clock.advance(1_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('Good day.');
    const say = (text: string) =>
      send({
        type: 'conversation.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
      });
    say('go');
    send({ type: 'response.create' });
    clock.advance(380);
    expect(all('response.output_item.added')).toHaveLength(1);
    clock.advance(500);
    const { output } = last('response.done').response;
    expect(output.map((item: { type: string }) => item.type)).toEqual(['message', 'function_call', 'function_call']);
    expect(output[2].arguments).toBe('{"broken');
    send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: output[1].call_id, output: 'ok' },
    });
    send({ type: 'response.create' });
    clock.advance(1_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('Found it.');
    say('and now');
    send({ type: 'response.create' });
    clock.advance(2_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('I have read your message.');
  });

  it('may fail, and may be silent', () => {
    const { send, clock, last, all } = bench({
      scenario: { greeting: false, turns: [{ fail: { code: 'server_error', message: 'no' } }, { silent: true }] },
    });
    send({ type: 'response.create' });
    clock.advance(100);
    expect(last('response.done').response).toMatchObject({
      status: 'failed',
      status_details: { type: 'failed', error: { code: 'server_error' } },
    });
    send({ type: 'response.create' });
    clock.advance(100);
    expect(all('response.created')).toHaveLength(1);
  });
});

describe('faults', () => {
  it('drop in the middle of a sentence', () => {
    const { send, clock, ends, types } = bench({
      scenario: { faults: [{ fault: 'drop', from: 'speech', afterMs: 150 }] },
    });
    clock.advance(1_000);
    expect(ends).toEqual([]);
    send({ type: 'response.create' });
    clock.advance(200);
    expect(ends).toEqual(['drop']);
    expect(types()).not.toContain('response.done');
    expect(clock.pending).toBe(0);
  });

  it('expire the session with an error event first', () => {
    const { clock, ends, last } = bench({ scenario: { faults: [{ fault: 'session_expired', afterMs: 1_000 }] } });
    clock.advance(1_000);
    expect(last('error').error.code).toBe('session_expired');
    expect(ends).toEqual(['close 1001 session expired']);
  });

  it('expire the session by itself after its time', () => {
    const { clock, ends, last } = bench({ pace: { maxSessionMs: 60_000 } });
    expect(last('session.created').session.expires_at).toBe(1_700_000_060);
    clock.advance(60_000);
    expect(last('error').error.message).toBe('Your session hit the maximum duration of 1 minutes.');
    expect(ends).toHaveLength(1);
  });

  it('send what is no event and what nobody knows', () => {
    const { clock, events } = bench({
      scenario: {
        faults: [
          { fault: 'malformed_events', count: 3 },
          { fault: 'unknown_events', afterMs: 10, count: 2 },
        ],
      },
    });
    clock.advance(20);
    expect(events.slice(1, 4).map((event) => typeof event)).toEqual(['string', 'string', 'object']);
    expect(events.slice(4).map((event) => event.type)).toEqual(['future.event_0', 'future.event_1']);
  });

  it('confirm and use another format than the one asked for', () => {
    const { send, clock, last, events } = bench({
      voice: { tone: 500, ms: 400 },
      scenario: { faults: [{ fault: 'other_format', format: 'audio/pcmu' }] },
    });
    send({
      type: 'session.update',
      session: { type: 'realtime', audio: { output: { format: { type: 'audio/pcm', rate: 24_000 } } } },
    });
    expect(last('session.updated').session.audio.output.format).toEqual({ type: 'audio/pcmu' });
    send({ type: 'response.create' });
    clock.advance(1_000);
    expect(deltasOf(events).byteLength).toBe(400 * 8);
  });

  it('never confirm an update', () => {
    const { send, types } = bench({ scenario: { faults: [{ fault: 'ignore_session_update' }] } });
    send({ type: 'session.update', session: { type: 'realtime' } });
    expect(types()).toEqual(['session.created']);
  });

  it('fall silent, or get stuck', () => {
    const silent = bench({ scenario: { faults: [{ fault: 'silent_model', afterResponses: 1 }] } });
    silent.send({ type: 'response.create' });
    silent.clock.advance(2_000);
    silent.send({ type: 'response.create' });
    silent.clock.advance(2_000);
    expect(silent.all('response.created')).toHaveLength(1);
    const stuck = bench({ scenario: { faults: [{ fault: 'stuck_response' }] } });
    stuck.send({ type: 'response.create' });
    stuck.clock.advance(60_000);
    expect(stuck.types()).toEqual(['session.created', 'response.created']);
    stuck.send({ type: 'response.cancel' });
    expect(stuck.last('response.done').response.status).toBe('cancelled');
  });

  it('close the channel only', () => {
    const { clock, ends } = bench({ webrtc: true, scenario: { faults: [{ fault: 'close_channel', afterMs: 5 }] } });
    clock.advance(10);
    expect(ends).toEqual(['closeChannel']);
  });
});

describe('the load generator', () => {
  it('speaks by itself', () => {
    const { clock, all, record } = bench({ speak: { everyMs: 2_000, forMs: 1_000 } });
    clock.advance(10_500);
    expect(all('response.done')).toHaveLength(5);
    expect(record.generatedAudioMs).toBe(5_000);
  });
});

describe('the end', () => {
  it('frees every timer and the media clock', () => {
    const { session, send, clock, ticker, types } = bench({
      speak: { everyMs: 500, forMs: 100 },
      scenario: { faults: [{ fault: 'drop', afterMs: 9_000 }] },
    });
    send({ type: 'response.create' });
    session.end('test');
    session.end('again');
    expect(ticker.size).toBe(0);
    expect(clock.pending).toBe(0);
    const count = types().length;
    session.receive('{"type":"response.create"}');
    expect(types()).toHaveLength(count);
  });
});
