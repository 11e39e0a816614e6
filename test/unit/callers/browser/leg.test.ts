import { describe, expect, it } from 'vitest';
import type { CallerEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { termination } from '../../../../src/call/termination.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import { BrowserLeg } from '../../../../src/callers/browser/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../../fakes/legs.ts';
import { FakePage } from '../../../fakes/page.ts';

function made({ takesText = true } = {}) {
  const clock = new FakeClock();
  const page = new FakePage();
  const leg = new BrowserLeg({
    peer: (handlers) => page.answer(handlers),
    clock,
    log: fakeLog(),
    takesText: () => takesText,
  });
  const events: CallerEvent[] = [];
  const sink = new FakeSink(48_000);
  const counted: string[] = [];
  const context: LegContext<CallerEvent> = {
    callId: 'c',
    peer: sink,
    emit: (event) => events.push(event),
    count: (counter) => counted.push(counter),
    log: fakeLog(),
    clock,
    ticker: new Ticker(clock),
    signal: new AbortController().signal,
  };
  return { clock, page, leg, events, sink, counted, context };
}

const loud = new Int16Array(480).fill(5_000);

describe('the browser leg', () => {
  it('is connected when media and channel both are', async () => {
    const { page, leg } = made();
    let connected = false;
    void leg.connected.then(() => {
      connected = true;
    });
    page.handlers?.state?.('connected');
    await Promise.resolve();
    await Promise.resolve();
    expect(connected).toBe(false);
    page.connect();
    await expect(leg.connected).resolves.toBeUndefined();
  });

  it('tells that media never came about', async () => {
    const { page, leg } = made();
    page.handlers?.state?.('failed');
    await expect(leg.connected).rejects.toMatchObject({ code: 'PEER_FAILED' });
  });

  it('forgives a moment of bad line, and no more', async () => {
    const { page, leg, clock, events, context } = made();
    page.connect();
    await leg.start(context);
    page.handlers?.state?.('disconnected');
    clock.advance(4_000);
    page.handlers?.state?.('connected');
    clock.advance(3_000);
    expect(events).toEqual([]);
    page.handlers?.state?.('disconnected');
    clock.advance(5_000);
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-lost' } }]);
  });

  it('notices a page that vanished without a word', async () => {
    const { page, leg, clock, events, context } = made();
    page.stats = async () => [{ type: 'transport', packetsReceived: 7 }];
    page.connect();
    await leg.start(context);
    await clock.advanceAsync(12_000);
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-lost' } }]);
  });

  it('hears silence from a page that says it is muted', async () => {
    const { page, leg, sink, context } = made();
    page.connect();
    await leg.start(context);
    page.send({ type: 'mute', muted: true });
    page.say(loud);
    page.send({ type: 'mute', muted: false });
    page.say(loud);
    expect(sink.heard).toEqual([...new Int16Array(480), ...loud]);
  });

  it('takes typed turns when there is a call, and acknowledges each', async () => {
    const { page, leg, events, context } = made();
    page.connect();
    page.send({ type: 'text', id: '1', text: 'Too early' });
    await leg.start(context);
    page.send({ type: 'text', id: '2', text: 'Hello' });
    page.send({ type: 'text', id: '2', text: 'Hello' });
    expect(events).toEqual([{ type: 'text', text: 'Hello' }]);
    expect(page.messages).toMatchObject([
      { type: 'text_failed', id: '1', code: 'CALL_NOT_ANSWERED' },
      { type: 'text_accepted', id: '2' },
      { type: 'text_accepted', id: '2' },
    ]);
    void leg.close(termination('agent-hangup'));
    expect(leg.type('More')).toMatchObject({ code: 'CALL_ENDED' });
  });

  it('takes keys when there is a call, each by itself', async () => {
    const { page, leg, events, context } = made();
    page.connect();
    page.send({ type: 'digits', digits: '9' });
    expect(page.messages).toMatchObject([{ type: 'error', code: 'CALL_NOT_ANSWERED' }]);
    await leg.start(context);
    page.send({ type: 'digits', digits: '12#' });
    expect(events).toEqual(['1', '2', '#'].map((digit) => ({ type: 'dtmf', digit })));
  });

  it('takes no more keys than a person presses, however many are in a message', async () => {
    const { page, leg, clock, events, counted, context } = made();
    page.connect();
    await leg.start(context);
    for (let n = 0; n < 5; n++) page.send({ type: 'digits', digits: '#'.repeat(32) });
    expect(events).toHaveLength(32);
    expect(counted).toEqual(Array.from({ length: 4 }, () => 'message_flood'));
    expect(page.messages.at(-1)).toMatchObject({ type: 'error', code: 'MESSAGE_FLOOD' });
    clock.advance(1_000);
    page.send({ type: 'digits', digits: '1234' });
    expect(events).toHaveLength(36);
  });

  it('says so to a page that writes to an agent that takes no typed turns', async () => {
    const { page, leg, events, counted, context } = made({ takesText: false });
    page.connect();
    await leg.start(context);
    page.send({ type: 'text', id: '1', text: 'Hello' });
    expect(page.messages).toMatchObject([{ type: 'text_failed', id: '1', code: 'TEXT_UNSUPPORTED' }]);
    expect([events, counted]).toEqual([[], ['turn_not_taken']]);
  });

  it('ends for a page that sends without end', async () => {
    const { page, leg, events, counted, context } = made();
    page.connect();
    await leg.start(context);
    for (let i = 0; i < 1_100; i++) page.send('{');
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-flood' } }]);
    expect(counted.filter((one) => one === 'message_malformed')).toHaveLength(40);
    expect(page.messages.filter((one) => one['code'] === 'MESSAGE_FLOOD')).toHaveLength(1);
  });

  it('takes a channel of any name, and tells its page what there is to tell', async () => {
    const { page, leg, context, events } = made();
    page.handlers?.channel?.(page.channel('chat'));
    page.connect('none');
    await leg.connected;
    await leg.start(context);
    page.send({ type: 'text', id: '1', text: 'Hello' });
    expect(events).toEqual([{ type: 'text', text: 'Hello' }]);
    expect(page.messages).toEqual([{ type: 'text_accepted', id: '1' }]);
    expect(page.channelClosed).toBe(0);
  });

  it('has one channel: the one named as documented takes the place of another, and is kept', async () => {
    const { page, leg, context, events } = made();
    page.handlers?.channel?.(page.channel('chat'));
    const chat = page.channelHandlers;
    page.connect();
    const proper = page.channelHandlers;
    expect(page.channelClosed).toBe(1);
    await leg.start(context);
    // The one that was left says nothing any more, and its end is no hang-up.
    chat?.text('{"type":"hangup"}');
    chat?.close?.();
    expect(events).toEqual([]);
    page.handlers?.channel?.(page.channel('chat'));
    page.handlers?.channel?.(page.channel());
    expect(page.channelHandlers).toBe(proper);
    expect(page.channelClosed).toBe(3);
    proper?.close?.();
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'caller-hangup' } }]);
  });

  it('ends for a page that opens channels without end, before the call and in it', async () => {
    const { page, leg, context, events } = made();
    page.connect();
    await leg.start(context);
    for (let i = 0; i < 15; i++) page.handlers?.channel?.(page.channel('more'));
    expect(events).toEqual([]);
    page.handlers?.channel?.(page.channel('more'));
    expect(events).toMatchObject([{ type: 'ended', end: { reason: 'media-flood' } }]);

    const early = made();
    for (let i = 0; i < 17; i++) early.page.handlers?.channel?.(early.page.channel('more'));
    await expect(early.leg.connected).rejects.toMatchObject({ code: 'PEER_FAILED' });
  });

  it('tells that the page was reached before it is connected', async () => {
    const { page, leg } = made();
    let connected = false;
    void leg.connected.then(() => {
      connected = true;
    });
    page.handlers?.state?.('connected');
    await leg.reached;
    expect(connected).toBe(false);
    const lost = made();
    void lost.leg.close(termination('no-stream'));
    await expect(lost.leg.reached).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('tells the page why the call ends, lets that leave, then frees the peer once', async () => {
    const { page, leg, clock, context } = made();
    page.connect();
    await leg.start(context);
    const closed = leg.close(termination('agent-hangup'));
    expect(page.messages).toEqual([{ type: 'ended', result: 'success', reason: 'agent-hangup' }]);
    expect(page.closed).toBe(0);
    await clock.advanceAsync(300);
    await closed;
    expect(page.closed).toBeGreaterThan(0);
    expect(clock.pending).toBe(0);
  });
});
