import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../src/call/clock.ts';
import { main as call } from '../../src/cli/call.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import type { Rooms } from '../../src/rooms/room.ts';
import { startElevenLabs } from '../../src/simulator/elevenlabs/index.ts';
import { startJambonzBot } from '../../src/simulator/examples/jambonz.ts';
import { startUltravox } from '../../src/simulator/examples/ultravox.ts';
import { RoomAgents } from '../../src/simulator/livekit/agents.ts';
import { type CallReport, scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { RetellServer } from '../../src/simulator/retell/index.ts';
import { startVapi } from '../../src/simulator/vapi/index.ts';
import { fakeLog } from '../fakes/legs.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { ADMIN, OURS, PUBLIC, SIGNING, startCallsRig, THEIRS } from './calls-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { loudness } from './loudness.ts';
import { measuredAgain, TRIES } from './measured-again.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { loudestTone, type Rig, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';
import { watchStarvation } from './starved.ts';

/**
 * One phone call by `npm run call`, as a user types it, answered by an agent of each kind: the agent greets, the caller cuts in, the agent gives way and
 * answers. Each side's tone reaches the other, alone; how long the agent is still heard is measured at the caller's ear; one record is left.
 */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const KEY = 'key-canary-of-the-account';
const UUID = '00000000-0000-0000-0000-000000000000';
/** Lengths of what both say, ms, and how much of the greeting is heard before the caller cuts in. */
const AGENT_MS = 5_000;
const CALLER_MS = 900;
const CUT_IN_MS = 1_500;
/** So long the caller speaks over it before each far end gives way, ms. */
const GIVES_WAY_MS = 200;
/**
 * From the caller's first sound until the agent is silent at his ear, ms: how long the far end listens first, the way to it and back, and what was on its way. It is what
 * the daemon's own agent is held to on each way; a room holds a lead and a cushion at both of its ends.
 */
const SILENT_MS = { websocket: 400, webrtc: 600, room: 1_500, lines: 800 } as const;

/** No far end answers sooner behind the caller's last sound, ms: what is heard before then is of what it gave up. */
const SOONEST_ANSWER_MS = 300;
/** Of a call, 0 to 1. More than that without the processor, and what went wrong is nobody's but the machine's. */
const MOST_STARVED = 0.02;
interface Answered {
  readonly rig: Rig;
  /** What the far end heard of the caller. */
  heard(): { readonly samples: Int16Array; readonly rate: number };
  /** How often the far end gave way. */
  gaveWay(): number;
}

interface KindOfAgent {
  readonly name: string;
  readonly way: keyof typeof SILENT_MS;
  /** Of the record. */
  readonly record: { readonly model: string; readonly transports: readonly string[] };
  readonly isInRoom?: true;
  /** Flags that the call has beside the usual. */
  readonly flags?: readonly string[];
  start(own: Own, rooms: () => Promise<RoomsHere>): Promise<Answered>;
}

interface RoomsHere {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly rooms: Rooms;
}

const joined = (frames: readonly Int16Array[]): Int16Array => {
  const all = new Int16Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return all;
};
const talker = { hz: AGENT_HZ, greetingMs: AGENT_MS, replyMs: AGENT_MS, yieldAfterMs: GIVES_WAY_MS };
const voice = { tone: AGENT_HZ, ms: AGENT_MS, givesWayMs: GIVES_WAY_MS };
/** As a shipped example has it, with what is told of it over that. */
const example = (name: string, over: object = {}): object => ({
  ...parse(readFileSync(join(import.meta.dirname, `../../docs/examples/${name}.yaml`), 'utf8')).agent,
  ...over,
});

const openai = (transport: 'websocket' | 'webrtc'): KindOfAgent => ({
  name: `openai, over ${transport}`,
  way: transport,
  record: { model: 'gpt-realtime-2.1', transports: [transport] },
  async start(own) {
    const model = { voice: { tone: AGENT_HZ, ms: AGENT_MS, dbfs: -15 } };
    const rig = own(await startRig({ transport, model }));
    const session = () => rig.model.sessions[0];
    return {
      rig,
      heard: () => ({ samples: session()!.inputAudio(), rate: 24_000 }),
      // It is told what was heard, or to be silent, and is generated to its end by then.
      gaveWay: () =>
        ['conversation.item.truncate', 'output_audio_buffer.clear'].reduce(
          (sum, type) => sum + (session()!.receivedByType.get(type) ?? 0),
          0,
        ),
    };
  },
});

const retell = (
  name: string,
  way: 'webrtc' | 'room',
  start: (
    rooms: () => Promise<RoomsHere>,
  ) => Promise<{ options: Partial<Parameters<typeof RetellServer.start>[0]>; settings: Record<string, string> }>,
): KindOfAgent => ({
  name,
  way,
  record: { model: 'retell/agent_7', transports: [way === 'room' ? 'livekit' : 'gateway'] },
  ...(way === 'room' ? { isInRoom: true } : {}),
  async start(own, rooms) {
    const { options, settings } = await start(rooms);
    const scenario = { talker, v3: way === 'room' ? 'absent' : 'gateway' } as const;
    const far = own(await RetellServer.start({ key: KEY, agents: ['agent_7'], scenario, ...options }));
    const rig = own(
      await startAgentRig(
        { kind: 'retell', agent_id: 'agent_7' },
        { settings: { RETELL_API_KEY: KEY, RETELL_API_URL: far.url, ...settings } },
      ),
    );
    const one = () => far.calls[0]!;
    return {
      rig,
      heard: () => ({
        samples: joined(one().heard.map(({ samples }) => samples)),
        rate: one().heard[0]?.rate ?? 48_000,
      }),
      gaveWay: () => one().talker?.cut ?? 0,
    };
  },
});

const KINDS: readonly KindOfAgent[] = [
  openai('websocket'),
  openai('webrtc'),
  {
    name: 'websocket, the example of Ultravox',
    way: 'websocket',
    record: { model: 'ultravox/front-desk', transports: ['websocket'] },
    async start(own) {
      const far = own(await startUltravox({ key: KEY, agents: [UUID], voice }));
      const settings = { ULTRAVOX_API_KEY: KEY, ULTRAVOX_API_URL: far.url };
      const rig = own(await startAgentRig(example('ultravox'), { settings }));
      const one = () => far.conversations[0]!;
      return { rig, heard: () => one().heard(), gaveWay: () => one().interruptions };
    },
  },
  {
    name: 'websocket, the example of a bot for jambonz',
    way: 'websocket',
    record: { model: 'jambonz-bot', transports: ['websocket'] },
    async start(own) {
      process.env['AGENT_BOT_TOKEN'] = KEY;
      const far = own(await startJambonzBot({ token: KEY, voice }));
      const rig = own(await startAgentRig(example('jambonz', { url: far.url })));
      const one = () => far.conversations[0]!;
      return { rig, heard: () => one().heard(), gaveWay: () => one().interruptions };
    },
  },
  {
    name: 'vapi',
    way: 'websocket',
    record: { model: `vapi/${UUID}`, transports: ['websocket'] },
    async start(own) {
      const far = own(await startVapi({ key: KEY, assistants: [UUID], voice }));
      const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: far.url };
      const rig = own(await startAgentRig({ kind: 'vapi', assistant_id: UUID }, { settings }));
      const one = () => far.calls[0]!;
      return { rig, heard: () => one().heard(), gaveWay: () => one().interruptions };
    },
  },
  {
    name: 'elevenlabs, whose audio still comes after it gave way',
    way: 'websocket',
    record: { model: 'elevenlabs/agent-1', transports: ['websocket'] },
    async start(own) {
      const formats = { input: 'ulaw_8000', output: 'pcm_24000' } as const;
      const far = own(
        await startElevenLabs({ key: KEY, agents: ['agent-1'], voice: { ...voice, ...formats, lateMs: 500 } }),
      );
      const settings = { ELEVENLABS_API_KEY: KEY, ELEVENLABS_API_URL: far.url };
      const rig = own(await startAgentRig({ kind: 'elevenlabs', agent_id: 'agent-1' }, { settings }));
      const one = () => far.conversations[0]!;
      return { rig, heard: () => one().heard(), gaveWay: () => one().interruptions };
    },
  },
  retell('retell, by its newer version', 'webrtc', async () => ({ options: {}, settings: {} })),
  retell('retell, by its older version', 'room', async (rooms) => {
    const livekit = await rooms();
    return { options: { livekit }, settings: { RETELL_LIVEKIT_URL: livekit.url } };
  }),
  {
    name: 'livekit',
    way: 'room',
    record: { model: 'livekit/reception', transports: ['livekit'] },
    isInRoom: true,
    async start(own, rooms) {
      const here = await rooms();
      const { url, apiKey, apiSecret } = here;
      const agents = own(new RoomAgents({ ...here, agentName: 'reception', talker }));
      const settings = { LIVEKIT_SERVER_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret };
      const rig = own(await startAgentRig({ kind: 'livekit', agent_name: 'reception' }, { settings }));
      // Of a call before its room may be there still.
      const job = () => agents.jobs.at(-1)!;
      return {
        rig,
        heard: () => ({ samples: joined(job().heard), rate: 24_000 }),
        gaveWay: () => job().talker.cut,
      };
    },
  },
  {
    name: 'phone',
    way: 'lines',
    record: { model: 'phone/twilio', transports: ['phone'] },
    flags: ['--secret', SIGNING, '--public-url', PUBLIC],
    async start(own) {
      const folder = mkdtempSync(join(tmpdir(), 'voicebridge-routes-'));
      own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
      const routes = join(folder, 'routes.yaml');
      writeFileSync(routes, JSON.stringify({ routes: [{ name: 'all', agent: { kind: 'phone', to: THEIRS } }] }));
      const said = [{ pauseMs: 300 }, toneSource(AGENT_HZ, { ms: AGENT_MS, dbfs: -15 })];
      const rig = own(
        await startCallsRig({
          carrier: 'twilio',
          source: scriptSource([...said, { pauseMs: 60_000 }]),
          settings: { ROUTES_FILE: routes, OUTBOUND_FROM: OURS, ADMIN_TOKEN: `${ADMIN},${OPERATOR_TOKEN}` },
        }),
      );
      const line = () => rig.carrier.calls[0];
      let cut = 0;
      // A person: who is spoken over falls silent, and goes on when he has listened.
      const listens = setInterval(() => {
        const stream = line()?.stream;
        const spoke = stream?.ear.spurts.list.at(-1);
        if (cut > 0 || stream === undefined || spoke === undefined || spoke.toMs - spoke.fromMs < GIVES_WAY_MS) return;
        cut++;
        stream.mouth.cutIn(scriptSource([{ pauseMs: CALLER_MS + 500 }]));
      }, 5);
      own({ close: async () => clearInterval(listens) });
      return {
        rig,
        heard: () => {
          const { agent, sampleRate } = line()!.recordedChannels()!;
          return { samples: agent, rate: sampleRate };
        },
        gaveWay: () => cut,
      };
    },
  },
];

