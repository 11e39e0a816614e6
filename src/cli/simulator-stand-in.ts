import { parseArgs } from 'node:util';
import { STAND_INS, type StandIn } from '../simulator/stand-ins.ts';
import { wordsToSay } from '../simulator/streams/voice.ts';

/** `npm run simulator -- NAME`: an agent of somebody else's that stands in on this machine, with what has the daemon call it. */

/** The names with what each is, a line each. */
export const STAND_IN_LIST = Object.entries(STAND_INS)
  .map(([name, { about }]) => `  ${name.padEnd(13)}${about}`)
  .join('\n');

const usageOf = (name: string, { about, port }: StandIn) => `Usage: npm run simulator -- ${name} [options]

${about}. It greets, answers who has spoken, and gives way to who speaks over it; its voice is a tone, or words in tones.

  --port N       port to listen on (default ${port}; 0 lets the system choose)
  --tone HZ      its voice (default 620)
  --answer MS    length of its greeting and of its answers (default 2500)
  --latency MS   how long after the caller's last sound it answers (default 800; behind a WebSocket not before 400)
  --say WORDS    what it says in place of a tone, as long as that takes, for the simulated transcription to read; given
                 several times: one after the other, the greeting first, the last again and again
  --daemon URL   where the daemon is, for a carrier that calls it back (default http://127.0.0.1:8080)
  --help         this text
`;

/** Whether there is one of this name. */
export const isStandIn = (name: string | undefined): name is string =>
  name !== undefined && Object.hasOwn(STAND_INS, name);

/** Serves until the process is told to end. Throws an Error that says what of the command line is wrong, or what is missing. */
export async function beStandIn(name: string, args: string[]): Promise<void> {
  const standIn = STAND_INS[name]!;
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: String(standIn.port) },
      tone: { type: 'string', default: '620' },
      answer: { type: 'string', default: '2500' },
      latency: { type: 'string', default: '800' },
      say: { type: 'string', multiple: true, default: [] },
      daemon: { type: 'string', default: 'http://127.0.0.1:8080' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usageOf(name, standIn));
    return;
  }
  if (!/^https?:/.test(values.daemon) || !URL.canParse(values.daemon))
    throw new Error(`--daemon takes an http(s) URL, not "${values.daemon}"`);
  const running = await standIn.start({
    port: numberIn('--port', values.port, 0, 65_535),
    tone: numberIn('--tone', values.tone, 20, 11_000),
    answerMs: numberIn('--answer', values.answer, 100, 60_000),
    latencyMs: numberIn('--latency', values.latency, 0, 30_000),
    say: wordsToSay(values.say),
    daemonUrl: values.daemon,
  });
  const settings = Object.entries(running.settings).map(([key, value]) => `${key}=${value}`);
  process.stdout.write(`${standIn.about}: on ${running.url}. For the daemon, in .env:

${settings.join('\n')}

For a route (a file of its own, which ROUTES_FILE names), a prompt or a suite:

agent: ${running.agent}
`);
  const stop = () => {
    void running.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** Reads a flag's whole number. Throws an Error that says what it takes. */
export function numberIn(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${name} takes a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}
