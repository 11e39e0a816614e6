import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Ends the call once the caller has heard your goodbye. Say goodbye in the same turn, before you call this. Use it when the caller is done, or the call cannot go on.',
  parameters: z.object({
    reason: z.enum(['done', 'caller_wants', 'abuse', 'cannot_help']).describe('Why the call ends.'),
  }),
  touches: ['hangupAfterPlayout'],
  // As long as a goodbye can be; the call's end aborts it before.
  timeoutMs: 60_000,
  filler: false,
  async execute({ reason }, { control, log }) {
    const how = await control.hangupAfterPlayout();
    log.info({ reason, how }, 'the agent ended the call');
    if (how === 'ended') return { ended: true };
    const reasons = {
      caller_spoke: 'The caller spoke up. Listen, and end the call later.',
      taken_over: 'A colleague spoke with the caller meanwhile. Go on from there, and end the call later.',
    };
    return { ended: false, reason: reasons[how] };
  },
});
