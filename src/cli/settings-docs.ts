import { type Setting, type SettingGroup, settings } from '../config.ts';

/** The settings as documents show them: all of the schema, in its order, in groups. */

export interface GroupShown {
  readonly title: string;
  /** What they are for, in half a sentence. */
  readonly about: string;
  readonly settings: readonly Setting[];
}

const GROUPS: Readonly<Record<SettingGroup, readonly [title: string, about: string]>> = {
  listening: ['Listening', 'where it listens, where carriers find it, who may operate it'],
  model: ['The model', 'who answers, where it is, how it listens and speaks'],
  webrtc: [
    'WebRTC',
    'the transport to the model, falling back to the WebSocket: 2 s after the answer where UDP is blocked, 4 s at the latest',
  ],
  pages: ['Calls from web pages', 'who may place them, and how their media gets here'],
  whatsapp: ['Calls by WhatsApp', 'whose calls are taken, what proves that Meta asks, and how Meta is told'],
  handed: ['Calls that others hand on', 'who may hand over a call whose webhook somebody else answers'],
  rooms: [
    'Calls in LiveKit rooms',
    'where the server is, who may create rooms, how the agent behaves among several people',
  ],
  testCallers: ['Test callers', 'what gives callers that are no people their voice'],
  tests: ['Tests of agents', 'suites, who writes down and judges what was said, what is left out'],
  carriers: ['Carriers', 'who may call the webhooks, the media stream, what a caller gets when all else fails'],
  control: ['Call control and ordered calls', 'hanging up, transferring and placing calls, and their limits'],
  playout: ['Audio to the carrier', 'what stall of ours is not heard, against delay'],
  tools: ['Tools, prompts and routes', 'the files that make the agent, and what its tools may reach'],
  records: ['Records', 'where calls are kept, how long, and what tokens cost'],
  recordings: ['Recordings', 'whether, by whose consent, in which form, how long'],
  aftermath: ['After a call', 'which text model says what calls came to, where their prompts ask for it'],
  keypad: ['Keys and silence', 'when keys are a turn, and what follows when nobody speaks'],
  live: ['Live events', 'the bounds of `/events`'],
  operators: ['Operators', 'listening in and taking over, and what is kept of what they do'],
  webhooks: ['Webhooks', 'who is told of calls and tools'],
  limits: ['Limits and stopping', 'how many calls, how long, and how the process stops'],
  workers: ['Several processes', 'how many take the calls of this machine, and when one is replaced'],
  http: ['HTTP', 'proxies, who may read metrics, rate limits'],
  fleet: ['Several instances', 'what they remember together, how they find and trust one another'],
  traces: ['Traces', 'OpenTelemetry'],
  logs: ['Logs', 'at the default level no secret, number or word of a caller is logged'],
};

/** All settings in their groups. `all`: those of other tables than the daemon's own. */
export function settingGroups(all: readonly Setting[] = settings): GroupShown[] {
  return Object.entries(GROUPS).map(([name, [title, about]]) => ({
    title,
    about,
    settings: all.filter(({ group }) => group === name),
  }));
}

/** The text of `docs/settings.md`. */
export function settingsPage(all: readonly Setting[] = settings): string {
  const groups = settingGroups(all).flatMap(({ title, about, settings: members }) => [
    `## ${title}`,
    '',
    `${about.charAt(0).toUpperCase()}${about.slice(1)}.`,
    '',
    '| setting | what it is | default |',
    '| --- | --- | --- |',
    ...members.map(({ name, description, default: value }) => {
      const shown = defaultText(value);
      return `| \`${name}\` | ${cell(description)} | ${shown === '' ? '' : `\`${cell(shown)}\``} |`;
    }),
    '',
  ]);
  return [
    '# Settings',
    '',
    'Made from the schema by `npm run docs`. Settings are variables of the environment, or lines of `.env` in the working directory where the',
    'environment has none; [.env.example](../.env.example) has them all. An empty one counts as not set. They are checked at the start: a wrong one',
    'stops the daemon with a message that says which, why, and what would be right. `npm run check` checks them without starting anything.',
    '',
    ...groups,
  ].join('\n');
}

/** A default as it would be written in `.env`, without quotes around it; '' where there is none. */
export function defaultText(value: unknown): string {
  if (value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0))
    return '';
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A text for a cell of a table. */
const cell = (words: string) => words.replaceAll('|', '\\|');
