import type { Figures } from '../../measure/measures.ts';
import { gateText } from '../gates.ts';
import { isFlaky } from './repeats.ts';
import { passHatRows, rowsOf } from './text.ts';
import type { CaseReport, RunReport } from './types.ts';

/** A run as one file of HTML: no script, nothing from elsewhere, so that it can be attached, kept and opened anywhere. */

/** The course of the level of both sides of a tape, for its picture: highest magnitudes, 0 to 1. */
export interface Outline {
  readonly durationMs: number;
  readonly caller: readonly number[];
  readonly agent: readonly number[];
}

const escaped = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const STYLE = `
:root{color-scheme:light dark;--ok:#1a7f37;--bad:#c1121f;--dim:#6e7781;--line:#d0d7de;--caller:#8250df;--agent:#0969da}
@media(prefers-color-scheme:dark){:root{--ok:#3fb950;--bad:#ff7b72;--dim:#8b949e;--line:#30363d;--caller:#d2a8ff;--agent:#79c0ff}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.5rem .8rem}summary{cursor:pointer}
svg{width:100%;height:110px;display:block;margin:.5rem 0}
.passed,.kept{color:var(--ok)}.failed,.broken{color:var(--bad)}.invalid,.not-executed,.undecided,.dim{color:var(--dim)}
.who{width:5rem;color:var(--dim)}.caller{color:var(--caller)}.agent{color:var(--agent)}
svg .caller{fill:var(--caller)}svg .agent{fill:var(--agent)}svg .mark{stroke:var(--dim);stroke-width:1;vector-effect:non-scaling-stroke}
svg .missed,svg .late{stroke:var(--bad);stroke-width:2;vector-effect:non-scaling-stroke}`;

