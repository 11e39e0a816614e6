import { describe, expect, it } from 'vitest';
import { ConversationContext } from '../../../../src/agents/openai/context.ts';
import { owedAfterLoss } from '../../../../src/agents/openai/resumption.ts';
import { rolloverTimes } from '../../../../src/agents/openai/rollover.ts';
import { TransportMemory } from '../../../../src/agents/openai/transport-memory.ts';

describe('TransportMemory', () => {
  it('keeps callers off WebRTC for a minute after a failure, longer each time, and lets one try', () => {
    const memory = new TransportMemory();
    expect(memory.allows(0)).toBe(true);
    expect(memory.allows(0)).toBe(true);
    memory.failed(0, 'PEER_FAILED');
    expect(memory.reason).toBe('PEER_FAILED');
    expect(memory.allows(59_999)).toBe(false);
    expect(memory.allows(60_000)).toBe(true);
    expect(memory.allows(60_001)).toBe(false);
    memory.failed(62_000, 'PEER_FAILED');
    expect(memory.allows(62_000 + 119_999)).toBe(false);
    expect(memory.allows(62_000 + 120_000)).toBe(true);
    memory.succeeded();
    expect(memory.allows(200_000)).toBe(true);
    expect(memory.allows(200_000)).toBe(true);
    expect(memory.reason).toBe('');
  });

  it('spares the others nothing for one slow call, and closes when three in a row are slow', () => {
    const memory = new TransportMemory();
    memory.suspected(0, 4_000, 'PEER_TOO_SLOW');
    memory.suspected(10_000, 14_000, 'MODEL_TIMEOUT');
    expect(memory.allows(14_001)).toBe(true);
    expect(memory.doubtful).toBe(false);
    memory.suspected(20_000, 24_000, 'PEER_TOO_SLOW');
    expect(memory.allows(24_001)).toBe(false);
    expect(memory.reason).toBe('PEER_TOO_SLOW');
    expect(memory.allows(84_000)).toBe(true);
    // The trial was slow, too: it stays closed, for longer.
    memory.suspected(84_000, 88_000, 'PEER_TOO_SLOW');
    expect(memory.allows(88_000 + 119_000)).toBe(false);
  });

  it('forgets slow calls with the first that connects, and counts those of one moment once', () => {
    const memory = new TransportMemory();
    for (let i = 0; i < 50; i++) memory.suspected(i, 4_000 + i, 'MODEL_TIMEOUT');
    expect(memory.allows(5_000)).toBe(true);
    memory.suspected(6_000, 10_000, 'MODEL_TIMEOUT');
    memory.succeeded(900);
    expect(memory.setUpMs).toBe(900);
    memory.suspected(20_000, 24_000, 'MODEL_TIMEOUT');
    memory.suspected(30_000, 34_000, 'MODEL_TIMEOUT');
    expect(memory.allows(34_001)).toBe(true);
  });

  it('counts calls that fail together as one failure', () => {
    const memory = new TransportMemory();
    for (let i = 0; i < 20; i++) memory.failed(i, 'PEER_FAILED');
    expect(memory.allows(60_020)).toBe(true);
  });

  it('waits 15 minutes at most', () => {
    const memory = new TransportMemory();
    let now = 0;
    for (let i = 0; i < 30; i++) {
      while (!memory.allows(now)) now += 1_000;
      memory.failed(now, 'PEER_FAILED');
    }
    expect(memory.allows(now + 15 * 60_000 - 1)).toBe(false);
    expect(memory.allows(now + 15 * 60_000)).toBe(true);
  });

  it('does not stay shut when a trial never reports', () => {
    const memory = new TransportMemory();
    memory.failed(0, 'PEER_FAILED');
    expect(memory.allows(60_000)).toBe(true);
    expect(memory.allows(74_999)).toBe(false);
    expect(memory.allows(75_000)).toBe(true);
  });
});

