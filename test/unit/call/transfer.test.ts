import { beforeEach, describe, expect, it } from 'vitest';
import { Calls } from '../../../src/call/calls.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { ToolRunner } from '../../../src/call/tools.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';

const CALL = atTwilio('CA1');
const TO = '+12025550100';

let clock: FakeClock;
let events: CallEvent[];
let calls: Calls;

beforeEach(() => {
  clock = new FakeClock();
  events = [];
  calls = new Calls({
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [{ onEvent: (_id, event) => events.push(event) }],
    apology: undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, ringMs: 25_000, maxMs: 3_600_000 },
  });
});

/** A call whose agent asks for a transfer by a tool, when it is told to. */
function begin() {
  const agent = new FakeAgent();
  const ran: string[] = [];
  let transfer: Promise<unknown> | undefined;
  const call = calls.create(
    { id: 'c1', direction: 'inbound', ...CALL },
    agent,
    ({ line }): ToolRunner => ({
      async run() {
        transfer = line.transfer(TO).catch((error: Error) => error.message);
        return `failed: ${await transfer}`;
      },
      pause: () => void ran.push('pause'),
      resume: () => void ran.push('resume'),
    }),
  );
  const join = () => {
    const caller = new FakeCaller();
    call.join(caller);
    return caller;
  };
  const caller = join();
  agent.ready();
  return {
    agent,
    call,
    caller,
    join,
    ran,
    async byTool() {
      agent.emit({ type: 'tool_call', toolCallId: 't1', name: 'transfer_call', arguments: '{}', responseId: 'r1' });
      await clock.advanceAsync(100);
    },
    async byOperator() {
      void call.handOver(TO);
      await clock.advanceAsync(100);
    },
  };
}

