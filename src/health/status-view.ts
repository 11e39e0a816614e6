import { z } from 'zod';

/** What a daemon says of how it is set up and what stands in its way: what the console offers, and what it says where something cannot be done. */

const ability = z
  .object({
    why: z.string().optional().describe('Why it cannot be done, in a sentence; left out: it can.'),
    settings: z.array(z.string()).optional().describe('Settings that would change it.'),
  })
  .describe('Whether something can be done.');
export type Ability = z.infer<typeof ability>;

export const statusView = z
  .object({
    version: z.string(),
    startedAt: z.iso.datetime(),
    readiness: z.string().describe('As `/health/ready` tells it.'),
    problems: z
      .array(z.object({ area: z.enum(['model', 'files', 'fleet', 'livekit']), text: z.string() }))
      .describe('What is wrong and would else show at the next call.'),
    webhook: z.string().optional().describe('The address that a carrier is to call, as far as it is known.'),
    webhookIsPublic: z.boolean().describe('Whether PUBLIC_URL says so; else it is the address this request came to.'),
    agents: z
      .array(
        z.object({
          about: z.string(),
          model: z.string(),
          simulated: z.boolean(),
          transcription: z
            .union([z.string(), z.null()])
            .optional()
            .describe('The model that writes down what callers say; null: none does.'),
          voices: z.array(z.string()).optional().describe('Voices that are known by name; others may be taken, too.'),
          transcriptionCure: z.string().optional().describe('What would turn it on, a sentence.'),
        }),
      )
      .describe('Who answers; the first where nothing else is said.'),
    prompts: z.array(z.string()),
    can: z.object({
      place: ability,
      transfer: ability,
      whatsapp: z.boolean().describe('Whether calls can be placed to WhatsApp users.'),
      anybodyCalls: z
        .boolean()
        .describe('Whether a viewer may call from a page, as anybody may: else it takes an operator.'),
    }),
  })
  .describe('How the daemon is set up, and how it does.');
export type StatusView = z.infer<typeof statusView>;
