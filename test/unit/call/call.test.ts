import { beforeEach, describe, expect, it } from 'vitest';
import { Call } from '../../../src/call/call.ts';
import { Calls } from '../../../src/call/calls.ts';
import type { CallDeps } from '../../../src/call/deps.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import type { Pace } from '../../../src/call/leg.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { ToolSet } from '../../../src/tools/loaded.ts';
import { createCallTools } from '../../../src/tools/runner.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';
import { tool } from '../tools/support.ts';

let clock: FakeClock;
let ticker: Ticker;
let events: CallEvent[];
let deps: CallDeps;
let log: ReturnType<typeof fakeLog>;

beforeEach(() => {
  clock = new FakeClock();
  ticker = new Ticker(clock);
  events = [];
  log = fakeLog();
  deps = {
    clock,
    ticker,
    log,
    observers: [{ onEvent: (_id, event) => events.push(event) }],
    apology: { samples: new Int16Array(8000).fill(500), sampleRate: 8000 },
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  };
});

function newCall(agent = new FakeAgent(), info = { id: 'c1', direction: 'inbound' as const }) {
  const call = new Call(info, agent, deps);
  call.start();
  return { call, agent };
}

const ended = () => events.filter((e) => e.type === 'call_ended');
const settle = () => clock.advanceAsync(0).then(() => new Promise((r) => setImmediate(r)));

