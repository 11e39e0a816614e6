import { readFileSync } from 'node:fs';
import { afterEach, describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { answerMeta, checkMetaAnswer, offerMeta } from '../../src/callers/whatsapp/sdp.ts';
import { Resampler } from '../../src/media/resample.ts';
import { isToneAlone, toneLevel } from '../../src/media/tone.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { watchMedia } from '../../src/transport/liveness.ts';
import { openPeers } from '../../src/transport/peer.ts';
import { LegCall } from './leg-call.ts';
import { LitePhone } from './lite-phone.ts';
import { type Loop, watchLoop } from './loop.ts';
import { judgedAtLast, type Skip } from './measured-again.ts';
import { sleep, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Real WebRTC with a far end that behaves as Meta's: ice-lite, actpass, keys as RFC 4733 events. What libwebrtc makes of it is what is looked at. */

const TRIAL = { publicAddresses: [], allowPrivate: true };
/** dBFS: tones are sent at -12. */
const TONE = { minDb: -16, maxOtherDb: -35 };
/** What this process, in which leg and phone are, may stand still before a first packet that is late says nothing, ms. */
const STOOD_MS = 50;

/** One call's media: the phone, and the leg of a call that has begun. */
class Line extends LegCall {
  readonly phone = new LitePhone();

  /** Answers the phone's offer; it does not know the answer yet. */
  async answer(): Promise<string> {
    return answerMeta(this.leg.peer, await this.phone.offer(), TRIAL);
  }

  async connect(): Promise<void> {
    await this.phone.accept(await this.answer());
    await this.leg.reached;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.phone.close();
  }
}

const lines: Line[] = [];
function line(): Line {
  const made = new Line();
  lines.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(lines.splice(0).map((one) => one.close()));
  expect(openPeers()).toBe(0);
});

/** Where in these samples the tone first is, ms, in steps of 5 ms; -1 where it is not. Level in a window of 10 ms, dBFS. */
function onset(samples: Int16Array, hz: number): number {
  for (let at = 0; at + 480 <= samples.length; at += 240)
    if (toneLevel(samples.subarray(at, at + 480), 48_000, hz) > -24) return at / 48;
  return -1;
}

/** How long the tone is heard in all, ms. */
function length(samples: Int16Array, hz: number): number {
  let ms = 0;
  for (let at = 0; at + 480 <= samples.length; at += 240)
    if (toneLevel(samples.subarray(at, at + 480), 48_000, hz) > -24) ms += 5;
  return ms;
}

describe('the answer to an ice-lite far end', () => {
  it('connects to it, as the controlling end and the client of DTLS, by one candidate a family', async () => {
    const { leg, phone } = line();
    const answer = await answerMeta(leg.peer, await phone.offer(), TRIAL);
    const candidates = answer.split('\r\n').filter((text) => text.startsWith('a=candidate:'));
    const families = candidates.map((text) => ((text.split(' ')[4] ?? '').includes(':') ? 6 : 4));
    expect(families).toEqual([...new Set(families)]);
    expect(families[0]).toBe(4);
    expect(candidates.every((text) => / udp .* typ host/.test(text))).toBe(true);
    expect(answer).toContain('\r\na=setup:active\r\n');
    expect(answer).toContain('\r\na=rtpmap:126 telephone-event/8000\r\n');
    expect(answer.match(/a=fingerprint:\S+/g)).toEqual(['a=fingerprint:sha-256']);
    await phone.accept(answer);
    await leg.reached;
    const transport = (await leg.peer.stats()).find((entry) => entry['type'] === 'transport');
    expect(transport).toMatchObject({ iceRole: 'controlling', dtlsRole: 'client', dtlsState: 'connected' });
  });

  it('carries tones both ways', async () => {
    const one = line();
    await one.connect();
    await one.join();
    one.leg.release();
    one.phone.speak(440);
    await one.leg.heard;
    one.say([1_250, 8_000]);
    await until(() => isToneAlone(one.last, 48_000, 440, TONE), "the user's tone alone");
    await until(() => isToneAlone(one.phone.heard().slice(-48_000), 48_000, 1_250, TONE), "the agent's tone alone");
  });
});

describe('an offer to it', () => {
  it('is answered by it, and media flows', async () => {
    const one = line();
    const offer = await offerMeta(one.leg.peer, { publicAddresses: [] });
    const answer = checkMetaAnswer(await one.phone.answer(offer), { allowPrivate: true });
    await one.leg.peer.acceptAnswer(answer);
    await one.leg.reached;
    const transport = (await one.leg.peer.stats()).find((entry) => entry['type'] === 'transport');
    expect(transport).toMatchObject({ iceRole: 'controlling', dtlsState: 'connected' });
    await one.join();
    one.leg.release();
    one.phone.speak(440);
    one.say([1_250, 4_000]);
    await until(() => isToneAlone(one.last, 48_000, 440, TONE), "the user's tone alone");
    await until(() => length(one.phone.heard(), 1_250) > 1_000, "the agent's tone");
  });
});

/** Gives what was heard of a greeting of 20 and 480 ms, of which the first packet must come within 100 ms from this moment, and all be there. */
async function greeted(one: ReturnType<typeof line>, since: number, loop: Loop, skip: Skip) {
  await until(() => one.phone.came.length > 0, 'the first packet');
  const firstMs = one.phone.came[0]!.at - since;
  loop.excuses(skip, firstMs >= 100, STOOD_MS);
  expect(firstMs).toBeLessThan(100);
  await until(() => one.leg.playout.playedMs() === 500, 'the greeting was played');
  await sleep(300);
  const heard = one.phone.heard();
  expect(length(heard, 1_000)).toBeGreaterThanOrEqual(15);
  expect(Math.abs(length(heard, 2_000) - 480)).toBeLessThanOrEqual(30);
  return heard;
}

describe('what is sent', () => {
  it('is nothing before the release, silence within 100 ms of it, and then the greeting from its first 20 ms', ({
    own,
    skip,
  }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const loop = own(watchLoop());
      const one = line();
      await one.connect();
      await one.join();
      // The greeting is there long before it may be said: its first 20 ms are another tone than the rest.
      one.say([1_000, 20], [2_000, 480]);
      await sleep(1_500);
      expect(one.phone.came).toEqual([]);
      const released = performance.now();
      one.leg.release();
      const heard = await greeted(one, released, loop, skip);
      expect(onset(heard, 1_000)).toBeGreaterThanOrEqual(30);
      expect(onset(heard, 2_000) - onset(heard, 1_000)).toBeGreaterThanOrEqual(10);
    }));

  it('waits for media where the call is accepted first, and the greeting is as whole then', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const loop = own(watchLoop());
      const one = line();
      const answer = await one.answer();
      await one.join();
      one.leg.release();
      one.say([1_000, 20], [2_000, 480]);
      await sleep(700);
      expect(one.leg.playout.playedMs()).toBe(0);
      await one.phone.accept(answer);
      await one.leg.reached;
      await greeted(one, performance.now(), loop, skip);
    }));

  it('are packets of 20 ms, in silence too', async () => {
    const one = line();
    await one.connect();
    await one.join();
    one.leg.release();
    await until(() => one.phone.came.length > 25, 'half a second of packets');
    const stamps = one.phone.came.map(({ packet }) => packet.header.timestamp);
    const steps = stamps.slice(1).map((stamp, i) => (stamp - stamps[i]!) >>> 0);
    expect(steps.filter((step) => step === 960).length).toBeGreaterThan(20);
    expect(one.phone.came.every(({ packet }) => packet.header.payloadType === 111)).toBe(true);
  });
});

