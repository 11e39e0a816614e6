import { expect, it } from 'vitest';
import { REFUSALS } from '../../../src/admission/admission.ts';
import { ago } from '../../../web/js/lib/format.js';
import { refusalCure, refusalsOf, refusalWords } from '../../../web/js/model/refusals.js';

it('reads who was refused out of the metrics, the most frequent reason first', () => {
  const metrics = [
    '# HELP voicebridge_calls_refused_total New calls refused by admission, by why.',
    'voicebridge_calls_refused_total{reason="calls"} 2',
    'voicebridge_calls_refused_total{reason="rate"} 0',
    'voicebridge_calls_refused_total{reason="loop-delay"} 9',
    'voicebridge_call_refused_timestamp_seconds{reason="calls"} 1700000100.5',
    'voicebridge_call_refused_timestamp_seconds{reason="loop-delay"} 1700000000',
  ].join('\n');
  expect(refusalsOf(metrics)).toEqual({
    count: 11,
    lastAt: 1_700_000_100_500,
    by: [
      { reason: 'loop-delay', count: 9, lastAt: 1_700_000_000_000 },
      { reason: 'calls', count: 2, lastAt: 1_700_000_100_500 },
    ],
  });
  expect(refusalsOf('')).toEqual({ count: 0, lastAt: undefined, by: [] });
});

it('has words, and what to do, for every reason there is', () => {
  for (const reason of REFUSALS) {
    expect(refusalWords(reason)).not.toBe(reason);
    expect(refusalCure(reason)).not.toBe('');
  }
});

it.each([
  [3_000, 'just now'],
  [42_000, '42 seconds ago'],
  [60_000, '1 minute ago'],
  [3 * 3_600_000, '3 hours ago'],
  [72 * 3_600_000, '3 days ago'],
])('%i ms are told as %s', (ms, words) => {
  expect(ago(1_700_000_000_000, 1_700_000_000_000 + ms)).toBe(words);
});
