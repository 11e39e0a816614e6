import { describe, expect, it } from 'vitest';
import { guardedControl } from '../../../src/tools/guarded-control.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { hourLimit } from '../../fakes/memory.ts';
import { fakeControl } from './support.ts';

const TO = '+12025550199';

describe("a call's control under the policy", () => {
  it('transfers so often in an hour, in all calls together', async () => {
    const clock = new FakeClock();
    const transfers = hourLimit(2, clock);
    const lines = [fakeControl(), fakeControl(), fakeControl()];
    const [one, two, three] = lines.map((line) => guardedControl(line, { allow: ['+1'] }, transfers));
    await one?.transfer(TO);
    await two?.transfer(TO);
    await expect(three?.transfer(TO)).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
    expect(lines.map(({ asked }) => asked.length)).toEqual([1, 1, 0]);
    clock.advance(3_600_000);
    await three?.transfer(TO);
    expect(lines[2]?.asked).toEqual([`transfer ${TO}`]);
  });

  it('connects nobody to the number that he called', async () => {
    const line = fakeControl();
    const control = guardedControl(line, { allow: ['+1'] }, hourLimit(9), TO);
    for (const spelling of [TO, 'tel:+1-202-555-0199', '001 (202) 555 0199'])
      await expect(control.transfer(spelling)).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
    expect(line.asked).toEqual([]);
    await control.transfer('+12025550198');
  });

  it('counts neither a refused number nor a transfer that came to nothing', async () => {
    const spoke = new Error('the caller spoke up');
    let fails = true;
    const transfer = async () => {
      if (fails) throw spoke;
      return undefined;
    };
    const control = guardedControl(fakeControl({ transfer }), { allow: ['+1'] }, hourLimit(1));
    await expect(control.transfer('+442079460000')).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
    await expect(control.transfer(TO)).rejects.toBe(spoke);
    fails = false;
    await control.transfer(TO);
    await expect(control.transfer(TO)).rejects.toMatchObject({ code: 'TOOL_REFUSED' });
  });

  it('says why a line cannot be connected or played keys, and takes nothing for it', async () => {
    const why = { transfer: 'The caller is nowhere near a telephone.', digits: 'Keys reach nobody here.' };
    const line = fakeControl({ cannot: (action) => why[action] });
    const transfers = hourLimit(1);
    const control = guardedControl(line, { allow: ['+1'] }, transfers);
    await expect(control.transfer(TO)).rejects.toMatchObject({
      code: 'TOOL_REFUSED',
      message: expect.stringContaining(why.transfer),
    });
    await expect(control.sendDigits('1')).rejects.toMatchObject({ code: 'TOOL_REFUSED', message: why.digits });
    expect(line.asked).toEqual([]);
    expect((await transfers.take()).ok).toBe(true);
  });
});
