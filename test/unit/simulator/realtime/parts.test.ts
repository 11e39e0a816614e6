import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../../src/cli/simulator.ts';
import { makeTone, toneLevel } from '../../../../src/media/tone.ts';
import { InputBuffer } from '../../../../src/simulator/realtime/input-buffer.ts';
import { KeyStore } from '../../../../src/simulator/realtime/keys.ts';
import { Playout } from '../../../../src/simulator/realtime/playout.ts';
import { looksLikeOffer, withDeadCandidates } from '../../../../src/simulator/realtime/sdp.ts';
import { defaultConfig } from '../../../../src/simulator/realtime/session-config.ts';
import {
  RECORDED,
  type Recording,
  recording,
  speechOf,
  trimSilence,
} from '../../../../src/simulator/realtime/speech.ts';
import { sampleArguments } from '../../../../src/simulator/realtime/tool-arguments.ts';
import { WireDecoder, WireEncoder } from '../../../../src/simulator/realtime/wire-audio.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { bench } from './fakes.ts';

describe('the play-out buffer', () => {
  function playout() {
    const told: string[] = [];
    const buffer = new Playout({ started: (id) => told.push(`+${id}`), stopped: (id) => told.push(`-${id}`) });
    return { buffer, told, frame: new Int16Array(480) };
  }

  it('plays responses one after the other and tells of each', () => {
    const { buffer, told, frame } = playout();
    buffer.push('r1', 'i1', makeTone(500, 24_000, 25), 0);
    buffer.complete('r1');
    buffer.push('r2', 'i2', makeTone(500, 24_000, 20), 0);
    buffer.complete('r2');
    expect(buffer.queuedMs).toBe(45);
    let frames = 0;
    while (buffer.pull(frame)) frames++;
    expect(told).toEqual(['+r1', '-r1', '+r2', '-r2']);
    // 45 ms are five frames, and one more carries the tail of the filter.
    expect(frames).toBe(6);
    expect(buffer.playing).toBe(false);
  });

  it('waits in silence for audio that is still being generated', () => {
    const { buffer, told, frame } = playout();
    buffer.push('r1', 'i1', makeTone(500, 24_000, 10), 0);
    while (buffer.pull(frame));
    expect(told).toEqual(['+r1']);
    expect(buffer.clear()).toEqual({ responseId: 'r1', itemId: 'i1', playedMs: 10 });
    expect(buffer.clear()).toBeUndefined();
  });

  it('knows how much of an item was heard when it is cut', () => {
    const { buffer, told, frame } = playout();
    buffer.push('r1', 'i1', makeTone(500, 24_000, 200), 0);
    buffer.push('r1', 'i1', makeTone(500, 24_000, 200), 4_800);
    buffer.complete('r1');
    for (let i = 0; i < 25; i++) buffer.pull(frame);
    expect(buffer.clear()).toEqual({ responseId: 'r1', itemId: 'i1', playedMs: 250 });
    expect(told).toEqual(['+r1']);
    expect(buffer.pull(frame)).toBe(false);
  });

  it('counts nothing as heard of what only waited', () => {
    const { buffer } = playout();
    buffer.push('r1', 'i1', makeTone(500, 24_000, 200), 0);
    expect(buffer.clear()).toEqual({ responseId: 'r1', itemId: 'i1', playedMs: 0 });
  });
});

describe('the input buffer', () => {
  it('numbers samples for ever and forgets the oldest', () => {
    const buffer = new InputBuffer(48_000);
    const part = (from: number, count: number) => Int16Array.from({ length: count }, (_, i) => from + i);
    buffer.append(part(0, 30_000));
    buffer.append(part(30_000, 2_000));
    expect([buffer.start, buffer.end]).toEqual([0, 32_000]);
    expect([...buffer.take(31_990)]).toEqual([...part(31_990, 10)]);
    expect([buffer.start, buffer.end, buffer.length]).toEqual([32_000, 32_000, 0]);
    for (let i = 0; i < 20; i++) buffer.append(part(i * 1_000, 5_000));
    expect(buffer.length).toBeLessThanOrEqual(48_000);
    expect(buffer.end).toBe(132_000);
    expect(buffer.take(131_999)).toEqual(part(19_000 + 4_999, 1));
    buffer.append(new Int16Array(100_000).fill(7));
    expect([buffer.start, buffer.end]).toEqual([184_000, 232_000]);
  });
});

describe('sounds', () => {
  it.each(Object.keys(RECORDED) as Recording[])('%s is speech: audible, not clipped, and short', (name) => {
    const { audio, transcript } = recording(name);
    const peak = audio.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    expect(peak).toBeGreaterThan(8_000);
    expect(peak).toBeLessThan(32_767);
    // Espeak says 10 to 20 letters a second: the file belongs to the words.
    const perSecond = transcript.length / (audio.length / 24_000);
    expect(perSecond).toBeGreaterThan(9);
    expect(perSecond).toBeLessThan(23);
  });

  it('are as long as asked, repeated where needed', () => {
    expect(speechOf(1_234).length).toBe(29_616);
    expect(speechOf(40_000).length).toBe(960_000);
  });

  it('are trimmed of silence, and bounded', () => {
    const audio = new Int16Array(72_000);
    audio.set(makeTone(500, 24_000, 500), 24_000);
    expect(trimSilence(audio, 30_000).length / 24).toBe(700);
    expect(trimSilence(audio, 300).length / 24).toBe(300);
    expect(trimSilence(new Int16Array(1_000), 300)).toHaveLength(0);
  });

  it.each(['audio/pcmu', 'audio/pcma'] as const)('survive %s', (type) => {
    const encoder = new WireEncoder({ type });
    const decoder = new WireDecoder({ type });
    const tone = makeTone(1_000, 24_000, 400, -12);
    const back: number[] = [];
    for (let at = 0; at < tone.length; at += 480) {
      back.push(...decoder.decode(encoder.encode(tone.subarray(at, at + 480))));
    }
    expect(back).toHaveLength(tone.length);
    expect(toneLevel(Int16Array.from(back.slice(2_400)), 24_000, 1_000)).toBeCloseTo(-12, 0);
  });
});

