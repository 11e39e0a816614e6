import { h } from './dom.js';

/** Small pictures of numbers, drawn as SVG: read by their words, which stand beside them for whoever does not see them. */

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 720;
const HEIGHT = 150;

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * @typedef {object} Bar one of the chart's columns
 * @property {string} label when it is
 * @property {string} words all that it says
 * @property {string | undefined} href where it leads
 * @property {ReadonlyArray<number>} parts from the bottom up
 */

/**
 * Columns in order of time, each of several parts one above the other; each is a link to what it counts.
 * @param {object} options
 * @param {string} options.title
 * @param {ReadonlyArray<Bar>} options.bars
 * @param {ReadonlyArray<string>} options.kinds a class for each part
 * @param {number} options.top what the highest line stands for
 * @param {(value: number) => string} options.says a value for the scale
 */
export function barChart({ title, bars, kinds, top, says }) {
  const step = WIDTH / Math.max(1, bars.length);
  const wide = Math.max(1, step * 0.72);
  const yOf = (/** @type {number} */ value) => HEIGHT - (Math.min(value, top) / top) * HEIGHT;
  const picture = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'group',
    'aria-label': title,
  });
  for (const share of [0.5, 1])
    picture.append(svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: yOf(top * share), y2: yOf(top * share) }));
  for (const [i, bar] of bars.entries()) {
    const x = i * step + (step - wide) / 2;
    const group = svg(
      bar.href === undefined ? 'g' : 'a',
      bar.href === undefined ? {} : { href: bar.href, 'aria-label': bar.words },
    );
    group.append(
      svg('title', {}, bar.words),
      svg('rect', { class: 'hit-area', x: i * step, y: 0, width: step, height: HEIGHT }),
    );
    let below = 0;
    for (const [k, value] of bar.parts.entries()) {
      if (!(value > 0)) continue;
      const [from, to] = [yOf(below), yOf(below + value)];
      // What is there at all is seen.
      group.append(
        svg('rect', {
          class: `column ${kinds[k]}`,
          x,
          y: Math.min(to, from - 1.5),
          width: wide,
          height: Math.max(1.5, from - to),
        }),
      );
      below += value;
    }
    picture.append(group);
  }
  return frame({ title, picture, bars, top, says });
}

/**
 * @typedef {object} Point one moment of the lines
 * @property {string} label when it is
 * @property {string} words all that it says
 * @property {string | undefined} href where it leads
 * @property {ReadonlyArray<number | null>} values
 */

/**
 * Lines over the same time: one for each kind, broken where nothing is known; each moment is a link to what it is read off.
 * @param {object} options
 * @param {string} options.title
 * @param {ReadonlyArray<Point>} options.points
 * @param {ReadonlyArray<string>} options.kinds
 * @param {number} options.top
 * @param {(value: number) => string} options.says
 * @param {number} [options.target] a line to compare with
 */
export function lineChart({ title, points, kinds, top, says, target }) {
  const xOf = (/** @type {number} */ i) => (points.length < 2 ? WIDTH / 2 : (i / (points.length - 1)) * WIDTH);
  const yOf = (/** @type {number} */ value) => HEIGHT - (Math.min(value, top) / top) * HEIGHT;
  const picture = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'group',
    'aria-label': title,
  });
  for (const share of [0.5, 1])
    picture.append(svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: yOf(top * share), y2: yOf(top * share) }));
  if (target !== undefined && target < top)
    picture.append(svg('line', { class: 'target', x1: 0, x2: WIDTH, y1: yOf(target), y2: yOf(target) }));
  for (const [k, kind] of kinds.entries()) {
    let path = '';
    let lone = '';
    let broken = true;
    for (const [i, { values }] of points.entries()) {
      const value = values[k];
      if (value === null || value === undefined) {
        broken = true;
        continue;
      }
      const [x, y] = [xOf(i).toFixed(1), yOf(value).toFixed(1)];
      // One alone would be no line: it is a dot.
      if (broken && (points[i + 1]?.values[k] ?? null) === null) lone += `M${x} ${y}h0.01`;
      path += `${broken ? 'M' : 'L'}${x} ${y}`;
      broken = false;
    }
    picture.append(svg('path', { class: `line ${kind}`, d: path }));
    if (lone !== '') picture.append(svg('path', { class: `line lone ${kind}`, d: lone }));
  }
  // Above the lines, which are too thin to be hit.
  const step = WIDTH / Math.max(1, points.length - 1);
  for (const [i, { href, words }] of points.entries()) {
    if (href === undefined) continue;
    const from = Math.max(0, xOf(i) - step / 2);
    const area = svg('rect', {
      class: 'hit-area',
      x: from,
      y: 0,
      width: Math.min(WIDTH, xOf(i) + step / 2) - from,
      height: HEIGHT,
    });
    picture.append(svg('a', { href, 'aria-label': words }, svg('title', {}, words), area));
  }
  return frame({ title, picture, bars: points, top, says });
}

/**
 * The picture with its scale and its time.
 * @param {{ title: string, picture: Element, bars: ReadonlyArray<{ label: string }>, top: number, says(value: number): string }} options
 */
function frame({ picture, bars, top, says }) {
  const ends = [bars[0], bars[Math.floor(bars.length / 2)], bars.at(-1)];
  return h(
    'div',
    { class: 'chart' },
    h(
      'div',
      { class: 'chart-scale numeric', 'aria-hidden': 'true' },
      h('span', {}, says(top)),
      h('span', {}, says(top / 2)),
      h('span', {}, says(0)),
    ),
    h('div', { class: 'chart-picture' }, picture),
    h(
      'div',
      { class: 'chart-time numeric', 'aria-hidden': 'true' },
      ends.map((one) => h('span', {}, one?.label ?? '')),
    ),
  );
}