const told = (type: CallEvent['type']) => events.filter((event) => event.type === type);
const ended = (how: 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled', n = 1, gone = false) =>
  calls.transferEnded(CALL, { n, how, gone });

describe('a caller who is connected to another number', () => {
  it('is away while it rings: his leg is closed, his agent and his call are kept', async () => {
    const { call, caller, agent, byTool, ran } = begin();
    await byTool();
    expect(call.state).toBe('away');
    expect(caller.closedWith.map(({ reason }) => reason)).toEqual(['transferred']);
    expect(agent.closedWith).toEqual([]);
    expect(ran).toEqual(['pause']);
    expect(told('transfer_started')).toEqual([{ type: 'transfer_started', n: 1, to: TO }]);
    expect(calls.continuation(CALL)).toEqual({ next: 'transfer', to: TO, seconds: expect.any(Number), n: 1 });
  });

  it('comes back where nobody answers, and the tool that asked for it tells the agent, once', async () => {
    const { call, agent, join, byTool, ran } = begin();
    await byTool();
    expect(ended('busy')).toEqual({ next: 'reattach', callId: 'c1' });
    // The carrier did not get the answer and asks again: the same, and told once.
    expect(ended('busy')).toEqual({ next: 'reattach', callId: 'c1' });
    expect(told('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: 'busy' }]);
    const did = agent.did.length;
    join();
    await clock.advanceAsync(50);
    expect(call.state).toBe('joined');
    expect(ran).toEqual(['pause', 'resume']);
    expect(agent.did.slice(did)).toEqual([]);
    expect(agent.results).toEqual([{ toolCallId: 't1', output: 'failed: busy' }]);
    expect(call.transferTo).toBeUndefined();
    await call.end(termination('caller-hangup'));
  });

  it('comes back from an operator’s transfer, and the agent is told in words', async () => {
    const { call, agent, join, byOperator } = begin();
    await byOperator();
    ended('no-answer');
    const did = agent.did.length;
    join();
    expect(agent.did.slice(did)).toEqual([expect.stringContaining('nobody answered')]);
    await call.end(termination('caller-hangup'));
  });

  it('is done at once where no carrier could bring him back: on a page', async () => {
    const agent = new FakeAgent();
    const call = calls.create({ id: 'c2', direction: 'inbound', carrier: 'browser' }, agent);
    call.join(new FakeCaller());
    agent.ready();
    void call.handOver(TO);
    await clock.advanceAsync(100);
    expect((await call.done).reason).toBe('transferred');
    expect(told('transfer_started')).toEqual([]);
  });

  it('is done when he talked to somebody', async () => {
    const { call, byTool } = begin();
    await byTool();
    expect(ended('completed')).toEqual({ next: 'hangup' });
    expect((await call.done).reason).toBe('transferred');
    expect(told('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: 'completed' }]);
  });

  it('is done when nothing is told within the ringing and a little more: somebody has answered', async () => {
    const { call, byTool } = begin();
    await byTool();
    await clock.advanceAsync(44_000, 1_000);
    expect(call.state).toBe('away');
    await clock.advanceAsync(2_000, 1_000);
    expect((await call.done).reason).toBe('transferred');
    // The talk is over, hours later; or it rang for longer than it was told, and the agent is gone.
    expect(ended('completed')).toEqual({ next: 'hangup' });
    expect(ended('no-answer')).toEqual({ next: 'apology' });
  });

  it('who hangs up while it rings has hung up', async () => {
    const { call, byTool } = begin();
    await byTool();
    expect(ended('canceled', 1, true)).toEqual({ next: 'hangup' });
    expect((await call.done).reason).toBe('caller-hangup');
  });

  it('who hangs up while he hears the last words before it is connected to nobody, and his call ends once', async () => {
    const { call, agent, caller, byTool } = begin();
    agent.emit({ type: 'response_started', responseId: 'r1' });
    await byTool();
    const handed = call.handOver(TO);
    caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    await clock.advanceAsync(60_000, 1_000);
    expect(call.state).toBe('ended');
    expect(await handed).toBe(false);
    expect(told('transfer_started')).toEqual([]);
    expect(told('call_ended')).toEqual([expect.objectContaining({ end: termination('caller-hangup') })]);
    expect(calls.continuation(CALL)).toEqual({ next: 'hangup' });
  });

  it('is connected by the first of several at once, and not hung up on by a tool that wanted that as well', async () => {
    const agent = new FakeAgent();
    const outputs: string[] = [];
    const call = calls.create({ id: 'c1', direction: 'inbound', ...CALL }, agent, ({ line }) => ({
      async run({ toolCallId }) {
        const done = toolCallId === 'end' ? line.hangupAfterPlayout() : line.transfer(TO);
        outputs.push(await done.then(String, (error: Error) => error.message));
        return '';
      },
    }));
    call.join(new FakeCaller());
    agent.ready();
    agent.emit({ type: 'audio_started', responseId: 'r1', itemId: 'i1', contentIndex: 0 });
    for (const toolCallId of ['one', 'two', 'end'])
      agent.emit({ type: 'tool_call', toolCallId, name: 'any', arguments: '{}', responseId: 'r1' });
    const handed = call.handOver('+12025550199');
    await clock.advanceAsync(31_000, 1_000);
    expect(outputs).toEqual(Array(2).fill('the caller is being connected to somebody already'));
    expect(await handed).toBe(false);
    expect(told('transfer_started')).toEqual([{ type: 'transfer_started', n: 1, to: TO }]);
    expect(call.state).toBe('away');
    expect(ended('busy')).toEqual({ next: 'reattach', callId: 'c1' });
    await call.end(termination('caller-hangup'));
  });

  it('is hung up on where an operator says so, and connected to nobody after that', async () => {
    const { call, byTool } = begin();
    await byTool();
    await call.end(termination('operator-hangup'));
    expect(calls.continuation(CALL)).toEqual({ next: 'hangup' });
    expect(ended('busy')).toEqual({ next: 'hangup' });
  });

  it('gets the apology where his agent was lost meanwhile', async () => {
    const { call, agent, byTool } = begin();
    await byTool();
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    expect(call.state).toBe('away');
    expect(ended('busy')).toEqual({ next: 'apology' });
    expect((await call.done).reason).toBe('model-session-lost');
  });

  it('is not taken for back by old news of an earlier transfer, nor is one who is back sent away', async () => {
    const { call, join, byOperator } = begin();
    await byOperator();
    ended('busy');
    join();
    expect(ended('completed')).toEqual({ next: 'hangup' });
    expect(call.state).toBe('joined');
    await byOperator();
    expect(call.state).toBe('away');
    expect(ended('busy', 1)).toEqual({ next: 'hangup' });
    expect(ended('completed', 1)).toEqual({ next: 'hangup' });
    expect(ended('busy', Number.NaN)).toEqual({ next: 'hangup' });
    expect(call.state).toBe('away');
    expect(ended('busy', 2)).toMatchObject({ next: 'reattach' });
    await call.end(termination('caller-hangup'));
  });

  it('gets the apology where nobody answered and his call was lost with its process, and is done where he talked', () => {
    expect(ended('busy')).toEqual({ next: 'apology' });
    expect(ended('completed')).toEqual({ next: 'hangup' });
    expect(ended('canceled', 1, true)).toEqual({ next: 'hangup' });
  });

  it('whose stream does not come back is lost', async () => {
    const { call, byTool } = begin();
    await byTool();
    ended('failed');
    await clock.advanceAsync(21_000, 1_000);
    expect((await call.done).reason).toBe('media-lost');
  });

  it('by other instructions is away as soon as his stream ends for them, and not if they were refused', async () => {
    const one = begin();
    expect(one.call.connecting(TO)).toBe(1);
    one.call.expectEnd(undefined);
    one.caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    expect((await one.call.done).reason).toBe('caller-hangup');
    const two = begin();
    two.call.connecting(TO);
    two.caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    expect(two.call.state).toBe('away');
    two.call.connected();
    expect(told('transfer_started')).toHaveLength(1);
    expect(ended('busy')).toMatchObject({ next: 'reattach' });
    await two.call.end(termination('caller-hangup'));
  });

  it('who is over at the carrier has talked to somebody, unless the carrier says otherwise within moments', async () => {
    const { call, byTool } = begin();
    await byTool();
    calls.carrierEnded(CALL);
    await clock.advanceAsync(1_000);
    expect(call.state).toBe('away');
    await clock.advanceAsync(1_100);
    expect((await call.done).reason).toBe('transferred');
  });
});

describe('a call that its carrier brings again', () => {
  it('is the same where it waits for its caller, and goes on', async () => {
    const { call, agent, join, byOperator } = begin();
    await byOperator();
    expect(await calls.again(CALL)).toEqual({ next: 'reattach', callId: 'c1' });
    join();
    // Nobody told what became of the transfer.
    expect(told('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: 'canceled' }]);
    expect(agent.did.at(-1)).toContain('was given up');
    await call.end(termination('caller-hangup'));
    expect(await calls.again(CALL)).toEqual({ next: 'new' });
  });

  it('is a new one when its stream ends within moments, and none while somebody stays on the line', async () => {
    const { call, caller } = begin();
    const soon = calls.again(CALL);
    await clock.advanceAsync(500);
    caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    await call.done;
    await clock.advanceAsync(100);
    expect(await soon).toEqual({ next: 'new' });
    const other = begin();
    const never = calls.again(CALL);
    await clock.advanceAsync(2_100);
    expect(await never).toEqual({ next: 'repeat' });
    await other.call.end(termination('caller-hangup'));
  });

  it('is none that is over at the carrier', async () => {
    const { call } = begin();
    calls.carrierEnded(CALL);
    await clock.advanceAsync(2_100);
    await call.done;
    expect(await calls.again(CALL)).toEqual({ next: 'repeat' });
  });
});

describe('a line that cannot be asked for everything', () => {
  const cannot = { transfer: 'There is no telephone here.' };

  it.each([
    ['as it is', {}],
    ['while somebody listens in', { taps: () => [{ agent() {}, caller() {}, tick() {}, ended() {} }] }],
  ])('says so to tools and operators: %s', (_, more) => {
    const call = new Calls({
      clock,
      ticker: new Ticker(clock),
      log: fakeLog(),
      observers: [],
      apology: undefined,
      limits: { joinMs: 20_000, reclaimMs: 15_000, ringMs: 25_000, maxMs: 3_600_000 },
      ...(more as object),
    }).create({ id: 'c2', direction: 'inbound', ...CALL }, new FakeAgent());
    expect(call.cannot('transfer')).toBeUndefined();
    call.join(Object.assign(new FakeCaller(), { cannot }));
    expect(call.cannot('transfer')).toBe(cannot.transfer);
    expect(call.cannot('digits')).toBeUndefined();
  });
});
