import { describe, expect, it } from 'vitest';
import {
  countDelay,
  DELAY_EDGES_MS,
  DELAY_PARTS,
  delayOf,
  delayPercentile,
} from '../../../src/records/answer-delays.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';
import { hitsOf } from '../../../src/records/hits.ts';
import { slotsOf } from '../../../src/records/http/slots.ts';
import { overviewOf } from '../../../src/records/overview.ts';
import { RefusedBook } from '../../../src/records/refused-callers.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { FakeRecordStore } from '../../fakes/record-store.ts';

describe('how long answers took', () => {
  const histogram = (...waits: readonly number[]) => waits.reduce<number[]>((counts, ms) => countDelay(counts, ms), []);

  it('is counted in parts, each from its edge on', () => {
    expect(histogram(0, 199.9, 200, 15_000, 1e9)).toEqual([
      2,
      1,
      ...Array.from({ length: DELAY_PARTS - 3 }, () => 0),
      2,
    ]);
  });

  it('has percentiles that are off by no more than their part is wide', () => {
    const waits = Array.from({ length: 999 }, (_, i) => 250 + i * 3);
    const counts = histogram(...waits);
    for (const share of [0.1, 0.5, 0.9, 0.95, 0.99]) {
      const exact = waits[Math.floor(share * waits.length)]!;
      const part = DELAY_EDGES_MS.findIndex((edge) => exact < edge);
      const width = DELAY_EDGES_MS[part]! - DELAY_EDGES_MS[part - 1]!;
      expect(Math.abs(delayPercentile(counts, share)!.ms - exact), `${share}`).toBeLessThanOrEqual(width);
    }
    expect(delayPercentile([], 0.5)).toBeUndefined();
    expect(delayPercentile(histogram(60_000), 0.5)).toEqual({ ms: 15_000, fromMs: 15_000 });
    // Whoever looks for what was read off here finds it from the beginning of the part on.
    expect(delayPercentile(histogram(640), 1)).toEqual({ ms: 700, fromMs: 600 });
  });

  it('begins where the caller stopped, or the model noticed, and is not known of an answer that was not heard', () => {
    expect(delayOf({ callerStoppedMs: 100, detectedMs: 500, heardMs: 900 })).toBe(800);
    expect(delayOf({ detectedMs: 500, heardMs: 900 })).toBe(400);
    expect(delayOf({ detectedMs: 500, heardMs: 400 })).toBe(0);
    expect(delayOf({ detectedMs: 500 })).toBeUndefined();
    expect(delayOf({ heardMs: 500 })).toBeUndefined();
  });
});

describe('what calls cost', () => {
  const FIGURES = {
    ...{ calls: 1, active: 0, failed: 0, durationMs: 5, unpriced: 0, turns: 1, bargeIns: 0, toolCalls: 0 },
    ...{ tokensIn: 1, tokensCached: 0, tokensOut: 2, answers: [] },
  };
  const GROUP = { prompt: 'p', route: null, carrier: 'c', model: 'm', result: 'success', reason: 'x' };
  const USD = { ...FIGURES, currency: 'USD', cost: 0.1 };
  const EUR = { ...FIGURES, currency: 'EUR', cost: 3 };
  const rows = {
    slots: [
      { slot: 0, ...USD },
      { slot: 0, ...EUR },
      { slot: 1, ...USD },
      { slot: 1, ...FIGURES, currency: null, cost: 0 },
    ],
    groups: [USD, EUR, USD, { ...USD, prompt: 'q' }].map((of) => ({ ...GROUP, ...of })),
    refused: [],
  };

  it('is told by currency, and sums of different ones there are none', () => {
    const { totals, slots, prompts, costs } = overviewOf(rows, [0, 1, 2]);
    const both = [
      { currency: 'EUR', cost: 3 },
      { currency: 'USD', cost: 0.2 },
    ];
    expect(costs).toEqual(both);
    expect(totals).toMatchObject({ calls: 4, cost: null, costs: both });
    expect(slots.map(({ calls, cost }) => [calls, cost])).toEqual([
      [2, null],
      [2, 0.1],
    ]);
    expect(slots[1]?.costs).toEqual([{ currency: 'USD', cost: 0.1 }]);
    expect(prompts).toMatchObject([
      { name: 'p', calls: 3, cost: null, costs: both },
      { name: 'q', calls: 1, cost: 0.1, costs: [{ currency: 'USD', cost: 0.1 }] },
    ]);
    expect(overviewOf({ slots: [], groups: [], refused: [] }, [0, 1]).totals).toMatchObject({ cost: 0, costs: [] });
  });
});

