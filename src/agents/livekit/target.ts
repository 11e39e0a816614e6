import { z } from 'zod';

/** Which agent: the keys beside `kind: livekit`. */
export const livekitTarget = {
  /** As the agent's worker is registered at the server. */
  agent_name: z.string('is missing: which agent is it?').min(1).max(128),
  /** What the agent is sent with; an object goes as JSON. */
  metadata: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
};

export type LivekitTarget = Readonly<z.infer<z.ZodObject<typeof livekitTarget>>>;
