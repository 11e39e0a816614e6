import { z } from 'zod';
import { defineTool } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Plays telephone key tones to the other side, e.g. to get through an automatic menu. "w" waits half a second.',
  parameters: z.object({
    digits: z
      .string()
      .regex(/^[0-9*#A-Dw]{1,32}$/, 'must be 1 to 32 of 0-9, *, #, A-D and w')
      .describe('Keys in order, e.g. "1w4#".'),
  }),
  touches: ['sendDigits'],
  timeoutMs: 25_000,
  async execute({ digits }, { control }) {
    await control.sendDigits(digits);
    return { sent: digits.length };
  },
});
