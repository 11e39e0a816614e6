import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GatewayPeer } from '../../src/agents/retell/gateway.ts';
import { retellLeg } from '../../src/agents/retell/leg.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { BridgeError } from '../../src/errors.ts';
import type { Rooms } from '../../src/rooms/room.ts';
import type { PeerHandlers } from '../../src/transport/peer.ts';
import type { ChannelHandlers } from '../../src/transport/peer-channel.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeRoom, person } from '../fakes/room.ts';
import { describeAgentLeg } from './agent-leg.ts';
import { describeHeardAgent, farEnd, type HeardHarness, heardAgent } from './heard-agent.ts';

const ANSWER = readFileSync(join(import.meta.dirname, '../fixtures/offers/channel.sdp'), 'utf8');
const RATE = 24_000;

const json = (status: number, body: object) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

/** What the two transports have in common: the leg, what it asks of the API, and a caller whose voice tells that he speaks. */
function common(transport: 'gateway' | 'livekit') {
  const clock = new FakeClock();
  const state = farEnd();
  const payload = Buffer.from(JSON.stringify({ video: { room: 'r' } })).toString('base64url');
  const call = {
    call_id: 'call_1',
    access_token: transport === 'livekit' ? `x.${payload}.y` : 'token-1',
    transport,
    ice_servers: [],
  };
  const api: typeof fetch = async (url, init) => {
    if (state.far === 'refuses') throw new TypeError('fetch failed');
    if (String(url).includes('create-web-call')) return json(201, call);
    if (init?.method === 'POST') return json(201, { session_id: 's1', sdp: ANSWER });
    return new Response(null, { status: 204 });
  };
  return { clock, state, api };
}

function gateway(): HeardHarness {
  const { clock, state, api } = common('gateway');
  const peers: Array<{ handlers: PeerHandlers; control: ChannelHandlers | undefined }> = [];
  const makePeer = (_options: unknown, handlers: PeerHandlers): GatewayPeer => {
    const one: (typeof peers)[number] = { handlers, control: undefined };
    peers.push(one);
    state.open++;
    let isOpen = true;
    return {
      createChannel: (label) => ({
        label,
        isOpen: true,
        bufferedBytes: 0,
        send: () => true,
        attach: (channel) => {
          one.control = channel;
        },
        close: () => {},
      }),
      createOffer: async () => 'v=0\r\n',
      acceptAnswer: async () => {
        if (state.far === 'opens') queueMicrotask(confirm);
      },
      sendAudio: (samples, offset = 0) => {
        if (samples[offset + 240] !== 0) state.heardMs += 10;
      },
      stats: async () => [],
      quality: async () => ({}) as never,
      close: () => {
        if (isOpen) state.open--;
        isOpen = false;
      },
    };
  };
  const confirm = () => peers.at(-1)?.handlers.state?.('connected');
  const ticker = new Ticker(clock);
  const { leg } = retellLeg({
    account: { apiUrl: 'http://127.0.0.1:9', apiKey: 'key' },
    target: { agent_id: 'agent_1', transport: 'gateway' },
    gateway: { iceServers: [], makePeer },
    ticker,
    rooms: {
      url: 'ws://127.0.0.1:9',
      pool: () => Promise.reject(new Error('no room is needed')),
      isInUse: () => false,
    },
    monitorSocket: () => Promise.reject(new BridgeError('SOCKET_REFUSED', 'no words')),
    fetch: api,
  });
  const speak = (ms: number, level = 4000) => {
    for (let at = 0; at < ms; at += 10) {
      // What the filter adds at the end of a sound is not to make it longer.
      const samples = new Int16Array(480).fill(level, 0, at + 10 < ms ? 480 : 464);
      peers.at(-1)?.handlers.audio?.(samples, 48_000);
    }
  };
  return {
    ...heardAgent({ leg, clock, state, confirm: () => confirm(), speak }),
    heardMs() {
      // What came in a burst goes out in real time.
      clock.advance(300);
      return state.heardMs;
    },
    lose: () => peers.at(-1)?.handlers.state?.('failed'),
  };
}

function room(): HeardHarness {
  const { clock, state, api } = common('livekit');
  let joined: FakeRoom | undefined;
  const pool: Pick<Rooms, 'join'> = {
    async join(options, handlers) {
      await options.token();
      joined = new FakeRoom(options, handlers, clock);
      state.open++;
      const write = joined.write.bind(joined);
      let isOpen = true;
      joined.write = (samples) => {
        if (samples.some((sample) => sample !== 0)) state.heardMs += (samples.length * 1000) / RATE;
        write(samples);
      };
      joined.close = async () => {
        if (isOpen) state.open--;
        isOpen = false;
      };
      if (state.far === 'opens') queueMicrotask(confirm);
      return joined;
    },
  };
  const confirm = () => joined?.handlers.participant('joined', person('server'));
  const { leg } = retellLeg({
    account: { apiUrl: 'http://127.0.0.1:9', apiKey: 'key' },
    target: { agent_id: 'agent_1', transport: 'livekit' },
    gateway: { iceServers: [] },
    ticker: new Ticker(clock),
    rooms: { url: 'ws://127.0.0.1:9', pool: async () => pool, isInUse: () => false },
    fetch: api,
  });
  const speak = (ms: number, level = 4000) => {
    for (let at = 0; at < ms; at += 20) joined?.handlers.audio(new Int16Array(480).fill(level), []);
  };
  return {
    ...heardAgent({ leg, clock, state, confirm: () => confirm(), speak }),
    heardMs: () => state.heardMs,
    lose: () => joined?.handlers.ended({ reason: 'server-gone', detail: 'gone' }),
  };
}

describeAgentLeg('at Retell, over its gateway', gateway);
describeAgentLeg('at Retell, in a room', room);
describeHeardAgent('Retell, over its gateway', gateway);
describeHeardAgent('Retell, in a room', room);
