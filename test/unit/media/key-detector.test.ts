import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeyDetector } from '../../../src/media/key-detector.ts';
import { HIGH_HZ, KEYS, LOW_HZ } from '../../../src/media/keys.ts';
import { at48k, canSpeak, keysIn, speech } from './key-detector.talk-off.ts';

const RATE = 48_000;
const ALL = KEYS.join('');

/** xorshift32: the same line at every run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A line of audio that is written from left to right, with a little noise under all of it. */
class Line {
  readonly #parts: Int16Array[] = [];
  readonly #random = randomOf(0x9e3779b9);

  /** Nothing but the noise of a line. */
  quiet(ms: number): this {
    return this.#put(ms, () => 0);
  }

  /** The sound of a key as libwebrtc makes it for an event of this volume: from the start of a wave, in place of all else. */
  key(key: string, ms: number, volume = 10): this {
    const [low, high] = tonesOf(key);
    return this.tones(
      [
        [low, -9.2 - volume],
        [high, -6.1 - volume],
      ],
      ms,
    );
  }

  /** Sines, Hz and dBFS. */
  tones(tones: ReadonlyArray<readonly [hz: number, dbfs: number]>, ms: number): this {
    const [a, b, c] = tones.map(([hz, dbfs]) => ({ amplitude: 10 ** (dbfs / 20), step: (2 * Math.PI * hz) / RATE }));
    const of = (tone: typeof a, i: number) => (tone === undefined ? 0 : tone.amplitude * Math.sin(tone.step * i));
    return this.#put(ms, (i) => of(a, i) + of(b, i) + of(c, i));
  }

  samples(samples: Int16Array): this {
    this.#parts.push(samples);
    return this;
  }

  /** Keys that are found in it, in frames of 10 ms. */
  get keys(): string {
    const all = new Int16Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return keysIn([all]).keys;
  }

  #put(ms: number, sample: (i: number) => number): this {
    const samples = new Int16Array(Math.round((ms * RATE) / 1000));
    for (let i = 0; i < samples.length; i++) {
      const noisy = Math.round(32_768 * sample(i)) + this.#random(7) - 3;
      samples[i] = Math.max(-32_768, Math.min(32_767, noisy));
    }
    return this.samples(samples);
  }
}

const read = (name: string) => new Uint8Array(readFileSync(new URL(`../../../src/${name}.wav`, import.meta.url)));
const RECORDINGS = [
  'assets/apology',
  'assets/one-moment',
  ...['acknowledgement', 'caller', 'greeting', 'speech', 'still-there', 'tool-result'].map(
    (n) => `simulator/assets/${n}`,
  ),
];

