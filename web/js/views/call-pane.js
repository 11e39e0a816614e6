import { fill, h, setText } from '../lib/dom.js';
import { delay, duration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { elapsedMs } from '../model/call-state.js';
import { carrierWords, transportWords } from '../model/words.js';
import { routeTo } from '../router.js';
import { askDigits, askHangUp, askTransfer } from './actions.js';
import { partyOf, standing } from './call-list.js';
import { createComposer } from './composer.js';
import { createLevelStrip } from './level-strip.js';
import { createTranscript } from './transcript.js';
import { createWaterfall } from './waterfall.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

/**
 * The call that is looked at while it goes on.
 * @param {{ api: Api, now: () => number }} options
 */
export function createCallPane({ api, now }) {
  /** @type {CallState | undefined} */
  let call;
  const party = h('h2', { class: 'call-title', tabIndex: -1 });
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const state = h('span', { role: 'status' });
  const clock = h('span', { class: 'numeric call-time' });
  const recording = h('span', { class: 'recording', hidden: true }, icon('record'), 'Recording');
  const facts = h('dl', { class: 'facts' });

  const act = (
    /** @type {string} */ words,
    /** @type {import('../lib/icons.js').IconName} */ image,
    /** @type {(api: Api, id: string) => void} */ ask,
    kind = '',
  ) =>
    h(
      'button',
      { type: 'button', class: `button ${kind}`, onclick: () => call !== undefined && ask(api, call.id) },
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
  const waterfall = createWaterfall();

  const pane = h(
    'article',
    { class: 'call-pane', 'aria-label': 'The chosen call', hidden: true },
    h('a', { class: 'back', href: '#/live' }, icon('back'), 'All live calls'),
    h(
      'header',
      { class: 'call-head' },
      h('div', { class: 'call-head-main' }, party, h('p', { class: 'call-head-line' }, dot, state, clock, recording)),
      h('div', { class: 'call-actions' }, transfer, digits, hangUp, past),
    ),
    strip.element,
    h(
      'div',
      { class: 'call-columns' },
      h('section', { class: 'card talk', 'aria-label': 'Conversation' }, transcript.element, composer.element),
      h(
        'div',
        { class: 'call-aside' },
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

  return {
    element,
    /** @param {CallState | undefined} next @param {boolean} missing an id was asked for that is not known */
    update(next, missing) {
      if (next?.id !== call?.id) {
        rev = -1;
        composer.reset();
        strip.clear();
      }
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
      const { tone, words } = standing(next);
      const over = next.phase === 'ended';
      setText(party, partyOf(next));
      dot.dataset['tone'] = tone;
      setText(state, words);
      recording.hidden = !next.recording;
      for (const button of [hangUp, transfer, digits]) button.hidden = over;
      for (const button of [transfer, digits]) button.disabled = next.phase === 'ringing';
      past.hidden = !over;
      past.href = routeTo('calls', next.id);
      composer.enable(next.phase === 'talking' || next.phase === 'connecting');
      transcript.update(next);
      waterfall.update(next.turns);
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
    focus() {
      party.focus();
    },
  };
}

/**
 * What is known of a call beside its conversation.
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
    ['Model', info['model']],
    ['Transport', transportWords(transport)],
    ['First words after', firstAudioMs === undefined ? undefined : delay(firstAudioMs)],
    ['Interruptions', String(bargeIns)],
    ['Errors', String(errors)],
    ['Ended', end?.detail],
    ['Audio path', audioPath],
    ['Call', id],
    ['Carrier’s id', info['carrierCallId']],
    ['Conversation', info['conversationId']],
  ];
  fill(
    list,
    facts.flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [h('div', {}, h('dt', {}, name), h('dd', {}, value))],
    ),
  );
}
