import { h, keyed, setAttribute, setText } from '../lib/dom.js';
import { delay, duration } from '../lib/format.js';
import { barOf, PARTS, quantile, scaleOf } from '../model/waterfall.js';

/**
 * @typedef {import('../model/waterfall.js').Bar} Bar
 * @typedef {import('../model/call-state.js').Turn} Turn
 */

/** Turns that are drawn; the newest is on top. */
const SHOWN = 40;

/** How long the caller waited for each answer, and for what. @param {{ seek?: (ms: number) => void }} [options] ms since the call began */
export function createWaterfall({ seek } = {}) {
  const summary = h('p', { class: 'numeric waterfall-summary' });
  const rows = h('ol', { class: 'bars', tabIndex: 0, 'aria-label': 'Answer delay of each turn, the newest first' });
  const scale = h('span', { class: 'numeric' });
  const axis = h('div', { class: 'bars-axis muted', 'aria-hidden': 'true' }, h('span', {}, '0'), scale);
  const legend = h(
    'ul',
    { class: 'legend', 'aria-label': 'Legend' },
    PARTS.map(([name, words]) => h('li', {}, h('i', { class: `swatch ${name}`, 'aria-hidden': 'true' }), words)),
  );
  const empty = h('p', { class: 'muted' }, 'No turns yet. Each answer’s delay will be drawn here.');
  const chart = h('div', {}, summary, legend, axis, rows);
  const element = h(
    'section',
    { class: 'card waterfall', 'aria-labelledby': 'waterfall-title' },
    h('h3', { id: 'waterfall-title' }, 'Answer delay'),
    chart,
    empty,
  );

  return {
    element,
    /** @param {ReadonlyArray<Turn>} turns */
    update(turns) {
      const all = turns.flatMap((turn) => barOf(turn) ?? []);
      const bars = all.slice(-SHOWN).reverse();
      chart.hidden = bars.length === 0;
      empty.hidden = bars.length > 0;
      const max = scaleOf(bars);
      setText(scale, delay(max));
      keyed(
        rows,
        bars,
        (bar) => String(bar.index),
        () => createBar(seek, () => max),
      );
      const totals = all.flatMap((bar) => bar.totalMs ?? []);
      const [median, worst] = [quantile(totals, 0.5), quantile(totals, 1)];
      setText(
        summary,
        median === undefined || worst === undefined ? '' : `Median ${delay(median)}, longest ${delay(worst)}`,
      );
      for (const row of rows.children) /** @type {any} */ (row).rescale?.(max);
    },
  };
}

/**
 * @param {((ms: number) => void) | undefined} seek
 * @param {() => number} max ms of the whole width
 */
function createBar(seek, max) {
  const label = h('span', { class: 'bar-label numeric' });
  const track = h('span', { class: 'bar-track', 'aria-hidden': 'true' });
  const total = h('span', { class: 'bar-total numeric' });
  const element = h('li', { class: 'bar' }, label, track, total);
  const parts = new Map(PARTS.map(([name]) => [name, h('i', { class: `bar-part ${name}`, hidden: true })]));
  track.append(...parts.values());
  /** @type {Bar | undefined} */
  let bar;
  if (seek !== undefined)
    element.addEventListener('click', () => {
      if (bar !== undefined) seek(bar.atMs);
    });

  const place = (/** @type {number} */ scale) => {
    for (const [name, part] of parts) {
      const segment = bar?.segments.find((one) => one.name === name);
      part.hidden = segment === undefined;
      if (segment === undefined) continue;
      part.style.left = `${(100 * segment.fromMs) / scale}%`;
      part.style.width = `${(100 * segment.ms) / scale}%`;
    }
  };
  // A new scale moves every bar, also those whose turn did not change.
  Object.assign(element, { rescale: place });
  return {
    element,
    /** @param {Bar} next */
    update(next) {
      bar = next;
      setText(label, `${next.index + 1}`);
      setText(total, next.totalMs === undefined ? '…' : delay(next.totalMs));
      const said = next.segments.map((s) => `${PARTS.find(([name]) => name === s.name)?.[1]} after ${delay(s.ms)}`);
      setAttribute(element, 'aria-label', `Turn ${next.index + 1} at ${duration(next.atMs)}: ${said.join(', ')}`);
      setAttribute(element, 'title', `At ${duration(next.atMs)}: ${said.join(', ')}`);
      place(max());
    },
  };
}
