import type {
  AgentInterruption,
  CallerInterruption,
  Distraction,
  DistractionKind,
  Span,
  TurnMeasure,
} from './measures.ts';
import { clip, type Stretch } from './speech.ts';
import { round } from './statistics.ts';
import type { TapeMark } from './tape.ts';
import { interrupts, overlap, TOUCH_MS, type Utterance } from './utterances.ts';

/**
 * Who spoke when, as turns, answers and interruptions. Pure. Windows and thresholds are those of tau2's interaction metrics and of EVA's turn taking
 * (https://github.com/sierra-research/tau2-bench/blob/main/docs/interaction-metrics.md, https://github.com/ServiceNow/eva/blob/main/docs/metrics/turn_taking.md);
 * `docs/agent-tests.md` says which is whose.
 */

/** An answer sooner is early, later is late, ms. */
const EARLY_MS = 200;
const LATE_MS = 2_750;
/** A caller who waited so long for an answer has missed it, ms. */
const MISSED_MS = 3_500;
/** An agent that goes on for so long does not yield, ms. */
const YIELD_MS = 2_000;
/** An agent that stops so soon after what was not for it was stopped by it; one that begins so soon after its end answers it, ms. */
const STOPPED_MS = 1_000;
const ANSWERED_MS = 2_000;
/** Silence from so long on is dead air, ms. */
const DEAD_AIR_MS = 3_000;

/** All that there is to judge: samples, at `rate` Hz; `end` is where the tape ends. */
export interface Conversation {
  readonly rate: number;
  readonly end: number;
  /** The agent's speech. */
  readonly agent: readonly Stretch[];
  readonly utterances: readonly Utterance[];
  readonly marks: readonly TapeMark[];
}

export interface TurnTaking {
  readonly greetingDelayMs: number | null;
  readonly turns: readonly TurnMeasure[];
  readonly agentInterruptions: readonly AgentInterruption[];
  readonly callerInterruptions: readonly CallerInterruption[];
  readonly distractions: readonly Distraction[];
  readonly deadAir: readonly Span[];
}

/** What is to be answered. */
type Turn = Utterance & { readonly kind: 'say' | 'interrupt' };
const isTurn = (one: Utterance): one is Turn => one.kind === 'say' || one.kind === 'interrupt';

export function turnTaking(talk: Conversation): TurnTaking {
  const ms = (samples: number) => round((samples * 1000) / talk.rate);
  const samples = (length: number) => (length * talk.rate) / 1000;
  const turns = talk.utterances.filter(isTurn);
  const { agent } = talk;
  const first = talk.utterances[0]?.from ?? talk.end;
  const greeting = agent[0] !== undefined && agent[0].from < first ? agent[0].from : undefined;
  const over = Math.min(talk.end, talk.marks.find(({ kind }) => kind === 'hang-up')?.at ?? talk.end);
  const answers = turns.map((turn, i) => answerTo(turn, turns[i + 1]?.from, over, talk));
  const waits: Span[] = [{ fromMs: 0, toMs: ms(greeting ?? Math.min(first, over)) }];
  const measured = turns.map((turn, i): TurnMeasure => {
    const { begin, answer } = answers[i]!;
    const until = Math.min(over, turns[i + 1]?.from ?? over);
    waits.push({ fromMs: ms(turn.to), toMs: ms(Math.max(turn.to, begin ?? until)) });
    const latency = begin === undefined ? undefined : ms(begin - turn.to);
    return {
      kind: turn.kind,
      ...stepOf(turn),
      fromMs: ms(turn.from),
      toMs: ms(turn.to),
      outcome: latency !== undefined ? 'answered' : until - turn.to >= samples(MISSED_MS) ? 'missed' : 'undecided',
      ...(answer === undefined ? {} : { answer: { fromMs: ms(answer.from), toMs: ms(answer.to) } }),
      ...(latency === undefined
        ? {}
        : { latencyMs: latency, timing: latency < EARLY_MS ? 'early' : latency >= LATE_MS ? 'late' : 'on-time' }),
    };
  });
  const heard = agent.map(({ from, to }): Span => ({ fromMs: ms(from), toMs: ms(to) }));
  return {
    greetingDelayMs: greeting === undefined ? null : ms(greeting),
    turns: measured,
    agentInterruptions: turns.flatMap((turn, i) =>
      cutsInto(turn, talk).map((speech) => ({
        atMs: ms(speech.from),
        turn: i,
        overlapMs: ms(overlap(turn.sounds, [speech])),
      })),
    ),
    callerInterruptions: turns.flatMap((turn): CallerInterruption[] => {
      const cut = agent.find((speech) => interrupts(turn, speech, talk.rate));
      if (cut === undefined) return [];
      const length = ms(cut.to - turn.from);
      const yielded = length <= YIELD_MS && cut.to < over;
      return [
        {
          atMs: ms(turn.from),
          ...stepOf(turn),
          yielded,
          ...(yielded ? { yieldMs: length } : {}),
          overlapMs: ms(overlap(turn.sounds, [cut])),
        },
      ];
    }),
    distractions: distractionsOf(talk, turns, answers, over),
    deadAir: waits
      .flatMap((wait) => silencesIn(wait, heard))
      .filter(({ fromMs, toMs }) => toMs - fromMs >= DEAD_AIR_MS),
  };
}

const stepOf = ({ step }: { readonly step?: number }) => (step === undefined ? {} : { step });

