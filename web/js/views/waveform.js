import { h, keyed, setAttribute } from '../lib/dom.js';
import { delay, duration } from '../lib/format.js';
import { ticksOf } from '../model/talk.js';
import { onTheme } from '../theme.js';
import { fitCanvas, readColours } from './level-strip.js';

/**
 * @typedef {import('../model/axis.js').AxisMark} AxisMark
 * @typedef {{ durationMs: number, caller: number[], agent: number[] }} Peaks 0 to 1 each, over equal parts of the time
 */

/** How long the picture can be made. */
const ZOOM_MOST = 16;
/** What a tick of the time axis needs. */
const TICK_PX = 80;
const SPANS = { 'talk-over': 'Both spoke', waiting: 'Waited' };

const BAR_PX = 2;
const GAP_PX = 1;

/**
 * Puts a part at a moment; the style sheet keeps all of it within the picture, which would else be scrolled for what stands out.
 * @param {HTMLElement} part
 * @param {number} share 0 to 1 of the time
 */
const putAt = (part, share) => part.style.setProperty('--at', String(share));

/**
 * A picture of the recording in two lanes, which is also the slider that says where it plays.
 * @param {{ seek(share: number): void }} options
 */
export function createWaveform({ seek }) {
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  const head = h('i', { class: 'playhead', 'aria-hidden': 'true' });
  const hover = h('i', { class: 'hover-time numeric', 'aria-hidden': 'true', hidden: true });
  const slider = h(
    'div',
    {
      class: 'waveform',
      role: 'slider',
      tabIndex: 0,
      'aria-label': 'Position in the recording',
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-valuenow': '0',
    },
    canvas,
    head,
    hover,
  );
  const spans = h('ol', { class: 'axis-spans', 'aria-label': 'Where both spoke, and where the caller waited' });
  const ticks = h('div', { class: 'axis-ticks numeric', 'aria-hidden': 'true' });
  const marks = h('div', { class: 'axis-marks' });
  const stretched = h('div', { class: 'wave-stretched' }, slider, ticks, spans, marks);
  const scroller = h('div', { class: 'wave-main' }, stretched);
  let zoom = 1;
  const names = h(
    'div',
    { class: 'wave-names', 'aria-hidden': 'true' },
    h('span', { class: 'caller' }, 'Caller'),
    h('span', { class: 'agent' }, 'Agent'),
  );
  const element = h('div', { class: 'wave' }, names, scroller);

  /** @type {Peaks | undefined} */
  let peaks;
  let position = 0;
  let colours = readColours(element);
  const draw = () => paint(canvas, peaks, position, colours);
  const recolour = () => {
    colours = readColours(element);
    draw();
  };
  const resized = new ResizeObserver(() => {
    draw();
    showTicks();
  });
  resized.observe(slider);
  const offTheme = onTheme(recolour);

  const shareAt = (/** @type {PointerEvent} */ event) => {
    const box = slider.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  slider.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    seek(shareAt(event));
  });
  slider.addEventListener('pointermove', (event) => {
    const share = shareAt(event);
    if (slider.hasPointerCapture(event.pointerId)) seek(share);
    hover.hidden = peaks === undefined;
    putAt(hover, share);
    hover.textContent = duration(share * (peaks?.durationMs ?? 0));
  });
  slider.addEventListener('pointerleave', () => {
    hover.hidden = true;
  });

  /** Keeps the place that plays in sight. */
  const follow = () => {
    const at = position * scroller.scrollWidth;
    const [from, to] = [scroller.scrollLeft, scroller.scrollLeft + scroller.clientWidth];
    if (at < from || at > to) scroller.scrollLeft = at - scroller.clientWidth / 4;
  };
  const showTicks = () => {
    const durationMs = peaks?.durationMs ?? 0;
    const most = Math.max(2, Math.floor((scroller.clientWidth * zoom) / TICK_PX));
    const list = durationMs === 0 ? [] : ticksOf(durationMs, most);
    keyed(ticks, list, String, (ms) => {
      const tick = h('span', {}, duration(ms));
      tick.style.left = `${(100 * ms) / durationMs}%`;
      return { element: tick, update() {} };
    });
  };

  let drawn = -1;
  return {
    element,
    slider,
    /** Shows it so many times as long: a part of it, which can be scrolled. @param {number} times 1 to ZOOM_MOST */
    setZoom(times) {
      zoom = Math.min(ZOOM_MOST, Math.max(1, times));
      stretched.style.width = `${zoom * 100}%`;
      showTicks();
      scroller.scrollLeft = position * scroller.scrollWidth - scroller.clientWidth / 2;
      return zoom;
    },
    /** @param {ReadonlyArray<import('../model/talk.js').Span>} list */
    setSpans(list) {
      const durationMs = peaks?.durationMs ?? 0;
      keyed(
        spans,
        durationMs === 0 ? [] : list,
        (span) => `${span.kind} ${span.fromMs}`,
        (span) => {
          const words = `${SPANS[span.kind]}, ${delay(span.toMs - span.fromMs)}, from ${duration(span.fromMs)}`;
          const button = h(
            'button',
            { type: 'button', class: 'axis-span', title: words, 'aria-label': words },
            h('span', {}, SPANS[span.kind]),
          );
          button.addEventListener('click', () => seek(span.fromMs / durationMs));
          const item = h('li', { class: span.kind }, button);
          putAt(item, span.fromMs / durationMs);
          item.style.width = `${(100 * (span.toMs - span.fromMs)) / durationMs}%`;
          return { element: item, update() {} };
        },
      );
    },
    draw,
    /** @param {Peaks} next */
    setPeaks(next) {
      peaks = next;
      draw();
      showTicks();
    },
    /** @param {number} share @param {string} words */
    setPosition(share, words) {
      position = share;
      putAt(head, share);
      if (zoom > 1) follow();
      setAttribute(slider, 'aria-valuenow', String(Math.round(share * 100)));
      setAttribute(slider, 'aria-valuetext', words);
      // The playhead glides; the coloured bars behind it need drawing only when another one is reached.
      const bar = Math.floor((share * canvas.clientWidth) / (BAR_PX + GAP_PX));
      if (bar !== drawn) draw();
      drawn = bar;
    },
    /** @param {ReadonlyArray<AxisMark>} list */
    setMarks(list) {
      keyed(
        marks,
        list,
        (mark) => mark.key,
        (mark) => {
          // By the keyboard the lines of the conversation lead to the same places.
          const button = h('button', { type: 'button', class: `axis-mark ${mark.kind}`, tabIndex: -1 });
          let share = mark.share;
          button.addEventListener('click', () => seek(share));
          return {
            element: button,
            update(next) {
              share = next.share;
              putAt(button, next.share);
              const words = `${duration(next.atMs)} ${next.text}`;
              setAttribute(button, 'title', words);
              setAttribute(button, 'aria-label', words);
            },
          };
        },
      );
    },
    close() {
      resized.disconnect();
      offTheme();
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Peaks | undefined} peaks
 * @param {number} position
 * @param {ReturnType<typeof readColours>} colours
 */
function paint(canvas, peaks, position, colours) {
  const { context, width, height } = fitCanvas(canvas);
  if (context === null || width === 0) return;
  context.clearRect(0, 0, width, height);
  const half = height / 2;
  const bars = Math.floor(width / (BAR_PX + GAP_PX));
  for (const [lane, side] of /** @type {const} */ (['caller', 'agent']).entries()) {
    const middle = half * lane + half / 2;
    const values = peaks?.[side];
    for (let i = 0; i < bars; i++) {
      // Speech has its peaks far below full scale: the root makes quiet voices visible.
      const tall = Math.max(1.5, Math.sqrt(peakOf(values, i / bars, (i + 1) / bars)) * (half - 6));
      context.fillStyle = i / bars < position ? colours[side] : colours.faint;
      if (values !== undefined && tall > 1.5 && i / bars >= position) {
        context.fillStyle = colours[side];
        context.globalAlpha = 0.38;
      }
      context.fillRect(i * (BAR_PX + GAP_PX), middle - tall / 2, BAR_PX, tall);
      context.globalAlpha = 1;
    }
  }
}

/** The highest value within a part of the time. @param {number[] | undefined} values @param {number} from @param {number} to */
function peakOf(values, from, to) {
  if (values === undefined || values.length === 0) return 0;
  const first = Math.floor(from * values.length);
  const last = Math.max(first + 1, Math.floor(to * values.length));
  let peak = 0;
  for (let i = first; i < last; i++) peak = Math.max(peak, values[i] ?? 0);
  return peak;
}
