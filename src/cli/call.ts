/**
 * `npm run call`: a phone call to a bridge without a telephone. Calls the webhook as a carrier would, speaks, listens, and says what it
 * measured. Exit status: 0 when audio was heard, 1 when not (the reason is printed), 2 for wrong flags.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import {
  type AudioSource,
  CARRIER_FACTS,
  CARRIERS,
  type CallReport,
  type Carrier,
  CODEC_NAMES,
  type CodecName,
  formatDuration,
  formatReport,
  Phone,
  type PhoneOptions,
  parseCodecName,
  scriptSource,
  type TimelineEntry,
  wavSource,
} from '../simulator/phone/index.ts';

const [DEFAULT_CARRIER, ...OTHER_CARRIERS] = CARRIERS;
const secrets = CARRIERS.map((name) => `${CARRIER_FACTS[name].title}'s ${CARRIER_FACTS[name].secret}`);
/** Those whose streams can be in this codec. */
const carriersWith = (codec: CodecName) => CARRIERS.filter((name) => CARRIER_FACTS[name].codecs.includes(codec));

const USAGE = `Usage: npm run call -- [flags]

Calls a bridge's webhook as a carrier does, speaks to it, listens, and prints what was measured.

  --webhook URL        where calls are answered (default: http://127.0.0.1:$PORT/incoming-call; when nothing
                       listens there, a daemon of its own is started for this call)
  --carrier NAME       ${DEFAULT_CARRIER} (default) or ${OTHER_CARRIERS.join(' or ')}
  --from NUMBER        caller's number        --to NUMBER   number called
  --wav FILE           what the caller says: WAV of 8, 16, 24 or 48 kHz (default: a bundled recording)
  --codec CODEC        PCMU, L16@16000h or L16@24000h (${carriersWith('L16@24000').join(', ')} only; default: what the TwiML asks for)
  --dtmf DIGITS[@MS]   keys to press, MS after the stream's start (default 2000)
  --interrupt-at MS    speak over the agent once MS of it were heard
  --record FILE        write the call as stereo WAV: caller left, agent right
  --duration MS        hang up after MS (default 60000); sooner when all is said and the agent is silent for 5 s
  --secret SECRET      ${secrets.join(' or ')}: signs requests
  --public-url URL     origin under which the bridge knows itself, when it is not the webhook's: for its signatures.
                       A stream at wss:// of a bridge on plain http is found without it
  --json               print the report as JSON on stdout; progress goes to stderr
  --help               this text
`;

/** Wrong flags: the message says what would be right. */
export class UsageError extends Error {}

export interface CallFlags {
  readonly help: boolean;
  readonly webhook: string | undefined;
  readonly carrier: Carrier;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly wav: string | undefined;
  readonly codec: CodecName | undefined;
  readonly digits: { readonly keys: string; readonly atMs: number } | undefined;
  readonly interruptAtMs: number | undefined;
  readonly record: string | undefined;
  readonly durationMs: number;
  readonly secret: string | undefined;
  readonly publicUrl: string | undefined;
  readonly json: boolean;
}

const QUIET_MS = 5_000;
/** How long the caller listens before the bundled recording begins. */
const GREETING_MS = 6_000;
const DEFAULT_WAV = new URL('../simulator/assets/caller.wav', import.meta.url);

