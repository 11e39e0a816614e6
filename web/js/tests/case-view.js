import { h } from '../lib/dom.js';
import { duration } from '../lib/format.js';
import { momentsOf } from './moments.js';
import { createTapePlayer } from './player.js';

/** @param {string} state */
export const stateWord = (state) => h('span', { class: 'tests-state', dataset: { state } }, state);

/**
 * @param {Array<Array<Node | string | undefined>>} rows
 * @param {string} label
 */
const table = (rows, label) =>
  rows.length === 0
    ? undefined
    : h(
        'section',
        {},
        h('h3', {}, label),
        h(
          'table',
          { class: 'tests-lines' },
          h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells.map((cell) => h('td', {}, cell))))),
        ),
      );

/**
 * One tested call: what it came to and why, its tape, the conversation, checks, verdicts.
 * @param {import('../api.js').Api} api
 * @param {string} run
 * @param {any} one the case's report
 */
export async function createCaseView(api, run, one) {
  const path = `../tests/runs/${encodeURIComponent(run)}/cases/${encodeURIComponent(one.id)}/tape`;
  const peaks = one.tape ? await api.get(`${path}/peaks?buckets=1000`).catch(() => undefined) : undefined;
  const player =
    peaks === undefined ? undefined : createTapePlayer(api, path, peaks, momentsOf(one.measures ?? { durationMs: 0 }));
  const at = (/** @type {number | undefined} */ ms) => {
    if (ms === undefined) return '';
    if (player === undefined) return duration(ms);
    const button = h('button', { type: 'button' }, duration(ms));
    button.addEventListener('click', () => player.seek(ms));
    return h('span', { class: 'time' }, button);
  };
  const lines = one.transcript.length > 0 ? one.transcript : one.providerTranscript;
  const element = h(
    'article',
    { 'aria-label': one.name },
    h('h2', {}, one.name),
    h('p', {}, stateWord(one.state), ` ${one.id}, ${duration(one.durationMs)}`),
    one.reasons.length === 0
      ? undefined
      : h('ul', { class: 'tests-reasons' }, ...one.reasons.map((/** @type {string} */ why) => h('li', {}, why))),
    player?.element,
    typeof one.measures?.path?.delayMs === 'number'
      ? h('p', {}, `The way is ${Math.round(one.measures.path.delayMs)} ms of each latency.`)
      : undefined,
    table(
      lines.map((/** @type {any} */ line) => [at(line.fromMs), line.who, line.text]),
      one.transcript.length > 0 ? 'What was heard' : "As the agent's side wrote it down",
    ),
    table(
      one.tools.map((/** @type {any} */ call) => [at(call.atMs), call.name, JSON.stringify(call.arguments)]),
      'Tools',
    ),
    table(
      one.checks.map((/** @type {any} */ check) => [
        stateWord(check.unknown ? 'not-executed' : check.ok ? 'passed' : 'failed'),
        check.what,
        check.why ?? '',
        at(check.atMs),
      ]),
      'Checks',
    ),
    table(
      (one.judged?.criteria ?? []).map((/** @type {any} */ criterion) => [
        stateWord(criterion.verdict),
        criterion.criterion,
        criterion.votes[0]?.reason ?? '',
        criterion.votes[0]?.quote ?? '',
        `${Math.round(criterion.agreement * 100)} % of ${criterion.votes.length} votes`,
      ]),
      'Judged',
    ),
    table(
      one.gates.map((/** @type {any} */ gate) => [
        stateWord(gate.state),
        gate.figure,
        gate.value === null ? 'too few' : String(Math.round(gate.value * 1000) / 1000),
        `n ${gate.n}`,
      ]),
      'Gates',
    ),
  );
  return { element, close: () => player?.close() };
}
