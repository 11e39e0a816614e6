import { afterAll, beforeAll, describe, expect, it as plainIt } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import type { Log } from '../../src/call/leg.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import type { Rooms } from '../../src/rooms/room.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type RetellScenario, RetellServer } from '../../src/simulator/retell/index.ts';
import { converse } from './agent-heard.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { loudestTone, toneAloneMs, until } from './rig.ts';

/** A phone call that is answered by an agent at Retell in a room, the older version of its calls, on a real LiveKit server. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 700;
const KEY = 'key-canary-of-the-account';
const AGENT = 'agent_7';
const quietLog = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'child'].map((name) => [name, () => quietLog]),
) as unknown as Log;

if (noLiveKit !== undefined) process.stdout.write(`agents in rooms are not tested: ${noLiveKit}\n`);

describe.skipIf(noLiveKit !== undefined)('an agent at Retell, in a room', () => {
  let server: Awaited<ReturnType<typeof startLiveKit>>;
  let rooms: Rooms;

  beforeAll(async () => {
    server = await startLiveKit();
    rooms = openRooms({ clock: systemClock, log: quietLog });
    await rooms.ready();
  }, 60_000);

  afterAll(async () => {
    await rooms?.close();
    await server?.close();
  }, 30_000);

  async function rigWith(scenario: RetellScenario, transport: 'auto' | 'livekit' = 'auto') {
    const { url, apiKey, apiSecret } = server;
    const livekit = { url, apiKey, apiSecret, rooms };
    const retell = await RetellServer.start({ key: KEY, agents: [AGENT], livekit, scenario });
    const rig = await startAgentRig(
      { kind: 'retell', agent_id: AGENT, transport },
      { settings: { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, RETELL_LIVEKIT_URL: url } },
    );
    return {
      retell,
      rig,
      async close() {
        await rig.close();
        await retell.close();
      },
    };
  }

  plainIt.each([
    ['absent', ['POST /v3/create-web-call', 'POST /v2/create-web-call']],
    ['livekit', ['POST /v3/create-web-call']],
  ] as const)(
    'answers a phone call where the newer version is %s: tones both ways alone, words, and one record',
    async (v3, asked) => {
      const { rig, retell, close } = await rigWith({ v3 });
      try {
        const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 50_000 });
        await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
        const result = await report;
        expect(result.reason).toBe('audio went both ways');
        expect(retell.requests.filter((one) => one.includes('create'))).toEqual(asked);
        const [call] = retell.calls;
        const heard = phone.recordedChannels()!;
        expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_000);
        expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
        const far = Int16Array.from(call!.heard.flatMap(({ samples }) => [...samples]));
        expect(toneAloneMs(far, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_100);
        expect(loudestTone(far, 24_000, AGENT_HZ)).toBeLessThan(-50);
        const words = rig
          .of('agent')
          .flatMap(({ event }) => (event.type === 'transcript' && event.final ? [[event.role, event.text]] : []));
        expect(words).toEqual([
          ['agent', 'turn 1 of the agent'],
          ['caller', 'turn 1 of the caller'],
          ['agent', 'turn 2 of the agent'],
        ]);
        await until(() => call!.status === 'ended', 'the end told');
        expect(call!.disconnectionReason).toBe('user_hangup');
        expect(await onlyRecord(rig)).toMatchObject({ transports: ['livekit'], result: 'success' });
        const lines = JSON.stringify(rig.lines);
        for (const secret of [KEY, 'eyJ']) expect(lines).not.toContain(secret);
      } finally {
        await close();
      }
    },
    60_000,
  );

  plainIt(
    'gives way to a caller who speaks over it, and hangs up when it likes',
    async () => {
      const { rig, retell, close } = await rigWith(
        { talker: { greetingMs: 25_000 }, ends: { afterMs: 16_000, how: 'ended' } },
        'livekit',
      );
      try {
        // Whenever it is there: on a busy machine the way into a room takes its time. And until it has given way: that it did is heard when it falls silent under his words.
        const interruptWith = toneSource(CALLER_HZ, { ms: 3_000, dbfs: -15 });
        const source = scriptSource([{ pauseMs: 60_000 }]);
        rig.call({ source, interruptAtMs: 1_500, interruptWith, hangUpAfterMs: 40_000 });
        const cut = await until(() => rig.of('barge_in')[0], 'the interruption', 30_000);
        expect(cut.heard[0]?.heardMs).toBeGreaterThan(500);
        await until(() => retell.calls[0]!.talker!.cut === 1, 'the agent to give way');
        const ended = await until(() => rig.of('call_ended')[0], 'the end of the call', 20_000);
        expect(ended.end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
      } finally {
        await close();
      }
    },
    60_000,
  );
});
