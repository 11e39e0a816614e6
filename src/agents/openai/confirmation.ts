import { z } from 'zod';
import { type AudioFormat, formatOf } from './session.ts';

/**
 * Whether the session that the model states is the one it was asked to hold. Servers echo in their own spelling (another order, defaults filled
 * in, parts left out): what they do not state is taken for held, since they confirmed; what they state must agree. Pure.
 */

const text = z.string();
const lenient = <T extends z.ZodType>(type: T) => type.optional().catch(undefined);

/** A number, or one in words. */
export const numeric = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*-?\d+(\.\d+)?\s*$/)
    .transform(Number),
]);

const detection = z.looseObject({}).nullable();
const side = lenient(z.object({ format: z.unknown().optional(), turn_detection: lenient(detection) }));

/** A session as it is asked for or stated, in GA's form or the beta's. Junk in a part of it counts as not stated; a format is never junk. */
export const statedSession = z
  .object({
    id: lenient(z.string().max(256)),
    expires_at: lenient(numeric),
    type: lenient(text),
    instructions: lenient(text.nullable()),
    tools: lenient(z.array(z.unknown()).nullable()),
    tool_choice: z.unknown().optional(),
    output_modalities: lenient(z.array(text)),
    modalities: lenient(z.array(text)),
    turn_detection: lenient(detection),
    audio: lenient(z.object({ input: side, output: side })),
    input_audio_format: z.unknown().optional(),
    output_audio_format: z.unknown().optional(),
  })
  .transform((raw) => ({
    id: raw.id ?? '',
    /** Seconds since the epoch. */
    expiresAt: raw.expires_at,
    type: raw.type,
    instructions: raw.instructions,
    tools: raw.tools,
    toolChoice: raw.tool_choice,
    modalities: raw.output_modalities ?? raw.modalities,
    // Null is a statement: off.
    turnDetection: raw.audio?.input?.turn_detection === undefined ? raw.turn_detection : raw.audio.input.turn_detection,
    formats: {
      input: formatOf(raw.audio?.input?.format ?? raw.input_audio_format),
      output: formatOf(raw.audio?.output?.format ?? raw.output_audio_format),
    } as { input: AudioFormat | undefined; output: AudioFormat | undefined },
  }));

export type StatedSession = z.infer<typeof statedSession>;

/** Reads a session object of ours by the same rules as the server's. */
export function askedSession(session: Readonly<Record<string, unknown>>): StatedSession {
  return statedSession.parse(session);
}

/**
 * What the stated session does otherwise than it was asked, in words that quote neither; undefined when nothing that matters. The formats are
 * judged by `formatMismatch`.
 */
export function contradiction(asked: StatedSession, stated: StatedSession): string | undefined {
  if (asked.type !== undefined && stated.type !== undefined && stated.type !== asked.type) {
    return 'it is of another type';
  }
  if (stated.modalities !== undefined && !stated.modalities.includes('audio')) return 'it answers in text';
  return (
    instructionsDiffer(asked.instructions, stated.instructions) ??
    toolsDiffer(asked, stated) ??
    detectionDiffers(asked.turnDetection, stated.turnDetection)
  );
}

function instructionsDiffer(asked: string | null | undefined, stated: string | null | undefined): string | undefined {
  if (typeof asked !== 'string' || stated === undefined) return undefined;
  const got = stated ?? '';
  if (words(got) === words(asked)) return undefined;
  return `its instructions are others (${got.length} characters where ${asked.length} were asked for)`;
}

/** A text without what transport and storage may do to white space. */
function words(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim();
}

function toolsDiffer(asked: StatedSession, stated: StatedSession): string | undefined {
  if (!Array.isArray(asked.tools) || stated.tools === undefined) return undefined;
  const wanted = toolsOf(asked.tools);
  const got = toolsOf(stated.tools ?? []);
  if (wanted.size !== got.size || [...wanted.keys()].some((name) => !got.has(name))) {
    return `its tools are others (${got.size} where ${wanted.size} were asked for)`;
  }
  for (const [name, parameters] of wanted) {
    const held = got.get(name);
    if (parameters !== undefined && held !== undefined && parameters !== held) {
      return `the parameters of its tool ${name} are others`;
    }
  }
  if (wanted.size > 0 && asked.toolChoice === 'auto' && stated.toolChoice === 'none') return 'it may use no tool';
  return undefined;
}

/** Functions by name, each with the names of its parameters; undefined where none are stated. Both forms that are about, nested and flat. */
function toolsOf(tools: readonly unknown[]): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const tool of tools) {
    const flat = objectOf(tool);
    const inner = objectOf(flat?.['function']) ?? flat;
    const name = inner?.['name'] ?? flat?.['server_label'];
    if (typeof name !== 'string') continue;
    const properties = objectOf(objectOf(inner?.['parameters'])?.['properties']);
    found.set(name, properties === undefined ? undefined : Object.keys(properties).sort().join(' '));
  }
  return found;
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

/** Numbers may be bounded by the server. Who ends a turn, and whether an answer follows by itself, must be as the turns are counted here. */
function detectionDiffers(
  asked: StatedSession['turnDetection'],
  stated: StatedSession['turnDetection'],
): string | undefined {
  if (asked === undefined || stated === undefined) return undefined;
  if (asked === null || stated === null) {
    return asked === stated ? undefined : `its turn detection is ${stated === null ? 'off' : 'on'}`;
  }
  for (const key of ['type', 'create_response', 'interrupt_response']) {
    if (asked[key] !== undefined && stated[key] !== undefined && stated[key] !== asked[key]) {
      return `its turn detection has another ${key}`;
    }
  }
  return undefined;
}
