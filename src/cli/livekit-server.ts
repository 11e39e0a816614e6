/** `npm run livekit-server`: a LiveKit server for trials on this machine, found or built, until Ctrl-C. Exit status: 0, 1 where it fails, 2 for wrong flags. */

import { parseArgs } from 'node:util';
import { errorMessage } from '../errors.ts';
import {
  buildServer,
  findServer,
  HOW_TO_GET,
  LIVEKIT_VERSION,
  LiveKitServer,
  noBuilder,
} from '../simulator/livekit/index.ts';

const USAGE = `Usage: npm run livekit-server [-- flags]

Starts a livekit-server on loopback, for trials, and says which settings join the daemon to it.

  --port PORT    of its signalling and API (default: 7880)
  --program FILE which livekit-server; default: the one built here, else livekit-server in PATH
  --build        only builds ${LIVEKIT_VERSION} with Go, where that was not done before
  --help         this text
`;

/** The key of trials; whoever can reach loopback may use it. */
const KEY = 'devkey';
const SECRET = 'a-secret-for-trials-on-this-machine-alone';

const say = (text: string) => void process.stdout.write(`${text}\n`);

async function main(argv: readonly string[]): Promise<number> {
  let values: { port?: string; program?: string; build?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string' },
        program: { type: 'string' },
        build: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }));
    if (values.port !== undefined && !/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port}: no port`);
  } catch (error) {
    process.stderr.write(`${errorMessage(error)}\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const program = values.build ? await build() : (findServer(values.program) ?? (await build()));
  if (program === undefined) return 1;
  if (values.build) return 0;
  const server = await LiveKitServer.start({
    program,
    port: Number(values.port ?? 7880),
    apiKey: KEY,
    apiSecret: SECRET,
    onLog: (line) => void process.stderr.write(`${line}\n`),
  });
  say(`livekit-server listens on ${server.url}. For the daemon, in .env:

LIVEKIT_ENABLED=true
LIVEKIT_SERVER_URL=${server.url}
LIVEKIT_API_KEY=${KEY}
LIVEKIT_API_SECRET=${SECRET}
`);
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.stop();
  return 0;
}

async function build(): Promise<string | undefined> {
  const missing = noBuilder();
  if (missing !== undefined) {
    process.stderr.write(`no livekit-server can be built: ${missing}. ${HOW_TO_GET}\n`);
    return undefined;
  }
  say(`livekit-server ${LIVEKIT_VERSION} is built where it is not there: two minutes the first time`);
  const program = await buildServer();
  say(program);
  return program;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${errorMessage(error)}\n`);
  return 1;
});
