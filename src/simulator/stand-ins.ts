import { randomBytes } from 'node:crypto';
import { systemClock } from '../call/clock.ts';
import { createLog } from '../log.ts';
import { openRooms } from '../rooms/pool/rooms.ts';
import { startCarrier } from './carrier/index.ts';
import { startElevenLabs } from './elevenlabs/index.ts';
import { startJambonzBot } from './examples/jambonz.ts';
import { startUltravox } from './examples/ultravox.ts';
import { RoomAgents } from './livekit/agents.ts';
import { findServer, HOW_TO_GET, LiveKitServer } from './livekit/index.ts';
import { newAccountSid } from './phone/carrier.ts';
import { scriptSource, toneSource } from './phone/source.ts';
import { type RetellRooms, RetellServer } from './retell/index.ts';
import { TURN_END_MS } from './streams/caller-ear.ts';
import { startVapi } from './vapi/index.ts';

/** Agents of others that stand in on this machine, by the names that people start them by: what `npm run simulator -- NAME` runs. */

/** How a stand-in listens and speaks. */
export interface StandInOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Its voice, Hz. */
  readonly tone: number;
  /** Length of its answers, the greeting among them, and how long after the caller's last sound they begin, as its end of the wire has it; ms. An end of speech is known after `TURN_END_MS`: no answer comes sooner over a socket. */
  readonly answerMs: number;
  readonly latencyMs: number;
  /** Words that it says in place of a tone, one after the other and the last again and again, each as long as saying it takes. Left out: a tone. */
  readonly say?: readonly string[] | undefined;
  /** Where the daemon is that a telephone's carrier calls back. */
  readonly daemonUrl: string;
}

/** One that runs. */
export interface RunningStandIn {
  readonly url: string;
  /** Settings that have the daemon call it. */
  readonly settings: Readonly<Record<string, string>>;
  /** The agent, as a route, a prompt or a suite's target names it; a text of several lines as it is to be written. */
  readonly agent: string;
  close(): Promise<void>;
}

export interface StandIn {
  /** What it is, for the list. */
  readonly about: string;
  readonly port: number;
  /** Rejects with LISTEN_FAILED; and where it needs a program that is not there, with an Error that says how to come by one. */
  start(options: StandInOptions): Promise<RunningStandIn>;
}

/** As the suites that come with the sources have them. */
const RETELL_AGENT = 'agent_0000000000000000000000';
const UUID = '00000000-0000-0000-0000-000000000000';

const aKey = () => `key-${randomBytes(12).toString('base64url')}`;
const talkerOf = ({ tone, answerMs, latencyMs, say }: StandInOptions) => ({
  hz: tone,
  say,
  greetingMs: answerMs,
  replyMs: answerMs,
  replyAfterMs: latencyMs,
});
const voiceOf = ({ tone, answerMs, latencyMs, say }: StandInOptions) => ({
  tone,
  say,
  ms: answerMs,
  latencyMs: Math.max(0, latencyMs - TURN_END_MS),
});

/** A real server for rooms, and who gets into them. */
async function startRooms() {
  const program = findServer();
  if (program === undefined) throw new Error(`it needs a livekit-server: ${HOW_TO_GET}`);
  const server = await LiveKitServer.start({ program });
  const rooms = openRooms({ clock: systemClock, log: createLog({ level: 'silent' }) });
  await rooms.ready();
  const { url, apiKey, apiSecret } = server;
  return {
    access: { url, apiKey, apiSecret, rooms } satisfies RetellRooms,
    async close() {
      await rooms.close();
      await server.stop();
    },
  };
}

async function retell(options: StandInOptions, livekit?: RetellRooms): Promise<RunningStandIn> {
  const key = aKey();
  const scenario = { talker: talkerOf(options), v3: livekit === undefined ? 'gateway' : 'absent' } as const;
  const rooms = livekit === undefined ? {} : { livekit };
  const server = await RetellServer.start({ port: options.port, key, agents: [RETELL_AGENT], scenario, ...rooms });
  return {
    url: server.url,
    settings: {
      RETELL_API_KEY: key,
      RETELL_API_URL: server.url,
      ...(livekit === undefined ? {} : { RETELL_LIVEKIT_URL: livekit.url }),
    },
    agent: `{ kind: retell, agent_id: ${RETELL_AGENT} }`,
    close: () => server.close(),
  };
}

