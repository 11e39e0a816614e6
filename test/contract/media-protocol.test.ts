import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CarrierMedia } from '../../src/callers/phone/carrier-media.ts';
import { plivoMedia } from '../../src/callers/phone/carriers/plivo/media.ts';
import { signalwireMedia } from '../../src/callers/phone/carriers/signalwire/media.ts';
import { telnyxMedia } from '../../src/callers/phone/carriers/telnyx/media.ts';
import { twilio } from '../../src/callers/phone/carriers/twilio/media.ts';
import { vonageMedia } from '../../src/callers/phone/carriers/vonage/media.ts';
import { Introduction } from '../../src/callers/phone/detect.ts';
import type { FaultReport } from '../../src/callers/phone/protocol.ts';
import { tide, tideSamples } from '../fixtures/kinds/carrier/media.ts';
import {
  plivoSamples,
  signalwireSamples,
  telnyxSamples,
  twilioSamples,
  vonageSamples,
} from '../fixtures/phone/samples.ts';
import { describeMediaProtocol, type MediaProtocolHarness } from './media-protocol.ts';

const signalwire = signalwireMedia();
const telnyx = telnyxMedia({ played: 'PCMU', playedHz: 8_000 });
const plivo = plivoMedia({ codec: 'L16@16000h' });
const vonage = vonageMedia({ hz: 24_000 });
const among: readonly CarrierMedia[] = [twilio, signalwire, telnyx, plivo, vonage, tide];

/** What the carriers of the one family have in common. */
const family = {
  among,
  media: { timestampMs: 5, chunk: 1, sequence: 3 },
  unreadable: [
    ['{"event":"media"', 'json'],
    ...['null', '1', '"media"', '[]', '{}', '{"event":5}', '{"event":"media"}', '{"event":"mark"}'].map(
      (text) => [text, 'shape'] as const,
    ),
    ['{"event":"media","media":{"payload":5}}', 'shape'],
    ['{"event":"start","start":{"streamSid":"x"}}', 'shape'],
    ['{"event":"dtmf","dtmf":{"digit":"12"}}', 'shape'],
    ...['%%%not base64@@', 'AAAA====AAAA', 'AAA', 'AA=A', 'A===', '====', 'AAAÄ'].map(
      (payload) => [`{"event":"media","media":{"payload":"${payload}"}}`, 'base64'] as const,
    ),
    [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'shape'],
  ],
  unknown: ['{"event":"holo","x":1}', 'holo'],
  prototype: '{"event":"media","__proto__":{"media":{"payload":"AAAA"}}}',
} as const satisfies Partial<MediaProtocolHarness>;

const written = (id: string) => ({
  media: { event: 'media', streamSid: id, media: { payload: '//8=' } },
  mark: { event: 'mark', streamSid: id, mark: { name: 'n"' } },
  clear: { event: 'clear', streamSid: id },
});

describeMediaProtocol({
  ...family,
  protocol: twilio,
  samples: twilioSamples,
  streamId: 'MZ18ad3ab5a668481ce02b83e7395059f0',
  callId: 'CAcc0123456789abcdef0123456789abcd',
  encoding: 'audio/x-mulaw',
  sampleRate: 8000,
  payloadBytes: 160,
  digit: '1',
  durationMs: undefined,
  writes: written,
});

describeMediaProtocol({
  ...family,
  protocol: signalwire,
  samples: signalwireSamples,
  streamId: '0a5b1c2d-1111-4222-8333-444455556666',
  callId: '3f6e0d0a-9999-4888-8777-666655554444',
  encoding: 'audio/x-l16',
  sampleRate: 24_000,
  payloadBytes: 960,
  digit: 'A',
  durationMs: 260,
  writes: (id) => ({ ...written(id), dtmf: { event: 'dtmf', streamSid: id, dtmf: { digit: '#' } } }),
});

describeMediaProtocol({
  ...family,
  protocol: telnyx,
  protocolName: '',
  samples: telnyxSamples,
  streamId: '32de0dea-53cb-4b21-89a4-9e1819c043bc',
  callId: 'v3:KfjqBLB6MZgZ5Iz-j0Lv4AgfXrFcTvFQ_0rSVmPgJ9nGfJ4WSt1xIw',
  encoding: 'pcma',
  sampleRate: 8000,
  media: { timestampMs: 5, chunk: 2 },
  payloadBytes: 160,
  digit: '1',
  durationMs: undefined,
  unreadable: [
    ...family.unreadable,
    ['{"event":"start","stream_id":"x","start":{"call_control_id":"v3:1"}}', 'shape'],
    ['{"event":"start","start":{"call_control_id":"v3:1","media_format":{"encoding":"PCMU"}}}', 'shape'],
  ],
  writes: () => ({
    media: { event: 'media', media: { payload: '//8=' } },
    mark: { event: 'mark', mark: { name: 'n"' } },
    clear: { event: 'clear' },
  }),
});

describeMediaProtocol({
  protocol: plivo,
  among,
  samples: plivoSamples,
  streamId: '87654321-4321-4321-8321-cba987654321',
  callId: '12345678-1234-4234-8234-123456789abc',
  encoding: 'audio/x-mulaw',
  sampleRate: 8000,
  media: { timestampMs: 1_705_312_200_005, chunk: 1, sequence: 3 },
  payloadBytes: 160,
  digit: '9',
  durationMs: undefined,
  unreadable: [
    ...family.unreadable.filter(([text]) => !text.includes('mark') && !text.includes('streamSid')),
    ...['{"event":"playedStream"}', '{"event":"start","start":{"streamId":"x"}}', '{"event":"start"}'].map(
      (text) => [text, 'shape'] as const,
    ),
  ],
  unknown: family.unknown,
  prototype: family.prototype,
  writes: (id) => ({
    media: { event: 'playAudio', media: { contentType: 'audio/x-l16', sampleRate: 16_000, payload: '//8=' } },
    mark: { event: 'checkpoint', streamId: id, name: 'n"' },
    clear: { event: 'clearAudio', streamId: id },
  }),
});

