import { barChart, lineChart } from '../lib/chart.js';
import { h } from '../lib/dom.js';
import { compact, cost, count, delay, duration, moneyWords } from '../lib/format.js';
import { COUNTED, costsByCurrency, scaleTop, slowerThan } from '../model/overview.js';
import { SLOW_MS } from '../model/slow.js';

/**
 * @typedef {import('../model/overview.js').Overview} Overview
 *
 * @typedef {object} Links
 * @property {(of: Record<string, string | number | null>, span?: { since: string, until: string }) => string | undefined} link where the calls of a figure
 *   are listed; undefined where no list shows them
 * @property {(change: Record<string, string | undefined>) => string} address the overview with something of what is asked for changed
 */

/**
 * What calls come to as figures, each of which leads to its calls, and as pictures over time.
 * @param {Overview} overview
 * @param {Links} links
 * @returns {HTMLElement[]}
 */
export function overviewFigures(overview, { link, address }) {
  const { totals, slots, step } = overview;
  const ofSlot = (/** @type {{ from: string, to: string }} */ { from, to }) => ({
    ...overview,
    since: from,
    until: to,
  });
  /** Where no call was, the callers who were refused then. @param {{ from: string, to: string, calls: number, refused: number }} slot */
  const callsOrRefused = (slot) => {
    if (slot.calls > 0) return link(COUNTED.calls, ofSlot(slot));
    return slot.refused > 0 ? address({ refused: '', from: slot.from, to: slot.to }) : undefined;
  };
  const label = (/** @type {string} */ from) =>
    step === 'hour' ? HOUR.format(Date.parse(from)) : DAY.format(Date.parse(from));
  const most = scaleTop(Math.max(1, ...slots.map((slot) => slot.calls + slot.refused)));
  const slowest = scaleTop(Math.max(1_000, ...slots.map((slot) => slot.answers.p95Ms ?? 0)));
  const slower = (
    /** @type {number | null} */ value,
    span = /** @type {{ since: string, until: string }} */ (overview),
  ) => {
    const of = slowerThan(value);
    return of === undefined ? undefined : link(of, span);
  };
  const money = moneyWords(overview.costs);
  const costs = costsByCurrency(overview);
  const mostTokens = scaleTop(Math.max(1, ...slots.map((slot) => slot.tokensIn + slot.tokensOut)));
  return [
    h(
      'dl',
      { class: 'tiles' },
      tile(
        'Calls',
        String(totals.calls),
        link(COUNTED.calls),
        totals.active === 0 ? undefined : `${totals.active} going on`,
      ),
      tile(
        'Failed',
        String(totals.failed),
        link(COUNTED.failed),
        share(totals.failed, totals.calls),
        totals.failed > 0 ? 'bad' : undefined,
      ),
      tile(
        'Refused',
        String(totals.refused),
        address({ refused: '', from: undefined, to: undefined }),
        totals.refused === 0 ? undefined : 'not among the calls',
        totals.refused > 0 ? 'bad' : undefined,
      ),
      tile(
        'Answer, p50',
        ms(totals.answers.p50Ms),
        slower(totals.answers.p50FromMs),
        totals.answers.p50Ms === null ? undefined : `${count(totals.answers.count, 'answer')}; show slower calls`,
      ),
      tile(
        'Answer, p95',
        ms(totals.answers.p95Ms),
        slower(totals.answers.p95FromMs),
        totals.answers.p95Ms === null ? undefined : 'show slower calls',
      ),
      tile(
        'Time',
        duration(totals.durationMs),
        link(COUNTED.calls),
        totals.calls === 0 ? undefined : `${duration(totals.durationMs / totals.calls)} each`,
      ),
      tile('Interruptions', String(totals.bargeIns), link(COUNTED.bargeIns), undefined),
      tile(
        'Cost',
        money === '' ? '–' : money,
        money === '' ? undefined : link(COUNTED.calls),
        totals.unpriced === 0 ? undefined : `${count(totals.unpriced, 'call')} without a price`,
      ),
      tile(
        'Tokens',
        compact(totals.tokensIn + totals.tokensOut),
        link(COUNTED.calls),
        `${compact(totals.tokensIn)} in, ${compact(totals.tokensOut)} out`,
      ),
    ),
    h(
      'div',
      { class: 'charts' },
      panel(
        'Calls',
        [
          ['good', 'completed'],
          ['bad', 'failed'],
          ['refused', 'refused'],
        ],
        barChart({
          title: `Calls by ${step}`,
          kinds: ['good', 'bad', 'refused'],
          top: most,
          says: compact,
          bars: slots.map((slot) => ({
            label: label(slot.from),
            words: `${label(slot.from)}: ${count(slot.calls, 'call')}, ${slot.failed} failed, ${slot.refused} refused`,
            href: callsOrRefused(slot),
            parts: [slot.calls - slot.failed, slot.failed, slot.refused],
          })),
        }),
      ),
      panel(
        'Answers',
        [
          ['p50', 'p50'],
          ['p95', 'p95'],
        ],
        lineChart({
          title: `How long answers took by ${step}: p50 and p95`,
          kinds: ['p50', 'p95'],
          top: slowest,
          target: SLOW_MS,
          says: delay,
          points: slots.map((slot) => {
            const { count: n, p50Ms, p95Ms, p95FromMs } = slot.answers;
            return {
              label: label(slot.from),
              words: `${label(slot.from)}: ${count(n, 'answer')}, p50 ${ms(p50Ms)}, p95 ${ms(p95Ms)}; show slower calls`,
              href: slower(p95FromMs, ofSlot(slot)),
              values: [p50Ms, p95Ms],
            };
          }),
        }),
      ),
      panel(
        'Tokens',
        [
          ['tokens-in', 'in'],
          ['tokens-out', 'out'],
        ],
        barChart({
          title: `Tokens by ${step}`,
          kinds: ['tokens-in', 'tokens-out'],
          top: mostTokens,
          says: compact,
          bars: slots.map((slot) => ({
            label: label(slot.from),
            words: `${label(slot.from)}: ${compact(slot.tokensIn)} tokens in, ${compact(slot.tokensOut)} out`,
            href: slot.calls === 0 ? undefined : link(COUNTED.calls, ofSlot(slot)),
            parts: [slot.tokensIn, slot.tokensOut],
          })),
        }),
      ),
      ...costs.map(({ currency, values }) => {
        const name = costs.length === 1 ? 'Cost' : `Cost in ${currency}`;
        return panel(
          name,
          [],
          barChart({
            title: `${name} by ${step}`,
            kinds: ['cost'],
            top: scaleTop(Math.max(0.01, ...values)),
            says: (value) => cost(value, currency),
            bars: slots.map((slot, i) => ({
              label: label(slot.from),
              words: `${label(slot.from)}: ${cost(values[i] ?? 0, currency)}`,
              href: slot.calls === 0 ? undefined : link(COUNTED.calls, ofSlot(slot)),
              parts: [values[i] ?? 0],
            })),
          }),
        );
      }),
    ),
  ];
}

