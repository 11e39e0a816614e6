import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createOpusDecoder,
  createOpusEncoder,
  type OpusEncoderOptions,
  OpusError,
  opusAvailable,
} from '../../../src/media/opus.ts';
import { checkOpusPacket } from '../../../src/media/opus-packet.ts';
import { dominantTone, makeTone, ToneGenerator } from '../../../src/media/tone.ts';

const run = promisify(execFile);
const media = join(import.meta.dirname, '../../../src/media');
const available = opusAvailable();
if (!available.ok) process.stderr.write(`\nSKIPPED: the Opus tests need the codec. ${available.reason}\n\n`);

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'none';
  } catch (error) {
    return error instanceof OpusError ? error.code : `not an OpusError: ${String(error)}`;
  }
}

describe('opus options', () => {
  const good: OpusEncoderOptions = { sampleRate: 48_000, channels: 1 };

  it.each([
    { sampleRate: 44_100 },
    { sampleRate: Number.NaN },
    { sampleRate: '48000' },
    { channels: 0 },
    { channels: 3 },
    { channels: Number.NaN },
    { complexity: 11 },
    { complexity: -1 },
    { complexity: 2.5 },
    { complexity: Number.NaN },
    { bitrate: 0 },
    { bitrate: 5999 },
    { bitrate: 510_001 },
    { bitrate: Number.POSITIVE_INFINITY },
    { application: 'music' },
    { application: 'constructor' },
    { fecForLossPercent: 101 },
  ])('refuses %o, with the package or without it', (wrong) => {
    expect(codeOf(() => createOpusEncoder({ ...good, ...wrong } as OpusEncoderOptions))).toBe('OPUS_OPTION');
  });
});

