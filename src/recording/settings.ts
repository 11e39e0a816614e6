import { z } from 'zod';
import { integer } from '../settings.ts';

/** The settings of recordings: entries of the daemon's one schema of settings. */
export const recordingSettings = {
  RECORDING: z
    .enum(['off', 'wav', 'opus'])
    .default('off')
    .describe(
      'Whether calls are recorded, in stereo (caller left, agent right): off, wav, or opus (Ogg, a fifth to a sixteenth of the size; needs the optional package @discordjs/opus). A prompt may say recording: off.',
    ),
  RECORDING_CONSENT: z
    .enum(['notice', 'operator'])
    .optional()
    .describe(
      'How the people on the line agree; needed as soon as RECORDING is on, and kept with every recording. notice: the agent says RECORDING_NOTICE first, and recording begins when the caller has heard it. operator: you see to it elsewhere, and recording begins with the call.',
    ),
  RECORDING_NOTICE: z
    .string()
    .min(1)
    .max(500)
    .default('This call is recorded.')
    .describe('What the agent says before its greeting when RECORDING_CONSENT is notice.'),
  RECORDING_RATE: z
    .enum(['auto', '8000', '16000', '24000'])
    .default('auto')
    .transform((rate) => (rate === 'auto' ? rate : (Number(rate) as 8_000 | 16_000 | 24_000)))
    .describe("Samples per second of recordings; auto: those of the caller's line, 24000 at most."),
  RECORDINGS_DIR: z.string().optional().describe('Folder of recordings; without it `recordings` in DATA_DIR.'),
  RECORDINGS_RETENTION_DAYS: integer(0, 36_500)
    .default(30)
    .describe("Age at which recordings are deleted, days; 0 keeps them as long as their call's record."),
  RECORDINGS_MIN_FREE_MB: integer(0, 1_000_000_000)
    .default(500)
    .describe('Recordings stop, and none begins, while the disk has less room than this, MB.'),
};
