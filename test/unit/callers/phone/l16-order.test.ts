import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CarrierMedia, L16Wire } from '../../../../src/callers/phone/carrier-media.ts';
import { twilio } from '../../../../src/callers/phone/carriers/twilio/media.ts';
import { OrderJudge, orderOf } from '../../../../src/callers/phone/l16-order.ts';
import { PhoneLeg } from '../../../../src/callers/phone/leg.ts';
import { type ByteOrder, l16Encode } from '../../../../src/media/l16.ts';
import { makeTone } from '../../../../src/media/tone.ts';
import { decodeWav } from '../../../../src/media/wav.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { media, started, startMessage } from './leg-rig.ts';
import { FakeSocket, legContext } from './rig.ts';

const RATE = 16_000;
const ORDERS: readonly ByteOrder[] = ['le', 'be'];
const wire = (): L16Wire => ({ byteOrder: 'auto' });

function bytesOf(samples: Int16Array, order: ByteOrder): Buffer {
  const bytes = Buffer.alloc(samples.length * 2);
  l16Encode(samples, bytes, order);
  return bytes;
}

/** What the judge says of a stream in frames of 20 ms, and after how many. */
function judged(samples: Int16Array, order: ByteOrder): [ByteOrder | undefined, number] {
  const judge = new OrderJudge(wire(), RATE);
  for (let at = 0, n = 1; at < samples.length; at += 320, n++) {
    const says = judge.look(bytesOf(samples.subarray(at, at + 320), order));
    if (says !== undefined) return [says, n];
  }
  return [undefined, 0];
}

describe('the byte order of L16', () => {
  it.each(ORDERS)('shows in the first frame of a tone, %s', (order) => {
    for (const hz of [200, 440, 1_020, 2_310])
      for (const dbfs of [-50, -30, -15]) {
        expect(judged(makeTone(hz, RATE, 200, dbfs), order)).toEqual([order, 1]);
      }
    // A loud high one is rough in either reading: that takes longer.
    const [says, frames] = judged(makeTone(2_310, RATE, 400, -5), order);
    expect([says, frames > 1]).toEqual([order, true]);
  });

  it.each(ORDERS)('shows in the bundled speech wherever one begins to listen, %s', (order) => {
    const file = join(import.meta.dirname, '../../../../src/simulator/assets/speech.wav');
    const {
      channels: [samples = new Int16Array()],
      sampleRate,
    } = decodeWav(readFileSync(file));
    for (let at = 0; at + sampleRate < samples.length; at += sampleRate / 3) {
      const [says, frames] = judged(samples.subarray(at, at + sampleRate), order);
      // A second of it may be a pause.
      if (says === undefined)
        expect(samples.subarray(at, at + sampleRate).every((one) => one === samples[at])).toBe(true);
      else expect([says, frames < 10]).toEqual([order, true]);
    }
  });

  it('shows in the noise of a quiet line, so that it is known before anybody speaks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ORDERS),
        fc.integer({ min: 1, max: 60 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (order, level, random) => {
          const noise = Int16Array.from({ length: 1_600 }, () =>
            Math.round((2 * (random.next().value as number) - 1) * level),
          );
          const [says] = judged(noise, order);
          if (says !== undefined) expect(says).toBe(order);
        },
      ),
    );
  });

  it('does not show in silence, nor in a hiss that is rough either way', () => {
    const silence = new Int16Array(RATE);
    expect(judged(silence, 'be')).toEqual([undefined, 0]);
    let seed = 1;
    const hiss = Int16Array.from({ length: RATE }, () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      return seed >> 16;
    });
    expect(judged(hiss, 'be')).toEqual([undefined, 0]);
  });

  it('is that of earlier streams until it shows, and before the first the carrier is believed, or the standard', () => {
    expect(orderOf({ byteOrder: 'auto' })).toBe('be');
    const own: L16Wire = { byteOrder: 'auto', guess: 'le' };
    expect(orderOf(own)).toBe('le');
    const judge = new OrderJudge(own, RATE);
    judge.teach();
    expect(orderOf(own)).toBe('le');
    judge.look(bytesOf(makeTone(440, RATE, 20, -20), 'be'));
    expect(orderOf(own)).toBe('le');
    judge.teach();
    expect(orderOf(own)).toBe('be');
    expect(orderOf({ byteOrder: 'le', guess: 'be' })).toBe('le');
  });
});

describe('a leg that is to find it', () => {
  const format = { encoding: 'l16', sampleRate: RATE, channels: 1 };
  const carrier = (guess: ByteOrder): CarrierMedia => ({ ...twilio, l16: { byteOrder: 'auto', guess } });
  const tone = makeTone(440, RATE, 20, -20);

  it('learns from a stream for those after it once it is a call’s, and nothing from one that never is', async () => {
    const protocol = carrier('be');
    const init = { protocol, start: startMessage({ format }), socket: new FakeSocket(), clock: new FakeClock() };
    const shown = media({ payload: bytesOf(tone, 'le'), timestampMs: 0 });
    const next = () => new PhoneLeg(init).audio.toString();
    new PhoneLeg(init).receive(shown, 0);
    expect(next()).toBe('l16be@16000 -> twilio');
    const proven = new PhoneLeg(init);
    proven.receive(shown, 0);
    await proven.start(legContext(init.clock).context);
    expect(next()).toBe('l16le@16000 -> twilio');
  });

  it.each(ORDERS)('hears and speaks by what the caller shows, where it had thought of %s', async (guess) => {
    const right = guess === 'le' ? 'be' : 'le';
    const s = await started({ protocol: carrier(guess), start: startMessage({ format }) });
    s.leg.receive(media({ payload: Buffer.alloc(640), timestampMs: 0 }), 0);
    expect(s.leg.audio.toString()).toBe(`l16${guess}@16000 -> twilio`);
    // What waits here is turned, what is at the carrier is not.
    s.leg.audio.write({ samples: new Int16Array(RATE / 2).fill(0x0102), sampleRate: RATE });
    s.leg.receive(media({ payload: bytesOf(tone, right), timestampMs: 20 }), 20);
    expect(s.heard.slice(320)).toEqual([...tone]);
    expect(s.leg.audio.toString()).toBe(`l16${right}@16000 -> twilio`);
    s.clock.advance(1_000);
    const sent = s.socket.sent.flatMap((text) => {
      const { media: { payload = '' } = {} } = JSON.parse(text) as { media?: { payload: string } };
      return payload === '' ? [] : [Buffer.from(payload, 'base64').readUInt16LE(0)];
    });
    const [little, big] = [0x0102, 0x0201];
    expect(sent[0]).toBe(guess === 'le' ? little : big);
    expect(sent.at(-1)).toBe(right === 'le' ? little : big);
  });

  it('has the next stream begin so', async () => {
    const protocol = carrier('le');
    const first = await started({ protocol, start: startMessage({ format }) });
    first.leg.receive(media({ payload: bytesOf(tone, 'be'), timestampMs: 0 }), 0);
    const second = await started({ protocol, start: startMessage({ format }) });
    expect(second.leg.audio.toString()).toBe('l16be@16000 -> twilio');
  });
});
