import { randomBytes } from 'node:crypto';
import type { CallEvent, CallObserver } from '../../../call/events.ts';
import { partyText } from '../../../call/party.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import { errorCode } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import { noMoreCalls } from '../../../http/no-more-calls.ts';
import type { Person } from '../../../rooms/room.ts';
import { isOwnName, nameForPeople } from '../../../transport/room-names.ts';
import type { LivekitLeg } from '../leg.ts';
import { agentFor } from './agent-for.ts';
import { apologise } from './apologise.ts';
import { Connection, closing } from './connection.ts';
import { type RoomClaim, RoomsElsewhere } from './elsewhere.ts';
import { PastConnections } from './past.ts';
import { httpError, type OpenedRoom, partiesOf, type RoomOrder } from './room-order.ts';
import type { LivekitRoomsDeps } from './rooms-deps.ts';
import type { ConnectionStatus, LivekitStats } from './routes.ts';
import { statsOf } from './stats.ts';
import { type TenantPlace, TenantRooms } from './tenant-rooms.ts';

/** How many people may be in a room that a stranger made; the server counts no agents. Its tokens can be handed on to anybody, and each voice costs. */
const STRANGERS_MOST = 20;
/** How long the server is to wait where we wait so many ms, s: what is to go is ours to say. */
const longerThan = (ms: number) => Math.ceil(ms / 1_000) + 60;

/** The rooms that the agent is in. It brings it there, makes a call of what happens, and sees that nothing is left of it. */
export class LivekitRooms implements CallObserver {
  readonly #byId = new Map<string, Connection>();
  readonly #byRoom = new Map<string, { readonly connection: Connection; readonly opened: Promise<void> }>();
  #deps: LivekitRoomsDeps | undefined;
  #past: PastConnections | undefined;
  #elsewhere: RoomsElsewhere | undefined;
  #tenants: TenantRooms | undefined;
  #since = 0;

