import { h, keyed, setText } from '../js/lib/dom.js';

/** The face of a room: who one is, who is there, what is said. */

/** @type {Readonly<Record<import('./room-call.js').RoomState, string>>} */
const STATE_WORDS = {
  idle: 'Not in a room',
  asking: 'Asking for a room …',
  connecting: 'Connecting …',
  connected: 'In the room',
  reconnecting: 'The connection is interrupted, waiting for it to come back …',
  ended: 'Out of the room',
  failed: 'The room could not be joined',
};

export class RoomView {
  #call;
  #status = h('p', { class: 'vb-status', role: 'status' });
  #detail = h('p', { class: 'vb-connection' });
  #notice = h('p', { class: 'vb-notice', role: 'alert', hidden: true });
  #name = field('Your name', { value: 'Operator', maxLength: 64, required: true });
  #room = field('Room (empty: a new one)', { maxLength: 256 });
  #agent = field('Prompt (empty: as routes say)', { maxLength: 64 });
  #language = field('Language (such as de)', { maxLength: 35 });
  #join = h('button', { type: 'submit', class: 'vb-button vb-call' }, 'Join');
  #mute = h('button', { type: 'button', class: 'vb-button' }, 'Mute microphone');
  #leave = h('button', { type: 'button', class: 'vb-button' }, 'Leave');
  #end = h('button', { type: 'button', class: 'vb-button vb-hangup' }, 'End for everybody');
  #hear = h('button', { type: 'button', class: 'vb-button vb-call', hidden: true }, 'Hear the room');
  #people = h('ul', { class: 'room-people', 'aria-label': 'In the room' });
  #log = h('div', { class: 'vb-log', role: 'log', tabIndex: 0, 'aria-label': 'What is said' });
  #input = h('input', {
    type: 'text',
    class: 'vb-input',
    maxLength: 4000,
    autocomplete: 'off',
    enterKeyHint: 'send',
    'aria-label': 'Message to the agent',
    placeholder: 'Write to the agent',
  });
  #wishes;
  #buttons = h('div', { class: 'vb-buttons' }, this.#mute, this.#leave, this.#end, this.#hear);
  #form = h('form', { class: 'vb-form' }, this.#input, h('button', { type: 'submit', class: 'vb-button' }, 'Send'));

  /**
   * @param {import('./room-call.js').RoomCall} call
   * @param {{ room: string, agentId: string }} wish what the form begins with
   */
  constructor(call, { room, agentId }) {
    this.#call = call;
    this.#room.input.value = room;
    this.#agent.input.value = agentId;
    this.#wishes = h(
      'form',
      { class: 'room-wishes' },
      ...[this.#name, this.#room, this.#agent, this.#language].map(({ element }) => element),
      this.#join,
    );
    this.element = h(
      'div',
      { class: 'vb-phone' },
      h('div', { class: 'vb-head' }, this.#status, this.#detail),
      this.#notice,
      this.#wishes,
      this.#buttons,
      this.#people,
      this.#log,
      this.#form,
    );
    this.#wishes.addEventListener('submit', (event) => {
      event.preventDefault();
      void call.join({
        name: this.#name.input.value.trim(),
        room: this.#room.input.value.trim(),
        agentId: this.#agent.input.value.trim(),
        voiceLanguage: this.#language.input.value.trim(),
      });
    });
    this.#mute.addEventListener('click', () => void call.setMuted(!call.muted));
    this.#leave.addEventListener('click', () => void call.leave());
    this.#end.addEventListener('click', () => void call.end());
    this.#hear.addEventListener('click', () => void call.unsilence());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text === '') return;
      this.#input.value = '';
      call.write(text).catch(() => {
        this.#input.value = text;
      });
    });
    call.addEventListener('change', () => this.#show());
    this.#show();
  }

  #show() {
    const { state, reason, active, roomName, agentState, microphoneProblem, muted } = this.#call;
    this.element.dataset['state'] = state;
    setText(this.#status, reason === undefined ? STATE_WORDS[state] : `${STATE_WORDS[state]}. ${reason}`);
    setText(
      this.#detail,
      roomName === '' || !active
        ? ''
        : `Room ${roomName}. The agent is ${agentState === '' ? 'on its way' : agentState}.`,
    );
    this.#notice.hidden = microphoneProblem === undefined;
    setText(this.#notice, microphoneProblem ?? '');
    this.#wishes.hidden = active;
    this.#buttons.hidden = !active;
    this.#form.hidden = !active;
    this.#hear.hidden = !this.#call.silenced;
    setText(this.#mute, muted ? 'Unmute microphone' : 'Mute microphone');
    keyed(this.#people, this.#call.people, ({ identity }) => identity, personRow);
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    keyed(this.#log, this.#call.transcript.lines, ({ id }) => id, lineRow);
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

/**
 * @param {string} label
 * @param {Record<string, unknown>} props
 */
function field(label, props) {
  const input = h('input', { type: 'text', class: 'vb-input', autocomplete: 'off', ...props });
  return { input, element: h('label', { class: 'room-field' }, h('span', {}, label), input) };
}

function personRow() {
  const element = h('li');
  return {
    element,
    /** @param {import('./room-call.js').PersonView} person */
    update({ name, isMe, isAgent, isSpeaking, microphone }) {
      element.dataset['speaking'] = String(isSpeaking);
      const who = isMe ? `${name} (you)` : isAgent ? `${name} (agent)` : name;
      const how = isSpeaking
        ? 'speaks'
        : microphone === 'live'
          ? 'listens'
          : microphone === 'muted'
            ? 'is muted'
            : 'has no microphone';
      setText(element, `${who} ${isAgent && !isSpeaking ? 'is there' : how}`);
    },
  };
}

function lineRow() {
  const name = h('span', { class: 'room-who' });
  const text = h('span');
  const element = h('div', { class: 'vb-row' }, name, text);
  return {
    element,
    /** @param {import('./transcript.js').Line} line */
    update(line) {
      element.dataset['final'] = String(line.isFinal);
      setText(name, line.name);
      setText(text, line.text);
    },
  };
}