describe('Call', () => {
  it('keeps the first words until the model is ready, greets once, then lets all pass', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    caller.say([1, 2, 3]);
    expect(agent.audio.heard).toEqual([]);
    agent.ready();
    caller.say([4]);
    expect(agent.audio.heard).toEqual([1, 2, 3, 4]);
    expect(agent.did).toEqual(['greet']);
  });

  it('does not greet before there is somebody to hear it', () => {
    const { call, agent } = newCall();
    agent.ready();
    expect(agent.did).toEqual([]);
    call.join(new FakeCaller());
    expect(agent.did).toEqual(['greet']);
  });

  it('converts between the rates of its legs, both ways', () => {
    const { call, agent } = newCall(new FakeAgent(24_000));
    const caller = new FakeCaller(8000);
    call.join(caller);
    agent.ready();
    caller.say(new Array(1600).fill(1000));
    expect(agent.audio.heard.length).toBeGreaterThan(4_500);
    agent.speak('a', 200);
    expect(caller.audio.heard.length).toBeGreaterThan(1_500);
    expect(caller.audio.heard.length).toBeLessThanOrEqual(1_600);
  });

  it('tells what was heard when the caller speaks over the agent, and clears first', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    call.join(caller);
    agent.ready();
    agent.speak('a', 1_000);
    agent.speak('b', 500, { done: false });
    caller.played = 640;
    agent.emit({ type: 'speech_started' });
    expect(caller.audio.cleared).toBe(1);
    expect(agent.interruptions).toHaveLength(1);
    expect(agent.interruptions[0]?.map((h) => [h.itemId, h.heardMs, h.writtenMs])).toEqual([
      ['a', 640, 1_000],
      ['b', 0, 500],
    ]);
    agent.emit({ type: 'speech_started' });
    expect(agent.interruptions).toHaveLength(1);
    expect(events.filter((e) => e.type === 'barge_in')).toHaveLength(1);
  });

  it.each([
    ['speaks', 'speech_started', (_: FakeCaller, agent: FakeAgent) => agent.emit({ type: 'speech_started' })],
    ['presses a key', 'dtmf', (caller: FakeCaller) => caller.ctx?.emit({ type: 'dtmf', digit: '1' })],
    ['writes', 'text', (caller: FakeCaller) => caller.ctx?.emit({ type: 'text', text: 'wait' })],
  ] as const)(
    'discards at the carrier, and then at the model, before it tells anybody that the caller %s',
    (_, what, cutIn) => {
      const caller = new FakeCaller();
      const agent = new FakeAgent();
      const seen: Array<[type: string, cleared: number, interrupted: number]> = [];
      const onEvent = (_id: string, event: CallEvent) => {
        const type = event.type === 'agent' || event.type === 'caller' ? event.event.type : event.type;
        seen.push([type, caller.audio.cleared, agent.interruptions.length]);
      };
      deps = { ...deps, observers: [{ onEvent }] };
      const { call } = newCall(agent);
      caller.playsAtOnce = false;
      call.join(caller);
      agent.ready();
      agent.speak('a', 1_000);
      expect(seen.at(-1)).toEqual(['audio_done', 0, 0]);
      seen.length = 0;
      cutIn(caller, agent);
      expect(seen).toEqual([
        [what, 1, 1],
        ['barge_in', 1, 1],
      ]);
    },
  );

  it('does not interrupt when everything was heard already', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    agent.speak('a', 100);
    agent.emit({ type: 'speech_started' });
    expect(agent.interruptions).toEqual([]);
    expect(caller.audio.cleared).toBe(0);
  });

  it('ends once, closes the caller before the agent, and frees every timer', async () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    const order: string[] = [];
    caller.close = async () => {
      order.push('caller');
    };
    agent.close = async () => {
      order.push('agent');
    };
    call.join(caller);
    agent.ready();
    caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    void call.end(termination('agent-hangup'));
    expect(await call.done).toEqual(termination('caller-hangup'));
    expect(order).toEqual(['caller', 'agent']);
    expect(ended()).toHaveLength(1);
    expect(ticker.size).toBe(0);
    clock.advance(30);
    expect(clock.pending).toBe(0);
    expect(caller.ctx?.signal.aborted).toBe(true);
  });

  it('gives up a prepared call whose stream never comes', async () => {
    const { call, agent } = newCall();
    agent.ready();
    clock.advance(20_001);
    expect((await call.done).reason).toBe('no-stream');
    expect(agent.closedWith).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('plays the apology, waits until it was heard, then ends with the reason', async () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    call.join(caller);
    agent.ready();
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    expect(caller.audio.heard).toHaveLength(8000);
    await settle();
    expect(call.ended).toBeUndefined();
    caller.played = 1_000;
    clock.advance(20);
    expect((await call.done).reason).toBe('model-session-lost');
  });

  it('has the apology played with its pauses, however the agent spoke: it comes at once', () => {
    const { call, agent } = newCall();
    const did: string[] = [];
    const caller = Object.assign(new FakeCaller(), { setPace: (pace: Pace) => void did.push(pace) });
    call.join(caller);
    agent.emit({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 's', resumed: false });
    caller.audio.write = () => void did.push('words');
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    expect(did).toEqual(['live', 'burst', 'words']);
  });

  it('apologises to a caller who comes after the model was lost', async () => {
    const { call, agent } = newCall();
    agent.emit({ type: 'ended', end: termination('model-auth') });
    const caller = new FakeCaller();
    call.join(caller);
    expect(caller.audio.heard).toHaveLength(8000);
    await settle();
    expect((await call.done).reason).toBe('model-auth');
  });

  it('is never stuck when the apology is not played', async () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    call.join(caller);
    agent.ready();
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    await clock.advanceAsync(3_100, 20);
    expect((await call.done).reason).toBe('model-session-lost');
  });

  it('keeps the session when the line breaks, tells the model what was heard, and goes on when the caller is back', async () => {
    const { call, agent } = newCall();
    const first = new FakeCaller();
    first.playsAtOnce = false;
    call.join(first);
    agent.ready();
    agent.speak('a', 1_000);
    first.played = 300;
    first.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    expect(call.reclaimable).toBe(true);
    expect(agent.interruptions[0]?.[0]?.heardMs).toBe(300);
    const second = new FakeCaller(24_000);
    call.join(second);
    expect(agent.did.at(-1)).toMatch(/^respond /);
    second.say(new Array(480).fill(100));
    expect(agent.audio.heard.length).toBeGreaterThan(100);
    // What the old leg still says is nobody's business any more.
    first.ctx?.emit({ type: 'ended', end: termination('caller-hangup') });
    expect(call.ended).toBeUndefined();
    clock.advance(15_001);
    expect(call.ended).toBeUndefined();
  });

  it('ends when the lost caller does not come back in time', async () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    clock.advance(15_001);
    expect((await call.done).reason).toBe('media-lost');
    expect(clock.pending).toBe(0);
  });

  it('holds the caller back while the model reconnects, and loses no word', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    agent.emit({ type: 'reconnecting', reason: 'socket' });
    caller.say([5, 6]);
    expect(agent.audio.heard).toEqual([]);
    agent.emit({ type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 's2', resumed: true });
    expect(agent.audio.heard).toEqual([5, 6]);
    expect(agent.did).toEqual(['greet']);
  });

  it('runs tools aside and hands their results back, but not after the end', async () => {
    let release: (output: string) => void = () => {};
    const tools = () => ({
      run: ({ name }: { name: string }): Promise<string> =>
        name === 'quick'
          ? Promise.resolve('42')
          : new Promise((resolve) => {
              release = resolve;
            }),
    });
    const agent = new FakeAgent();
    const call = new Call({ id: 'c1', direction: 'inbound' }, agent, deps, tools);
    call.start();
    call.join(new FakeCaller());
    agent.ready();
    agent.emit({ type: 'tool_call', toolCallId: 't1', name: 'quick', arguments: '{}', responseId: 'r' });
    await settle();
    expect(agent.results).toEqual([{ toolCallId: 't1', output: '42' }]);
    agent.emit({ type: 'tool_call', toolCallId: 't2', name: 'slow', arguments: '{}', responseId: 'r' });
    await call.end(termination('operator-hangup'));
    release('late');
    await settle();
    expect(agent.results).toHaveLength(1);
  });

  it('gives up the tools of a response that was cut off, and drops what they still bring', async () => {
    const finish = new Map<string, (value: string) => void>();
    const slow = tool(
      'slow',
      (_, { toolCallId }) =>
        new Promise((resolve) => {
          finish.set(toolCallId, resolve);
        }),
    );
    const agent = new FakeAgent();
    const call = new Call({ id: 'c1', direction: 'inbound' }, agent, deps, ({ count, tell }) =>
      createCallTools({
        tools: new ToolSet([slow]),
        callId: 'c1',
        caller: { kind: 'withheld' },
        timezone: 'UTC',
        store: {} as never,
        control: {} as never,
        clock,
        log,
        count,
        onEvent: tell,
      }),
    );
    call.start();
    call.join(new FakeCaller());
    agent.ready();
    for (const [toolCallId, responseId] of [
      ['t1', 'r1'],
      ['t2', 'r1'],
      ['t3', 'r2'],
    ] as const)
      agent.emit({ type: 'tool_call', toolCallId, name: 'slow', arguments: '{}', responseId });
    await settle();
    finish.get('t1')?.('in time');
    await settle();
    agent.emit({ type: 'response_done', responseId: 'r1', status: 'cancelled', reason: 'turn_detected' });
    agent.emit({ type: 'response_done', responseId: 'r2', status: 'completed' });
    await settle();
    expect(agent.results.map(({ toolCallId }) => toolCallId)).toEqual(['t1', 't2']);
    expect(JSON.parse(agent.results[1]?.output ?? '')).toMatchObject({ error: 'superseded' });
    finish.get('t2')?.('too late');
    finish.get('t3')?.('still wanted');
    await settle();
    expect(agent.results.slice(2)).toEqual([{ toolCallId: 't3', output: 'still wanted' }]);
    expect(events).toContainEqual({
      type: 'tool',
      event: expect.objectContaining({ type: 'tool_result_dropped', toolCallId: 't2', why: 'superseded' }),
    });
    await call.end(termination('operator-hangup'));
    expect(ended()[0]?.counters).toMatchObject({ tool_result_dropped: 1 });
  });

  it('tells a model that has no tools so', async () => {
    const { call, agent } = newCall();
    call.join(new FakeCaller());
    agent.ready();
    agent.emit({ type: 'tool_call', toolCallId: 't1', name: 'quick', arguments: '{}', responseId: 'r' });
    await settle();
    expect(agent.results[0]?.output).toContain('no tool named quick');
  });

  it('says when its agent is ready, once, and in which pace its audio comes by what', async () => {
    const { call, agent } = newCall();
    agent.ready();
    agent.emit({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 'sess_2', resumed: true });
    expect(await call.ready).toEqual({ ok: true, transport: 'websocket', pace: 'burst' });
    await call.end(termination('caller-hangup'));
    expect([await call.ready, await call.agentLost]).toMatchObject([{ ok: true }, undefined]);
  });

  it('says why its agent never will be ready, and why it is lost, before it ends of it', async () => {
    const refused = termination('model-auth');
    const { call, agent } = newCall();
    agent.emit({ type: 'ended', end: refused });
    expect([await call.ready, await call.agentLost]).toEqual([{ ok: false, end: refused }, refused]);
    expect(call.state).toBe('waiting');
    const unstarted = new FakeAgent();
    unstarted.startError = new Error('no way');
    const other = newCall(unstarted).call;
    expect([await other.ready, await other.agentLost]).toMatchObject([{ ok: false }, { reason: 'internal' }]);
    const third = newCall();
    third.call.join(new FakeCaller());
    third.agent.ready();
    const lost = termination('model-session-lost');
    third.agent.emit({ type: 'ended', end: lost });
    expect(await third.call.agentLost).toEqual(lost);
    expect(third.call.state).toBe('leaving');
    for (const one of [call, other, third.call]) void one.end(termination('caller-hangup'));
    const ended = newCall();
    const end = termination('caller-hangup');
    void ended.call.end(end);
    expect([await ended.call.ready, await ended.call.agentLost]).toEqual([{ ok: false, end }, undefined]);
  });

  it('tells the caller leg in which pace audio comes', () => {
    const { call, agent } = newCall();
    const paces: Pace[] = [];
    const caller = Object.assign(new FakeCaller(), { setPace: (pace: Pace) => void paces.push(pace) });
    call.join(caller);
    agent.emit({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 's', resumed: false });
    expect(paces).toEqual(['live']);
    agent.emit({ type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 's', resumed: true });
    expect(paces).toEqual(['live', 'burst']);
  });

  it('asks taps that have no use for ticks every 100 ms, and gives those that have every tick', async () => {
    const state = { ticking: false, asked: 0, ticks: 0 };
    const tap = {
      caller() {},
      agent() {},
      cleared() {},
      ended() {},
      get ticking() {
        state.asked++;
        return state.ticking;
      },
      tick: () => state.ticks++,
    };
    deps = { ...deps, taps: () => [tap] };
    const { call, agent } = newCall();
    call.join(new FakeCaller());
    agent.ready();
    clock.advance(1_000);
    expect(state).toMatchObject({ asked: 10, ticks: 0 });
    state.ticking = true;
    clock.advance(100);
    state.ticks = 0;
    clock.advance(1_000);
    expect(state.ticks).toBe(50);
    state.ticking = false;
    clock.advance(20);
    state.ticks = 0;
    clock.advance(1_000);
    expect(state.ticks).toBe(0);
    state.ticking = true;
    clock.advance(200);
    await call.end(termination('caller-hangup'));
    expect(ticker.size).toBe(0);
  });

  it('raises the alarm when the model answers and nothing, or silence, reaches the caller', () => {
    const { call, agent } = newCall();
    call.join(new FakeCaller());
    agent.ready();
    agent.speak('silent', 600, { level: 3 });
    agent.emit({ type: 'audio_started', responseId: 'r', itemId: 'missing', contentIndex: 0 });
    clock.advance(1_600);
    agent.speak('fine', 600);
    clock.advance(5_000);
    expect(events.flatMap((e) => (e.type === 'audio_alarm' ? [e.kind] : []))).toEqual(['silent', 'missing']);
  });

  it('takes orders: words, typed turns, keys', async () => {
    const { call, agent } = newCall();
    expect(await call.sendDigits('1')).toBe(false);
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    call.say('Stay "calm".');
    expect(agent.did.at(-1)).toContain(JSON.stringify('Stay "calm".'));
    agent.speak('a', 500, { done: false });
    caller.playsAtOnce = false;
    call.text('hello');
    expect(agent.did.at(-1)).toBe('text hello');
    expect(events.filter((e) => e.type === 'barge_in')).toHaveLength(1);
    expect(events.some((e) => e.type === 'caller' && e.event.type === 'text')).toBe(true);
    caller.playsAtOnce = true;
    expect(await call.sendDigits('12')).toBe(true);
    caller.playsAtOnce = false;
    caller.played = caller.playout.writtenMs();
    agent.speak('b', 100, { done: false });
    const pressed = call.sendDigits('1234');
    await settle();
    caller.played += 100 + 200;
    await clock.advanceAsync(40, 20);
    call.text('stop');
    // What is discarded of them with the agent's words is pressed again: three of 200 ms, on a line on which all counts from here.
    caller.played = 0;
    await clock.advanceAsync(40, 20);
    expect(caller.playout.writtenMs()).toBe(600);
    caller.played = 600;
    await clock.advanceAsync(40, 20);
    expect(await pressed).toBe(true);
    expect(call.startedAt).toBe(clock.wallOrigin);
  });

  it('hands over when the last words were heard, whatever the caller says', async () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    call.join(caller);
    agent.ready();
    agent.speak('a', 1_000);
    const handed = call.handOver('+12025550100');
    await clock.advanceAsync(200);
    expect(call.ended).toBeUndefined();
    agent.emit({ type: 'speech_started' });
    await clock.advanceAsync(40);
    await handed;
    expect(call.ended?.reason).toBe('transferred');
    expect(call.transferTo).toBe('+12025550100');
  });

  it('knows what an end means that it was told to expect, also of a line that breaks', async () => {
    for (const reason of ['caller-hangup', 'media-lost'] as const) {
      const { call, agent } = newCall();
      const caller = new FakeCaller();
      call.join(caller);
      agent.ready();
      call.expectEnd(termination('operator-hangup'));
      call.expectEnd(undefined);
      call.expectEnd(termination('transferred'));
      caller.ctx?.emit({ type: 'ended', end: termination(reason) });
      expect((await call.done).reason).toBe('transferred');
    }
  });

  it('makes a turn of keys, cuts in with the first, and tells them to nobody while a tool asks in secret', async () => {
    let gather: ((options: { most: number; timeoutMs: number; sensitive: boolean }) => Promise<string>) | undefined;
    const agent = new FakeAgent();
    const call = new Call({ id: 'c1', direction: 'inbound' }, agent, deps, ({ line }) => {
      gather = (options) => line.gatherDigits(options);
      return { run: async () => '' };
    });
    call.start();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    call.join(caller);
    agent.ready();
    agent.speak('a', 1_000);
    const press = (keys: string) => {
      for (const digit of keys) caller.ctx?.emit({ type: 'dtmf', digit });
    };
    press('42#');
    expect(caller.audio.cleared).toBe(1);
    expect(agent.did.at(-1)).toBe('text [The caller pressed on the keypad: 4 2]');
    const secret = gather?.({ most: 4, timeoutMs: 1_000, sensitive: true });
    press('9876');
    expect(await secret).toBe('9876');
    const told = events.flatMap((e) => (e.type === 'caller' && e.event.type === 'dtmf' ? [e.event.digit] : []));
    expect(told.join('')).toBe('42#xxxx');
    const waiting = gather?.({ most: 4, timeoutMs: 60_000, sensitive: false });
    await call.end(termination('operator-hangup'));
    expect(await waiting).toBe('');
    clock.advance(30);
    expect(clock.pending).toBe(0);
  });

  it('asks a silent caller, ends politely, and keeps one who speaks up during the goodbye', async () => {
    deps = { ...deps, patience: { longestMs: 5_000, asks: 0 } };
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    await clock.advanceAsync(5_500, 20);
    expect(agent.did.at(-1)).toMatch(/say goodbye/);
    agent.emit({ type: 'speech_started' });
    agent.emit({ type: 'speech_stopped' });
    await clock.advanceAsync(4_000, 20);
    expect(call.ended).toBeUndefined();
    await clock.advanceAsync(1_500, 20);
    expect(agent.did.filter((what) => /say goodbye/.test(what))).toHaveLength(2);
    agent.speak('bye', 800);
    await clock.advanceAsync(100, 20);
    expect((await call.done).reason).toBe('caller-silent');
  });

  it('neither talks to a line on hold nor hangs up on it, and counts a silence from the moment it is back', async () => {
    deps = { ...deps, patience: { longestMs: 5_000, asks: 1 } };
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    await clock.advanceAsync(4_000, 20);
    caller.onHold = true;
    await clock.advanceAsync(300_000, 200);
    expect(agent.did).toEqual(['greet']);
    expect(call.ended).toBeUndefined();
    caller.onHold = false;
    await clock.advanceAsync(4_500, 20);
    expect(agent.did).toEqual(['greet']);
    await clock.advanceAsync(1_000, 20);
    expect(agent.did.at(-1)).toMatch(/still there/);
    // Back on hold before the goodbye: nobody is there to be said goodbye to.
    caller.onHold = true;
    await clock.advanceAsync(60_000, 200);
    expect(agent.did.filter((what) => /say goodbye/.test(what))).toEqual([]);
    expect(call.ended).toBeUndefined();
  });

  it('has more patience where its prompt says so, and none while a tool runs', async () => {
    deps = { ...deps, patience: { longestMs: 5_000, asks: 0 } };
    const agent = new FakeAgent();
    const result = Promise.withResolvers<string>();
    const tools = () => ({ run: () => result.promise });
    const call = new Call({ id: 'c1', direction: 'inbound', silenceMs: 8_000, silenceAsks: 1 }, agent, deps, tools);
    call.start();
    call.join(new FakeCaller());
    agent.ready();
    agent.emit({ type: 'tool_call', toolCallId: 't', name: 'slow', arguments: '{}', responseId: 'r' });
    await clock.advanceAsync(20_000, 20);
    result.resolve('done');
    await settle();
    await clock.advanceAsync(7_500, 20);
    expect(agent.did).toEqual(['greet']);
    await clock.advanceAsync(1_000, 20);
    expect(agent.did.at(-1)).toMatch(/still there/);
    expect(call.ended).toBeUndefined();
  });

  it('survives an observer that throws', async () => {
    deps = {
      ...deps,
      observers: [
        {
          onEvent: () => {
            throw new Error('disk full');
          },
        },
        ...deps.observers,
      ],
    };
    const { call } = newCall();
    call.join(new FakeCaller());
    await call.end(termination('operator-hangup'));
    const end = ended()[0];
    expect(end?.type === 'call_ended' && end.counters['observer_failed']).toBeGreaterThan(0);
  });

  it('tells when closing hangs', async () => {
    const agent = new FakeAgent();
    let open: () => void = () => {};
    agent.closeGate = new Promise((r) => {
      open = r;
    });
    const { call } = newCall(agent);
    call.join(new FakeCaller());
    void call.end(termination('operator-hangup'));
    await clock.advanceAsync(6_100, 100);
    expect(log.lines.some((l) => l.level === 'error' && l.message.includes('hangs'))).toBe(true);
    open();
    await call.done;
  });

  it('apologises when the agent cannot even be started', async () => {
    const agent = new FakeAgent();
    agent.startError = new Error('no way');
    const { call } = newCall(agent);
    const caller = new FakeCaller();
    call.join(caller);
    await settle();
    expect(caller.audio.heard).toHaveLength(8000);
    await clock.advanceAsync(100);
    expect((await call.done).result).toBe('server_error');
  });
});

