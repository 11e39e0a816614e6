import { z } from 'zod';

/** Which agent of the account, and how it is called: the keys beside `kind: retell`. */
export const retellTarget = {
  agent_id: z.string('is missing: which agent is it?').min(1),
  /** A published version; left out: the newest. */
  agent_version: z.int().min(0).optional(),
  /** gateway: the newer version of its calls. livekit: the older. auto: the newer, and the older where the API has only that. */
  transport: z.enum(['auto', 'gateway', 'livekit']).default('auto'),
  /** Values for the variables of its prompt; they may hold variables of ours. */
  dynamic_variables: z.record(z.string(), z.string()).optional(),
  /** Kept with the call by the provider, and returned with it. */
  metadata: z.record(z.string(), z.unknown()).optional(),
};

export type RetellTarget = Readonly<z.infer<z.ZodObject<typeof retellTarget>>>;
