import { z } from 'zod';
import { webUrl } from '../../settings.ts';
import type { SettingsOf } from '../kind.ts';

export const vapiSettings = {
  session: {
    VAPI_API_KEY: z.string().optional().describe('Private key of Vapi, for agents of the kind vapi.'),
    VAPI_API_URL: webUrl.default('https://api.vapi.ai').describe("Vapi's API, without a version path."),
  },
  answers: {},
  transport: {},
  webrtc: {},
};

export type VapiSettings = SettingsOf<typeof vapiSettings>;
