import { describe, expect } from 'vitest';
import { startCarrier } from '../../src/simulator/carrier/index.ts';
import { newAccountSid } from '../../src/simulator/phone/carrier.ts';
import { silenceSource } from '../../src/simulator/phone/index.ts';
import { startFleet } from './fleet-rig.ts';
import { until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A call that was placed, at an instance to which none of its webhooks came: what its carrier's own folder has to know of it comes along. */

const PUBLIC = 'https://voice.example.com';
const SECRET = 'auth-token-of-the-account';
const THEIRS = '+12025551111';

describe('a call that was placed, whose stream comes to another instance than all that its carrier tells of it', () => {
  it('has keys played and is transferred there, at a carrier that has two ids of it', async ({ own }) => {
    const bridge = { local: '', public: PUBLIC };
    const accountSid = newAccountSid('plivo');
    const carrier = own(
      await startCarrier({
        carrier: 'plivo',
        accountSid,
        token: SECRET,
        signingSecret: SECRET,
        bridge,
        source: silenceSource(),
      }),
    );
    const fleet = own(
      await startFleet({
        settings: {
          PUBLIC_URL: PUBLIC,
          PLIVO_AUTH_ID: accountSid,
          PLIVO_AUTH_TOKEN: SECRET,
          PLIVO_API_URL: carrier.url,
          OUTBOUND_FROM: '+12025559999',
          DIAL_ALLOW: '+1202',
        },
      }),
    );
    bridge.local = fleet.proxy.url;
    fleet.proxy.choose = (kind) => (kind === 'upgrade' ? 1 : 0);
    const placed = await fleet.operate('POST', '/calls', { to: THEIRS }, 0);
    expect(placed.status).toBe(201);
    const { id, carrierCallId } = (await placed.json()) as { id: string; carrierCallId: string };
    await until(() => fleet.of('connected').some(({ at }) => at === 1), 'both ends on the line at the other instance');
    expect(carrier.calls[0]!.sid).not.toBe(carrierCallId);
    const keys = await fleet.operate('POST', `/calls/${id}/digits`, { digits: '12' }, 1);
    expect([keys.status, await keys.text()]).toEqual([204, '']);
    const away = await fleet.operate('POST', `/calls/${id}/transfer`, { to: '+12025551112' }, 1);
    expect([away.status, await away.text()]).toEqual([204, '']);
  });
});
