import { ensureStyles, PhoneStage } from '../../phone/phone-stage.js';
import { errorWords } from '../../phone/words.js';
import { h, setText } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { answeredInstead, Sitting } from '../model/sitting.js';
import { isSimulated, unwrittenWords } from '../model/words.js';
import { routeTo } from '../router.js';
import { createAgentChoice } from './agent-choice.js';
import { partyOf, standing } from './call-list.js';
import { showFacts } from './call-pane.js';
import { createDeskDelays, createSitting } from './desk-delays.js';
import { createDeskDevices } from './desk-devices.js';
import { createKeypad } from './desk-keypad.js';
import { createLevelStrip } from './level-strip.js';
import { notify, wordsOf } from './notices.js';
import { createTranscript } from './transcript.js';
import { createWaterfall } from './waterfall.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 * @typedef {import('../../phone/phone.js').Phone} Phone
 */

/**
 * The test desk: the telephone beside the very call that it makes, with who answers it, and how long each answer took.
 * @param {{ api: Api, own: import('../own-phone.js').OwnPhone, phone: Phone, calls: import('../model/live-calls.js').LiveCalls,
 *   status: import('../status.js').DaemonStatus, unsaved: import('../model/unsaved.js').Unsaved, loadHistory: (id: string) => void }} options
 */
