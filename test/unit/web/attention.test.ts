import { describe, expect, it } from 'vitest';
import { answerMs, attentionOf, byAttention, matches } from '../../../web/js/model/attention.js';
import { applyEvent, type CallState, newCall } from '../../../web/js/model/call-state.js';
import { LiveCalls } from '../../../web/js/model/live-calls.js';
import { COUNTED } from '../../../web/js/model/overview.js';
import { SLOW_MS } from '../../../web/js/model/slow.js';
import { barsOf, figuresOf } from '../../../web/js/model/waterfall.js';

const AT = 1_700_000_000_000;

function call(id: string, over: Partial<CallState> = {}, startedAt = AT): CallState {
  return { ...newCall(id, { startedAt }), phase: 'talking', heardAt: AT + 100_000, ...over };
}
const at = (ms: number) => AT + 100_000 + ms;

describe('what needs attention', () => {
  it('says why, the worst first', () => {
    const calls = [
      call('calm'),
      call('slow', { slowMs: 2_600 }),
      call('silent', { heardAt: AT + 85_000 }),
      call('held', { phase: 'held' }),
      call('error', { lastErrorMs: 90_000 }),
      call('over', { phase: 'ended' }),
      call('ringing', { phase: 'ringing', heardAt: undefined }),
    ];
    const order = byAttention(calls, at(0));
    expect(order.map(({ id }) => id)).toEqual(['error', 'held', 'silent', 'slow', 'calm', 'ringing', 'over']);
    expect(order.map((one) => attentionOf(one, at(0)).words)).toEqual([
      ...['Error', 'On hold', 'Silent for 15 s', 'Slow answer, 2.6 s', '', '', ''],
    ]);
  });

  it('is over when it is over: an error after a minute, a silence at the next word, a slow answer with a quick one', () => {
    expect(attentionOf(call('a', { lastErrorMs: 90_000, heardAt: at(60_000) }), at(60_000)).rank).toBe(0);
    expect(attentionOf(call('a', { heardAt: AT }), at(0)).rank).toBe(3);
    expect(attentionOf(call('a', { heardAt: at(-9_999) }), at(0)).rank).toBe(0);
    expect(attentionOf(call('a', { slowMs: 900 }), at(0)).rank).toBe(0);
  });

  it('is a slow answer by the same measure as in the overview, the figures of a call, and the search that these lead to', () => {
    expect(COUNTED.slow).toEqual({ slowMs: String(SLOW_MS) });
    const slow = (ms: number) => [
      attentionOf(call('a', { slowMs: ms }), at(0)).rank,
      figuresOf(barsOf({ turns: [{ index: 0, callerStoppedMs: 0, heardMs: ms }], tools: [] }))?.above,
    ];
    expect([slow(SLOW_MS - 1), slow(SLOW_MS)]).toEqual([
      [0, 0],
      [2, 1],
    ]);
  });

  it('of those alike the newest stands first', () => {
    const order = byAttention([call('old', {}, AT), call('new', {}, AT + 5)], at(0));
    expect(order.map(({ id }) => id)).toEqual(['new', 'old']);
  });

  it('is known of events and of levels', () => {
    const calls = new LiveCalls();
    const tell = (seq: number, type: string, data: object, offsetMs: number) =>
      calls.apply(
        { id: `e${seq}`, callId: 'c', seq, at: AT + offsetMs, offsetMs, type, data, transient: false } as never,
        AT + offsetMs,
      );
    tell(0, 'call_started', { info: {}, direction: 'inbound' }, 0);
    tell(1, 'connected', { audioPath: '' }, 1_000);
    expect(calls.get('c')).toMatchObject({ talkingFromMs: 1_000 });
    const rank = (ms: number) => attentionOf(calls.get('c')!, AT + ms).rank;
    expect([rank(10_999), rank(11_000)]).toEqual([0, 3]);
    calls.loud('c', { caller: -60, agent: -127 }, AT + 12_000);
    expect(rank(12_000)).toBe(3);
    calls.loud('c', { caller: -30, agent: null }, AT + 12_000);
    expect(rank(12_000)).toBe(0);
    tell(2, 'agent.transcript', { role: 'caller', itemId: 'i', text: 'Hello there', final: true }, 13_000);
    expect(calls.get('c')?.lastWords).toEqual({ who: 'Caller', text: 'Hello there' });
    tell(3, 'operator.takeover_started', { by: 'Anna', announced: true, heard: true }, 14_000);
    expect(attentionOf(calls.get('c')!, AT + 60_000)).toMatchObject({ rank: 0, words: 'Anna speaks' });
    const by = { identity: 'operator', name: 'Anna' };
    const hers = { role: 'caller', itemId: 'j', text: 'I am Anna', final: true, by, operator: true };
    tell(4, 'agent.transcript', hers, 59_000);
    expect(calls.get('c')?.lastWords).toEqual({ who: 'Anna', text: 'I am Anna' });
    tell(5, 'operator.takeover_ended', { by: 'Anna', ms: 5 }, 60_000);
    tell(6, 'agent.error', { code: 'x', message: '' }, 61_000);
    expect(rank(62_000)).toBe(5);
    expect(
      calls
        .get('c')
        ?.entries.filter(({ mark }) => mark === 'operator')
        .map(({ text }) => text),
    ).toEqual(['Anna speaks with the caller, who was told; the agent listens', 'Anna handed back after 0 s']);
    expect(applyEvent(calls.get('c')!, { seq: 5 } as never)).toBe(false);
  });

  it('a filter finds all words, in any order', () => {
    expect(matches('twilio SILENT', ['+1 555', 'Silent for 12 s', 'Twilio', undefined])).toBe(true);
    expect(matches('twilio error', ['Silent for 12 s', 'Twilio'])).toBe(false);
  });

  it('an answer is timed from when the caller stopped, or from when that was noticed', () => {
    expect(answerMs({ index: 0, callerStoppedMs: 100, detectedMs: 600, heardMs: 1_100 })).toBe(1_000);
    expect(answerMs({ index: 0, detectedMs: 600, heardMs: 1_100 })).toBe(500);
    expect(answerMs({ index: 0, detectedMs: 600 })).toBeUndefined();
  });
});
