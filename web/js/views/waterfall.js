import { fill, h, keyed, setAttribute, setText } from '../lib/dom.js';
import { count, delay, duration } from '../lib/format.js';
import { roving } from '../lib/roving.js';
import { isSlow, SLOW_MS } from '../model/slow.js';
import { barsOf, figuresOf, PARTS, scaleOf, sorted } from '../model/waterfall.js';

/**
 * @typedef {import('../model/waterfall.js').Bar} Bar
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

/** How near its end the list must be for new turns to be followed, px. */
const NEAR = 40;

/**
 * How long the caller waited for each answer, and for what: every turn, in their order or the slowest first.
 * @param {{ choose: (ms: number) => void }} options told which moment a bar that was pressed is of, ms since the call began
 */
export function createWaterfall({ choose }) {
  const summary = h('p', { class: 'numeric waterfall-summary' });
  const order = h(
    'select',
    { class: 'select small', 'aria-label': 'Order of the turns', hidden: true },
    h('option', { value: 'order' }, 'In order'),
    h('option', { value: 'slowest' }, 'Slowest first'),
  );
  const rows = h('ol', { class: 'bars', 'aria-label': 'Answer delay of each turn' });
  const keys = roving(rows, 'button');
  const scale = h('span', { class: 'numeric' });
  const axis = h('div', { class: 'bars-axis muted', 'aria-hidden': 'true' }, h('span', {}, '0'), scale);
  const legend = h(
    'ul',
    { class: 'legend', 'aria-label': 'Legend' },
    [...PARTS, /** @type {const} */ (['cushion', 'Cushion']), /** @type {const} */ (['tool', 'Tool'])].map(
      ([name, words]) => h('li', {}, h('i', { class: `swatch ${name}`, 'aria-hidden': 'true' }), words),
    ),
    h('li', {}, h('i', { class: 'swatch target', 'aria-hidden': 'true' }), `Target: ${delay(SLOW_MS)}`),
  );
  const dropped = h('p', { class: 'muted', hidden: true });
  const empty = h('p', { class: 'muted' }, 'No turns yet. Each answer’s delay will be drawn here.');
  const chart = h('div', { hidden: true }, summary, legend, axis, rows, dropped);
  const element = h(
    'section',
    { class: 'card waterfall', 'aria-labelledby': 'waterfall-title' },
    h('div', { class: 'pane-head' }, h('h3', { id: 'waterfall-title' }, 'Answer delay'), order),
    chart,
    empty,
  );
  /** @type {CallState | undefined} */
  let shown;
  let max = 0;

  const draw = () => {
    if (shown === undefined) return;
    const { droppedTurns } = shown;
    const all = barsOf(shown);
    const bySize = order.value === 'slowest';
    const follows = !bySize && rows.scrollHeight - rows.scrollTop - rows.clientHeight < NEAR;
    chart.hidden = all.length === 0;
    order.hidden = all.length < 2;
    empty.hidden = all.length > 0;
    max = Math.max(scaleOf(all), SLOW_MS);
    setText(scale, delay(max));
    rows.style.setProperty('--target', String(SLOW_MS / max));
    keyed(
      rows,
      sorted(all, bySize ? 'slowest' : 'order'),
      (bar) => String(bar.index),
      () => createBar(choose, () => max),
    );
    keys.refresh();
    const figures = figuresOf(all);
    setText(
      summary,
      figures === undefined
        ? ''
        : `p50 ${delay(figures.medianMs)} · p95 ${delay(figures.slowMs)} · longest ${delay(figures.longestMs)} · ${count(all.length, 'turn')}, ${figures.above} of ${delay(SLOW_MS)} or more`,
    );
    dropped.hidden = droppedTurns === 0;
    setText(dropped, `${droppedTurns} earlier turns are not shown here.`);
    for (const row of rows.children) /** @type {any} */ (row).rescale?.(max);
    if (follows) rows.scrollTop = rows.scrollHeight;
  };
  order.addEventListener('change', () => {
    draw();
    rows.scrollTop = 0;
  });

  return {
    element,
    /** @param {CallState} call */
    update(call) {
      if (call.id !== shown?.id) rows.scrollTop = 0;
      shown = call;
      draw();
    },
  };
}

/**
 * @param {(ms: number) => void} choose
 * @param {() => number} max ms of the whole width
 */
function createBar(choose, max) {
  const label = h('span', { class: 'bar-label numeric' });
  const track = h('span', { class: 'bar-track', 'aria-hidden': 'true' });
  const cushion = h('i', { class: 'bar-part cushion', hidden: true });
  const tools = h('span', { class: 'bar-tools' });
  const total = h('span', { class: 'bar-total numeric' });
  const button = h('button', { type: 'button', class: 'bar', tabIndex: -1 }, label, track, total);
  const element = h('li', {}, button);
  const parts = new Map(PARTS.map(([name]) => [name, h('i', { class: `bar-part ${name}`, hidden: true })]));
  track.append(...parts.values(), cushion, tools);
  /** @type {Bar | undefined} */
  let bar;
  button.addEventListener('click', () => {
    if (bar !== undefined) choose(bar.atMs);
  });

  const lay = (/** @type {HTMLElement} */ part, /** @type {number} */ fromMs, /** @type {number} */ ms) => {
    const scale = max();
    part.style.left = `${(100 * fromMs) / scale}%`;
    part.style.width = `${(100 * ms) / scale}%`;
  };
  const place = () => {
    for (const [name, part] of parts) {
      const segment = bar?.segments.find((one) => one.name === name);
      part.hidden = segment === undefined;
      if (segment !== undefined) lay(part, segment.fromMs, segment.ms);
    }
    // Silence that goes before the answer is the end of what its delivery took.
    const { totalMs, cushionMs = 0 } = bar ?? {};
    cushion.hidden = totalMs === undefined || cushionMs <= 0;
    if (totalMs !== undefined) lay(cushion, Math.max(0, totalMs - cushionMs), Math.min(cushionMs, totalMs));
    fill(
      tools,
      (bar?.tools ?? []).map((run) => {
        const span = h('i', { class: 'bar-part tool' });
        lay(span, run.fromMs, run.ms);
        return span;
      }),
    );
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
      total.classList.toggle('slow', isSlow(next.totalMs ?? 0));
      const said = next.segments.map((s) => `${PARTS.find(([name]) => name === s.name)?.[1]} after ${delay(s.ms)}`);
      for (const { name, ms } of next.tools) said.push(`tool ${name} took ${delay(ms)}`);
      if (next.cushionMs !== undefined) said.push(`of that a cushion of ${delay(next.cushionMs)}`);
      setAttribute(button, 'aria-label', `Turn ${next.index + 1} at ${duration(next.atMs)}: ${said.join(', ')}`);
      setAttribute(button, 'title', `At ${duration(next.atMs)}: ${said.join(', ')}`);
      place();
    },
  };
}
