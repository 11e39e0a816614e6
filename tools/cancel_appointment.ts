import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Cancels an appointment by its reference number. Get a clear yes first. When the caller rings from another number than the one that booked, the name of the appointment is needed too.',
  parameters: z.object({
    reference: z
      .string()
      .transform((text) => text.replace(/\D/g, ''))
      .refine((digits) => digits.length === 6, 'must be the six digits of the reference number')
      .describe('The six digits of the reference number.'),
    name: z.string().trim().min(1).max(100).describe('Name of the appointment, as the caller says it.').optional(),
  }),
  touches: ['appointments'],
  timeoutMs: 4_000,
  execute: ({ reference, name }, { store, caller, clock }) =>
    store.appointments.cancel({ reference, name, callerNumber: caller.key }, clock.wall()),
});
