import { expect, it } from 'vitest';
import { signalwire } from '../../src/callers/phone/carriers/signalwire/media.ts';
import { twilio } from '../../src/callers/phone/carriers/twilio/media.ts';
import { signalwireSamples, twilioSamples } from '../fixtures/phone/samples.ts';
import { describeMediaProtocol } from './media-protocol.ts';

describeMediaProtocol({
  protocol: twilio,
  samples: twilioSamples,
  streamId: 'MZ18ad3ab5a668481ce02b83e7395059f0',
  callId: 'CAcc0123456789abcdef0123456789abcd',
  encoding: 'audio/x-mulaw',
  sampleRate: 8000,
  payloadBytes: 160,
  digit: '1',
  durationMs: undefined,
});

describeMediaProtocol({
  protocol: signalwire,
  samples: signalwireSamples,
  streamId: '0a5b1c2d-1111-4222-8333-444455556666',
  callId: '3f6e0d0a-9999-4888-8777-666655554444',
  encoding: 'audio/x-l16',
  sampleRate: 24_000,
  payloadBytes: 960,
  digit: 'A',
  durationMs: 260,
});

it('only SignalWire takes digits from us', () => {
  expect(twilio.dtmf).toBeUndefined();
  expect(signalwire.dtmf).toBeDefined();
});
