/**
 * Two instances with calls, in full size: Redis dies under them and comes back, then one instance is killed with its calls. Prints what became of the calls, when the callers were
 * talked to again, what the others heard meanwhile, and when limits and records were right. Callers, model, Redis and PostgreSQL are on the same machine and take their part of it.
 * How late the phones themselves were says what a gap is worth: with `chrt -r -R 40` before it they have their time first, as phones of others would, and the daemons and servers have what is left.
 * Run: node bench/fleet-death.ts [--calls 50] [--redis-away 20] [--redis-stops]
 * With --redis-stops Redis is not ended but stands still (SIGSTOP), and finds all that was sent to it when it goes on.
 * Exit status: 0 when nothing was wrong, 1 otherwise.
 */

import { parseArgs } from 'node:util';
import { FleetPair, gapsBetween } from '../test/integration/fleet-pair.ts';
import { asked } from '../test/integration/rig.ts';
import { lateness } from '../test/integration/workers-talk.ts';
import { sleep } from './lib/child.ts';
import { OwnLateness } from './lib/own-lateness.ts';
import { header, n, print, table } from './lib/table.ts';

/** What is asked of it: longest gap at a caller of the other instance, talked to again, records and limits right, ms. */
const GAP_MS = 40;
const BACK_MS = 10_000;
const RIGHT_MS = 30_000;

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '50' },
    'redis-away': { type: 'string', default: '20' },
    'redis-stops': { type: 'boolean', default: false },
  },
});
const calls = Number(values.calls);
const wrong: string[] = [];
const must = (holds: boolean, what: string) => {
  if (!holds) wrong.push(what);
};

header();
const late = new OwnLateness();
const pair = await FleetPair.start({
  MAX_CALLS: String(3 * calls),
  FLEET_MAX_CALLS: String(2 * calls),
  NODE_OPTIONS: late.nodeOption,
});
try {
  await pair.call(0, calls);
  await pair.call(1, calls);
  await redisDies();
  await instanceDies();
} finally {
  await pair.close();
  late.remove();
}
print(wrong.length === 0 ? '\nnothing was wrong' : `\n${wrong.join('\n')}`);
process.exit(wrong.length === 0 ? 0 : 1);

function ended(): number {
  return pair.placed.filter(({ over }) => over).length;
}

async function redisDies(): Promise<void> {
  const sessions = pair.model.sessions.length;
  const stops = values['redis-stops'];
  if (stops) pair.redis.pause();
  else await pair.redis.kill();
  await sleep(Number(values['redis-away']) * 1_000);
  const meanwhile = await Promise.all([pair.active(0), pair.active(1)]);
  if (stops) pair.redis.resume();
  else await pair.redis.start();
  const backAt = performance.now();
  await pair.reachRedis(10_000);
  const reachedMs = performance.now() - backAt;
  const after = await Promise.all([pair.active(0), pair.active(1)]);
  const shown = [...meanwhile, ...after].map(({ length }) => length);
  table(
    `Redis ${stops ? 'standing still' : 'dead'} for ${values['redis-away']} s under ${2 * calls} calls`,
    ['calls ended', 'new sessions', 'shown at each meanwhile', 'and after', 'all told again, ms'],
    [
      [
        n(ended()),
        n(pair.model.sessions.length - sessions),
        shown.slice(0, 2).join(', '),
        shown.slice(2).join(', '),
        n(reachedMs),
      ],
    ],
  );
  must(ended() === 0, 'calls ended while Redis was dead');
  must(pair.model.sessions.length === sessions, 'sessions were made anew while Redis was dead');
  must(
    shown.every((length) => length === 2 * calls),
    'not all calls were shown',
  );
}

async function instanceDies(): Promise<void> {
  const before = pair.model.sessions.length;
  pair.proxy.choose = () => 1;
  const killedAt = performance.now();
  await pair.daemons[0]!.kill('SIGKILL');
  const back: number[] = [];
  const end = killedAt + 2 * BACK_MS;
  while (back.length < calls && performance.now() < end) {
    const talked = pair.answered(before, 1).length;
    while (back.length < talked) back.push(performance.now() - killedAt);
    await sleep(50);
  }
  const lost = await asked(
    async () =>
      (await pair.records('&result=indeterminate')).length >= Math.min(calls, 200) ? performance.now() : undefined,
    'the records of the lost calls',
    2 * RIGHT_MS,
  );
  const active = (await pair.active(1)).length;
  const endedBefore = ended();
  const talkedTo = pair.answered(before, 1);
  const reports = await pair.hangUp();
  // Not sooner: to look through all that the model was sent keeps the phones, in this process, from their time.
  const knowing = talkedTo.filter(({ received }) => JSON.stringify(received).includes('You said this'));
  const gaps = reports.flatMap((report, at) =>
    report.streams.length === 1 ? gapsBetween(pair.placed[at]!, report, killedAt - 1_000, killedAt + BACK_MS) : [],
  );
  const longest = Math.max(0, ...gaps);
  // The one that is killed writes nothing any more.
  const killed = performance.timeOrigin + killedAt;
  const own = late.between(killed + 200, killed + BACK_MS);
  table(
    `one instance killed with ${calls} calls`,
    [
      'talked to again',
      'first, ms',
      'last, ms',
      'agent knows',
      "longest gap at the other's, ms",
      'gaps',
      'its loop late, ms',
      'of its own doing, ms',
      'phones late, ms',
      'lost in the records, ms',
      'active',
    ],
    [
      [
        n(back.length),
        n(back[0] ?? Number.NaN),
        n(back.at(-1) ?? Number.NaN),
        n(knowing.length),
        n(longest),
        n(gaps.length),
        n(own.loopMs),
        n(own.ownMs),
        n(lateness(reports)),
        n(lost - killedAt),
        n(active),
      ],
    ],
  );
  must(back.length === calls && back.at(-1)! <= BACK_MS, `not all callers were talked to again within ${BACK_MS} ms`);
  must(knowing.length === calls, 'an agent does not know what was said');
  must(longest <= GAP_MS, `a caller of the other instance heard a gap of ${n(longest)} ms`);
  must(lost - killedAt <= RIGHT_MS, 'calls were closed as lost too late');
  must(active === 2 * calls && endedBefore === 0, 'calls ended that should go on');
}
