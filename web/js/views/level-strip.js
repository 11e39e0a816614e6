import { h, setAttribute } from '../lib/dom.js';
import { meterFill } from '../lib/format.js';
import { onTheme } from '../theme.js';

/** The last half minute of both voices: the caller above the line, the agent below it. */

const SPAN_MS = 30_000;
/** Most pictures a second: levels come ten times a second. */
const FRAME_MS = 50;
const BAR_PX = 3;

/** @typedef {{ at: number, caller: number, agent: number }} Sample 0 to 1 each */

export function createLevelStrip() {
  const canvas = h('canvas', { class: 'strip-canvas', 'aria-hidden': 'true' });
  const caller = lane('caller', 'Caller');
  const agent = lane('agent', 'Agent');
  const element = h(
    'section',
    { class: 'card strip', 'aria-label': 'Sound level of both sides' },
    h('div', { class: 'strip-lanes' }, caller.element, agent.element),
    canvas,
  );
  /** @type {Sample[]} */
  let samples = [];
  let drawnAt = 0;
  let running = false;
  let colours = readColours(element);
  const offTheme = onTheme(() => {
    colours = readColours(element);
    paint(canvas, samples, performance.now(), colours);
  });

  const draw = (/** @type {number} */ stamp) => {
    if (!running) return;
    requestAnimationFrame(draw);
    if (stamp - drawnAt < FRAME_MS) return;
    drawnAt = stamp;
    paint(canvas, samples, performance.now(), colours);
  };

  return {
    element,
    start() {
      if (running) return;
      running = true;
      colours = readColours(element);
      requestAnimationFrame(draw);
    },
    /** Nobody looks; `start` goes on. */
    rest() {
      running = false;
    },
    stop() {
      running = false;
      offTheme();
    },
    clear() {
      samples = [];
      caller.set(0, null);
      agent.set(0, null);
    },
    /** @param {{ caller: number | null, agent: number | null }} levels dBFS */
    push(levels) {
      const now = performance.now();
      const sample = { at: now, caller: meterFill(levels.caller), agent: meterFill(levels.agent) };
      samples.push(sample);
      while (samples.length > 0 && now - (samples[0]?.at ?? now) > SPAN_MS + 1_000) samples.shift();
      caller.set(sample.caller, levels.caller);
      agent.set(sample.agent, levels.agent);
    },
  };
}

/** @param {'caller' | 'agent'} side @param {string} name */
function lane(side, name) {
  const bar = h('i', { class: `fill ${side}` });
  const meter = h(
    'span',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': `${name}’s level`,
      'aria-valuemin': '-60',
      'aria-valuemax': '0',
      'aria-valuenow': '-60',
    },
    bar,
  );
  let told = 0;
  return {
    element: h('div', { class: 'strip-lane' }, h('span', {}, name), meter),
    /** @param {number} fill @param {number | null} dbfs */
    set(fill, dbfs) {
      bar.style.transform = `scaleX(${fill.toFixed(3)})`;
      // A value that changes ten times a second would only be noise to who has it read out.
      if (performance.now() - told < 1_000) return;
      told = performance.now();
      const value = Math.round(Math.max(-60, Math.min(0, dbfs ?? -60)));
      setAttribute(meter, 'aria-valuenow', String(value));
      setAttribute(meter, 'aria-valuetext', value <= -60 ? 'silent' : `${value} decibels`);
    },
  };
}

/**
 * The theme's colours as a canvas takes them: a custom property alone still holds both themes' values.
 * @param {Element} element in the page
 */
export function readColours(element) {
  const probe = h('i', { hidden: true });
  (element.isConnected ? element : document.body).append(probe);
  const colour = (/** @type {string} */ name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    caller: colour('--caller'),
    agent: colour('--agent'),
    line: colour('--border'),
    faint: colour('--faint'),
  };
  probe.remove();
  return colours;
}

/**
 * Sizes a canvas for its box and the screen's pixels; gives the box in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
export function fitCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  const [w, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== tall) canvas.height = tall;
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ReadonlyArray<Sample>} samples
 * @param {number} now
 * @param {ReturnType<typeof readColours>} colours
 */
function paint(canvas, samples, now, colours) {
  const { context, width, height } = fitCanvas(canvas);
  if (context === null || width === 0) return;
  context.clearRect(0, 0, width, height);
  const middle = height / 2;
  const most = middle - 2;
  for (const { at, caller, agent } of samples) {
    const x = width - ((now - at) / SPAN_MS) * width;
    if (x < -BAR_PX) continue;
    context.fillStyle = colours.caller;
    context.fillRect(x, middle - 1 - caller * most, BAR_PX - 1, caller * most);
    context.fillStyle = colours.agent;
    context.fillRect(x, middle + 1, BAR_PX - 1, agent * most);
  }
  context.fillStyle = colours.line;
  context.fillRect(0, middle - 0.5, width, 1);
}
