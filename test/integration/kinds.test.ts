import { describe, expect } from 'vitest';
import { startKindsRig } from './kinds-rig.ts';
import { loudestTone, sleep, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A made-up carrier and a made-up agent, joined by the tables alone: what a new kind needs is there without an edit of the daemon. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 700;

describe.each(['burst', 'live'] as const)('a call between made-up kinds, its agent of %s pace', (pace) => {
  it('carries each side’s tone to the other, alone, and ends cleanly', async ({ own }) => {
    const rig = own(await startKindsRig());
    const to = pace === 'live' ? '12025550101' : '12025550100';
    const call = await rig.tide.callIn('c-1', { hz: CALLER_HZ, to });
    await until(() => rig.of('connected')[0], 'both ends on the line');
    await until(() => rig.of('agent').some(({ event }) => event.type === 'response_done'), 'the greeting said');
    await sleep(2_200);
    call.speak(true);
    await sleep(1_500);
    call.speak(false);
    const session = rig.buoys.sessions[0]!;
    await until(() => session.talks === 2, 'the answer');
    await sleep(2_200);
    call.hangUp();
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    expect(session.hello).toMatchObject({ instructions: 'You are a buoy.', tone: AGENT_HZ, pace });

    expect(toneAloneMs(call.heard(), call.rate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
    expect(loudestTone(call.heard(), call.rate, CALLER_HZ)).toBeLessThan(-50);
    expect(toneAloneMs(session.heard(), 16_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(session.heard(), 16_000, AGENT_HZ)).toBeLessThan(-50);
    expect(call.oddFrames).toBe(0);

    await until(() => session.closed, 'the agent closed');
    expect(rig.app.calls.size).toBe(0);
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
