import { describe, expect } from 'vitest';
import { Telnyx } from '../../src/simulator/telnyx/index.ts';
import { startFleet } from './fleet-rig.ts';
import { until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { CALLER, caller, OURS, PUBLIC } from './telnyx-rig.ts';

/** What a carrier tells of a call, where one instance waits for it and it comes to another. */

describe('a call that is answered by commands, on two instances', () => {
  it('has its stream as soon as it is answered, though that is told to the other one', async ({ own }) => {
    const telnyx = own(await Telnyx.start({ source: caller() }));
    const application = telnyx.account.addApplication(`${PUBLIC}/incoming-call`);
    telnyx.account.addNumber(OURS, application.id);
    const fleet = own(
      await startFleet({
        settings: {
          PUBLIC_URL: PUBLIC,
          TELNYX_API_KEY: telnyx.apiKey,
          TELNYX_API_URL: telnyx.url,
          TELNYX_CONNECTION_ID: application.id,
          ...(telnyx.publicKey === undefined ? {} : { TELNYX_PUBLIC_KEY: telnyx.publicKey }),
          // Its rate has no place in the answer: the stream is asked for when the call is answered.
          TELNYX_BIDIRECTIONAL_CODEC: 'L16@16000',
        },
      }),
    );
    telnyx.bridge = fleet.proxy.url;
    const came = { request: 0, upgrade: 0 };
    fleet.proxy.choose = (kind) => (came[kind]++ === 0 ? 0 : 1);
    const began = performance.now();
    const call = telnyx.callIn({ from: CALLER, to: OURS, webhookUrl: telnyx.account.webhookOf(OURS) ?? '' });
    await until(() => fleet.of('connected')[0], 'both ends on the line', 20_000);
    // Without that news it is asked for after 10 s.
    expect(performance.now() - began).toBeLessThan(8_000);
    call.hangUp();
    await call.done;
  });
});
