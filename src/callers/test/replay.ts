import { TICK_MS } from '../../call/ticker.ts';
import { VoiceActivity } from '../../media/active-speaker.ts';
import { rmsDbfs } from '../../media/level.ts';
import { TEST_RATE } from './kind.ts';
import { FRAME } from './leg.ts';
import type { Utterance } from './mouth.ts';
import { type Step, step } from './steps.ts';

/** A pause up to this, ms, is within an utterance and not between two. */
const PAUSE_MS = 700;
/** What is kept before the first loud frame of an utterance and behind its last, ms: soft sounds begin and end words. */
const EDGE_MS = 60;

/** Samples of [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where somebody speaks in samples at 24 kHz, pauses within an utterance included. */
export function utterancesIn(samples: Int16Array): Span[] {
  const voice = new VoiceActivity();
  const edge = (EDGE_MS / TICK_MS) * FRAME;
  const spans: Array<{ from: number; to: number }> = [];
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
    voice.next(rmsDbfs(samples.subarray(at, at + FRAME)));
    if (!voice.speaking || !voice.sounding) continue;
    const last = spans.at(-1);
    // It is known only at the second loud frame that somebody speaks.
    const from = Math.max(0, at - FRAME - edge);
    const to = Math.min(samples.length, at + FRAME + edge);
    if (last !== undefined && from - last.to < (PAUSE_MS * TEST_RATE) / 1000) last.to = to;
    else spans.push({ from: Math.max(from, last?.to ?? 0), to });
  }
  return spans;
}

/** A recorded conversation, at 24 kHz. */
export interface Conversation {
  readonly caller: Int16Array;
  /** Left out where it is not known what the agent said. */
  readonly agent?: Int16Array | undefined;
}

/** A script with what its steps say. */
export interface Played {
  readonly steps: readonly Step[];
  readonly utterances: ReadonlyMap<number, Utterance>;
  /** Whether the caller stays on the line for an answer to its last words. */
  readonly awaitsAnswer: boolean;
}

/**
 * The caller's side again. `turns`: each utterance when the agent has taken its turn, or, where the agent said nothing between two of them, after the same pause as
 * then, and hangs up when its last words were answered, as they were then; `clock`: all of it as it was.
 */
export function replayOf({ caller, agent }: Conversation, pace: 'turns' | 'clock'): Played {
  const spans = utterancesIn(caller);
  if (pace === 'clock') {
    const marks = spans.flatMap(({ from, to }) => [
      { offset: from, kind: 'say' as const },
      { offset: to, kind: 'said' as const },
    ]);
    const utterances = new Map([[0, { samples: caller, marks }]]);
    return { steps: [step.parse({ say: 'the recording' })], utterances, awaitsAnswer: false };
  }
  const answers = agent === undefined ? undefined : utterancesIn(agent);
  const steps: Step[] = [];
  const utterances = new Map<number, Utterance>();
  let before = 0;
  for (const [index, { from, to }] of spans.entries()) {
    const since = before;
    const answered = answers?.some((answer) => answer.from >= since - FRAME && answer.from < from) ?? index > 0;
    if (answered) steps.push(step.parse({ wait_for: 'turn' }));
    else if (from - since >= FRAME) steps.push(step.parse({ silence: (from - since) / TEST_RATE }));
    utterances.set(steps.length, {
      samples: caller.subarray(from, to),
      marks: [
        { offset: 0, kind: 'say' },
        { offset: to - from, kind: 'said' },
      ],
    });
    steps.push(step.parse({ say: `utterance ${index + 1}` }));
    before = to;
  }
  // Where it is not known what the agent said, words are taken to have been answered, the last as those before.
  const awaitsAnswer = answers?.some(({ from }) => from >= before - FRAME) ?? true;
  return { steps, utterances, awaitsAnswer };
}
