import { describe, expect, it } from 'vitest';
import { detectDialect } from '../../src/callers/phone/detect.ts';
import type { FaultReport, MediaProtocol, PhoneMessage } from '../../src/callers/phone/protocol.ts';
import type { WireSamples } from '../fixtures/phone/samples.ts';

/** What a carrier's own samples have to be read as. */
export interface MediaProtocolHarness {
  protocol: MediaProtocol;
  samples: WireSamples;
  streamId: string;
  callId: string;
  encoding: string;
  sampleRate: number;
  payloadBytes: number;
  digit: string;
  durationMs: number | undefined;
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
      expect(read(samples.connected, 'connected').protocol).toBe('Call');
      const start = read(samples.start, 'start');
      expect(start).toMatchObject({
        streamId: harness.streamId,
        callId: harness.callId,
        format: { encoding: harness.encoding, sampleRate: harness.sampleRate, channels: 1 },
      });
      expect(start.customParameters.get('token')).toMatch(/^t-/);
    });

    it('is the one that its own introduction is recognised as', () => {
      const start = read(samples.start, 'start');
      expect(detectDialect(start, read(samples.connected, 'connected'))).toBe(protocol);
      expect(detectDialect(start)).toBe(protocol);
    });

    it('reads audio, from bytes and from a string alike', () => {
      for (const data of [Buffer.from(samples.media), samples.media]) {
        const media = protocol.parse(data);
        expect(media).toMatchObject({ type: 'media', track: 'inbound', timestampMs: 5, chunk: 1, sequence: 3 });
        expect(media?.type === 'media' && media.payload.length).toBe(harness.payloadBytes);
      }
    });

    it('reads digits, marks and the end', () => {
      expect(read(samples.dtmf, 'dtmf')).toEqual({
        type: 'dtmf',
        digit: harness.digit,
        durationMs: harness.durationMs,
      });
      expect(read(samples.mark, 'mark').name).toBe('my label');
      read(samples.stop, 'stop');
    });

    it('lets an event pass that nobody has heard of', () => {
      expect(read('{"event":"holo","x":1}', 'unknown').name).toBe('holo');
    });

    it('gives null and a reason for what it cannot read, and never throws', () => {
      const fault = (text: string | Buffer) => {
        const report: FaultReport = { fault: 'json' };
        expect(protocol.parse(text, report)).toBeNull();
        return report.fault;
      };
      expect(fault('')).toBe('json');
      expect(fault('{"event":"media"')).toBe('json');
      expect(fault(Buffer.from([0xff, 0xfe, 0x00]))).toBe('json');
      for (const text of ['null', '1', '"media"', '[]', '{}', '{"event":5}', '{"event":"media"}', '{"event":"mark"}'])
        expect(fault(text)).toBe('shape');
      expect(fault('{"event":"media","media":{"payload":5}}')).toBe('shape');
      expect(fault('{"event":"start","start":{"streamSid":"x"}}')).toBe('shape');
      expect(fault('{"event":"dtmf","dtmf":{"digit":"12"}}')).toBe('shape');
      for (const payload of ['%%%not base64@@', 'AAAA====AAAA', 'AAA', 'AA=A', 'A===', '====', 'AAAÄ'])
        expect(fault(`{"event":"media","media":{"payload":"${payload}"}}`)).toBe('base64');
      expect(fault(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toBe('shape');
    });

    it('takes no field from a prototype', () => {
      const report: FaultReport = { fault: 'json' };
      expect(protocol.parse('{"event":"media","__proto__":{"media":{"payload":"AAAA"}}}', report)).toBeNull();
      expect(report.fault).toBe('shape');
      expect(Object.hasOwn(Object.prototype, 'media')).toBe(false);
    });

    it('writes messages that are JSON whatever the ids hold', () => {
      const id = 'a"b\\c\n';
      expect(JSON.parse(protocol.media(id, '//8='))).toEqual({
        event: 'media',
        streamSid: id,
        media: { payload: '//8=' },
      });
      expect(JSON.parse(protocol.mark(id, 'n"'))).toEqual({ event: 'mark', streamSid: id, mark: { name: 'n"' } });
      expect(JSON.parse(protocol.clear(id))).toEqual({ event: 'clear', streamSid: id });
      if (protocol.dtmf !== undefined)
        expect(JSON.parse(protocol.dtmf(id, '#'))).toEqual({ event: 'dtmf', streamSid: id, dtmf: { digit: '#' } });
    });
  });
}
