/** What one media stream measured, as a report. */

import type { Fault } from './bridge-message.ts';
import type { Ear } from './ear.ts';
import type { Interruptions } from './interruptions.ts';
import type { Spurts } from './speech.ts';
import type { SpreadReport } from './spread.ts';
import type { Arrival, ClearReport, StreamStats } from './stream-stats.ts';
import { type Timeline, tenth } from './timeline.ts';
import { findTurns } from './turns.ts';

/** All times in ms since the call began, unless they say otherwise. */
export interface StreamReport {
  /** Whose stream, by the name of `--carrier`. */
  readonly carrier: string;
  readonly streamSid: string;
  /** "PCMU@8000", "opus": as who carries it writes it. */
  readonly codec: string;
  /** When `start` was sent, and how long the stream lasted. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** First sound of the agent heard, from the stream's start. */
  readonly firstAgentAudioMs: number | undefined;
  readonly turns: ReadonlyArray<{
    readonly callerFromMs: number;
    readonly callerToMs: number;
    readonly responseMs: number | undefined;
  }>;
  readonly interruptions: ReadonlyArray<{
    readonly callerFromMs: number;
    readonly silencedBy: 'clear' | 'silence' | 'nothing';
    /** From the caller's first sound to the agent's silence. */
    readonly delayMs: number | undefined;
    /** The agent's audio heard before the caller spoke, and in all. */
    readonly heardBeforeMs: number;
    readonly heardMs: number;
    readonly clearedMs: number;
    /** Interrupted speech still heard after the clear. */
    readonly leftoverMs: number;
    readonly reportedHeardMs: number | undefined;
  }>;
  /** Who spoke when, by energy. */
  readonly callerSpoke: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>;
  readonly agentSpoke: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>;
  /** Stretches in which the buffer played anything. */
  readonly played: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>;
  readonly sent: {
    readonly frames: number;
    /** More than 10 ms after they were due: the phone itself was held up. */
    readonly late: number;
    readonly maxLateMs: number;
    /** Not sent because the bridge did not read. */
    readonly dropped: number;
  };
  readonly received: {
    readonly messages: number;
    readonly audioMs: number;
    /** Time between media messages of one bout of speech. */
    readonly spacing: SpreadReport;
    /** Interarrival jitter as RFC 3550 section 6.4.1 smooths it, against the audio each message holds. */
    readonly jitterMs: number;
    /** Media messages one by one, when the phone was told to keep them. */
    readonly arrivals: readonly Arrival[];
  };
  readonly playback: {
    readonly playedMs: number;
    /** Gaps inside speech: the next audio came too late. */
    readonly gaps: number;
    readonly gapMs: number;
    readonly longestGapMs: number;
    readonly gapList: ReadonlyArray<{ readonly atMs: number; readonly ms: number }>;
    readonly clearedMs: number;
    /** Dropped because more than ten minutes were queued (Twilio's warning 31931). */
    readonly overflowMs: number;
    /** Still queued when the stream ended. */
    readonly unheardMs: number;
  };
  readonly marks: {
    readonly received: number;
    readonly played: number;
    readonly cleared: number;
    readonly outstanding: number;
    /** How much after the audio's true end a mark was sent back: the phone's own error. */
    readonly lateness: SpreadReport;
  };
  readonly clears: readonly ClearReport[];
  readonly faults: Readonly<Record<Fault, number>>;
  readonly faultCount: number;
  readonly dtmf: { readonly pressed: string; readonly received: string };
}

/** What a stream hands over; its times are clock ms, `durationMs` is a length. */
export interface StreamFacts {
  readonly carrier: string;
  readonly streamSid: string;
  readonly codec: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly timeline: Timeline;
  readonly callerSpurts: Spurts;
  readonly ear: Ear;
  readonly interruptions: Interruptions;
  readonly stats: StreamStats;
}

export function makeStreamReport(facts: StreamFacts): StreamReport {
  const { timeline, callerSpurts, ear, interruptions, stats: s } = facts;
  const since = (ms: number) => timeline.since(ms);
  const span = (list: ReadonlyArray<{ fromMs: number; toMs: number }>) =>
    list.map(({ fromMs, toMs }) => ({ fromMs: since(fromMs), toMs: since(toMs) }));
  const rounded = (ms: number | undefined) => (ms === undefined ? undefined : tenth(ms));
  const first = ear.spurts.list[0];
  return {
    carrier: facts.carrier,
    streamSid: facts.streamSid,
    codec: facts.codec,
    startedMs: since(facts.startedMs),
    durationMs: tenth(facts.durationMs),
    firstAgentAudioMs: rounded(first === undefined ? undefined : first.fromMs - facts.startedMs),
    turns: findTurns(callerSpurts.list, ear.spurts.list).map((turn) => ({
      callerFromMs: since(turn.callerFromMs),
      callerToMs: since(turn.callerToMs),
      responseMs: rounded(turn.responseMs),
    })),
    interruptions: interruptions.list.map((i) => ({
      callerFromMs: since(i.callerFromMs),
      silencedBy: i.silencedBy,
      delayMs: rounded(i.delayMs),
      heardBeforeMs: tenth(i.heardBeforeMs),
      heardMs: tenth(i.heardMs),
      clearedMs: tenth(i.clearedMs),
      leftoverMs: tenth(interruptions.leftoverMs(i)),
      reportedHeardMs: rounded(i.reportedHeardMs),
    })),
    callerSpoke: span(callerSpurts.list),
    agentSpoke: span(ear.spurts.list),
    played: span(ear.played),
    sent: { frames: s.framesSent, late: s.framesLate, maxLateMs: tenth(s.maxLateMs), dropped: s.framesDropped },
    received: {
      messages: s.messages,
      audioMs: tenth(s.receivedMs),
      spacing: s.spacing.report(),
      jitterMs: tenth(s.jitterMs),
      arrivals: s.arrivals,
    },
    playback: {
      playedMs: tenth(ear.playedMs),
      gaps: ear.gapCount,
      gapMs: tenth(ear.gapMs),
      longestGapMs: tenth(ear.longestGapMs),
      gapList: ear.gaps.map((gap) => ({ atMs: since(gap.atMs), ms: tenth(gap.ms) })),
      clearedMs: tenth(s.clearedMs),
      overflowMs: tenth(s.overflowMs),
      unheardMs: tenth(s.unheardMs),
    },
    marks: {
      received: s.marksReceived,
      played: s.marksPlayed,
      cleared: s.marksCleared,
      outstanding: s.marksReceived - s.marksPlayed - s.marksCleared,
      lateness: s.markLateness.report(),
    },
    clears: s.clears,
    faults: s.faults,
    faultCount: s.faultCount,
    dtmf: { pressed: s.pressed, received: s.digitsReceived },
  };
}