  /** Joins it to the rest; it is made before the rest, since it watches calls. */
  connect(deps: LivekitRoomsDeps): void {
    this.#deps = deps;
    this.#past = new PastConnections(() => deps.clock.now());
    this.#elsewhere = new RoomsElsewhere(deps, {
      end: (id, operator) => this.#endHere(id, operator),
      status: (id, operator) => this.#statusHere(id, operator),
      stats: () => this.#statsHere(),
    });
    const { memory, fleet, perTenant, clock, log } = deps;
    const leases = memory.leases<string>({ name: 'livekit-tenants' });
    this.#tenants = new TenantRooms({ leases, instance: fleet.self, most: perTenant, clock, log });
    this.#since = clock.wall();
  }

  /** Connections that go on. */
  get all(): Iterable<Connection> {
    return this.#byId.values();
  }

  /**
   * Makes a room and brings the agent into it. Rejects, with everything freed, with LIVEKIT_TENANT_FULL (429), NO_MORE_CALLS (429, 503), LIVEKIT_REFUSED (502),
   * LIVEKIT_UNREACHABLE, LIVEKIT_UNAVAILABLE or LIVEKIT_WORKER_FAILED (503).
   */
  async create(order: RoomOrder): Promise<OpenedRoom> {
    const deps = this.#deps!;
    const roomName = nameForPeople();
    const place = await this.#place(order);
    const { connection, opened } = this.#open(roomName, undefined, { ...order, place }, async () => {
      await deps.server.create(roomName, {
        emptySeconds: longerThan(deps.joinMs),
        departureSeconds: longerThan(deps.leaveMs),
        ...(order.operator ? {} : { most: STRANGERS_MOST }),
      });
    });
    await opened;
    return this.#answer(connection, order);
  }

  /**
   * Brings the agent into a room that there is. Where it is already nothing changes but for the token. Rejects as `create`, and with LIVEKIT_ROOM_UNKNOWN (404),
   * LIVEKIT_CLOSING and LIVEKIT_ROOM_OVER (409).
   */
  async join(roomName: string, order: RoomOrder): Promise<OpenedRoom> {
    const deps = this.#deps!;
    const there = this.#byRoom.get(roomName);
    if (there !== undefined) return this.#again(there, order);
    const room = await deps.server.find(roomName);
    if (room === undefined) {
      deps.metrics.count('room_unknown');
      throw new ApiError(404, 'LIVEKIT_ROOM_UNKNOWN', 'the server has no room of this name');
    }
    const elsewhere = await this.#elsewhere!.inRoom(roomName);
    if (elsewhere !== undefined) {
      if (await this.#elsewhere!.isLeaving(elsewhere)) throw closing();
      return this.#thereAlready(elsewhere, roomName, order);
    }
    // Tokens outlive a room that was made here, and the server makes it anew for whoever comes by one: of its limits none would hold.
    if (isOwnName(roomName)) {
      deps.metrics.count('room_over');
      throw new ApiError(409, 'LIVEKIT_ROOM_OVER', 'a room that was made here is not joined again when it is over');
    }
    if (order.origin === 'join-room') await this.#elsewhere!.welcome(room.sid);
    const place = await this.#place(order);
    // Somebody else may have asked meanwhile: of all who want the same one brings the agent.
    const meanwhile = this.#byRoom.get(roomName);
    if (meanwhile !== undefined) {
      place.free();
      return this.#again(meanwhile, order);
    }
    const { connection, opened } = this.#open(roomName, room.sid, { ...order, place }, async () => {});
    try {
      await opened;
    } catch (error) {
      // Two of the fleet were told at once, and the other one was first.
      const first = await this.#elsewhere!.inRoom(roomName);
      if (first === undefined || !(error instanceof ApiError && error.code === 'LIVEKIT_CLOSING')) throw error;
      return this.#thereAlready(first, roomName, order);
    }
    return this.#answer(connection, order);
  }

  /** The connection of a room; undefined where the agent is not there. */
  inRoom(roomName: string): Connection | undefined {
    return this.#byRoom.get(roomName)?.connection;
  }

  /** Resolves when the agent, where it is on its way into this room, is there. Rejects with what kept it from it, as `create`. */
  async entered(roomName: string): Promise<void> {
    await this.#byRoom.get(roomName)?.opened;
  }

  /** The connection whose agent is in this room, or on its way there, whichever process has it; undefined where none is. Never rejects. */
  async agentIn(roomName: string): Promise<string | undefined> {
    const here = this.inRoom(roomName);
    if (here?.isClosed === false) return here.id;
    return (await this.#elsewhere!.inRoom(roomName))?.connectionId;
  }

  /** Resolves when the agent, where it is just leaving this room, has left, whichever process has it. Never rejects. */
  async left(roomName: string): Promise<void> {
    const here = this.inRoom(roomName);
    if (here === undefined) await this.#elsewhere!.left(roomName);
    else if (here.isClosed) await here.gone;
  }

  /** Whether the agent is in a room, of this process or another, that a stranger made. */
  async isStrangers(roomName: string): Promise<boolean> {
    return (this.inRoom(roomName) ?? (await this.#elsewhere!.inRoom(roomName)))?.operator === false;
  }

  /** Whether the agent left this room, by the server's id of it, on purpose and while there were people in it. */
  hasLeft(sid: string): Promise<boolean> {
    return this.#elsewhere!.hasLeft(sid);
  }

  /**
   * Ends the call, and removes the room; resolves with how it ended when all is gone. Undefined: there is no such connection, or it is an operator's and a stranger
   * asks, `operator` false. Rejects with LIVEKIT_UNREACHABLE (503) or LIVEKIT_REFUSED (502) where the call has ended and the room is still there.
   */
  async end(id: string, operator: boolean): Promise<ConnectionStatus | undefined> {
    return (await this.#endHere(id, operator)) ?? (await this.#elsewhere!.end(id, operator));
  }

  async #endHere(id: string, operator: boolean): Promise<ConnectionStatus | undefined> {
    const connection = this.#byId.get(id);
    if (connection !== undefined && isFor(operator, connection)) {
      connection.deleteAfter();
      await connection.close(termination('caller-hangup', 'its end was asked for'));
    }
    const past = this.#past!.get(id);
    if (past === undefined || !isFor(operator, past)) return undefined;
    this.#deps!.clearing.check(id);
    return past.status;
  }

  /** How a connection is, or was until ten minutes ago. Undefined as by `end`. */
  async status(id: string, operator: boolean): Promise<ConnectionStatus | undefined> {
    return this.#statusHere(id, operator) ?? (await this.#elsewhere!.status(id, operator));
  }

  #statusHere(id: string, operator: boolean): ConnectionStatus | undefined {
    const found = this.#byId.get(id) ?? this.#past!.get(id);
    return found && isFor(operator, found) ? found.status : undefined;
  }

  /** Of all processes that can be asked. */
  stats(): Promise<LivekitStats> {
    return this.#elsewhere!.stats(this.#statsHere());
  }

  #statsHere(): LivekitStats {
    const { metrics, rooms } = this.#deps!;
    const now = [...this.#byId.values()].map((connection) => connection.status);
    return statsOf(now, { metrics, workers: rooms.stats().workers, since: this.#since });
  }

  /** Ends all, those that are being made too. */
  async closeAll(end: Termination): Promise<void> {
    await Promise.all([...this.#byId.values()].map((connection) => connection.close(end)));
    this.#tenants?.close();
  }

  onEvent(callId: string, event: CallEvent): void {
    const connection = this.#byId.get(callId);
    if (connection === undefined) return;
    connection.onEvent(event);
    // A room that is lost is lost for good: its worker has tried for as long as anybody waits.
    if (event.type === 'caller' && event.event.type === 'ended') void connection.call?.end(event.event.end);
  }

  async #again(
    there: { readonly connection: Connection; readonly opened: Promise<void> },
    order: RoomOrder,
  ): Promise<OpenedRoom> {
    if (there.connection.isClosed) throw closing();
    this.#deps!.metrics.count('already_there');
    await there.opened;
    there.connection.check();
    return this.#answer(there.connection, order);
  }

  /** As `#again`, of a room that another process has. */
  #thereAlready({ connectionId: id }: RoomClaim, roomName: string, order: RoomOrder): Promise<OpenedRoom> {
    this.#deps!.metrics.count('already_there');
    return this.#answer({ id, roomName }, order);
  }

  async #answer(
    { id, roomName }: Pick<Connection, 'id' | 'roomName'>,
    { participantName: name }: RoomOrder,
  ): Promise<OpenedRoom> {
    if (name === undefined) return { connectionId: id, roomName };
    const { server, tokenSeconds } = this.#deps!;
    const identity = `guest-${randomBytes(9).toString('base64url')}`;
    const accessToken = await server.token({ room: roomName, identity, name, ttlSeconds: tokenSeconds });
    return { connectionId: id, roomName, accessToken };
  }

  /** The room's place among those of its tenant. Rejects with LIVEKIT_TENANT_FULL. */
  async #place({ tenantId }: RoomOrder): Promise<TenantPlace> {
    const place = await this.#tenants!.take(tenantId);
    if (place !== undefined) return place;
    this.#deps!.metrics.count('tenant_full');
    throw new ApiError(429, 'LIVEKIT_TENANT_FULL', 'this tenant has as many rooms as it may have');
  }

  /** The connection, with the places it takes. Throws NO_MORE_CALLS; `opened` rejects with what else keeps the agent from the room. */
  #open(
    roomName: string,
    sid: string | undefined,
    order: RoomOrder & { readonly place: TenantPlace },
    before: () => Promise<void>,
  ) {
    const deps = this.#deps!;
    const { intake, metrics, strangers, clock, server, clearing, log } = deps;
    const { tenantId, operator, address, origin, again, place } = order;
    const admitted = intake.admit({
      carrier: 'livekit',
      stranger: operator ? undefined : { address, among: strangers },
      again,
    });
    if (!admitted.ok) {
      metrics.count('not_admitted');
      place.free();
      throw noMoreCalls(admitted.reason);
    }
    const connection: Connection = new Connection({
      roomName,
      origin,
      operator,
      tenantId,
      arrival: admitted.arrival,
      now: () => clock.wall(),
      deleteRoom: (how) =>
        clearing.deleteRoom(
          { roomName, sid: sidOf(connection, sid), callId: connection.id, isOthers: origin !== 'create-room' },
          how,
        ),
      hangUp: (phone) => clearing.hangUp({ roomName, callId: connection.id }, phone),
      putOut: (identity) =>
        server.removeParticipant(roomName, identity).catch((err: unknown) => {
          metrics.count('put_out_failed');
          log.warn({ err, callId: connection.id }, 'somebody could not be put out of a room before it is deleted');
        }),
      closed: ({ end, stayed }) => {
        place.free();
        this.#forget(connection, sid, end, stayed);
      },
    });
    this.#byId.set(connection.id, connection);
    metrics.count(origin === 'create-room' ? 'created' : origin === 'join-room' ? 'joined' : 'dispatched');
    const opened = connection.making(this.#enter(connection, order, before)).catch(async (error: unknown) => {
      const code = errorCode(error);
      if (!connection.isClosed && connection.claimed !== undefined)
        log.warn({ err: error, callId: connection.id }, 'the agent could not be brought into a room');
      await connection.close(termination('carrier-failed', `the room could not be joined: ${code}`));
      throw httpError(error);
    });
    // Whoever asks for it is told; a webhook's is told by the log.
    opened.catch(() => {});
    this.#byRoom.set(roomName, { connection, opened });
    return { connection, opened };
  }

  async #enter(connection: Connection, order: RoomOrder, before: () => Promise<void>): Promise<void> {
    const { log } = this.#deps!;
    const { roomName, id } = connection;
    const claimed = await this.#elsewhere!.claim(roomName, { connectionId: id, operator: connection.operator });
    if (claimed === undefined) throw closing();
    connection.claimed = claimed;
    await before();
    connection.check();
    const leg = agentFor(connection, order, this.#deps!);
    connection.leg = leg;
    void leg.over.then((why) => this.#onOver(connection, why));
    void leg.came
      .then((person) => this.#begin(connection, leg, order, person))
      .catch(async (err: unknown) => {
        if (!connection.isClosed) log.error({ err, callId: id }, 'the call of a room could not be made');
        await apologise(leg, this.#deps!.apology, this.#deps!.clock);
        void connection.close(termination('internal', `the call could not be made: ${errorCode(err)}`));
      });
    const room = await leg.joined;
    connection.check();
    connection.entered(room.identity);
    log.info({ callId: id, origin: connection.origin }, 'the agent is in a room');
  }

  /** Makes the call of a room to which somebody came, and with it the model's session. */
  async #begin(connection: Connection, leg: LivekitLeg, order: RoomOrder, person: Person): Promise<void> {
    const { calls } = this.#deps!;
    const { prompt, language } = order;
    const { from, to } = partiesOf(person);
    const facts = { carrier: 'livekit', from, to, direction: 'inbound' } as const;
    connection.arrival.connected();
    const assigned = await connection.arrival.assign(facts, { prompt, language });
    await leg.joined;
    if (connection.isClosed) return;
    const [shown, called] = [partyText(from), to && partyText(to)];
    const { tenantId, roomName } = connection;
    const begun = assigned.begin(
      {
        callerKind: from.kind,
        conversationId: roomName,
        ...(shown === undefined ? {} : { from: shown }),
        ...(called === undefined ? {} : { to: called }),
        ...(tenantId === undefined ? {} : { tenantId }),
      },
      { message: 'somebody came to a room', fields: { origin: connection.origin } },
    );
    if (!begun.ok) {
      await apologise(leg, this.#deps!.apology, this.#deps!.clock);
      void connection.close(termination('not-admitted', `there was no room for the call: ${begun.reason}`));
      return;
    }
    connection.call = begun.call;
    connection.look();
    void begun.call.done.then((end) => connection.close(end));
    if (!calls.join(connection.id, leg)) void connection.close(termination('no-stream', 'its call was over'));
  }

  /** The room is over before anybody ended the call: where there is none yet nobody else would. */
  #onOver(connection: Connection, why: Awaited<LivekitLeg['over']>): void {
    if (why === 'idle') connection.deleteAfter();
    if (why === 'closed' || connection.call !== undefined) return;
    const end =
      why === 'nobody-came'
        ? termination('no-stream', 'nobody came to the room')
        : termination('no-stream', `the room is over: ${why}`);
    void connection.close(end);
  }

  #forget(connection: Connection, sid: string | undefined, end: Termination, stayed: boolean): void {
    const { metrics } = this.#deps!;
    metrics.count(end.result === 'success' ? 'ended' : 'failed');
    // Only what was meant keeps it away: where nobody came, and where it broke, the next event brings it again.
    if (sid !== undefined && stayed && end.result === 'success' && connection.hasEntered)
      void this.#elsewhere!.leave(sid);
    this.#byId.delete(connection.id);
    if (this.#byRoom.get(connection.roomName)?.connection === connection) this.#byRoom.delete(connection.roomName);
    this.#past!.add(connection);
    connection.claimed?.release();
  }
}

/** The server's id of a connection's room, which was `sid` when it was joined; undefined where it may be another, since it was lost and joined again. */
function sidOf({ leg }: Connection, sid: string | undefined): string | undefined {
  const joinedAgain = leg !== undefined && leg.reconnects > (leg.away ? 1 : 0);
  return joinedAgain ? undefined : sid;
}

/** Whether whoever asks may know of it: strangers of what strangers made alone. */
function isFor(operator: boolean, one: { readonly operator: boolean }): boolean {
  return operator || !one.operator;
}
