import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSweep, sweepMs } from '../../src/media/sweep.ts';
import { toneLevel } from '../../src/media/tone.ts';
import { type LiveKitServer, People } from '../../src/simulator/livekit/index.ts';
import { pcmSource, toneSource } from '../../src/simulator/phone/source.ts';
import { type LiveKitRig, type Opened, startLiveKitRig } from './livekit-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { toneAloneMs, until } from './rig.ts';

/** What the model hears of two people in rooms of a real LiveKit server, by how their voices become one: whoever speaks, or all. */

const RATE = 24_000;
const ANNA_HZ = 700;
const BEN_HZ = 1_100;
/** Samples in so many ms. */
const ms = (n: number) => (n * RATE) / 1_000;
const HUSH = { text: '', tone: 400, toneMs: 20 };

/** A room with Anna and Ben in it, and what the model of its call has heard. */
async function open(rig: LiveKitRig, more: { audio?: 'mix' | 'pick' }) {
  const opened = await rig.post<Opened>('create-room', { participantName: 'Anna', ...more });
  const before = rig.model.sessions.length;
  const anna = await rig.enter(opened);
  const ben = await rig.follow(opened, 'Ben');
  const session = await until(() => rig.model.sessions[before], 'a session of the model', 20_000);
  const input = (from = 0) => session.inputAudio().subarray(from);
  await until(() => input().length > ms(1_000), 'audio to come to the model', 20_000);
  return { opened, anna, ben, input };
}

/** The windows of 100 ms in which this tone is loud, as levels of another, dBFS. */
function besides(samples: Int16Array, loudHz: number, otherHz: number): number[] {
  const levels: number[] = [];
  for (let at = 0; at + ms(100) <= samples.length; at += ms(100)) {
    const heard = samples.subarray(at, at + ms(100));
    if (toneLevel(heard, RATE, loudHz) > -25) levels.push(toneLevel(heard, RATE, otherHz));
  }
  return levels;
}

if (noLiveKit !== undefined) it('people in rooms, picked', ({ skip }) => skip(noLiveKit));
describe.skipIf(noLiveKit !== undefined)('of two people in a room', () => {
  let server: LiveKitServer;
  let people: People;
  let rig: LiveKitRig;
  beforeAll(async () => {
    [server, people] = await Promise.all([startLiveKit(), People.start()]);
    rig = await startLiveKitRig({
      server,
      people,
      settings: { GREETING: 'off', LIVEKIT_AUDIO: 'pick' },
      scenario: { greeting: false, turns: [{ say: HUSH }], loop: true },
    });
  }, 60_000);
  afterAll(async () => {
    await rig?.close();
    await people?.close();
    await server?.stop();
  });

  it('whoever speaks is heard alone where one is picked, with the first syllable', async () => {
    const { anna, ben, input } = await open(rig, {});
    // Anna speaks; Ben, who is less loud, says something meanwhile, and is not in it.
    await anna.say(toneSource(ANNA_HZ, { ms: 8_000, dbfs: -15 }));
    await until(() => toneAloneMs(input(), RATE, ANNA_HZ) >= 500, 'Anna to be heard', 20_000);
    await ben.say(toneSource(BEN_HZ, { ms: 1_000, dbfs: -27 }));
    await until(() => toneAloneMs(input(), RATE, ANNA_HZ) >= 7_500, 'all of what Anna said', 20_000);
    expect(Math.max(...besides(input(), ANNA_HZ, BEN_HZ))).toBeLessThan(-50);

    // Then he has the word, and a sweep says how much of its beginning was heard.
    await until(() => input(-ms(1_500)).every((sample) => Math.abs(sample) < 100), 'both to be silent', 20_000);
    const from = input().length;
    await ben.say(pcmSource(makeSweep(RATE, 2_000), RATE, { name: 'a sweep' }));
    const first = await until(
      () => {
        const at = input(from).findIndex((sample) => Math.abs(sample) > 400);
        return at >= 0 && input(from).length > at + ms(200) && { at };
      },
      'Ben to be heard',
      20_000,
    );
    expect(sweepMs(input(from), first.at + ms(40), RATE)).toBeLessThan(40 + 25);
    // By name, and nobody beside him.
    const words = await until(
      () => rig.agentEvents('transcript').find(({ role, final, by }) => role === 'caller' && final && by !== undefined),
      'whose words they were',
      20_000,
    );
    expect(words).toMatchObject({ by: { name: 'Anna' } });
    expect(words['others']).toBeUndefined();
  }, 90_000);

  it('both are heard where the request of the room says that they are mixed, whatever the setting', async () => {
    const { anna, ben, input } = await open(rig, { audio: 'mix' });
    await anna.say(toneSource(ANNA_HZ, { ms: 8_000, dbfs: -15 }));
    await until(() => toneAloneMs(input(), RATE, ANNA_HZ) >= 500, 'Anna to be heard', 20_000);
    await ben.say(toneSource(BEN_HZ, { ms: 1_000, dbfs: -27 }));
    const together = () => besides(input(), ANNA_HZ, BEN_HZ).filter((dbfs) => dbfs > -35).length * 100;
    await until(() => together() >= 700, 'both to be heard', 20_000);
  }, 90_000);
});
