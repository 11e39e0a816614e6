import type { Clock } from '../../src/call/clock.ts';
import type { Pace } from '../../src/call/leg.ts';
import { NO_QUALITY } from '../../src/rooms/pool/connection.ts';
import type {
  JoinRoom,
  Person,
  RoomAgentState,
  RoomConnection,
  RoomEnd,
  RoomHandlers,
  RoomQuality,
  Rooms,
  RoomsStats,
  RoomTranscript,
  Speaker,
} from '../../src/rooms/room.ts';

/** Somebody in a room. */
export function person(identity: string, more: Partial<Person> = {}): Person {
  return {
    identity,
    sid: `PA_${identity}`,
    name: identity,
    kind: 'standard',
    attributes: {},
    microphone: 'live',
    joinedAt: 0,
    ...more,
  };
}

/** A room with no server and no process between: what the agent says is played by the clock, and heard by whoever looks. */
export class FakeRoom implements RoomConnection {
  readonly identity = 'agent';
  readonly sid = 'PA_agent';
  readonly options: Pick<JoinRoom, 'rate'>;
  readonly handlers: RoomHandlers;
  readonly states: RoomAgentState[] = [];
  readonly paces: Pace[] = [];
  readonly lines: RoomTranscript[] = [];
  readonly chats: string[] = [];
  readonly digits: string[] = [];
  readonly closed: string[] = [];
  readonly playout;
  /** Orders of any kind that reached the room. */
  orders = 0;
  readonly #clock: Clock;
  /** ms; what was written is played from `#from` on. */
  #written = 0;
  #played = 0;
  #at = 0;

  constructor(options: Pick<JoinRoom, 'rate'>, handlers: RoomHandlers, clock: Clock) {
    this.options = options;
    this.handlers = handlers;
    this.#clock = clock;
    this.playout = { writtenMs: () => this.#written, playedMs: () => this.#look() };
  }

  /** Samples that were played. */
  get heard(): number {
    return (this.#look() * this.options.rate) / 1_000;
  }

  write(samples: Int16Array): void {
    if (this.closed.length > 0) return;
    this.orders++;
    this.#look();
    this.#written += (samples.length * 1_000) / this.options.rate;
  }

  clear(): void {
    this.orders++;
    this.#written = this.#look();
  }

  setPace(pace: Pace): void {
    this.orders++;
    this.paces.push(pace);
  }

  setState(state: RoomAgentState): void {
    this.orders++;
    this.states.push(state);
  }

  transcript(line: RoomTranscript): void {
    this.orders++;
    this.lines.push(line);
  }

  chat(text: string): void {
    this.orders++;
    this.chats.push(text);
  }

  sendDigit(digit: string): boolean {
    this.orders++;
    this.digits.push(digit);
    return true;
  }

  readonly packets: string[] = [];

  sendData(text: string): void {
    this.packets.push(text);
  }

  quality(): RoomQuality {
    return NO_QUALITY;
  }

  async close(why: string): Promise<void> {
    this.closed.push(why);
  }

  // What the room does.

  comes(who: Person): void {
    this.handlers.participant('joined', who);
  }

  goes(who: Person): void {
    this.handlers.participant('left', who);
  }

  /** These samples, in frames of 20 ms. */
  says(samples: Int16Array, by: readonly Speaker[] = []): void {
    if (this.closed.length > 0) return;
    const frame = this.options.rate / 50;
    for (let at = 0; at < samples.length; at += frame) this.handlers.audio(samples.slice(at, at + frame), by);
  }

  /** Frames of somebody's voice, or of silence. */
  voice(ms: number, ...by: ReadonlyArray<string | Speaker>): void {
    const speakers = by.map((one) => (typeof one === 'string' ? { identity: one, level: -20 } : one));
    this.says(new Int16Array((ms * this.options.rate) / 1_000), speakers);
  }

  ends(reason: RoomEnd, detail = 'as told'): void {
    this.handlers.ended({ reason, detail });
  }

  #look(): number {
    const now = this.#clock.now();
    this.#played = Math.min(this.#written, this.#played + (now - this.#at));
    this.#at = now;
    return this.#played;
  }
}

/** Makes such rooms. */
export class FakeRooms implements Rooms {
  readonly made: FakeRoom[] = [];
  readonly asked: JoinRoom[] = [];
  /** Who is in a room before the agent. */
  there: Person[] = [];
  /** What keeps the agent from rooms; undefined: nothing. */
  refusal: unknown;
  /** Resolves when the agent may come in. */
  gate: Promise<void> = Promise.resolve();
  closed = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async ready(): Promise<void> {}

  async join(options: JoinRoom, handlers: RoomHandlers): Promise<RoomConnection> {
    this.asked.push(options);
    const aborted = new Promise<never>((_, reject) => {
      options.signal.addEventListener('abort', () => reject(options.signal.reason), { once: true });
    });
    await Promise.race([this.gate, aborted]);
    if (this.refusal !== undefined) throw this.refusal;
    const room = new FakeRoom(options, handlers, this.#clock);
    this.made.push(room);
    for (const who of this.there) handlers.participant('joined', who);
    return room;
  }

  stats(): RoomsStats {
    return {
      workers: [],
      rooms: this.made.length,
      replaced: { served: 0, memory: 0, threads: 0, faulty: 0, died: 0, killed: 0 },
    };
  }

  async close(): Promise<void> {
    this.closed++;
  }
}
