import { describe, expect, it } from 'vitest';
import { ulawDecode, ulawEncode } from '../../../../src/media/g711.ts';
import { Resampler } from '../../../../src/media/resample.ts';
import { makeTone } from '../../../../src/media/tone.ts';
import { recording } from '../../../../src/simulator/realtime/speech.ts';
import { thresholdDbfs, VAD_RATE, VoiceActivityDetector } from '../../../../src/simulator/realtime/vad.ts';

const ms = (samples: number) => (samples * 1000) / VAD_RATE;
const silence = (length: number) => new Int16Array((length * VAD_RATE) / 1000);

/** Uniform white noise of a given level, the same on every run. */
function noise(lengthMs: number, dbfs: number, seed = 1): Int16Array {
  const out = new Int16Array((lengthMs * VAD_RATE) / 1000);
  // A sine of amplitude A has RMS A / sqrt(2), uniform noise A / sqrt(3): scaled so that both read the same.
  const amplitude = 32_768 * 10 ** (dbfs / 20) * Math.sqrt(1.5);
  let state = seed;
  for (let i = 0; i < out.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round((state / 2 ** 31 - 1) * amplitude)));
  }
  return out;
}

function joined(...parts: Int16Array[]): Int16Array {
  const out = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function mixed(a: Int16Array, b: Int16Array): Int16Array {
  return a.map((sample, i) => Math.max(-32_768, Math.min(32_767, sample + (b[i] ?? 0))));
}

/** Through a telephone: 8 kHz and mu-law. */
function telephone(samples: Int16Array): Int16Array {
  const narrow = new Resampler(VAD_RATE, 8_000).process(samples).slice();
  const bytes = new Uint8Array(narrow.length);
  ulawEncode(narrow, bytes);
  ulawDecode(bytes, narrow);
  return new Resampler(8_000, VAD_RATE).process(narrow).slice();
}

interface Heard {
  /** Where it says the speech began, and how much audio it had taken when it said so, ms. */
  started: Array<{ at: number; known: number }>;
  stopped: Array<{ at: number; known: number }>;
}

function listen(audio: Int16Array, settings: { threshold?: number; silenceDurationMs?: number } = {}): Heard {
  const heard: Heard = { started: [], stopped: [] };
  let taken = 0;
  const vad = new VoiceActivityDetector(
    { threshold: settings.threshold ?? 0.5, silenceDurationMs: settings.silenceDurationMs ?? 500 },
    {
      started: (sample) => heard.started.push({ at: ms(sample), known: ms(taken) }),
      stopped: (sample) => heard.stopped.push({ at: ms(sample), known: ms(taken) }),
    },
  );
  for (let at = 0; at < audio.length; at += 480) {
    const chunk = audio.subarray(at, at + 480);
    taken += chunk.length;
    vad.process(chunk);
  }
  return heard;
}

describe('what is not speech', () => {
  it('hears nothing in digital silence and a DC offset', () => {
    expect(listen(silence(5_000))).toEqual({ started: [], stopped: [] });
    expect(listen(new Int16Array(5 * VAD_RATE).fill(3_000)).started).toEqual([]);
  });

  it.each([-70, -55, -45, -38, -30])(
    'hears nothing in steady line noise of %i dBFS, even when it comes up at once',
    (dbfs) => {
      expect(listen(noise(5_000, dbfs)).started).toEqual([]);
      expect(listen(joined(silence(1_000), noise(4_000, dbfs, 7))).started).toEqual([]);
      expect(listen(telephone(noise(4_000, dbfs, 3))).started).toEqual([]);
    },
  );

  it('hears nothing in clicks', () => {
    const audio = silence(4_000);
    for (let at = 12_000; at < audio.length; at += 12_000) audio.fill(20_000, at, at + 120);
    expect(listen(audio).started).toEqual([]);
  });

  it('hears nothing in mains hum of -45 dBFS', () => {
    expect(listen(makeTone(50, VAD_RATE, 4_000, -45)).started).toEqual([]);
  });
});

describe('what is speech', () => {
  it.each([200, 440, 1_000, 2_500])('hears a tone of %i Hz within 100 ms and places its start within 20 ms', (hz) => {
    const { started, stopped } = listen(joined(silence(600), makeTone(hz, VAD_RATE, 1_000, -20), silence(1_000)));
    expect(started).toHaveLength(1);
    expect(Math.abs(started[0]!.at - 600)).toBeLessThanOrEqual(20);
    expect(started[0]!.known - 600).toBeLessThanOrEqual(100);
    expect(stopped).toHaveLength(1);
    expect(Math.abs(stopped[0]!.at - 2_100)).toBeLessThanOrEqual(40);
  });

  it.each([0, -15, -25])('hears recorded speech, direct and through a telephone, made %i dB quieter', (gain) => {
    const words = recording('acknowledgement').audio.map((x) => Math.round(x * 10 ** (gain / 20)));
    for (const line of [(x: Int16Array) => x, telephone]) {
      const { started, stopped } = listen(line(joined(noise(800, -65), words, noise(1_500, -65, 9))));
      expect(started).toHaveLength(1);
      expect(started[0]!.known - 800).toBeLessThanOrEqual(170);
      expect(stopped).toHaveLength(1);
      expect(stopped[0]!.at).toBeGreaterThan(800 + ms(words.length));
    }
  });

  it('hears speech that stands 15 dB over a loud line', () => {
    const line = noise(5_000, -42);
    const speech = joined(silence(2_000), recording('acknowledgement').audio);
    const { started, stopped } = listen(mixed(line, joined(speech, silence(2_000))));
    expect(started).toHaveLength(1);
    expect(Math.abs(started[0]!.at - 2_000)).toBeLessThan(200);
    expect(stopped).toHaveLength(1);
  });

  it('holds a tone of ten seconds as one turn', () => {
    const { started, stopped } = listen(makeTone(1_000, VAD_RATE, 10_000, -20));
    expect(started).toHaveLength(1);
    expect(stopped).toEqual([]);
  });

  it('lets go when speech turns into noise', () => {
    const { started, stopped } = listen(joined(makeTone(300, VAD_RATE, 500, -20), noise(4_000, -25)));
    expect(started).toHaveLength(1);
    expect(stopped).toHaveLength(1);
    expect(stopped[0]!.at).toBeLessThan(2_500);
  });
});

describe('settings', () => {
  it('ends the turn after silence_duration_ms', () => {
    for (const silenceDurationMs of [200, 500, 1_200]) {
      const { stopped } = listen(joined(makeTone(440, VAD_RATE, 600, -20), silence(2_000)), { silenceDurationMs });
      expect(stopped).toHaveLength(1);
      expect(Math.abs(stopped[0]!.at - (600 + silenceDurationMs))).toBeLessThanOrEqual(40);
    }
  });

  it('keeps a turn together over a pause shorter than silence_duration_ms', () => {
    const tone = makeTone(440, VAD_RATE, 500, -20);
    const audio = joined(tone, silence(350), tone, silence(1_000));
    expect(listen(audio, { silenceDurationMs: 500 }).started).toHaveLength(1);
    expect(listen(audio, { silenceDurationMs: 200 }).started).toHaveLength(2);
  });

  it('maps the threshold to a level', () => {
    for (const threshold of [0.1, 0.5, 0.9]) {
      const level = thresholdDbfs(threshold);
      expect(listen(makeTone(440, VAD_RATE, 800, level + 3), { threshold }).started).toHaveLength(1);
      expect(listen(makeTone(440, VAD_RATE, 800, level - 4), { threshold }).started).toHaveLength(0);
    }
  });

  it('does the same however the audio is cut', () => {
    const audio = joined(silence(333), recording('acknowledgement').audio, silence(900));
    const at: number[][] = [];
    for (const size of [97, 240, 1_000, audio.length]) {
      const marks: number[] = [];
      const vad = new VoiceActivityDetector(
        { threshold: 0.5, silenceDurationMs: 500 },
        { started: (sample) => marks.push(sample), stopped: (sample) => marks.push(sample) },
      );
      for (let i = 0; i < audio.length; i += size) vad.process(audio.subarray(i, i + size));
      at.push(marks);
    }
    expect(at[0]).toHaveLength(2);
    for (const marks of at) expect(marks).toEqual(at[0]);
  });
});