/** `outlineOf` gives the picture of a case's tape; undefined where there is none. */
export function htmlPage(
  report: RunReport,
  cases: readonly CaseReport[],
  outlineOf: (id: string) => Outline | undefined,
): string {
  const { counts } = report;
  const rows = report.figures === undefined ? [] : rowsOf(report.figures as unknown as Figures);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(report.suite)}: ${report.state}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escaped(report.suite)} <span class="${report.state}">${report.state}</span></h1>`,
    `<p>${counts.passed} passed, ${counts.failed} failed, ${counts.invalid} invalid, ${counts['not-executed']} not executed, of ${report.planned}. <span class="dim">Run ${report.id}, ${report.startedAt}, ${report.spent.minutes.toFixed(1)} minutes of calls.</span></p>`,
    table(rows.map(([name, value]) => [escaped(name), escaped(value)])),
    report.gates.length === 0 ? '' : '<h2>Gates</h2>',
    table(report.gates.map((gate) => [`<span class="${gate.state}">${gate.state}</span>`, escaped(gateText(gate))])),
    ...repeatsHtml(report),
    '<h2>Cases</h2>',
    ...cases.map((one) => caseHtml(one, outlineOf(one.id))),
    ...report.notes.map((note) => `<p class="dim">${escaped(note)}</p>`),
    '</body></html>',
    '',
  ].join('\n');
}

/** How far cases can be relied on that were called more than once. */
function repeatsHtml({ repeats }: RunReport): string[] {
  if (repeats === undefined) return [];
  return [
    '<h2>Repeats</h2>',
    table(passHatRows(repeats)),
    table(
      repeats.cases.map((one) => [
        `<span class="${isFlaky(one) ? 'failed' : 'dim'}">${isFlaky(one) ? 'flaky' : 'alike'}</span>`,
        escaped(one.name),
        `passed ${one.passed} of ${one.n}`,
      ]),
    ),
  ];
}

const table = (rows: ReadonlyArray<readonly string[]>) =>
  rows.length === 0
    ? ''
    : `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('')}</table>`;

function caseHtml(one: CaseReport, outline: Outline | undefined): string {
  const lines = one.transcript.length > 0 ? one.transcript : one.providerTranscript;
  const verdicts = one.judged?.criteria ?? [];
  return [
    `<details${one.state === 'failed' ? ' open' : ''}><summary><b class="${one.state}">${one.state}</b> ${escaped(one.name)} <span class="dim">${escaped(one.id)}, ${(one.durationMs / 1000).toFixed(1)} s</span></summary>`,
    ...one.reasons.map((reason) => `<p class="${one.state}">${escaped(reason)}</p>`),
    outline === undefined ? '' : picture(one, outline),
    wayHtml(one),
    table(
      lines.map(({ who, text, fromMs }) => [
        `<span class="dim">${fromMs === undefined ? '' : (fromMs / 1000).toFixed(1)}</span>`,
        `<span class="${who}">${who}</span>`,
        escaped(text),
      ]),
    ),
    table(
      one.tools.map((call) => [
        'tool',
        escaped(call.name),
        `<code>${escaped(JSON.stringify(call.arguments) ?? '')}</code>`,
      ]),
    ),
    table(
      one.checks.map(({ what, ok, unknown, why }) => [
        unknown
          ? '<span class="invalid">not known</span>'
          : `<span class="${ok ? 'passed' : 'failed'}">${ok ? 'ok' : 'failed'}</span>`,
        escaped(what),
        escaped(why ?? ''),
      ]),
    ),
    table(
      verdicts.map(({ criterion, verdict, agreement, votes }) => [
        `<span class="${verdict === 'pass' ? 'passed' : verdict === 'fail' ? 'failed' : 'invalid'}">${verdict}</span>`,
        escaped(criterion),
        escaped(`${votes[0]?.reason ?? ''} (${Math.round(agreement * 100)} % of ${votes.length} votes)`),
        votes[0]?.quote ? `<q>${escaped(votes[0].quote)}</q>` : '',
      ]),
    ),
    table(one.gates.map((gate) => [`<span class="${gate.state}">${gate.state}</span>`, escaped(gateText(gate))])),
    '</details>',
  ].join('\n');
}

/** What of each latency was the way, where it is known. */
function wayHtml({ measures }: CaseReport): string {
  const path = measures?.path;
  if (typeof path?.delayMs !== 'number') return '';
  const { delayMs, roundTripMs, jitterBufferMs, ownQueuesMs } = path;
  const { turns = [] } = measures ?? {};
  const ways = turns.flatMap(({ pathMs }) => pathMs ?? []).map(Math.round);
  const parts = [
    ['round trip', roundTripMs],
    ['our jitter buffer', jitterBufferMs],
    ['our own queues', ownQueuesMs],
  ] as const;
  // A case that an earlier version measured has no queues.
  const known = parts.flatMap(([name, ms]) => (typeof ms === 'number' ? [`${name} ${Math.round(ms)}`] : []));
  const [least, most] = [Math.min(...ways), Math.max(...ways)];
  const varied = most > least ? ` At the answers it was ${least} to ${most} ms.` : '';
  return `<p class="dim">The way is ${Math.round(delayMs)} ms of each latency: ${known.join(', ')}.${varied}</p>`;
}

const WIDTH = 1000;
const HALF = 50;

interface Moment {
  readonly atMs: number;
  readonly kind: 'mark' | 'late' | 'missed';
  readonly title: string;
}

/** Where each answer began or did not come, who interrupted whom, and where something was missing. A case that an earlier version measured may lack some. */
function momentsOf(measures: CaseReport['measures']): Moment[] {
  const { turns = [], agentInterruptions = [], callerInterruptions = [], deadAir = [] } = measures ?? {};
  const { sound } = measures ?? {};
  const ms = (value: number | undefined) => `${Math.round(value ?? 0)} ms`;
  const holes = (who: 'caller' | 'agent') =>
    (sound?.[who].dropouts ?? []).map(
      ({ fromMs, toMs }): Moment => ({
        atMs: fromMs,
        kind: 'missed',
        title: `a hole of ${ms(toMs - fromMs)} in the ${who}'s words`,
      }),
    );
  return [
    ...turns.map(
      ({ toMs, outcome, timing, latencyMs }): Moment => ({
        atMs: toMs,
        kind: outcome === 'missed' ? 'missed' : timing === 'late' ? 'late' : 'mark',
        title: outcome === 'answered' ? `answered after ${ms(latencyMs)}` : outcome,
      }),
    ),
    ...agentInterruptions.map(
      ({ atMs, overlapMs }): Moment => ({
        atMs,
        kind: 'missed',
        title: `the agent speaks over the caller for ${ms(overlapMs)}`,
      }),
    ),
    ...callerInterruptions.map(
      ({ atMs, yielded, yieldMs }): Moment => ({
        atMs,
        kind: yielded ? 'mark' : 'missed',
        title: yielded ? `the agent yields after ${ms(yieldMs)}` : 'the agent does not yield',
      }),
    ),
    ...deadAir.map(
      ({ fromMs, toMs }): Moment => ({
        atMs: fromMs,
        kind: 'missed',
        title: `nothing is heard for ${ms(toMs - fromMs)}`,
      }),
    ),
    ...holes('agent'),
    ...holes('caller'),
  ];
}

/** Both sides above each other, and the moments that were measured. */
function picture({ measures }: CaseReport, { durationMs, caller, agent }: Outline): string {
  const x = (ms: number) => ((ms / Math.max(1, durationMs)) * WIDTH).toFixed(1);
  const side = (peaks: readonly number[], middle: number, name: string) => {
    const step = WIDTH / Math.max(1, peaks.length);
    const bars = peaks
      .map((peak, i) => [i * step, Math.max(0.5, peak * HALF * 0.95)] as const)
      .map(
        ([at, high]) =>
          `M${at.toFixed(1)} ${(middle - high / 2).toFixed(1)}h${step.toFixed(2)}v${high.toFixed(1)}h-${step.toFixed(2)}z`,
      )
      .join('');
    return `<path class="${name}" d="${bars}"/>`;
  };
  const marks = momentsOf(measures).map(
    ({ atMs, kind, title }) =>
      `<line class="${kind}" x1="${x(atMs)}" x2="${x(atMs)}" y1="0" y2="${2 * HALF}"><title>${title}</title></line>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${2 * HALF}" preserveAspectRatio="none" role="img" aria-label="Caller above, agent below">${side(caller, HALF / 2, 'caller')}${side(agent, HALF * 1.5, 'agent')}${marks.join('')}</svg>`;
}
