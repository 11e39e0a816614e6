import type { CallEvent } from '../../../call/events.ts';
import type { Termination } from '../../../call/termination.ts';
import { ApiError } from '../../../http/api-error.ts';
import type { Arrival, MadeCall } from '../../../intake/intake.ts';
import type { Person } from '../../../rooms/room.ts';
import type { LivekitLeg, RoomOver } from '../leg.ts';
import type { ClaimedRoom } from './elsewhere.ts';
import type { ConnectionStatus } from './routes.ts';

/** What brought the agent to a room. */
export type Origin = ConnectionStatus['origin'];

export interface ConnectionInit {
  readonly roomName: string;
  readonly origin: Origin;
  /** Whether an operator, or a webhook, wants it. */
  readonly operator: boolean;
  readonly tenantId: string | undefined;
  readonly arrival: Arrival;
  /** Wall time, ms. */
  readonly now: () => number;
  /** Removes the room at the server; `isEmpty`: nobody was let into it. Must not reject. */
  readonly deleteRoom: (how: { readonly isEmpty: boolean }) => Promise<void>;
  /** Puts somebody out of a room that is deleted next. Must not reject. */
  readonly putOut: (identity: string) => Promise<void>;
  /** Puts a telephone out of a room that stays: its line is hung up by it. Must not reject. */
  readonly hangUp: (phone: Person) => Promise<void>;
  /** Told once, when all of it is freed. `stayed`: whether there were people whom the agent left there. */
  readonly closed: (how: { readonly end: Termination; readonly stayed: boolean }) => void;
}

/** Ends of a room after which the people are gone, or somebody else's. */
const NOT_OURS_TO_HANG_UP: ReadonlySet<RoomOver> = new Set(['room-deleted', 'room-closed', 'removed']);

/** One room that the agent is in, from the request on: what there is of it, and how to be rid of it at any moment. */
export class Connection {
  readonly id: string;
  readonly roomName: string;
  readonly origin: Origin;
  readonly operator: boolean;
  readonly tenantId: string | undefined;
  readonly arrival: Arrival;
  readonly createdAt: number;
  /** There is none before somebody comes: a room alone gets no session of the model's. */
  call: MadeCall | undefined;
  leg: LivekitLeg | undefined;
  /** The room's name is this process's. */
  claimed: ClaimedRoom | undefined;
  readonly #init: ConnectionInit;
  readonly #counters = { participants: 0, turns: 0, interruptions: 0 };
  #state: ConnectionStatus['status'] = 'created';
  #since: number;
  #identity = '';
  #making: Promise<unknown> = Promise.resolve();
  #ended: Termination | undefined;
  #delete: boolean;
  #closing: Promise<void> | undefined;

  constructor(init: ConnectionInit) {
    this.#init = init;
    this.id = init.arrival.id;
    this.roomName = init.roomName;
    this.origin = init.origin;
    this.operator = init.operator;
    this.tenantId = init.tenantId;
    this.arrival = init.arrival;
    this.createdAt = init.now();
    this.#since = this.createdAt;
    // What we made we remove; whatever others made is theirs, unless the end of the room itself is asked for.
    this.#delete = init.origin === 'create-room';
  }

