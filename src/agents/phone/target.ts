import { z } from 'zod';

const number = z
  .string('is missing: which number is called?')
  .transform((text) => text.replace(/[\s().-]/g, ''))
  .pipe(z.string().regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number with its country code, such as +12025550100'));

/** Who is called: the keys beside `kind: phone`. */
export const phoneTarget = {
  to: number,
  /** What is called from: a number of the carrier's account. */
  from: number.optional(),
  /** By which carrier. */
  carrier: z.string().min(1).optional(),
  ring_seconds: z.int().min(5).max(120).default(30),
  /** What becomes of a call that a machine takes. */
  on_machine: z.enum(['talk', 'hang-up']).default('talk'),
};

export type PhoneTarget = Readonly<z.infer<z.ZodObject<typeof phoneTarget>>>;