describe('Calls', () => {
  it('knows what comes next for a carrier whose stream ended', async () => {
    const calls = new Calls(deps);
    const info = { id: 'c1', direction: 'inbound' as const, ...atTwilio('CA1') };
    const call = calls.create(info, new FakeAgent());
    const caller = new FakeCaller();
    expect(calls.join('c1', caller)).toBe(true);
    caller.ctx?.emit({ type: 'ended', end: termination('media-lost') });
    expect(calls.continuation(atTwilio('CA1')).next).toBe('reattach');
    expect(calls.join('c1', new FakeCaller())).toBe(true);
    void call.end(termination('agent-hangup'));
    // The carrier asks while the legs are still closing.
    expect(calls.continuation(atTwilio('CA1')).next).toBe('hangup');
    await call.done;
    await settle();
    expect(calls.size).toBe(0);
    expect(calls.continuation(atTwilio('CA1')).next).toBe('hangup');
    expect(calls.join('c1', new FakeCaller())).toBe(false);
    expect(calls.continuation(atTwilio('CA-unknown')).next).toBe('apology');
  });

  it('does not ask a carrier back for ever', () => {
    const calls = new Calls(deps);
    calls.create({ id: 'c1', direction: 'inbound', ...atTwilio('CA1') }, new FakeAgent());
    expect([1, 2, 3, 4].map(() => calls.continuation(atTwilio('CA1')).next)).toEqual([
      'reattach',
      'reattach',
      'reattach',
      'apology',
    ]);
  });

  it('apologises after a failure', async () => {
    const calls = new Calls(deps);
    const call = calls.create({ id: 'c1', direction: 'inbound', ...atTwilio('CA1') }, new FakeAgent());
    await call.end(termination('model-unavailable'));
    await settle();
    expect(calls.continuation(atTwilio('CA1')).next).toBe('apology');
  });

  it('ends a call that is over at the carrier: at once where nobody is on the line, else when its stream has had its moment', async () => {
    const calls = new Calls(deps);
    const create = (id: string, carrierCallId: string) =>
      calls.create({ id, direction: 'inbound', ...atTwilio(carrierCallId) }, new FakeAgent());
    const waiting = create('w', 'CA-w');
    calls.carrierEnded(atTwilio('CA-w'));
    expect(waiting.ended).toMatchObject({ reason: 'caller-hangup' });

    const joined = create('j', 'CA-j');
    calls.join('j', new FakeCaller());
    calls.carrierEnded(atTwilio('CA-j'));
    clock.advance(1_900);
    expect(joined.ended).toBeUndefined();
    clock.advance(200);
    expect(joined.ended).toMatchObject({ result: 'success', reason: 'caller-hangup' });

    // News of the end that overtook the making of the call.
    calls.carrierEnded(atTwilio('CA-late'));
    expect(create('l', 'CA-late').ended).toMatchObject({ reason: 'caller-hangup' });
    await settle();
    expect(calls.size).toBe(0);
    calls.carrierEnded(atTwilio('CA-never'));
  });

  it('lets a stream say how it ended when the carrier tells of the end first', async () => {
    const calls = new Calls(deps);
    const call = calls.create({ id: 'c', direction: 'inbound', ...atTwilio('CA1') }, new FakeAgent());
    const caller = new FakeCaller();
    calls.join('c', caller);
    calls.carrierEnded(atTwilio('CA1'));
    caller.ctx?.emit({ type: 'ended', end: termination('caller-hangup', 'stop') });
    expect(call.ended).toEqual(termination('caller-hangup', 'stop'));
    await settle();
    expect(clock.pending).toBe(0);
  });

  it('tells the agent who of several people speaks, and a session that was built anew again', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    call.join(caller);
    agent.ready();
    const [anna, ben] = [
      { identity: 'a', name: 'Anna' },
      { identity: 'b', name: 'Ben "the boss"' },
    ];
    caller.ctx?.emit({ type: 'speaker', by: anna, told: false });
    caller.ctx?.emit({ type: 'speaker', by: ben, before: anna, told: true });
    agent.emit({ type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 's2', resumed: true });
    const line = '[Several people are on the line. Now speaking: "Ben \\"the boss\\""';
    expect(agent.did).toEqual(['greet', `note ${line}; before that: "Anna".]`, `note ${line}.]`]);
    expect(events.filter((event) => event.type === 'caller').map(({ event }) => event.type)).toEqual([
      'speaker',
      'speaker',
    ]);
  });

  it.each<[string, (call: Call, agent: FakeAgent) => unknown, string]>([
    ['the caller hangs up', (call) => call.end(termination('caller-hangup')), 'call_ended'],
    ['the call goes on elsewhere', (call) => call.moveTo('other'), 'call_moved'],
    ['the session breaks', (_, agent) => agent.emit({ type: 'reconnecting', reason: 'gone' }), 'reconnecting'],
  ])('keeps what was being said when %s, as far as it was told, and before that is told', async (_, ends, next) => {
    const { call, agent } = newCall();
    call.join(new FakeCaller());
    agent.ready();
    const words = { type: 'transcript', role: 'agent', itemId: 'i' } as const;
    agent.emit({ ...words, itemId: 'before', text: 'Good day.', final: true });
    agent.emit({ ...words, text: 'Your table ', final: false });
    agent.emit({ ...words, text: 'is', final: false });
    ends(call, agent);
    await settle();
    const told = events.map((event) => (event.type === 'agent' ? event.event : event));
    const wholes = told.filter((event) => event.type === 'transcript' && event.final);
    expect(wholes).toMatchObject([{ text: 'Good day.' }, { itemId: 'i', text: 'Your table is' }]);
    expect(told[told.indexOf(wholes[1]!) + 1]).toMatchObject({ type: next });
  });

  it('lets the line see what the agent tells before anybody else, and say whose words they are', () => {
    const { call, agent } = newCall();
    const caller = new FakeCaller();
    const by = { identity: 'a', name: 'Anna' };
    caller.onAgent = (event) => (event.type === 'transcript' ? { ...event, by } : event);
    call.join(caller);
    agent.ready();
    agent.emit({ type: 'transcript', role: 'caller', itemId: 'i', text: 'Hello.', final: true });
    expect(events).toContainEqual({
      type: 'agent',
      event: { type: 'transcript', role: 'caller', itemId: 'i', text: 'Hello.', final: true, by },
    });
  });
});
