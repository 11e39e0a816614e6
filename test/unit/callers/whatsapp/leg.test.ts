import { describe, expect, it } from 'vitest';
import { dtmfSamples } from '../../../../src/call/dtmf-tones.ts';
import type { CallerEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { WhatsAppLeg } from '../../../../src/callers/whatsapp/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../fakes/legs.ts';
import { FakeRtcCaller } from '../../../fakes/rtc-caller.ts';

function made() {
  const clock = new FakeClock();
  const caller = new FakeRtcCaller();
  const log = fakeLog();
  const leg = new WhatsAppLeg<FakeRtcCaller>({
    peer: (handlers) => {
      caller.answer(handlers);
      return caller;
    },
    clock,
    log,
  });
  const events: CallerEvent[] = [];
  const sink = new FakeSink(48_000);
  const context: LegContext<CallerEvent> = {
    callId: 'c',
    peer: sink,
    emit: (event) => events.push(event),
    count: () => {},
    log: fakeLog(),
    clock,
    ticker: new Ticker(clock),
    signal: new AbortController().signal,
  };
  return { clock, caller, leg, events, sink, context };
}

describe("a WhatsApp user's leg", () => {
  it('is of the kind that brought the call', () => {
    const { leg, clock } = made();
    expect(leg.kind).toBe('whatsapp');
    const caller = new FakeRtcCaller();
    const bridged = new WhatsAppLeg({ kind: 'bridge', peer: (h) => caller.answer(h), clock, log: fakeLog() });
    expect(bridged.kind).toBe('bridge');
  });

  it('sends nothing before it is released, however long it is connected and whatever waits', async () => {
    const { clock, caller, leg, context } = made();
    caller.connect();
    await leg.start(context);
    leg.audio.write({ samples: new Int16Array(48_000).fill(4_000), sampleRate: 48_000 });
    await clock.advanceAsync(15_000);
    expect(caller.heard).toHaveLength(0);
  });

  it('sends silence within 100 ms of its release, joined before or just after, and then the greeting whole', async () => {
    for (const joined of ['before', 'after']) {
      const { clock, caller, leg, context } = made();
      caller.connect();
      if (joined === 'before') await leg.start(context);
      clock.advance(500);
      leg.release();
      if (joined === 'after') await leg.start(context);
      leg.audio.write({ samples: new Int16Array(480).fill(4_000), sampleRate: 48_000 });
      leg.audio.write({ samples: new Int16Array(9_600).fill(5_000), sampleRate: 48_000 });
      clock.advance(100);
      expect(caller.heard.length).toBeGreaterThan(5);
      expect(caller.heard[0]).toEqual(new Int16Array(480));
      clock.advance(300);
      const spoken = caller.heard.filter((frame) => frame[0] !== 0);
      expect(spoken).toHaveLength(21);
      expect(spoken[0]).toEqual(new Int16Array(480).fill(4_000));
    }
  });

  it('hears keys', async () => {
    const { caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    caller.say(dtmfSamples('159', 48_000));
    expect(events).toEqual(['1', '5', '9'].map((digit) => ({ type: 'dtmf', digit })));
  });

  it('ends after 20 s without any media, counted from its release, and says what to look at', async () => {
    const { clock, caller, leg, events, context } = made();
    caller.silent = true;
    caller.connect();
    await leg.start(context);
    await clock.advanceAsync(40_000);
    expect(events).toEqual([]);
    leg.release();
    await clock.advanceAsync(19_900);
    expect(events).toEqual([]);
    await clock.advanceAsync(200);
    const [ended] = events;
    expect(ended?.type === 'ended' && ended.end).toMatchObject({ result: 'upstream_error', reason: 'no-stream' });
    expect(ended?.type === 'ended' && ended.end.detail).toMatch(/RTC_PORT_RANGE .* RTC_PUBLIC_IP/);
    await leg.close(termination('no-stream'));
    expect(clock.pending).toBe(0);
  });

  it('ends so too when media to it never comes up at all, and tells whoever joins it later', async () => {
    const { clock, caller, leg, events, context } = made();
    caller.silent = true;
    leg.release();
    await clock.advanceAsync(21_000);
    await expect(leg.reached).rejects.toMatchObject({ code: 'PEER_FAILED' });
    await leg.start(context);
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'no-stream' } }]);
  });

  it('ends 30 s after the last packet, and not while reports come', async () => {
    const { clock, caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    leg.release();
    await clock.advanceAsync(120_000, 500);
    expect(events).toEqual([]);
    caller.silent = true;
    await clock.advanceAsync(29_000, 500);
    expect(events).toEqual([]);
    await clock.advanceAsync(4_000, 500);
    expect(events).toMatchObject([{ type: 'ended', end: { result: 'upstream_error', reason: 'media-lost' } }]);
  });

  it('outlives a bad line of half a minute', async () => {
    const { clock, caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    leg.release();
    caller.handlers?.state?.('disconnected');
    await clock.advanceAsync(25_000, 500);
    expect(events).toEqual([]);
    caller.handlers?.state?.('connected');
    await clock.advanceAsync(60_000, 500);
    expect(events).toEqual([]);
    caller.handlers?.state?.('disconnected');
    await clock.advanceAsync(31_000, 500);
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-lost' } }]);
  });

  it('tells once how it ended, and watches nothing after that', async () => {
    const { clock, caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    leg.release();
    leg.end(termination('caller-hangup'));
    leg.end(termination('media-lost'));
    leg.release();
    await clock.advanceAsync(60_000, 1_000);
    expect(events).toEqual([{ type: 'ended', end: termination('caller-hangup') }]);
    expect(clock.pending).toBe(0);
    await expect(leg.heard).rejects.toMatchObject({ code: 'PEER_FAILED' });
  });

  it('frees its peer once, released or not', async () => {
    for (const released of [true, false]) {
      const { clock, caller, leg } = made();
      caller.connect();
      if (released) leg.release();
      await leg.close(termination('caller-hangup'));
      await leg.close(termination('caller-hangup'));
      leg.release();
      expect(caller.closed).toBe(1);
      expect(clock.pending).toBe(0);
    }
  });
});
