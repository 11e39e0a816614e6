import { z } from 'zod';
import { webUrl } from '../settings.ts';

/** The settings of what is made of calls that are over: entries of the daemon's one schema. */
export const aftermathSettings = {
  AFTER_CALL_API_URL: webUrl
    .optional()
    .describe(
      'Where summaries, outcomes and fields of calls are made that prompts ask for with afterCall: the base of an API that answers POST /chat/completions, its version with it, e.g. https://models.example.com/v1. The words of calls are sent there. Without it the embedded simulated service answers, by a script.',
    ),
  AFTER_CALL_API_KEY: z.string().min(1).optional().describe('Bearer token of that API.'),
  AFTER_CALL_MODEL: z.string().min(1).max(200).default('gpt-4.1-mini').describe('Which of its models makes them.'),
};