describe('keys in decoded audio', () => {
  it('are all found by their two tones', () => {
    const line = new Line().quiet(300);
    for (const key of ALL) line.key(key, 100).quiet(300);
    expect(line.keys).toBe(ALL);
  });

  // 30 to 100 ms is what libwebrtc plays of a key of 100 to 300 ms.
  it.each([30, 40, 60, 80, 100, 200, 300])(
    'are found 50 of 50 in tones of %i ms, at every volume, none doubled',
    (ms) => {
      for (const volume of [0, 20, 36]) {
        const random = randomOf(ms * 100 + volume + 1);
        const line = new Line();
        let pressed = '';
        for (let n = 0; n < 50; n++) {
          const key = ALL[random(16)]!;
          pressed += key;
          // In whole frames, as libwebrtc decodes; one of 40 ms and more may begin anywhere.
          line.quiet(260 + 10 * random(20) + (ms > 30 ? random(10) : 0)).key(key, ms, volume);
        }
        expect(line.quiet(50).keys, `volume ${volume}`).toBe(pressed);
      }
    },
  );

  it('are not counted again for the fragments that follow', () => {
    for (const gap of [10, 50, 150, 200])
      for (const fragment of [20, 30, 50])
        expect(
          new Line().quiet(50).key('7', 60).quiet(gap).key('7', fragment).quiet(gap).key('7', fragment).quiet(500).keys,
        ).toBe('7');
  });

  it('count again when they are pressed again', () => {
    expect(new Line().quiet(50).key('7', 60).quiet(300).key('7', 60).quiet(300).key('7', 60).quiet(50).keys).toBe(
      '777',
    );
    // Another key may follow at once: fingers are faster than one finger.
    expect(new Line().quiet(50).key('7', 60).quiet(20).key('8', 60).key('9', 60).quiet(50).keys).toBe('789');
  });

  it('are told once while the tones last, however long', () => {
    expect(new Line().quiet(50).key('0', 5_000).quiet(500).key('0', 60).quiet(50).keys).toBe('00');
  });

  it('are found where libwebrtc breaks off and goes on with what it last played', () => {
    // The tones, 10 ms of another thing, the tones again but in another phase and ever more quietly.
    const line = new Line()
      .tones([[440, -12]], 200)
      .key('2', 10)
      .tones([[440, -20]], 10)
      .key('2', 20);
    for (let n = 1; n < 6; n++)
      line.tones(
        [
          [690, -19.2 - 2 * n],
          [1_345, -16.1 - 2 * n],
        ],
        10,
      );
    expect(line.tones([[440, -12]], 200).keys).toBe('2');
  });

  it('are told within 20 ms of their sound', () => {
    const detector = new KeyDetector();
    const told: number[] = [];
    const samples = toneOf('5', 30);
    for (let n = 0; n < 3; n++) if (detector.push(samples.subarray(n * 480, n * 480 + 480)) !== undefined) told.push(n);
    expect(told).toEqual([1]);
    expect(detector.sounding).toBe(true);
    detector.push(new Int16Array(480));
    expect(detector.sounding).toBe(false);
  });

  it('are found between speech, in whose place they are played', () => {
    const voice = at48k(read('simulator/assets/caller'), -3);
    const line = new Line();
    let pressed = '';
    for (let n = 0; n < 50; n++) {
      const key = ALL[n % 16]!;
      pressed += key;
      line.samples(voice.subarray(n * 3_840, n * 3_840 + 14_400)).key(key, 50, 30);
    }
    expect(line.quiet(50).keys).toBe(pressed);
  });

  it.each([
    ['a low tone alone', [[770, -6]]],
    ['a high tone alone', [[1336, -6]]],
    [
      'two low tones',
      [
        [697, -9],
        [941, -9],
      ],
    ],
    [
      'tones that are 4 percent off',
      [
        [801, -9.2],
        [1389, -6.1],
      ],
    ],
    [
      'a third tone with them',
      [
        [770, -9.2],
        [1336, -6.1],
        [440, -12],
      ],
    ],
    [
      'a second harmonic, as voices have',
      [
        [770, -9.2],
        [1336, -6.1],
        [1540, -12],
      ],
    ],
    [
      'the low tone far louder',
      [
        [770, -4],
        [1336, -10],
      ],
    ],
    [
      'the high tone far louder',
      [
        [770, -14],
        [1336, -4],
      ],
    ],
    [
      'a dial tone',
      [
        [350, -9],
        [440, -9],
      ],
    ],
    [
      'a ring',
      [
        [440, -9],
        [480, -9],
      ],
    ],
    [
      'a busy line',
      [
        [480, -9],
        [620, -9],
      ],
    ],
    ['a fax that calls', [[1100, -6]]],
    [
      'nothing that is heard',
      [
        [770, -62],
        [1336, -59],
      ],
    ],
  ] as Array<[string, Array<[number, number]>]>)('are not %s', (_, tones) => {
    expect(new Line().quiet(100).tones(tones, 1_000).quiet(300).keys).toBe('');
  });

  it('are not in noise, in a sweep, in clicks or in silence', () => {
    const random = randomOf(7);
    const noise = Int16Array.from({ length: 10 * RATE }, () => random(40_000) - 20_000);
    const sweep = Int16Array.from(
      { length: 10 * RATE },
      (_, i) => 16_000 * Math.sin((2 * Math.PI * (100 * i + (1_950 * i * i) / (10 * RATE) / 2)) / RATE),
    );
    const clicks = Int16Array.from({ length: 10 * RATE }, (_, i) => (i % 4_801 === 0 ? 32_767 : 0));
    expect(new Line().samples(noise).samples(sweep).samples(clicks).samples(new Int16Array(RATE)).keys).toBe('');
  });

  it('take frames of any length without harm', () => {
    const detector = new KeyDetector();
    for (const length of [0, 1, 479, 481, 960, 4_800]) expect(detector.push(new Int16Array(length))).toBeUndefined();
    expect(detector.push(toneOf('3', 100))).toBe('3');
  });
});

describe('talk-off: speech is no key', () => {
  it.each(RECORDINGS)('in %s, at several levels', (name) => {
    for (const peak of [0, -6, -14, -26]) expect(keysIn([at48k(read(name), peak)]).keys).toBe('');
  });

  // The long form, an hour, is a script: node test/unit/media/key-detector.talk-off.ts
  it.skipIf(!canSpeak())(
    'in four minutes of many voices, where espeak-ng can be had; and a key in between is one',
    () => {
      const { keys, seconds } = keysIn(speech(4));
      expect(keys).toBe('');
      expect(seconds).toBeGreaterThanOrEqual(239);
      const some = [...speech(0.2)];
      expect(keysIn([...some, toneOf('4', 60), ...some]).keys).toBe('4');
    },
  );
});

function tonesOf(key: string): readonly [number, number] {
  const row = KEYS.findIndex((keys) => keys.includes(key));
  return [LOW_HZ[row]!, HIGH_HZ[KEYS[row]!.indexOf(key)]!];
}

function toneOf(key: string, ms: number): Int16Array {
  const [low, high] = tonesOf(key);
  return Int16Array.from(
    { length: (ms * RATE) / 1000 },
    (_, i) =>
      32_768 *
      (10 ** (-19.2 / 20) * Math.sin((2 * Math.PI * low * i) / RATE) +
        10 ** (-16.1 / 20) * Math.sin((2 * Math.PI * high * i) / RATE)),
  );
}
