/**
 * `npm run call`: a phone call to a bridge without a telephone. Calls the webhook as a carrier would, speaks, listens, and says what it
 * measured. Exit status: 0 when audio was heard, 1 when not (the reason is printed), 2 for wrong flags.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { errorMessage } from '../errors.ts';
import { COMMANDED } from '../simulator/commanded.ts';
import {
  type AudioSource,
  type CallReport,
  formatDuration,
  formatReport,
  type PhoneOptions,
  scriptSource,
  type TimelineEntry,
  wavSource,
} from '../simulator/phone/index.ts';
import { type CallFlags, LIVEKIT, parseFlags, USAGE, UsageError, WHATSAPP } from './call-flags.ts';
import { type CallSession, openPhoneCall } from './call-target.ts';
import { type Output, runCommand } from './command.ts';

const QUIET_MS = 5_000;
/** How long the caller listens before the bundled recording begins. */
const GREETING_MS = 6_000;
const DEFAULT_WAV = new URL('../simulator/assets/caller.wav', import.meta.url);

/** Runs the command. Resolves with the exit status. `interrupted` aborts when the person at the keyboard wants it over. */
export async function main(argv: readonly string[], output: Output, interrupted?: AbortSignal): Promise<number> {
  let flags: CallFlags;
  let session: CallSession;
  try {
    flags = parseFlags(argv);
    if (flags.help) {
      output.out(USAGE);
      return 0;
    }
    session = await open(flags, await loadSource(flags.wav), output);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.err(`${error.message}\nRun with --help to see all flags.\n`);
    return 2;
  }
  const { phone } = session;
  try {
    interrupted?.addEventListener('abort', () => phone.hangUp(), { once: true });
    const report = await session.place();
    if (flags.record !== undefined) await saveRecording(flags.record, phone, output);
    output.out(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : summary(report));
    if (!report.ok) output.err(`call failed: ${report.reason}\n`);
    return report.ok ? 0 : 1;
  } finally {
    await session.close();
  }
}

async function open(flags: CallFlags, source: AudioSource, output: Output): Promise<CallSession> {
  const { carrier } = flags;
  const options = habits(flags, source, flags.json ? output.err : output.out);
  if (carrier === WHATSAPP) {
    const { openWhatsAppCall } = await import('./call-whatsapp.ts');
    return openWhatsAppCall(flags, options, output.err);
  }
  if (carrier === LIVEKIT) {
    const { openLiveKitCall } = await import('./call-livekit.ts');
    return openLiveKitCall(flags, options, output.err);
  }
  if (carrier === COMMANDED) {
    const { openCommandedCall } = await import('./call-commanded.ts');
    return openCommandedCall(flags, options, output.err);
  }
  const parties = {
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.to === undefined ? {} : { to: flags.to }),
  };
  const codec = flags.codec === undefined ? {} : { codec: flags.codec };
  return openPhoneCall(flags, { ...options, ...parties, ...codec, carrier }, output.err);
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

/** What a caller does, whatever he calls with. */
function habits(flags: CallFlags, source: AudioSource, write: (text: string) => void): Omit<PhoneOptions, 'carrier'> {
  return {
    source,
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

/** The tables: the timeline was told as it came. */
const summary = (report: CallReport): string => `\n${formatReport(report)}`;

async function saveRecording(file: string, phone: CallSession['phone'], output: Output): Promise<void> {
  const wav = phone.recording();
  if (wav === undefined) {
    output.err('no recording: no media stream was opened\n');
    return;
  }
  await writeFile(file, wav);
  output.err(`recording: ${file}\n`);
}

if (import.meta.main) await runCommand(main);
