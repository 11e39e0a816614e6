import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { WebSocketServer } from 'ws';
import { readRecording } from '../../src/recording/read.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { loudness } from './loudness.ts';
import { loudestTone, sleep, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';

/** A call that was recorded, called again: from a phone's line through the daemon's recording to the ear of another target. */

const RATE = 24_000;
const RECORDED = { RECORDING_CONSENT: 'operator', RECORDINGS_MIN_FREE_MB: '0' };
/** How far edges may be from each other, ms: a recording in Opus rounds them. */
const EDGES_MS = 25;
/** What the caller said: tones of their own, with pauses of their own. */
const SAID = [
  { pauseMs: 900, hz: 440, ms: 600 },
  { pauseMs: 1_300, hz: 880, ms: 350 },
  { pauseMs: 500, hz: 660, ms: 900 },
] as const;

type Own = Parameters<typeof suiteFolder>[0];

/** A target that listens and says nothing. */
async function startListener(own: Own) {
  const frames: Buffer[] = [];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  own({ close: async () => void server.close() });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (isBinary) frames.push(data as Buffer);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** All of it, 16 bits, little endian. */
    heard(): Int16Array {
      const bytes = Uint8Array.from(Buffer.concat(frames));
      return new Int16Array(bytes.buffer);
    },
  };
}

/** Each sound with when it began after the first, and which of the tones it is. */
function soundsOf(samples: Int16Array, rate: number) {
  const spans = loudness(samples, rate);
  return spans.map(({ from, to }) => {
    const sound = samples.subarray(Math.round((from * rate) / 1000), Math.round((to * rate) / 1000));
    const [loudest] = SAID.map(({ hz }) => ({ hz, dbfs: loudestTone(sound, rate, hz) })).sort(
      (a, b) => b.dbfs - a.dbfs,
    );
    return { fromMs: from - spans[0]!.from, ms: to - from, hz: loudest!.hz };
  });
}

describe('a recorded call that a suite calls again', () => {
  it.for(['wav', 'opus'])(
    'is heard by its target as it was: the same tones, at the same times (%s)',
    async (format, { own }) => {
      const target = await startListener(own);
      const folder = suiteFolder(own, 'again.yaml', 'cases: []\n');
      const rig = own(await startRig({ settings: { ...RECORDED, RECORDING: format, SUITES_DIR: folder } }));
      const words = scriptSource(
        SAID.flatMap(({ pauseMs, hz, ms }) => [{ pauseMs }, toneSource(hz, { ms, dbfs: -12 })]),
      );
      const { phone, report } = rig.call({ source: silenceSource() });
      await until(() => rig.of('recording_started')[0], 'the recording to begin', 20_000);
      phone.say(words);
      await sleep(SAID.reduce((sum, { pauseMs, ms }) => sum + pauseMs + ms, 1_500));
      phone.hangUp();
      await report;
      await until(() => rig.of('recording_stopped')[0], 'the recording is whole', 30_000);
      const callId = rig.of('call_started')[0]!.info.id;
      writeFileSync(
        join(folder, 'again.yaml'),
        `target: { kind: websocket, url: "${target.url}" }
cases: [{ name: again, caller: { kind: replay, call_id: "${callId}", pace: clock } }]
`,
      );
      const { run, cases } = await wholeRun(rig, { suite: 'again.yaml' });
      expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 1 } });
      expect(cases[0]!.caller).toMatchObject({ state: 'done' });
      const recorded = (await readRecording(join(rig.dataDir, 'recordings'), callId))!;
      const then = soundsOf(recorded.channels[0]!, recorded.sampleRate);
      const now = soundsOf(target.heard(), RATE);
      expect(then.map(({ hz }) => hz)).toEqual(SAID.map(({ hz }) => hz));
      expect(now.map(({ hz }) => hz)).toEqual(then.map(({ hz }) => hz));
      for (const [i, { fromMs, ms }] of now.entries()) {
        expect(Math.abs(fromMs - then[i]!.fromMs)).toBeLessThan(EDGES_MS);
        expect(Math.abs(ms - then[i]!.ms)).toBeLessThan(EDGES_MS);
      }
      // A call that nobody recorded, or that is gone, is called by nobody.
      writeFileSync(
        join(folder, 'again.yaml'),
        `target: { kind: websocket, url: "${target.url}" }
cases: [{ name: again, caller: { kind: replay, call_id: "nobodys-call" } }]
`,
      );
      const none = await wholeRun(rig, { suite: 'again.yaml' });
      expect(none.cases[0]).toMatchObject({
        state: 'not-executed',
        reasons: ['TEST_CALLER_INVALID: there is no recording of the call nobodys-call'],
      });
    },
  );
});
