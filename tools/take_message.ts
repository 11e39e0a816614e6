import { z } from 'zod';
import { defineTool, parseNumber } from '../src/tools/tool.ts';

export default defineTool({
  description:
    'Takes a message for the people of the business. Read it back to the caller first. Use it when the caller wants a call back, or you cannot help.',
  parameters: z.object({
    message: z.string().trim().min(1).max(2_000).describe("The message, in the caller's sense, complete."),
    name: z.string().trim().min(1).max(100).describe('Who leaves it.').optional(),
    recipient: z.string().trim().min(1).max(100).describe('Whom it is for, when the caller named somebody.').optional(),
    callback_number: z
      .string()
      .max(64)
      .refine((text) => parseNumber(text) !== undefined, 'must be international: + and country code')
      .describe('Number to call back, with + and country code; left out when it is the one they call from.')
      .optional(),
    urgent: z.boolean().default(false).describe('True when it cannot wait until the next working day.'),
  }),
  touches: ['messages'],
  timeoutMs: 4_000,
  async execute({ message, name, recipient, callback_number, urgent }, { store, caller, callId, clock }) {
    const callbackNumber = callback_number === undefined ? caller.from : parseNumber(callback_number);
    await store.messages.leave(
      { callId, callerNumber: caller.name, name, recipient, body: message, callbackNumber, urgent },
      clock.wall(),
    );
    return { taken: true, can_be_called_back: callbackNumber !== undefined };
  },
});