/** Types the command and takes what it printed and recorded. */
async function phoneCall(own: Own, rig: Rig, flags: readonly string[], durationMs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-call-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  const [words, recording] = [join(folder, 'words.wav'), join(folder, 'call.wav')];
  // What he cuts in with; he would say it again when nobody is on the line any more.
  const source = scriptSource([{ pauseMs: 60_000 }, toneSource(CALLER_HZ, { ms: CALLER_MS, dbfs: -15 })]);
  writeFileSync(words, encodeWav([source.samples(8_000)], 8_000));
  const printed = { out: '', err: '' };
  const status = await call(
    [
      ...['--webhook', `${rig.url}/incoming-call`, '--wav', words, '--record', recording, '--json'],
      ...['--interrupt-at', String(CUT_IN_MS), '--duration', String(durationMs), ...flags],
    ],
    {
      out: (text) => {
        printed.out += text;
      },
      err: (text) => {
        printed.err += text;
      },
    },
  );
  expect(status, `${printed.err}${JSON.stringify(rig.lines)}`).toBe(0);
  expect((JSON.parse(printed.out) as CallReport).reason).toBe('audio went both ways');
  const { sampleRate, channels } = decodeWav(readFileSync(recording));
  return { caller: channels[0]!, agent: channels[1]!, sampleRate };
}

