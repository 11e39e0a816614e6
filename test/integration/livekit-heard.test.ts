import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeSweep, sweepMs } from '../../src/media/sweep.ts';
import { encodeWav } from '../../src/media/wav.ts';
import { RATE, soundsOn } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/index.ts';
import { type Opened, startLiveKitRig } from './livekit-rig.ts';
import { noLiveKit } from './livekit-server.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast, type Skip } from './measured-again.ts';
import { sleep, until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';

/** What people really heard of an agent that was cut off, by what their library gave out, against what the model was told. */

const CUT_INS = 5;
/** As a bridge is held to: what the model is told is this near to what was heard. */
const HEARD_MS = 40;
/** From the clear to the last sound given out, the middle one: the bench holds it to 70 ms on a machine that does nothing else. */
const SILENT_MS = 200;
/** What a stall of this process may tear of what is heard, ms: in one so long all ends have stood still. */
const STOOD_MS = 100;

const epoch = () => performance.timeOrigin + performance.now();

/** An answer that says of itself where in it one is. */
function sweepFile(own: Own): string {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-sweep-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  const file = join(folder, 'sweep.wav');
  writeFileSync(file, encodeWav([makeSweep(RATE, 3_000)], RATE));
  return file;
}

if (noLiveKit !== undefined) it('what people in rooms hear', ({ skip }) => skip(noLiveKit));
describe.skipIf(noLiveKit !== undefined)('what people in rooms hear', () => {
  it(
    'is what the model is told of an answer that was cut off, and it ends soon after',
    ({ own, skip }) => judgedAtLast({ own, skip }, cutOff),
    240_000,
  );
});

async function cutOff(own: Own, skip: Skip): Promise<void> {
  const at: number[] = [];
  const rig = own(
    await startLiveKitRig({
      settings: { GREETING: 'off' },
      scenario: { greeting: false, turns: [{ say: { wav: sweepFile(own) } }], loop: true },
      onEvent: (event) => {
        if (event.type === 'barge_in') at.push(epoch());
      },
    }),
  );
  const opened = await rig.post<Opened>('create-room', { participantName: 'Anna' });
  const anna = await rig.enter(opened, { keepsTape: true });
  const ben = await rig.follow(opened, 'Ben');
  await until(() => rig.of('connected')[0], 'the call', 15_000);
  await sleep(1_000);
  const loop = own(watchLoop());
  // Whoever speaks cuts off the answer to who spoke before.
  for (let i = 0; i <= CUT_INS; i++) {
    const states = anna.agentStates.length;
    await (i % 2 === 0 ? anna : ben).say(toneSource(1_020, { ms: 500 }));
    await until(() => anna.agentStates.includes('speaking', states), 'the answer');
    await sleep(900 + i * 130);
  }
  const told = rig.of('barge_in');
  loop.excuses(skip, told.length !== CUT_INS, STOOD_MS);
  expect(told.length).toBe(CUT_INS);
  const tape = await anna.tape();
  const sounds = soundsOn(tape, RATE);
  const found = told.map(({ heard }, i) => {
    const cutMs = at[i]! - anna.originMs;
    const sound = sounds.find(({ fromMs, toMs }) => fromMs < cutMs && cutMs < toMs + 20 && toMs < cutMs + 1_000);
    const toldMs = heard.reduce((sum, { heardMs }) => sum + heardMs, 0);
    return sound && { off: toldMs - sweepMs(tape.samples, sound.to, RATE), silent: sound.toMs - cutMs };
  });
  const cuts = at.map((one) => Math.round(one - anna.originMs));
  const heard = sounds.map(({ fromMs, toMs }) => `${Math.round(fromMs)} to ${Math.round(toMs)}`);
  loop.excuses(skip, found.includes(undefined), STOOD_MS);
  expect(found, `cut at ${cuts} ms, heard from ${heard.join(', ')} ms`).not.toContain(undefined);
  // A clear that the machine itself held up is one of them at most.
  const off = found.map((one) => one!.off).sort((a, b) => Math.abs(a) - Math.abs(b));
  loop.excuses(skip, Math.abs(off.at(-2)!) > HEARD_MS, STOOD_MS);
  expect(Math.abs(off.at(-2)!), `told less heard: ${off.map(Math.round)} ms`).toBeLessThanOrEqual(HEARD_MS);
  const silent = found.map((one) => one!.silent).sort((a, b) => a - b);
  loop.excuses(skip, silent[CUT_INS >> 1]! >= SILENT_MS, STOOD_MS);
  expect(silent[CUT_INS >> 1], `silent after ${silent.map(Math.round)} ms`).toBeLessThan(SILENT_MS);
}
