import { z } from 'zod';

const anything = z.record(z.string(), z.unknown());

/** What is said of an agent of ElevenLabs', and of each conversation with it (`conversation_initiation_client_data`). */
export const elevenLabsTarget = {
  agent_id: z.string().min(1, 'must be the id of an agent'),
  /** Values for the variables in its words. */
  dynamic_variables: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** `conversation_config_override`: the agent must allow what it overrides, or refuses the conversation. */
  overrides: anything.optional(),
  user_id: z.string().min(1).optional(),
  /** For tests: which of its tools are stood in for. */
  tool_mock_config: anything.optional(),
};

export type ElevenLabsTarget = Readonly<z.infer<z.ZodObject<typeof elevenLabsTarget>>>;
