import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import type { Log } from '../../src/call/leg.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import type { Rooms } from '../../src/rooms/room.ts';
import { RoomAgents, type RoomAgentsOptions } from '../../src/simulator/livekit/agents.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { RoomServer } from '../../src/transport/room-server.ts';
import { converse } from './agent-heard.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { asked, loudestTone, toneAloneMs, until } from './rig.ts';

/** A phone call that is answered by an agent which a real LiveKit server sends into a room by its name. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 700;
const quietLog = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'child'].map((name) => [name, () => quietLog]),
) as unknown as Log;

if (noLiveKit !== undefined) process.stdout.write(`agents of LiveKit's are not tested: ${noLiveKit}\n`);

describe.skipIf(noLiveKit !== undefined)("an agent of LiveKit's", () => {
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

  async function rigWith(more: Partial<RoomAgentsOptions>, agentName = 'reception') {
    const { url, apiKey, apiSecret } = server;
    const agents = new RoomAgents({ url, apiKey, apiSecret, rooms, agentName, ...more });
    const rig = await startAgentRig(
      { kind: 'livekit', agent_name: 'reception', metadata: { desk: 3 } },
      { settings: { LIVEKIT_SERVER_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } },
    );
    return {
      agents,
      rig,
      async close() {
        await rig.close();
        await agents.close();
      },
    };
  }

  it('answers a phone call: tones both ways alone, words, one record, and its room is gone', async () => {
    const { rig, agents, close } = await rigWith({});
    try {
      const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 50_000 });
      await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
      const result = await report;
      expect(result.reason).toBe('audio went both ways');
      const [job] = agents.jobs;
      expect(job!.metadata).toBe('{"desk":3}');
      const heard = phone.recordedChannels()!;
      expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_000);
      expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
      const far = Int16Array.from(job!.heard.flatMap((samples) => [...samples]));
      expect(toneAloneMs(far, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_100);
      expect(loudestTone(far, 24_000, AGENT_HZ)).toBeLessThan(-50);
      const words = rig
        .of('agent')
        .flatMap(({ event }) => (event.type === 'transcript' && event.final ? [[event.role, event.text]] : []));
      expect(words.slice(0, 2)).toEqual([
        ['agent', 'turn 1 of the agent'],
        ['caller', 'turn 1 of the caller'],
      ]);
      await until(() => job!.isOver, 'the agent left');
      const service = new RoomServer(server);
      // It is removed when the call's own end has left it in order.
      await asked(async () => !(await service.list()).includes(job!.roomName), 'its room to be gone');
      expect(await onlyRecord(rig)).toMatchObject({
        model: 'livekit/reception',
        transports: ['livekit'],
        result: 'success',
      });
      expect(JSON.stringify(rig.lines)).not.toContain('eyJ');
    } finally {
      await close();
    }
  }, 60_000);

  it('gives way to a caller who speaks over it, and hangs up when it likes', async () => {
    const { rig, agents, close } = await rigWith({ talker: { greetingMs: 25_000 }, hangsUpAfterMs: 16_000 });
    try {
      // Whenever it is there: on a busy machine the way into a room takes its time. And until it has given way: that it did is heard when it falls silent under his words.
      const interruptWith = toneSource(CALLER_HZ, { ms: 3_000, dbfs: -15 });
      const source = scriptSource([{ pauseMs: 60_000 }]);
      rig.call({ source, interruptAtMs: 1_500, interruptWith, hangUpAfterMs: 40_000 });
      const cut = await until(() => rig.of('barge_in')[0], 'the interruption', 30_000);
      expect(cut.heard[0]?.heardMs).toBeGreaterThan(500);
      await until(() => agents.jobs[0]!.talker.cut === 1, 'the agent to give way');
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call', 20_000);
      expect(ended.end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
    } finally {
      await close();
    }
  }, 60_000);

  it('that nobody knows by this name is told by a code', async () => {
    const { rig, close } = await rigWith({}, 'somebody-else');
    try {
      rig.call({ source: toneSource(CALLER_HZ), hangUpAfterMs: 40_000 });
      const ended = await until(() => rig.of('call_ended')[0], 'the end of the call', 30_000);
      expect(ended.end).toMatchObject({ result: 'upstream_error', reason: 'model-unavailable' });
    } finally {
      await close();
    }
  }, 60_000);
});
