import { h } from '../lib/dom.js';
import { may } from '../model/role.js';

/**
 * What begins and ends runs, for whoever may: others are offered neither. `key`: by which the button has the focus again once it is made anew.
 * @param {string} words
 * @param {string} key
 * @param {() => void} pressed
 * @param {boolean} [disabled]
 */
export function runButton(words, key, pressed, disabled = false) {
  if (!may('operator')) return undefined;
  return h('button', { type: 'button', class: 'button', disabled, 'data-key': key, onclick: pressed }, words);
}
