/** A call report as text for a terminal: the tables a person reads after a trial call. */

import type { CallReport } from './report.ts';
import type { StreamReport } from './stream-report.ts';

/** Milliseconds as mm:ss.mmm. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const minutes = String(Math.floor(whole / 60_000)).padStart(2, '0');
  const seconds = String(Math.floor(whole / 1000) % 60).padStart(2, '0');
  return `${minutes}:${seconds}.${String(whole % 1000).padStart(3, '0')}`;
}

const ms = (value: number | undefined): string => (value === undefined ? '-' : `${Math.round(value)} ms`);
/** Quantities that are small when all is well are shown to the tenth. */
const fine = (value: number | undefined): string => (value === undefined ? '-' : `${value.toFixed(1)} ms`);

/** The report in tables, without the timeline; ends in a newline. */
export function formatReport(report: CallReport): string {
  const lines: string[] = [];
  lines.push(
    ...table('Call', [
      ['result', `${report.ok ? 'ok' : 'FAILED'}: ${report.reason}`],
      ['ended', `${report.ended.reason} (${report.ended.callStatus}, by the ${report.ended.by})`],
      ['duration', formatDuration(report.durationMs)],
      ['webhook', `${ms(report.connect.webhookMs)}${statusOf(report)}`],
      ...opened(report),
      ['first agent audio', `${ms(report.firstAgentAudio.fromStreamStartMs)} after the stream's start`],
      ['', `${ms(report.firstAgentAudio.fromCallStartMs)} after the call began`],
    ]),
  );
  for (const stream of report.streams) lines.push('', ...formatStream(stream));
  return `${lines.join('\n')}\n`;
}

/** How the way to the bridge came up: a WebSocket, or an acceptance and media. */
function opened({ connect }: CallReport): Array<[string, string]> {
  if (!('acceptedMs' in connect)) return [['WebSocket open', fine(connect.socketMs)]];
  return [
    ['accepted', `${ms(connect.acceptedMs)} after the call began`],
    ['media up', `${ms(connect.mediaMs)} after the call began`],
  ];
}

function statusOf(report: CallReport): string {
  return report.connect.webhookStatus === undefined ? '' : `, HTTP ${report.connect.webhookStatus}`;
}

function formatStream(stream: StreamReport): string[] {
  const { sent, received, playback, marks } = stream;
  const lines = table(`Stream ${stream.carrier} ${stream.codec}, ${formatDuration(stream.durationMs)}`, [
    ['sent', `${sent.frames} frames, ${sent.late} late (at most ${fine(sent.maxLateMs)}), ${sent.dropped} dropped`],
    ['received', `${received.messages} messages, ${ms(received.audioMs)} of audio`],
    [
      'spacing',
      `p50 ${fine(received.spacing.p50Ms)}, p95 ${fine(received.spacing.p95Ms)}, max ${fine(received.spacing.maxMs)}`,
    ],
    ['jitter', fine(received.jitterMs)],
    [
      'played',
      `${ms(playback.playedMs)}, ${ms(playback.clearedMs)} cleared, ${ms(playback.unheardMs)} left at the end`,
    ],
    ['gaps', `${playback.gaps} in speech, ${fine(playback.gapMs)} together, longest ${fine(playback.longestGapMs)}`],
    ['marks', `${marks.received}: ${marks.played} played, ${marks.cleared} cleared, ${marks.outstanding} outstanding`],
    ['clears', String(stream.clears.length)],
    ['faults', formatFaults(stream)],
  ]);
  if (playback.overflowMs > 0) lines.push(row('overflow', `${ms(playback.overflowMs)} beyond ten minutes dropped`));
  if (stream.dtmf.pressed !== '') lines.push(row('pressed', stream.dtmf.pressed));
  if (stream.dtmf.received !== '') lines.push(row('digits received', stream.dtmf.received));
  if (stream.turns.length > 0) {
    const rows = stream.turns.map((turn): [string, string] => [
      formatDuration(turn.callerFromMs),
      turn.responseMs === undefined ? 'no answer' : `answered after ${ms(turn.responseMs)}`,
    ]);
    lines.push('', ...table('Turns of the caller', rows));
  }
  if (stream.interruptions.length > 0) lines.push('', ...formatInterruptions(stream));
  return lines;
}

function formatInterruptions(stream: StreamReport): string[] {
  const rows = stream.interruptions.map((i): [string, string] => {
    const how = i.silencedBy === 'nothing' ? 'the agent went on' : `silent by ${i.silencedBy} after ${ms(i.delayMs)}`;
    const parts = [how, `${ms(i.heardMs)} heard in all`, `${ms(i.clearedMs)} cleared`];
    if (i.leftoverMs > 0) parts.push(`${ms(i.leftoverMs)} still heard after the clear`);
    if (i.reportedHeardMs !== undefined) {
      parts.push(`bridge says ${ms(i.reportedHeardMs)} (off by ${ms(i.reportedHeardMs - i.heardMs)})`);
    }
    return [formatDuration(i.callerFromMs), parts.join(', ')];
  });
  return table('Interruptions', rows);
}

function formatFaults(stream: StreamReport): string {
  const kinds = Object.entries(stream.faults).filter(([, count]) => count > 0);
  return kinds.length === 0 ? 'none' : kinds.map(([name, count]) => `${count} ${name}`).join(', ');
}

function table(title: string, rows: ReadonlyArray<[string, string]>): string[] {
  return [title, ...rows.map(([name, value]) => row(name, value))];
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(18)} ${value}`;
}
