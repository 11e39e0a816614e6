import { z } from 'zod';

/** What a prompt asks to be made of a call that is over: the key `afterCall` of its front matter. */

const NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,39}$/;

const field = z
  .strictObject({
    /** What kind of value it is. */
    type: z.enum(['string', 'number', 'boolean']).default('string'),
    /** What it is, for the model. */
    description: z.string().min(1).max(500).optional(),
    /** All values that it may have, where it is a string. */
    values: z.array(z.string().min(1).max(100)).min(1).max(50).optional(),
  })
  .refine(({ type, values }) => values === undefined || type === 'string', 'only strings have values');

export const afterCallKey = z
  .strictObject({
    /** Whether a few sentences are written of the call. */
    summary: z.boolean().default(true),
    /** The ends that a conversation can have, one of which is chosen. */
    outcome: z.array(z.string().min(1).max(100)).min(2, 'needs two at least').max(50).optional(),
    /** What is looked for in the conversation, by name. */
    fields: z
      .record(z.string().regex(NAME, 'must be letters, digits and _'), field)
      .refine((fields) => Object.keys(fields).length <= 50, 'has more than 50 fields')
      .optional(),
  })
  .refine(
    ({ summary, outcome, fields }) => summary || outcome !== undefined || fields !== undefined,
    'asks for nothing',
  );

export type Wanted = z.infer<typeof afterCallKey>;
