import { fill, h, setText } from '../lib/dom.js';
import { delay, duration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { elapsedMs } from '../model/call-state.js';
import { carrierWords, isSimulated, modelWords, transportWords, unwrittenWords } from '../model/words.js';
import { routeTo } from '../router.js';
import { askDigits, askHangUp, askTransfer } from './actions.js';
import { partyOf, standing } from './call-list.js';
import { createComposer } from './composer.js';
import { createLevelStrip } from './level-strip.js';
import { createListenBar } from './listen-bar.js';
import { createTranscript } from './transcript.js';
import { createWaterfall } from './waterfall.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

/**
 * The call that is looked at while it goes on.
 * @param {{ api: Api, now: () => number, isThere: () => boolean, status: import('../status.js').DaemonStatus }} options
 */
export function createCallPane({ api, now, isThere, status }) {
  /** @type {CallState | undefined} */
  let call;
  const party = h('h2', { class: 'call-title', tabIndex: -1 });
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const state = h('span', { role: 'status' });
  const clock = h('span', { class: 'numeric call-time' });
  const recording = h('span', { class: 'recording', hidden: true }, icon('record'), 'Recording');
  const simulated = h(
    'span',
    { class: 'tag warning', hidden: true, title: 'No model is asked, and nothing is billed' },
    'Simulated',
  );
  const facts = h('dl', { class: 'facts' });

  const act = (
    /** @type {string} */ words,
    /** @type {import('../lib/icons.js').IconName} */ image,
    /** @type {(api: Api, id: string, status: import('../status.js').DaemonStatus) => void} */ ask,
    kind = '',
  ) =>
    h(
      'button',
      { type: 'button', class: `button acts ${kind}`, onclick: () => call !== undefined && ask(api, call.id, status) },
      icon(image),
      words,
    );
  const hangUp = act(
    'Hang up',
    'hangUp',
    (_, id) => askHangUp(api, id, call === undefined ? '' : partyOf(call)),
    'danger',
  );
  const transfer = act('Transfer', 'transfer', askTransfer);
  const digits = act('Digits', 'keypad', askDigits);
  const past = h('a', { class: 'button', hidden: true }, 'Open the record');

  const strip = createLevelStrip();
  const transcript = createTranscript();
  const composer = createComposer(api, () => call?.id);
  const listening = createListenBar(api, () => call?.id);
  const waterfall = createWaterfall({ choose: (ms) => transcript.reveal(ms) });

  const pane = h(
    'article',
    { class: 'call-pane', 'aria-label': 'The chosen call', hidden: true },
    h('a', { class: 'back', href: '#/live' }, icon('back'), 'All live calls'),
    h(
      'header',
      { class: 'call-head' },
      h(
        'div',
        { class: 'call-head-main' },
        party,
        h('p', { class: 'call-head-line' }, dot, state, clock, recording, simulated),
      ),
      h('div', { class: 'call-actions' }, transfer, digits, hangUp, past),
    ),
    strip.element,
    listening.element,
    h(
      'div',
      { class: 'call-columns' },
      h('section', { class: 'card talk', 'aria-label': 'Conversation' }, transcript.element, composer.element),
      h(
        'div',
        // It scrolls, and may hold nothing that the keyboard could go to.
        { class: 'call-aside', tabIndex: 0, role: 'group', 'aria-label': 'Figures of the call' },
        waterfall.element,
        h(
          'section',
          { class: 'card', 'aria-labelledby': 'facts-title' },
          h('h3', { id: 'facts-title' }, 'About this call'),
          facts,
        ),
      ),
    ),
  );
  const nothing = h(
    'div',
    { class: 'empty big' },
    h('p', {}, 'Choose a call to follow it.'),
    h('p', { class: 'muted' }, 'Its words, tools and delays are shown here as they come.'),
  );
  const element = h('div', { class: 'detail-pane' }, pane, nothing);
  let rev = -1;
  /** The state and the revision of its turns that the waterfall shows. @type {CallState | undefined} */
  let drawn;
  let turnsRev = -1;

  return {
    element,
    /** Whether an operator's line to the call is open. */
    get listening() {
      return listening.active;
    },
    /** The call in which an operator speaks with the caller from here; undefined where none does. */
    get takenOver() {
      return listening.takesOver ? call?.id : undefined;
    },
    /** @param {CallState | undefined} next @param {boolean} missing an id was asked for that is not known */
    update(next, missing) {
      // For a moment it is not known: events were lost, and the calls are listed anew. The operator's line goes on, and is seen; it says itself when the call is over.
      if (next === undefined && missing && listening.active) return;
      if (next?.id !== call?.id) {
        rev = -1;
        composer.reset();
        listening.stop();
        strip.clear();
      }
      // The same call, begun anew.
      if (next !== call) rev = -1;
      call = next;
      pane.hidden = next === undefined;
      nothing.hidden = next !== undefined;
      setText(
        nothing.firstElementChild ?? nothing,
        missing ? 'This call is not going on (any more).' : 'Choose a call to follow it.',
      );
      if (next === undefined) return;
      strip.start();
      if (next.rev === rev) return;
      rev = next.rev;
      const { tone, words } = standing(next, isThere());
      const over = next.phase === 'ended';
      setText(party, partyOf(next));
      dot.dataset['tone'] = tone;
      setText(state, words);
      recording.hidden = !next.recording || !isThere();
      simulated.hidden = !isSimulated(next.info['model']);
      const hadFocus = [hangUp, transfer, digits, composer.element].some((one) => one.contains(document.activeElement));
      for (const button of [hangUp, transfer, digits]) button.hidden = over;
      for (const button of [transfer, digits]) button.disabled = next.phase === 'ringing' || !isThere();
      hangUp.disabled = !isThere();
      past.hidden = !over;
      past.href = routeTo('calls', next.id);
      if (over && hadFocus) past.focus();
      listening.element.hidden = over;
      // Nobody is there to be told anything.
      composer.element.hidden = over;
      listening.enable(isThere() && next.phase !== 'ringing');
      composer.enable(isThere() && (next.phase === 'talking' || next.phase === 'connecting'));
      const { transcription, transcriptionCure } = status.current?.agents[0] ?? {};
      transcript.explain(transcription === null ? unwrittenWords(transcriptionCure) : undefined);
      transcript.update(next);
      // Most of what a call tells is no turn: what they take is not drawn anew for each word.
      if (next !== drawn || next.turnsRev !== turnsRev) waterfall.update(next);
      drawn = next;
      turnsRev = next.turnsRev;
      showFacts(facts, next);
      this.tick();
    },
    tick() {
      if (call !== undefined) setText(clock, duration(elapsedMs(call, now())));
    },
    /** @param {{ caller: number | null, agent: number | null }} levels dBFS */
    levels(levels) {
      if (call !== undefined && call.phase !== 'ended') strip.push(levels);
    },
    /** Nothing is heard any more. */
    silence() {
      strip.clear();
    },
    focus() {
      party.focus();
    },
    /** Another view is shown: nobody's microphone stays open unseen. */
    leave() {
      listening.stop();
    },
  };
}

/** What a list of facts says, in one text. @type {WeakMap<HTMLElement, string>} */
const said = new WeakMap();

/**
 * What is known of a call beside its conversation; written where it is another.
 * @param {HTMLElement} list
 * @param {CallState} call
 */
export function showFacts(list, { id, info, transport, firstAudioMs, bargeIns, errors, end, audioPath }) {
  /** @type {Array<[string, string | undefined]>} */
  const facts = [
    [
      'Direction',
      info['direction'] === 'outbound' ? 'Outbound' : info['direction'] === 'inbound' ? 'Inbound' : undefined,
    ],
    [
      'From',
      info['from'] ?? (info['callerKind'] === 'withheld' && info['direction'] !== 'outbound' ? 'withheld' : undefined),
    ],
    ['To', info['to']],
    ['Carrier', carrierWords(info['carrier'])],
    ['Route', info['route']],
    ['Prompt', info['prompt']],
    ['Model', modelWords(info['model'])],
    ['Transport', transportWords(transport)],
    ['First words after', firstAudioMs === undefined ? undefined : delay(firstAudioMs)],
    ['Interruptions', String(bargeIns)],
    ['Errors', String(errors)],
    ['Ended', end?.detail],
    ['Audio path', audioPath],
    ['Call', id],
    ['Carrier’s id', info['carrierCallId']],
    ['Conversation', info['conversationId']],
    ['Tenant', info['tenantId']],
  ];
  const known = facts.filter(([, value]) => value !== undefined && value !== '');
  const text = JSON.stringify(known);
  if (said.get(list) === text) return;
  said.set(list, text);
  fill(
    list,
    known.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}
