import { z } from 'zod';
import { admissionSettings } from './admission/settings.ts';
import { aftermathSettings } from './aftermath/settings.ts';
import { AGENTS } from './agents/index.ts';
import type { AgentKind, SettingsOf } from './agents/kind.ts';
import { bridgeSettings } from './callers/bridge/settings.ts';
import { browserContradictions, browserSettings } from './callers/browser/settings.ts';
import { livekitContradictions, livekitSettings } from './callers/livekit/settings.ts';
import { CARRIERS } from './callers/phone/carriers/index.ts';
import { phoneContradictions, phoneSettings } from './callers/phone/settings.ts';
import { testCallerSettings } from './callers/test/settings.ts';
import { whatsappContradictions, whatsappSettings } from './callers/whatsapp/settings.ts';
import { parseEnvFile, strayVariables } from './env-file.ts';
import { BridgeError } from './errors.ts';
import { fleetContradictions, fleetSettings } from './fleet/settings.ts';
import { httpSettings } from './http/settings.ts';
import { listeningSettings } from './listening/settings.ts';
import { liveSettings } from './live/settings.ts';
import { memorySettings } from './memory/settings.ts';
import { readOperatorFileSync } from './operator-file.ts';
import { outboundSettings } from './orders/settings.ts';
import { peopleSettings } from './people/settings.ts';
import { recordingSettings } from './recording/settings.ts';
import { recordSettings } from './records/settings.ts';
import {
  csv,
  flag,
  iceServers,
  integer,
  type KindSettings,
  portRange,
  publicUrl,
  type SettingShape,
} from './settings.ts';
import { suiteSettings } from './suites/settings.ts';
import { toolSettings } from './tools/settings.ts';
import { tracingSettings } from './tracing/settings.ts';
import { webhookSettings } from './webhooks/settings.ts';
import { workbenchSettings } from './workbench/settings.ts';
import { workerContradictions, workerSettings } from './workers/settings.ts';

/*
 * Every setting, once: its name in the environment, what it may be, what it is without being set, and the sentence that
 * `.env.example` says about it. Nothing else reads `process.env`.
 */

const listening = {
  HOST: z.string().default('0.0.0.0').describe('Address the daemon listens on.'),
  PORT: integer(0, 65_535).default(8080).describe('TCP port the daemon listens on; 0 takes a free one.'),
  PUBLIC_URL: publicUrl
    .optional()
    .describe(
      'Where carriers reach this daemon from outside, e.g. https://voice.example.com. Without it the Host of each request is used, which is for local trials only and is refused as soon as a signing secret is set.',
    ),

  ADMIN_TOKEN: csv
    .refine((tokens) => tokens.every((token) => token.length >= 16), 'needs at least 16 characters in each token')
    .default([])
    .describe(
      'Bearer token of the console and of every route for operators, at least 16 characters; two, comma-separated, while one is being rotated. Without it the daemon makes one at its first start and keeps it in the file admin-token of DATA_DIR, readable by its user alone.',
    ),
};

const answers = {
  ANSWER_FILLER: z
    .string()
    .min(1)
    .default('tone')
    .describe(
      'What a caller hears who waits for an answer: tone (two soft notes, which belong to no language, and recorded words, "One moment, please.", where the model says how long its limits make it wait), words (those always), the path of a WAV file of your own (words, or a sound, in place of both), or off.',
    ),
};

/** Servers of ICE. `agents`: those that could need some. */
const ice = (agents: readonly AgentKind[]) => ({
  ICE_SERVERS: iceServers
    .default([])
    .describe(
      `STUN and TURN servers: comma-separated URLs, or a JSON array of {urls, username, credential}.${agents.map((kind) => (kind.needsIceServers === false ? ` ${kind.title} needs none.` : '')).join('')}`,
    ),
});

const ports = {
  RTC_PORT_RANGE: portRange
    .optional()
    .describe('UDP ports for WebRTC media, e.g. 10000-10100. Without it the system chooses.'),
};

