import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { BridgeError, errorMessage } from '../../errors.ts';
import { sayable } from '../openai-http/tone-words.ts';

/**
 * A scenario file: what the model says, turn by turn, and what breaks. Every part is optional; what the script does not say, the test
 * line's own behaviour does (a greeting, then each turn said back).
 */

const ms = z.number().min(0).max(3_600_000);

/** What is heard: exactly one of tone, wav and speechMs, or only a text (then recorded speech in the length of the text). */
const sayFields = {
  /** The transcript. */
  text: z.string().max(10_000).optional(),
  /** Hz. */
  tone: z.number().min(20).max(11_000).optional(),
  /** Length of the tone, ms; default 2000. */
  toneMs: ms.optional(),
  /** A WAV file: PCM16 or G.711, any channel count (the first is taken), 8, 16, 24 or 48 kHz. */
  wav: z.string().optional(),
  /** Recorded speech of this length. */
  speechMs: ms.optional(),
  /** The caller's last turn. */
  echo: z.literal(true).optional(),
  /** The text itself, in tones that the simulated transcription understands: see `openai-http/tone-words.ts`. */
  words: z.literal(true).optional(),
};
const say = z
  .strictObject(sayFields)
  .refine(
    (value) =>
      [value.tone, value.wav, value.speechMs, value.echo, value.words].filter((v) => v !== undefined).length <= 1,
    'give one of tone, wav, speechMs, echo and words',
  )
  .refine(
    (value) => value.words === undefined || sayable(value.text ?? '') !== '',
    'words needs a text of Latin letters or digits',
  );
export type Say = z.infer<typeof say>;

const toolCall = z.strictObject({
  name: z.string().min(1),
  /** An object, or a string sent as it is: broken JSON is what some tests want. */
  arguments: z.union([z.record(z.string(), z.unknown()), z.string()]).default({}),
});

const turn = z.strictObject({
  /** Time from `response.created` to the first output, ms. */
  waitMs: ms.optional(),
  say: say.optional(),
  tools: z.array(toolCall).max(16).optional(),
  /** What is said when the results of `tools` are in and a response is asked for. */
  afterTools: say.optional(),
  /** The response ends as failed with this error. */
  fail: z
    .strictObject({ type: z.string().default('server_error'), code: z.string(), message: z.string().default('') })
    .optional(),
  /**
   * How what it says comes instead of being spoken: as text, as the words of audio that never comes, or not at all: the response ends as if
   * it had answered.
   */
  as: z.enum(['text', 'words_only', 'nothing']).optional(),
  /** How the response ends when it has said all: not completed, and why. */
  end: z.strictObject({ status: z.enum(['incomplete', 'cancelled']), reason: z.string().optional() }).optional(),
  /** How much of what it says is generated before it ends so (or fails), ms. */
  cutMs: ms.optional(),
  /** This turn gets no response at all. */
  silent: z.literal(true).optional(),
});
export type Turn = z.infer<typeof turn>;

/**
 * `sessions` counts from 1 per server: key requests for `key` faults, requests to that endpoint for `http` faults, sessions of either transport for the
 * others.
 */
const when = { sessions: z.union([z.literal('all'), z.array(z.int().min(1)).min(1)]).default('all') };
/** From when `afterMs` counts: the session's start, or the first audio of its first response. */
const timed = { ...when, from: z.enum(['start', 'speech']).default('start'), afterMs: ms.default(0) };
/** Which events of the server's. */
const named = {
  types: z.array(z.string()).min(1),
  skip: z.int().min(0).default(0),
  times: z.int().min(1).max(1_000_000).default(1_000_000),
};
const status = z.int().min(400).max(599);

/** What is answered beside the Realtime API, see `simulator/openai-http/`. */
const endpoint = z.enum(['speech', 'transcription', 'chat']);
export type HttpEndpoint = z.infer<typeof endpoint>;

