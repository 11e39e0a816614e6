import { describe, expect, onTestFinished } from 'vitest';
import { silenceSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { ask, bridgeUrl, Page } from './browser-page.ts';
import { type Rig, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Pages of strangers, where anybody may call: what they can take, and what they cannot. Real WebRTC, real HTTP, real phones. */

const AGENT_HZ = 620;
const TOKEN = 'a-token-of-the-operators';
const SETTINGS = {
  ADMIN_TOKEN: TOKEN,
  BROWSER_ACCESS: 'public',
  RATE_LIMIT_BROWSER_CALLS: '0',
  TRUST_PROXY: 'loopback',
};

function page(): Page {
  const made = new Page();
  onTestFinished(() => made.close());
  return made;
}

/** Offers a call from this address, and does nothing more. */
async function offer(rig: Rig, address: string, conversation: string) {
  const sdp = await page().peer.createOffer(0);
  return ask(bridgeUrl(rig.url), 'POST', { conversation_id: conversation, offer: sdp }, { 'x-forwarded-for': address });
}

describe('pages of strangers', () => {
  it('keep no phone caller from being answered: not by offers, nor by calls, nor by the rate of either', async ({
    own,
  }) => {
    const rig = own(
      await startRig({
        settings: {
          ...SETTINGS,
          MAX_CALLS: '4',
          BROWSER_MAX_CALLS: '2',
          BROWSER_MAX_PENDING: '40',
          CALLS_PER_SECOND: '2',
          BROWSER_CONNECT_MS: '8000',
        },
        model: { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } },
      }),
    );
    const real = page();
    const connected = await real.call(rig.url, { conversation_id: 'real' }, { 'x-forwarded-for': '198.51.100.200' });
    expect(connected.status).toBe(200);
    // Far more than there are places for, all at once, from as many addresses, of which none ever connects.
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => offer(rig, `198.51.100.${i + 1}`, `idle-${i}`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const reasons = answers.map(({ body }) => (body['error'] as { reason?: string } | undefined)?.reason);
    expect(new Set(reasons)).toEqual(new Set([undefined, 'pages']));
    // Nothing was asked of the model for them.
    expect(rig.model.stats.sessionsStarted).toBe(1);

    const phones = [0, 1].map(() => rig.call({ source: silenceSource() }));
    for (const { phone, report } of phones) {
      await hearsOut(phone, 1_000);
      phone.hangUp();
      expect((await report).reason).toBe('audio went both ways');
      const heard = phone.recordedChannels();
      expect(heard && toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(1_000);
    }
    // And the page that was there goes on.
    expect(real.told('ended')).toEqual([]);
  });

  it('hold their places for as long as connecting may take, by address and in all', async ({ own }) => {
    const rig = own(
      await startRig({ settings: { ...SETTINGS, BROWSER_MAX_PENDING: '4', BROWSER_CONNECT_MS: '5000' } }),
    );
    expect(await offer(rig, '198.51.100.1', 'a')).toMatchObject({ status: 200 });
    expect(await offer(rig, '198.51.100.1', 'b')).toMatchObject({
      status: 429,
      body: { error: { code: 'NO_MORE_CALLS', reason: 'pending' } },
    });
    // A network of one subscriber's is one address.
    expect(await offer(rig, '2001:db8::1', 'c')).toMatchObject({ status: 200 });
    expect(await offer(rig, '2001:db8::2', 'd')).toMatchObject({ status: 429 });
    expect(await offer(rig, '198.51.100.2', 'e')).toMatchObject({ status: 200 });
    expect(await offer(rig, '198.51.100.3', 'f')).toMatchObject({ status: 200 });
    expect(await offer(rig, '198.51.100.4', 'g')).toMatchObject({ status: 429 });
    // One that is connected holds none of them, and after the time none is held.
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    const real = page();
    expect(await real.call(rig.url, { conversation_id: 'a' }, { 'x-forwarded-for': '198.51.100.1' })).toMatchObject({
      status: 200,
    });
    await until(() => rig.of('connected')[0], 'the call');
    expect(await offer(rig, '198.51.100.1', 'b')).toMatchObject({ status: 200 });
    expect(rig.model.stats.sessionsStarted).toBe(1);
    real.close();
  });
});
