/**
 * Runs in a process of its own, because what it looks for is the abort of the whole process: feeds hostile input to the encoder and
 * the decoder and prints how often each was accepted and refused, as JSON. Anything thrown that is not an OpusError ends it.
 */

import { createOpusDecoder, createOpusEncoder, OpusError } from '../../../src/media/opus.ts';

const PACKETS = 20_000;
const FRAMES = 5000;
const counts = { decoded: 0, refusedPackets: 0, encoded: 0, refusedFrames: 0, resets: 0 };

/** xorshift32: the same input at every run, so that a failure can be looked at again. */
let state = 0x9e3779b9;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function attempt(action: () => void, refused: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof OpusError)) throw error;
    refused();
  }
}

const rates = [8000, 12_000, 16_000, 24_000, 48_000];
const codecs = rates.flatMap((sampleRate) =>
  ([1, 2] as const).map((channels) => ({
    encoder: createOpusEncoder({ sampleRate, channels, complexity: 0 }),
    decoder: createOpusDecoder({ sampleRate, channels }),
    frameSamples: (sampleRate / 50) * channels,
  })),
);
const valid = codecs.map(({ encoder, frameSamples }) =>
  encoder.encode(Int16Array.from({ length: frameSamples }, () => random(65_536) - 32_768)),
);

/** Random bytes, or a real packet that was damaged, cut or lengthened. */
function hostilePacket(): Uint8Array {
  if (random(2) === 0)
    return Uint8Array.from({ length: random(8) === 0 ? random(3000) : random(200) }, () => random(256));
  const source = valid[random(valid.length)]!;
  const packet = new Uint8Array(Math.max(0, source.length + random(40) - 20));
  packet.set(source.subarray(0, packet.length));
  for (let i = random(5); i > 0 && packet.length > 0; i--) packet[random(Math.min(packet.length, 8))] = random(256);
  return packet;
}

for (let i = 0; i < PACKETS; i++) {
  const { decoder } = codecs[random(codecs.length)]!;
  const dst = new Int16Array(random(20) === 0 ? random(decoder.maxSamples) : decoder.maxSamples);
  attempt(
    () => {
      const samples = decoder.decode(hostilePacket(), dst);
      if (!Number.isInteger(samples) || samples < 1 || samples > dst.length)
        throw new Error(`decoded ${samples} samples`);
      counts.decoded++;
    },
    () => counts.refusedPackets++,
  );
  if (random(500) === 0) {
    decoder.reset();
    counts.resets++;
  }
}

for (let i = 0; i < FRAMES; i++) {
  const { encoder, frameSamples } = codecs[random(codecs.length)]!;
  const length = [
    random(7000),
    frameSamples,
    frameSamples * 2,
    frameSamples / 2,
    frameSamples + 1,
    frameSamples - 1,
    0,
  ][random(7)]!;
  attempt(
    () => {
      const packet = encoder.encode(Int16Array.from({ length }, () => random(65_536) - 32_768));
      if (packet.length < 1) throw new Error('an empty packet');
      counts.encoded++;
    },
    () => counts.refusedFrames++,
  );
}

const wrong: unknown[] = [
  undefined,
  null,
  Number.NaN,
  'packet',
  [1, 2, 3],
  {},
  new Float32Array(960),
  new ArrayBuffer(1920),
  960,
];
for (const { encoder, decoder } of codecs) {
  for (const value of wrong) {
    attempt(
      () => encoder.encode(value as Int16Array),
      () => counts.refusedFrames++,
    );
    attempt(
      () => decoder.decode(value as Uint8Array, new Int16Array(decoder.maxSamples)),
      () => counts.refusedPackets++,
    );
    attempt(
      () => decoder.decode(valid[0]!, value as Int16Array),
      () => counts.refusedPackets++,
    );
  }
}

process.stdout.write(`${JSON.stringify(counts)}\n`);
