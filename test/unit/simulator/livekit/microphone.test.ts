import { expect, it } from 'vitest';
import { Microphone } from '../../../../src/simulator/livekit/microphone.ts';

/** A library that answers frames when the test says so. */
function library() {
  const waiting: Array<() => void> = [];
  let frames = 0;
  const lib = {
    AudioSource: class {
      captureFrame(): Promise<void> {
        frames++;
        return new Promise((resolve) => waiting.push(resolve));
      }
    },
    AudioFrame: class {},
    LocalAudioTrack: { createAudioTrack: () => ({}) },
    TrackPublishOptions: class {},
    TrackSource: { SOURCE_MICROPHONE: 2 },
  };
  const room = { localParticipant: { publishTrack: async () => ({ sid: 'TR_1' }) } };
  let now = 0;
  const microphone = new Microphone(lib as never, room as never, () => now);
  return {
    microphone,
    say: (count: number) =>
      Array.from({ length: count }, () => microphone.say(new Int16Array(480))).filter(Boolean).length,
    answer: async () => {
      for (const one of waiting.splice(0)) one();
      await Promise.resolve();
    },
    pass: (ms: number) => {
      now += ms;
    },
    frames: () => frames,
  };
}

it('no more frames wait for an answer than the queue holds, and what is too much is lost, as on a line', async () => {
  const { microphone, say, answer, frames } = library();
  await microphone.publish();
  expect(say(1_000)).toBe(10);
  expect(frames()).toBe(10);
  expect(microphone.rejected).toBe(990);
  await answer();
  expect(say(5)).toBe(5);
});

it('answers that never come silence nobody for good, and cost little', async () => {
  const { microphone, say, pass } = library();
  await microphone.publish();
  let said = 0;
  for (let ms = 0; ms < 60_000; ms += 20) {
    said += say(1);
    pass(20);
  }
  // Ten each time that those before them were given up.
  expect(said).toBeGreaterThan(200);
  expect(said).toBeLessThan(400);
});
