import type { Clock, Timer } from '../../call/clock.ts';
import type { RoomConnection, RoomQuality, Rooms } from '../../rooms/room.ts';
import { RoomServer } from '../../transport/room-server.ts';
import { heldOf } from '../talker/held.ts';
import type { RetellScenario } from './scenario.ts';
import type { WebCall } from './web-call.ts';

const RATE = 24_000;
const FRAME = (RATE * 20) / 1000;
/** How long the agent may take into its room, ms. */
const JOIN_MS = 15_000;

/** A real LiveKit server in which calls of the older kind are, and how this end gets into its rooms. */
export interface RetellRooms {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly rooms: Rooms;
}

/** A call in a room: the agent is its participant `server`, speaks on the track `agent_audio`, and tells by data what it does. */
export class RoomCall {
  readonly call: WebCall;
  readonly roomName: string;
  readonly #server: RoomServer;
  readonly #o: RetellRooms;
  readonly #ends: RetellScenario['ends'];
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #frame = new Int16Array(FRAME);
  #room: RoomConnection | undefined;
  /** The look at the room that was told last. */
  #seen: RoomQuality | undefined;
  #timer: Timer | undefined;
  #over = false;

  constructor(call: WebCall, rooms: RetellRooms, ends: RetellScenario['ends'], clock: Clock) {
    this.call = call;
    this.roomName = `web_call_${call.id}`;
    this.#server = new RoomServer(rooms);
    this.#o = rooms;
    this.#ends = ends;
    this.#clock = clock;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Goes into the room, and makes the caller's token. */
  async begin(tokenMs: number): Promise<string> {
    const pass = (identity: string, ttlSeconds: number) =>
      this.#server.token({ room: this.roomName, identity, name: identity, ttlSeconds });
    this.#room = await this.#o.rooms.join(
      {
        url: this.#o.url,
        roomName: this.roomName,
        token: () => pass('server', 600),
        role: 'person',
        trackName: 'agent_audio',
        audio: 'mix',
        rate: RATE,
        connectMs: JOIN_MS,
        lostMs: 5_000,
        attributes: {},
        signal: this.#abort.signal,
      },
      {
        audio: (samples) => this.#audio(samples),
        participant: (change) => {
          if (change === 'joined') this.#answered();
          else if (change === 'left') this.end('user_hangup');
        },
        text: () => {},
        digit: () => {},
        link: () => {},
        ended: () => this.end('error_retell'),
      },
    );
    this.#timer = this.#clock.after(tokenMs, () => this.end('error_user_not_joined'));
    return pass('client', Math.ceil(tokenMs / 1000));
  }

  /** The agent leaves; where it hangs up the room goes with it, and where it is gone nothing is said of it. */
  end(reason: string, closesRoom = reason === 'agent_hangup'): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#abort.abort(new Error('the call is over'));
    this.call.end(reason);
    if (closesRoom) void this.#server.remove(this.roomName).catch(() => {});
    void this.#room?.close('the call is over');
  }

  #answered(): void {
    if (this.call.talker !== undefined) return;
    this.#timer?.cancel();
    this.call.begin(RATE, {
      speaks: (on) => this.#send({ event_type: on ? 'agent_start_talking' : 'agent_stop_talking' }),
      gaveWay: () => this.#room?.clear(),
    });
    // The last lines alone are told, since a packet holds no more. https://docs.retellai.com/deploy/web-call
    this.call.watch(() => this.#send({ event_type: 'update', transcript: this.call.transcript.slice(-5) }));
    const ends = this.#ends;
    if (ends === undefined) return;
    const reason = ends.how === 'dropped' ? 'error_retell' : 'agent_hangup';
    this.#timer = this.#clock.after(ends.afterMs, () => this.end(reason));
  }

  #send(event: object): void {
    this.#room?.sendData(JSON.stringify(event));
  }

  #audio(samples: Int16Array): void {
    const { talker } = this.call;
    if (talker === undefined || this.#over) return;
    this.call.hear(samples, RATE);
    const quality = this.#room?.quality();
    if (quality !== undefined && quality !== this.#seen) this.call.holds(heldOf(quality));
    this.#seen = quality;
    talker.pull(this.#frame);
    this.#room?.write(this.#frame.slice());
  }
}
