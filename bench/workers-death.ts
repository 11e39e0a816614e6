/**
 * One machine's processes under calls, in full size: all are replaced by SIGHUP, one is killed (SIGKILL), one gives up as a native library does (abort). Prints what became of the calls,
 * what the callers heard and what of the new settings and routes was taken. Callers and model are in this process, on the same machine, and take their part of it: how late
 * the phones themselves were says what a gap is worth. With `chrt -r -R 40` before it they have their time first, as phones of others would, and the daemon has what is left.
 * Run: node bench/workers-death.ts [--calls 100] [--only reload,kill,abort]
 * Exit status: 0 when nothing was wrong, 1 otherwise.
 */

import { parseArgs } from 'node:util';
import { ABORT_SIGNAL, killOne, replaceAll, startTalkedTo, TalkingCalls } from '../test/integration/workers-talk.ts';
import { OwnLateness } from './lib/own-lateness.ts';
import { header, n, print, table } from './lib/table.ts';

/** Longest gap that a caller may hear whose process is not concerned, ms. */
const GAP_MS = 40;
/** Its callers are talked to again within, ms. */
const BACK_MS = 10_000;
/** While processes are replaced a caller comes so often, ms. */
const COME_EVERY_MS = 1_000;

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '100' }, only: { type: 'string', default: 'reload,kill,abort' } },
});
const calls = Number(values.calls);
const only = values.only.split(',');
const wrong: string[] = [];
const must = (holds: boolean, what: string) => {
  if (!holds) wrong.push(what);
};
const list = (counts: readonly number[]) => counts.join(' + ');
const longest = (gaps: readonly number[]) => Math.max(0, ...gaps);

header();
const late = new OwnLateness();
const daemon = await startTalkedTo({ MAX_CALLS: String(3 * calls), NODE_OPTIONS: late.nodeOption });
try {
  if (only.includes('kill')) await death('killed (SIGKILL)', 'SIGKILL');
  if (only.includes('abort')) await death('gave up (abort)', ABORT_SIGNAL);
  if (only.includes('reload')) await reload();
} finally {
  await daemon.close();
  late.remove();
}
print(wrong.length === 0 ? '\nnothing was wrong' : `\n${wrong.join('\n')}`);
process.exit(wrong.length === 0 ? 0 : 1);

async function reload(): Promise<void> {
  const there = new TalkingCalls(daemon);
  await there.placeAll(calls);
  const it = await replaceAll(daemon, there, COME_EVERY_MS);
  table(
    `All processes replaced by SIGHUP under ${calls} calls; calls by process`,
    ['before', 'all replaced', 'old ones gone', 'ms', 'ended', 'lines broken', 'came', 'not answered'],
    [
      [
        list(it.before),
        list(it.during),
        list(it.after),
        n(it.replacedMs, 0),
        ...[it.ended, it.broken, it.came, it.unanswered].map(String),
      ],
    ],
  );
  table(
    'and what of it was heard and taken',
    ['gaps', 'longest, ms', 'phones late, ms', 'old processes left', 'new settings', 'new routes'],
    [
      [
        String(it.gaps.length),
        n(longest(it.gaps)),
        n(it.phonesLateMs),
        String(it.left),
        String(it.newSettings),
        String(it.newRoutes),
      ],
    ],
  );
  must(it.ended === 0 && it.broken === 0, 'calls ended or their lines broke while processes were replaced');
  must(it.came > 0 && it.unanswered === 0, 'callers who came while processes were replaced were not answered');
  must(it.left === 0, 'old processes are still there');
  must(it.newSettings && it.newRoutes, 'new settings or routes were not taken');
  must(longest(it.gaps) <= GAP_MS, `a gap of ${n(longest(it.gaps))} ms was heard while processes were replaced`);
}

async function death(how: string, signal: NodeJS.Signals): Promise<void> {
  const there = new TalkingCalls(daemon);
  await there.placeAll(calls);
  const pids = [...daemon.pids().values()];
  const it = await killOne(daemon, there, signal);
  // The one that is killed writes nothing any more, and the one in its place is not asked.
  const own = late.between(it.killedAt + 200, it.killedAt + BACK_MS, pids);
  table(
    `One of two processes ${how} under ${calls} calls`,
    ['its calls', 'talked to again', 'the last, ms', 'agent knows', 'lost in the records', 'serving again'],
    [[it.its, it.back, n(it.lastBackMs, 0), it.knowing, it.lost, it.serving].map(String)],
  );
  table(
    'and the calls of the other',
    [
      ...['its calls', 'ended', 'lines broken', 'gaps', 'longest, ms'],
      ...['its loop late, ms', 'of its own doing, ms', 'phones late, ms'],
    ],
    [
      [
        ...[it.others, it.ended, it.broken, it.gaps.length].map(String),
        ...[longest(it.gaps), own.loopMs, own.ownMs, it.phonesLateMs].map((ms) => n(ms)),
      ],
    ],
  );
  must(it.its + it.others === calls && it.its > 0 && it.others > 0, 'the calls were not shared by two processes');
  must(it.ended === 0 && it.broken === 0, `calls ended, or lines of the other broke, when one ${how}`);
  must(
    it.back === it.its && it.lastBackMs <= BACK_MS,
    `not all callers were back within ${BACK_MS} ms when one ${how}`,
  );
  must(it.knowing === it.its, 'an agent does not know what was said');
  must(it.lost === it.its, 'the records are not closed as lost');
  must(it.serving === 2, 'no other takes its place');
  must(longest(it.gaps) <= GAP_MS, `a caller of the other heard a gap of ${n(longest(it.gaps))} ms when one ${how}`);
}
