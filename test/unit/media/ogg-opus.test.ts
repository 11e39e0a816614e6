import { describe, expect, it } from 'vitest';
import { type OggError, OggWriter, oggPages } from '../../../src/media/ogg.ts';
import { OggOpusStream, readOggOpus } from '../../../src/media/ogg-opus.ts';
import { createOpusDecoder, createOpusEncoder, opusAvailable } from '../../../src/media/opus.ts';
import { isToneAlone, makeTone } from '../../../src/media/tone.ts';
import { interleave } from '../../../src/media/wav.ts';

const joined = (pages: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pages));
const bytesOf = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('Ogg pages', () => {
  it('have the layout and the checksum of RFC 3533', () => {
    const writer = new OggWriter(0x0102_0304);
    writer.add(Uint8Array.of(0xaa, 0xbb), 5);
    const page = Buffer.from(writer.page(true));
    // Version, flags (first and last), position, serial, sequence, checksum, one segment of 2 bytes. The checksum was computed bit by bit.
    let crc = 0;
    const zeroed = Buffer.from(page);
    zeroed.writeUInt32LE(0, 22);
    for (const byte of zeroed) {
      for (let bit = 7; bit >= 0; bit--) {
        const top = crc >>> 31;
        crc = (crc << 1) >>> 0;
        if (top !== ((byte >> bit) & 1)) crc = (crc ^ 0x04c1_1db7) >>> 0;
      }
    }
    expect(page.toString('hex')).toBe(
      `4f67675300060500000000000000040302010000 0000${Buffer.from(Uint32Array.of(crc).buffer).toString('hex')}0102aabb`.replace(
        ' ',
        '',
      ),
    );
  });

  it('carry packets of every length, those of a multiple of 255 bytes too', () => {
    const lengths = [0, 1, 254, 255, 256, 510, 1_275];
    const writer = new OggWriter(7);
    const pages = lengths.flatMap((length, i) => writer.add(bytesOf(length, i), i * 10) ?? []);
    pages.push(writer.page(true));
    const read = [...oggPages(joined(pages))];
    expect(read.flatMap((page) => page.packets.map((packet) => packet.length))).toEqual(lengths);
    expect(read.at(-1)).toMatchObject({ first: true, last: true, granule: 60, serial: 7, sequence: 0 });
  });

  it('are closed when a packet does not fit any more', () => {
    const writer = new OggWriter(7);
    const pages: Uint8Array[] = [];
    for (let i = 0; i < 300; i++) {
      const full = writer.add(bytesOf(10, i), i + 1);
      if (full !== undefined) pages.push(full);
    }
    pages.push(writer.page(true));
    const read = [...oggPages(joined(pages))];
    expect(read.map((page) => [page.packets.length, page.granule, page.first, page.last])).toEqual([
      [255, 255, true, false],
      [45, 300, false, true],
    ]);
    expect(() => writer.add(bytesOf(70_000, 0), 1)).toThrow(RangeError);
  });

  it('that are damaged, torn, missing or foreign are refused at their place', () => {
    const writer = new OggWriter(7);
    const pages = [1, 2, 3].map((i) => {
      writer.add(bytesOf(20, i), i);
      return writer.page(i === 3);
    });
    const whole = joined(pages);
    const second = pages[0]!.length;
    const failsAt = (bytes: Uint8Array) => {
      try {
        for (const _ of oggPages(bytes));
      } catch (error) {
        return (error as OggError).at;
      }
      return undefined;
    };
    expect(failsAt(whole)).toBeUndefined();
    for (let i = second; i < second + pages[1]!.length; i++) {
      const damaged = whole.slice();
      damaged[i]! ^= 0x10;
      expect(failsAt(damaged), `byte ${i}`).toBe(second);
    }
    for (let length = second + 1; length < second * 2; length++)
      expect(failsAt(whole.subarray(0, length))).toBe(second);
    expect(failsAt(joined([pages[0]!, pages[2]!]))).toBe(second);
    const other = new OggWriter(8);
    expect(failsAt(joined([pages[0]!, other.page()]))).toBe(second);
  });
});

describe('Ogg Opus', () => {
  const RATES = [8_000, 16_000, 24_000] as const;

  it.for(RATES)('carries each channel’s tone at its place, whatever the pieces: %d Hz', (rate, { skip }) => {
    const available = opusAvailable();
    if (!available.ok) skip(`NOT TESTED: ${available.reason}`);
    const ms = 1_234;
    const count = (ms * rate) / 1000;
    // The right side begins at 600 ms.
    const left = makeTone(1_020, rate, ms, -12);
    const right = new Int16Array(count);
    right.set(makeTone(620, rate, ms - 600, -12), (600 * rate) / 1000);
    const pcm = new Int16Array(interleave([left, right]).buffer);
    const stream = new OggOpusStream(
      createOpusEncoder({ sampleRate: rate, channels: 2, application: 'audio', bitrate: 48_000 }),
      99,
    );
    const pages = stream.begin({ CONSENT: 'operator' });
    for (let at = 0, piece = 2; at < pcm.length; at += piece, piece = 2 * ((piece * 7 + 11) % 3_000)) {
      pages.push(...stream.write(pcm.subarray(at, at + piece)));
    }
    pages.push(...stream.end());
    const file = readOggOpus(joined(pages));
    expect(file).toMatchObject({
      channels: 2,
      inputRate: rate,
      preSkip: 312,
      ended: true,
      comments: ['CONSENT=operator'],
    });
    expect(file.length48k).toBe(ms * 48);

    const decoder = createOpusDecoder({ sampleRate: 48_000, channels: 2 });
    const buffer = new Int16Array(decoder.maxSamples);
    const sides: [number[], number[]] = [[], []];
    for (const packet of file.packets) {
      const n = decoder.decode(packet, buffer);
      for (let i = 0; i < n; i++) sides[i % 2]!.push(buffer[i]!);
    }
    const [l, r] = sides.map((side) => Int16Array.from(side.slice(file.preSkip, file.preSkip + file.length48k)));
    const limits = { minDb: -15, maxOtherDb: -35 };
    expect(isToneAlone(l!.subarray(48 * 700, 48 * 1_200), 48_000, 1_020, limits)).toBe(true);
    expect(isToneAlone(r!.subarray(48 * 700, 48 * 1_200), 48_000, 620, limits)).toBe(true);
    const onset = r!.findIndex((sample) => Math.abs(sample) > 2_000) / 48;
    expect(Math.abs(onset - 600)).toBeLessThan(3);
    // All audio that was put in is there: the decoder makes at least as much as the last position says.
    expect(sides[0].length - file.preSkip).toBeGreaterThanOrEqual(file.length48k);
  });

  it('is refused where the headers are missing', () => {
    const writer = new OggWriter(1);
    writer.add(bytesOf(30, 1), 0);
    expect(() => readOggOpus(writer.page(true))).toThrow(TypeError);
  });
});