/** What of a wait was silent: an agent that does not yield is heard while its answer is waited for. */
function silencesIn({ fromMs, toMs }: Span, heard: readonly Span[]): Span[] {
  const silences: Span[] = [];
  let at = fromMs;
  for (const speech of heard.filter((one) => one.toMs > fromMs && one.fromMs < toMs)) {
    silences.push({ fromMs: at, toMs: Math.max(at, speech.fromMs) });
    at = Math.max(at, speech.toMs);
  }
  return [...silences, { fromMs: at, toMs: Math.max(at, toMs) }];
}

/** The agent's speech that began while the caller spoke; not what began with his first or last sound, or met it by chance. */
function cutsInto(turn: Turn, { agent, rate }: Conversation): Stretch[] {
  return agent.filter((speech) => interrupts(speech, turn, rate));
}

interface Answer {
  /** The first sound; undefined where there is no answer. */
  readonly begin: number | undefined;
  readonly answer: Stretch | undefined;
}

/**
 * What the agent says to a turn before the next. It began within the turn where it still spoke at the turn's end; what began together with a turn
 * answers nothing that was said in it, but the turn before.
 */
function answerTo(turn: Turn, nextTurn: number | undefined, over: number, talk: Conversation): Answer {
  const touch = (TOUCH_MS * talk.rate) / 1000;
  const cut = cutsInto(turn, talk).find(({ to }) => to > turn.to + touch);
  const unheard = nextTurn === undefined ? over : Math.min(over, nextTurn + touch + 1);
  const said =
    cut ?? talk.agent.find(({ from }) => from > turn.from + touch && from >= turn.to - touch && from < unheard);
  if (said === undefined) return { begin: undefined, answer: undefined };
  const next = nextTurn ?? over;
  // An answer may have pauses: it goes on until somebody else has the word.
  const last = talk.agent.findLast(({ from }) => from >= said.from && from < next) ?? said;
  return { begin: said.from, answer: { from: said.from, to: last.to } };
}

function distractionsOf(
  talk: Conversation,
  turns: readonly Turn[],
  answers: readonly Answer[],
  over: number,
): Distraction[] {
  const { agent, rate } = talk;
  const samples = (ms: number) => (ms * rate) / 1000;
  const sounds: Array<Stretch & { kind: DistractionKind; step?: number }> = [
    ...talk.utterances.flatMap((one) =>
      isTurn(one) ? [] : [{ kind: one.kind as DistractionKind, from: one.from, to: one.to, ...stepOf(one) }],
    ),
    ...noises(talk),
  ].sort((a, b) => a.from - b.from);
  return sounds.flatMap(({ kind, from, to, step }): Distraction[] => {
    const about = { kind, atMs: round((from * 1000) / rate), ...stepOf(step === undefined ? {} : { step }) };
    const after = (at: number) => ({ afterMs: round(((at - from) * 1000) / rate) });
    const speaking = agent.find((one) => one.from < from && one.to > from);
    if (speaking !== undefined) {
      // Whoever is interrupted in earnest meanwhile does not stop for this.
      if (turns.some((turn) => turn.from > from && turn.from < Math.min(speaking.to, from + samples(STOPPED_MS))))
        return [];
      const held = speaking.to >= from + samples(STOPPED_MS) || speaking.to >= over;
      return [{ ...about, during: 'speech', held, ...(held ? {} : after(speaking.to)) }];
    }
    // What answers a turn before is no answer to this.
    if (turns.some((turn, i) => turn.to <= from && (answers[i]!.begin ?? turns[i + 1]?.from ?? over) > from)) return [];
    const until = Math.min(kind === 'noise' ? from + samples(ANSWERED_MS) : to + samples(ANSWERED_MS), over);
    const next = turns.find((turn) => turn.from > from)?.from ?? over;
    const spoke = agent.find((one) => one.from > from && one.from <= until && one.from < next);
    if (spoke === undefined && Math.min(next, over) < until) return [];
    return [
      { ...about, during: 'silence', held: spoke === undefined, ...(spoke === undefined ? {} : after(spoke.from)) },
    ];
  });
}

/** When noise came up. */
function noises({ marks, end }: Conversation): Array<Stretch & { kind: 'noise'; step?: number }> {
  return marks.flatMap((mark, i) => {
    if (mark.kind !== 'noise-on') return [];
    const off = marks.slice(i + 1).find(({ kind }) => kind === 'noise-off');
    return [{ kind: 'noise' as const, from: mark.at, to: off?.at ?? end, ...stepOf(mark) }];
  });
}

/** How near to a clear the silence has to begin that it made: before it, and after it, since what is under way still comes, ms. */
const CLEARED_BEFORE_MS = 60;
const CLEARED_AFTER_MS = 300;

/**
 * Speech parted where what was left of it was dropped and silence followed, however short: what comes then is something new. `sounds` is the same speech
 * with its short pauses.
 */
export function partAtClears(
  speech: readonly Stretch[],
  sounds: readonly Stretch[],
  marks: readonly TapeMark[],
  rate: number,
): Stretch[] {
  const clears = marks.filter(({ kind }) => kind === 'clear').map(({ at }) => at);
  const samples = (ms: number) => (ms * rate) / 1000;
  const near = (at: number) =>
    clears.some((clear) => at > clear - samples(CLEARED_BEFORE_MS) && at < clear + samples(CLEARED_AFTER_MS));
  return speech.flatMap((whole) => {
    const parts = clip(sounds, whole);
    const parted: Array<{ from: number; to: number }> = [];
    for (const part of parts) {
      const last = parted.at(-1);
      if (last === undefined || near(last.to)) parted.push({ ...part });
      else last.to = part.to;
    }
    return parted;
  });
}
