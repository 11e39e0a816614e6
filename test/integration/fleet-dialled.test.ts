import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startCarrier } from '../../src/simulator/carrier/index.ts';
import { newAccountSid } from '../../src/simulator/phone/carrier.ts';
import { Phone, scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startFleet } from './fleet-rig.ts';
import { keysHeard } from './keys-heard.ts';
import { loudestTone, sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A number that answers a call, where its carrier comes to another instance than the one that has the call. */

const PUBLIC = 'https://voice.example.com';
const SECRET = 'auth-token-of-the-account';
const THEIRS = '+12025551111';
const CALLER_HZ = 1_020;
const PARTY_HZ = 620;

const sounding = (hz: number) =>
  scriptSource(Array.from({ length: 20 }, () => [{ pauseMs: 800 }, toneSource(hz, { ms: 1_200, dbfs: -15 })]).flat());

describe('a number that answers, on two instances', () => {
  it('is heard and hears, though its webhook and its stream come to the other one; keys and both ends come through', async ({
    own,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-routes-'));
    const file = join(folder, 'routes.yaml');
    writeFileSync(file, JSON.stringify({ routes: [{ name: 'all', agent: { kind: 'phone', to: THEIRS } }] }));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    const bridge = { local: '', public: PUBLIC };
    const accountSid = newAccountSid('twilio');
    const carrier = own(
      await startCarrier({
        carrier: 'twilio',
        accountSid,
        token: SECRET,
        signingSecret: SECRET,
        bridge,
        source: sounding(PARTY_HZ),
        record: true,
      }),
    );
    const fleet = own(
      await startFleet({
        settings: {
          PUBLIC_URL: PUBLIC,
          TWILIO_ACCOUNT_SID: accountSid,
          TWILIO_AUTH_TOKEN: SECRET,
          TWILIO_API_URL: carrier.url,
          OUTBOUND_FROM: '+12025559999',
          DIAL_ALLOW: '+1202',
          ROUTES_FILE: file,
        },
      }),
    );
    bridge.local = fleet.proxy.url;
    // The caller's own webhook and stream come to the first, all else to the second.
    const came = { request: 0, upgrade: 0 };
    fleet.proxy.choose = (kind) => (came[kind]++ === 0 ? 0 : 1);
    const phone = new Phone({
      carrier: 'twilio',
      record: true,
      source: sounding(CALLER_HZ),
      from: '+12025550143',
      to: '+12025550177',
      hangUpAfterMs: 60_000,
    });
    const report = phone.placeCall({
      webhookUrl: `${fleet.proxy.url}/incoming-call`,
      secret: SECRET,
      publicUrl: PUBLIC,
    });
    const toCaller = () => phone.recordedChannels();
    const toParty = () => carrier.calls[0]?.recordedChannels();
    const heardMs = (channels: ReturnType<typeof toParty>, hz: number) =>
      channels === undefined ? 0 : toneAloneMs(channels.agent, channels.sampleRate, hz);
    const both = () => [heardMs(toCaller(), PARTY_HZ), heardMs(toParty(), CALLER_HZ)];
    for (let tries = 0; both().some((ms) => ms < 1_500); tries++) {
      if (tries > 60) throw new Error(`heard so far, ms: ${both().join(' and ')}`);
      await sleep(500);
    }
    const { agent, sampleRate } = toCaller()!;
    expect(loudestTone(agent, sampleRate, CALLER_HZ)).toBeLessThan(-50);
    expect(fleet.proxy.went.filter(({ path }) => path === '/incoming-call').map(({ to }) => to)).toEqual([0, 1]);
    expect(fleet.proxy.went.filter(({ kind }) => kind === 'upgrade').map(({ to }) => to)).toEqual([0, 1]);
    // The call stays where it is, and there is no other.
    expect(fleet.of('call_started').map(({ at }) => at)).toEqual([0]);
    expect(fleet.of('call_moved')).toEqual([]);
    // Each other's keys, over the instance between them.
    const keys = (channels: ReturnType<typeof toParty>, ear = phone.stream?.ear) =>
      channels === undefined ? '' : keysHeard(channels.agent, channels.sampleRate, ear?.longestGapMs);
    phone.press('4');
    carrier.calls[0]!.stream!.press('7');
    await until(() => keys(toParty(), carrier.calls[0]?.stream?.ear) === '4', 'the caller’s key arrives');
    await until(() => keys(toCaller()) === '7', 'the other end’s key arrives');
    carrier.calls[0]!.hangUp();
    const ended = await until(() => fleet.of('call_ended')[0], 'the end of the call', 20_000);
    expect(ended.event.end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
    await report;
  });
});
