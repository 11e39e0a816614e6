/**
 * The console with many live calls in a real Chromium: pictures a second, and how busy the page is. What the calls tell is made in the page itself, by a stand-in for
 * its WebSocket, so that its cost is in the figures.
 * Run: node bench/console.bench.ts [--calls 200] [--seconds 10] [--rounds 1] [--web FOLDER]... [--profile]
 * `--web`: the pages of another tree; several are measured in turns, to hold them against each other. `--profile`: what the page's thread spent its time on, by the
 * browser's own trace.
 */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import { chromium, type Page } from 'playwright-core';
import { consolePages, readConsoleFiles } from '../src/console/console-page.ts';
import { header, n, table } from './lib/table.ts';

const CHROMIUM = '/usr/bin/chromium';

/** What the page measures of itself. */
interface Seen {
  readonly pictures: number;
  readonly ms: number;
  readonly gaps: readonly number[];
  readonly messages: number;
}

/** What the page's thread did meanwhile, s. */
interface Spent {
  readonly task: number;
  readonly script: number;
  /** Style and layout. */
  readonly layout: number;
}

/** A picture of sixty in a second, ms. */
const PICTURE_MS = 1_000 / 60;

/**
 * Runs in the page: every call tells its levels ten times a second, and words and turns now and then. `paced`: the page's time goes on by a sixtieth of a second
 * with each picture, however long that really takes: each is then drawn of as much as on a machine that has time, and what it costs can be compared.
 */
const STAND_IN = (calls: number, paced: boolean) => `
  const realNow = performance.now.bind(performance);
  window.realNow = realNow;
  const every20 = (work) => setInterval(work, 20);
  const withPictures = (work) => {
    const from = realNow();
    const wallFrom = Date.now();
    let ms = from;
    let due = from;
    performance.now = () => ms;
    Date.now = () => wallFrom + ms - from;
    const picture = () => {
      ms += ${PICTURE_MS};
      for (; due < ms; due += 20) work();
      requestAnimationFrame(picture);
    };
    requestAnimationFrame(picture);
  };
  const again = ${paced} ? withPictures : every20;
  let messages = 0;
  window.told = () => messages;
  window.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    constructor() {
      const seqs = new Array(${calls}).fill(0);
      const began = Date.now() - 60000;
      const send = (message) => { messages++; this.onmessage?.({ data: JSON.stringify(message) }); };
      const tell = (i, type, data) => {
        const at = Date.now();
        send({ kind: 'event', event: { id: String(at) + i, callId: 'call-' + i, seq: seqs[i]++, at, offsetMs: at - began, type, data, transient: false } });
      };
      setTimeout(() => {
        this.onopen?.();
        send({ kind: 'hello', now: Date.now(), last: '0' });
        for (let i = 0; i < ${calls}; i++) {
          const from = '+1202555' + String(1000 + i);
          tell(i, 'call_started', { direction: 'inbound', info: { id: 'call-' + i, direction: 'inbound', carrier: 'browser', from, prompt: 'default' } });
          tell(i, 'connected', { audioPath: 'up; down' });
        }
        let step = 0;
        again(() => {
          step++;
          for (let i = step % 5; i < ${calls}; i += 5) {
            const talks = (step + i * 7) % 200 < 60;
            send({ kind: 'levels', callId: 'call-' + i, caller: talks ? -20 - ((step * 3 + i) % 20) : -90, agent: talks ? -90 : -18 - ((step + i) % 20) });
            // Each says something every four seconds, in pieces, and is answered.
            const phase = (step + i * 11) % 200;
            const itemId = 'item-' + Math.floor((step + i * 11) / 200);
            if (phase < 40 && phase % 10 < 5) tell(i, 'agent.transcript', { role: 'caller', itemId, text: 'some words ', final: false });
            else if (phase >= 40 && phase < 45) tell(i, 'agent.transcript', { role: 'caller', itemId, text: 'some words that were said at moment ' + step, final: true });
            else if (phase >= 45 && phase < 50) tell(i, 'turn', { index: Math.floor(step / 200), callerStoppedMs: 0, detectedMs: 500, responseMs: 600, firstAudioMs: 800, heardMs: 900 + (i * 37) % 2500 });
            if (i % 40 === 0 && phase >= 50 && phase < 55) tell(i, 'agent.error', { code: 'x', message: 'y' });
          }
        });
      }, 50);
    }
    send() {}
    close() {}
  };`;

