import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

/** Takes no number or name: the model can look up who is calling and nobody else, whatever a caller talks it into. */
export default defineTool({
  description:
    'Looks up who is calling, by the number they call from: name, language, notes, and their future appointments. Use it at the start of a call.',
  parameters: z.object({}),
  touches: ['callers', 'appointments'],
  timeoutMs: 3_000,
  async execute(_, { store, caller, clock }) {
    if (caller.key === undefined)
      return { known: false, reason: caller.kind === 'withheld' ? 'number_withheld' : 'caller_not_proven' };
    const [record, appointments] = await Promise.all([
      store.callers.find(caller.key),
      store.appointments.upcoming(caller.key, clock.wall()),
    ]);
    if (record === undefined) return { known: false, appointments };
    const { name, language, notes, email } = record;
    return { known: true, name, language, notes, has_email: email !== null, appointments };
  },
});
