import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { Admission } from '../../../../src/admission/admission.ts';
import type { CallInfo } from '../../../../src/call/info.ts';
import type { CallerLeg } from '../../../../src/call/leg.ts';
import { type Termination, termination } from '../../../../src/call/termination.ts';
import { Livekit, type LivekitOptions, type LivekitParts } from '../../../../src/callers/livekit/http/gateway.ts';
import type { CallFacts, Overrides } from '../../../../src/dispatch.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { AloneFleet } from '../../../../src/fleet/alone.ts';
import { serveOpenApi } from '../../../../src/http/openapi.ts';
import { Intake, type IntakeDeps, type RefusedOffer } from '../../../../src/intake/intake.ts';
import { LocalMemory } from '../../../../src/memory/local.ts';
import { type NewRoom, type RoomMember, RoomServer } from '../../../../src/transport/room-server.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../fakes/legs.ts';
import { FakeRooms } from '../../../fakes/room.ts';

export const TOKEN = 'admin-token-of-the-tests';
const KEY = { apiKey: 'APIkey', apiSecret: 'secret-of-32-characters-and-more' };

/** LiveKit's server as a map of rooms; tokens and webhooks are the real ones. */
export class FakeServer extends RoomServer {
  /** Rooms by name, each with its metadata. */
  readonly rooms = new Map<string, string>();
  readonly removed: string[] = [];
  /** Who was put out of which room. */
  readonly putOut: string[] = [];
  /** Who is in which room, as the server knows it. */
  readonly there = new Map<string, readonly RoomMember[]>();
  down = false;

  constructor() {
    super({ url: 'ws://127.0.0.1:1', ...KEY });
  }

  #check(): void {
    if (this.down) throw new BridgeError('LIVEKIT_UNREACHABLE', 'down', { status: 503, retryable: true });
  }

  /** What keeps the server from taking the key. */
  refusal: BridgeError | undefined;
  /** How often it was asked whether it takes the key. */
  probes = 0;

  override async probe(): Promise<number> {
    this.probes++;
    this.#check();
    if (this.refusal !== undefined) throw this.refusal;
    return this.rooms.size;
  }

  /** As what each room was made, by its name. */
  readonly made = new Map<string, NewRoom>();

  override async create(name: string, room: NewRoom): Promise<void> {
    this.#check();
    this.made.set(name, room);
    this.rooms.set(name, '');
  }

  override async find(name: string) {
    this.#check();
    const metadata = this.rooms.get(name);
    return metadata === undefined ? undefined : { sid: `RM_${name}`, name, metadata };
  }

  override async remove(name: string): Promise<void> {
    this.#check();
    this.rooms.delete(name);
    this.removed.push(name);
  }

  override async participants(name: string) {
    this.#check();
    return this.there.get(name) ?? [];
  }

  override async removeParticipant(room: string, identity: string): Promise<void> {
    this.#check();
    this.putOut.push(`${identity} of ${room}`);
    this.there.set(
      room,
      (this.there.get(room) ?? []).filter((one) => one.identity !== identity),
    );
  }
}

/** Somebody in a room, as the server knows it. */
export const member = (identity: string, kind = 'sip', sid = `PA_${identity}`, observes = false): RoomMember => ({
  identity,
  sid,
  kind,
  attributes: {},
  observes,
});

/** The gateway with real routes, and a server, rooms and calls of the test's. */
export async function livekitRig(options: Partial<LivekitOptions> = {}, { maxCalls = 10 } = {}) {
  const clock = new FakeClock();
  const rooms = new FakeRooms(clock);
  const server = new FakeServer();
  const infos: CallInfo[] = [];
  const refused: RefusedOffer[] = [];
  const assigned: Array<{ facts: CallFacts; overrides: Overrides | undefined }> = [];
  const running = new Map<string, { leg: CallerLeg | undefined; end: (why: Termination) => Promise<Termination> }>();
  const registry = new Registry();
  const state = { draining: false, broken: false };
  const log = fakeLog();
  const admission = new Admission({
    clock,
    calls: () => running.size,
    isDraining: () => state.draining,
    loopDelayMs: () => 0,
    maxLoopDelayMs: 0,
    maxCalls,
    maxPages: 5,
    callsPerSecond: 0,
  });
  const calls = {
    create(info: CallInfo) {
      infos.push(info);
      const { promise: done, resolve } = Promise.withResolvers<Termination>();
      const end = async (why: Termination) => {
        const call = running.get(info.id);
        running.delete(info.id);
        await call?.leg?.close(why);
        resolve(why);
        return done;
      };
      running.set(info.id, { leg: undefined, end });
      return { done, end, agentLost: new Promise(() => {}), log: fakeLog() };
    },
    join(callId: string, leg: CallerLeg) {
      const call = running.get(callId);
      if (call === undefined) return false;
      call.leg = leg;
      return true;
    },
  };
  const dispatch = {
    assign: async (facts: CallFacts, _id: string, overrides?: Overrides) => {
      assigned.push({ facts, overrides });
      if (state.broken) throw new Error('no such route');
      return { agent: new FakeAgent(), tools: () => {}, route: 'r', prompt: 'p', model: 'mini' };
    },
    promptNames: async () => ['default', 'sales', 'secret'],
    hasPrompt: async (name: string) => ['default', 'sales', 'secret'].includes(name),
  };
  const livekit = new Livekit({
    ...KEY,
    url: 'ws://127.0.0.1:7880',
    clientUrl: 'wss://livekit.example.com',
    access: 'admin',
    origins: [],
    agents: ['sales'],
    patterns: ['support-*'],
    audio: 'mix',
    tellSpeaker: true,
    agentName: 'Agent',
    strangers: 10,
    perTenant: 0,
    joinMs: 300_000,
    leaveMs: 20_000,
    idleMs: 1_800_000,
    tokenSeconds: 3_600,
    clock,
    log,
    registry,
    rooms,
    server,
    fleet: new AloneFleet({ self: 'one', clock, calls: () => 0, maxCalls, isDraining: () => false }),
    memory: new LocalMemory({ clock }),
    ...options,
  });
  const app = Fastify();
  serveOpenApi(app, '0.0.0');
  livekit.install({
    app,
    calls,
    dispatch,
    intake: new Intake({
      calls,
      dispatch,
      admission,
      refused: (offer: RefusedOffer) => refused.push(offer),
    } as unknown as IntakeDeps),
    admin: { tokens: [TOKEN] },
  } as unknown as LivekitParts);
  await app.ready();
  const ask = async (
    method: 'GET' | 'POST',
    url: string,
    payload?: object,
    headers: object = { authorization: `Bearer ${TOKEN}` },
  ) => {
    const reply = await app.inject({
      method,
      url,
      headers: { ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json(), headers: reply.headers };
  };
  return {
    state,
    clock,
    rooms,
    server,
    infos,
    refused,
    assigned,
    running,
    registry,
    log,
    app,
    livekit,
    ask,
    post: (path: string, body: object, headers?: object) => ask('POST', `/livekit/${path}`, body, headers),
    async status(id: string) {
      return (await ask('GET', `/livekit/connection-status/${id}`)).body;
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 5)),
    hangUp: (id: string) => running.get(id)!.end(termination('agent-hangup')),
  };
}
