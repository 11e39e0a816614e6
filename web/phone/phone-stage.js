import { h, setText } from '../js/lib/dom.js';
import { duration } from '../js/lib/format.js';
import { createFace, QUIET_DB, roundButton } from './phone-face.js';
import { callWords, STATE_WORDS } from './words.js';

/** How often the time is written, ms. */
const CLOCK_MS = 500;

/** A telephone's face and what can be pressed of it: state, time and levels, call and hang-up, microphone and loudspeaker. */
export class PhoneStage {
  #phone;
  #frame = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;
  #face = createFace();
  #status = h('p', { class: 'vb-status', role: 'status' });
  #time = h('p', { class: 'vb-time', role: 'timer', 'aria-label': 'Duration of the call' });
  #connection = h('p', { class: 'vb-connection' });
  #call = roundButton('vb-call', 'phone', 'Call');
  #hangUp = roundButton('vb-hangup', 'hangUp', 'Hang up');
  #mute = roundButton('', 'microphone', 'Mute microphone', 'Mute');
  #speaker = roundButton('', 'speaker', 'Mute speaker');
  #unsilence = h('button', { type: 'button', class: 'vb-button vb-call', hidden: true }, 'Hear the agent');

  /**
   * @param {import('./phone.js').Phone} phone
   * @param {() => void} place calls
   */
  constructor(phone, place) {
    this.#phone = phone;
    this.element = h(
      'div',
      { class: 'vb-stage' },
      this.#face.element,
      h('div', { class: 'vb-head' }, this.#status, this.#time, this.#connection),
      h(
        'div',
        { class: 'vb-controls' },
        this.#mute.element,
        this.#call.element,
        this.#hangUp.element,
        this.#speaker.element,
      ),
      this.#unsilence,
    );
    this.notice = h('p', { class: 'vb-notice', role: 'alert', hidden: true });
    this.#call.button.addEventListener('click', place);
    this.#hangUp.button.addEventListener('click', () => phone.hangUp());
    this.#mute.button.addEventListener('click', () => phone.setMuted(!phone.muted));
    this.#speaker.button.addEventListener('click', () => phone.setSpeakerMuted(!phone.speakerMuted));
    this.#unsilence.addEventListener('click', () => void phone.unsilence());
    phone.addEventListener('change', () => this.show());
    this.show();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearInterval(this.#clock);
  }

  /** Shows how the phone stands; it does so by itself whenever that changes. */
  show() {
    const phone = this.#phone;
    const { state, active, muted, speakerMuted } = phone;
    const inCall = state === 'connected' || state === 'unstable';
    this.element.dataset['state'] = state;
    setText(this.#status, phone.reason === undefined ? STATE_WORDS[state] : `${STATE_WORDS[state]}. ${phone.reason}`);
    setText(this.#connection, active ? connectionWords(phone.connection.peer) : '');
    this.notice.hidden = phone.microphoneProblem === undefined;
    setText(
      this.notice,
      phone.microphoneProblem === undefined
        ? ''
        : `${phone.microphoneProblem} The agent hears silence; you can hear it and write to it.`,
    );
    this.#call.show('phone', callWords(state).words);
    this.#swap(active);
    const mute = muted ? 'Unmute' : 'Mute';
    this.#mute.show(muted ? 'microphoneOff' : 'microphone', `${mute} microphone`, mute);
    this.#mute.button.classList.toggle('vb-off', muted);
    this.#speaker.show(speakerMuted ? 'speakerOff' : 'speaker', speakerMuted ? 'Unmute speaker' : 'Mute speaker');
    this.#speaker.button.classList.toggle('vb-off', speakerMuted);
    this.#unsilence.hidden = !phone.silenced;
    this.#tick();
    if (inCall) this.#clock ??= setInterval(() => this.#tick(), CLOCK_MS);
    else {
      clearInterval(this.#clock);
      this.#clock = undefined;
      this.#face.show(QUIET_DB, QUIET_DB);
    }
    if (inCall && this.#frame === 0) this.#frame = requestAnimationFrame(this.#draw);
  }

  /** One of two buttons is there; the keyboard stays where it was when one takes the other's place. @param {boolean} active */
  #swap(active) {
    const [gone, there] = active ? [this.#call, this.#hangUp] : [this.#hangUp, this.#call];
    const hadFocus = document.activeElement === gone.button;
    there.element.hidden = false;
    if (hadFocus) there.button.focus();
    gone.element.hidden = true;
  }

  #tick() {
    const { since } = this.#phone;
    setText(this.#time, since === undefined ? '' : duration(Date.now() - since));
  }

  /** Levels go with the picture, and stand still where nobody looks. */
  #draw = () => {
    const { mine, agent } = this.#phone.levels;
    this.#face.show(this.#phone.muted ? QUIET_DB : mine, agent);
    this.#frame = this.#phone.active ? requestAnimationFrame(this.#draw) : 0;
  };
}

/** What to say of the way that the sound takes; nothing where it flows. @param {string} peer state of the connection */
function connectionWords(peer) {
  const words = {
    new: 'Finding a way for the sound …',
    connecting: 'Finding a way for the sound …',
    disconnected: 'The sound is interrupted.',
  };
  return Reflect.get(words, peer) ?? '';
}

/** The face brings its looks along, once a page. @param {string} [file] */
export function ensureStyles(file = 'phone.css') {
  const href = new URL(file, import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`) !== null) return;
  document.head.append(h('link', { rel: 'stylesheet', href }));
}
