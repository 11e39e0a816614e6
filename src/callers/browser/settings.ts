import { isIP } from 'node:net';
import { z } from 'zod';
import { csv, flag, integer } from '../../settings.ts';

/** The settings of calls from web pages: entries of the daemon's one schema. */

const origin = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && isOriginAlone(text);

function isOriginAlone(text: string): boolean {
  return new URL(text).origin === text.toLowerCase();
}

export const browserSettings = {
  BROWSER_ACCESS: z
    .enum(['admin', 'public'])
    .default('admin')
    .describe(
      'Who may call from a web page. admin: as every route for operators, with the admin token as bearer; public: anybody, within the limits.',
    ),
  BROWSER_ORIGINS: csv
    .refine((all) => all.every(origin), 'must be origins such as https://www.example.com, separated by commas')
    .transform((all) => all.map((one) => one.toLowerCase()))
    .default([])
    .describe(
      'Origins of other web sites whose pages may place calls here (CORS), comma-separated, e.g. https://www.example.com.',
    ),
  BROWSER_SYSTEM_PROMPT: flag
    .default(false)
    .describe('true: with BROWSER_ACCESS=public, anybody may give the agent its instructions (system_prompt).'),
  BROWSER_AGENTS: csv
    .default([])
    .describe(
      'Prompts that anybody may choose by agent_name with BROWSER_ACCESS=public, comma-separated. Operators may choose any.',
    ),
  BROWSER_MAX_CALLS: integer(1, 100_000)
    .default(10)
    .describe(
      'With BROWSER_ACCESS=public: most calls of strangers at once, those that are still connecting included; one address may have half of them. They have this share of MAX_CALLS and of CALLS_PER_SECOND and no more, one less than MAX_CALLS at most; the rest is for phones and operators.',
    ),
  BROWSER_MAX_PENDING: integer(1, 10_000)
    .default(8)
    .describe(
      'With BROWSER_ACCESS=public: most pages of strangers that were answered and have not connected yet; one address may have a quarter of them, one at least.',
    ),
  BROWSER_CONNECT_MS: integer(1_000, 30_000)
    .default(8_000)
    .describe('How long a page may take to connect its media and its data channel once it was answered, ms.'),
  RTC_PUBLIC_IP: csv
    .refine((all) => all.every((one) => isIP(one) !== 0), 'must be IP addresses, separated by commas')
    .default([])
    .describe(
      'Addresses under which the UDP ports of RTC_PORT_RANGE are reached from outside, where this machine does not have them itself: behind NAT, in a container. One IPv4, one IPv6, or both.',
    ),
};

/** What cannot be together, one sentence each. */
export function browserContradictions(config: {
  readonly BROWSER_ACCESS: string;
  readonly MAX_CALLS: number;
}): string[] {
  return config.BROWSER_ACCESS === 'public' && config.MAX_CALLS === 1
    ? [
        'BROWSER_ACCESS: public with MAX_CALLS=1 would let a stranger keep every caller out. Set MAX_CALLS to 2 or more.',
      ]
    : [];
}
