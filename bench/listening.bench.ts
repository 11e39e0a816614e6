/**
 * How late an operator who listens in hears the caller: from the moment at which a word leaves the caller's mouth to the one at which its first sample comes by `/listen`, and to the one at which a page of the
 * console in a real Chromium gives it to its sound device. The frame in which the carrier sends it (20 ms) is part of both; what the device takes after that is not, and the browser says how much it takes that to be.
 * Run: node bench/listening.bench.ts [--words 40]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { Phone, scriptSource, toneSource } from '../src/simulator/phone/index.ts';
import { openSocket } from '../src/transport/socket.ts';
import { noChromium, openChromium } from '../test/integration/browser-chromium.ts';
import { startDaemonProcess } from '../test/integration/daemon-process.ts';
import { askAsOperator, OPERATOR, OPERATOR_TOKEN } from '../test/integration/operator.ts';
import { asked, sleep, until } from '../test/integration/rig.ts';
import { summarise } from './lib/stats.ts';
import { header, n, print, table } from './lib/table.ts';

const RATE = 16_000;
const FRAME_MS = 20;
/** A word, and the silence before it, ms. */
const WORD_MS = 300;
const PAUSE_MS = 1_300;
/** Less loud than this is silence, of full scale; and so long must it last for what follows to be a word of its own, ms. */
const LOUD = 0.05;
const QUIET_MS = 400;

/** Milliseconds of the wall clock, by the monotonic one: the same in this process and in the page. */
const now = () => performance.timeOrigin + performance.now();

/** Moments at which something that was silent became loud. */
class Onsets {
  readonly at: number[] = [];
  #loudUntil = Number.NEGATIVE_INFINITY;

