import { h, setText } from '../lib/dom.js';

/** Keys as a telephone has them, a row of three each, and the letters that stand below. */
const KEYS = /** @type {const} */ ([
  ['1', ''],
  ['2', 'abc'],
  ['3', 'def'],
  ['4', 'ghi'],
  ['5', 'jkl'],
  ['6', 'mno'],
  ['7', 'pqrs'],
  ['8', 'tuv'],
  ['9', 'wxyz'],
  ['*', ''],
  ['0', ''],
  ['#', ''],
]);
const COLUMNS = 3;
/** Keys that are shown of those that were pressed. */
const MOST = 24;
const NAMES = /** @type {Record<string, string>} */ ({ '*': 'Star', '#': 'Pound' });

/**
 * A keypad: pressed with the pointer, by arrows and Enter, or by the keys of the same name while one is in it.
 * @param {(digit: string) => boolean} press false where there is no call
 */
export function createKeypad(press) {
  const pressed = h('output', { class: 'numeric desk-pressed', 'aria-live': 'polite' });
  const buttons = KEYS.map(([digit, letters], i) =>
    h(
      'button',
      {
        type: 'button',
        class: 'desk-key',
        tabIndex: i === 0 ? 0 : -1,
        'aria-label': NAMES[digit] ?? digit,
        dataset: { digit },
      },
      h('span', {}, digit),
      h('small', { 'aria-hidden': 'true' }, letters),
    ),
  );
  const pad = h('div', { class: 'desk-pad', role: 'group', 'aria-label': 'Keypad' }, buttons);
  const element = h('details', { class: 'card desk-part' }, h('summary', {}, 'Keypad'), pad, pressed);

  const send = (/** @type {string} */ digit) => {
    if (press(digit)) setText(pressed, `${pressed.textContent ?? ''}${digit}`.slice(-MOST));
  };
  const focus = (/** @type {number} */ at) => {
    const next = buttons[at];
    if (next === undefined) return;
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  };
  pad.addEventListener('click', ({ target }) => {
    const digit = /** @type {HTMLElement} */ (target).closest('button')?.dataset['digit'];
    if (digit !== undefined) send(digit);
  });
  pad.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (/^[0-9*#]$/.test(event.key)) {
      focus(KEYS.findIndex(([digit]) => digit === event.key));
      // A key that is held down is one key.
      return event.repeat ? undefined : send(event.key);
    }
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS };
    const step = Reflect.get(steps, event.key);
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    focus(at + step);
  });

  return {
    element,
    /** @param {boolean} can whether somebody is on the line */
    enable(can) {
      for (const button of buttons) button.disabled = !can;
    },
    /** For another call. */
    reset: () => setText(pressed, ''),
  };
}
