import type {
  Comparison,
  Figures,
  MeasureOptions,
  Measures,
  PathMeasure,
  ProviderFigures,
  Span,
  TurnMeasure,
} from './measures.ts';
import { soundOf } from './sound.ts';
import { listen, type Stretch } from './speech.ts';
import { figuresOf, type Measured, rate, round, spread } from './statistics.ts';
import type { Tape } from './tape.ts';
import { partAtClears, turnTaking } from './turns.ts';
import { utterancesOf } from './utterances.ts';
import { repetition, wordsOf } from './words.ts';

/** How good the agent was, by what was heard on both sides. Pure: the same tape and marks have the same measures. */
export function measure(tape: Tape, options: MeasureOptions): Measures {
  const caller = listen(tape.caller, tape.rate);
  const agent = listen(tape.agent, tape.rate);
  const marks = [...options.marks].sort((a, b) => a.at - b.at);
  const speech = partAtClears(agent.speech, agent.sounds, marks, tape.rate);
  const end = tape.agent.length;
  const utterances = utterancesOf(caller.speech, speech, marks, tape.rate, end);
  const talk = turnTaking({ rate: tape.rate, end, agent: speech, utterances, marks });
  const inMs = (stretches: readonly Stretch[]): Span[] =>
    stretches.map(({ from, to }) => ({ fromMs: toMs(from, tape.rate), toMs: toMs(to, tape.rate) }));
  const said = options.agentSaid ?? spokenBy(options.provider);
  const sentences = said === undefined ? undefined : repetition(said);
  const path = pathOf(options.path);
  const words = utterances.flatMap(({ sounds }) => sounds);
  const measured = {
    durationMs: toMs(end, tape.rate),
    speech: { caller: inMs(words), agent: inMs(speech) },
    ...talk,
    turns: talk.turns.map((turn) => ({
      ...turn,
      ...ownLateOf(turn, options.stalls ?? [], tape.rate),
      ...wayOf(turn, path, options.path ?? []),
    })),
    // What else is on the caller's channel, noise and the like, is none of its words.
    sound: {
      caller: soundOf(tape.caller, { ...caller, speech: words, sounds: words }, tape.rate),
      agent: soundOf(tape.agent, agent, tape.rate),
    },
    agentWords: said === undefined ? null : wordsOf(said.join(' ')).length,
    repeated: rate(sentences?.repeated.length ?? 0, sentences?.n ?? 0),
    path,
  };
  const figures = figuresOf([{ ...measured, provider: [] }]);
  return { ...measured, provider: compare(options.provider, measured, figures), figures };
}

/** The figures of many calls together: each turn and each event counts alike. */
export function summarise(calls: readonly Measures[]): Figures {
  return figuresOf(calls);
}

const toMs = (samples: number, rate: number) => round((samples * 1000) / rate);

/** How long after its beginning a stall is still heard of, ms: what it made late is caught up with where it is quiet. */
const CAUGHT_UP_MS = 200;

/** The worst by which our own frames were late while a turn and the wait for its answer went on. */
function ownLateOf(
  { fromMs, toMs, answer }: TurnMeasure,
  stalls: NonNullable<MeasureOptions['stalls']>,
  rate: number,
): Pick<TurnMeasure, 'ownLateMs'> {
  const until = Math.max(toMs, answer?.fromMs ?? toMs);
  const within = stalls.filter(({ at, ms }) => {
    const atMs = (at * 1000) / rate;
    return atMs + CAUGHT_UP_MS >= fromMs && atMs - ms <= until;
  });
  return within.length === 0 ? {} : { ownLateMs: round(Math.max(...within.map(({ ms }) => ms))) };
}

const spokenBy = (provider: ProviderFigures | undefined): string[] | undefined =>
  provider?.transcript?.filter(({ who }) => who === 'agent').map(({ text }) => text);

/** What the provider says of the same call beside what was heard. */
function compare(
  provider: ProviderFigures | undefined,
  measured: Omit<Measured, 'provider'>,
  figures: Figures,
): Comparison[] {
  if (provider === undefined) return [];
  const beside = (name: string, ours: number | null, theirs: number | undefined): Comparison[] =>
    theirs === undefined || !Number.isFinite(theirs)
      ? []
      : [{ name, ours, theirs, difference: ours === null ? null : round(theirs - ours) }];
  return [
    ...Object.entries(provider.latencyMs ?? {}).flatMap(([name, theirs]) =>
      beside(`responseLatencyMs.${name}`, figures.responseLatencyMs[name as 'mean'], theirs),
    ),
    ...beside('callerInterruptions', measured.callerInterruptions.length, provider.interruptions),
    ...beside('durationMs', measured.durationMs, provider.durationMs),
  ];
}

/** The middle of each figure; the way of an answer is the caller's sound out of our queues and there, and the agent's back, through the jitter buffer and our queues. */
function pathOf(seen: MeasureOptions['path']): PathMeasure | null {
  if (seen === undefined || seen.length === 0) return null;
  const middle = (values: ReadonlyArray<number | undefined>) => {
    const known = values.filter((value) => value !== undefined);
    const { p50, mean } = spread(known);
    return mean === null ? null : round(p50 ?? mean);
  };
  const roundTripMs = middle(seen.map((one) => one.roundTripMs));
  const jitterBufferMs = middle(seen.map((one) => one.jitterBufferMs));
  const ownQueuesMs = middle(seen.map((one) => one.ownQueuesMs));
  const path = { roundTripMs, jitterBufferMs, ownQueuesMs };
  return { n: seen.length, ...path, delayMs: delayOf(path) };
}

const delayOf = ({ roundTripMs, jitterBufferMs, ownQueuesMs }: Omit<PathMeasure, 'n' | 'delayMs'>) =>
  roundTripMs === null ? null : round(roundTripMs + (jitterBufferMs ?? 0) + (ownQueuesMs ?? 0));

/**
 * What the way added to a turn's answer. Waits grow and shrink within a call, and are those of the first look behind the answer's beginning, which has seen it; of the last where the call was
 * over before. A round trip is one packet's, of which the middle is nearer to the truth.
 */
function wayOf(
  { answer }: TurnMeasure,
  path: PathMeasure | null,
  seen: NonNullable<MeasureOptions['path']>,
): Pick<TurnMeasure, 'pathMs'> {
  if (answer === undefined || path === null) return {};
  const looks = seen.filter(({ atMs }) => atMs !== undefined);
  const look = looks.find(({ atMs }) => atMs! >= answer.fromMs) ?? looks.at(-1);
  if (look === undefined) return {};
  const { jitterBufferMs = path.jitterBufferMs, ownQueuesMs = path.ownQueuesMs } = look;
  const pathMs = delayOf({ roundTripMs: path.roundTripMs, jitterBufferMs, ownQueuesMs });
  return pathMs === null ? {} : { pathMs };
}
