import { describe, expect, it } from 'vitest';
import type { DialOrder } from '../../../../src/agents/kind.ts';
import { phoneAgentLeg, ringingToneOf } from '../../../../src/agents/phone/leg.ts';
import type { AgentEvent } from '../../../../src/call/events.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { BridgeError, type ErrorCode } from '../../../../src/errors.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeCaller, FakeSink, fakeLog } from '../../../fakes/legs.ts';

const RATE = 8_000;

/** Somebody is called; the dialler is played by hand. */
function calling({ machines = 'talk' }: { machines?: 'talk' | 'hang-up' } = {}) {
  const clock = new FakeClock();
  const line = new FakeCaller(RATE);
  const answer = Promise.withResolvers<void>();
  let order: DialOrder | undefined;
  const leg = phoneAgentLeg({
    rate: RATE,
    target: { to: '+4930123456', ring_seconds: 20, on_machine: machines },
    dialler: {
      carrier: 'some',
      carriers: ['some'],
      async dial(asked) {
        order = asked;
        await answer.promise;
        return { leg: line, carrierCallId: 'theirs-1' };
      },
    },
  });
  const events: AgentEvent[] = [];
  const peer = new FakeSink(RATE);
  const end = new AbortController();
  // Nobody is rung before the caller is on the line.
  leg.listened?.(true);
  const start = leg
    .start({
      callId: 'ours-1',
      peer,
      emit: (event) => void events.push(event),
      count: () => {},
      log: fakeLog(),
      clock,
      ticker: new Ticker(clock),
      signal: end.signal,
    })
    .catch((error: unknown) => error);
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return {
    ...{ clock, line, leg, events, peer, end, start, settle, answer },
    order: () => order!,
    async answered() {
      answer.resolve();
      await settle();
    },
    types: () => events.map(({ type }) => type),
    /** A loud or silent time on both sides, 20 ms at a time. */
    pass(ms: number, agent: number, caller: number) {
      for (let at = 0; at < ms; at += 20) {
        leg.audio.write({ samples: new Int16Array(160).fill(caller), sampleRate: RATE });
        line.say(new Array(160).fill(agent));
        clock.advance(20);
      }
    },
  };
}

