import { h, setText } from '../js/lib/dom.js';
import { errorWords } from './words.js';

/** @typedef {import('./typed-turns.js').TypedTurn} TypedTurn */
/** @typedef {import('../../src/records/event.ts').FlatEvent} CallEvent A page is told some of its fields: `page-events.ts`. */

/** Stands for words that were heard and not, or not yet, written down. */
const SPOKEN = '(spoken)';
/** Most rows that are shown; the oldest go. */
const MOST = 300;

/** What was said, typed and done, as it comes: a list that screen readers read out. */
export class Conversation {
  #list = h('div', { class: 'vb-log', role: 'log', 'aria-label': 'Conversation', tabIndex: 0 });
  /** @type {Map<string, { element: HTMLElement, words: HTMLElement, note: HTMLElement }>} */
  #rows = new Map();
  #retry;
  /** Texts typed here whose event is still to come. @type {string[]} */
  #mine = [];

  /** @param {(id: string) => void} retry sends a failed turn again */
  constructor(retry) {
    this.#retry = retry;
  }

  get element() {
    return this.#list;
  }

  /** @param {TypedTurn} turn */
  typed(turn) {
    const isNew = !this.#rows.has(`typed ${turn.id}`);
    const row = this.#row(`typed ${turn.id}`, 'caller', 'You wrote');
    if (isNew) this.#mine.push(turn.text);
    setText(row.words, turn.text);
    row.element.dataset['turn'] = turn.state;
    if (turn.state === 'failed') {
      const again = h('button', { type: 'button', class: 'vb-button vb-small' }, 'Send again');
      again.addEventListener('click', () => this.#retry(turn.id));
      row.note.replaceChildren(`Not sent: ${errorWords(turn.code ?? 'TIMEOUT', turn.message)} `, again);
    } else setText(row.note, turn.state === 'pending' ? 'Sending …' : '');
  }

  /** @param {CallEvent} event */
  happened({ type, data }) {
    switch (type) {
      case 'agent.transcript': {
        const agent = data.role === 'agent';
        const { element, words } = this.#row(
          `said ${data.itemId}`,
          agent ? 'agent' : 'caller',
          agent ? 'Agent' : 'You',
        );
        // Pieces add up; the final text takes their place.
        const before = words.textContent === SPOKEN ? '' : (words.textContent ?? '');
        setText(words, data.final ? data.text : before + data.text);
        // Of an answer that was cut off before anything of it was heard there is nothing to show.
        element.hidden = words.textContent === '';
        this.#scroll();
        return;
      }
      case 'agent.speech_stopped':
        // The words of the caller are known later than the answer begins, if at all; their place is here.
        if (data.itemId !== undefined) setText(this.#row(`said ${data.itemId}`, 'caller', 'You').words, SPOKEN);
        return;
      case 'caller.text': {
        const at = this.#mine.indexOf(data.text);
        if (at >= 0) this.#mine.splice(at, 1);
        else setText(this.#row(`text ${this.#rows.size}`, 'caller', 'Written elsewhere').words, data.text);
        return;
      }
      case 'agent.tool_call': {
        const row = this.#row(`tool ${data.toolCallId}`, 'tool', 'Function');
        setText(row.words, data.arguments === undefined ? data.name : `${data.name}(${data.arguments})`);
        setText(row.note, 'Running …');
        return;
      }
      case 'tool.tool_finished': {
        const row = this.#rows.get(`tool ${data.toolCallId}`);
        if (row !== undefined) setText(row.note, `${data.outcome}, ${Math.round(data.ms)} ms`);
        return;
      }
      case 'agent.error':
        setText(
          this.#row(`error ${this.#rows.size}`, 'error', 'Error').words,
          data.message || `On the agent’s side something went wrong (${data.code}).`,
        );
        return;
      case 'agent.reconnecting':
        setText(
          this.#row(`error ${this.#rows.size}`, 'error', 'Note').words,
          'The agent’s line broke and is being built again.',
        );
        return;
      case 'recording_started':
        setText(this.#row('recording', 'note', 'Note').words, 'This call is recorded.');
        return;
      default:
        return;
    }
  }

  /**
   * The row of a key, made when it is new.
   * @param {string} key
   * @param {'caller' | 'agent' | 'tool' | 'error' | 'note'} kind
   * @param {string} who
   */
  #row(key, kind, who) {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const words = h('span', { class: 'vb-words' });
    const note = h('span', { class: 'vb-note' });
    const element = h('div', { class: `vb-row vb-${kind}` }, h('span', { class: 'vb-who' }, who), words, note);
    this.#list.append(element);
    const row = { element, words, note };
    this.#rows.set(key, row);
    if (this.#rows.size > MOST) {
      const [oldest] = this.#rows;
      if (oldest !== undefined) this.#rows.delete(oldest[0]);
      oldest?.[1].element.remove();
    }
    this.#scroll();
    return row;
  }

  /** Follows what is new, unless somebody reads further up. */
  #scroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    if (scrollHeight - scrollTop - clientHeight < 120) this.#list.scrollTop = scrollHeight;
  }
}
