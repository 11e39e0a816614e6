import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { answerMeta } from '../../src/callers/whatsapp/sdp.ts';
import { isToneAlone } from '../../src/media/tone.ts';
import { LegCall } from './leg-call.ts';
import { asked, sleep, until } from './rig.ts';

/** The media of a WhatsApp call with a far end that is neither ours nor libwebrtc: aiortc, where it can be had. */

const PYTHON = [resolve(import.meta.dirname, '../../.venv/bin/python'), 'python3'].find(
  (python) => (python === 'python3' || existsSync(python)) && spawnSync(python, ['-c', 'import aiortc']).status === 0,
);
const noAiortc = PYTHON === undefined ? 'no Python with aiortc is here (.venv/bin/python, python3)' : undefined;

interface Report {
  readonly state: string;
  /** Packets of RTP that came, and when the first one did, ms since the epoch. */
  readonly came: number;
  readonly first: number | null;
  /** Whether a key is pressed, and how late its packets were at most, ms. */
  readonly pressing: boolean;
  readonly late: number;
  /** dBFS of the asked tones in the last second that it heard. */
  readonly levels: Readonly<Record<string, number>>;
}

/** The phone, which is a process of its own. */
class AiortcPhone {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string) {
    this.#child = spawn(python, [resolve(import.meta.dirname, 'aiortc-phone.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  tell(what: object): void {
    this.#child.stdin!.write(`${JSON.stringify(what)}\n`);
  }

  async said(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the phone is gone');
    return JSON.parse(value as string) as Record<string, unknown>;
  }

  async report(...hz: number[]): Promise<Report> {
    this.tell({ report: hz });
    return (await this.said()) as unknown as Report;
  }

  close(): void {
    this.tell({ close: true });
    this.#child.kill();
  }
}

it('aiortc as the phone: nothing before the acceptance, tones both ways, and its keys', async ({ skip }) => {
  if (PYTHON === undefined) return skip(noAiortc);
  const phone = new AiortcPhone(PYTHON);
  const call = new LegCall();
  onTestFinished(async () => {
    phone.close();
    await call.close();
  });
  const offer = String((await phone.said())['offer']);
  // It offers three hashes; what the peer is given is one.
  expect(offer).toContain('sha-512');
  const answer = await answerMeta(call.leg.peer, offer, { publicAddresses: [], allowPrivate: true });
  phone.tell({ answer });
  await call.leg.reached;
  const transport = (await call.leg.peer.stats()).find((entry) => entry['type'] === 'transport');
  expect(transport).toMatchObject({ iceRole: 'controlling', dtlsRole: 'client', dtlsState: 'connected' });
  await call.join();
  call.say([1_250, 30_000]);
  await sleep(1_000);
  expect(await phone.report()).toMatchObject({ state: 'connected', came: 0, first: null });

  const released = Date.now();
  call.leg.release();
  phone.tell({ speak: true });
  await call.leg.heard;
  await until(
    () => isToneAlone(call.last, 48_000, 440, { minDb: -16, maxOtherDb: -35 }),
    "a second of the phone's tone alone",
  );
  await sleep(1_500);
  // Nothing of its own comes back, nor of what a stall tears, which is more than a second back then.
  const { came, first } = await asked(async () => {
    const report = await phone.report(1_250, 440);
    return (report.levels['1250'] ?? -100) > -16 && (report.levels['440'] ?? 0) < -45 && report;
  }, "a second of the agent's tone alone");
  expect(came).toBeGreaterThan(50);
  expect((first ?? 0) - released).toBeLessThan(250);

  let [pressed, heard] = ['', ''];
  while (pressed.length < 6) {
    await sleep(300);
    const key = '0159*#'.charAt(pressed.length);
    const before = call.keys.length;
    phone.tell({ press: key, ms: 200 });
    const { late } = await asked(async () => {
      const report = await phone.report();
      return !report.pressing && report;
    }, `the key ${key} to be let go`);
    // A phone that stands still and then sends all at once is none that this is about: that key is pressed again.
    if (late > 40) {
      await sleep(600);
      continue;
    }
    await until(() => call.keys.length > before, `the key ${key}`);
    await sleep(300);
    pressed += key;
    heard += call.keys.slice(before);
  }
  expect(heard).toBe(pressed);
});
