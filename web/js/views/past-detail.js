import { fill, h, setText } from '../lib/dom.js';
import { cost, duration, when } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { callFrom } from '../model/call-state.js';
import { reasonWords, resultTone, resultWords } from '../model/words.js';
import { partyOf } from './call-list.js';
import { showFacts } from './call-pane.js';
import { wordsOf } from './notices.js';
import { createPlayer, loadPeaks } from './player.js';
import { createTranscript } from './transcript.js';
import { createWaterfall } from './waterfall.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/call-state.js').CallState} CallState
 */

/** Lines of a past call shown at most. */
const MOST_ENTRIES = 3_000;

/**
 * One call of the records.
 * @param {Api} api
 * @param {string} id
 * @param {() => string} back where the list is
 */
export function createPastDetail(api, id, back) {
  const title = h('h2', { class: 'call-title', tabIndex: -1 }, 'Call');
  const line = h('p', { class: 'call-head-line' });
  const problem = h('p', { class: 'list-status', role: 'status' }, 'Loading …');
  const content = h('div', { class: 'past-content', hidden: true });
  const element = h(
    'article',
    { class: 'past-detail', 'aria-label': 'A past call' },
    h('a', { class: 'back', href: back() }, icon('back'), 'Past calls'),
    h('header', { class: 'call-head' }, h('div', { class: 'call-head-main' }, title, line)),
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
   */
  const show = (record, call, peaks, missing) => {
    setText(title, partyOf(call));
    const tone = record.endedAt === null ? 'warning' : resultTone(record.result);
    const end = record.endedAt === null ? 'Going on' : `${resultWords(record.result)}: ${reasonWords(record.reason)}`;
    const price = cost(record.cost, record.currency ?? 'USD');
    fill(
      line,
      h('span', { class: 'dot', 'aria-hidden': 'true', dataset: { tone } }),
      end,
      h('span', { class: 'numeric' }, when(Date.parse(record.startedAt))),
      record.durationMs === null ? undefined : h('span', { class: 'numeric' }, duration(record.durationMs)),
      price === '' ? undefined : h('span', { class: 'numeric', title: 'What the model’s tokens cost' }, price),
      record.endedAt === null ? h('a', { href: `#/live/${encodeURIComponent(id)}` }, 'Watch it live') : undefined,
    );
    const recorded = peaks !== undefined;
    const seek = (/** @type {number} */ ms) => player?.seekCall(ms);
    const transcript = createTranscript({
      ...(recorded ? { seek: (entry) => seek(entry.atMs) } : {}),
      label: 'Conversation',
    });
    const waterfall = createWaterfall(recorded ? { seek } : {});
    const facts = h('dl', { class: 'facts' });
    transcript.update(call);
    waterfall.update(call.turns);
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
  };

  const load = async () => {
    try {
      const { record, events } = await api.record(id, abort.signal);
      const call = callFrom(id, events, { maxEntries: MOST_ENTRIES });
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
      if (!abort.signal.aborted) show(record, call, peaks, missing);
    } catch (error) {
      if (!abort.signal.aborted) setText(problem, wordsOf(error));
    }
  };
  void load();

  return {
    element,
    id,
    focus: () => title.focus(),
    close() {
      abort.abort();
      player?.close();
    },
  };
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
