import { type RoomChoices, roomChoices } from './routes.ts';

/** What a room's metadata says of the agent. `refused`: fields whose values cannot be taken; `metadata` where all of it is meant to be JSON, and is none. */
export interface ToldChoices {
  readonly choices: RoomChoices;
  readonly refused: readonly string[];
}

/**
 * What whoever made the room wants of the agent: fields as `/livekit/join-room` has them, as JSON in the room's metadata. Each is taken by itself, so that a wrong
 * one costs no other. Metadata may be about something else: what is no JSON object, and other fields of one, say nothing.
 */
export function choicesOf(metadata: string): ToldChoices {
  let told: unknown;
  try {
    told = JSON.parse(metadata);
  } catch {
    return { choices: {}, refused: metadata.trimStart().startsWith('{') ? ['metadata'] : [] };
  }
  if (typeof told !== 'object' || told === null) return { choices: {}, refused: [] };
  const choices: Record<string, unknown> = {};
  const refused: string[] = [];
  for (const [field, shape] of Object.entries(roomChoices.shape)) {
    const read = shape.safeParse((told as Readonly<Record<string, unknown>>)[field]);
    if (read.success) choices[field] = read.data;
    else refused.push(field);
  }
  return { choices: choices as RoomChoices, refused };
}
