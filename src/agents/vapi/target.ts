import { z } from 'zod';

/** What is said of an assistant of Vapi's. */
export const vapiTarget = {
  assistant_id: z.string().min(1, 'must be the id of an assistant'),
  /** Values for the variables in its words. */
  variable_values: z.record(z.string(), z.unknown()).optional(),
  /** `assistantOverrides` of the call, as Vapi's API has them. */
  overrides: z.record(z.string(), z.unknown()).optional(),
  /** In which form audio goes, both ways: Vapi converts. */
  encoding: z.enum(['pcm_s16le', 'mulaw']).default('pcm_s16le'),
  /** Hz. */
  rate: z
    .union([z.literal(8_000), z.literal(16_000), z.literal(24_000)], { error: 'must be 8000, 16000, 24000' })
    .default(16_000),
};

export type VapiTarget = Readonly<z.infer<z.ZodObject<typeof vapiTarget>>>;

/** What one key alone cannot tell. */
export function checkVapiTarget({ encoding, rate }: VapiTarget, context: z.core.$RefinementCtx): void {
  if (encoding === 'mulaw' && rate !== 8_000)
    context.addIssue({ code: 'custom', path: ['rate'], message: 'must be 8000 where the encoding is mulaw' });
}
