import { describe, expect, it } from 'vitest';
import { KeysCut } from '../../../src/call/digits.ts';
import { type Termination, termination } from '../../../src/call/termination.ts';
import { type CallControl, ControlError } from '../../../src/callers/phone/control/index.ts';
import { type CallView, callView } from '../../../src/orders/calls-api-routes.ts';
import { callsDesk, type LiveCall } from '../../../src/orders/calls-desk.ts';
import type { OutboundCalls } from '../../../src/orders/outbound-calls.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { hourLimit } from '../../fakes/memory.ts';

class FakeLive implements LiveCall {
  readonly info: LiveCall['info'];
  readonly startedAt = 1_700_000_000_000;
  readonly did: string[];
  state: LiveCall['state'] = 'joined';
  byLeg = false;
  /** Whether the caller hangs up while he hears the last words. */
  leaves = false;
  /** Whether its agent can be asked for words and takes typed turns. */
  understands = true;

  constructor(id: string, did: string[], over: Partial<LiveCall['info']> = {}) {
    this.info = { id, direction: 'inbound', carrierCallId: `CA-${id}`, from: '+15550001111', to: '', ...over };
    this.did = did;
  }

  async end(end: Termination) {
    this.did.push(`end ${end.reason}`);
    this.state = 'ended';
  }
  expectEnd(end: Termination | undefined) {
    this.did.push(`expect ${end?.reason}`);
  }
  /** Of keys: how many are played until the rest is cut off. */
  cutsAfter: number | undefined;
  /** What its line cannot be asked for. */
  impossible: Partial<Record<'transfer' | 'digits', string>> = {};

  cannot(action: 'transfer' | 'digits') {
    return this.impossible[action];
  }
  async sendDigits(digits: string) {
    if (this.cutsAfter !== undefined) throw new KeysCut(this.cutsAfter, digits.length);
    if (this.byLeg) this.did.push(`leg ${digits}`);
    return this.byLeg;
  }
  async handOver(to: string) {
    this.did.push(`hand over ${to}`);
    if (this.leaves) this.state = 'ended';
    return !this.leaves;
  }
  say(text: string) {
    this.did.push(`say ${text}`);
    return this.understands;
  }
  text(text: string) {
    this.did.push(`text ${text}`);
    return this.understands;
  }
}

function rig(perHour = 10) {
  const clock = new FakeClock();
  const did: string[] = [];
  const live = new Map<string, FakeLive>();
  const orders = new Map<string, CallView>();
  let fail: Error | undefined;
  let hasControl = true;
  const act = async (text: string) => {
    did.push(text);
    if (fail !== undefined) throw fail;
  };
  const control: CallControl = {
    name: 'twilio-rest',
    account: { carrier: 'twilio', accountId: 'AC1' },
    dial: async () => 'CA',
    hangup: (id) => act(`hangup ${id}`),
    transfer: (id, to, options) => act(`transfer ${id} ${to} ${options?.say} ${options?.limitSeconds} s`),
    sendDigits: (id, digits) => act(`digits ${id} ${digits}`),
    close: async () => {},
  };
  const desk = callsDesk({
    calls: { get: (id) => live.get(id), [Symbol.iterator]: () => live.values(), transferSeconds: () => 1_800 },
    transfers: hourLimit(perHour, clock),
    outbound: {
      find: (id: string) => orders.get(id),
      views: () => [...orders.values()],
      hangup: (id: string) => act(`outbound hangup ${id}`),
      forget: (ids: readonly string[]) => void did.push(`outbound forget ${ids}`),
      ended: (id: string, end: Termination) => void did.push(`outbound ended ${id} ${end.reason}`),
    } as unknown as OutboundCalls,
    clock,
    controlOf: () => (hasControl ? control : undefined),
  });
  const add = (id: string, over?: Partial<LiveCall['info']>) => {
    const call = new FakeLive(id, did, over);
    live.set(id, call);
    return call;
  };
  return {
    clock,
    did,
    live,
    orders,
    desk,
    add,
    failWith: (error: Error) => {
      fail = error;
    },
    withoutControl: () => {
      hasControl = false;
    },
  };
}

const order = (id: string, createdAt: string): CallView => ({
  id,
  direction: 'outbound',
  status: 'ringing',
  createdAt,
});

