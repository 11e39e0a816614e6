import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type AgentTruth, agentScenarioSchema, loadAgentScenario, startAgentServer } from '../simulator/agent/index.ts';

/** `npm run simulator -- agent`: an agent that does what its scenario says, and afterwards says what it did. */

const USAGE = `Usage: npm run simulator -- agent [options]

  --port N         port to listen on (default 8910; 0 lets the system choose)
  --host ADDRESS   address to listen on (default 127.0.0.1)
  --scenario FILE  its latencies, interruptions, missed turns and words (JSON; docs/agent-tests.md)
  --truth FOLDER   where a file of each conversation says what it really did; without, on standard output
  --help           this text
`;

/** Serves until the process is told to end. Throws an Error that says what of the command line is wrong, or CONFIG_INVALID. */
export async function beAgent(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '8910' },
      host: { type: 'string', default: '127.0.0.1' },
      scenario: { type: 'string' },
      truth: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port: no port: "${values.port}"`);
  const { truth: folder } = values;
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const server = await startAgentServer({
    port,
    host: values.host,
    scenario: values.scenario === undefined ? agentScenarioSchema.parse({}) : loadAgentScenario(values.scenario),
    onTruth: (truth) => tell(truth, folder),
  });
  process.stdout.write(`Agent on ${server.url}\n`);
  const stop = () => {
    void server.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function tell(truth: AgentTruth, folder: string | undefined): void {
  if (folder === undefined) process.stdout.write(`${JSON.stringify(truth)}\n`);
  else writeFileSync(join(folder, `${truth.connection}.json`), `${JSON.stringify(truth, null, 1)}\n`);
}
