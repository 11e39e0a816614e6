import { describe, expect, it } from 'vitest';
import { moneyWords } from '../../../web/js/lib/format.js';
import { marksOf } from '../../../web/js/lib/mark.js';
import { callsOf, costsByCurrency, overviewQuery, scaleTop } from '../../../web/js/model/overview.js';
import { chipsOf, filtersOf, searchOf } from '../../../web/js/model/past-filters.js';

describe('the question of an overview', () => {
  const NOW = new Date(2026, 2, 5, 14, 20).getTime();
  const local = (text: string) => new Date(text).toISOString();

  it('is of whole hours that end with this one, or whole days that end with today', () => {
    const day = overviewQuery(new URLSearchParams(), NOW);
    expect(day.period).toBe('day');
    expect(Object.fromEntries(day.asked)).toMatchObject({
      since: local('2026-03-04T15:00'),
      until: local('2026-03-05T15:00'),
      step: 'hour',
    });
    const week = overviewQuery(new URLSearchParams({ period: 'week', prompt: 'sales', nothing: '1' }), NOW).asked;
    expect(Object.fromEntries(week)).toMatchObject({
      since: local('2026-02-27T00:00'),
      until: local('2026-03-06T00:00'),
      step: 'day',
      prompt: 'sales',
    });
    expect(week.has('nothing')).toBe(false);
    expect(overviewQuery(new URLSearchParams({ period: 'toString' }), NOW).period).toBe('day');
  });

  it('leads from a figure to its calls, of the same time and the same filters, and nowhere for what has no name', () => {
    const span = { since: '2026-03-05T13:00:00.000Z', until: '2026-03-05T14:00:00.000Z' };
    const query = new URLSearchParams({ period: 'week', carrier: 'twilio' });
    expect(Object.fromEntries(callsOf(query, span, { prompt: 'sales', slowMs: '2000' }) ?? [])).toEqual({
      ...span,
      carrier: 'twilio',
      prompt: 'sales',
      slowMs: '2000',
      // The list has no calls that the figure leaves out.
      counted: 'true',
    });
    expect(callsOf(query, span, { prompt: null })).toBeUndefined();
  });

  it('has a picture of its own for the cost in each currency', () => {
    const slot = (...costs: Array<{ currency: string; cost: number }>) => ({ costs }) as never;
    const [usd, eur] = [
      { currency: 'USD', cost: 2 },
      { currency: 'EUR', cost: 3 },
    ] as const;
    expect(costsByCurrency({ slots: [slot(usd), slot(), slot(eur, usd)], costs: [eur, usd] })).toEqual([
      { currency: 'EUR', values: [0, 0, 3] },
      { currency: 'USD', values: [2, 0, 2] },
    ]);
    expect(moneyWords([eur, usd])).toMatch(/3\.00.*,.*2\.00/);
  });

  it('has a scale of round numbers', () => {
    expect([0, 1, 3, 7, 12, 180, 2_100, 0.03].map(scaleTop)).toEqual([1, 1, 5, 10, 20, 200, 5_000, 0.05]);
  });
});

describe('the filters of past calls', () => {
  it('keep what a link brought and no field can show, and say it', () => {
    const linked = new URLSearchParams({ route: 'day', since: '2026-03-05T13:00:00.000Z', text: 'old' });
    const form = new FormData();
    form.set('text', 'new');
    form.set('since', '');
    const query = filtersOf(form, linked);
    expect(Object.fromEntries(query)).toEqual({ text: 'new', since: '2026-03-05T13:00:00.000Z', route: 'day' });
    expect(Object.fromEntries(new URLSearchParams(searchOf(query, { limit: 5 })))).toEqual({
      limit: '5',
      text: 'new',
      route: 'day',
      since: '2026-03-05T13:00:00.000Z',
    });
    const words = { carrier: () => 'C', reason: () => 'R', when: () => '13:00' };
    expect(chipsOf(query, words)).toEqual([
      { name: 'route', text: 'Route day' },
      { name: 'since', text: 'From 13:00' },
    ]);
    // A day that is chosen takes its place.
    form.set('since', '2026-03-01');
    expect(filtersOf(form, linked).get('since')).toBe('2026-03-01');
    expect(chipsOf(filtersOf(form, linked), words)).toHaveLength(1);
  });

  it('ask for failed calls whatever failed, and for what happened in them', () => {
    const query = new URLSearchParams({
      result: 'failed',
      tool: 'x',
      slowMs: '2000',
      interrupted: 'true',
      cost: '0.5',
      counted: 'true',
    });
    expect(Object.fromEntries(new URLSearchParams(searchOf(query, {})))).toEqual({
      counted: 'true',
      failed: 'true',
      tool: 'x',
      slowMs: '2000',
      interrupted: 'true',
      cost: '0.5',
    });
  });
});

describe('words that were asked for', () => {
  it('are marked where a word begins like them, whatever its case and accents', () => {
    const text = 'Der Términ, am DIENSTAG: kein Untermin';
    const shown = marksOf(text, 'termin dien').map(([from, to]) => text.slice(from, to));
    expect(shown).toEqual(['Términ', 'DIENSTAG']);
    expect(marksOf(text, '')).toEqual([]);
  });
});
