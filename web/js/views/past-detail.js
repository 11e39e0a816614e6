import { fill, h, setText } from '../lib/dom.js';
import { cost, duration, when } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { callFrom } from '../model/call-state.js';
import { learnRole } from '../model/role.js';
import { isSimulated, reasonWords, resultTone, resultWords, unwrittenWords } from '../model/words.js';
import { partyOf } from './call-list.js';
import { showFacts } from './call-pane.js';
import { wordsOf } from './notices.js';
import { createPlayer, loadPeaks } from './player.js';
import { recordActions } from './record-actions.js';
import { createTranscript } from './transcript.js';
import { createWaterfall } from './waterfall.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

/**
 * One call of the records.
 * @param {Api} api
 * @param {string} id
 * @param {() => string} back where the list is
 * @param {URLSearchParams} place the event that is to be shown, and the words that were asked for
 */
export function createPastDetail(api, id, back, place) {
  const title = h('h2', { class: 'call-title', tabIndex: -1 }, 'Call');
  const line = h('p', { class: 'call-head-line' });
  const actions = h('div', { class: 'call-actions' });
  const problem = h('p', { class: 'list-status', role: 'status' }, 'Loading …');
  const content = h('div', { class: 'past-content', hidden: true });
  const element = h(
    'article',
    { class: 'past-detail', 'aria-label': 'A past call' },
    h('a', { class: 'back', href: back() }, icon('back'), 'Past calls'),
    h('header', { class: 'call-head' }, h('div', { class: 'call-head-main' }, title, line), actions),
    problem,
    content,
  );
  const abort = new AbortController();
  /** @type {ReturnType<typeof createPlayer> | undefined} */
  let player;

  /**
   * @param {any} record
   * @param {CallState} call
   * @param {import('./player.js').Peaks | undefined} peaks undefined: there is no recording
   * @param {unknown} missing why the recording cannot be had
   * @param {any[]} events
   */
  const show = (record, call, peaks, missing, events) => {
    setText(title, partyOf(call));
    const tone = record.endedAt === null ? 'warning' : resultTone(record.result);
    const end = record.endedAt === null ? 'Going on' : `${resultWords(record.result)}: ${reasonWords(record.reason)}`;
    const price = isSimulated(record.model) ? 'Simulated, at no cost' : cost(record.cost, record.currency ?? 'USD');
    fill(
      line,
      h('span', { class: 'dot', 'aria-hidden': 'true', dataset: { tone } }),
      end,
      h('span', { class: 'numeric' }, when(Date.parse(record.startedAt))),
      record.durationMs === null ? undefined : h('span', { class: 'numeric' }, duration(record.durationMs)),
      price === ''
        ? undefined
        : h(
            'span',
            {
              class: 'numeric',
              title: 'What the model’s tokens cost; the writing down of the caller’s words is billed beside it',
            },
            price,
          ),
      record.endedAt === null ? h('a', { href: `#/live/${encodeURIComponent(id)}` }, 'Watch it live') : undefined,
    );
    const recorded = peaks !== undefined;
    const seek = (/** @type {number} */ ms) => player?.seekCall(ms);
    const transcript = createTranscript({
      ...(recorded ? { seek: (entry) => seek(entry.atMs) } : {}),
      label: 'Conversation',
    });
    const waterfall = createWaterfall({
      choose(ms) {
        if (recorded) seek(ms);
        transcript.reveal(ms);
      },
    });
    const facts = h('dl', { class: 'facts' });
    const isWordless =
      call.entries.some(({ role }) => role === 'caller') &&
      !call.entries.some(({ role, typed, text }) => role === 'caller' && !typed && text);
    transcript.explain(isWordless ? unwrittenWords() : undefined);
    transcript.update(call);
    waterfall.update(call);
    showFacts(facts, call);
    addUsage(facts, record);
    if (recorded) {
      player = createPlayer(api, id, call, peaks, (ms) => transcript.setCurrent(entryAt(call, ms)));
      content.append(player.element);
    } else {
      const words = missing === undefined ? 'This call was not recorded.' : wordsOf(missing);
      content.append(h('p', { class: 'card muted no-recording' }, words));
    }
    content.append(
      h(
        'div',
        { class: 'call-columns' },
        h('section', { class: 'card talk', 'aria-label': 'Conversation' }, transcript.element),
        h(
          'div',
          { class: 'call-aside' },
          afterCall(record.after),
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
    problem.hidden = true;
    content.hidden = false;
    player?.open();
    fill(actions, recordActions(api, record, events, back));
    const entry = entryOf(events.find((event) => event.id === place.get('event')));
    if (entry !== undefined) transcript.find(entry, place.get('text') ?? '');
  };

  const load = async () => {
    try {
      const [{ record, events }] = await Promise.all([api.record(id, abort.signal), learnRole(api)]);
      const call = callFrom(id, events);
      const known = Object.entries(record).filter(([, value]) => value !== null);
      call.info = { ...Object.fromEntries(known), ...call.info };
      // Its picture is asked for first: whether there is a recording, still or at all, decides what the page looks like.
      let peaks;
      let missing;
      if (record.recording) {
        try {
          peaks = await loadPeaks(api, id, abort.signal);
        } catch (error) {
          missing = error;
        }
      }
      if (!abort.signal.aborted) show(record, call, peaks, missing, events);
    } catch (error) {
      if (!abort.signal.aborted) setText(problem, wordsOf(error));
    }
  };
  void load();

  return {
    element,
    id,
    place: place.toString(),
    focus: () => title.focus(),
    close() {
      abort.abort();
      player?.close();
    },
  };
}

/** What a text model made of the call, where its prompt asks for it. @param {any} after */
function afterCall(after) {
  if (!after) return undefined;
  const { summary, outcome, fields = {}, model } = after;
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'after-title' },
    h('h3', { id: 'after-title' }, 'What it came to'),
    summary ? h('p', {}, summary) : undefined,
    h(
      'dl',
      { class: 'facts' },
      [
        ...(outcome ? [['Outcome', outcome]] : []),
        ...Object.entries(fields).map(([name, value]) => [name.replaceAll('_', ' '), value ?? 'not told']),
        ['Made by', model],
      ].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, String(value)))),
    ),
  );
}

/** The line that an event is of. @param {any} event */
function entryOf(event) {
  if (event === undefined) return undefined;
  return event.type === 'caller.text' ? `typed-${event.seq}` : `item-${event.data.itemId}`;
}

/** The line that is heard at a time: the last speech that began before it. @param {CallState} call @param {number} ms */
function entryAt(call, ms) {
  return call.entries.findLast((entry) => entry.kind === 'speech' && entry.atMs <= ms + 50)?.key;
}

/** @param {HTMLElement} facts @param {any} record */
function addUsage(facts, { usage, turns, toolCalls, recording }) {
  /** @type {Array<[string, string | undefined]>} */
  const more = [
    ['Turns', turns === undefined ? undefined : String(turns)],
    ['Tool calls', toolCalls === undefined ? undefined : String(toolCalls)],
    [
      'Tokens in',
      usage && `${usage.inputAudioTokens} audio, ${usage.inputTextTokens} text, ${usage.cachedTokens} cached`,
    ],
    ['Tokens out', usage && `${usage.outputAudioTokens} audio, ${usage.outputTextTokens} text`],
    ['Consent to recording', recording?.consent ?? undefined],
  ];
  for (const [name, value] of more)
    if (value !== undefined) facts.append(h('div', {}, h('dt', {}, name), h('dd', {}, value)));
}