describe('the desk', () => {
  it('shows conversations and orders, each once, the newest first', () => {
    const { desk, add, orders } = rig();
    add('in');
    add('out', { direction: 'outbound' });
    orders.set('out', { ...order('out', '2023-11-14T22:00:00.000Z'), status: 'in-progress', prompt: 'reminder' });
    orders.set('rings', order('rings', '2024-01-01T00:00:00.000Z'));
    const calls = [...desk.list()];
    expect(calls.map(({ id }) => id)).toEqual(['rings', 'in', 'out']);
    expect(calls[2]).toMatchObject({ prompt: 'reminder' });
    for (const call of calls) callView.parse(call);
    expect(desk.find('in')).toEqual({
      id: 'in',
      carrierCallId: 'CA-in',
      direction: 'inbound',
      status: 'in-progress',
      from: '+15550001111',
      createdAt: '2023-11-14T22:13:20.000Z',
    });
    expect(desk.find('none')).toBeUndefined();
  });

  it('a call whose stream is on its way rings; one whose line broke is in progress', () => {
    const { desk, add } = rig();
    const call = add('a');
    call.state = 'waiting';
    expect(desk.find('a')?.status).toBe('ringing');
    call.state = 'held';
    expect(desk.find('a')?.status).toBe('in-progress');
  });

  it('remembers conversations that are over, for an hour, with their end', () => {
    const { desk, add, live, clock, did, orders } = rig();
    const call = add('a');
    live.delete('a');
    clock.advance(60_000);
    desk.ended(call, termination('caller-hangup'));
    expect(callView.parse(desk.find('a'))).toMatchObject({
      status: 'completed',
      endedAt: '2023-11-14T22:14:20.000Z',
      end: { result: 'success', reason: 'caller-hangup' },
    });
    expect(did).toEqual(['outbound ended a caller-hangup']);
    orders.set('b', order('b', '2024-01-01T00:00:00.000Z'));
    desk.ended(add('b'), termination('internal'));
    live.delete('b');
    expect([...desk.list()].map(({ id }) => id)).toEqual(['b', 'a']);
    // An order is its own memory.
    const [ordered] = orders.values();
    orders.delete('b');
    expect(desk.find('b')).toBeUndefined();
    orders.set('b', ordered!);
    clock.advance(3_600_000);
    expect([...desk.list()].map(({ id }) => id)).toEqual(['b']);
  });

  it('forgets conversations that are removed, and not one that goes on', () => {
    const { desk, add, live, did } = rig();
    desk.ended(add('a'), termination('caller-hangup'));
    live.delete('a');
    add('b');
    desk.forget(['a', 'b', 'never']);
    expect([...desk.list()].map(({ id }) => id)).toEqual(['b']);
    expect(did).toContain('outbound forget a,b,never');
  });

  it('hangs up at the carrier and here; the carrier failing changes nothing here', async () => {
    const { desk, add, did, failWith } = rig();
    add('a');
    await desk.hangup('a');
    expect(did).toEqual(['expect operator-hangup', 'hangup CA-a', 'end operator-hangup']);
    failWith(new ControlError('CONTROL_UNAVAILABLE', 'down'));
    add('b');
    await desk.hangup('b');
    expect(did.at(-1)).toBe('end operator-hangup');
  });

  it('hangs up without credentials by closing alone, and an order without a conversation at the carrier', async () => {
    const { desk, add, did, withoutControl } = rig();
    withoutControl();
    add('a');
    await desk.hangup('a');
    expect(did).toEqual(['expect operator-hangup', 'end operator-hangup']);
    await desk.hangup('rings');
    expect(did.at(-1)).toBe('outbound hangup rings');
  });

  it('transfers: the stream that the carrier takes away is no hang-up of the caller', async () => {
    const { desk, add, did } = rig();
    add('a');
    await desk.transfer('a', '+15550003333', { say: 'One moment' });
    expect(did).toEqual(['expect transferred', 'transfer CA-a +15550003333 One moment 1800 s', 'end transferred']);
  });

  it('a transfer that fails leaves the call as it was', async () => {
    const { desk, add, did, failWith } = rig();
    const call = add('a');
    failWith(new ControlError('CONTROL_REJECTED', 'no'));
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CONTROL_REJECTED' });
    expect(did).toEqual(['expect transferred', 'transfer CA-a +15550003333 undefined 1800 s', 'expect undefined']);
    expect(call.state).toBe('joined');
  });

  it('transfers so often in an hour; what the carrier refused does not count, what it may have done does', async () => {
    const { desk, add, did, failWith, clock } = rig(2);
    add('a');
    failWith(new ControlError('CONTROL_REJECTED', 'no'));
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CONTROL_REJECTED' });
    failWith(new ControlError('CONTROL_TIMEOUT', 'no answer', { uncertain: true }));
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CONTROL_TIMEOUT' });
    clock.advance(1_000);
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CONTROL_TIMEOUT' });
    const before = did.length;
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({
      status: 429,
      code: 'TRANSFER_HOURLY_LIMIT',
      headers: { 'retry-after': '3599' },
    });
    expect(did).toHaveLength(before);
    clock.advance(3_599_000);
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CONTROL_TIMEOUT' });
  });

  it('transfers without credentials by the carrier’s own question, with words but without another number', async () => {
    const { desk, add, did, withoutControl } = rig();
    withoutControl();
    add('a');
    await desk.transfer('a', '+15550003333', { say: 'One moment' });
    expect(did).toEqual(['say One moment', 'hand over +15550003333']);
    await expect(desk.transfer('a', '+15550003333', { callerId: '+15550002222' })).rejects.toMatchObject({
      code: 'CONTROL_UNSUPPORTED',
    });
  });

  it('transfers nobody without the words that were ordered, where the agent cannot be asked for any, and that does not count', async () => {
    const { desk, add, did, withoutControl } = rig(1);
    withoutControl();
    const call = add('a');
    call.understands = false;
    await expect(desk.transfer('a', '+15550003333', { say: 'One moment' })).rejects.toMatchObject({
      code: 'CONTROL_UNSUPPORTED',
    });
    await desk.transfer('a', '+15550003333', {});
    expect(did).toEqual(['say One moment', 'hand over +15550003333']);
  });

  it('transfers no caller to the number that he called, which is no number of ours where we call', async () => {
    const { desk, add, did } = rig();
    add('a', { to: '+15550003333' });
    add('b', { direction: 'outbound', from: '+15550003333' });
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({
      code: 'DESTINATION_REFUSED',
      details: { reason: 'own_number' },
    });
    expect(did).toEqual([]);
    await desk.transfer('b', '+15550003333', {});
  });

  it('a transfer whose caller has gone while the last words were heard is no transfer, and does not count', async () => {
    const { desk, add, withoutControl } = rig(1);
    withoutControl();
    const call = add('a');
    call.leaves = true;
    await expect(desk.transfer('a', '+15550003333', {})).rejects.toMatchObject({ code: 'CALL_ENDED' });
    call.leaves = false;
    call.state = 'joined';
    await desk.transfer('a', '+15550003333', {});
  });

  it('sends digits by the leg where that can, else by the carrier', async () => {
    const { desk, add, did, withoutControl } = rig();
    const call = add('a');
    await desk.sendDigits('a', '12');
    call.byLeg = true;
    await desk.sendDigits('a', '34');
    expect(did).toEqual(['digits CA-a 12', 'leg 34']);
    // The carrier would press the first ones again.
    call.cutsAfter = 1;
    await expect(desk.sendDigits('a', '567')).rejects.toMatchObject({ code: 'DIGITS_CUT', details: { played: 1 } });
    expect(did).toHaveLength(2);
    call.cutsAfter = undefined;
    call.byLeg = false;
    withoutControl();
    await expect(desk.sendDigits('a', '5')).rejects.toMatchObject({ code: 'CONTROL_UNSUPPORTED' });
  });

  it('says why a line cannot be connected or played keys, asks nobody for it, and hangs it up all the same', async () => {
    const { desk, add, did } = rig(1);
    const call = add('a');
    call.impossible = { transfer: 'nobody connects him', digits: 'nobody plays him keys' };
    const refused = (message: string) => ({ code: 'CONTROL_UNSUPPORTED', message });
    await expect(desk.transfer('a', '+15550002222', {})).rejects.toMatchObject(refused('nobody connects him'));
    await expect(desk.sendDigits('a', '1')).rejects.toMatchObject(refused('nobody plays him keys'));
    expect(did).toEqual([]);
    await desk.hangup('a');
    expect(did).toContain('end operator-hangup');
    // It was not counted: the hour still has its one transfer.
    add('b');
    await desk.transfer('b', '+15550002222', {});
  });

  it('speaks only where somebody hears', () => {
    const { desk, add, did } = rig();
    const call = add('a');
    desk.say('a', 'Hello');
    desk.text('a', 'Hi');
    expect(did).toEqual(['say Hello', 'text Hi']);
    call.understands = false;
    expect(() => desk.say('a', 'x')).toThrow(expect.objectContaining({ code: 'CONTROL_UNSUPPORTED' }));
    expect(() => desk.text('a', 'x')).toThrow(expect.objectContaining({ code: 'CONTROL_UNSUPPORTED' }));
    for (const [state, code] of [
      ['waiting', 'CALL_NOT_ANSWERED'],
      ['held', 'CALL_NOT_ANSWERED'],
      ['leaving', 'CALL_ENDED'],
      ['ended', 'CALL_ENDED'],
    ] as const) {
      call.state = state;
      expect(() => desk.say('a', 'x')).toThrow(expect.objectContaining({ code }));
    }
    expect(() => desk.text('none', 'x')).toThrow(expect.objectContaining({ code: 'CALL_ENDED' }));
  });
});