/** Reads the command line. Throws a UsageError. */
export function parseFlags(argv: readonly string[]): CallFlags {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const values = (() => {
    try {
      return parseArgs({
        args: [...argv],
        options: {
          webhook: text,
          carrier: text,
          from: text,
          to: text,
          wav: text,
          codec: text,
          dtmf: text,
          'interrupt-at': text,
          record: text,
          duration: text,
          secret: text,
          'public-url': text,
          json: flag,
          help: flag,
        },
      }).values;
    } catch (error) {
      throw new UsageError(errorMessage(error));
    }
  })();
  const carrier = CARRIERS.find((name) => name === (values.carrier ?? DEFAULT_CARRIER));
  if (carrier === undefined) throw new UsageError(`--carrier ${values.carrier}: known are ${CARRIERS.join(', ')}`);
  const codec = values.codec === undefined ? undefined : parseCodecName(values.codec);
  if (values.codec !== undefined && codec === undefined) {
    throw new UsageError(`--codec ${values.codec}: known are ${CODEC_NAMES.map((name) => `${name}h`).join(', ')}`);
  }
  const { title, codecs } = CARRIER_FACTS[carrier];
  if (codec !== undefined && !codecs.includes(codec)) {
    const known = codecs.map((name) => name.replace('PCMU@8000', 'PCMU')).join(', ');
    throw new UsageError(
      `--codec ${values.codec}: ${title}'s streams are ${known}; use --carrier ${carriersWith(codec).join(' or ')}`,
    );
  }
  return {
    help: values.help,
    webhook: values.webhook === undefined ? undefined : webUrl('--webhook', values.webhook),
    carrier,
    from: values.from,
    to: values.to,
    wav: values.wav,
    codec,
    digits: values.dtmf === undefined ? undefined : readDigits(values.dtmf),
    interruptAtMs:
      values['interrupt-at'] === undefined ? undefined : milliseconds('--interrupt-at', values['interrupt-at']),
    record: values.record,
    durationMs: values.duration === undefined ? 60_000 : milliseconds('--duration', values.duration),
    secret: values.secret,
    publicUrl: values['public-url'] === undefined ? undefined : webUrl('--public-url', values['public-url']),
    json: values.json,
  };
}

function milliseconds(flag: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value))
    throw new UsageError(`${flag} ${value}: a whole number of milliseconds is expected`);
  return Number(value);
}

function webUrl(flag: string, value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new UsageError(`${flag} ${value}: an http(s) URL is expected`);
  return value;
}

