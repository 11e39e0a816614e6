import { z } from 'zod';
import { dialledNumber, integer } from '../../settings.ts';
import { isLanguage, isVoice, LANGUAGE_RULE, VOICE_RULE } from '../../spoken.ts';

/** The settings of calls by phone that no carrier has for itself: entries of the daemon's one schema, in the groups of the documents. */
export const phoneSettings = {
  /** The media stream, and what a caller gets when all else fails. */
  calls: {
    STREAM_TOKEN_SECRET: z
      .string()
      .min(16, 'needs at least 16 characters')
      .optional()
      .describe(
        'Signs the one-time tokens of media streams. The same on all instances; without it each process makes its own.',
      ),
    STREAM_TIMEOUT_MS: integer(1_000, 120_000)
      .default(20_000)
      .describe(
        'How long a prepared call waits for its media stream, or one by WhatsApp for Meta to take its acceptance, ms.',
      ),
    RECLAIM_MS: integer(0, 60_000)
      .default(15_000)
      .describe(
        "How long a call whose media stream broke keeps the model's session, so that the carrier can come back, ms.",
      ),
    FALLBACK_SAY: z
      .string()
      .default('We are sorry, the call could not be continued. Please try again later.')
      .describe('What the carrier says to a caller whose call the bridge had to give up.'),
    SAY_LANGUAGE: z
      .string()
      .refine(isLanguage, LANGUAGE_RULE)
      .optional()
      .describe(
        'Language of FALLBACK_SAY and BUSY_SAY, e.g. de-DE; without it the carrier reads them as American English. A route may have words of its own (say, in ROUTES_FILE).',
      ),
    SAY_VOICE: z
      .string()
      .refine(isVoice, VOICE_RULE)
      .optional()
      .describe(
        "The carrier's voice that says them, e.g. woman, Polly.Vicki-Neural or Google.de-DE-Standard-A (which SignalWire calls gcloud.de-DE-Standard-A); it must speak SAY_LANGUAGE.",
      ),
    APOLOGY_FILE: z
      .string()
      .optional()
      .describe(
        'WAV file (16-bit PCM, mu-law or A-law, any rate and channels, a minute at most) that a caller hears whose agent is lost, before FALLBACK_SAY; without it the shipped one, in English.',
      ),
    FALLBACK_DIAL: dialledNumber
      .optional()
      .describe('Number (E.164) that such a caller is then connected to; no premium-rate number.'),
  },
  /** Audio to the carrier. */
  playout: {
    PLAYOUT_LEAD_MS: integer(100, 2_000)
      .default(300)
      .describe('How much agent audio may lie unplayed at the carrier, ms: what survives a stall of ours.'),
    PLAYOUT_CUSHION_MS: integer(0, 500)
      .default(400)
      .describe(
        'Most silence put before a run of live (WebRTC) speech, ms: as much as audio was late within ten minutes, so that a stall of ours as long as one of those is not heard; it adds as much delay to each answer. 0: none.',
      ),
    PLAYOUT_CUSHION_LEAST_MS: integer(0, 500)
      .default(20)
      .describe(
        'The same where nothing was late, ms. As large as PLAYOUT_CUSHION_MS, the cushion is always that; above it, it counts as that.',
      ),
    PLAYOUT_CHUNK_MS: integer(20, 100)
      .default(20)
      .describe(
        'Audio in one message to the carrier, ms; four times as much, 100 ms at most, where it comes ahead of time.',
      ),
  },
  limits: {
    MAX_HOLD_MINUTES: integer(1, 1_440)
      .default(10)
      .describe(
        'How long a carrier may send no audio, minutes, as of a caller on hold: the call goes on as long as its socket lives and answers pings, and the agent asks nobody whether they are there.',
      ),
    MAX_PENDING_STREAMS: integer(1, 100_000)
      .default(200)
      .describe('Most media sockets that have not said who they are yet; one address may hold a quarter of them.'),
  },
};

type PhoneShape = typeof phoneSettings.calls & typeof phoneSettings.playout & typeof phoneSettings.limits;
export type PhoneSettings = Readonly<z.infer<z.ZodObject<PhoneShape>>>;

/** What cannot be together, one sentence each. */
export function phoneContradictions(config: Pick<PhoneSettings, 'PLAYOUT_CHUNK_MS' | 'PLAYOUT_LEAD_MS'>): string[] {
  return 2 * config.PLAYOUT_CHUNK_MS > config.PLAYOUT_LEAD_MS
    ? ['PLAYOUT_CHUNK_MS: is larger than half of PLAYOUT_LEAD_MS. The lead must hold two chunks.']
    : [];
}
