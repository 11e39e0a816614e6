/** What one call measured. All times in ms since the call began, unless they say otherwise; undefined is what did not happen. */

import type { FlowEnd } from './flow.ts';
import type { StreamReport } from './stream-report.ts';
import { type Timeline, type TimelineEntry, tenth } from './timeline.ts';

export interface CallReport {
  readonly carrier: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
  /** Audio went both ways, as far as a phone can tell: frames were sent and sound of the agent was heard. */
  readonly ok: boolean;
  /** In words: what is wrong when not `ok`. */
  readonly reason: string;
  readonly ended: FlowEnd;
  readonly durationMs: number;
  readonly connect: {
    /** How long the first answer of the webhook took, and its HTTP status. */
    readonly webhookMs: number | undefined;
    readonly webhookStatus: number | undefined;
    /** How long the WebSocket took to open. */
    readonly socketMs: number | undefined;
    /** When the stream's `start` was sent. */
    readonly streamStartMs: number | undefined;
    /** Of a call that is accepted apart from its media: when it was, and when media was up. */
    readonly acceptedMs?: number | undefined;
    readonly mediaMs?: number | undefined;
  };
  readonly firstAgentAudio: {
    readonly fromStreamStartMs: number | undefined;
    readonly fromCallStartMs: number | undefined;
  };
  /** Silence between the caller's last sound and the agent's first, over all answered turns. */
  readonly response: {
    readonly answered: number;
    readonly unanswered: number;
    readonly meanMs: number | undefined;
    readonly maxMs: number | undefined;
  };
  /** One per `<Connect><Stream>` that was opened, in order. */
  readonly streams: readonly StreamReport[];
  readonly timeline: readonly TimelineEntry[];
}

/** What a call knows at its end. */
export interface CallFacts {
  readonly carrier: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
  readonly ended: FlowEnd;
  readonly durationMs: number;
  readonly connect: CallReport['connect'];
  readonly streams: readonly StreamReport[];
  readonly timeline: Timeline;
}

export function makeReport(facts: CallFacts): CallReport {
  const { streams, timeline, ...rest } = facts;
  const heard = streams.find((stream) => stream.firstAgentAudioMs !== undefined);
  const turns = streams.flatMap((stream) => stream.turns);
  const responses = turns.flatMap((turn) => (turn.responseMs === undefined ? [] : [turn.responseMs]));
  const problem = findProblem(facts);
  return {
    ...rest,
    ok: problem === undefined,
    reason: problem ?? 'audio went both ways',
    firstAgentAudio: {
      fromStreamStartMs: heard?.firstAgentAudioMs,
      fromCallStartMs:
        heard?.firstAgentAudioMs === undefined ? undefined : tenth(heard.startedMs + heard.firstAgentAudioMs),
    },
    response: {
      answered: responses.length,
      unanswered: turns.length - responses.length,
      meanMs: responses.length === 0 ? undefined : tenth(responses.reduce((a, b) => a + b, 0) / responses.length),
      maxMs: responses.length === 0 ? undefined : Math.max(...responses),
    },
    streams,
    timeline: timeline.entries.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function findProblem(facts: CallFacts): string | undefined {
  const { streams, ended } = facts;
  if (streams.some((stream) => stream.firstAgentAudioMs !== undefined && stream.sent.frames > 0)) return undefined;
  if (ended.callStatus === 'failed') return ended.reason;
  const last = streams.at(-1);
  if (last === undefined) return `no media stream was opened; the call ended: ${ended.reason}`;
  if (last.sent.frames === 0) return `the stream ended before any audio could be sent; the call ended: ${ended.reason}`;
  if (last.faultCount > 0 && last.received.messages === 0) {
    const kinds = Object.entries(last.faults).filter(([, count]) => count > 0);
    return `no agent audio: nothing the bridge sent could be used (${kinds.map(([name, count]) => `${count} ${name}`).join(', ')})`;
  }
  return last.received.messages === 0
    ? `no agent audio: the bridge sent no media in ${last.durationMs} ms`
    : `no agent audio: ${last.received.audioMs} ms of media came, all of it silent or cleared unheard`;
}