export function createDesk({ api, own, phone, calls, status, unsaved, loadHistory }) {
  ensureStyles();
  const choice = createAgentChoice({ api, status, unsaved });
  const problem = h('p', { class: 'form-problem', role: 'alert' });
  const stage = new PhoneStage(phone, () => void place());
  const keypad = createKeypad((digit) => phone.press(digit));
  const devices = createDeskDevices(phone);
  const strip = createLevelStrip();
  const transcript = createTranscript();
  const waterfall = createWaterfall({ choose: (ms) => transcript.reveal(ms) });
  /** When the daemon was lost, by its clock; undefined while it is there: from then on nothing that is shown goes on. @type {number | undefined} */
  let lostAt;
  const delays = createDeskDelays({ now: () => lostAt ?? Date.now() - calls.skewMs });
  const sitting = new Sitting();
  const compared = createSitting();
  const facts = h('dl', { class: 'facts' });
  const input = h('input', {
    type: 'text',
    maxLength: 4000,
    autocomplete: 'off',
    enterKeyHint: 'send',
    'aria-label': 'Message to the agent',
    placeholder: 'Write to the agent in place of speaking',
  });
  const send = h('button', { type: 'submit', class: 'button primary', 'aria-label': 'Send' }, icon('send'));
  const form = h('form', { class: 'composer' }, h('div', { class: 'composer-line' }, input, send));
  const title = h('h2', { class: 'call-title', tabIndex: -1 }, 'Test desk');
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  // The telephone says how the call stands; to say it twice would be noise to who has it read out.
  const state = h('span', {}, 'No call yet');
  const simulated = h(
    'span',
    { class: 'tag warning', hidden: true, title: 'No model is asked, and nothing is billed' },
    'Simulated',
  );
  const record = h('a', { class: 'button', hidden: true }, 'Open the record');
  const inList = h('a', { class: 'button', hidden: true }, 'In the live list');
  const element = h(
    'div',
    { class: 'desk' },
    h(
      'section',
      { class: 'desk-phone', 'aria-label': 'Telephone' },
      h('div', { class: 'card desk-part' }, choice.element, problem),
      h('div', { class: 'vb-phone' }, stage.element, stage.notice),
      keypad.element,
      devices.element,
    ),
    h(
      'section',
      { class: 'desk-call', 'aria-label': 'The call' },
      h(
        'header',
        { class: 'call-head' },
        h('div', { class: 'call-head-main' }, title, h('p', { class: 'call-head-line' }, dot, state, simulated)),
        h('div', { class: 'call-actions' }, inList, record),
      ),
      strip.element,
      h('section', { class: 'card talk', 'aria-label': 'Conversation' }, transcript.element, form),
    ),
    h(
      'aside',
      { class: 'desk-aside', tabIndex: 0, 'aria-label': 'Figures of the call' },
      delays.element,
      waterfall.element,
      compared.element,
      h('details', { class: 'card desk-part' }, h('summary', {}, 'About this call'), facts),
    ),
  );

  /** @type {CallState | undefined} */
  let call;
  let rev = -1;
  let asked = false;
  let placing = false;

  const place = async () => {
    if (placing || phone.active) return;
    placing = true;
    setText(problem, '');
    try {
      const { options, ...named } = await choice.order();
      // Somebody may have called from the corner meanwhile.
      if (phone.active) return;
      sitting.order({ ...named, prompt: options.agentName }, phone.sessionId);
      own.place = 'desk';
      keypad.reset();
      await phone.call(options);
    } catch (error) {
      setText(problem, wordsOf(error));
    } finally {
      placing = false;
    }
  };

  /** The calls that the telephone made here, as the stream of events tells them; the newest is looked at. */
  const follow = () => {
    const made = sitting.calls((id) => calls.get(id));
    const next = made[0]?.call;
    if (next === undefined || next === call) return made;
    if (next.id !== call?.id) strip.clear();
    call = next;
    rev = -1;
    if (calls.lacksHistory(next.id)) loadHistory(next.id);
    return made;
  };
  const draw = () => {
    asked = false;
    if (!element.isConnected) return;
    const made = follow();
    if (call === undefined) return delays.update(undefined);
    if (call.rev === rev) return;
    rev = call.rev;
    const { tone, words } = standing(call, lostAt === undefined);
    dot.dataset['tone'] = tone;
    setText(state, words);
    setText(title, made[0]?.words ?? partyOf(call));
    const instead = made[0] && answeredInstead(made[0]);
    if (instead !== undefined) setText(problem, `This prompt is not there any more: ${instead} answered.`);
    simulated.hidden = !isSimulated(call.info['model']);
    const over = call.phase === 'ended';
    record.hidden = !over;
    inList.hidden = over;
    record.href = routeTo('calls', call.id);
    inList.href = routeTo('live', call.id);
    const { transcription, transcriptionCure } = status.current?.agents[0] ?? {};
    transcript.explain(transcription === null ? unwrittenWords(transcriptionCure) : undefined);
    transcript.update(call);
    waterfall.update(call);
    delays.update(call);
    compared.update(made);
    showFacts(facts, call);
  };
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  };
  const showPhone = () => {
    const { active, state: phoneState } = phone;
    const inCall = phoneState === 'connected' || phoneState === 'unstable';
    choice.enable(!active);
    keypad.enable(inCall);
    for (const part of [input, send]) part.disabled = !inCall;
    // Noted at once: it may be over before it is drawn.
    if (own.place === 'desk') sitting.note(phone.sessionId);
    ask();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === '' || input.disabled) return;
    input.value = '';
    phone.type(text);
  });
  phone.addEventListener('turn', (event) => {
    const { state: turn, code, message, text } = /** @type {CustomEvent} */ (event).detail;
    if (turn !== 'failed' || !element.isConnected) return;
    notify(`Not sent: ${errorWords(code ?? 'TIMEOUT', message)}`, 'error');
    if (input.value === '') input.value = text;
  });
  phone.addEventListener('change', showPhone);
  showPhone();

  return {
    element,
    /** Something of a call may have changed. */
    ask,
    /** @param {import('../router.js').Route} route */
    show({ query }) {
      const wanted = query.get('agent');
      if (wanted !== null) choice.choose(wanted);
      strip.start();
      devices.show();
      void choice.load().catch((error) => setText(problem, wordsOf(error)));
      rev = -1;
      ask();
    },
    /** After signing in. */
    refresh() {
      if (element.isConnected) void choice.load().catch((error) => setText(problem, wordsOf(error)));
    },
    /** Whether the daemon is there: without it no state is said to go on. @param {boolean} there */
    connected(there) {
      if (there === (lostAt === undefined)) return;
      lostAt = there ? undefined : Date.now() - calls.skewMs;
      rev = -1;
      ask();
    },
    /** Another view is shown; a call goes on, and the page's head shows it. */
    leave() {
      strip.rest();
      devices.leave();
    },
    /** @param {{ callId: string, caller: number | null, agent: number | null }} message dBFS */
    levels(message) {
      if (element.isConnected && message.callId === call?.id && call.phase !== 'ended') strip.push(message);
    },
  };
}