/** Runs in the page: when each picture was drawn. */
const MEASURE = (seconds: number) => `new Promise((resolve) => {
  const gaps = [];
  const began = window.realNow();
  const before = window.told();
  let last = began;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    const ms = window.realNow() - began;
    if (ms < ${seconds * 1_000}) requestAnimationFrame(step);
    else resolve({ pictures: gaps.length, ms, gaps: gaps.slice(1), messages: window.told() - before });
  };
  requestAnimationFrame(step);
})`;

/** A page on which one small thing moves: what the browser can draw on this machine at all. */
const EMPTY = `<!doctype html><title>empty</title><div id="one" style="width:8px;height:8px;background:#888"></div>`;
const MOVE = `(() => {
  window.realNow = performance.now.bind(performance);
  window.told = () => 0;
  let step = 0;
  const move = () => {
    document.getElementById('one').style.transform = 'translateX(' + (step++ % 200) + 'px)';
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})()`;

const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Share of the time in which the page's own thread had the processor: on a machine that others use, too, that says more than pictures do. */
async function busy(page: Page, work: () => Promise<Seen>): Promise<{ seen: Seen; share: number; spent: Spent }> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((one) => one.name === name)?.value ?? 0;
    return {
      task: of('TaskDuration'),
      script: of('ScriptDuration'),
      layout: of('LayoutDuration') + of('RecalcStyleDuration'),
      at: performance.now() / 1_000,
    };
  };
  const before = await read();
  const seen = await work();
  const after = await read();
  const spent = {
    task: after.task - before.task,
    script: after.script - before.script,
    layout: after.layout - before.layout,
  };
  return { seen, share: spent.task / (after.at - before.at), spent };
}

const launch = () => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--headless=new'] });

/** What kinds of work the page's thread spent its time on while `work` went on, ms of it each, the most first. https://chromedevtools.github.io/devtools-protocol/tot/Tracing/ */
async function traced(page: Page, work: () => Promise<unknown>): Promise<ReadonlyArray<readonly [string, number]>> {
  const devtools = await page.context().browser()!.newBrowserCDPSession();
  const events: Array<{
    name: string;
    ph: string;
    dur?: number;
    tdur?: number;
    pid: number;
    tid: number;
    args?: { name?: string };
  }> = [];
  devtools.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as typeof events)));
  const complete = new Promise((resolve) => devtools.once('Tracing.tracingComplete', resolve));
  const includedCategories = ['devtools.timeline', 'disabled-by-default-devtools.timeline', '__metadata'];
  await devtools.send('Tracing.start', { traceConfig: { includedCategories } });
  await work();
  await devtools.send('Tracing.end');
  await complete;
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const spent = new Map<string, number>();
  for (const { name, ph, dur = 0, tdur = dur, pid, tid } of events)
    if (ph === 'X' && mains.has(`${pid} ${tid}`)) spent.set(name, (spent.get(name) ?? 0) + tdur / 1_000);
  return [...spent].sort(([, one], [, other]) => other - one);
}

/** What is printed of one page with so many calls. */
interface Measured {
  readonly row: string[];
  readonly profile: ReadonlyArray<readonly [string, number]>;
  readonly pictures: number;
}

