import { describe, expect, it } from 'vitest';
import type { DialOrder } from '../../../src/agents/kind.ts';
import { ControlError } from '../../../src/callers/phone/control/index.ts';
import { BridgeError } from '../../../src/errors.ts';
import { ApiError } from '../../../src/http/api-error.ts';
import { DialledLines } from '../../../src/orders/dialled-lines.ts';
import type { StreamedLeg } from '../../../src/orders/lines.ts';
import type { DialledLeg } from '../../../src/orders/outbound-call.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeCaller } from '../../fakes/legs.ts';

const TO = '+12025550100';

/** Orders and streams played by hand. */
function dialling({ ends = {} as { from?: string; to?: string } } = {}) {
  const clock = new FakeClock();
  const abort = new AbortController();
  const placed = Promise.withResolvers<{ id: string; carrierCallId: string | undefined }>();
  const here = Promise.withResolvers<void>();
  const ended: string[] = [];
  const states: string[] = [];
  const asked: object[] = [];
  let leg: DialledLeg | undefined;
  let take: ((line: StreamedLeg) => void) | undefined;
  let machines = 0;
  const lines = new DialledLines({
    outbound: {
      async placeLeg(order, its) {
        asked.push(order);
        leg = its;
        its.begun('leg-1');
        return placed.promise;
      },
      endLeg: async (id) => void ended.push(id),
    },
    streams: {
      expect(_id, taker) {
        take = taker;
        return () => {
          take = undefined;
        };
      },
    },
    carrier: 'some',
    carriers: ['some'],
    endsOf: () => ends,
    callerOf: () => here.promise,
    clock,
  });
  const order: DialOrder = {
    callId: 'call-1',
    to: TO,
    ringSeconds: 20,
    refusesMachines: false,
    told: (state) => void states.push(state),
    machine: () => {
      machines++;
    },
    signal: abort.signal,
  };
  const settle = async () => {
    for (let i = 0; i < 40; i++) await Promise.resolve();
  };
  return {
    ...{ clock, abort, placed, here, ended, states, asked, settle, order },
    dial: (more: Partial<DialOrder> = {}) => lines.dial({ ...order, ...more }).catch((error: unknown) => error),
    news: (status: string, answeredBy?: string) => leg?.news({ status: status as never, answeredBy }),
    stream: (line: StreamedLeg) => take?.(line),
    waits: () => take !== undefined,
    machines: () => machines,
  };
}

describe('somebody who is dialled to answer a call', () => {
  it('is rung when the caller is there, and his line is that of the stream which comes', async () => {
    const d = dialling();
    const line = d.dial();
    await d.settle();
    expect([d.asked, d.states]).toEqual([[], []]);
    d.here.resolve();
    await d.settle();
    expect(d.asked).toEqual([{ to: TO, from: undefined, timeoutSeconds: 20, machineDetection: 'off' }]);
    expect(d.states).toEqual(['dialling']);
    d.placed.resolve({ id: 'leg-1', carrierCallId: 'theirs' });
    d.news('ringing');
    // An order has an id of its own at some carriers: the stream's is the call's.
    const leg = Object.assign(new FakeCaller(), { carrierCallId: 'theirs-of-the-call' });
    d.stream(leg);
    expect(await line).toEqual({ leg, carrierCallId: 'theirs-of-the-call' });
    expect(d.states).toEqual(['dialling', 'ringing']);
    expect(d.ended).toEqual([]);
    d.abort.abort(new BridgeError('ABORTED', 'over'));
    expect(d.ended).toEqual(['leg-1']);
  });

  it.for([
    ['busy', 'DIAL_BUSY'],
    ['no-answer', 'DIAL_NO_ANSWER'],
    ['failed', 'DIAL_FAILED'],
    ['canceled', 'DIAL_FAILED'],
    ['completed', 'DIAL_FAILED'],
  ])('and is %s fails with %s', async ([status, code]) => {
    const d = dialling();
    d.here.resolve();
    const line = d.dial();
    await d.settle();
    d.placed.resolve({ id: 'leg-1', carrierCallId: 'theirs' });
    await d.settle();
    d.news(status!);
    expect(await line).toMatchObject({ code });
    expect(d.waits()).toBe(false);
  });

  it.for([
    [new ApiError(403, 'DESTINATION_REFUSED', 'no'), 'DIAL_FORBIDDEN'],
    [new ApiError(503, 'OUTBOUND_UNAVAILABLE', 'no'), 'DIAL_FORBIDDEN'],
    [new ApiError(429, 'OUTBOUND_HOURLY_LIMIT', 'no'), 'DIAL_LIMIT'],
    [new ControlError('CONTROL_RATE_LIMITED', 'no'), 'DIAL_LIMIT'],
    [new ControlError('CONTROL_AUTH', 'no', { carrierCode: 20_003 }), 'DIAL_REFUSED'],
    [new ControlError('CONTROL_TIMEOUT', 'no', { uncertain: true }), 'DIAL_FAILED'],
  ] as const)('whose order is refused with %s fails with %s', async ([error, code]) => {
    const d = dialling();
    d.here.resolve();
    const line = d.dial();
    await d.settle();
    d.placed.reject(error);
    expect(await line).toMatchObject({ code });
    // One that may ring all the same is hung up on when it is known which it is.
    expect(d.ended).toEqual(['leg-1']);
  });

  it('is not called at the number of the line itself, nor at the caller’s', async () => {
    for (const ends of [{ to: TO }, { from: TO }]) {
      const d = dialling({ ends });
      d.here.resolve();
      expect(await d.dial()).toMatchObject({ code: 'DIAL_FORBIDDEN' });
      expect(d.asked).toEqual([]);
    }
  });

  it('is not rung for a caller who left first, and is rung no longer for one who leaves then', async () => {
    const early = dialling();
    const line = early.dial();
    early.abort.abort(new BridgeError('ABORTED', 'over'));
    expect(await line).toMatchObject({ code: 'ABORTED' });
    expect(early.asked).toEqual([]);
    const late = dialling();
    late.here.resolve();
    const other = late.dial();
    await late.settle();
    late.abort.abort(new BridgeError('ABORTED', 'over'));
    expect(await other).toMatchObject({ code: 'ABORTED' });
    // His carrier had not said which call it is: it is hung up on when it has.
    late.placed.resolve({ id: 'leg-1', carrierCallId: 'theirs' });
    await late.settle();
    expect(late.ended.length).toBeGreaterThan(0);
  });

  it('is given up where no stream comes in time', async () => {
    const d = dialling();
    d.here.resolve();
    const line = d.dial();
    await d.settle();
    d.placed.resolve({ id: 'leg-1', carrierCallId: 'theirs' });
    await d.settle();
    d.clock.advance(33_000);
    expect(await line).toMatchObject({ code: 'DIAL_FAILED' });
    expect(d.ended).toEqual(['leg-1']);
  });

  it('is told of as a machine by whatever word his carrier has for one', async () => {
    const d = dialling();
    d.here.resolve();
    void d.dial({ refusesMachines: true });
    await d.settle();
    expect(d.asked).toMatchObject([{ machineDetection: 'detect' }]);
    for (const word of ['human', 'unknown', 'machine_start', 'machine_end_beep', 'fax']) d.news('in-progress', word);
    expect(d.machines()).toBe(3);
  });
});
