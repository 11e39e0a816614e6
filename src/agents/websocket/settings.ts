import { z } from 'zod';
import { webUrl } from '../../settings.ts';
import type { SettingsOf } from '../kind.ts';

export const websocketSettings = {
  session: {
    ULTRAVOX_API_KEY: z
      .string()
      .optional()
      .describe('Key of Ultravox, for agents of the kind websocket that name it (docs/examples/ultravox.yaml).'),
    ULTRAVOX_API_URL: webUrl
      .default('https://api.ultravox.ai')
      .describe("Ultravox's API, without a version path; plain http is for trials on one machine."),
  },
  answers: {},
  transport: {},
  webrtc: {},
};

export type WebsocketSettings = SettingsOf<typeof websocketSettings>;
