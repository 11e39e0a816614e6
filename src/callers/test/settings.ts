import { z } from 'zod';
import { webUrl } from '../../settings.ts';

/** The settings of callers that are no people: entries of the daemon's one schema. */
export const testCallerSettings = {
  SPEECH_API_URL: webUrl
    .optional()
    .describe(
      'Where the words of scripted callers become speech: the base of an API that answers POST /audio/speech, its version with it, e.g. https://speech.example.com/v1. Without it they are said by the embedded simulated voice, in tones. What was made once is kept in the folder speech of DATA_DIR.',
    ),
  SPEECH_API_KEY: z.string().min(1).optional().describe('Bearer token of that API.'),
  SPEECH_MODEL: z.string().min(1).max(200).default('gpt-4o-mini-tts').describe('Which of its models speaks.'),
  SPEECH_VOICE: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be the name of a voice')
    .default('alloy')
    .describe('The voice of callers that name none of their own.'),
};
