import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Keeps what the caller said about themselves: name, e-mail, language, notes. Only for the caller on the line. Give only what is new; notes replace earlier notes.',
  parameters: z.object({
    name: z.string().trim().min(1).max(100).describe('Full name, as the caller spells it.').optional(),
    email: z.email().max(200).describe('E-mail address, read back to the caller before.').optional(),
    language: z
      .string()
      .regex(/^[a-z]{2}$/)
      .describe('Language the caller prefers, two letters, e.g. "en".')
      .optional(),
    notes: z.string().trim().min(1).max(500).describe('What the next agent should know, in short.').optional(),
  }),
  touches: ['callers'],
  timeoutMs: 3_000,
  async execute(changes, { store, caller, clock }) {
    if (caller.key === undefined)
      return { updated: false, reason: caller.kind === 'withheld' ? 'number_withheld' : 'caller_not_proven' };
    if (Object.keys(changes).length === 0) return { updated: false, reason: 'nothing_given' };
    const { name, language, notes } = await store.callers.update(caller.key, changes, clock.wall());
    return { updated: true, name, language, notes };
  },
});
