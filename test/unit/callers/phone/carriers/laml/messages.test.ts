import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseByJson, parseMessage } from '../../../../../../src/callers/phone/carriers/laml/messages.ts';
import { type MediaFields, scanMedia } from '../../../../../../src/callers/phone/carriers/laml/scan.ts';
import type { FaultReport, PhoneMessage } from '../../../../../../src/callers/phone/protocol.ts';
import { decodeBase64 } from '../../../../../../src/media/base64.ts';
import { signalwireSamples, twilioSamples } from '../../../../../fixtures/phone/samples.ts';

/** A copy that outlives the next parse. */
function keep(message: PhoneMessage | null, report: FaultReport): unknown {
  if (message === null) return { fault: report.fault };
  return message.type === 'media' ? { ...message, payload: message.payload.toString('hex') } : message;
}

function both(data: Buffer): void {
  const a: FaultReport = { fault: 'json' };
  const b: FaultReport = { fault: 'json' };
  expect(keep(parseMessage(data, a), a)).toEqual(keep(parseByJson(data, b), b));
}

const fields = (): MediaFields => ({
  outbound: false,
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payloadStart: 0,
  payloadEnd: 0,
});

const number = fc.oneof(
  fc.nat().map(String),
  fc.nat(),
  fc.constantFrom<unknown>('', '-1', '1.5', '0005', '99999999999999999', 1e21, -3, null, true),
);
const text = fc.oneof(fc.string(), fc.constantFrom('inbound', 'outbound', 'inbound_track', 'media', 'a"b', 'é', '\\'));
const payload = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 1200 }).map((bytes) => Buffer.from(bytes).toString('base64')) },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('AAAA====', 'A/+=', '-_-_', 5, null) },
);
const media = fc.record(
  { track: text, chunk: number, timestamp: number, payload, extra: fc.jsonValue({ maxDepth: 1 }) },
  { requiredKeys: [] },
);
const message = fc.record(
  {
    event: fc.oneof(fc.constant('media'), text),
    sequenceNumber: number,
    media,
    streamSid: text,
    other: fc.jsonValue(),
  },
  { requiredKeys: ['event'] },
);

/** JSON text with the spacing that other encoders put in. */
const spelled = fc
  .tuple(message, fc.constantFrom(0, 1, 2))
  .map(([value, style]) =>
    style === 0
      ? JSON.stringify(value)
      : style === 1
        ? JSON.stringify(value, null, 1).replace(/\n */g, ' ')
        : JSON.stringify(value).replaceAll('/', '\\/'),
  );

describe('text that is not UTF-8', () => {
  it('is malformed, wherever in a message it stands', () => {
    for (const message of ['{"event":"mark","mark":{"name":"?"}}', '{"event":"media","media":{"payload":"//8?"}}']) {
      const bytes = Buffer.from(message, 'latin1');
      bytes[bytes.indexOf('?')] = 0xff;
      const report: FaultReport = { fault: 'shape' };
      expect(parseMessage(bytes, report)).toBeNull();
      expect(report.fault).toBe('json');
    }
  });
});

describe('the short way through a media message', () => {
  it('takes the messages that carriers really send', () => {
    for (const sample of [twilioSamples.media, signalwireSamples.media]) {
      const out = fields();
      expect(scanMedia(Buffer.from(sample), out)).toBe(true);
      expect(out).toMatchObject({ outbound: false, timestampMs: 5, chunk: 1, sequence: 3 });
    }
  });

  it('reads every well-formed message as JSON.parse does, or leaves it to it', () => {
    fc.assert(
      fc.property(spelled, (json) => both(Buffer.from(json))),
      { numRuns: 2_000 },
    );
  });

  it('agrees on damaged messages too', () => {
    const samples = [twilioSamples, signalwireSamples].flatMap((s) => Object.values(s)).map((s) => Buffer.from(s));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x22, 0x2c, 0x7d))), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.nat(),
        (sample, edits, cut) => {
          const bytes = Buffer.from(sample);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          both(bytes);
          both(bytes.subarray(0, cut % bytes.length));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('agrees on what JSON allows and nobody writes', () => {
    for (const json of [
      '{"event":"media","media":{"payload":"AAAA"},"media":{"chunk":"2","payload":"BBBB"}}',
      '{"event":"media","media":{"payload":"AAAA","payload":"BBBB"}}',
      '{"event":"media","media":{"payload":"AAAA","timestamp":07}}',
      '{"event":"media","media":{"payload":"AAAA","timestamp":7e1}}',
      '{"event":"media","media":{"payload":"AAAA"},}',
      '{"event":"media","media":{"payload":"AAAA"}} x',
      '{"event":"media","media":{"payload":"AAAA"}}\n',
      '{"event":"mark","event":"media","media":{"payload":"AAAA"}}',
      '{"media":{"payload":"AAAA"},"event":"media"}',
      '{"event":"media","media":"x"}',
      '{"event":"media","media":{},"payload":"AAAA"}',
      '{"event":"media","media":{"payload":"A\\u0041AA"}}',
      '{"event":"media","media":{"payload":"AA\tAA"}}',
      '{}',
      '{"":{"":""}}',
    ])
      both(Buffer.from(json));
  });
});

describe('strict base64', () => {
  const decode = (text: string): string | undefined => {
    const dst = Buffer.alloc(4096);
    const src = Buffer.from(`"${text}"`);
    const n = decodeBase64(src, 1, src.length - 1, dst);
    return n < 0 ? undefined : dst.toString('hex', 0, n);
  };

  it('decodes every length exactly, by the loop and by native code', () => {
    for (let length = 0; length < 640; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 89 + length) & 0xff));
      expect(decode(bytes.toString('base64'))).toBe(bytes.toString('hex'));
    }
  });

  it('refuses one wrong character at any place, however long the text', () => {
    for (const length of [4, 216, 1280]) {
      const good = 'A'.repeat(length);
      for (const bad of ['%', ' ', '\n', '=', '.', '\u0000', '\u007f']) {
        for (const at of [0, 1, length >> 1, length - 3]) {
          expect(decode(good.slice(0, at) + bad + good.slice(at + 1))).toBeUndefined();
        }
      }
    }
  });

  it('refuses what does not fit', () => {
    expect(decodeBase64(Buffer.from('AAAAAAAA'), 0, 8, Buffer.alloc(5))).toBe(-1);
  });
});