describe('what a search found', () => {
  let n = 0;
  const said = (callId: string, text: string, type = 'agent.transcript', role = 'agent'): RecordedEvent => ({
    ...{ id: `e${n++}`, callId, seq: n, at: n, offsetMs: n * 100, transient: false },
    type,
    data: { role, text, final: true },
  });
  /** The excerpt with what was asked for in brackets. */
  const shown = (text: string, ...events: RecordedEvent[]) => {
    const hit = [...hitsOf(text, events).values()][0];
    if (hit === undefined) return undefined;
    return [...hit.marks]
      .reverse()
      .reduce((all, [from, to]) => `${all.slice(0, from)}[${all.slice(from, to)}]${all.slice(to)}`, hit.text);
  };

  it('is the line with most of the words, the first of several, with each of them marked as it is written', () => {
    expect(shown('termin dien', said('a', 'Ein Termin?'), said('a', 'Der Términ am Dienstag, der TERMIN!'))).toBe(
      'Der [Términ] am [Dienstag], der [TERMIN]!',
    );
    expect(shown('ja', said('a', 'Ja, bitte'), said('a', 'Ja'))).toBe('[Ja], bitte');
    expect(shown('nie', said('a', 'Ja, bitte'))).toBeUndefined();
    expect(shown('…', said('a', 'Ja, bitte'))).toBeUndefined();
  });

  it('is cut between words around what was asked for', () => {
    const long = `${'before '.repeat(40)}needle${' after'.repeat(80)}`;
    const text = shown('needle', said('a', long))!;
    expect(text).toMatch(/^… (before )+\[needle\]( after)+ …$/);
    expect(text.length).toBeLessThan(200);
    expect(shown('x', said('a', 'x'.repeat(5_000)))).toMatch(/^\[x+\]/);
  });

  it('finds single characters of scripts without spaces, and says who it was', () => {
    expect(shown('予約', said('a', '明日の予約です'))).toBe('明日の[予][約]です');
    const typed = said('b', 'hello', 'caller.text', '');
    expect(hitsOf('hel', [said('a', 'hello', 'agent.transcript', 'caller'), typed])).toMatchObject(
      new Map([
        ['a', { role: 'caller' }],
        ['b', { role: 'caller', eventId: typed.id }],
      ]),
    );
    const hers = said('c', 'hello', 'agent.transcript', 'caller');
    const found = hitsOf('hel', [{ ...hers, data: { ...hers.data, operator: true } }]);
    expect(found.get('c')).toMatchObject({ role: 'operator' });
  });
});

describe('the hours and days of an overview', () => {
  const at = (text: string) => Date.parse(text);
  const shown = (...args: Parameters<typeof slotsOf>) =>
    slotsOf(...args)?.edges.map((ms) => new Date(ms).toISOString().slice(5, 16));

  it('are whole ones of the zone but at both ends', () => {
    expect(shown(at('2026-03-28T10:20:30Z'), at('2026-03-28T12:00:00Z'), 'hour', 'UTC')).toEqual([
      '03-28T10:20',
      '03-28T11:00',
      '03-28T12:00',
    ]);
    expect(shown(at('2026-03-28T10:20:30Z'), at('2026-03-28T12:00:00Z'), 'hour', 'Asia/Kolkata')).toEqual([
      '03-28T10:20',
      '03-28T10:30',
      '03-28T11:30',
      '03-28T12:00',
    ]);
  });

  it('have 23 and 25 hours where the clock is changed', () => {
    expect(shown(at('2026-03-28T12:00:00Z'), at('2026-03-30T12:00:00Z'), 'day', 'Europe/Berlin')).toEqual([
      '03-28T12:00',
      '03-28T23:00',
      '03-29T22:00',
      '03-30T12:00',
    ]);
    expect(shown(at('2026-10-24T12:00:00Z'), at('2026-10-26T12:00:00Z'), 'day', 'Europe/Berlin')).toEqual([
      '10-24T12:00',
      '10-24T22:00',
      '10-25T23:00',
      '10-26T12:00',
    ]);
    // Midnight itself is skipped.
    expect(shown(at('2018-11-03T12:00:00Z'), at('2018-11-05T12:00:00Z'), 'day', 'America/Sao_Paulo')).toHaveLength(4);
  });

  it('are not too many', () => {
    expect(slotsOf(0, 401 * 3_600_000, 'hour', 'UTC')).toBeUndefined();
    expect(slotsOf(0, 300 * 86_400_000, 'day', 'UTC')?.edges).toHaveLength(301);
  });
});

describe('the book of refused callers', () => {
  function rig() {
    const clock = new FakeClock();
    const store = new FakeRecordStore();
    const log = fakeLog();
    let n = 0;
    const ids = { next: () => String(n++).padStart(6, '0') };
    return { clock, store, log, book: new RefusedBook({ store, ids, instance: 'i', clock, log }) };
  }
  const sum = (store: FakeRecordStore) => store.callers.reduce((all, { calls }) => all + calls, 0);

  it('has a line for each, written together', async () => {
    const { clock, store, book } = rig();
    book.add({ reason: 'calls', carrier: 'twilio', from: '+12025550143' });
    book.add({ reason: 'rate' });
    expect(store.callers).toEqual([]);
    await clock.advanceAsync(2_000, 500);
    expect(store.callers).toMatchObject([
      { reason: 'calls', carrier: 'twilio', from: '+12025550143', to: null, calls: 1 },
      { reason: 'rate', carrier: null, from: null, calls: 1 },
    ]);
  });

  it('counts every one of a storm, with few lines', async () => {
    const { clock, store, book } = rig();
    for (let i = 0; i < 10_000; i++) book.add({ reason: i % 2 === 0 ? 'calls' : 'rate', from: `+1202555${i}` });
    await clock.advanceAsync(2_000, 500);
    expect(sum(store)).toBe(10_000);
    expect(store.callers.length).toBeLessThan(130);
    await clock.advanceAsync(60_000, 500);
    book.add({ reason: 'calls', from: '+12025550143' });
    await clock.advanceAsync(2_000, 500);
    expect(store.callers.at(-1)).toMatchObject({ from: '+12025550143', calls: 1 });
  });

  it('keeps them while the store is away, tells of it once, and counts none twice', async () => {
    const { clock, store, log, book } = rig();
    store.failure = new Error('away');
    book.add({ reason: 'calls' });
    await clock.advanceAsync(2_000, 500);
    book.add({ reason: 'calls' });
    await clock.advanceAsync(60_000, 500);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    store.failure = undefined;
    await clock.advanceAsync(60_000, 500);
    expect(sum(store)).toBe(2);
    book.add({ reason: 'rate' });
    await book.close();
    expect(sum(store)).toBe(3);
  });
});