describe('keys', () => {
  const ALL = '0123456789*#ABCD';

  it.each([100, 200, 300])(
    'of %i ms are heard 50 of 50, none doubled, at any volume, while somebody speaks',
    async (ms) => {
      // Two lines at once, 25 keys on each.
      const both = await Promise.all(
        Array.from({ length: 2 }, async (_, n) => {
          const one = line();
          await one.connect();
          await one.join();
          one.leg.release();
          one.phone.speak(300 + 70 * n);
          await one.leg.heard;
          await sleep(300 + 37 * n);
          let [pressed, heard] = ['', ''];
          for (let i = 0; pressed.length < 25; i++) {
            const key = ALL[(7 * i + 3 * n + ms / 100) % 16]!;
            const before = one.keys.length;
            one.phone.stalledMs = 0;
            one.phone.press(key, ms, [0, 10, 20, 30, 36][(i + n) % 5]!);
            await until(() => !one.phone.pressing, 'the key was let go');
            await sleep(250 + 20 * n);
            // A phone that stands still and then sends all at once is none that this is about: that key is pressed again.
            if (one.phone.stalledMs > 40) {
              await sleep(600);
              continue;
            }
            pressed += key;
            heard += one.keys.slice(before);
          }
          return { pressed, heard };
        }),
      );
      expect(both.map(({ heard }) => heard)).toEqual(both.map(({ pressed }) => pressed));
    },
    // On a machine that stands still again and again many are pressed anew.
    180_000,
  );

  it('are not in what is said', async () => {
    const one = line();
    await one.connect();
    await one.join();
    one.leg.release();
    one.phone.play(recording('caller'));
    await sleep(8_000);
    expect(one.keys).toBe('');
    one.phone.press('5', 200);
    await until(() => one.keys !== '', 'the key');
    expect(one.keys).toBe('5');
  });
});

describe('the watch over media', () => {
  const PATIENCE = { firstMs: 3_000, nextMs: 3_000 };

  it('tells a far end that answers checks alone from one that sends reports and no audio', async () => {
    const [quiet, reporting] = [line(), line()];
    const lost = new Map<string, boolean>();
    await Promise.all([quiet.connect(), reporting.connect()]);
    const stops = Object.entries({ quiet, reporting }).map(([name, { leg }]) =>
      watchMedia(leg.peer, systemClock, PATIENCE, (came) => lost.set(name, came)),
    );
    const timer = setInterval(() => void reporting.phone.report(), 500);
    await sleep(9_000);
    expect([...lost]).toEqual([['quiet', false]]);
    clearInterval(timer);
    await until(() => lost.has('reporting'), 'the end of reports');
    expect(lost.get('reporting')).toBe(true);
    for (const stop of stops) stop();
  });
});

/** A recording of the simulator's, 20 ms at a time, again and again. */
function recording(name: string): () => Int16Array {
  const wav = readFileSync(new URL(`../../src/simulator/assets/${name}.wav`, import.meta.url));
  const { sampleRate, channels } = decodeWav(new Uint8Array(wav));
  const samples = new Resampler(sampleRate, 48_000).process(channels[0]!).slice();
  let at = 0;
  return () => {
    if (at + 960 > samples.length) at = 0;
    at += 960;
    return samples.subarray(at - 960, at);
  };
}
