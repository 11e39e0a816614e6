import { z } from 'zod';
import { csv, flag, integer } from '../../settings.ts';
import { isOwnName, isRoomName } from '../../transport/room-names.ts';

/** The settings of calls in rooms of LiveKit's: entries of the daemon's one schema. */

const serverUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^(wss?|https?):$/.test(new URL(text).protocol), {
    message: 'must be a ws://, wss://, http:// or https:// URL, e.g. wss://livekit.example.com',
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).search === '' && new URL(text).username === ''), {
    message: 'must be a URL without query and credentials',
  })
  // Both forms name the same server: the signalling is asked by the one, the rooms by the other.
  .transform((text) => text.replace(/^http/i, 'ws').replace(/\/+$/, ''));

export const livekitSettings = {
  LIVEKIT_ENABLED: flag
    .default(false)
    .describe(
      "true: the daemon joins rooms of LiveKit's server as an agent; POST /livekit/create-room makes one, and rooms that others make are joined by POST /livekit/join-room or by LIVEKIT_ROOM_PATTERN.",
    ),
  LIVEKIT_SERVER_URL: serverUrl
    .optional()
    .describe("Where LiveKit's server is, e.g. wss://livekit.example.com, or ws://127.0.0.1:7880 for one here."),
  LIVEKIT_CLIENT_URL: serverUrl
    .optional()
    .describe(
      'Where clients find it, told as serverUrl to whoever creates a room, if that is another address than LIVEKIT_SERVER_URL.',
    ),
  LIVEKIT_API_KEY: z
    .string()
    .regex(/^\S{1,200}$/, 'must be a key without spaces')
    .optional()
    .describe("Key of LiveKit's API: tokens are made with it, and its webhooks proven."),
  LIVEKIT_API_SECRET: z
    .string()
    .min(6, 'is too short to be one')
    .optional()
    .describe('The secret of LIVEKIT_API_KEY. The server itself asks for 32 characters at least, but with --dev.'),
  LIVEKIT_ACCESS: z
    .enum(['admin', 'public'])
    .default('admin')
    .describe(
      'Who may create rooms. admin: as every route for operators, with the admin token as bearer; public: anybody, within the limits, with the prompts of BROWSER_AGENTS, from pages of BROWSER_ORIGINS. Rooms that others made are for operators either way.',
    ),
  LIVEKIT_MAX_ROOMS: integer(1, 100_000)
    .default(10)
    .describe(
      'With LIVEKIT_ACCESS=public: most rooms of strangers at once, those to which nobody has come yet included, of which one address may have half. As BROWSER_MAX_CALLS it is a share of MAX_CALLS.',
    ),
  LIVEKIT_TENANT_ROOMS: integer(0, 100_000)
    .default(0)
    .describe(
      'Most rooms at once of one tenantId, over all processes that share a memory (WORKERS, REDIS_URL); 0: as many as there is room for.',
    ),
  LIVEKIT_AUDIO: z
    .enum(['mix', 'pick'])
    .default('mix')
    .describe(
      'What the model hears of several people. mix: all of them at once; pick: whoever is speaking, one at a time. A request may say otherwise for its room.',
    ),
  LIVEKIT_TELL_SPEAKER: flag
    .default(true)
    .describe(
      'true: where several people are in a room, the model is told in a line of text who speaks when that changes.',
    ),
  LIVEKIT_AGENT_NAME: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .default('Agent')
    .describe('Name of the agent as people in the room see it.'),
  LIVEKIT_ROOM_PATTERN: csv
    // A pattern is a name, too: its stars are.
    .refine(
      (all) => all.every(isRoomName),
      'must be names of rooms (256 characters at most, no control characters) with * for any part, separated by commas',
    )
    .refine(
      (all) => !all.some(isOwnName),
      'may not be of rooms that the daemon makes (voicebridge-room-…, voicebridge-call-…): the agent comes to them by itself, and never by a webhook',
    )
    .default([])
    .describe(
      "Rooms of others that the agent joins by itself when LiveKit's webhook (POST /livekit/webhook) tells of them: names with * for any part (and for a comma), comma-separated, e.g. support-*. None unless set, and never those of the daemon's own making.",
    ),
  LIVEKIT_JOIN_SECONDS: integer(10, 3_600)
    .default(300)
    .describe(
      'How long a room waits for its first person, seconds; then it is deleted. The model is asked for when somebody comes.',
    ),
  LIVEKIT_LEAVE_SECONDS: integer(0, 3_600)
    .default(20)
    .describe(
      'How long the agent stays when the last person has left, seconds: who lost the connection comes back into the same conversation.',
    ),
  LIVEKIT_IDLE_MINUTES: integer(1, 1_440)
    .default(30)
    .describe('A room in which nobody spoke, wrote or came for so long, minutes, is ended and deleted.'),
  LIVEKIT_TOKEN_MINUTES: integer(1, 60)
    .default(60)
    .describe('How long a token that is given to a participant opens the room, minutes: an hour at most.'),
};

export interface LivekitConfig {
  readonly LIVEKIT_ENABLED: boolean;
  readonly LIVEKIT_SERVER_URL?: string | undefined;
  readonly LIVEKIT_API_KEY?: string | undefined;
  readonly LIVEKIT_API_SECRET?: string | undefined;
  readonly LIVEKIT_ACCESS: string;
  readonly LIVEKIT_ROOM_PATTERN: readonly string[];
  readonly MAX_CALLS: number;
}

const NEEDED = ['LIVEKIT_SERVER_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'] as const;

/** What cannot be together, one sentence each. */
export function livekitContradictions(config: LivekitConfig): string[] {
  const problems: string[] = [];
  const missing = NEEDED.filter((name) => config[name] === undefined);
  const isHalf = missing.length > 0 && missing.length < NEEDED.length;
  if (config.LIVEKIT_ENABLED)
    for (const name of missing)
      problems.push(`${name}: is not set although LIVEKIT_ENABLED is true. Rooms cannot be had without it.`);
  else if (isHalf)
    problems.push(
      `${missing.join(', ')}: not set, while ${NEEDED.filter((name) => config[name] !== undefined).join(', ')} is. Set all three, or none.`,
    );
  if (!config.LIVEKIT_ENABLED && config.LIVEKIT_ROOM_PATTERN.length > 0)
    problems.push('LIVEKIT_ROOM_PATTERN: rooms are joined with LIVEKIT_ENABLED=true alone.');
  if (config.LIVEKIT_ENABLED && config.LIVEKIT_ACCESS === 'public' && config.MAX_CALLS === 1)
    problems.push(
      'LIVEKIT_ACCESS: public with MAX_CALLS=1 would let a stranger keep every caller out. Set MAX_CALLS to 2 or more.',
    );
  return problems;
}

/** Whether a room's name fits one of the patterns. Whoever names a room may choose it so that an expression with several stars takes for ever: none is made. */
export function isOurs(room: string, patterns: readonly string[]): boolean {
  return patterns.some((one) => fits(room, one.split('*')));
}

/** Whether a name is these parts with anything between them: each is where it is found first, and the last at the end. */
function fits(name: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