describe('keys', () => {
  it('are told apart: wrong, expired, right', () => {
    const clock = new FakeClock();
    const keys = new KeyStore(clock, ['sk-a']);
    expect(keys.check('sk-a')).toEqual({ kind: 'standard' });
    expect(() => keys.check('sk-b')).toThrow(/Incorrect API key/);
    const key = keys.mint(defaultConfig(), 10, false);
    clock.advance(9_999);
    expect(keys.check(key.value)).toMatchObject({ kind: 'ephemeral' });
    expect(keys.check(key.value)).toMatchObject({ kind: 'ephemeral' });
    clock.advance(1);
    expect(() => keys.check(key.value)).toThrow(/expired/);
    clock.advance(700_000);
    keys.mint(defaultConfig(), 10, false);
    expect(() => keys.check(key.value)).toThrow(/Incorrect API key/);
  });
});

describe('the beta dialect', () => {
  it('speaks flat sessions and older event names', () => {
    const { send, clock, events, types, last } = bench({ beta: true });
    expect(events[0].session).toMatchObject({
      modalities: ['audio', 'text'],
      input_audio_format: 'pcm16',
      output_audio_format: 'pcm16',
    });
    send({
      type: 'session.update',
      session: {
        voice: 'ash',
        input_audio_format: 'g711_ulaw',
        turn_detection: { type: 'server_vad', silence_duration_ms: 200 },
      },
    });
    expect(last('session.updated').session).toMatchObject({
      voice: 'ash',
      input_audio_format: 'g711_ulaw',
      turn_detection: { silence_duration_ms: 200 },
    });
    send({ type: 'session.update', session: { type: 'realtime' } });
    expect(last('error').error).toMatchObject({ code: 'unknown_parameter', param: 'session.type' });
    send({ type: 'response.create', response: { modalities: ['text', 'audio'], voice: 'ash' } });
    clock.advance(3_000);
    expect(types()).toContain('response.audio.delta');
    expect(types()).toContain('response.audio_transcript.done');
    expect(types()).toContain('conversation.item.created');
    expect(types().filter((type) => /output_audio|conversation\.item\.(added|done)/.test(type))).toEqual([]);
    expect(last('response.done').response.output[0].content[0].type).toBe('audio');
  });
});

describe('arguments for a forced call', () => {
  it.each([
    [undefined, {}],
    [{ type: 'object', properties: { a: { type: 'string' } } }, {}],
    [
      {
        type: 'object',
        required: ['s', 'n', 'b', 'e', 'l', 'o', 'd', 'u'],
        properties: {
          s: { type: 'string', minLength: 6 },
          n: { type: 'integer', minimum: 3 },
          b: { type: 'boolean' },
          e: { enum: ['x', 'y'] },
          l: { type: 'array', minItems: 2, items: { type: 'number' } },
          o: { type: 'object', required: ['k'], properties: { k: { const: 9 } } },
          d: { default: 'dd' },
          u: { anyOf: [{ type: 'null' }, { type: 'string' }] },
        },
      },
      { s: 'testxx', n: 3, b: true, e: 'x', l: [1, 1], o: { k: 9 }, d: 'dd', u: null },
    ],
  ])('fit %j', (schema, value) => {
    expect(JSON.parse(sampleArguments(schema))).toEqual(value);
  });
});

describe('SDP', () => {
  it('is told from other text, and sent astray', () => {
    const sdp =
      'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 10.0.0.1 5000 typ host\r\na=ice-ufrag:x\r\na=end-of-candidates\r\n';
    expect(looksLikeOffer(sdp)).toBe(true);
    expect(looksLikeOffer('v=0\r\nm=video 9\r\n')).toBe(false);
    const dead = withDeadCandidates(sdp);
    expect(dead).not.toContain('10.0.0.1');
    expect(dead.match(/a=candidate/g)).toHaveLength(1);
    expect(dead).toContain('192.0.2.1');
  });
});

describe('the command line', () => {
  it('is read, and its mistakes are named', () => {
    expect(parseCommandLine(['--port', '0', '--block-udp', '--tone', '440', '--key', 'sk-a'])).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      udp: 'block',
      voice: { tone: 440 },
      apiKeys: ['sk-a'],
    });
    expect(parseCommandLine(['--help'])).toBe('help');
    expect(() => parseCommandLine(['--port', 'x'])).toThrow(/--port takes a whole number/);
    expect(() => parseCommandLine(['--tls-key', 'x'])).toThrow(/belong together/);
    expect(() => parseCommandLine(['--nope'])).toThrow(/nope/);
    expect(() => parseCommandLine(['--scenario', '/none'])).toThrow(/could not be read/);
  });
});