const fault = z.discriminatedUnion('fault', [
  z.strictObject({
    fault: z.literal('refuse_key'),
    ...when,
    status,
    code: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
  }),
  z.strictObject({ fault: z.literal('delay_key'), ...when, ms }),
  z.strictObject({
    fault: z.literal('refuse_http'),
    ...when,
    endpoint,
    status,
    code: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
  }),
  z.strictObject({ fault: z.literal('delay_http'), ...when, endpoint, ms }),
  z.strictObject({
    fault: z.literal('refuse_sdp'),
    ...when,
    status,
    code: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
  }),
  z.strictObject({ fault: z.literal('delay_sdp'), ...when, ms }),
  z.strictObject({ fault: z.literal('garbled_sdp'), ...when }),
  z.strictObject({
    fault: z.literal('refuse_socket'),
    ...when,
    status,
    code: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
  }),
  z.strictObject({ fault: z.literal('delay_handshake'), ...when, ms }),
  z.strictObject({ fault: z.literal('block_udp'), ...when }),
  z.strictObject({ fault: z.literal('drop'), ...timed }),
  z.strictObject({ fault: z.literal('close_channel'), ...timed }),
  z.strictObject({ fault: z.literal('session_expired'), ...timed }),
  z.strictObject({
    fault: z.literal('error_event'),
    ...timed,
    type: z.string().default('server_error'),
    code: z.string(),
    message: z.string().default(''),
  }),
  z.strictObject({ fault: z.literal('malformed_events'), ...timed, count: z.int().min(1).max(1_000).default(1) }),
  z.strictObject({ fault: z.literal('unknown_events'), ...timed, count: z.int().min(1).max(1_000).default(1) }),
  z.strictObject({
    fault: z.literal('other_format'),
    ...when,
    format: z.enum(['audio/pcm', 'audio/pcmu', 'audio/pcma']),
  }),
  z.strictObject({ fault: z.literal('ignore_session_update'), ...when }),
  /** The first `times` updates of a session are refused and not applied. */
  z.strictObject({
    fault: z.literal('refuse_session_update'),
    ...when,
    times: z.int().min(1).default(1_000),
    code: z.string().default('invalid_value'),
    /** Whether the error says which event it is about. */
    named: z.boolean().default(false),
  }),
  /** Whatever is asked, the session has these instructions, or no tools, and says so. */
  z.strictObject({
    fault: z.literal('other_session'),
    ...when,
    instructions: z.string().optional(),
    tools: z.literal('none').optional(),
  }),
  /** Speaks as other makers' servers do: see `other-dialect.ts`. */
  z.strictObject({ fault: z.literal('other_dialect'), ...when }),
  z.strictObject({ fault: z.literal('silent_model'), ...when, afterResponses: z.int().min(0).default(0) }),
  /** Events of these types are not told: all, or so many after the first `skip`. */
  z.strictObject({ fault: z.literal('lose_events'), ...when, ...named }),
  z.strictObject({ fault: z.literal('double_events'), ...when, ...named }),
  /** They are told so much later, behind what happened meanwhile. */
  z.strictObject({ fault: z.literal('late_events'), ...when, ...named, ms }),
  z.strictObject({ fault: z.literal('stuck_response'), ...when, afterResponses: z.int().min(0).default(0) }),
]);
export type Fault = z.infer<typeof fault>;
export type FaultOf<K extends Fault['fault']> = Extract<Fault, { fault: K }>;

export const scenarioSchema = z.strictObject({
  name: z.string().optional(),
  /** What is said when a response is asked for and nothing was said yet; `false` makes that the first scripted turn. */
  greeting: z.union([say, z.literal(false)]).optional(),
  /** One per response, in order; afterwards the test line's own behaviour, or the first again with `loop`. */
  turns: z.array(turn).max(1_000).default([]),
  loop: z.boolean().default(false),
  faults: z.array(fault).max(100).default([]),
});
export type Scenario = z.infer<typeof scenarioSchema>;
/** A scenario as a file or a test writes it, with the defaults left out. */
export type ScenarioInput = z.input<typeof scenarioSchema>;

/** Checks a scenario. Throws CONFIG_INVALID naming every place that is wrong. */
export function parseScenario(value: unknown, source = 'scenario'): Scenario {
  const result = scenarioSchema.safeParse(value);
  if (result.success) return result.data;
  const places = result.error.issues.map((issue) => `  ${issue.path.join('.') || '(root)'}: ${issue.message}`);
  throw new BridgeError('CONFIG_INVALID', `${source} is not a valid scenario:\n${places.join('\n')}`);
}

/**
 * Reads a scenario file; sounds are looked for beside it. Throws CONFIG_INVALID when it cannot be read, is not JSON, or is not a
 * scenario.
 */
export function loadScenario(path: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `the scenario ${path} could not be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
  const scenario = parseScenario(value, path);
  for (const entry of saysOf(scenario)) if (entry.wav !== undefined) entry.wav = resolve(dirname(path), entry.wav);
  return scenario;
}

/** Everything that a scenario says, wherever it stands. */
export function saysOf(scenario: Scenario): Say[] {
  const found: Say[] = [];
  if (scenario.greeting) found.push(scenario.greeting);
  for (const entry of scenario.turns) {
    if (entry.say !== undefined) found.push(entry.say);
    if (entry.afterTools !== undefined) found.push(entry.afterTools);
  }
  return found;
}

/** The faults that apply to the `ordinal`-th (from 1) session or key request. */
export function faultsFor(faults: readonly Fault[], ordinal: number): Fault[] {
  return faults.filter((entry) => entry.sessions === 'all' || entry.sessions.includes(ordinal));
}

export function findFault<K extends Fault['fault']>(faults: readonly Fault[], kind: K): FaultOf<K> | undefined {
  return faults.find((entry): entry is FaultOf<K> => entry.fault === kind);
}