describe('opus without the package', () => {
  it('says so, and refuses with a code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'opus-absent-'));
    try {
      for (const file of ['opus.ts', 'opus-packet.ts', 'l16.ts']) await copyFile(join(media, file), join(folder, file));
      const script = `
        import { createOpusDecoder, opusAvailable } from ${JSON.stringify(join(folder, 'opus.ts'))};
        let code = 'none';
        try { createOpusDecoder({ sampleRate: 8000, channels: 1 }); } catch (error) { code = error.code; }
        process.stdout.write(JSON.stringify([opusAvailable(), code]));`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder });
      expect(JSON.parse(stdout)).toEqual([
        { ok: false, reason: '@discordjs/opus is not installed' },
        'OPUS_UNAVAILABLE',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('opus', () => {
  beforeEach((context) => {
    if (!available.ok) context.skip(available.reason);
  });

  it.each([8000, 12_000, 16_000, 24_000, 48_000])('brings a tone through at %i Hz', (sampleRate) => {
    const encoder = createOpusEncoder({ sampleRate, channels: 1 });
    const decoder = createOpusDecoder({ sampleRate, channels: 1 });
    const generator = new ToneGenerator(1000, sampleRate, -12);
    const frame = new Int16Array(sampleRate / 50);
    const out = new Int16Array(decoder.maxSamples);
    const heard: number[] = [];
    for (let i = 0; i < 50; i++) {
      const samples = decoder.decode(encoder.encode(generator.fill(frame)), out);
      expect(samples).toBe(frame.length);
      heard.push(...out.subarray(0, samples));
    }
    const found = dominantTone(Int16Array.from(heard.slice(sampleRate / 2)), sampleRate);
    expect(Math.abs(found.hz - 1000)).toBeLessThan(3);
    expect(Math.abs(found.dbfs + 12)).toBeLessThan(2);
  });

  it('decodes a 48 kHz stream to 8 kHz by itself', () => {
    const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1, bitrate: 32_000 });
    const decoder = createOpusDecoder({ sampleRate: 8000, channels: 1 });
    expect(decoder.decode(encoder.encode(makeTone(440, 48_000, 20)), new Int16Array(160))).toBe(160);
  });

  it('keeps the channels of a stereo stream apart', () => {
    const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 2, bitrate: 128_000, application: 'audio' });
    const decoder = createOpusDecoder({ sampleRate: 48_000, channels: 2 });
    const left = new ToneGenerator(500, 48_000, -12);
    const right = new ToneGenerator(1500, 48_000, -12);
    const heard: number[][] = [[], []];
    const out = new Int16Array(decoder.maxSamples);
    const [l, r] = [new Int16Array(960), new Int16Array(960)];
    for (let i = 0; i < 20; i++) {
      left.fill(l);
      right.fill(r);
      const both = Int16Array.from({ length: 1920 }, (_, k) => (k % 2 === 0 ? l : r)[k >> 1]!);
      expect(decoder.decode(encoder.encode(both), out)).toBe(1920);
      out.subarray(0, 1920).forEach((sample, k) => {
        heard[k % 2]!.push(sample);
      });
    }
    const tones = heard.map((channel) => dominantTone(Int16Array.from(channel.slice(9600)), 48_000).hz);
    expect(Math.abs(tones[0]! - 500)).toBeLessThan(3);
    expect(Math.abs(tones[1]! - 1500)).toBeLessThan(3);
  });

  it('encodes the six frame lengths and refuses every other', () => {
    const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1 });
    const accepted: number[] = [];
    for (let length = 0; length <= 6000; length += 1) if (encoder.isFrameSize(length)) accepted.push(length);
    expect(accepted).toEqual([120, 240, 480, 960, 1920, 2880]);
    for (const length of accepted) {
      const check = checkOpusPacket(encoder.encode(new Int16Array(length)));
      expect(check.ok && (check.tenthsMs * 48) / 10).toBe(length);
    }
    for (const length of [0, 1, 119, 121, 959, 961, 3840, 5760, 48_000]) {
      expect(codeOf(() => encoder.encode(new Int16Array(length)))).toBe('OPUS_FRAME_SIZE');
    }
    const stereo = createOpusEncoder({ sampleRate: 8000, channels: 2 });
    expect(codeOf(() => stereo.encode(new Int16Array(160)))).toBe('none');
    expect(codeOf(() => stereo.encode(new Int16Array(161)))).toBe('OPUS_FRAME_SIZE');
  });

  it('keeps to the bitrate, and takes the other options', () => {
    const bytes = (options: Partial<OpusEncoderOptions>) => {
      const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1, ...options });
      const generator = new ToneGenerator(440, 48_000);
      let sum = 0;
      for (let i = 0; i < 50; i++) sum += encoder.encode(generator.fill(new Int16Array(960))).length;
      return sum;
    };
    expect(bytes({ bitrate: 12_000 })).toBeLessThan(2500);
    expect(bytes({ bitrate: 96_000 })).toBeGreaterThan(5000);
    expect(bytes({ bitrate: 24_000, complexity: 0, application: 'audio', fecForLossPercent: 10 })).toBeGreaterThan(0);
  });

  it('refuses a packet before decoding it, and goes on with the next', () => {
    const encoder = createOpusEncoder({ sampleRate: 24_000, channels: 1 });
    const decoder = createOpusDecoder({ sampleRate: 24_000, channels: 1 });
    const packet = encoder.encode(makeTone(440, 24_000, 20));
    const out = new Int16Array(decoder.maxSamples);
    expect(codeOf(() => decoder.decode(new Uint8Array(0), out))).toBe('OPUS_PACKET');
    expect(codeOf(() => decoder.decode(Uint8Array.of(3, 0), out))).toBe('OPUS_PACKET');
    expect(codeOf(() => decoder.decode(packet, new Int16Array(479)))).toBe('OPUS_BUFFER');
    expect(decoder.decode(packet, out)).toBe(480);
  });

  it('survives 20,000 hostile packets and 5,000 hostile frames', { timeout: 60_000 }, async () => {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'opus.fuzz.ts')]);
    const counts = JSON.parse(stdout);
    const wrongArguments = 10 * 9;
    expect(counts.decoded + counts.refusedPackets).toBe(20_000 + 2 * wrongArguments);
    expect(counts.encoded + counts.refusedFrames).toBe(5000 + wrongArguments);
    // Both ways must have been taken often, or the input was not hostile, or nothing but hostile.
    for (const count of [counts.decoded, counts.refusedPackets, counts.encoded, counts.refusedFrames]) {
      expect(count).toBeGreaterThan(1000);
    }
  });
});