describeMediaProtocol({
  protocol: tide,
  among,
  samples: tideSamples,
  streamId: 'c-17',
  callId: 'c-17',
  encoding: 'audio/l16;rate=16000',
  sampleRate: 16_000,
  media: { timestampMs: undefined, chunk: undefined, sequence: undefined },
  payloadBytes: 640,
  digit: '7',
  durationMs: 140,
  unreadable: [
    ['{"event":"socket:digit"', 'json'],
    ...['null', '1', '[]', '{}', '{"event":5}', '{"event":"socket:connected"}', '{"event":"socket:notice"}'].map(
      (text) => [text, 'shape'] as const,
    ),
    ['{"event":"socket:digit","digit":"12"}', 'shape'],
  ],
  unknown: ['{"event":"socket:holo","x":1}', 'socket:holo'],
  prototype: '{"event":"socket:digit","__proto__":{"digit":"1"}}',
  writes: () => ({ mark: { action: 'notify', notice: 'n"' }, clear: { action: 'clear' } }),
});

describeMediaProtocol({
  protocol: vonage,
  among,
  samples: vonageSamples,
  streamId: '0a5b1c2d-1111-4222-8333-444455556666',
  callId: '0a5b1c2d-1111-4222-8333-444455556666',
  encoding: 'audio/l16;rate=24000',
  sampleRate: 24_000,
  media: { timestampMs: undefined, chunk: undefined, sequence: undefined },
  payloadBytes: 960,
  digit: '5',
  durationMs: 260,
  unreadable: [
    ['{"event":"websocket:dtmf"', 'json'],
    ...[
      'null',
      '1',
      '[]',
      '{}',
      '{"event":5}',
      '{"event":"websocket:connected"}',
      '{"event":"websocket:connected","content-type":"audio/l16;rate=8000"}',
      '{"event":"websocket:connected","content-type":"","call":"c"}',
      '{"event":"websocket:notify"}',
      '{"event":"websocket:notify","payload":"my label"}',
      '{"event":"websocket:dtmf","digit":"12"}',
      '{"event":"websocket:dtmf","digit":5}',
    ].map((text) => [text, 'shape'] as const),
  ],
  unknown: ['{"event":"websocket:holo","x":1}', 'websocket:holo'],
  prototype: '{"event":"websocket:dtmf","__proto__":{"digit":"1"}}',
  writes: () => ({ mark: { action: 'notify', payload: { mark: 'n"' } }, clear: { action: 'clear' } }),
});

it('only SignalWire takes digits from us', () => {
  expect(twilio.dtmf).toBeUndefined();
  expect(signalwire.dtmf).toBeDefined();
  expect(vonage.dtmf).toBeUndefined();
});

describe('an introduction', () => {
  const [SID, UUID, OTHER] = [`MZ${'0'.repeat(32)}`, '0a5b1c2d-1111-4222-8333-444455556666', 'x-1'];
  const id = fc.constantFrom(SID, UUID, OTHER);
  const version = fc.constantFrom('1.0.0', '0.2.0', '7', undefined);

  it('is judged by all its signs, and where they are even it is of the first of the table', () => {
    // By hand: votes above zero for Twilio, below for SignalWire.
    const vote = (text: string) => (text === SID ? 1 : text === UUID ? -1 : 0);
    fc.assert(
      fc.property(id, id, id, fc.boolean(), version, (streamSid, callSid, accountSid, isTop, said) => {
        const introduction = new Introduction(among);
        if (said !== undefined) introduction.parse(JSON.stringify({ event: 'connected', version: said }));
        const start = { streamSid, callSid, accountSid, mediaFormat: { encoding: 'audio/x-mulaw' } };
        introduction.parse(JSON.stringify({ event: 'start', ...(isTop ? { streamSid } : {}), start }));
        const votes =
          2 * vote(streamSid) +
          vote(callSid) +
          vote(accountSid) +
          (isTop ? 1 : -1) +
          (said === '1.0.0' ? 2 : said === '0.2.0' ? -2 : 0);
        expect(introduction.carrier.name).toBe(votes >= 0 ? 'twilio' : 'signalwire');
      }),
    );
  });

  it('is read in the grammar of each carrier, whatever the order of the table', () => {
    for (const table of [among, [...among].reverse()]) {
      const introduction = new Introduction(table);
      expect(introduction.parse(tideSamples.start)).toMatchObject({ type: 'start', callId: 'c-17' });
      expect(introduction.carrier).toBe(tide);
      expect(introduction.parse(twilioSamples.media)?.type).toBe('media');
      expect(introduction.parse('{"event":"holo"}')).toEqual({ type: 'unknown', name: 'holo' });
    }
  });

  it('that nobody can read is at fault as the first of the table says', () => {
    const report: FaultReport = { fault: 'shape' };
    expect(new Introduction(among).parse('{"event":', report)).toBeNull();
    expect(report.fault).toBe('json');
    expect(new Introduction(among).parse('{"event":"media","media":{"payload":"%%%%"}}', report)?.type).toBe('unknown');
    expect(new Introduction([twilio]).parse('{"event":"media","media":{"payload":"%%%%"}}', report)).toBeNull();
    expect(report.fault).toBe('base64');
  });

  it('needs a carrier that it can be of', () => {
    expect(() => new Introduction([])).toThrow(RangeError);
  });
});
