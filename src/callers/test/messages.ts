import { z } from 'zod';
import { RESAMPLER_RATES } from '../../media/resample.ts';
import {
  type ChannelError,
  type ChannelErrorCode,
  type Refused,
  readMessage,
  refused,
  unknownMessage,
} from '../../transport/channel-message.ts';
import { effectsSpec } from './spec.ts';

/**
 * What a test agent that somebody else built says on its socket beside audio, one JSON object a text message, and what it is told. A program of somebody else's:
 * all of it is checked here.
 */

/** Longest message, characters: a start has a prompt's words in it. */
export const MAX_MESSAGE = 64 * 1024;

/** The first message: whom it calls, and how it speaks. */
const start = z.strictObject({
  type: z.literal('start'),
  rate: z
    .number()
    .refine((rate) => (RESAMPLER_RATES as readonly number[]).includes(rate), `must be ${RESAMPLER_RATES.join(', ')}`)
    .default(24_000),
  agent: z.union([z.string().max(64), z.record(z.string().max(64), z.unknown())]).optional(),
  prompt: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be the name of a prompt')
    .optional(),
  variables: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), z.string().max(2_000))
    .refine((all) => Object.keys(all).length <= 50, 'must have at most 50 entries')
    .optional(),
  effects: effectsSpec.optional(),
  seed: z.int().min(0).max(0xffff_ffff).default(1),
});
export type StartMessage = z.infer<typeof start>;

const message = z.discriminatedUnion('type', [
  start,
  /** What it said and that has not been heard yet is not to be heard. */
  z.strictObject({ type: z.literal('clear') }),
  z.strictObject({
    type: z.literal('keys'),
    digits: z.string().regex(/^[0-9A-D*#]{1,32}$/, 'must be keys: 0-9, *, #, A-D'),
  }),
  z.strictObject({ type: z.literal('hangup') }),
]);
export type TestAgentMessage = z.infer<typeof message>;

/** Codes of the socket's own. */
export type TestAgentErrorCode =
  | Extract<ChannelErrorCode, 'MESSAGE_INVALID' | 'MESSAGE_UNKNOWN' | 'MESSAGE_FLOOD'>
  /** Something else came before the start. */
  | 'CALL_NOT_STARTED'
  /** No start came in time. */
  | 'START_LATE'
  /** A binary message is no PCM16. */
  | 'AUDIO_INVALID'
  /** More audio ahead of its being heard than anybody says; it is dropped. */
  | 'AUDIO_TOO_MUCH';

/** Why something was not taken. */
export type TestAgentError = ChannelError<TestAgentErrorCode>;

/** What a test agent is told beside `{"type":"event","event":{…}}` and the agent's audio. */
export type TestAgentWord =
  /** The call is made; `id` is ours of it. Audio at `rate` follows, both ways. */
  | { readonly type: 'started'; readonly id: string; readonly rate: number }
  /** The agent stopped: what of its speech has been sent and not played yet is not to be played. */
  | { readonly type: 'clear' }
  | ({ readonly type: 'error' } & TestAgentError)
  /** Why there is no call, by the codes of the interface for operators (docs/errors.md). */
  | { readonly type: 'error'; readonly code: string; readonly message: string }
  /** The call is over; nothing comes after it. */
  | { readonly type: 'ended'; readonly result: string; readonly reason: string };

const TYPES: readonly unknown[] = ['start', 'clear', 'keys', 'hangup'];

/** Reads a message. Never throws. */
export function parseTestAgentMessage(
  json: string,
): { readonly ok: true; readonly message: TestAgentMessage } | Refused<TestAgentErrorCode> {
  const read = readMessage(json, MAX_MESSAGE);
  if (!read.ok) return read;
  if (!TYPES.includes(read.value['type'])) return unknownMessage();
  const parsed = message.safeParse(read.value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const [issue] = parsed.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  return refused('MESSAGE_INVALID', `${at}${issue?.message ?? 'wrong'}`);
}
