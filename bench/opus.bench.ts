/**
 * Opus by @discordjs/opus: microseconds per 20 ms frame of 48 kHz mono, by complexity, and for decoding to each rate.
 * Run: node bench/opus.bench.ts
 */

import { createOpusDecoder, createOpusEncoder, opusAvailable } from '../src/media/opus.ts';
import { ToneGenerator } from '../src/media/tone.ts';

const available = opusAvailable();
if (!available.ok) {
  process.stdout.write(`nothing measured: ${available.reason}\n`);
  process.exit(1);
}

const FRAMES = 500;
/** Ten seconds that change all the time: a gliding tone with noise, since a constant tone is too easy to encode. */
const glide = new ToneGenerator(200, 48_000, -12);
let noise = 1;
const frames = Array.from({ length: FRAMES }, (_, k) => {
  glide.hz = 200 + (k % 50) * 40;
  return glide.fill(new Int16Array(960)).map((sample) => {
    noise = (noise * 1_103_515_245 + 12_345) & 0x7fffffff;
    return sample + (noise >> 21) - 512;
  });
});

function time(action: (k: number) => void): number {
  for (let k = 0; k < FRAMES; k++) action(k);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    for (let k = 0; k < FRAMES; k++) action(k);
    best = Math.min(best, ((performance.now() - start) * 1000) / FRAMES);
  }
  return best;
}

process.stdout.write(`node ${process.version}, us per 20 ms frame, 48 kHz mono, 32 kbit/s\n\nencode    voip   audio\n`);
for (const complexity of [0, 5, 10]) {
  const [voip, audio] = (['voip', 'audio'] as const).map((application) => {
    const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1, bitrate: 32_000, complexity, application });
    return time((k) => encoder.encode(frames[k]!));
  });
  process.stdout.write(
    `at ${String(complexity).padStart(2)} ${voip!.toFixed(0).padStart(8)}${audio!.toFixed(0).padStart(8)}\n`,
  );
}

const encoder = createOpusEncoder({ sampleRate: 48_000, channels: 1, bitrate: 32_000 });
const packets = frames.map((frame) => encoder.encode(frame));
process.stdout.write('\ndecode to\n');
for (const sampleRate of [48_000, 24_000, 16_000, 8000]) {
  const decoder = createOpusDecoder({ sampleRate, channels: 1 });
  const out = new Int16Array(decoder.maxSamples);
  process.stdout.write(
    `${String(sampleRate).padStart(6)} Hz ${time((k) => decoder.decode(packets[k]!, out))
      .toFixed(0)
      .padStart(5)}\n`,
  );
}
