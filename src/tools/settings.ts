import { z } from 'zod';
import { parsePrefix } from '../numbering/number.ts';
import { csv, integer, phoneNumber } from '../settings.ts';
import { isHostEntry } from './destinations.ts';
import { isPrefix, whatsappPrefix } from './policy.ts';

/** The settings of tools, prompts and routes: entries of the daemon's one schema of settings, each read from an environment variable. */

const list = (what: string, isEntry: (entry: string) => boolean) =>
  csv.refine((entries) => entries.every(isEntry), `must be ${what}, separated by commas`);

/** Beginnings of numbers, however they are written. */
const prefixes = (example: string) =>
  list(
    `numbers or their beginnings in international form without a trunk prefix, e.g. ${example}`,
    (entry) => isPrefix(parsePrefix(entry) ?? '') || whatsappPrefix(entry) !== undefined,
  ).transform((entries) => entries.map((entry) => whatsappPrefix(entry) ?? parsePrefix(entry) ?? entry));

const zone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}, 'must be a time zone such as Europe/Berlin');

export const toolSettings = {
  DATA_DIR: z.string().default('data').describe('Folder of what is kept: the database voicebridge.db is in it.'),
  BUSINESS_TIMEZONE: zone
    .default('America/New_York')
    .describe("The business's time zone: for appointments, for what the agent is told, and for the routes' times."),
  // Of its own: it takes y and n besides what the other flags take, and files with those in them go on being read.
  EXAMPLE_BUSINESS: z
    .stringbool()
    .default(true)
    .describe(
      'true: a fresh database gets a small example business (a dental practice), so that there is something to talk about.',
    ),
  TOOLS_DIR: z.string().default('tools').describe('Folder of the tools the agent can use, one file each.'),
  PROMPTS_DIR: z.string().default('prompts').describe('Folder of the prompts, one Markdown file each.'),
  KNOWLEDGE_DIR: z.string().default('knowledge').describe('Folder of Markdown files that the agent can search.'),
  ROUTES_FILE: z
    .string()
    .default('prompts/routes.yaml')
    .describe('Which number, caller and time is answered by which prompt.'),
  MCP_FILE: z
    .string()
    .default('mcp.yaml')
    .describe('Lists MCP servers whose tools the agent can use; without the file there are none.'),
  HTTP_TOOL_HOSTS: list('hosts such as hooks.example.com or *.example.com:8443', isHostEntry)
    .default([])
    .describe(
      'Hosts on the internet that HTTP tools may call, by https, comma-separated; *.example.com for all below it. None: none.',
    ),
  HTTP_TOOL_PRIVATE_HOSTS: list('hosts such as localhost:5678', isHostEntry)
    .default([])
    .describe(
      'Hosts that HTTP tools may call although they are on this machine or in a private network, by http too, e.g. localhost:5678. Cloud metadata services stay closed.',
    ),
  DIAL_ALLOW: prefixes('+1202')
    .default([])
    .describe(
      "Numbers that calls may be transferred to and that may be dialled: beginnings in international form, comma-separated, e.g. +1202,+442079460000. None: none. A country's code alone means that country and its ordinary numbers (+1: the United States and Canada); another country of the same code, shared-cost and personal numbers and satellites must be named further (+1876, +4430, +881). Numbers that there are not, premium-rate numbers and emergency services are refused in any case. Entries for numbers hold for WhatsApp, too; whatsapp:+1202 holds there alone, and users who go by a user id are named by it or its beginning (whatsapp:US.).",
    ),
  DIAL_DENY: prefixes('+1900')
    .default([])
    .describe('Beginnings of numbers, and of WhatsApp users, that are refused although DIAL_ALLOW has them.'),
  TRANSFERS_PER_HOUR: integer(0, 100_000)
    .default(120)
    .describe('Most callers connected to others in any 60 minutes, by agents and by operators; 0 forbids it.'),
  TRANSFER_RING_SECONDS: integer(5, 120)
    .default(25)
    .describe(
      'How long the number rings that a caller is connected to, seconds. One whom nobody answers comes back to the agent, who is told why.',
    ),
  TRANSFER_CALLER_ID: phoneNumber
    .optional()
    .describe(
      'Number (E.164) shown where a caller is connected who has none to show (withheld, SIP): one of your own at the carrier. Without it the number that was called; callers with a number are shown by it.',
    ),
  TOOL_FILLER: z
    .string()
    .default('One moment, please.')
    .describe('What the agent says, in its own words, while a tool takes long; off: nothing.'),
  TOOL_FILLER_MS: integer(300, 10_000)
    .default(1_500)
    .describe('How long a tool may take before the agent says so, ms.'),
  TOOLS_PER_MINUTE: integer(1, 600).default(30).describe('Most tool calls of one telephone call in a minute.'),
};

export type ToolSettings = Readonly<z.infer<z.ZodObject<typeof toolSettings>>>;

/** The settings as they are when nothing is set. */
export function defaultToolSettings(): ToolSettings {
  return z.object(toolSettings).parse({});
}