describe('ConversationContext', () => {
  it('keeps turns in the order they were announced, whenever their words come', () => {
    const context = new ConversationContext();
    context.open('u1', 'user');
    context.open('a1', 'assistant');
    context.append('a1', 'assistant', 'Nine ');
    context.append('a1', 'assistant', 'to five');
    context.finish('u1', 'user', 'When?');
    expect(context.items()).toEqual([
      { kind: 'message', role: 'user', text: 'When?' },
      { kind: 'message', role: 'assistant', text: 'Nine to five' },
    ]);
    context.open('u2', 'user');
    expect(context.items()).toHaveLength(2);
    expect(context.lastTurn()).toEqual({ role: 'user', known: false });
  });

  it('lets the final words replace the deltas', () => {
    const context = new ConversationContext();
    context.append('a1', 'assistant', 'Helo');
    context.finish('a1', 'assistant', 'Hello');
    context.append('a1', 'assistant', ' late');
    expect(context.textOf('a1')).toBe('Hello');
  });

  it('cuts at whole words, by share or by time', () => {
    const context = new ConversationContext();
    context.finish('a1', 'assistant', 'alpha beta gamma delta');
    expect(context.cut('a1', { share: 0.5 })).toBe('alpha beta');
    expect(context.cut('a1', { share: 0.6 })).toBe('alpha beta');
    expect(context.cut('a1', { share: 1 })).toBe('alpha beta gamma delta');
    expect(context.cut('a1', { share: 0 })).toBe('');
    expect(context.items()).toEqual([]);
    expect(context.cut('a1', { ms: 700 })).toBe('alpha beta');
    expect(context.cut('unknown', { share: 1 })).toBeUndefined();
  });

  it('is bounded in items and characters, and drops a result with its call', () => {
    const few = new ConversationContext({ items: 3, chars: 1000 });
    few.call('c1', 'f', '{}');
    few.output('c1', 'x');
    few.finish('a', 'user', '1');
    few.finish('b', 'user', '2');
    expect(few.items().map((item) => item.kind)).toEqual(['message', 'message']);
    const short = new ConversationContext({ items: 100, chars: 10 });
    short.finish('a', 'user', 'aaaaaa');
    short.finish('b', 'user', 'bbbbbb');
    expect(short.items()).toEqual([{ kind: 'message', role: 'user', text: 'bbbbbb' }]);
    short.finish('c', 'user', 'c'.repeat(50));
    expect(short.items()).toHaveLength(1);
  });

  it('cuts a long result', () => {
    const context = new ConversationContext();
    context.call('c1', 'f', '{}');
    context.output('c1', 'x'.repeat(100_000));
    expect((context.items()[1] as { output: string }).output.length).toBe(4_000);
  });
});

describe('owedAfterLoss', () => {
  const nothing = {
    callerTurn: 'none',
    active: false,
    activeParams: undefined,
    calledTools: false,
    toolsAnswered: false,
    cutShort: false,
    said: '',
    lastTurn: undefined,
    retrying: false,
    instructions: undefined,
  } as const;
  it.each([
    ['nothing', {}, undefined],
    ['nothing while the caller speaks', { callerTurn: 'speaking', active: true, said: 'x' }, undefined],
    [
      'a plain answer to a caller who was understood',
      { callerTurn: 'awaiting', lastTurn: { role: 'user', known: true } },
      '',
    ],
    [
      'a question to a caller who was not',
      { callerTurn: 'awaiting', lastTurn: { role: 'user', known: false } },
      'say it again',
    ],
    ['what was asked for', { active: true, activeParams: { instructions: 'greet' } }, 'greet'],
    ['the rest of what was begun', { active: true, said: 'We are' }, '"We are"'],
    ['the rest of what was being played', { cutShort: true, said: 'We are' }, '"We are"'],
    ['nothing before the results', { active: true, calledTools: true, said: 'One moment' }, undefined],
    ['the answer to results that are in', { active: true, calledTools: true, toolsAnswered: true }, ''],
    ['what was about to be asked again', { retrying: true }, ''],
  ] as const)('%s', (_name, at, wanted) => {
    const owed = owedAfterLoss({ ...nothing, ...at });
    if (wanted === undefined) expect(owed).toBeUndefined();
    else if (wanted === '') expect(owed).toEqual({ params: undefined });
    else expect(owed?.params?.instructions).toContain(wanted);
  });
});

describe('rolloverTimes', () => {
  const limits = { rolloverMs: 55 * 60_000, rolloverLatestMs: 59 * 60_000 };
  it.each([
    [undefined, 55, 59],
    [60, 55, 59],
    [30, 25, 29],
    [4, 2, 3.6],
    [-1, 55, 59],
    // Two machines whose clocks do not agree: a session that is new every few seconds would be no conversation.
    [0.05, 55, 59],
    [1.9, 55, 59],
  ])('for a life of %s min', (life, soft, hard) => {
    const times = rolloverTimes(limits, life === undefined ? undefined : life * 60_000);
    expect(times).toEqual({ softMs: soft * 60_000, hardMs: hard * 60_000 });
  });
});
