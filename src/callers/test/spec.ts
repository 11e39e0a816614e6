import { z } from 'zod';
import { step } from './steps.ts';

/** What a caller that is no person is: the keys that suites, runs and the socket of test callers may give it. One schema; unknown keys are refused. */

/** How long a call of a test caller lasts at most where it does not say, s. */
const MAX_SECONDS = 300;
const maxSeconds = z.number().int().min(1).max(3_600).default(MAX_SECONDS);
const db = (least: number, most: number) => z.number(`must be decibels from ${least} to ${most}`).min(least).max(most);

/** Sounds that burst in on a call. */
export const BURSTS = ['phone', 'horn', 'siren', 'door'] as const;

/**
 * What becomes of the caller's audio on its way, in this order: his speech (gain), what is around him (echo, noise, bursts), his line (band, loss, jitter).
 * Of the same seed and the same speech all of it is the same to the bit.
 */
export const effectsSpec = z.strictObject({
  gain_db: db(-40, 20).optional(),
  /** The agent's own voice, out of the caller's loudspeaker and into his microphone again: so much later and so much quieter. */
  echo: z
    .strictObject({ delay_ms: z.number().int().min(20).max(2_000).default(120), loss_db: db(0, 80).default(20) })
    .optional(),
  /** Below the caller's speech by `snr_db`. */
  noise: z.strictObject({ snr_db: db(-20, 60), colour: z.enum(['white', 'pink']).default('pink') }).optional(),
  /** At random, so many a minute on average; their level below the caller's speech. */
  bursts: z
    .strictObject({
      per_minute: z.number().positive().max(60),
      snr_db: db(-20, 60).default(5),
      sounds: z
        .array(z.enum(BURSTS))
        .min(1)
        .default([...BURSTS]),
    })
    .optional(),
  /** `telephone`: 300 to 3400 Hz, and G.711's steps. */
  band: z.enum(['telephone']).optional(),
  /** Gilbert and Elliott's two states: `rate` of all frames of 20 ms are lost, in runs of `burst_ms` on average. */
  loss: z
    .strictObject({ rate: z.number().positive().max(0.5), burst_ms: z.number().min(20).max(2_000).default(100) })
    .optional(),
  /** Each frame comes up to so much later, none overtakes another. */
  jitter: z.strictObject({ max_ms: z.number().int().min(1).max(1_000) }).optional(),
});
export type EffectsSpec = z.infer<typeof effectsSpec>;

const common = {
  effects: effectsSpec.optional(),
  /** The voice of synthetic speech, or of the model that plays the caller. */
  voice: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the name of a voice')
    .optional(),
  /** Spoken by the caller, BCP 47. */
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language, e.g. en or de-CH')
    .optional(),
  /** After so long the caller hangs up, whatever goes on. */
  max_seconds: maxSeconds,
};

const script = z.strictObject({
  kind: z.literal('script'),
  steps: z.array(step).min(1, 'must have a step').max(500, 'must have 500 steps at most'),
  ...common,
});

const persona = z.strictObject({
  kind: z.literal('persona'),
  /** Who the caller is. */
  persona: z.string().trim().min(1).max(8_000),
  /** What he wants; once he has it, or sees that he will not get it, he says goodbye and hangs up. */
  goal: z.string().trim().min(1).max(8_000),
  patience: z.enum(['low', 'normal', 'high']).default('normal'),
  talkativeness: z.enum(['low', 'normal', 'high']).default('normal'),
  /** Turns of his own, after which he hangs up. */
  max_turns: z.number().int().min(1).max(100).default(20),
  ...common,
});

const replay = z
  .strictObject({
    kind: z.literal('replay'),
    /** The record of a recorded call of this daemon. */
    call_id: z.string().min(1).max(100).optional(),
    /** A WAV file instead: its first channel, or the one that `channel` names. */
    wav: z.string().min(1).max(1_000).optional(),
    channel: z.number().int().min(0).max(7).default(0),
    /** turns: each utterance when the agent has taken its turn; clock: all of it as it was, whatever the agent does. */
    pace: z.enum(['turns', 'clock']).default('turns'),
    ...common,
  })
  .refine(
    ({ call_id, wav }) => (call_id === undefined) !== (wav === undefined),
    'must have call_id or wav, one of them',
  );

const ONE_OF = 'must be script, persona or replay';
const isPerson = (given: unknown) =>
  typeof given === 'object' && given !== null && 'kind' in given && given.kind === 'person';

/** A caller that is no person. Who has one in mind is told how a person calls. */
export const callerSpec = z.discriminatedUnion('kind', [script, persona, replay], {
  error: ({ input }) =>
    isPerson(input)
      ? `${ONE_OF}; a person calls at the console's test desk (/#/desk), and what he said, recorded, is called again by replay`
      : ONE_OF,
});
export type CallerSpec = z.infer<typeof callerSpec>;
export type ScriptSpec = z.infer<typeof script>;
export type PersonaSpec = z.infer<typeof persona>;
export type ReplaySpec = z.infer<typeof replay>;

/** Keys of the specs and of their effects, for hints at what was meant. */
export const CALLER_KEYS: readonly string[] = [
  ...new Set([script, persona, replay].flatMap((one) => Object.keys('shape' in one ? one.shape : {}))),
  ...Object.keys(effectsSpec.shape),
];