  /** Throws when the connection was closed meanwhile. */
  check(): void {
    if (this.#ended !== undefined) throw closing();
  }

  get isClosed(): boolean {
    return this.#ended !== undefined;
  }

  /** Resolves when all of a connection that is closed is freed. Never rejects. */
  get gone(): Promise<void> {
    return this.#closing ?? Promise.resolve();
  }

  /** Whether the agent has been in the room. */
  get hasEntered(): boolean {
    return this.#identity !== '';
  }

  /** The agent is in the room. */
  entered(identity: string): void {
    this.#identity = identity;
    this.look();
  }

  /** The work of making it, which `close` waits for. */
  making<T>(work: Promise<T>): Promise<T> {
    this.#making = work.catch(() => {});
    return work;
  }

  /** Counts what happens in its call. */
  onEvent(event: CallEvent): void {
    const counters = this.#counters;
    if (event.type === 'barge_in') counters.interruptions++;
    else if (event.type === 'agent' && event.event.type === 'speech_stopped') counters.turns++;
    else if (event.type === 'caller' && event.event.type === 'text') counters.turns++;
    else if (event.type === 'caller' && event.event.type === 'participant' && event.event.change === 'joined')
      counters.participants++;
  }

  /** Looks what has become of it. */
  look(): void {
    const state = this.#now();
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#init.now();
  }

  #now(): ConnectionStatus['status'] {
    if (this.#ended !== undefined) return 'ended';
    if (this.#identity === '') return 'created';
    if (this.leg?.away) return 'reconnecting';
    return this.call === undefined ? 'waiting' : 'active';
  }

  get status(): ConnectionStatus {
    this.look();
    const people = this.#state === 'ended' ? [] : (this.leg?.people.all ?? []);
    return {
      connectionId: this.id,
      roomName: this.roomName,
      status: this.#state,
      since: Math.round(this.#since),
      createdAt: Math.round(this.createdAt),
      ...(this.tenantId === undefined ? {} : { tenantId: this.tenantId }),
      origin: this.origin,
      participants: people.map(({ identity, name, kind, microphone }) => ({
        identity,
        name: this.leg?.people.participant(identity)?.name ?? name,
        kind: kind as ConnectionStatus['participants'][number]['kind'],
        microphone,
      })),
      agent: { identity: this.#identity, state: this.leg?.agentState ?? 'initializing' },
      counters: { ...this.#counters, reconnects: this.leg?.reconnects ?? 0 },
      ...(this.#ended === undefined ? {} : { end: { result: this.#ended.result, reason: this.#ended.reason } }),
    };
  }

  /**
   * Puts everybody out of a room that is deleted as soon as the agent has left it. LiveKit's components show an agent that leaves before them as one that failed
   * (`useAgent` of @livekit/components-react 2.9.24), and the room must not be deleted around the agent. Never rejects.
   */
  async putOut(): Promise<void> {
    const { leg } = this;
    if (!this.#delete || leg === undefined || leg.away) return;
    await Promise.all(leg.people.all.map(({ identity }) => this.#init.putOut(identity)));
  }

  /** The room is over, and is to be removed at the server, whoever made it. */
  deleteAfter(): void {
    this.#delete = true;
  }

  /** Ends it, however far it has come; resolves when all is freed. The first reason wins; never rejects. */
  close(end: Termination): Promise<void> {
    this.#ended ??= end;
    this.look();
    this.#closing ??= this.#close(this.#ended);
    return this.#closing;
  }

  async #close(reason: Termination): Promise<void> {
    const { deleteRoom, closed } = this.#init;
    // What runs is stopped first, so that the work that waits for it comes to its end.
    const ended = await this.call?.end(reason);
    await this.leg?.close(reason);
    await this.#making;
    this.#ended = (await this.call?.end(reason)) ?? ended ?? reason;
    await this.leg?.close(reason);
    // The agent has left in order before that: a room that is deleted around it leaves something behind for good.
    let stayed = false;
    // Of a room of ours nobody has a token before the agent is in it.
    if (this.#delete) await deleteRoom({ isEmpty: this.origin === 'create-room' && !this.hasEntered });
    else stayed = await this.#leaveBehind();
    this.arrival.free();
    closed({ end: this.#ended, stayed });
  }

  /**
   * Who called by telephone hears nothing that says that the agent is gone: his line is hung up, as on every other. Unless there is somebody else to talk to, and
   * unless whoever put the agent out has the room now. Resolves with whether anybody stays.
   */
  async #leaveBehind(): Promise<boolean> {
    const { leg } = this;
    const there = leg?.people.all ?? [];
    if (leg === undefined || there.length === 0) return false;
    if (NOT_OURS_TO_HANG_UP.has(await leg.over) || !there.every(({ kind }) => kind === 'sip')) return true;
    await Promise.all(there.map((phone) => this.#init.hangUp(phone)));
    return false;
  }
}

/** The refusal for a connection that is on its way out. */
export function closing(): ApiError {
  return new ApiError(409, 'LIVEKIT_CLOSING', 'the agent is just leaving this room');
}
