import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import type { Clock } from '../call/clock.ts';
import type { ToolOutcome } from '../call/events.ts';
import type { Log } from '../call/leg.ts';
import type { LineControls } from '../call/line-controls.ts';
import { WITHHELD } from '../call/party.ts';
import { parseParty } from '../numbering/party.ts';
import { openStore } from '../stores/store.ts';
import { toolCaller } from '../tools/caller.ts';
import { guardedControl } from '../tools/guarded-control.ts';
import { ToolSet } from '../tools/loaded.ts';
import type { DestinationPolicy } from '../tools/policy.ts';
import type { ToolRegistry } from '../tools/registry.ts';
import { createCallTools } from '../tools/runner.ts';
import { WorkbenchError } from './errors.ts';

/**
 * A tool is run as a call would run it, and nothing comes of it: the business's data are a copy that is thrown away, the line is nobody's, and a service outside is asked only when
 * whoever tries it says so. (Code of a tool's own file that goes round its ports does what it does: a tool is trusted.)
 */

export interface TrialOptions {
  readonly tools: ToolRegistry;
  /** The business's database; it need not be there. */
  readonly database: string;
  readonly zone: string;
  readonly knowledge: string;
  readonly policy: DestinationPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Trial {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Who is on the line; undefined: nobody says who it is. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Whether a service outside is asked: nothing of what it does there can be undone. */
  readonly send: boolean;
}

export interface Tried {
  /** `checked`: the arguments are good, and it was not run since it asks a service outside. */
  readonly outcome: ToolOutcome | 'checked';
  /** What the model would have read. */
  readonly output: string | null;
  readonly ms: number;
  /** What it asked of the line, and would have got of a real one. */
  readonly asked: ReadonlyArray<{ readonly what: string; readonly with: string | null }>;
}

/** Digits that nobody presses. */
const NO_DIGITS = '';

export async function tryTool(o: TrialOptions, trial: Trial): Promise<Tried> {
  await o.tools.refresh();
  const tool = o.tools.all().find(({ name }) => name === trial.name);
  if (tool === undefined) throw new WorkbenchError('TOOL_UNKNOWN', `there is no tool ${trial.name}`);
  const began = o.clock.now();
  if (tool.source !== 'file' && !trial.send) {
    const parsed = tool.parse(trial.arguments);
    const output = parsed.ok ? null : JSON.stringify({ error: 'arguments_invalid', problems: parsed.problems });
    return { outcome: parsed.ok ? 'checked' : 'invalid', output, ms: o.clock.now() - began, asked: [] };
  }
  const asked: Array<{ what: string; with: string | null }> = [];
  const note = (what: string, of?: string) => void asked.push({ what, with: of ?? null });
  const line: LineControls = {
    async hangupAfterPlayout() {
      note('hang up');
      return 'ended';
    },
    async transfer(destination) {
      note('transfer', destination);
      return undefined;
    },
    async sendDigits(digits) {
      note('play digits', digits);
    },
    async gatherDigits({ most }) {
      note('wait for digits', String(most));
      return NO_DIGITS;
    },
  };
  // An hour of its own: what is tried uses up nothing.
  const transfers = { take: async () => ({ ok: true, giveBack: () => {} }) as const };
  const folder = await mkdtemp(join(tmpdir(), 'voicebridge-trial-'));
  try {
    const path = join(folder, 'business.db');
    const example = await copied(o.database, path);
    const store = await openStore({ path, zone: o.zone, knowledge: o.knowledge, example: !example });
    try {
      let outcome: ToolOutcome = 'failed';
      const person = trial.from === undefined ? WITHHELD : parseParty(trial.from);
      const ours = trial.to === undefined ? undefined : parseParty(trial.to);
      const run = createCallTools({
        tools: new ToolSet([tool]),
        callId: `trial-${randomUUID()}`,
        caller: toolCaller(person, ours),
        timezone: o.zone,
        store,
        control: guardedControl(line, o.policy, transfers),
        clock: o.clock,
        log: o.log,
        onEvent: (event) => {
          if (event.type === 'tool_finished') outcome = event.outcome;
        },
      });
      const call = { name: tool.name, arguments: JSON.stringify(trial.arguments), toolCallId: 'trial' };
      const output = await run.run(call, new AbortController().signal);
      return { outcome, output, ms: o.clock.now() - began, asked };
    } finally {
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a database that is in use; false where there is none. */
async function copied(from: string, to: string): Promise<boolean> {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(from, { readOnly: true });
  } catch {
    return false;
  }
  try {
    await backup(database, to);
    return true;
  } finally {
    database.close();
  }
}
