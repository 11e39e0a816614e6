import { fill, h, setText } from '../lib/dom.js';
import { count, delay } from '../lib/format.js';
import { isSlow, SLOW_MS } from '../model/slow.js';
import { barsOf, figuresOf, PARTS } from '../model/waterfall.js';
import { announce } from './notices.js';

/** @typedef {import('../model/call-state.js').CallState} CallState */

/**
 * How long the caller waits: counted while it goes on, then what it came to and of what it was made, and what the answers of the call come to together.
 * @param {{ now: () => number }} options the daemon's clock, ms since 1970
 */
export function createDeskDelays({ now }) {
  const figure = h('p', { class: 'desk-figure numeric' }, '–');
  const what = h('p', { class: 'muted' });
  const parts = h('ul', { class: 'desk-parts numeric' });
  const [median, slow, longest, answers, first, cuts] = [
    'p50',
    'p95',
    'Longest',
    'Answers',
    'First words',
    'Cut in',
  ].map((name) => ({ name, value: h('dd', { class: 'numeric' }, '–') }));
  const all = [median, slow, longest, answers, first, cuts].flatMap((one) => one ?? []);
  const element = h(
    'section',
    { class: 'card desk-delays', 'aria-labelledby': 'desk-delays-title' },
    h('h3', { id: 'desk-delays-title' }, 'This answer'),
    figure,
    what,
    parts,
    h(
      'dl',
      { class: 'desk-figures' },
      all.map(({ name, value }) => h('div', {}, h('dt', {}, name), value)),
    ),
  );
  /** @type {CallState | undefined} */
  let call;
  /** Answers that were said to who has it read out. */
  let told = 0;
  let frame = 0;

  /** The time that goes on, as often as a picture is drawn. */
  const run = () => {
    frame = 0;
    if (call?.waitingFromMs === undefined || !element.isConnected) return;
    const ms = Math.max(0, now() - call.startedAt - call.waitingFromMs);
    setText(figure, delay(ms));
    figure.dataset['tone'] = isSlow(ms) ? 'slow' : 'counting';
    frame = requestAnimationFrame(run);
  };

  return {
    element,
    /** @param {CallState | undefined} next undefined: there was no call yet */
    update(next) {
      if (next !== call) told = 0;
      call = next;
      const bars = next === undefined ? [] : barsOf(next);
      const figures = figuresOf(bars);
      const last = bars.at(-1);
      const waits = next?.waitingFromMs !== undefined;
      const show = (/** @type {{ value: HTMLElement } | undefined} */ one, /** @type {string | undefined} */ words) => {
        if (one !== undefined) setText(one.value, words ?? '–');
      };
      show(median, figures && delay(figures.medianMs));
      show(slow, figures && delay(figures.slowMs));
      show(longest, figures && delay(figures.longestMs));
      show(answers, figures && `${figures.answers}, ${figures.above} late`);
      show(first, next?.firstAudioMs === undefined ? undefined : delay(next.firstAudioMs));
      show(cuts, next === undefined ? undefined : String(next.bargeIns));
      setText(
        what,
        waits
          ? 'The caller waits for an answer.'
          : figures === undefined
            ? 'From the last word of the caller to the first sound that he hears.'
            : `Answer ${figures.answers}, ${isSlow(figures.lastMs) ? 'not within' : 'within'} the target of ${delay(SLOW_MS)}`,
      );
      if (waits) {
        if (frame === 0) frame = requestAnimationFrame(run);
      } else {
        setText(figure, figures === undefined ? '–' : delay(figures.lastMs));
        figure.dataset['tone'] = figures === undefined ? 'none' : isSlow(figures.lastMs) ? 'slow' : 'good';
      }
      fill(
        parts,
        (last?.segments ?? []).map(({ name, ms }) => part(name, PARTS.find(([one]) => one === name)?.[1] ?? name, ms)),
        last?.cushionMs ? part('cushion', 'of that cushion', last.cushionMs) : undefined,
        (last?.tools ?? []).map(({ name, ms }) => part('tool', name, ms)),
      );
      if (figures !== undefined && figures.answers > told) {
        told = figures.answers;
        announce(
          `Answer ${figures.answers} after ${delay(figures.lastMs)}, half of all within ${delay(figures.medianMs)}`,
        );
      }
    },
  };
}

/** @param {string} kind @param {string} words @param {number} ms */
const part = (kind, words, ms) =>
  h('li', {}, h('i', { class: `swatch ${kind}`, 'aria-hidden': 'true' }), h('span', {}, words), h('b', {}, delay(ms)));

/** What the calls of this sitting came to, the newest first, so that one prompt can be held against another. */
export function createSitting() {
  const body = h('tbody', {});
  const element = h(
    'section',
    { class: 'card desk-sitting', 'aria-labelledby': 'desk-sitting-title', hidden: true },
    h('h3', { id: 'desk-sitting-title' }, 'Calls of this sitting'),
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['Agent', 'Answers', 'p50', 'p95'].map((words) => h('th', { scope: 'col' }, words)),
        ),
      ),
      body,
    ),
  );
  return {
    element,
    /** @param {ReadonlyArray<{ words: string, voice: string, call: CallState }>} calls the newest first */
    update(calls) {
      element.hidden = calls.length === 0;
      fill(
        body,
        calls.map(({ words, voice, call }) => {
          const figures = figuresOf(barsOf(call));
          const name = voice === '' ? words : `${words}, ${voice}`;
          return h(
            'tr',
            {},
            h(
              'th',
              { scope: 'row' },
              h('a', { href: `#/calls/${encodeURIComponent(call.id)}`, title: 'Its record' }, name),
            ),
            h('td', { class: 'numeric' }, count(figures?.answers ?? 0, 'answer')),
            h('td', { class: 'numeric' }, figures === undefined ? '–' : delay(figures.medianMs)),
            h('td', { class: 'numeric' }, figures === undefined ? '–' : delay(figures.slowMs)),
          );
        }),
      );
    },
  };
}
