import { describe, expect, it } from 'vitest';
import { dtmfSamples } from '../../../../src/call/dtmf-tones.ts';
import type { CallerEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { WebRtcLeg, type WebRtcLegInit } from '../../../../src/callers/webrtc/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../fakes/legs.ts';
import { spans } from '../../../fakes/quiet.ts';
import { FakeRtcCaller } from '../../../fakes/rtc-caller.ts';

function made(more: Partial<WebRtcLegInit<FakeRtcCaller>> = {}) {
  const clock = new FakeClock();
  const caller = new FakeRtcCaller();
  const log = fakeLog();
  const leg = new WebRtcLeg<FakeRtcCaller>({
    kind: 'audio',
    far: 'the caller',
    lineClosed: "the caller's line closed",
    peer: (handlers) => {
      caller.answer(handlers);
      return caller;
    },
    clock,
    log,
    ...more,
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
  return { clock, caller, leg, log, events, sink, context };
}

const speech = (ms: number) => ({ samples: new Int16Array(ms * 48).fill(5_000), sampleRate: 48_000 });

describe('a WebRTC caller without a data channel', () => {
  it('is connected when media is, which also says that it was reached', async () => {
    const { caller, leg } = made();
    caller.handlers?.state?.('connected');
    await expect(leg.reached).resolves.toBeUndefined();
    await expect(leg.connected).resolves.toBeUndefined();
    expect(leg.hasMedia).toBe(true);
  });

  it('asks its peer for no channel', () => {
    expect(made().caller.handlers).not.toHaveProperty('channel');
  });

  it('waits for what else is asked for', async () => {
    let complete = false;
    const { caller, leg } = made({ isComplete: () => complete });
    let connected = false;
    void leg.connected.then(() => {
      connected = true;
    });
    caller.connect();
    leg.recheck();
    await leg.reached;
    await Promise.resolve();
    expect(connected).toBe(false);
    complete = true;
    leg.recheck();
    await expect(leg.connected).resolves.toBeUndefined();
  });

  it('is told by its signalling that the caller is gone, before and in the call', async () => {
    const early = made();
    early.leg.end(termination('caller-hangup'));
    await expect(early.leg.connected).rejects.toMatchObject({ code: 'PEER_FAILED', message: 'the caller hung up' });
    await early.leg.start(early.context);
    expect(early.events).toEqual([{ type: 'ended', end: termination('caller-hangup') }]);

    const { caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    leg.end(termination('caller-hangup'));
    leg.end(termination('media-lost'));
    leg.emit({ type: 'dtmf', digit: '1' });
    expect(events).toEqual([{ type: 'ended', end: termination('caller-hangup') }]);
  });

  it('takes the end of its connection for a hang-up', async () => {
    const { caller, leg, events, context } = made();
    caller.connect();
    await leg.start(context);
    caller.handlers?.state?.('closed');
    expect(events).toEqual([{ type: 'ended', end: termination('caller-hangup', 'the caller closed its connection') }]);
  });

  it('hears a line of G.711 at its own rate, and no idle silence of any other', async () => {
    const { caller, leg, sink, context } = made();
    caller.connect();
    await leg.start(context);
    caller.say(new Int16Array(320), 16_000);
    expect(sink.heard).toHaveLength(0);
    caller.say(new Int16Array(800).fill(5_000), 8_000);
    expect(sink.heard).toHaveLength(4_800);
    expect(sink.heard.at(-1)).toBeGreaterThan(4_900);
    leg.muted = true;
    caller.say(new Int16Array(80).fill(5_000), 8_000);
    expect(sink.heard.slice(-480)).toEqual([...new Int16Array(480)]);
  });

  it('says when the first audio came by its packets: silence that the library makes up is none', async () => {
    const { caller, leg, clock } = made();
    let heard = false;
    void leg.heard.then(() => {
      heard = true;
    });
    const settled = async () => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    caller.connect();
    caller.idle(new Int16Array(320), 16_000);
    for (let ms = 0; ms < 300; ms += 10) {
      caller.idle(new Int16Array(480));
      await settled();
      clock.advance(10);
    }
    expect(heard).toBe(false);
    caller.say(speech(10).samples);
    clock.advance(60);
    caller.say(speech(10).samples);
    await leg.heard;
    const gone = made();
    await gone.leg.close(termination('caller-hangup'));
    await expect(gone.leg.heard).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('has keys heard with the pauses between them, of a live agent, too', async () => {
    const { caller, leg, clock, context } = made();
    caller.connect();
    await leg.start(context);
    leg.setPace('live');
    clock.advance(200);
    for (const key of '1ww2') leg.audio.write({ samples: dtmfSamples(key, 48_000), sampleRate: 48_000, whole: true });
    clock.advance(3_000);
    expect(
      spans(
        caller.heard.flatMap((frame) => [...frame]),
        48,
      ),
    ).toEqual([120, 1_080, 120]);
  });

  it('finds keys by their sound where they come so, and keeps the sound from the agent', async () => {
    const five = dtmfSamples('5', 48_000).subarray(0, 2_880);
    for (const keys of [true, false]) {
      const { caller, leg, events, sink, context } = made({ keys });
      caller.connect();
      await leg.start(context);
      caller.say(speech(20).samples);
      caller.say(five);
      caller.say(speech(20).samples);
      expect(events).toEqual(keys ? [{ type: 'dtmf', digit: '5' }] : []);
      expect(sink.heard).toHaveLength(100 * 48);
      const silent = sink.heard.slice(20 * 48, 80 * 48).filter((sample) => sample === 0).length;
      if (keys) expect(silent).toBeGreaterThanOrEqual(30 * 48);
      else expect(silent).toBeLessThan(100);
      expect(sink.heard.slice(-20 * 48)).toEqual([...speech(20).samples]);
    }
  });

  it('is freed at once where no farewell is said', async () => {
    const { caller, leg, log } = made({ notes: () => ({ more: 1 }) });
    caller.connect();
    await leg.close(termination('agent-hangup'));
    expect(caller.closed).toBeGreaterThan(0);
    expect(log.lines.at(-1)).toEqual({ level: 'info', fields: { more: 1 }, message: "the caller's line closed" });
  });
});

describe('a caller that takes the first packet as acceptance', () => {
  it('is sent nothing before it may be, and silence at once then', async () => {
    const { clock, caller, leg, sink, context } = made({ held: true });
    caller.connect();
    await leg.connected;
    await leg.start(context);
    clock.advance(3_000);
    expect(caller.heard).toHaveLength(0);
    // It is heard meanwhile.
    caller.say(speech(10).samples);
    expect(sink.heard).toHaveLength(480);
    leg.release();
    clock.advance(40);
    expect(caller.heard.length).toBeGreaterThan(0);
    expect(caller.samples).toBe(0);
    clock.advance(960);
    expect(caller.heard.length).toBeGreaterThanOrEqual(96);
  });

  it('hears from its beginning, and in no haste, what the agent said meanwhile', async () => {
    const { clock, caller, leg, context } = made({ held: true });
    caller.connect();
    await leg.start(context);
    leg.audio.write(speech(500));
    clock.advance(2_000);
    expect(caller.heard).toHaveLength(0);
    expect([leg.playout.writtenMs(), leg.playout.playedMs()]).toEqual([500, 0]);
    leg.release();
    clock.advance(200);
    expect(leg.playout.playedMs()).toBeLessThanOrEqual(240);
    clock.advance(400);
    expect(leg.playout.playedMs()).toBe(500);
    expect(caller.samples).toBe(500 * 48);
  });

  it('forgets on clear what it was not sent', async () => {
    const { clock, caller, leg, context } = made({ held: true });
    caller.connect();
    await leg.start(context);
    leg.audio.write(speech(500));
    leg.audio.clear();
    expect(leg.playout.writtenMs()).toBe(0);
    leg.release();
    clock.advance(1_000);
    expect(caller.samples).toBe(0);
  });

  it('may be released before there is a call, and again', async () => {
    const { clock, caller, leg, context } = made({ held: true });
    caller.connect();
    leg.release();
    leg.release();
    clock.advance(100);
    expect(caller.heard).toHaveLength(0);
    await leg.start(context);
    clock.advance(100);
    expect(caller.heard.length).toBeGreaterThan(5);
  });

  it('is sent nothing while media is not up, since that would be lost', async () => {
    const { clock, caller, leg, context } = made({ held: true });
    leg.release();
    await leg.start(context);
    leg.audio.write(speech(500));
    clock.advance(3_000);
    expect(caller.heard).toHaveLength(0);
    caller.connect();
    expect(caller.heard.length).toBeGreaterThan(0);
    clock.advance(600);
    expect(caller.samples).toBe(500 * 48);
  });

  it('is sent a little silence before the first word, and none of that word less', async () => {
    const { clock, caller, leg, context } = made({ held: true, leadInMs: 60 });
    caller.connect();
    await leg.start(context);
    leg.audio.write(speech(500));
    clock.advance(1_000);
    leg.release();
    clock.advance(700);
    const first = caller.heard.findIndex((frame) => frame.some((sample) => sample !== 0));
    expect(first).toBe(6);
    expect(caller.samples).toBe(500 * 48);
    expect(leg.playout.playedMs()).toBe(500);
  });

  it('is sent nothing when it is closed while it waits', async () => {
    const { clock, caller, leg, context } = made({ held: true });
    caller.connect();
    await leg.start(context);
    leg.audio.write(speech(500));
    await leg.close(termination('agent-hangup'));
    leg.release();
    clock.advance(1_000);
    expect(caller.heard).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });
});
