import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { errorMessage } from '../errors.ts';
import { loadScenario, type RealtimeServerOptions, startRealtimeServer } from '../simulator/realtime/index.ts';
import { beAgent } from './simulator-agent.ts';
import { beStandIn, isStandIn, numberIn, STAND_IN_LIST } from './simulator-stand-in.ts';

/** `npm run simulator`: the OpenAI-Realtime-compatible server as a program of its own. */

const USAGE = `Usage: npm run simulator -- [options]
       npm run simulator -- agent [--help]   an agent whose every behaviour is set, to be called by tests
       npm run simulator -- NAME [--help]    an agent of somebody else's, to be called without an account:

${STAND_IN_LIST}

The model:

  --port N         port to listen on (default 8900; 0 lets the system choose)
  --host ADDRESS   address to listen on (default 127.0.0.1)
  --block-udp      answer offers with candidates that lead nowhere, as a network without UDP
  --scenario FILE  what to say and what to break (JSON)
  --tone HZ        speak a pure tone instead of recorded speech
  --key KEY        accept this standard key only; may be given several times (default: any sk-...)
  --tls-cert FILE  with --tls-key: serve https and wss (the openai package connects to nothing else)
  --tls-key FILE   the certificate's key, PEM
  --help           this text
`;

/** Reads the command line. Throws an Error that says what is wrong. */
export function parseCommandLine(args: string[]): RealtimeServerOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '8900' },
      host: { type: 'string', default: '127.0.0.1' },
      'block-udp': { type: 'boolean', default: false },
      scenario: { type: 'string' },
      tone: { type: 'string' },
      key: { type: 'string', multiple: true },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { 'tls-cert': cert, 'tls-key': key } = values;
  if ((cert === undefined) !== (key === undefined)) throw new Error('--tls-cert and --tls-key belong together');
  return {
    port: numberIn('--port', values.port, 0, 65_535),
    host: values.host,
    udp: values['block-udp'] ? 'block' : 'allow',
    ...(values.scenario === undefined ? {} : { scenario: loadScenario(values.scenario) }),
    ...(values.tone === undefined ? {} : { voice: { tone: numberIn('--tone', values.tone, 20, 11_000) } }),
    ...(values.key === undefined ? {} : { apiKeys: values.key }),
    ...(cert === undefined || key === undefined
      ? {}
      : { tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } }),
  };
}

async function main(): Promise<void> {
  const line = (level: string) => (fields: Record<string, unknown>, message: string) => {
    process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
  };
  const args = process.argv.slice(2);
  const [name] = args;
  if (name === 'agent') return beAgent(args.slice(1));
  if (isStandIn(name)) return beStandIn(name, args.slice(1));
  const options = parseCommandLine(args);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const server = await startRealtimeServer({
    ...options,
    log: { debug: () => {}, info: line('info'), warn: line('warn') },
  });
  process.stdout.write(`Realtime simulator on ${server.url}\n`);
  const stop = () => {
    void server.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${errorMessage(error)}\n\n${USAGE}`);
    process.exitCode = 1;
  });
}
