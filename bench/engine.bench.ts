/**
 * Two engines for WebRTC calls against the same far ends, in turns: libwebrtc, which does all up to decoded audio, and libdatachannel, which ends at RTP, with
 * codec, jitter buffer and concealment of ours. What a call costs, and what is heard of a tone that the far end sends back.
 * Run: npx node bench/engine.bench.ts [--far libwebrtc,pion,chromium] [--calls 6] [--pairs 3] [--seconds 8] [--only cost|quality|vanish]
 */

import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { Engine, EngineReport, NearMethods } from './lib/engine-near.ts';
import { FAR_ENDS, type FarEndName, missing, startFarEnd } from './lib/far-ends.ts';
import { lossyWay, type WayOptions } from './lib/lossy-way.ts';
import { summarise } from './lib/stats.ts';
import { header, n, print, table } from './lib/table.ts';

const ENGINES: readonly Engine[] = ['libwebrtc', 'light'];
const WAYS: readonly WayOptions[] = [
  { lossPercent: 0, jitterMs: 0 },
  { lossPercent: 1, jitterMs: 30 },
  { lossPercent: 3, jitterMs: 30 },
];
/** Until connections have settled and buffers found their size, ms. */
const WARM_MS = 3_000;

const { values } = parseArgs({
  options: {
    far: { type: 'string', default: FAR_ENDS.join(',') },
    calls: { type: 'string', default: '6' },
    pairs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    only: { type: 'string' },
  },
});
const windowMs = Number(values.seconds) * 1_000;
const farNames = FAR_ENDS.filter((name) => values.far.split(',').includes(name));

async function withNear<T>(work: (near: Child<NearMethods>) => Promise<T>): Promise<T> {
  const near = startChild<NearMethods>('engine-near.ts');
  try {
    return await work(near);
  } finally {
    await near.stop();
  }
}

/** One process with so many calls by one engine, warm, then measured. */
function windowOf(
  engine: Engine,
  url: string,
  count: number,
  listen: boolean,
): Promise<EngineReport & { mbACall: number }> {
  return withNear(async (near) => {
    // What the first call loads is the process's price, not a call's.
    await near.ask('connect', { engine, url, count: 1, listen });
    await sleep(WARM_MS);
    const before = await near.ask('memory');
    if (count > 1) {
      await near.ask('connect', { engine, url, count, listen });
      await sleep(WARM_MS);
    }
    const report = await near.ask('measure', { ms: windowMs });
    await near.ask('close');
    return { ...report, mbACall: (report.rssMb - before) / (count - 1) };
  });
}

const each = (reports: readonly EngineReport[], read: (report: EngineReport) => number, digits: number) => {
  const all = reports.map(read);
  return `${n(summarise(all).p50, digits)} (${all.map((one) => n(one, digits)).join(', ')})`;
};

async function cost(name: FarEndName): Promise<void> {
  const far = await startFarEnd(name);
  const count = Number(values.calls);
  const told: Record<Engine, Array<EngineReport & { mbACall: number }>> = { libwebrtc: [], light: [] };
  try {
    for (let pair = 0; pair < Number(values.pairs); pair++)
      for (const engine of pair % 2 === 0 ? ENGINES : ENGINES.toReversed())
        told[engine].push(await windowOf(engine, far.url, count, false));
  } finally {
    await far.stop();
  }
  table(
    `Cost: ${count} calls, far end ${name}; medians, and each window`,
    ['engine', 'CPU % a call', "of it the loop's thread", 'carried', 'MB a call', 'threads', 'connections that failed'],
    ENGINES.map((engine) => [
      engine,
      each(told[engine], (one) => one.cpuMsPerSecond / 10, 2),
      each(told[engine], (one) => one.loopMsPerSecond / 10, 2),
      each(told[engine], (one) => one.carried, 2),
      n(summarise(told[engine].map((one) => one.mbACall)).p50, 1),
      each(told[engine], (one) => one.threads, 0),
      String(told[engine].reduce((sum, one) => sum + one.failed, 0)),
    ]),
  );
  print(
    `ratio of each pair: ${told.light.map((one, i) => n(one.cpuMsPerSecond / told.libwebrtc[i]!.cpuMsPerSecond)).join(', ')}`,
  );
}

async function quality(name: FarEndName): Promise<void> {
  const rows: string[][] = [];
  for (const options of WAYS) {
    for (const engine of ENGINES) {
      // A far end that heard another call may have learnt from it.
      const far = await startFarEnd(name);
      const way = await lossyWay(far.url.replace(/\/realtime\/calls$/, ''), options);
      try {
        const report = await windowOf(engine, `${way.url}/realtime/calls`, 1, true);
        rows.push([
          `${options.lossPercent} % lost, ${options.jitterMs} ms`,
          engine,
          n(report.latencyP50, 0),
          n(report.latencyP95, 0),
          n(report.gaps, 1),
          n(report.snrP50, 1),
          n(report.rough, 1),
          n(report.quality.jitterBufferMs, 0),
          n((report.quality.concealedRatio ?? Number.NaN) * 1_000, 1),
          n(report.carried),
        ]);
      } finally {
        way.close();
        await far.stop();
      }
    }
  }
  table(
    `Heard of a tone that comes back, far end ${name}, one call`,
    [
      'way',
      'engine',
      'there and back p50 ms',
      'p95',
      'gaps ‰',
      'SNR dB',
      'rough ‰',
      'buffer ms',
      'concealed ‰',
      'carried',
    ],
    rows,
  );
}

async function vanish(name: FarEndName): Promise<void> {
  const rows: string[][] = [];
  for (const engine of ENGINES) {
    const far = await startFarEnd(name);
    rows.push(
      await withNear(async (near) => {
        await near.ask('connect', { engine, url: far.url, count: 1, listen: false });
        await sleep(WARM_MS);
        await near.ask('watch');
        far.vanish();
        const { watched, state } = await near.ask('gone', { ms: 40_000 });
        return [engine, n(watched / 1_000, 1), n(state / 1_000, 1)];
      }),
    );
  }
  table(`The far end vanishes (${name})`, ['engine', 'our watch says so after s', 'the engine after s'], rows);
}

header();
for (const name of farNames) {
  const why = missing(name);
  if (why !== undefined) {
    print(`no far end by ${name}: ${why}`);
    continue;
  }
  try {
    if (values.only === undefined || values.only === 'cost') await cost(name);
    if (values.only === undefined || values.only === 'quality') await quality(name);
    if (values.only === undefined || values.only === 'vanish') await vanish(name);
  } catch (error) {
    print(`BROKEN, far end ${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
process.exit(0);
