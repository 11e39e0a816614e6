import { describe, expect, it } from 'vitest';
import type { CarrierMedia } from '../../src/callers/phone/carrier-media.ts';
import { Introduction } from '../../src/callers/phone/detect.ts';
import { codecsFor } from '../../src/callers/phone/formats.ts';
import type { Fault, FaultReport, MediaMessage, PhoneMessage } from '../../src/callers/phone/protocol.ts';

/** What a carrier's own samples have to be read as, and what is written in its grammar. */
export interface MediaProtocolHarness {
  protocol: CarrierMedia;
  /** All that a stream may be of, in the order of their table: its own introduction has to be recognised among them. */
  among: readonly CarrierMedia[];
  /** What its introduction calls the protocol; "Call" without it. */
  protocolName?: string;
  /** Audio is text or binary; the others are left out where the wire has no such word. */
  samples: { connected?: string; start: string; media: string | Buffer; dtmf: string; mark?: string; stop?: string };
  streamId: string;
  callId: string;
  encoding: string;
  sampleRate: number;
  /** What the sample of audio is read as, beside its payload. */
  media: Partial<MediaMessage>;
  payloadBytes: number;
  digit: string;
  durationMs: number | undefined;
  /** What it cannot read, and why. */
  unreadable: ReadonlyArray<readonly [text: string | Buffer, fault: Fault]>;
  /** A message of a kind that it has never heard of, and the name it is given. */
  unknown: readonly [text: string, name: string];
  /** A message that would be one, were it to take fields from a prototype. */
  prototype: string;
  /** What its messages to a stream of this id are, once read; left out where its wire has no such word. */
  writes(id: string): { media?: object; mark?: object; clear: object; dtmf?: object };
}

/** What every dialect of a carrier's media WebSocket has to do. */
export function describeMediaProtocol(harness: MediaProtocolHarness): void {
  const { protocol, samples } = harness;
  const read = <T extends PhoneMessage['type']>(text: string, type: T): Extract<PhoneMessage, { type: T }> => {
    const message = protocol.parse(Buffer.from(text));
    expect(message?.type).toBe(type);
    return message as Extract<PhoneMessage, { type: T }>;
  };

  describe(`the ${protocol.name} dialect`, () => {
    it('reads the introduction', () => {
      if (samples.connected !== undefined)
        expect(read(samples.connected, 'connected').protocol).toBe(harness.protocolName ?? 'Call');
      const start = read(samples.start, 'start');
      expect(start).toMatchObject({
        streamId: harness.streamId,
        callId: harness.callId,
        format: { encoding: harness.encoding, channels: 1 },
      });
      expect(start.customParameters.get('token')).toMatch(/^t-/);
      expect(codecsFor(protocol, start)?.heard.sampleRate).toBe(harness.sampleRate);
    });

    it('is the one that its own introduction is recognised as', () => {
      for (const connected of [samples.connected, undefined]) {
        const introduction = new Introduction(harness.among);
        if (connected !== undefined) expect(introduction.parse(connected)?.type).toBe('connected');
        expect(introduction.parse(samples.start)).toEqual(read(samples.start, 'start'));
        expect(introduction.carrier).toBe(protocol);
      }
    });

    it('reads audio, from bytes and from a string alike', () => {
      const readings =
        typeof samples.media === 'string'
          ? [protocol.parse(Buffer.from(samples.media)), protocol.parse(samples.media)]
          : [protocol.parseBinary?.(samples.media)];
      for (const media of readings) {
        expect(media).toMatchObject({ type: 'media', track: 'inbound', ...harness.media });
        expect(media?.type === 'media' && media.payload.length).toBe(harness.payloadBytes);
      }
    });

    it('reads digits, marks and the end', () => {
      expect(read(samples.dtmf, 'dtmf')).toEqual({
        type: 'dtmf',
        digit: harness.digit,
        durationMs: harness.durationMs,
      });
      if (samples.mark !== undefined) expect(read(samples.mark, 'mark').name).toBe('my label');
      // A carrier that has no word for it says it by closing.
      if (samples.stop !== undefined) read(samples.stop, 'stop');
      else expect(protocol.isHangUp?.(1000)).toBe(true);
      expect(protocol.isHangUp?.(1006) ?? false).toBe(false);
    });

    it('lets an event pass that nobody has heard of', () => {
      const [text, name] = harness.unknown;
      expect(read(text, 'unknown').name).toBe(name);
    });

    it('gives null and a reason for what it cannot read, and never throws', () => {
      const fault = (text: string | Buffer) => {
        const report: FaultReport = { fault: 'json' };
        expect(protocol.parse(text, report)).toBeNull();
        return report.fault;
      };
      expect(fault('')).toBe('json');
      expect(fault(Buffer.from([0xff, 0xfe, 0x00]))).toBe('json');
      for (const [text, expected] of harness.unreadable) expect(fault(text)).toBe(expected);
    });

    it('takes no field from a prototype', () => {
      const report: FaultReport = { fault: 'json' };
      expect(protocol.parse(harness.prototype, report)).toBeNull();
      expect(report.fault).toBe('shape');
      expect(Object.hasOwn(Object.prototype, 'media')).toBe(false);
    });

    it('writes messages that are JSON whatever the ids hold', () => {
      const id = 'a"b\\c\n';
      const written = {
        media: protocol.media?.(id, '//8='),
        mark: protocol.mark?.(id, 'n"'),
        clear: protocol.clear(id),
        dtmf: protocol.dtmf?.(id, '#'),
      };
      const said = Object.entries(written).filter((entry): entry is [string, string] => entry[1] !== undefined);
      expect(Object.fromEntries(said.map(([name, text]) => [name, JSON.parse(text)]))).toEqual(harness.writes(id));
    });

    it('takes audio as text or as binary messages, the way it sends it', () => {
      expect(protocol.media === undefined).toBe(protocol.parseBinary !== undefined);
    });
  });
}
