import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../../../../src/callers/phone/carriers/index.ts';
import { Answers } from '../../../../../src/callers/phone/http/answers.ts';
import { incomingCall } from '../../../../../src/callers/phone/http/incoming-call.ts';
import { StreamTokens } from '../../../../../src/callers/phone/http/stream-token.ts';
import type { Webhook } from '../../../../../src/callers/phone/http/webhook.ts';
import { loadConfig } from '../../../../../src/config.ts';
import { publicUrls } from '../../../../../src/http/public-url.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';

const FALLBACK = '+12025550100';

const carriers = openCarriers(loadConfig({}));
const answers = new Answers({
  carriers,
  urls: publicUrls({ publicUrl: 'https://voice.example.com', signed: true }),
  tokens: new StreamTokens({
    secrets: ['a secret of sixteen bytes'],
    memory: new LocalMemory({ clock: { now: () => 0 } }),
    wall: () => 0,
  }),
  apology: { text: 'Sorry.' },
  transferTo: FALLBACK,
  transferSeconds: 60,
  ends: (one) => incomingCall(carriers, one),
});

const webhook = (params: Record<string, string>): Webhook => ({
  carrier: 'twilio',
  accountId: 'AC1',
  carrierCallId: 'CA1',
  proven: true,
  params: { From: '+12025550143', To: '+12025550177', Direction: 'inbound', ...params },
  query: {},
});

describe('the apology', () => {
  it('connects the caller to the fallback number', () => {
    expect(answers.apology(webhook({}))).toContain(`>${FALLBACK}</Dial>`);
    expect(answers.apology(webhook({ ForwardedFrom: '+12025550101' }))).toContain('<Dial');
    expect(answers.apology(webhook({ From: FALLBACK }))).toContain('<Dial');
  });

  it.each([
    { To: FALLBACK },
    { To: `sip:${FALLBACK}@sip.example.com` },
    { To: '1 202 555 0100' },
    { ForwardedFrom: FALLBACK },
    { ForwardedFrom: '12025550100' },
  ])('says no more than words where that number leads to us: %o', (params) => {
    const document = answers.apology(webhook(params));
    expect(document).toContain('<Say>Sorry.</Say>');
    expect(document).not.toContain('<Dial');
  });
});
