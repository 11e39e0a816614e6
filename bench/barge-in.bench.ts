/**
 * The caller cuts in: how fast the carrier is told to be silent, and whether what the bridge says was heard is what was heard.
 * Run: node bench/barge-in.bench.ts [--quick] [--only websocket|webrtc]
 */

import { parseArgs } from 'node:util';
import { sleep, startChild } from './lib/child.ts';
import type { CallNotes, DaemonMethods } from './lib/daemon.ts';
import type { PeopleMethods, PersonReport } from './lib/people.ts';
import { summarise } from './lib/stats.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';

type Transport = 'websocket' | 'webrtc';

/** The agent's answers are one tone of this length: every interruption falls into the middle of one. */
const TONE_MS = 8_000;

interface Measured {
  readonly people: readonly PersonReport[];
  readonly notes: readonly CallNotes[];
}

/** Lets each of `callers` interrupt the agent so often. `file`: the daemon's, of another checkout too. */
export async function measure(
  transport: Transport,
  callers: number,
  times: number,
  file = 'daemon.ts',
): Promise<Measured> {
  const people = startChild<PeopleMethods>('people.ts');
  const daemon = startChild<DaemonMethods>(file);
  try {
    const modelUrl = await people.ask('listen', { toneMs: TONE_MS });
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: String(transport === 'webrtc') };
    const target = await daemon.ask('start', { env, keepNotes: true });
    const reports = await people.ask('interrupt', { target, callers, times });
    await sleep(500);
    return { people: reports, notes: await daemon.ask('notes') };
  } finally {
    await Promise.all([people.stop(), daemon.stop()]);
  }
}

/** What the bridge reported of a caller's interruptions, ms, in order. */
function reported(transport: Transport, person: PersonReport, notes: CallNotes | undefined): readonly number[] {
  if (transport === 'websocket') return person.truncated;
  return (notes?.bargeIns ?? []).map(({ heard }) => heard.reduce((sum, part) => sum + part.heardMs, 0));
}

export async function bargeIn({ quick, only }: { quick: boolean; only?: string }): Promise<Verdict[]> {
  const list: Verdict[] = [];
  const rows: string[][] = [];
  const problems: string[] = [];
  for (const transport of ['websocket', 'webrtc'] as const) {
    if (only !== undefined && only !== transport) continue;
    const { people, notes } = await measure(transport, 4, quick ? 3 : 6);
    const clears: number[] = [];
    const errors: number[] = [];
    const leftovers: number[] = [];
    people.forEach((person, i) => {
      const said = reported(transport, person, notes[i]);
      if (person.transport !== transport) problems.push(`${transport}: call ${i} ran on ${person.transport}`);
      if (said.length !== person.interruptions.length) {
        problems.push(
          `${transport}: call ${i} had ${person.interruptions.length} interruptions, ${said.length} were reported`,
        );
      }
      person.interruptions.forEach((it, k) => {
        if (it.clearMs === undefined || it.silencedBy !== 'clear') {
          problems.push(`${transport}: call ${i}: the agent was silenced by ${it.silencedBy}`);
        } else clears.push(it.clearMs);
        leftovers.push(it.leftoverMs);
        const value = said[k];
        if (value !== undefined && said.length === person.interruptions.length) errors.push(value - it.heardMs);
      });
    });
    const own = notes.flatMap((note) => note.bargeIns.map((entry) => entry.clearMs));
    const line = (name: string, values: readonly number[], digits: number) => {
      const it = summarise(values);
      rows.push([
        `${transport}: ${name}`,
        n(it.min, digits),
        n(it.p50, digits),
        n(it.p95, digits),
        n(it.max, digits),
        String(it.count),
      ]);
      return it;
    };
    const clear = line('model sends speech_started -> clear at the phone, ms', clears, 2);
    line('of that, the playout ledger and the send of the clear, ms', own, 3);
    line('reported minus really heard, ms', errors, 1);
    const off = line('the same without its sign, ms', errors.map(Math.abs), 1);
    line('still heard after the clear, ms', leftovers, 1);
    list.push({ what: `${transport}: speech_started to clear, p95`, value: clear.p95, target: 5, unit: 'ms' });
    list.push({ what: `${transport}: error of the reported heard time, max`, value: off.max, target: 40, unit: 'ms' });
  }
  table('Barge-in', ['', 'min', 'p50', 'p95', 'max', 'count'], rows);
  for (const problem of problems) print(`  ${problem}`);
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
  verdicts(await bargeIn({ quick: values.quick, ...(values.only === undefined ? {} : { only: values.only }) }));
}
