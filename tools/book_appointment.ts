import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Books an appointment. Before it, repeat service, day, time and name to the caller and get a clear yes. When the time is gone it answers with others. Tell the caller the reference number.',
  parameters: z.object({
    service: z.string().min(1).max(60).describe('Id of the service, e.g. "check-up".'),
    start: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/, 'must be YYYY-MM-DDTHH:MM, as check_availability gives it')
      .describe('Start as check_availability gives it, YYYY-MM-DDTHH:MM.'),
    name: z.string().trim().min(1).max(100).describe('Name for the appointment.'),
    notes: z.string().trim().max(300).describe('What the staff should know beforehand.').optional(),
  }),
  touches: ['appointments'],
  timeoutMs: 5_000,
  execute: ({ service, start, name, notes }, { store, caller, callId, clock }) =>
    store.appointments.book({ service, start, name, notes, callerNumber: caller.key, callId }, clock.wall()),
});
