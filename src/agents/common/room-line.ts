import type { PathSample } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import type { JoinRoom, Person, RoomConnection, RoomHandlers, RoomQuality, Rooms } from '../../rooms/room.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import { TurnEar } from './turn-ear.ts';

/** Hz of both sides. */
export const ROOM_RATE = 24_000;
/** How long a room that was lost is tried for, ms: a caller waits no longer in silence. */
const LOST_MS = 8_000;

export interface RoomLineOptions {
  readonly rooms: Pick<Rooms, 'join'>;
  readonly url: string;
  readonly roomName: string;
  /** Makes the token that we come with; asked again where the room has to be joined anew. Rejecting then ends it. */
  readonly token: () => Promise<string>;
  /** As in metrics: what carries the call. */
  readonly transport: string;
  /** The provider's id of the call. */
  readonly sessionId: string;
  readonly topics?: readonly string[];
  readonly data?: boolean;
  /** Who of those in the room is the agent. It must have come by the context's deadline. */
  readonly isAgent: (person: Person) => boolean;
  readonly text?: RoomHandlers['text'];
  readonly packet?: NonNullable<RoomHandlers['data']>;
  /** Told once, when we are out of the room, or never were in it and nothing is on its way there any more. Must not throw. */
  readonly left?: () => void;
}

/** A call that is a room of LiveKit's in which the agent is: we are the person who talks to it. */
export class RoomLine implements StreamSession {
  readonly #o: RoomLineOptions;
  readonly #told: StreamTold;
  readonly #context: OpenContext;
  readonly #ear: TurnEar;
  readonly #agentCame = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  #agent: string | undefined;
  #room: RoomConnection | undefined;
  /** The way into the room, as far as it has come. Never rejects. */
  #joining: Promise<unknown> = Promise.resolve();
  /** The look at the room that was told last. */
  #seen: RoomQuality | undefined;
  #isUp = false;
  #over = false;

  private constructor(options: RoomLineOptions, told: StreamTold, context: OpenContext) {
    this.#o = options;
    this.#told = told;
    this.#context = context;
    this.#ear = new TurnEar(ROOM_RATE, told);
    this.#agentCame.promise.catch(() => {});
  }

  /** Joins. Resolves when the agent is there, which `told.ready` has been told of. Rejects with a MODEL_* or LIVEKIT_* error, or the signal's reason. */
  static async open(options: RoomLineOptions, told: StreamTold, context: OpenContext): Promise<RoomLine> {
    const line = new RoomLine(options, told, context);
    try {
      await line.#enter();
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /** Our own identity in the room, by which texts name whose words they are. */
  get identity(): string {
    return this.#room?.identity ?? '';
  }

  audio(samples: Int16Array): void {
    if (this.#over) return;
    this.#ear.caller(samples);
    this.#room?.write(samples);
  }

  /** What is new since this was asked before: to its server, the wait in the jitter buffer here, and in our lead and cushion; what waits behind the server nobody says. */
  async path(): Promise<PathSample | undefined> {
    const quality = this.#over ? undefined : this.#room?.quality();
    // A room is looked at less often than this is asked, and each look counts once.
    if (quality?.rttMs === undefined || quality === this.#seen) return undefined;
    this.#seen = quality;
    const { rttMs, lately } = quality;
    const { jitterBufferMs, leadMs, cushionMs } = lately;
    return {
      roundTripMs: rttMs,
      ...(jitterBufferMs === undefined ? {} : { jitterBufferMs }),
      ...(leadMs === undefined && cushionMs === undefined ? {} : { ownQueuesMs: (leadMs ?? 0) + (cushionMs ?? 0) }),
    };
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#abort.abort(new BridgeError('ABORTED', 'the call ended'));
    this.#agentCame.reject(new BridgeError('ABORTED', 'the call ended'));
    void this.#leave();
  }

  async #leave(): Promise<void> {
    await this.#joining;
    await this.#room?.close('the call ended');
    this.#o.left?.();
  }

  async #enter(): Promise<void> {
    const { rooms, url, roomName, token, topics, data, transport, sessionId } = this.#o;
    const { clock, signal, deadline } = this.#context;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    const order: JoinRoom = {
      url,
      roomName,
      token,
      role: 'person',
      trackName: 'microphone',
      ...(topics === undefined ? {} : { topics }),
      ...(data === undefined ? {} : { data }),
      audio: 'mix',
      rate: ROOM_RATE,
      connectMs: Math.max(1, deadline - clock.now()),
      lostMs: LOST_MS,
      attributes: {},
      signal: this.#abort.signal,
    };
    const joining = rooms.join(order, this.#handlers()).then((room) => {
      this.#room = room;
    });
    this.#joining = joining.catch(() => {});
    await joining;
    if (this.#over) throw new BridgeError('ABORTED', 'the call ended');
    const late = clock.after(Math.max(0, deadline - clock.now()), () =>
      this.#agentCame.reject(new BridgeError('MODEL_UNAVAILABLE', 'no agent came into the room')),
    );
    await this.#agentCame.promise.finally(() => late.cancel());
    this.#isUp = true;
    this.#told.ready(sessionId, transport);
  }

  #handlers(): RoomHandlers {
    return {
      audio: (samples) => {
        if (this.#over || !this.#isUp) return;
        this.#told.audio(samples);
        this.#ear.agent(samples);
      },
      participant: (change, person) => this.#person(change, person),
      text: (said) => {
        if (!this.#over) this.#o.text?.(said);
      },
      data: (packet) => {
        if (!this.#over) this.#o.packet?.(packet);
      },
      digit: () => {},
      link: () => {},
      ended: ({ reason, detail }) => {
        // Whoever deletes the room, or leaves it empty of agents, has hung up.
        if (reason === 'room-deleted' || reason === 'room-closed' || reason === 'removed') this.#hungUp(detail);
        else this.#lose(new BridgeError('MODEL_SESSION_LOST', `the room is lost (${reason}): ${detail}`));
      },
    };
  }

  #person(change: 'joined' | 'left' | 'changed', person: Person): void {
    if (this.#over || !this.#o.isAgent(person)) return;
    if (change === 'left') {
      if (person.identity === this.#agent) this.#hungUp('the agent left the room');
      return;
    }
    // It is there when it can be heard.
    if (person.microphone === 'none' || this.#agent !== undefined) return;
    this.#agent = person.identity;
    this.#agentCame.resolve();
  }

  #hungUp(detail: string): void {
    if (this.#over) return;
    if (this.#isUp) this.#told.hungUp(detail);
    else this.#agentCame.reject(new BridgeError('MODEL_UNAVAILABLE', 'the agent hung up before it was ready'));
  }

  #lose(error: BridgeError): void {
    if (this.#over) return;
    if (this.#isUp) this.#told.lost(error);
    else this.#agentCame.reject(new BridgeError('MODEL_UNAVAILABLE', error.message));
  }

  readonly #onAbort = () => {
    this.#abort.abort(this.#context.signal.reason);
    this.#agentCame.reject(this.#context.signal.reason);
  };
}
