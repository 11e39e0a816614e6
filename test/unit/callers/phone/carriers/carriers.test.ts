import { describe, expect, it } from 'vitest';
import type { Pace } from '../../../../../src/call/leg.ts';
import { CARRIERS, openCarriers } from '../../../../../src/callers/phone/carriers/index.ts';
import type { StreamOrder, WebhookFacts } from '../../../../../src/callers/phone/carriers/webhook.ts';
import { loadConfig } from '../../../../../src/config.ts';

const stream: StreamOrder = {
  streamUrl: 'wss://voice.example.com/media-stream',
  token: 'tok',
  continueUrl: 'https://voice.example.com/call-continue',
  statusUrl: 'https://voice.example.com/stream-status',
  callId: 'c1',
  pace: 'live',
};

const facts: WebhookFacts = { accountId: 'a', carrierCallId: 'c', params: {}, query: {} };

const connected = (carrier: string, settings: Record<string, string> = {}, pace: Pace = 'live') =>
  openCarriers(loadConfig(settings))
    .of({ carrier })
    .webhook.document({ do: 'connect', stream: { ...stream, pace } }, facts);

describe('the stream that a carrier is asked for', () => {
  it('gives SignalWire its own attributes and Twilio none of them', () => {
    expect(connected('signalwire')).toContain(' authBearerToken="tok" codec="L16@24000h" realtime="true">');
    expect(connected('twilio')).not.toMatch(/authBearerToken|codec|realtime/);
  });

  it.each([
    ['auto', 'live', 'true'],
    ['auto', 'burst', 'false'],
    ['false', 'live', 'false'],
    ['true', 'burst', 'true'],
  ] as const)(
    'is realtime at SignalWire by the setting, or by the call: %s, %s',
    (SIGNALWIRE_REALTIME, pace, realtime) => {
      expect(connected('signalwire', { SIGNALWIRE_REALTIME }, pace)).toContain(`realtime="${realtime}"`);
    },
  );
});

describe('the table of carriers', () => {
  it('is opened by settings, in its order, and tells whether anything is proven', () => {
    const carriers = openCarriers(loadConfig({}));
    expect(carriers.all.map(({ name }) => name)).toEqual(CARRIERS.map(({ name }) => name));
    expect(carriers.all.slice(0, 2).map(({ name }) => name)).toEqual(['twilio', 'signalwire']);
    expect(carriers.isSigned).toBe(false);
    expect(openCarriers(loadConfig({ SIGNALWIRE_SIGNING_KEY: 'PSK_x' })).isSigned).toBe(true);
    expect(carriers.get('nobody')).toBeUndefined();
  });
});