describe('somebody at a telephone who is to answer', () => {
  it('is told of while he is called, and is ready with his carrier’s id of the call', async () => {
    const call = calling();
    await call.settle();
    expect(call.order()).toMatchObject({
      callId: 'ours-1',
      to: '+4930123456',
      ringSeconds: 20,
      refusesMachines: false,
    });
    call.order().told('dialling');
    call.order().told('ringing');
    call.order().told('ringing');
    expect(call.events).toEqual([
      { type: 'calling', state: 'dialling', tone: 'europe' },
      { type: 'calling', state: 'ringing', tone: 'europe' },
    ]);
    await call.answered();
    expect(call.events.at(-1)).toMatchObject({
      type: 'ready',
      sessionId: 'theirs-1',
      transport: 'phone',
      pace: 'live',
    });
    call.order().told('ringing');
    expect(call.events).toHaveLength(3);
  });

  it('is heard from his first word and key on, though he said it before his line was in our hands', async () => {
    const call = calling();
    const { start } = call.line;
    // As a carrier's stream does: what came since it was opened is handed over at its start.
    call.line.start = async (context) => {
      await start.call(call.line, context);
      call.line.say(new Array(160).fill(4_000));
      context.emit({ type: 'dtmf', digit: '7' });
      call.line.say(new Array(160).fill(3_000));
    };
    await call.answered();
    expect(call.peer.heard).toEqual([...new Array(160).fill(4_000), ...new Array(160).fill(3_000)]);
    expect(call.types()).toEqual(['ready', 'response_started', 'audio_started', 'dtmf']);
  });

  it('loses no word to a caller who speaks over him, and gives way where he does so himself', async () => {
    const call = calling();
    await call.answered();
    call.pass(1_000, 4_000, 0);
    call.pass(300, 4_000, 4_000);
    expect(call.types()).not.toContain('speech_started');
    const before = call.peer.heard.filter((sample) => sample !== 0).length;
    expect(before).toBe(1_300 * 8);
    // He falls silent, and speaks on at once: all of it is heard.
    call.pass(200, 0, 4_000);
    expect(call.events.filter(({ type }) => type === 'speech_started')).toEqual([
      { type: 'speech_started', keeps: true },
    ]);
    expect(call.events.at(-1)).toMatchObject({ type: 'response_done', status: 'cancelled' });
    call.pass(400, 4_000, 4_000);
    expect(call.peer.heard.filter((sample) => sample !== 0).length).toBe(1_700 * 8);
    expect(call.types().filter((type) => type === 'response_started')).toHaveLength(2);
  });

  it('never has what he said taken for void when the caller speaks', async () => {
    const call = calling();
    await call.answered();
    call.pass(600, 4_000, 0);
    call.pass(800, 0, 0);
    call.pass(300, 0, 4_000);
    expect(call.events.at(-1)).toEqual({ type: 'speech_started', keeps: true });
  });

  it('gets the caller’s keys as keys, or as their tones, and his own are the call’s', async () => {
    const call = calling();
    await call.answered();
    call.leg.key?.('5');
    expect(call.line.audio.heard.some((sample) => sample !== 0)).toBe(true);
    const sent: string[] = [];
    Object.assign(call.line, { sendDigit: (digit: string) => sent.push(digit) > 0 });
    const heard = call.line.audio.heard.length;
    call.leg.key?.('6');
    expect(sent).toEqual(['6']);
    expect(call.line.audio.heard).toHaveLength(heard);
    call.line.ctx?.emit({ type: 'dtmf', digit: '#', durationMs: 120 });
    expect(call.events.at(-1)).toEqual({ type: 'dtmf', digit: '#', durationMs: 120 });
  });

  it('hangs up, or is hung up on; a line that breaks is no hang-up', async () => {
    for (const [told, reason] of [
      ['caller-hangup', 'agent-hangup'],
      ['media-lost', 'model-session-lost'],
      ['media-stalled', 'model-session-lost'],
    ] as const) {
      const call = calling();
      await call.answered();
      call.line.ctx?.emit({ type: 'ended', end: termination(told) });
      expect(call.events.at(-1)).toMatchObject({ type: 'ended', end: { reason } });
      expect(call.order().signal.aborted).toBe(true);
    }
    const call = calling();
    await call.answered();
    await call.leg.close(termination('caller-hangup'));
    expect(call.order().signal.aborted).toBe(true);
    expect(call.line.closedWith).toHaveLength(1);
  });

  it('is rung no longer when the call ends first, and whoever answers then is let go', async () => {
    const call = calling();
    await call.settle();
    call.end.abort(new BridgeError('ABORTED', 'over'));
    expect(call.order().signal.aborted).toBe(true);
    expect(await call.start).toMatchObject({ code: 'ABORTED' });
    await call.answered();
    expect(call.line.closedWith).toHaveLength(1);
    expect(call.line.ctx).toBeUndefined();
  });

  it.for([
    ['DIAL_BUSY', 'dial-busy'],
    ['DIAL_NO_ANSWER', 'dial-no-answer'],
    ['DIAL_REFUSED', 'dial-refused'],
    ['DIAL_FORBIDDEN', 'dial-forbidden'],
    ['DIAL_LIMIT', 'dial-limit'],
    ['DIAL_FAILED', 'dial-failed'],
  ] as const satisfies ReadonlyArray<readonly [ErrorCode, string]>)(
    'that fails with %s ends the call as %s',
    async ([code, reason]) => {
      const call = calling();
      await call.settle();
      call.answer.reject(new BridgeError(code, 'why'));
      expect(await call.start).toMatchObject({ code });
      expect(call.events.at(-1)).toMatchObject({ type: 'ended', end: { reason } });
    },
  );

  it('is hung up on where a machine took the call and none is wanted, early or late', async () => {
    const early = calling({ machines: 'hang-up' });
    await early.settle();
    expect(early.order().refusesMachines).toBe(true);
    early.order().machine();
    expect(await early.start).toMatchObject({ code: 'DIAL_MACHINE' });
    const late = calling({ machines: 'hang-up' });
    await late.answered();
    late.order().machine();
    expect(late.events.at(-1)).toMatchObject({ type: 'ended', end: { reason: 'dial-machine' } });
    expect(late.line.closedWith).toHaveLength(1);
    const welcome = calling();
    await welcome.answered();
    welcome.order().machine();
    expect(welcome.types()).not.toContain('ended');
  });

  it('rings as phones do where he is', () => {
    expect(ringingToneOf('+12025550100')).toBe('north-america');
    expect(ringingToneOf('+4930123456')).toBe('europe');
  });
});
