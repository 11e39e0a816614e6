import { h, setText } from '../js/lib/dom.js';
import { icon } from '../js/lib/icons.js';

/** What of the telephone's face moves and is pressed. */

/** Loudness that fills a meter, and that leaves it empty, dBFS. */
const LOUD_DB = -12;
export const QUIET_DB = -60;

/** How much of a meter a loudness fills, 0 to 1. @param {number} db */
const fillOf = (db) => Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));

/** Bars of the agent's voice; each follows it in its own measure, so that they move as a voice does. */
const BARS = [0.5, 0.8, 1, 0.8, 0.5];

/** The agent, which moves as it speaks, and beneath it how loud one is oneself. */
export function createFace() {
  const ring = h('i', { class: 'vb-ring' });
  const bars = BARS.map(() => h('i'));
  const mine = h('i', { class: 'vb-mine-fill' });
  const meter = h(
    'div',
    {
      class: 'vb-mine',
      role: 'meter',
      'aria-label': 'Loudness of your microphone',
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-valuenow': '0',
    },
    mine,
  );
  let told = 0;
  return {
    element: h(
      'div',
      { class: 'vb-face' },
      h('div', { class: 'vb-agent-face', 'aria-hidden': 'true' }, ring, h('div', { class: 'vb-bars' }, bars)),
      h('div', { class: 'vb-mine-line' }, h('span', { 'aria-hidden': 'true' }, 'You'), meter),
    ),
    /** @param {number} myDb @param {number} agentDb dBFS */
    show(myDb, agentDb) {
      const loud = fillOf(agentDb);
      ring.style.transform = `scale(${(1 + loud * 0.2).toFixed(3)})`;
      ring.style.opacity = (0.25 + loud * 0.6).toFixed(3);
      for (const [i, bar] of bars.entries())
        bar.style.transform = `scaleY(${(0.16 + loud * (BARS[i] ?? 1) * 0.84).toFixed(3)})`;
      const own = fillOf(myDb);
      mine.style.transform = `scaleX(${own.toFixed(3)})`;
      // To who has it read out a value that changes with every picture would only be noise.
      if (performance.now() - told < 1_000) return;
      told = performance.now();
      meter.setAttribute('aria-valuenow', String(Math.round(own * 100)));
    },
  };
}

/**
 * A round button with its name below, or a word of that where the whole would need two lines.
 * @param {string} kind
 * @param {import('../js/lib/icons.js').IconName} image
 * @param {string} words
 * @param {string} [short]
 */
export function roundButton(kind, image, words, short = words) {
  const button = h('button', { type: 'button', class: `vb-round ${kind}`, 'aria-label': words }, icon(image));
  const caption = h('span', { class: 'vb-caption', 'aria-hidden': 'true' }, short);
  let shown = `${image} ${words}`;
  return {
    button,
    element: h('div', { class: 'vb-control' }, button, caption),
    /** @param {import('../js/lib/icons.js').IconName} next @param {string} name @param {string} [below] */
    show(next, name, below = name) {
      if (shown === `${next} ${name}`) return;
      shown = `${next} ${name}`;
      button.replaceChildren(icon(next));
      button.setAttribute('aria-label', name);
      setText(caption, below);
    },
  };
}
