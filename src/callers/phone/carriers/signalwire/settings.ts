import { z } from 'zod';
import { csv, type SettingsOf, webUrl } from '../../../../settings.ts';

/** SignalWire's share of the daemon's one schema of settings. Passwords are kept out of every log. */
export const signalwireSettings = {
  /** What its webhooks and streams need, and the account, which control goes by too. */
  calls: {
    SIGNALWIRE_PROJECT_ID: z.string().optional().describe('Project of the SignalWire REST API.'),
    SIGNALWIRE_TOKEN: z.string().optional().describe('API token of the SignalWire REST API.'),
    SIGNALWIRE_SPACE: z.string().optional().describe('Space name, e.g. example for example.signalwire.com.'),
    SIGNALWIRE_SIGNING_KEY: csv
      .default([])
      .describe('Signing key of the project (not the API token): verifies webhooks.'),
    SIGNALWIRE_CODEC: z
      .enum(['PCMU@8000h', 'L16@16000h', 'L16@24000h'])
      .default('L16@24000h')
      .describe("Codec asked of SignalWire's stream; L16@24000h is the model's own rate, wideband without resampling."),
    SIGNALWIRE_L16_BYTE_ORDER: z
      .enum(['le', 'be', 'auto'])
      .default('le')
      .describe(
        'Byte order of L16 samples on the stream. It is not documented; little-endian is what works with the carrier’s own sample. auto: as the first audio of a caller shows it, for both directions, and until then as it was in the calls before.',
      ),
    SIGNALWIRE_REALTIME: z
      .enum(['auto', 'true', 'false'])
      .default('auto')
      .describe(
        'The realtime attribute of the stream: true lets the carrier trim delay, false lets it play all that it was sent. auto: by each call, true where its model is on WebRTC (live audio), false on the WebSocket (audio comes ahead of time).',
      ),
  },
  /** What its control of calls needs besides. */
  control: {
    SIGNALWIRE_API_URL: webUrl
      .optional()
      .describe("SignalWire REST API at another address than the space's own, https://SPACE.signalwire.com."),
    SIGNALWIRE_CONTROL: z
      .enum(['rest', 'relay'])
      .default('rest')
      .describe(
        'How calls at SignalWire are placed: rest (the Compatibility API), or relay (its realtime connection, which needs the optional package @signalwire/realtime-api; transfers go by REST all the same).',
      ),
    SIGNALWIRE_RELAY_URL: z
      .string()
      .regex(/^wss?:\/\/\S+$/, 'must be a ws:// or wss:// URL')
      .optional()
      .describe('SignalWire relay at another address than wss://relay.signalwire.com.'),
  },
};

export type SignalWireSettings = SettingsOf<typeof signalwireSettings>;
