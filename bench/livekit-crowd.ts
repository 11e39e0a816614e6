/**
 * Several people in one room, all with live microphones, `mix`: the agent speaks all the time, and one after the other cuts in. The people are light ones: what came to each is
 * kept packet by packet, and listened to when all is over, so that no listener's ears stand still. Prints for each what was missing of the agent's sound, and, for the times in
 * which nothing came to anybody, whether the agent had nothing to send or what it sent was held up, and which of the processes on the way had no core meanwhile: on a machine that others use, too,
 * that is no fault of any of them.
 * Run: node bench/livekit-crowd.ts [--minutes 10] [--people 8] [--every-seconds 20]
 * Exit status: 0 when nothing was missing at anybody, 1 otherwise.
 */

import { parseArgs } from 'node:util';
import { RATE, soundsOn } from '../src/simulator/livekit/index.ts';
import { toneSource } from '../src/simulator/phone/index.ts';
import { sleep } from './lib/child.ts';
import { CoreWaits } from './lib/core-waits.ts';
import { RoomsOfBench } from './lib/livekit-rooms.ts';
import { listen, type Pause, pausesIn, pausesOfAll } from './lib/rtp-log.ts';
import { header, n, print, table } from './lib/table.ts';

/** Nothing came for so long: three packets are missed, which is what a listener holds back. */
const PAUSE_MS = 60;
/** What came later for good by so much had not been sent before. */
const LATER_MS = 15;
/** A process whose thread had no core for so much of a pause is why nothing came. */
const WAITED_PART = 0.5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    people: { type: 'string', default: '8' },
    'every-seconds': { type: 'string', default: '20' },
  },
});
const minutes = Number(values.minutes);
const everyMs = Number(values['every-seconds']) * 1_000;

header();
// The answer is longer than the time until somebody cuts it off, so the agent is never silent by itself.
const bench = await RoomsOfBench.start({}, { keepNotes: true, toneMs: everyMs + 20_000 });
let missing = 0;
try {
  const { light } = bench;
  const room = await bench.openLight({ people: Number(values.people), isSilent: true, hum: true });
  await light.pace();
  const waits = new CoreWaits(() => ({
    workers: bench.workers.map(({ pid }) => pid),
    "LiveKit's server": [bench.server.pid ?? 0],
    people: [light.pid ?? 0],
  }));
  const window = bench.window(minutes * 60);
  const end = performance.now() + minutes * 60_000;
  const word = toneSource(1_020, { ms: 700 });
  let words = 0;
  while (performance.now() < end) {
    await room.people[words++ % room.people.length]!.say(word);
    await sleep(everyMs);
  }
  const used = await window;
  waits.stop();
  const own = await light.pace();
  const { bargeIns = [] } = (await bench.daemon.ask('note', { callId: room.connectionId })) ?? {};
  // Every word but the first cuts an answer off, and every word is answered.
  if (bargeIns.length !== words - 1) print(`${words} words were said, and ${bargeIns.length} of them cut in`);
  const rows: string[][] = [];
  const pauses: Pause[][] = [];
  for (const [i, received] of (await room.close()).entries()) {
    const { tape, madeUpMs, lost, waitedMs } = listen(received);
    const sounds = soundsOn(tape, RATE);
    const holes = sounds.flatMap((sound) => sound.holes);
    // More sounds than answers: some were broken by more than a pause.
    const broken = Math.max(0, sounds.length - words);
    missing += holes.length + broken + Math.max(0, words - sounds.length);
    const heardMs = sounds.reduce((sum, { from, to }) => sum + ((to - from) * 1_000) / RATE, 0);
    const own = pausesIn(received, PAUSE_MS);
    pauses.push(own);
    rows.push([
      `${i}`,
      n(heardMs / 60_000, 2),
      `${sounds.length} of ${words}`,
      String(holes.length + broken),
      n(Math.max(0, ...holes), 1),
      String(lost),
      n(madeUpMs, 0),
      n(waitedMs, 0),
      String(own.length),
      n(Math.max(0, ...own.map(({ ms }) => ms)), 0),
    ]);
  }
  table(
    `${values.people} people in mix for ${minutes} minutes, ${bargeIns.length} barge-ins: the agent as each heard it`,
    [
      'person',
      'heard, min',
      'answers',
      'holes',
      'longest, ms',
      'packets lost',
      'made up, ms',
      'jitter buffer, ms',
      `nothing came for ${PAUSE_MS} ms`,
      'longest, ms',
    ],
    rows,
  );
  const common = pausesOfAll(pauses);
  const unsent = common.filter(({ laterMs }) => laterMs > LATER_MS);
  const longest = (of: readonly Pause[]) => n(Math.max(0, ...of.map(({ ms }) => ms)), 0);
  print(
    `\nNothing came to all of them at once ${common.length} times, ${longest(common)} ms at most: ${unsent.length} times the agent had nothing to send (${longest(unsent)} ms at most), the others it was held up on its way`,
  );
  const whose = common.map(({ atMs, ms }) => {
    const waited = waits.between(atMs - ms, atMs);
    return [...waited].filter(([, one]) => one >= ms * WAITED_PART).map(([part]) => part);
  });
  const parts = [...new Set(whose.flat())].map((part) => `${part} ${whose.filter((all) => all.includes(part)).length}`);
  const unexplained = common.filter((_, i) => whose[i]!.length === 0);
  print(
    `A thread of theirs had no core through half of it or more: ${parts.join(', ') || 'nobody'}; of none of them in ${unexplained.length} (${longest(unexplained)} ms at most)`,
  );
  print(`The people's own clock was more than a packet late ${own.stalls} times, ${n(own.maxMs, 0)} ms at most`);
  print(
    `CPU, % of a core: workers ${n(used.workers.cpu, 1)}, daemon ${n(used.daemon.cpu, 1)}, LiveKit's server ${n(used.server.cpu, 1)}, people ${n(used.people.cpu, 1)}`,
  );
} finally {
  await bench.close();
}
print(missing === 0 ? '\nnothing was missing at anybody' : `\n${missing} times something was missing`);
process.exit(missing === 0 ? 0 : 1);
