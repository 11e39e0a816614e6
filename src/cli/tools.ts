import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkAll } from '../agent-files/check.ts';
import { systemClock } from '../call/clock.ts';
import type { ToolEvent } from '../call/events.ts';
import { errorMessage } from '../errors.ts';
import { createLog } from '../log.ts';
import { HourLimit } from '../memory/hour-limit.ts';
import { LocalMemory } from '../memory/local.ts';
import { parseParty } from '../numbering/party.ts';
import { openStore } from '../stores/store.ts';
import { toolCaller } from '../tools/caller.ts';
import { guardedControl } from '../tools/guarded-control.ts';
import type { LoadedTool } from '../tools/loaded.ts';
import type { DestinationPolicy } from '../tools/policy.ts';
import type { CallControlPort } from '../tools/ports.ts';
import { createCallTools } from '../tools/runner.ts';
import type { ToolCaller } from '../tools/tool.ts';
import { openToolkit } from '../tools/toolkit.ts';
import { settingsFromEnvironment } from './check.ts';

const USAGE = `npm run tools                        lists the tools with their schemas
npm run tools -- run NAME '{...}'    runs one as a call would; --from +15551234567 and --to say who calls whom
npm run tools -- check               checks all of them, with prompts, routes and knowledge
`;

/** Standard output belongs to the result. */
const quiet = () => createLog({ level: 'warn', destination: process.stderr });

const out = (text: string) => void process.stdout.write(`${text}\n`);

/** A tool in words: name, where it is from, what it may touch, how long it may take, what it is for, what it takes. */
export function describeTool(tool: LoadedTool): string {
  const { name, source, enabled, description, schema, touches, timeoutMs } = tool;
  const touching = touches.length === 0 ? 'nothing' : touches.join(', ');
  return [
    `${name}  (${source}${enabled ? '' : ', disabled'}; touches ${touching}; up to ${timeoutMs / 1000} s)`,
    `  ${description}`,
    ...JSON.stringify(schema, null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n');
}

/** A call's control without a call: says what it would do, under the same policy. */
export function pretendControl(policy: DestinationPolicy, say: (text: string) => void): CallControlPort {
  return guardedControl(
    {
      async hangupAfterPlayout() {
        say('[would end the call]');
        return 'ended';
      },
      async transfer(destination) {
        say(`[would transfer to ${destination}]`);
        return undefined;
      },
      async sendDigits(digits) {
        say(`[would send ${digits.length} digits]`);
      },
    },
    policy,
    new HourLimit(Number.POSITIVE_INFINITY, new LocalMemory({ clock: systemClock }), 'transfers-hour'),
  );
}

async function run(name: string, args: string, caller: ToolCaller): Promise<boolean> {
  const { settings, env } = settingsFromEnvironment();
  const log = quiet();
  const toolkit = await openToolkit(settings, { clock: systemClock, log, env });
  const store = await openStore({
    path: join(settings.DATA_DIR, 'voicebridge.db'),
    zone: settings.BUSINESS_TIMEZONE,
    knowledge: settings.KNOWLEDGE_DIR,
    example: settings.EXAMPLE_BUSINESS,
  });
  try {
    let finished: Extract<ToolEvent, { type: 'tool_finished' }> | undefined;
    const tools = createCallTools({
      tools: toolkit.registry.snapshot(),
      callId: `cli-${randomUUID()}`,
      caller,
      timezone: settings.BUSINESS_TIMEZONE,
      store,
      control: pretendControl({ allow: settings.DIAL_ALLOW, deny: settings.DIAL_DENY }, (text) =>
        process.stderr.write(`${text}\n`),
      ),
      clock: systemClock,
      log,
      onEvent: (event) => {
        if (event.type === 'tool_finished') finished = event;
      },
    });
    const call = { name, arguments: args, toolCallId: `cli_${randomUUID()}` };
    out(await tools.run(call, new AbortController().signal));
    process.stderr.write(`${finished?.outcome} after ${finished?.ms.toFixed(1)} ms\n`);
    return finished?.outcome === 'ok';
  } finally {
    await toolkit.close();
    await store.close();
  }
}

async function list(): Promise<boolean> {
  const { settings, env } = settingsFromEnvironment();
  const toolkit = await openToolkit(settings, { clock: systemClock, log: quiet(), env });
  out(toolkit.registry.all().map(describeTool).join('\n\n'));
  await toolkit.close();
  return true;
}

async function check(): Promise<boolean> {
  const { settings, env } = settingsFromEnvironment();
  const { problems, warnings, seen } = await checkAll(settings, env);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  out(`${seen.join(', ')}: ${problems.length === 0 ? 'all is well' : `${problems.length} problems`}`);
  return problems.length === 0;
}

if (import.meta.main) {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    const [command = 'list', name, args = '{}'] = positionals;
    let ok = false;
    if (values.help === true) ok = process.stdout.write(USAGE);
    else if (command === 'list') ok = await list();
    else if (command === 'check') ok = await check();
    else if (command === 'run' && name !== undefined)
      ok = await run(name, args, toolCaller(parseParty(values.from ?? ''), parseParty(values.to ?? '')));
    else process.stderr.write(USAGE);
    process.exitCode = ok ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = 1;
  }
}