const HOUR = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const ms = (/** @type {number | null} */ value) => (value === null ? '–' : delay(value));
const share = (/** @type {number} */ part, /** @type {number} */ all) =>
  all === 0 || part === 0 ? undefined : `${((100 * part) / all).toFixed(part / all < 0.1 ? 1 : 0)} %`;

/** @param {string} name @param {string} value @param {string | undefined} href @param {string | undefined} about @param {string} [tone] */
function tile(name, value, href, about, tone) {
  return h(
    'div',
    { class: 'tile', ...(tone === undefined ? {} : { dataset: { tone } }) },
    h('dt', {}, name),
    h(
      'dd',
      {},
      href === undefined
        ? h('span', { class: 'tile-value numeric' }, value)
        : h('a', { class: 'tile-value numeric', href }, value),
    ),
    about === undefined ? undefined : h('dd', { class: 'muted' }, about),
  );
}

/** @param {string} title @param {ReadonlyArray<readonly [string, string]>} legend @param {HTMLElement} chart */
function panel(title, legend, chart) {
  return h(
    'section',
    { class: 'card chart-card', 'aria-label': title },
    h(
      'div',
      { class: 'chart-head' },
      h('h3', {}, title),
      h(
        'ul',
        { class: 'chart-legend' },
        legend.map(([kind, words]) => h('li', {}, h('i', { class: `swatch ${kind}`, 'aria-hidden': 'true' }), words)),
      ),
    ),
    chart,
  );
}
