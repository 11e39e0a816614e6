import { z } from 'zod';
import type { TargetKind } from '../agents/target.ts';
import { orBoolean } from '../operator-file.ts';
import { afterCallKey } from './after-call.ts';

/**
 * The front matter of a prompt: everything about an agent but its words. These keys are every agent's; those of one kind stand beside them. What is
 * left out stays as the daemon's settings have it. Times end in their unit.
 */

const seconds = (min: number, max: number) => z.number().min(min).max(max);

export const commonKeys = {
  /** The kind of agent that answers, or an object that says which of that kind (`agents/target.ts`); left out: the daemon's first. */
  agent: z.unknown().optional(),
  /** One line for people who choose among prompts. */
  description: z.string().optional(),
  /** Names of tools; `crm_*` for all that begin so. Left out: all. */
  tools: z
    .array(z.string().regex(/^[A-Za-z0-9_-]+\*?$|^\*$/, 'must be a tool name, or its beginning and *'))
    .optional(),
  limits: z
    .strictObject({
      maxMinutes: z.number().positive().max(1_440).optional(),
      /** Silence of the caller before the agent asks whether they are still there. */
      silenceSeconds: seconds(3, 600).optional(),
      /** How often it asks before it ends the call. */
      silencePrompts: z.int().min(0).max(5).optional(),
    })
    .optional(),
  /** What is made of a call once it is over, by a text model; left out: nothing. */
  afterCall: afterCallKey.optional(),
  /** off: calls of this prompt are not recorded, whatever the settings say. */
  recording: orBoolean(z.literal(false, 'must be off, or left out')).optional(),
  /** What the agent says, or false for nothing, while a tool takes long. */
  filler: orBoolean(
    z.union(
      [
        z.literal(false),
        z
          .string()
          .min(1)
          .regex(/^(?!.*\{\{)/s, 'is said as it stands: it takes no variables'),
      ],
      'must be words, or off',
    ),
  ).optional(),
  /** Custom parameters that the body may use as {{custom.NAME}}, each with what stands for it when the call brings none. */
  variables: z.record(z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,39}$/), z.string()).optional(),
};

export type PromptSettings = Readonly<z.infer<z.ZodObject<typeof commonKeys>>>;

/** Keys of the groups among them, for hints at what was meant. */
export const commonGroups = Object.keys(commonKeys.limits.unwrap().shape);

/** What a prompt may say of agents of one kind, beside that; see `AgentOptions`. */
export interface PromptKind extends TargetKind {
  readonly options: TargetKind['options'] & {
    readonly prompt: Readonly<Record<string, z.ZodType>>;
    readonly groups?: readonly string[];
    check?(options: PromptOptions, context: z.core.$RefinementCtx): void;
    readonly templates?: readonly string[];
    mayBeWordless?(options: PromptOptions): boolean;
  };
}

/** What a prompt says of its agent, by the kind's keys: those of an agent that is written as an object, and those beside it. */
export type PromptOptions = Readonly<Record<string, unknown>>;