  /** @param from when the first sample is heard, ms; samples follow each other at `rate` Hz */
  hear(samples: ArrayLike<number>, from: number, stride = 1, rate = RATE, full = 32_768): void {
    for (let i = 0; i < samples.length; i += stride) {
      if (Math.abs(samples[i] ?? 0) < LOUD * full) continue;
      const at = from + ((i / stride) * 1_000) / rate;
      if (at - this.#loudUntil > QUIET_MS) this.at.push(at);
      this.#loudUntil = at;
    }
  }
}

/** Has the mouth of this phone tell when a word leaves it: the frame that begins it is sent at its end. */
function watchMouth(phone: Phone, spoken: Onsets): void {
  const mouth = phone.stream?.mouth;
  if (mouth === undefined) throw new Error('the phone has no stream');
  const next = mouth.next.bind(mouth);
  mouth.next = () => {
    const frame = next();
    spoken.hear(frame.samples, now() - FRAME_MS, 1, (frame.samples.length * 1_000) / FRAME_MS);
    return frame;
  };
}

/** Hears the call as a program does. */
async function listenAtWire(url: string, call: string, heard: Onsets): Promise<() => void> {
  const socket = await openSocket(
    `${url.replace(/^http/, 'ws')}/listen?call=${call}`,
    {
      text: () => {},
      binary: (data) => heard.hear(new Int16Array(Uint8Array.from(data).buffer), now(), 2),
      close: () => {},
    },
    {
      ...{ maxMessageBytes: 64 * 1024, pingIntervalMs: 0, connectTimeoutMs: 5_000 },
      ...{ headers: { ...OPERATOR }, protocols: ['voicebridge.listen.v1'] },
    },
  );
  return () => socket.close();
}

/**
 * Runs in the page before its own scripts: notes when the caller's side becomes loud, of what comes by the line, and of what the console plays. There the left ear has the caller and a part of the agent, the right
 * one the other way round.
 */
const WATCH_PLAYER = `
  globalThis.came = { at: [], loudUntil: -Infinity };
  const Line = WebSocket;
  globalThis.WebSocket = class extends Line {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        if (!(data instanceof ArrayBuffer)) return;
        const from = performance.timeOrigin + performance.now();
        for (const [i, sample] of new Int16Array(data).entries()) {
          if (i % 2 === 1 || Math.abs(sample) < ${LOUD} * 32_768) continue;
          const at = from + ((i / 2) * 1_000) / ${RATE};
          if (at - came.loudUntil > ${QUIET_MS}) came.at.push(at);
          came.loudUntil = Math.max(came.loudUntil, at);
        }
      });
    }
  };
  const Real = AudioWorkletNode;
  globalThis.heard = { at: [], loudUntil: -Infinity, device: 0 };
  globalThis.AudioWorkletNode = class extends Real {
    constructor(audio, name, options) {
      super(audio, name, options);
      if (name !== 'listen-player') return;
      const [sides, less, ear] = [audio.createChannelSplitter(2), audio.createGain(), audio.createAnalyser()];
      less.gain.value = -0.35 / 0.8;
      ear.fftSize = 512;
      this.connect(sides);
      sides.connect(ear, 0);
      sides.connect(less, 1).connect(ear);
      const samples = new Float32Array(ear.fftSize);
      setInterval(() => {
        ear.getFloatTimeDomainData(samples);
        const end = performance.timeOrigin + performance.now();
        heard.device = Math.max(heard.device, audio.outputLatency ?? 0);
        for (const [i, sample] of samples.entries()) {
          if (Math.abs(sample) < ${LOUD} * 0.6) continue;
          const at = end - ((samples.length - i) * 1_000) / audio.sampleRate;
          if (at - heard.loudUntil > ${QUIET_MS}) heard.at.push(at);
          heard.loudUntil = Math.max(heard.loudUntil, at);
        }
      }, 4);
    }
  };`;

/** Hears the call as a person does, at the console. */
async function listenInPage(url: string): Promise<{ page: Page; close(): Promise<void> }> {
  const { page, close } = await openChromium({ viewport: { width: 1_360, height: 860 }, token: OPERATOR_TOKEN });
  await page.addInitScript({ content: WATCH_PLAYER });
  await page.goto(url);
  await page.locator('.calls a').click();
  await page.getByRole('button', { name: 'Listen in' }).click();
  await page.getByText('You hear both sides. Nobody hears you.').waitFor();
  return { page, close };
}

/** How long after each word it was heard; one that was not is left out. */
function delays(spoken: readonly number[], heard: readonly number[]): number[] {
  return spoken
    .map((at) => (heard.find((one) => one >= at && one - at < WORD_MS + PAUSE_MS - QUIET_MS) ?? Number.NaN) - at)
    .filter((ms) => !Number.isNaN(ms));
}

const { values } = parseArgs({ options: { words: { type: 'string', default: '40' } } });
const words = Number(values.words);
if (!Number.isInteger(words) || words < 1) throw new Error('--words must be a whole number above 0');

const folder = mkdtempSync(join(tmpdir(), 'voicebridge-listening-'));
const daemon = await startDaemonProcess({ DATA_DIR: folder, GREETING: 'off' });
try {
  const source = scriptSource([{ pauseMs: PAUSE_MS }, toneSource(1_020, { ms: WORD_MS, dbfs: -12 })], {
    endless: true,
  });
  const phone = new Phone({ carrier: 'twilio', source, hangUpAfterMs: 3_600_000 });
  const report = phone.placeCall({ webhookUrl: `${daemon.url}/incoming-call` });
  await until(() => phone.stream, 'the stream', 30_000);
  const [spoken, wire] = [new Onsets(), new Onsets()];
  watchMouth(phone, spoken);
  const id = await asked(async () => {
    const { calls } = (await (await askAsOperator(`${daemon.url}/calls`)).json()) as { calls: Array<{ id: string }> };
    return calls[0]?.id;
  }, 'the call');
  const stopListening = await listenAtWire(daemon.url, id, wire);
  const inPage = noChromium === undefined ? await listenInPage(daemon.url) : undefined;
  // What was said before all listened is none of it.
  const from = now();
  await sleep(words * (WORD_MS + PAUSE_MS) + QUIET_MS);
  const said = spoken.at.filter((at) => at > from && at < now() - PAUSE_MS);
  const heard = await inPage?.page.evaluate<{ came: number[]; at: number[]; device: number }>(
    '({ ...heard, came: came.at })',
  );
  await inPage?.close();
  stopListening();
  phone.hangUp();
  await report;
  header();
  const row = (name: string, list: readonly number[]) => {
    const { count, p50, p95, max } = summarise(list);
    return [name, `${count} of ${said.length}`, ...[p50, p95, max].map((ms) => n(ms, 0))];
  };
  table(
    'From the caller’s mouth, ms',
    ['', 'words', 'p50', 'p95', 'max'],
    [
      row('by /listen', delays(said, wire.at)),
      ...(heard === undefined
        ? []
        : [
            row('at the console’s page', delays(said, heard.came)),
            row('at the console, to its sound device', delays(said, heard.at)),
          ]),
    ],
  );
  if (heard === undefined) print(noChromium);
  else print(`the browser says of its sound device: ${n(heard.device * 1_000, 0)} ms more`);
} finally {
  await daemon.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
