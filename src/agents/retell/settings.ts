import { z } from 'zod';
import { webUrl } from '../../settings.ts';
import type { SettingsOf } from '../kind.ts';

/** Its share of the daemon's one schema of settings. The key is kept out of every log. */
export const retellSettings = {
  session: {
    RETELL_API_KEY: z
      .string()
      .min(1)
      .optional()
      .describe('API key of the Retell account whose agents answer calls (agent: {kind: retell, agent_id: ...}).'),
    RETELL_API_URL: webUrl
      .default('https://api.retellai.com')
      .describe('Where the API of Retell is, without a version path. With http its WebSockets are in the clear, too.'),
    RETELL_LIVEKIT_URL: z
      .url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' })
      .default('wss://retell-ai-4ihahnq7.livekit.cloud')
      .describe('The LiveKit server in which calls of the older version of that API are.'),
  },
  answers: {},
  transport: {},
  webrtc: {},
};

export type RetellSettings = SettingsOf<typeof retellSettings>;
