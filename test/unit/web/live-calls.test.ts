import { describe, expect, it } from 'vitest';
import { attentionOf } from '../../../web/js/model/attention.js';
import { LINGER_MS, LiveCalls } from '../../../web/js/model/live-calls.js';
import { stream } from './events.ts';

const NOW = 1_000_000;
const ended = { end: { result: 'success', reason: 'caller-hangup' }, durationMs: 500, counters: {} };
const view = (id: string, createdAt = NOW - 60_000) => ({
  id,
  direction: 'inbound',
  status: 'in-progress',
  from: '+12025550143',
  createdAt: new Date(createdAt).toISOString(),
});

describe('the live calls', () => {
  it('are not over for being in no list that an instance is missing from', () => {
    const calls = new LiveCalls();
    const event = stream('there');
    calls.apply(event('call_started', { direction: 'inbound', info: {} }));
    const now = event('connected', { audioPath: '' }).at + 60_000;
    expect(calls.reconcile([], now, false)).toEqual([]);
    expect(calls.active).toBe(1);
    expect(calls.reconcile([], now, true)).toEqual(['there']);
    expect(calls.active).toBe(0);
  });

  it('lists those that go on first, the newest on top, and counts them', () => {
    const calls = new LiveCalls();
    const [a, b, c] = [stream('a', NOW), stream('b', NOW + 1_000), stream('c', NOW + 2_000)];
    for (const tell of [a, b, c]) calls.apply(tell('call_started', { direction: 'inbound', info: {} }), NOW);
    calls.apply(c('call_ended', ended), NOW);
    expect(calls.list().map((call) => call.id)).toEqual(['b', 'a', 'c']);
    expect(calls.active).toBe(2);
    expect([...calls.takeDirty()].sort()).toEqual(['a', 'b', 'c']);
    expect(calls.takeDirty().size).toBe(0);
  });

  it('lets an ended call linger, keeps the one that is looked at, and makes no new call of what comes late', () => {
    const calls = new LiveCalls();
    const [a, b] = [stream('a'), stream('b')];
    for (const tell of [a, b]) {
      calls.apply(tell('call_started', { direction: 'inbound', info: {} }), NOW);
      calls.apply(tell('call_ended', ended), NOW);
    }
    calls.sweep('b', NOW + LINGER_MS - 1);
    expect(calls.list()).toHaveLength(2);
    calls.sweep('b', NOW + LINGER_MS + 1);
    expect(calls.list().map((call) => call.id)).toEqual(['b']);
    calls.apply(a('recording_stopped', { reason: 'call-ended' }), NOW);
    expect(calls.get('a')).toBeUndefined();
  });

  it('learns from the list of calls which it missed, and which ended unseen', () => {
    const calls = new LiveCalls();
    calls.reconcile([view('a'), view('b')], NOW);
    expect(calls.list().map(({ id, phase }) => [id, phase])).toEqual([
      ['a', 'talking'],
      ['b', 'talking'],
    ]);
    expect(calls.lacksHistory('a')).toBe(true);
    calls.reconcile([view('b')], NOW);
    expect(calls.get('a')?.phase).toBe('ended');
    // One that began just now may be younger than the list.
    calls.apply(stream('c', NOW)('call_started', { direction: 'inbound', info: {} }), NOW);
    calls.reconcile([view('b')], NOW + 1_000);
    expect(calls.get('c')?.phase).toBe('ringing');
  });

  it('knows no silence from before it looked', () => {
    const calls = new LiveCalls();
    const looked = NOW + 60_000;
    calls.reconcile([view('a')], looked);
    expect(attentionOf(calls.get('a')!, looked).words).toBe('');
    // Asking again makes nobody heard.
    calls.reconcile([view('a')], looked + 9_000);
    expect(attentionOf(calls.get('a')!, looked + 12_000).words).toBe('Silent for 12 s');
  });

  it('puts the stored beginning before what was seen live, once there is no gap between them', () => {
    const calls = new LiveCalls();
    const tell = stream('a', NOW - 60_000);
    const digit = () => tell('caller.dtmf', { digit: '1' });
    const stored = [
      tell('call_started', { direction: 'inbound', info: { prompt: 'default' } }),
      digit(),
      digit(),
      digit(),
    ];
    const live = [digit(), digit()];
    for (const event of live) calls.apply(event, NOW);
    expect(calls.addHistory('a', stored.slice(0, 3))).toBe(false);
    expect(calls.get('a')?.entries).toHaveLength(2);
    expect(calls.addHistory('a', [...stored, ...live.slice(0, 1)])).toBe(true);
    const call = calls.get('a');
    expect(call?.entries.map((entry) => entry.key)).toEqual(['mark-1', 'mark-2', 'mark-3', 'mark-4', 'mark-5']);
    expect(call?.info['prompt']).toBe('default');
    calls.apply(digit(), NOW);
    expect(call?.entries).toHaveLength(6);
    expect(calls.lacksHistory('a')).toBe(false);
  });

  it('puts up with a gap when told to', () => {
    const calls = new LiveCalls();
    const tell = stream('a', NOW - 60_000);
    const [first, , third] = [tell('call_started', { direction: 'inbound', info: {} }), tell('x', {}), tell('y', {})];
    if (first === undefined || third === undefined) throw new Error('no events');
    calls.apply(third, NOW);
    expect(calls.addHistory('a', [first])).toBe(false);
    calls.addHistory('a', [first], true);
    expect(calls.lacksHistory('a')).toBe(false);
  });

  it('measures its clock against the daemon by the event that came soonest', () => {
    const calls = new LiveCalls();
    const tell = stream('a', NOW);
    const event = tell('call_started', { direction: 'inbound', info: {} });
    calls.apply(event, event.at + 7_000);
    const second = tell('connected', {});
    calls.apply(second, second.at + 5_020);
    expect(calls.skewMs).toBe(5_020);
    calls.setDaemonTime(NOW, NOW - 300);
    expect(calls.skewMs).toBe(-300);
  });

  it('tells which calls the daemon lost, without a recording that goes on, and takes their end from the record', () => {
    const calls = new LiveCalls();
    const tell = stream('a', NOW - 60_000);
    for (const event of [
      tell('call_started', { direction: 'inbound', info: {} }),
      tell('recording_started', { consent: 'operator', format: 'wav', sampleRate: 8_000 }),
    ])
      calls.apply(event, NOW);
    expect(calls.get('a')?.recording).toBe(true);
    expect(calls.reconcile([], NOW)).toEqual(['a']);
    expect(calls.get('a')).toMatchObject({ phase: 'ended', recording: false, end: undefined });
    calls.setEnd('a', { result: 'server_error', reason: 'process-lost' }, 12_000);
    expect(calls.get('a')).toMatchObject({ end: { reason: 'process-lost' }, durationMs: 12_000 });
    // What is known is not told over.
    calls.setEnd('a', { result: 'success', reason: 'caller-hangup' }, 1);
    expect(calls.get('a')?.end?.reason).toBe('process-lost');
    expect(calls.reconcile([], NOW)).toEqual([]);
  });
});
