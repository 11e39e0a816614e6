import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Connects the caller to another number and leaves the call. First tell the caller whom you connect them to. Only numbers that the business allows are connected; when one is refused, or nobody answers and the caller is back, offer to take a message.',
  parameters: z.object({
    destination: z.string().min(3).max(40).describe('Number to connect to, with + and country code.'),
  }),
  touches: ['transfer'],
  // The agent's announcement is heard first, and a carrier may take a while.
  timeoutMs: 45_000,
  filler: false,
  async execute({ destination }, { control }) {
    await control.transfer(destination);
    return { transferred: true };
  },
});
