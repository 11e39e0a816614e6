import { clip, type Stretch } from './speech.ts';
import type { TapeMark, TapeMarkKind } from './tape.ts';

/** What the caller said and why: its sound, by the marks that say what the sound was. Pure; all in samples. */

/** Both that begin within it of each other's end, or begin, meant nothing by it; what is no longer is no speech against anybody, ms. */
export const TOUCH_MS = 100;

/** Whether `one` begins while `other` speaks: not with its first sound, nor about its last, and not for a moment alone. Of both at once nobody interrupts. */
export function interrupts(one: Stretch, other: Stretch, rate: number): boolean {
  const touch = (TOUCH_MS * rate) / 1000;
  return one.from > other.from + touch && one.from < other.to - touch && one.to - one.from > touch;
}

export type UtteranceKind = Extract<TapeMarkKind, 'say' | 'interrupt' | 'backchannel' | 'tic' | 'side-talk'>;

/** Something the caller said: its first and last sound, without the silence that its audio began and ended with. */
export interface Utterance extends Stretch {
  readonly kind: UtteranceKind;
  readonly step?: number;
  /** Its sound; pauses are left out. */
  readonly sounds: readonly Stretch[];
}

const SPOKEN: ReadonlySet<TapeMarkKind> = new Set<UtteranceKind>([
  'say',
  'interrupt',
  'backchannel',
  'tic',
  'side-talk',
]);
/** How far sound may lie beyond its marks, ms: codecs and filters smear. */
const LOOSE_MS = 60;
/** Without marks: what is said within that time, with nobody in between, is one turn, ms. */
const ONE_TURN_MS = 1_500;

/**
 * With marks: one utterance for each that was spoken. Sound outside of them is none of the caller's words. Where nothing can be heard of one, as in loud
 * noise, its marks have to do. Without: each stretch of speech is to be answered, and so one that the agent does not speak in between.
 */
export function utterancesOf(
  speech: readonly Stretch[],
  agent: readonly Stretch[],
  marks: readonly TapeMark[],
  rate: number,
  end: number,
): Utterance[] {
  const spoken = marks.filter(({ kind }) => SPOKEN.has(kind));
  return spoken.length === 0 ? unmarked(speech, agent, rate) : marked(speech, spoken, marks, rate, end);
}

function marked(
  speech: readonly Stretch[],
  spoken: readonly TapeMark[],
  marks: readonly TapeMark[],
  rate: number,
  end: number,
): Utterance[] {
  const loose = (LOOSE_MS * rate) / 1000;
  return spoken.flatMap(({ at, kind, step }, i) => {
    const next = spoken[i + 1]?.at ?? end;
    const closed = marks.find((mark) => mark.at >= at && (mark.kind === 'said' || mark.kind === 'hang-up'));
    const to = Math.min(next, closed?.at ?? end, end);
    const within = { from: at - loose, to: Math.min(next, to + loose) };
    const sounds = clip(speech, within);
    if (to <= at && sounds.length === 0) return [];
    const heard = sounds.length === 0 ? [{ from: at, to }] : sounds;
    const one: Utterance = {
      kind: kind as UtteranceKind,
      from: heard[0]!.from,
      to: heard.at(-1)!.to,
      sounds: heard,
      ...(step === undefined ? {} : { step }),
    };
    return [one];
  });
}

function unmarked(speech: readonly Stretch[], agent: readonly Stretch[], rate: number): Utterance[] {
  const utterances: Utterance[] = [];
  for (const sound of speech) {
    const last = utterances.at(-1);
    const answered = last !== undefined && agent.some(({ from }) => from > last.from && from < sound.from);
    if (last !== undefined && !answered && sound.from - last.to < (ONE_TURN_MS * rate) / 1000) {
      utterances[utterances.length - 1] = { ...last, to: sound.to, sounds: [...last.sounds, sound] };
    } else {
      utterances.push({ kind: 'say', ...sound, sounds: [sound] });
    }
  }
  return utterances.map((one) => ({
    ...one,
    kind: agent.some((other) => interrupts(one, other, rate)) ? 'interrupt' : 'say',
  }));
}

/** How much of both is at the same time. */
export function overlap(a: readonly Stretch[], b: readonly Stretch[]): number {
  return a.reduce((sum, one) => sum + clip(b, one).reduce((part, { from, to }) => part + to - from, 0), 0);
}
