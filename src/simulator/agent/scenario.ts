import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { BridgeError, errorMessage } from '../../errors.ts';

/** How an agent behaves, in numbers, so that what is measured of it can be compared with what it did. A JSON file. */

const ms = (most = 60_000) => z.number().min(0).max(most);
/** A number, or two between which one is drawn by the seed. */
const drawn = z.union([ms(), z.tuple([ms(), ms()]).refine(([least, most]) => least <= most, 'the smaller one first')]);
const within = z.strictObject({
  /** From the speech's first sample. */
  atMs: ms(),
  ms: ms().min(1),
});

const speech = {
  /** Words, which are said as tones that `/audio/transcriptions` can read. */
  say: z.string().min(1).max(4_000).optional(),
  /** A tone instead: Hz, and its length. */
  tone: z.number().min(100).max(8_000).optional(),
  toneMs: ms(600_000).min(40).optional(),
  /** Silence in the middle of it. */
  pauses: z.array(within).max(100).default([]),
  /** Parts of it that are lost, cut off hard. */
  dropouts: z.array(within).max(100).default([]),
  /** How long it goes on when the caller speaks over it; null: it does not stop, and what the caller says meanwhile is not answered. */
  yieldMs: ms().nullish(),
};

const turn = z.strictObject({
  ...speech,
  /** From the caller's last sound to the first of the answer. */
  latencyMs: drawn.optional(),
  /** Speaks over the caller instead: so long after his first sound. */
  overMs: ms().optional(),
  /** Says nothing. */
  missed: z.literal(true).optional(),
  /** Ends the connection when it has been said. */
  hangUp: z.literal(true).optional(),
});
export type AgentTurn = z.infer<typeof turn>;

export const agentScenarioSchema = z.strictObject({
  /** Of all that is drawn. */
  seed: z.int().min(0).default(1),
  /** Whether silence is sent between words, as on a live line. */
  silence: z.boolean().default(true),
  /** Whether speech is sent at once, faster than it is heard, as a service does that leaves playing to its client. */
  burst: z.boolean().default(false),
  /** Silence after which the caller is taken to have ended: no answer can come sooner. */
  pauseMs: ms(5_000).min(20).default(200),
  yieldMs: ms().nullable().default(300),
  latencyMs: drawn.default(700),
  /** Said when the connection is open, or never. */
  greeting: z
    .union([z.literal(false), z.strictObject({ ...speech, delayMs: drawn.default(500) })])
    .default({ delayMs: 500, say: 'hello, how can i help you?', pauses: [], dropouts: [] }),
  /** In order, one for each turn of the caller's; when they are through, the last again and again. */
  turns: z.array(turn).max(1_000).default([]),
});
export type AgentScenario = z.infer<typeof agentScenarioSchema>;

/** Reads a scenario's file. Throws CONFIG_INVALID with what is wrong. */
export function loadAgentScenario(path: string): AgentScenario {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${path}: ${errorMessage(error)}`);
  }
  const read = agentScenarioSchema.safeParse(value);
  if (!read.success) throw new BridgeError('CONFIG_INVALID', `${path}: ${z.prettifyError(read.error)}`);
  return read.data;
}