async function measured(
  calls: number,
  seconds: number,
  web: URL,
  paced: boolean,
  profiled: boolean,
): Promise<Measured> {
  const app = Fastify();
  app.register(consolePages, { files: readConsoleFiles(web) });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1_360, height: 860 } });
    await page.addInitScript({ content: STAND_IN(calls, paced) });
    await page.goto(url);
    await page
      .locator('.calls a')
      .nth(calls - 1)
      .waitFor({ state: 'attached' });
    await page.locator('.calls a').first().click();
    // What is compiled and laid out for the first time is not what goes on.
    await page.waitForTimeout(3_000);
    const { seen, share, spent } = await busy(page, () => page.evaluate<Seen>(MEASURE(seconds)));
    const profile = profiled ? await traced(page, () => page.evaluate<Seen>(MEASURE(seconds))) : [];
    const costs = [spent.script, spent.layout, spent.task].map((s) => n((s * 1_000) / seen.pictures, 2));
    const row = paced
      ? [n(seen.pictures, 0), n(seen.messages / seen.pictures, 1), ...costs]
      : [n((seen.messages * 1_000) / seen.ms, 0), ...pace(seen), n(share * 100, 0), ...costs];
    return { row, profile, pictures: seen.pictures };
  } finally {
    await browser.close();
    await app.close();
  }
}

/** Pictures a second, and the time between two: p50, p95, the longest. */
function pace({ pictures, ms, gaps }: Seen): string[] {
  const sorted = gaps.toSorted((a, b) => a - b);
  return [
    n((pictures * 1_000) / ms, 1),
    n(quantile(sorted, 0.5), 1),
    n(quantile(sorted, 0.95), 1),
    n(sorted.at(-1) ?? Number.NaN, 1),
  ];
}

/** The same of a page that does next to nothing. */
async function measuredEmpty(seconds: number): Promise<string[]> {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1_360, height: 860 } });
    await page.setContent(EMPTY);
    await page.evaluate(MOVE);
    const { seen, share, spent } = await busy(page, () => page.evaluate<Seen>(MEASURE(seconds)));
    const costs = [spent.script, spent.layout, spent.task].map((s) => n((s * 1_000) / seen.pictures, 2));
    return ['0', ...pace(seen), n(share * 100, 0), ...costs];
  } finally {
    await browser.close();
  }
}

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    web: { type: 'string', multiple: true },
    profile: { type: 'boolean', default: false },
  },
});
const most = Number(values.calls);
const seconds = Number(values.seconds);
const pages = values.web?.map((folder) => ({ name: folder, url: pathToFileURL(`${resolve(folder)}/`) })) ?? [
  { name: 'web', url: new URL('../web/', import.meta.url) },
];
const rows: string[][] = [];
const costs: string[][] = [];
const profiles: Array<readonly [string, Measured]> = [];
for (let round = 0; round < Number(values.rounds); round++) {
  rows.push(['an empty page', '-', ...(await measuredEmpty(seconds))]);
  for (const calls of new Set([1, most]))
    for (const { name, url } of pages) {
      const free = await measured(calls, seconds, url, false, false);
      const paced = await measured(calls, seconds, url, true, values.profile);
      rows.push([name, n(calls, 0), ...free.row]);
      costs.push([name, n(calls, 0), ...paced.row]);
      if (values.profile) profiles.push([`${name}, ${calls} live calls`, paced]);
    }
}
header();
table(
  "The console, the first call chosen; processor time is that of the page's own thread",
  [
    'page',
    'live calls',
    'messages/s',
    'pictures/s',
    'between two, p50 ms',
    'p95 ms',
    'longest ms',
    'processor, %',
    'a picture: script ms',
    'style and layout ms',
    'all ms',
  ],
  rows,
);
table(
  'What a picture costs when each has a sixtieth of a second to draw, ms of processor time: below 16.7 there can be sixty in a second',
  ['page', 'live calls', 'pictures', 'messages a picture', 'script', 'style and layout', 'all'],
  costs,
);
for (const [name, { profile }] of profiles)
  table(
    `${name}: what the page's thread did, ms of processor time in ${seconds} s with the trace; what is within another is in both`,
    ['work', 'ms'],
    profile.slice(0, 16).map(([work, ms]) => [work, n(ms, 1)]),
  );
