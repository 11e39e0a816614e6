import { describe, expect, it } from 'vitest';
import { StreamLeg } from '../../../../src/agents/stream/leg.ts';
import type { StreamTold } from '../../../../src/agents/stream/session.ts';
import { Call } from '../../../../src/call/call.ts';
import { comfortTone } from '../../../../src/call/comfort.ts';
import type { Pace } from '../../../../src/call/events.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeCaller, fakeLog } from '../../../fakes/legs.ts';
import { startStream } from '../stream-run.ts';

const RATE = 16_000;
const frame = (ms: number, level: number) => new Int16Array((RATE * ms) / 1000).fill(level);

/** An agent whose session is there at once. */
function near(pace: Pace) {
  const far: { told?: StreamTold; closed: number } = { closed: 0 };
  const leg = new StreamLeg({
    kind: 'early',
    path: 'none',
    inputRate: RATE,
    rate: RATE,
    pace,
    open: async (told) => {
      far.told = told;
      told.ready('session-1');
      return { audio: () => {}, close: () => void far.closed++ };
    },
  });
  return { leg, far };
}

/** It is there before anybody is on the line. */
async function early(pace: Pace) {
  const clock = new FakeClock();
  const { leg, far } = near(pace);
  const run = startStream(leg, clock, false);
  await run.started;
  const heardMs = () => (run.peer.heard.length * 1000) / RATE;
  return { ...run, leg, clock, told: far.told!, closed: () => far.closed, heardMs };
}

