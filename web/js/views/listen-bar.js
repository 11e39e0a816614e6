import { ApiProblem } from '../api.js';
import { isBusy, setBusy } from '../lib/busy.js';
import { h, setAttribute, setText } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { ListenLine } from '../listen/line.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../listen/line.js').LineState} LineState
 * @typedef {import('../listen/line.js').Mode} Mode
 */

/** The status of a plain request for a line that would be opened: it is asked for by a WebSocket. */
const NOTHING_IN_THE_WAY = 426;

/** @type {ReadonlyArray<readonly [Mode, string, string]>} */
const MODES = [
  ['listen', 'Listen only', 'You hear both sides. Nobody hears you.'],
  ['whisper', 'Whisper to the agent', 'The agent hears you, the caller does not.'],
  ['takeover', 'Speak with the caller', 'The caller hears you. The agent is silent and listens.'],
];

/**
 * Listening in to the call that is looked at, and speaking on it. There is one line at most, and it is seen as long as it is open.
 * @param {Api} api
 * @param {() => string | undefined} callId
 */
export function createListenBar(api, callId) {
  /** @type {ListenLine | undefined} */
  let line;
  const open = h(
    'button',
    { type: 'button', class: 'button', 'aria-pressed': 'false' },
    icon('ear'),
    h('span', {}, 'Listen in'),
  );
  const modes = MODES.map(([mode, words]) =>
    h(
      'button',
      {
        type: 'button',
        class: 'button small',
        'aria-pressed': 'false',
        onclick: (/** @type {MouseEvent} */ { currentTarget }) => {
          if (!isBusy(/** @type {Element} */ (currentTarget))) void line?.speak(mode);
        },
      },
      words,
    ),
  );
  const mute = h('button', { type: 'button', class: 'button small', 'aria-pressed': 'false', hidden: true }, 'Mute');
  const level = h('i', { class: 'fill agent' });
  const meter = h('span', { class: 'meter listen-meter', 'aria-hidden': 'true', hidden: true }, level);
  const group = h(
    'div',
    { class: 'listen-modes', role: 'group', 'aria-label': 'Whom your microphone reaches', hidden: true },
    modes,
  );
  const words = h('span', { class: 'listen-words', role: 'status' });
  const element = h('section', { class: 'listen-bar', 'aria-label': 'Listening in' }, open, group, mute, meter, words);

  /** @param {LineState} state */
  const show = ({ state, mode, wanted, muted, announced, untold, problem }) => {
    const closed = state === 'closed';
    setAttribute(open, 'aria-pressed', closed ? 'false' : 'true');
    setText(/** @type {Element} */ (open.lastElementChild), closed ? 'Listen in' : 'Stop listening');
    group.hidden = state !== 'open';
    meter.hidden = state !== 'open';
    mute.hidden = state !== 'open' || mode === 'listen';
    setAttribute(mute, 'aria-pressed', muted ? 'true' : 'false');
    setText(mute, muted ? 'Unmute' : 'Mute');
    for (const [index, button] of modes.entries()) {
      const own = MODES[index]?.[0];
      setAttribute(button, 'aria-pressed', own === mode ? 'true' : 'false');
      setBusy(button, own === wanted && wanted !== mode);
    }
    element.dataset['mode'] = state === 'open' ? mode : 'off';
    element.classList.toggle('bad', problem !== undefined);
    setText(words, problem ?? about(state, mode, wanted, announced, untold));
  };

  const stop = () => {
    const old = line;
    line = undefined;
    if (old === undefined) return;
    old.onState = () => {};
    old.close();
    show({ ...old.state, problem: undefined });
  };

  open.addEventListener('click', () => {
    if (line !== undefined && line.state.state !== 'closed') {
      stop();
      return;
    }
    const id = callId();
    if (id === undefined) return;
    line = new ListenLine(id, api.token, () => whyRefused(api, id));
    line.onState = show;
    line.onLevel = (peak) => {
      level.style.transform = `scaleX(${Math.min(1, Math.sqrt(peak)).toFixed(3)})`;
    };
    show(line.state);
  });
  mute.addEventListener('click', () => line?.mute(!line.state.muted));

  return {
    element,
    /** Whether a line is open, or being opened. */
    get active() {
      return line !== undefined && line.state.state !== 'closed';
    },
    /** Whether the operator speaks with the caller, or is about to: who closes the line then leaves somebody. */
    get takesOver() {
      return line?.state.state === 'open' && [line.state.mode, line.state.wanted].includes('takeover');
    },
    /** @param {boolean} can whether there is somebody to hear */
    enable(can) {
      open.disabled = !can && line === undefined;
    },
    /** Another call is looked at, or none: the line ends, and with it the microphone. */
    stop() {
      stop();
      setText(words, '');
      element.classList.remove('bad');
    },
  };
}

/**
 * Why a line to a call was refused, in words: what a plain request for it is refused with.
 * @param {Api} api
 * @param {string} id
 */
async function whyRefused(api, id) {
  try {
    await api.get(`listen?call=${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ApiProblem && error.status !== NOTHING_IN_THE_WAY) return error.message;
  }
  return 'The line could not be opened, though you may listen to this call. Try again; where that does not help a proxy lets no WebSocket through, or PUBLIC_URL is not where this page is.';
}

/** @param {LineState['state']} state @param {Mode} mode @param {Mode} wanted @param {boolean} announced @param {boolean} untold */
function about(state, mode, wanted, announced, untold) {
  if (state === 'connecting') return 'Connecting …';
  if (state === 'closed') return '';
  if (wanted === 'takeover' && mode !== 'takeover') return 'The caller is told …';
  const said = MODES.find(([name]) => name === mode)?.[2] ?? '';
  if (untold) return `${said} The caller could not be told of you: say who you are.`;
  return mode === 'listen' && announced ? `${said} The caller was told that somebody listens.` : said;
}
