import { describe, expect, it } from 'vitest';
import { GraphFailure } from '../../../../src/simulator/whatsapp/graph-error.ts';
import { Permissions } from '../../../../src/simulator/whatsapp/permissions.ts';

const DAY = 86_400_000;

function setUp() {
  const clock = { now: 1_000_000_000_000, wall: () => clock.now };
  return { clock, permissions: new Permissions(clock) };
}

/** Meta's number for what it refuses; undefined when it does not. */
function codeOf(run: () => void): number | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof GraphFailure ? error.code : -1;
  }
}

describe('permission to call a user', () => {
  it('is none until he gives it, holds for seven days, and is asked for once a day and twice a week', () => {
    const { clock, permissions } = setUp();
    expect(codeOf(() => permissions.mayCall('1'))).toBe(138006);
    expect(codeOf(() => permissions.asked('1'))).toBeUndefined();
    expect(codeOf(() => permissions.asked('1'))).toBe(138009);
    clock.now += DAY;
    expect(codeOf(() => permissions.asked('1'))).toBeUndefined();
    clock.now += DAY;
    expect(codeOf(() => permissions.asked('1'))).toBe(138009);
    permissions.set('1', 'temporary');
    expect(codeOf(() => permissions.mayCall('1'))).toBeUndefined();
    expect(codeOf(() => permissions.mayCall('2'))).toBe(138006);
    // A call that is connected sets the requests back.
    permissions.connected('1');
    expect(codeOf(() => permissions.asked('1'))).toBeUndefined();
    clock.now += 7 * DAY;
    expect(codeOf(() => permissions.mayCall('1'))).toBe(138006);
  });

  it('is no more than 100 calls a day', () => {
    const { clock, permissions } = setUp();
    permissions.set('1', 'permanent');
    for (let i = 0; i < 100; i++) permissions.connected('1');
    expect(codeOf(() => permissions.mayCall('1'))).toBe(138012);
    expect(permissions.describe('1')).toMatchObject({
      permission: { status: 'permanent' },
      actions: [
        { action_name: 'send_call_permission_request', can_perform_action: false },
        {
          action_name: 'start_call',
          can_perform_action: false,
          limits: [{ time_period: 'PT24H', max_allowed: 100, current_usage: 100 }],
        },
      ],
    });
    clock.now += DAY;
    expect(codeOf(() => permissions.mayCall('1'))).toBeUndefined();
  });
});
