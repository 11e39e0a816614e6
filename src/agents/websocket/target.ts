import { z } from 'zod';
import { RESAMPLER_RATES } from '../../media/resample.ts';
import { placesIn, variablesIn } from './template.ts';

/**
 * What an operator writes about an agent that speaks some protocol of its own over a WebSocket: where it is, in which form audio goes, what it is
 * told, and what its messages mean. Texts may hold `${NAME}`, an environment variable: one whose name begins with AGENT_, or one of the settings below.
 */

/** Variables that may be named begin so: a target cannot send a key of the daemon's own to somebody else's server. */
export const VARIABLE_PREFIX = 'AGENT_';
/** The settings that may be named beside them. */
export const NAMED_SETTINGS = ['ULTRAVOX_API_KEY', 'ULTRAVOX_API_URL'] as const;

const isNamed = (name: string) =>
  name.startsWith(VARIABLE_PREFIX) || NAMED_SETTINGS.some((setting) => setting === name);

/** All texts within a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** No other variable is named in it. */
function namesNoOther(value: unknown, context: z.core.$RefinementCtx): void {
  for (const name of textsIn(value).flatMap(variablesIn))
    if (!isNamed(name))
      context.addIssue({
        code: 'custom',
        message: `\${${name}} is not available: names begin with ${VARIABLE_PREFIX}, or are ${NAMED_SETTINGS.join(', ')}`,
      });
}

const PREFIXED = /^\$\{[A-Z0-9_]+\}/;
const address = (scheme: 'ws' | 'http') =>
  z
    .string()
    .min(1)
    .superRefine(namesNoOther)
    // What a variable stands for is seen when it is there.
    .refine((text) => PREFIXED.test(text) || new RegExp(`^${scheme}s?://[^\\s/]+`).test(text), {
      error: `must be a ${scheme}:// or ${scheme}s:// URL`,
    });

const headers = z
  .record(
    z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a name of a header'),
    z.string().regex(/^[^\r\n]*$/, 'must be one line'),
  )
  .superRefine(namesNoOther);

/** A JSON object of the operator's own, with {{places}}. `needs`: places that it is of no use without. */
const message = (...needs: readonly string[]) =>
  z
    .record(z.string(), z.unknown())
    .superRefine(namesNoOther)
    .superRefine((template, context) => {
      const places = placesIn(template);
      for (const need of needs)
        if (!places.includes(need)) context.addIssue({ code: 'custom', message: `must have a place {{${need}}}` });
    });

const path = z.string().regex(/^[^.\s]+(\.[^.\s]+)*$/, 'must be a path such as data.text');
const rate = z.union(
  RESAMPLER_RATES.map((hz) => z.literal(hz)),
  { error: `must be ${RESAMPLER_RATES.join(', ')}` },
);

const audio = z.strictObject({
  /** Hz, of both directions unless they are told apart. */
  rate: rate.default(24_000),
  rate_up: rate.optional(),
  rate_down: rate.optional(),
  /** Samples of 16 bits, least byte first or most, or G.711. */
  encoding: z.enum(['pcm_s16le', 'pcm_s16be', 'mulaw', 'alaw']).default('pcm_s16le'),
  /** Of two channels both are the same on the way up, and are mixed on the way down. */
  channels: z.union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' }).default(1),
  frame_ms: z.int().min(10).max(200).default(20),
  /** How its audio comes: in real time, or an answer faster than it can be spoken. */
  pace: z.enum(['live', 'burst']).default('live'),
  /** Whether silence is sent where the caller's side sends nothing. */
  silence: z.boolean('must be true or false').default(true),
});

/** What a message of the far end's can mean. */
export const MEANINGS = [
  'ready',
  'audio',
  'answer-started',
  'answer-ended',
  'caller-speaks',
  'caller-stops',
  'interrupted',
  'caller-said',
  'agent-said',
  'tool-call',
  'error',
  'hang-up',
  'ignored',
] as const;

const rule = z
  .strictObject({
    /** What is at these paths of a message that is meant. */
    when: z.record(path, z.union([z.string(), z.number(), z.boolean()])),
    is: z.enum(MEANINGS),
    /** Paths into it, by what they lead to. */
    data: path.optional(),
    id: path.optional(),
    text: path.optional(),
    /** Text that goes behind what came before it under the same id. */
    delta: path.optional(),
    /** Leads to true where the words are the last; left out: they always are. */
    final: path.optional(),
    name: path.optional(),
    arguments: path.optional(),
    code: path.optional(),
    message: path.optional(),
    /** What it is answered with; its places are paths into the message. */
    reply: message().optional(),
  })
  .superRefine((one, context) => {
    const needs = (key: 'data' | 'text' | 'id' | 'name') => {
      if (one[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: `is needed where a message is ${one.is}` });
    };
    if (one.is === 'audio') needs('data');
    if (one.is.endsWith('-said') && one.delta === undefined) needs('text');
    if (one.is === 'tool-call') for (const key of ['id', 'name'] as const) needs(key);
  });

const send = z.strictObject({
  /** Left out: audio goes in binary messages. */
  audio: message('audio').optional(),
  /** The caller cut in: nothing more of this answer is wanted. */
  interrupt: message().optional(),
  text: message('text').optional(),
  note: message('text').optional(),
  respond: message('text').optional(),
  tool_result: message('id', 'output').optional(),
  hang_up: message().optional(),
  ping: z.strictObject({ every_seconds: z.number().min(1).max(600), message: message() }).optional(),
});

/** An HTTP request whose answer says where the agent waits, for providers whose calls are made so. */
const call = z.strictObject({
  url: address('http'),
  method: z.enum(['GET', 'POST']).default('POST'),
  headers: headers.default({}),
  body: message().optional(),
  /** Path of the address in the answer, and of the provider's id of the call. */
  address: path,
  id: path.optional(),
});

export const websocketTarget = {
  /** Where the agent waits. Either this or `call`. */
  url: address('ws').optional(),
  call: call.optional(),
  /** What records and prices know it by; left out: its host. */
  name: z
    .string()
    .regex(/^[\w./:-]{1,80}$/, 'must be a name of letters, digits and ./:-')
    .optional(),
  headers: headers.default({}),
  /** Subprotocols of the handshake. */
  protocols: z.array(z.string().min(1)).default([]),
  audio: audio.prefault({}),
  /** Messages that are sent when the line is open, before any audio. */
  start: z.preprocess((one) => (Array.isArray(one) ? one : [one]), z.array(message())).default([]),
  send: send.default({}),
  /** What its messages mean; of each the first that fits counts. */
  events: z.array(rule).max(100).default([]),
};

export type WebsocketTarget = Readonly<z.infer<z.ZodObject<typeof websocketTarget>>>;
export type EventRule = WebsocketTarget['events'][number];

/** Keys within its groups, for hints at what was meant. */
export const websocketGroups = [audio, send, call, rule].flatMap(({ shape }) => Object.keys(shape));

/** What one key alone cannot tell. */
export function checkTarget({ url, call, send, events }: WebsocketTarget, context: z.core.$RefinementCtx): void {
  const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  if ((url === undefined) === (call === undefined)) wrong('url', 'either url or call says where the agent is');
  if (send.tool_result !== undefined && !events.some((one) => one.is === 'tool-call'))
    wrong('send', 'tool_result answers messages that are a tool-call, and events has none');
}