const keypad = {
  DTMF_PAUSE_MS: integer(200, 30_000)
    .default(2_000)
    .describe('Pause after which the keys a caller pressed are complete and become a turn of the conversation, ms.'),
  DTMF_MAX_DIGITS: integer(1, 100).default(32).describe('Most keys of one such turn.'),
  DTMF_TERMINATORS: z
    .string()
    .regex(/^[0-9*#A-D]+$/, 'must be keys: 0-9, *, #, A-D')
    .default('#')
    .describe('Keys that complete it at once.'),
  SILENCE_SECONDS: integer(0, 3_600)
    .default(15)
    .describe(
      'How long nobody may speak, seconds, before the agent asks whether the caller is still there; 0: for ever. A prompt may set its own.',
    ),
  SILENCE_ASKS: integer(0, 10)
    .default(1)
    .describe('How often the agent asks before it says goodbye and ends the call. A prompt may set its own.'),
};

const limits = {
  ...admissionSettings,
  MAX_CALL_MINUTES: integer(1, 1_440)
    .default(120)
    .describe('Longest call, minutes; after a transfer, what is left of them.'),
  ...phoneSettings.limits,
};

const logs = {
  LOG_LEVEL: z
    .enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('How much is logged.'),
  ENABLE_DEBUG_LOGGING: flag
    .default(false)
    .describe(
      'true: the same as LOG_LEVEL=debug. Model events, phone numbers and what people say are then in the log.',
    ),
};

/** The kinds that bring settings of their own. */
export interface Tables {
  readonly agents: readonly AgentKind[];
  readonly carriers: readonly KindSettings[];
}

/** Those of the daemon. */
const TABLES: Tables = { agents: AGENTS, carriers: CARRIERS };

/** All settings in groups, in the order of the documents. */
function groupsOf({ agents, carriers }: Tables) {
  return {
    listening,
    model: {
      ...shares(agents.map((kind) => kind.settings.session)),
      ...answers,
      ...shares(agents.map((kind) => kind.settings.answers)),
    },
    webrtc: {
      ...shares(agents.map((kind) => kind.settings.transport)),
      ...ice(agents),
      ...shares(agents.map((kind) => kind.settings.webrtc)),
      ...ports,
    },
    pages: browserSettings,
    whatsapp: whatsappSettings,
    handed: bridgeSettings,
    rooms: livekitSettings,
    testCallers: testCallerSettings,
    tests: suiteSettings,
    carriers: { ...shares(carriers.map((kind) => kind.settings.calls)), ...phoneSettings.calls },
    control: { ...shares(carriers.map((kind) => kind.settings.control)), ...outboundSettings(carriers) },
    playout: phoneSettings.playout,
    tools: toolSettings,
    records: recordSettings,
    recordings: recordingSettings,
    aftermath: aftermathSettings,
    keypad,
    live: liveSettings,
    operators: { ...listeningSettings, ...peopleSettings, ...workbenchSettings },
    webhooks: webhookSettings,
    limits,
    workers: workerSettings,
    http: httpSettings,
    fleet: { ...memorySettings, ...fleetSettings },
    traces: tracingSettings,
    logs,
  };
}

const shares = (shapes: readonly SettingShape[]): SettingShape => Object.assign({}, ...shapes);

type Groups = ReturnType<typeof groupsOf>;
export type SettingGroup = keyof Groups;
type Joined<U> = (U extends unknown ? (shape: U) => void : never) extends (shape: infer I) => void ? I : never;
type Shape = Joined<Groups[SettingGroup]>;

/** The one schema. */
const schemaOf = (tables: Tables) => z.object(Object.assign({}, ...Object.values(groupsOf(tables))) as Shape);

/**
 * The daemon's own settings. What the share of a carrier or of an agent's kind adds is there beside them, and is read by that kind alone:
 * `carriers/carrier.ts`, `agents/kind.ts`.
 */
export type Config = Readonly<z.infer<z.ZodObject<Shape>>> & SettingsOf<Joined<(typeof AGENTS)[number]['settings']>>;

/**
 * Reads `.env` of the working directory, where there is one; what the environment has already stays as it is. Throws CONFIG_INVALID with a
 * line a problem when any of it would not be understood.
 */
export function loadEnvFile(path?: string): void {
  for (const [name, value] of Object.entries(readEnvFile(path))) process.env[name] ??= value;
}

/** The environment that the process was started with, without what `.env` adds: processes that it starts read that themselves. */
const startedWith: Readonly<Record<string, string | undefined>> = { ...process.env };
export const startEnvironment = (): Readonly<Record<string, string | undefined>> => startedWith;

/** Variables of the environment that look like settings and are none, a sentence each; `.env` that was read is part of it. */
export const strayNames = (env: Readonly<Record<string, string | undefined>> = process.env): string[] =>
  strayVariables(
    env,
    settings.map(({ name }) => name),
  );

/** The settings as a process that is started now would read them. Throws as `loadEnvFile` and `loadConfig` do. */
export const currentConfig = (): Config => loadConfig({ ...readEnvFile(), ...startedWith });

function readEnvFile(path = '.env'): Record<string, string> {
  let text: string;
  try {
    text = readOperatorFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error instanceof BridgeError ? new BridgeError(error.code, `${path}: ${error.message}`) : error;
  }
  const names = settings.map(({ name }) => name);
  return parseEnvFile(path, text, names);
}

/** One variable of the environment that is no setting: what files may refer to (secrets of HTTP tools and MCP servers), what a process that starts another tells it. */
export function environment(name: string): string | undefined {
  return process.env[name] === undefined ? undefined : bareValue(process.env[name]);
}

/** A value without what a container engine leaves of `.env`'s line: the quotes around it, a carriage return, spaces. */
function bareValue(value: string): string {
  const trimmed = value.trim();
  return /^(["'`])(?:(?!\1)[\s\S])*\1$/.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
}

/** A setting as documents show it. */
export interface Setting {
  readonly name: string;
  readonly group: SettingGroup;
  readonly description: string;
  readonly default: unknown;
}

/** Names, defaults and sentences of all settings, in order: for `.env.example` and docs/settings.md. */
export function settingsOf(tables: Partial<Tables> = {}): Setting[] {
  return Object.entries(groupsOf({ ...TABLES, ...tables })).flatMap(([group, shape]) =>
    Object.entries<z.ZodType>(shape).map(([name, type]) => ({
      name,
      group: group as SettingGroup,
      description: type.description ?? '',
      default: type instanceof z.ZodDefault ? type.def.defaultValue : undefined,
    })),
  );
}

/** Those of the daemon's own tables. */
export const settings: readonly Setting[] = settingsOf();

/**
 * Reads and checks the settings. An empty variable counts as not set. Throws CONFIG_INVALID with one line per wrong setting: which, why
 * and what would be right; the values of secrets are never shown.
 */
export function loadConfig(
  env: Record<string, string | undefined> = process.env,
  tables: Partial<Tables> = {},
): Config {
  const all: Tables = { ...TABLES, ...tables };
  const known = settingsOf(all);
  const given = Object.fromEntries(
    known.flatMap(({ name }) => {
      const value = bareValue(env[name] ?? '');
      return value === '' ? [] : [[name, value]];
    }),
  );
  const result = schemaOf(all).safeParse(given);
  const lost = lostNames(env, known);
  const problems = result.success
    ? contradictions(result.data as Config, all)
    : result.error.issues.map((issue) => {
        const name = String(issue.path[0]);
        const about = known.find((s) => s.name === name)?.description ?? '';
        return `${name}: ${issue.message}. ${about}`;
      });
  if (!result.success || problems.length + lost.length > 0) {
    throw new BridgeError('CONFIG_INVALID', `wrong settings:\n  ${[...lost, ...problems].join('\n  ')}`);
  }
  return Object.freeze(result.data as Config);
}

/** Settings whose names a container engine took from `.env` with what stood before them: they would count as not set. */
function lostNames(env: Record<string, string | undefined>, known: readonly Setting[]): string[] {
  return Object.keys(env).flatMap((written) => {
    const name = written.replace(/^[\ufeff\s]+|\s+$/g, '').replace(/^export\s+/, '');
    return name !== written && known.some((setting) => setting.name === name)
      ? [
          `${name}: the environment has it as ${JSON.stringify(written)}. Save .env as UTF-8 without a byte order mark, without "export".`,
        ]
      : [];
  });
}

function contradictions(config: Config, { agents, carriers }: Tables): string[] {
  const problems: string[] = [];
  const range = config.RTC_PORT_RANGE;
  if (range !== undefined && config.PORT >= range.min && config.PORT <= range.max && config.PORT !== 0) {
    problems.push('RTC_PORT_RANGE: contains PORT. Choose UDP ports apart from the listening port.');
  }
  problems.push(
    ...fleetContradictions(config),
    ...workerContradictions(config),
    ...phoneContradictions(config),
    ...browserContradictions(config),
    ...whatsappContradictions(config),
    ...livekitContradictions(config),
  );
  for (const kind of [...agents, ...carriers]) problems.push(...(kind.problems?.(config) ?? []));
  return problems;
}