describe('an agent that speaks before anybody is on the line', () => {
  it('is ready, and heard from its first word on by who comes', async () => {
    const { leg, told, of, events, heardMs } = await early('burst');
    expect(of('ready')).toHaveLength(1);
    told.audio(frame(900, 4_000));
    told.transcript('agent', 'Good day.', true, 'a');
    expect(events.map(({ type }) => type)).toEqual(['ready']);
    expect(heardMs()).toBe(0);
    leg.listened(true);
    expect(heardMs()).toBe(900);
    expect(events.map(({ type }) => type)).toEqual(['ready', 'response_started', 'audio_started', 'transcript']);
    // From now on nothing waits, also while the line is away.
    leg.listened(false);
    told.audio(frame(100, 4_000));
    expect(heardMs()).toBe(1_000);
  });

  it('in real time is kept from its first sound on: the silence of its line is in nobody’s way', async () => {
    const { leg, told, heardMs } = await early('live');
    for (let i = 0; i < 10; i++) told.audio(frame(20, 3));
    for (let i = 0; i < 5; i++) told.audio(frame(20, 4_000));
    told.audio(frame(20, 0));
    leg.listened(true);
    expect(heardMs()).toBe(120);
  });

  it('to nobody for long is kept within bounds, of time and not of messages', async () => {
    for (const ms of [1, 10, 20, 400]) {
      const { leg, told, heardMs } = await early('live');
      for (let at = 0; at < 70_000; at += ms) told.audio(frame(ms, 4_000));
      leg.listened(true);
      expect(heardMs()).toBe(60_000);
    }
  });

  it('is kept as far as there is room, also of a piece', async () => {
    const { leg, told, heardMs } = await early('burst');
    for (let i = 0; i < 9; i++) told.audio(frame(7_000, 4_000));
    leg.listened(true);
    expect(heardMs()).toBe(60_000);
  });

  it('longer than is kept is cut off there, with nothing of it behind the gap, and its end and keys are told', async () => {
    const { leg, told, of, heardMs } = await early('burst');
    told.answerStarted('a');
    for (let i = 0; i < 59; i++) told.audio(frame(1_000, 4_000));
    told.audio(frame(2_000, 4_000));
    told.audio(frame(20, 4_000));
    told.transcript('agent', 'What nobody hears.', true, 'a');
    told.key('5');
    for (let i = 0; i < 3; i++) told.answerEnded();
    told.answerStarted('b');
    leg.listened(true);
    expect(heardMs()).toBe(60_000);
    expect(of('transcript')).toEqual([]);
    expect(of('dtmf')).toMatchObject([{ digit: '5' }]);
    expect(of('response_done')).toMatchObject([{ responseId: 'a', status: 'completed' }]);
    expect(of('response_started')).toHaveLength(1);
  });

  it('with more words than are kept is told its end all the same', async () => {
    const { leg, told, of } = await early('burst');
    told.answerStarted('a');
    told.audio(frame(100, 4_000));
    for (let i = 0; i < 600; i++) told.transcript('agent', `word ${i}`, false, 'a');
    told.key('5');
    told.answerEnded();
    leg.listened(true);
    expect(of('transcript')).toHaveLength(499);
    expect(of('dtmf')).toHaveLength(1);
    expect(of('response_done')).toMatchObject([{ responseId: 'a', status: 'completed' }]);
  });

  it.each(['burst', 'live'] as const)('and hangs up before he comes is heard to its end: %s', async (pace) => {
    const { leg, told, events, of, heardMs, closed } = await early(pace);
    told.audio(frame(900, 4_000));
    told.answerEnded();
    told.hungUp('closed today');
    // What its line does then is told nobody, and it says no more.
    told.lost(new BridgeError('MODEL_SESSION_LOST', 'the line is gone'));
    told.hungUp();
    told.audio(frame(100, 4_000));
    expect(closed()).toBe(1);
    expect(of('ended')).toEqual([]);
    leg.listened(true);
    expect(heardMs()).toBe(900);
    expect(of('ended')).toMatchObject([{ end: { reason: 'agent-hangup', detail: 'closed today' } }]);
    expect(events.at(-1)?.type).toBe('ended');
  });

  it('and hangs up while nobody comes is over with the call, of which nothing is told any more', async () => {
    const { leg, told, clock, of, heardMs } = await early('burst');
    told.audio(frame(900, 4_000));
    told.hungUp();
    clock.advance(10_000);
    await leg.close(termination('media-lost'));
    leg.listened(true);
    expect(heardMs()).toBe(0);
    expect(of('ended')).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('that said nothing and hangs up tells its end at once', async () => {
    const { told, of } = await early('burst');
    told.hungUp();
    expect(of('ended')).toMatchObject([{ end: { reason: 'agent-hangup' } }]);
  });

  it('and is lost tells nothing of what it said behind that', async () => {
    const { leg, told, events } = await early('burst');
    told.audio(frame(900, 4_000));
    told.lost(new BridgeError('MODEL_SESSION_LOST', 'the line is gone'));
    leg.listened(true);
    expect(events.map(({ type }) => type)).toEqual(['ready', 'ended']);
  });
});

describe('a call whose agent hung up behind its greeting', () => {
  async function greeted() {
    const clock = new FakeClock();
    const { leg, far } = near('burst');
    const tone = comfortTone();
    const call = new Call({ id: 'c1', direction: 'inbound' }, leg, {
      clock,
      ticker: new Ticker(clock),
      log: fakeLog(),
      observers: [],
      apology: { samples: frame(100, 500), sampleRate: RATE },
      comfort: { model: tone, limits: tone },
      patience: { longestMs: 0, asks: 3 },
      limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
    });
    call.start();
    await call.ready;
    far.told?.audio(frame(900, 4_000));
    far.told?.hungUp();
    return { call, clock };
  }

  it('lets who comes later hear it to its end, and is over then', async () => {
    const { call, clock } = await greeted();
    clock.advance(400);
    const caller = new FakeCaller(RATE);
    caller.playsAtOnce = false;
    call.join(caller);
    await settled();
    expect(caller.playout.writtenMs()).toBe(900);
    expect(caller.closedWith).toEqual([]);
    caller.played = 900;
    await clock.advanceAsync(1_000);
    expect(await call.done).toMatchObject({ reason: 'agent-hangup' });
    expect(caller.audio.heard.every((sample) => sample === 4_000)).toBe(true);
  });

  it('is over in its time where nobody comes', async () => {
    const { call, clock } = await greeted();
    await clock.advanceAsync(20_000);
    expect(await call.done).toMatchObject({ reason: 'no-stream' });
    expect(clock.pending).toBe(0);
  });
});

/** What is resolved already has been taken. */
const settled = () => new Promise(setImmediate);
