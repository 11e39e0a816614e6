import { isIP } from 'node:net';
import { z } from 'zod';
import { csv, flag } from '../settings.ts';

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
  RTC_PUBLIC_IP: csv
    .refine((all) => all.every((one) => isIP(one) !== 0), 'must be IP addresses, separated by commas')
    .default([])
    .describe(
      'Addresses under which the UDP ports of RTC_PORT_RANGE are reached from outside, where this machine does not have them itself: behind NAT, in a container. One IPv4, one IPv6, or both.',
    ),
};
