import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { namesTable, refusedTable } from '../../../web/js/views/overview-lists.js';
import { type FakeElement, page, stubPage } from './page-fake.ts';

const fake = (element: unknown) => element as FakeElement;

beforeEach(stubPage);
afterEach(() => void vi.unstubAllGlobals());

describe('names of an overview', () => {
  const named = (n: number) =>
    Array.from({ length: n }, (_, i) => ({
      name: `prompt-${i}`,
      calls: 1,
      failed: 0,
      answers: { count: 0, p50Ms: null, p95Ms: null },
      durationMs: 0,
      tokensIn: 0,
      tokensCached: 0,
      tokensOut: 0,
      costs: [],
    }));
  const links = { link: () => '#/calls', address: () => '#/overview' };
  const table = (n: number) =>
    fake(
      namesTable({ title: 'Prompts', filter: 'prompt', list: named(n) as never, says: (name) => name }, links as never),
    );
  const rows = (of: FakeElement) => fake(of.all('tbody')[0]).all('tr').length;

  it('are all shown to who asks for them, by a button that stays', async () => {
    const element = table(30);
    expect(rows(element)).toBe(12);
    const button = element.button('Show all 30');
    await button.click();
    expect([rows(element), button.getAttribute('aria-expanded')]).toEqual([30, 'true']);
    expect(element.button('Show the first 12 alone')).toBe(button);
    await button.click();
    expect([rows(element), button.textContent]).toEqual([12, 'Show all 30']);
  });

  it('need no button where all are shown', () => {
    expect(table(12).all('button')).toEqual([]);
  });
});

describe('refused callers', () => {
  const callers = (n: number) =>
    Array.from({ length: n }, () => ({
      at: '2026-03-05T14:00:00.000Z',
      from: '+12025550143',
      to: null,
      carrier: null,
      reason: 'calls',
      calls: 1,
    }));

  it('are shown page by page to the oldest, and the keyboard is kept', async () => {
    const asked: string[] = [];
    const older = async (before: string) => {
      asked.push(before);
      if (asked.length === 1) throw new Error('the store is away');
      return before === 'b' ? { refused: callers(50), next: 'c' } : { refused: callers(30), next: null };
    };
    const element = fake(
      refusedTable({ page: { refused: callers(50), next: 'b' }, older, from: null, close: '#/overview' }),
    );
    const rows = () => fake(element.all('tbody')[0]).all('tr').length;
    const more = element.button('Older');
    more.focus();
    await more.click();
    expect([rows(), more.hidden, element.textContent.includes('the store is away')]).toEqual([50, false, true]);
    await more.click();
    expect([rows(), more.hidden, page.activeElement]).toEqual([100, false, more]);
    await more.click();
    expect([rows(), more.hidden, asked]).toEqual([130, true, ['b', 'b', 'c']]);
    expect(page.activeElement?.tag).toBe('h3');
  });

  it('of one page have no button', () => {
    const element = fake(
      refusedTable({
        page: { refused: callers(2), next: null },
        older: () => Promise.reject(new Error('none')),
        from: null,
        close: '#/overview',
      }),
    );
    expect(element.button('Older').hidden).toBe(true);
  });
});