function readDigits(value: string): { keys: string; atMs: number } {
  const [, keys, at] = /^([0-9*#A-D]+)(?:@(\d{1,9}))?$/.exec(value) ?? [];
  if (keys === undefined) throw new UsageError(`--dtmf ${value}: digits 0-9 * # A-D are expected, then @MS if wanted`);
  return { keys, atMs: at === undefined ? 2_000 : Number(at) };
}

/** Where the words go: stdout and stderr, or a test's buffers. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/** Runs the command. Resolves with the exit status. `interrupted` aborts when the person at the keyboard wants it over. */
export async function main(argv: readonly string[], output: Output, interrupted?: AbortSignal): Promise<number> {
  let flags: CallFlags;
  let source: AudioSource;
  try {
    flags = parseFlags(argv);
    if (flags.help) {
      output.out(USAGE);
      return 0;
    }
    source = await loadSource(flags.wav);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.err(`${error.message}\nRun with --help to see all flags.\n`);
    return 2;
  }
  const target = await findTarget(flags, output);
  try {
    const phone = new Phone(phoneOptions(flags, source, flags.json ? output.err : output.out));
    interrupted?.addEventListener('abort', () => phone.hangUp(), { once: true });
    const report = await phone.placeCall(target.call);
    if (flags.record !== undefined) await saveRecording(flags.record, phone, output);
    output.out(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : summary(report));
    if (!report.ok) output.err(`call failed: ${report.reason}\n`);
    return report.ok ? 0 : 1;
  } finally {
    await target.close();
  }
}

async function loadSource(file: string | undefined): Promise<AudioSource> {
  try {
    if (file !== undefined) return wavSource(await readFile(file), { name: file });
    // A polite caller: the bundled recording begins when an ordinary greeting is over.
    return scriptSource([{ pauseMs: GREETING_MS }, wavSource(await readFile(DEFAULT_WAV))]);
  } catch (error) {
    throw new UsageError(`--wav ${file ?? DEFAULT_WAV.pathname}: ${errorMessage(error)}`);
  }
}

function phoneOptions(flags: CallFlags, source: AudioSource, write: (text: string) => void): PhoneOptions {
  return {
    carrier: flags.carrier,
    source,
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.to === undefined ? {} : { to: flags.to }),
    ...(flags.codec === undefined ? {} : { codec: flags.codec }),
    ...(flags.digits === undefined ? {} : { digits: flags.digits }),
    ...(flags.interruptAtMs === undefined ? {} : { interruptAtMs: flags.interruptAtMs }),
    record: flags.record !== undefined,
    hangUpAfterMs: flags.durationMs,
    hangUpWhenQuietMs: QUIET_MS,
    // Marks come several a second; the table counts them.
    onEvent: (entry) => {
      if (entry.what !== 'mark') write(line(entry));
    },
  };
}

function line(entry: TimelineEntry): string {
  return `${formatDuration(entry.atMs)}  ${entry.what.padEnd(13)}  ${entry.text}\n`;
}

/** The timeline again, now in the order in which things were heard, and the tables. */
function summary(report: CallReport): string {
  const timeline = report.timeline.filter(({ what }) => what !== 'mark').map(line);
  return `\nTimeline\n${timeline.join('')}\n${formatReport(report)}`;
}

async function saveRecording(file: string, phone: Phone, output: Output): Promise<void> {
  const wav = phone.recording();
  if (wav === undefined) {
    output.err('no recording: no media stream was opened\n');
    return;
  }
  await writeFile(file, wav);
  output.err(`recording: ${file}\n`);
}

/** What to call, and how to tidy up afterwards. */
interface Target {
  readonly call: { readonly webhookUrl: string; readonly secret?: string; readonly publicUrl?: string };
  close(): Promise<void>;
}

/** The webhook that was named, else the daemon of this machine's settings, running or started for the call. */
async function findTarget(flags: CallFlags, output: Output): Promise<Target> {
  const secret = flags.secret === undefined ? {} : { secret: flags.secret };
  const publicUrl = flags.publicUrl === undefined ? {} : { publicUrl: flags.publicUrl };
  if (flags.webhook !== undefined) {
    return { call: { webhookUrl: flags.webhook, ...secret, ...publicUrl }, close: async () => {} };
  }
  const [{ loadConfig, loadEnvFile }, { openCarriers }] = await Promise.all([
    import('../config.ts'),
    import('../callers/phone/carriers/index.ts'),
  ]);
  loadEnvFile();
  const config = loadConfig();
  const key = openCarriers(config).get(flags.carrier)?.checks.signingSecret;
  const known = {
    ...(key === undefined ? {} : { secret: key }),
    ...(config.PUBLIC_URL === undefined ? {} : { publicUrl: config.PUBLIC_URL }),
    ...secret,
    ...publicUrl,
  };
  if (await listens(config.PORT)) {
    return { call: { webhookUrl: webhookAt(config.PORT), ...known }, close: async () => {} };
  }
  output.err(`nothing listens on port ${config.PORT}: starting a daemon for this call\n`);
  const daemon = await startLocalDaemon(config);
  return { call: { webhookUrl: webhookAt(daemon.port), ...known }, close: daemon.close };
}

const webhookAt = (port: number): string => `http://127.0.0.1:${port}/incoming-call`;

/** Whether something accepts connections on this port of this machine. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The daemon, in this process, on a free port of the loopback interface, with the settings of the environment and no log. */
async function startLocalDaemon(config: Config): Promise<{ port: number; close(): Promise<void> }> {
  // Imported here alone: a call to a named webhook needs nothing of the daemon.
  const [{ build }, { createLog }] = await Promise.all([import('../app.ts'), import('../log.ts')]);
  const app = await build({ ...config, HOST: '127.0.0.1', PORT: 0 }, { log: createLog({ level: 'silent' }) });
  const url = await app.listen();
  return { port: Number(new URL(url).port), close: () => app.close() };
}

if (import.meta.main) {
  const interrupted = new AbortController();
  // The first signal hangs up and lets the report be printed; the second is the system's own and ends the process.
  process.once('SIGINT', () => interrupted.abort());
  const output: Output = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
  const status = await main(process.argv.slice(2), output, interrupted.signal).catch((error: unknown) => {
    output.err(`${errorMessage(error)}\n`);
    return 1;
  });
  // A daemon that ran in this process may leave native threads behind, which would keep it alive.
  process.exit(status);
}