/** What a ruler on the recording says of who cut in, ms: when he had ended, how long the agent was heard from his first sound on, and when it was heard again; NaN where there is none. */
function cutInOf(caller: Int16Array, agent: Int16Array, rate: number) {
  const [spoke] = loudness(caller, rate);
  const said = loudness(agent, rate);
  if (spoke === undefined) return { callerToMs: Number.NaN, silentAfterMs: Number.NaN, answeredAt: Number.NaN };
  const last = said.findLast(({ from }) => from < spoke.to);
  const next = said.find(({ from }) => from >= spoke.to);
  return {
    callerToMs: spoke.to,
    silentAfterMs: (last?.to ?? Number.NaN) - spoke.from,
    answeredAt: next?.from ?? Number.NaN,
  };
}

if (noLiveKit !== undefined) process.stdout.write(`agents in rooms are not called: ${noLiveKit}\n`);

// One after the other: what is heard, and when, is measured.
describe('npm run call, answered by', () => {
  /** Where the first that needs rooms has made them: the others need none. */
  let made: Promise<RoomsHere & { close(): Promise<void> }> | undefined;

  const makeRooms = async () => {
    const server = await startLiveKit();
    const rooms = openRooms({ clock: systemClock, log: fakeLog() });
    const { url, apiKey, apiSecret } = server;
    const close = async () => {
      await rooms.close();
      await server.close();
    };
    try {
      await rooms.ready();
    } catch (error) {
      await close();
      throw error;
    }
    return { url, apiKey, apiSecret, rooms, close };
  };
  const rooms = () => (made ??= makeRooms());

  afterAll(async () => (await made?.catch(() => undefined))?.close(), 30_000);

  /** One call, and what is wrong with it in words. */
  const tryOnce = async (own: Own, { name, way, isInRoom, flags = [], start }: KindOfAgent) => {
    const { rig, heard, gaveWay } = await start(own, rooms);
    const starvation = own(watchStarvation());
    const { caller, agent, sampleRate } = await phoneCall(own, rig, flags, isInRoom ? 15_000 : 10_000);
    const [cut] = rig.of('barge_in');
    const { callerToMs, silentAfterMs, answeredAt } = cutInOf(caller, agent, sampleRate);
    const starved = starvation.share();
    process.stdout.write(
      `${name}: silent after ${silentAfterMs.toFixed(0)} ms, answered ${(answeredAt - callerToMs).toFixed(0)} ms behind him; ${JSON.stringify(cut?.clearMs)}; starved ${starved.toFixed(3)}\n`,
    );
    const far = heard();
    const wrong = Object.entries({
      // The greeting up to there, and the answer to what cut in.
      'too little of the agent is heard': toneAloneMs(agent, sampleRate, AGENT_HZ) < CUT_IN_MS + 1_000,
      'he did not cut in': Number.isNaN(callerToMs),
      'he hears himself': loudestTone(agent, sampleRate, CALLER_HZ) >= -50,
      'too little of him is heard': toneAloneMs(far.samples, far.rate, CALLER_HZ) < CALLER_MS - 300,
      'the agent hears itself': loudestTone(far.samples, far.rate, AGENT_HZ) >= -50,
      [`the agent gave way ${gaveWay()} times`]: gaveWay() !== 1,
      [`the call knows of ${rig.of('barge_in').length} interruptions`]: rig.of('barge_in').length !== 1,
      [`it is heard for ${silentAfterMs} ms more`]: !(silentAfterMs >= 0 && silentAfterMs < SILENT_MS[way]),
      'what was cut off is heard behind it': !(answeredAt - callerToMs >= SOONEST_ANSWER_MS),
    }).flatMap(([what, is]) => (is ? [what] : []));
    return { rig, wrong, starved };
  };

  for (const kind of KINDS) {
    const { name, record, isInRoom } = kind;
    it.skipIf(isInRoom && noLiveKit !== undefined)(
      `${name}: tones both ways alone, silent for who cuts in, one record`,
      ({ own, skip }) =>
        measuredAgain({ own, skip }, async (own, skip) => {
          const { rig, wrong, starved } = await tryOnce(own, kind);
          skip(
            wrong.length > 0 && starved > MOST_STARVED,
            `for ${(100 * starved).toFixed(0)} % of the call the machine had no time for it: ${wrong.join(', ')}`,
          );
          expect(wrong).toEqual([]);

          const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
          expect(ended.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
          expect(await onlyRecord(rig)).toMatchObject({ ...record, result: 'success' });
          expect(JSON.stringify(rig.lines)).not.toContain('canary');
        }),
      TRIES * 45_000,
    );
  }
});
