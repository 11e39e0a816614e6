import { z } from 'zod';
import { webUrl } from '../../settings.ts';
import type { SettingsOf } from '../kind.ts';

export const elevenLabsSettings = {
  session: {
    ELEVENLABS_API_KEY: z
      .string()
      .optional()
      .describe(
        'Key of ElevenLabs, for agents of the kind elevenlabs; without one only agents that are public answer.',
      ),
    ELEVENLABS_API_URL: webUrl
      .default('https://api.elevenlabs.io')
      .describe("ElevenLabs' API, without a version path."),
  },
  answers: {},
  transport: {},
  webrtc: {},
};

export type ElevenLabsSettings = SettingsOf<typeof elevenLabsSettings>;
