import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectWhole, placeCalls } from './fleet-calls.ts';
import { type FleetRig, startFleet } from './fleet-rig.ts';

const CALLS = 12;
const AT_ONCE = 6;

let rig: FleetRig;
beforeAll(async () => {
  rig = await startFleet({
    settings: { GREETING: 'off' },
    model: { voice: { tone: 620, ms: 400, dbfs: -15 } },
    clocksOff: [-300_000, 0],
  });
}, 60_000);
afterAll(() => rig.close());

describe('two instances, the clock of one of which is five minutes behind', () => {
  it('answer all calls as if it were not, whichever prepared them and wherever their streams come', async () => {
    await placeCalls(rig, CALLS, AT_ONCE);
    expectWhole(rig, CALLS);
    // Not even for a moment: no stream was refused and asked for again.
    const lines = rig.instances.flatMap((one) => one.lines);
    expect(lines.filter(({ msg }) => msg === 'a media stream was refused')).toEqual([]);
  }, 120_000);
});