export const STAND_INS: Readonly<Record<string, StandIn>> = {
  retell: { about: 'an agent at Retell, over its gateway (v3)', port: 8920, start: (options) => retell(options) },
  'retell-room': {
    about:
      "an agent at Retell, in a room (v2); needs a livekit-server, which 'npm run livekit-server -- --build' makes",
    port: 8921,
    async start(options) {
      const rooms = await startRooms();
      const running = await retell(options, rooms.access);
      return {
        ...running,
        async close() {
          await running.close();
          await rooms.close();
        },
      };
    },
  },
  vapi: {
    about: 'an assistant of Vapi',
    port: 8922,
    async start(options) {
      const key = aKey();
      const server = await startVapi({ port: options.port, key, assistants: [UUID], voice: voiceOf(options) });
      return {
        url: server.url,
        settings: { VAPI_API_KEY: key, VAPI_API_URL: server.url },
        agent: `{ kind: vapi, assistant_id: ${UUID} }`,
        close: () => server.close(),
      };
    },
  },
  elevenlabs: {
    about: 'an agent of ElevenLabs',
    port: 8923,
    async start(options) {
      const key = aKey();
      const server = await startElevenLabs({
        port: options.port,
        key,
        agents: ['agent_0000'],
        voice: { ...voiceOf(options), input: 'ulaw_8000', output: 'pcm_24000', lateMs: 500 },
      });
      return {
        url: server.url,
        settings: { ELEVENLABS_API_KEY: key, ELEVENLABS_API_URL: server.url },
        agent: '{ kind: elevenlabs, agent_id: agent_0000 }',
        close: () => server.close(),
      };
    },
  },
  ultravox: {
    about: 'an agent of Ultravox, for docs/examples/ultravox.yaml',
    port: 8924,
    async start(options) {
      const key = aKey();
      const server = await startUltravox({ port: options.port, key, agents: [UUID], voice: voiceOf(options) });
      return {
        url: server.url,
        settings: { ULTRAVOX_API_KEY: key, ULTRAVOX_API_URL: server.url },
        agent: 'all that docs/examples/ultravox.yaml says behind it',
        close: () => server.close(),
      };
    },
  },
  jambonz: {
    about: 'a bot for jambonz, for docs/examples/jambonz.yaml',
    port: 8925,
    async start(options) {
      const token = aKey();
      const server = await startJambonzBot({ port: options.port, token, voice: voiceOf(options) });
      return {
        url: server.url,
        settings: { AGENT_BOT_TOKEN: token },
        agent: `all that docs/examples/jambonz.yaml says behind it, with url: ${server.url}`,
        close: () => server.close(),
      };
    },
  },
  livekit: {
    about: "an agent that a LiveKit server sends into rooms, and the server; needs one as 'retell-room' does",
    port: 0,
    async start(options) {
      const { access, close } = await startRooms();
      const { url, apiKey, apiSecret } = access;
      const agents = new RoomAgents({ ...access, agentName: 'reception', talker: talkerOf(options) });
      return {
        url,
        settings: { LIVEKIT_SERVER_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret },
        agent: '{ kind: livekit, agent_name: reception }',
        async close() {
          await agents.close();
          await close();
        },
      };
    },
  },
  phone: {
    about: 'somebody at a telephone, and the carrier that rings there',
    port: 8926,
    async start(options) {
      const token = aKey();
      const accountSid = newAccountSid('twilio');
      // Nobody looks this name up: the carrier knows where it leads.
      const publicUrl = 'https://voice.example.com';
      const { answerMs, latencyMs, tone, say } = options;
      if (say !== undefined) throw new Error('somebody at a telephone says no words: leave --say out');
      // A person who speaks for a while again and again, whatever he hears.
      const speech = [{ pauseMs: latencyMs }, toneSource(tone, { ms: answerMs, dbfs: -15 }), { pauseMs: 3_000 }];
      const carrier = await startCarrier({
        carrier: 'twilio',
        port: options.port,
        accountSid,
        token,
        signingSecret: token,
        bridge: { local: options.daemonUrl, public: publicUrl },
        source: scriptSource(speech, { endless: true }),
        far: () => ({ outcome: 'answer', ringMs: 2_000 }),
      });
      return {
        url: carrier.url,
        settings: {
          TWILIO_ACCOUNT_SID: accountSid,
          TWILIO_AUTH_TOKEN: token,
          TWILIO_API_URL: carrier.url,
          PUBLIC_URL: publicUrl,
          OUTBOUND_FROM: '+12025559999',
          DIAL_ALLOW: '+1202',
        },
        agent: "{ kind: phone, to: '+12025551111' }",
        close: () => carrier.close(),
      };
    },
  },
};
