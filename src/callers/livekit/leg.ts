import type { Clock } from '../../call/clock.ts';
import type { AgentEvent, CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, LineAction, Log, Pace, Playout } from '../../call/leg.ts';
import type { Termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import type { Person, RoomAgentState, RoomConnection, RoomEnd, RoomHandlers, Speaker } from '../../rooms/room.ts';
import { AgentState } from './agent-state.ts';
import { Crowd } from './crowd.ts';
import { RoomLife, type RoomLifeOptions } from './life.ts';
import { isOnTheLine, type People } from './people.ts';
import { endOf } from './room-end.ts';
import { RoomTranscripts } from './room-transcripts.ts';

/** Rate of the audio between here and the room, Hz, both ways: the model's own, so that nothing is resampled where it is reached by WebSocket. */
export const ROOM_RATE = 24_000;
const FRAME = ROOM_RATE / 50;

export interface LivekitLegInit extends Pick<RoomLifeOptions, 'joinMs' | 'leaveMs' | 'idleMs'> {
  /** Takes the agent into the room, with the leg's handlers; aborted by the signal. */
  readonly join: (handlers: RoomHandlers, signal: AbortSignal) => Promise<RoomConnection>;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the agent is told who speaks. */
  readonly tellSpeaker: boolean;
  /** Told whenever the way to the room is lost, or there again. */
  readonly linked?: () => void;
  /** Told before the agent leaves, which waits for it. Must not reject. */
  readonly leaving?: () => Promise<void>;
}

/** Why the caller's side is over before somebody else says so. */
export type RoomOver = RoomEnd | 'nobody-came' | 'all-left' | 'idle' | 'closed';

const NO_TRANSFER = 'The callers are in a room, and nobody can connect a room to a telephone number.';
const NO_DIGITS = 'Nobody in the room is on a telephone, and so nobody could hear the keys.';

/**
 * The caller's side of a call in a room: people, perhaps several, whose voices come as one stream, and one voice of the agent's that all of them hear. It is made
 * when the agent is to come to the room, and gets a call when the first person is there.
 */
export class LivekitLeg implements CallerLeg {
  readonly kind = 'livekit';
  readonly rate = ROOM_RATE;
  readonly audio: AudioSink;
  readonly playout: Playout;
  readonly people: People;
  /** Resolves when the agent is in the room; rejects with what kept it from there, or with ABORTED. */
  readonly joined: Promise<RoomConnection>;
  /** Resolves with the first person, of telephones the first that is answered; never where none comes. */
  readonly came: Promise<Person>;
  /** Resolves with why the room is over, however it came to be. */
  readonly over: Promise<RoomOver>;
  readonly #init: LivekitLegInit;
  readonly #abort = new AbortController();
  readonly #came = Promise.withResolvers<Person>();
  readonly #gone = Promise.withResolvers<RoomOver>();
  readonly #crowd: Crowd;
  readonly #transcripts = new RoomTranscripts((line) => this.#room?.transcript(line));
  readonly #state: AgentState;
  readonly #life: RoomLife;
  readonly #frame: { samples: Int16Array; readonly sampleRate: number } = {
    samples: new Int16Array(0),
    sampleRate: ROOM_RATE,
  };
  #room: RoomConnection | undefined;
  /** Of the agent's audio, once it is told. */
  #pace: Pace | undefined;
  #context: LegContext<CallerEvent> | undefined;
  #stop: (() => void) | undefined;
  #away = false;
  #reconnects = 0;
  /** Samples of the agent's that are not counted as a frame yet. */
  #written = 0;
  /** Set once, when the caller's side is over; nothing is told after it. */
  #ended: Termination | undefined;
  #closing: Promise<void> | undefined;

  constructor(init: LivekitLegInit) {
    this.#init = init;
    const { clock, joinMs, leaveMs, idleMs } = init;
    this.#crowd = new Crowd({
      clock,
      tellSpeaker: init.tellSpeaker,
      emit: (event) => this.#emit(event),
      count: (counter) => this.#context?.count(counter),
      acted: () => this.#life.active(),
    });
    this.people = this.#crowd.people;
    this.came = this.#came.promise;
    this.over = this.#gone.promise;
    this.playout = {
      writtenMs: () => this.#room?.playout.writtenMs() ?? 0,
      playedMs: () => this.#room?.playout.playedMs() ?? 0,
    };
    this.#state = new AgentState(
      clock,
      () => this.#room?.playout,
      (state) => this.#room?.setState(state),
    );
    this.audio = {
      sampleRate: ROOM_RATE,
      write: (frame) => this.#write(frame),
      clear: () => this.#clear(),
      toString: () => `opus/48000 -> ${this.kind}`,
    };
    this.#life = new RoomLife({
      clock,
      joinMs,
      leaveMs,
      idleMs,
      over: (end, why) => this.#end(end, why),
    });
    this.joined = init.join(this.#handlers(), this.#abort.signal);
    this.joined.then(
      (room) => {
        this.#room = room;
        if (this.#pace !== undefined) room.setPace(this.#pace);
      },
      () => this.#life.stop(),
    );
  }

  /** Whether the way to the room is lost just now. */
  get away(): boolean {
    return this.#away;
  }

  /** How often the way to the server was lost. */
  get reconnects(): number {
    return this.#reconnects;
  }

  get agentState(): RoomAgentState {
    return this.#state.state;
  }

  /** Of a room that nobody is in, or in which nobody could be heard, no silence is anybody's fault. */
  get onHold(): boolean {
    return this.#away || !this.people.canSpeak;
  }

  get cannot(): Readonly<Partial<Record<LineAction, string>>> {
    return this.people.hasPhone ? { transfer: NO_TRANSFER } : { transfer: NO_TRANSFER, digits: NO_DIGITS };
  }

  /** As `CallerLeg.setPace`: both ends are there. What a stall makes late of a live agent is caught up with where it is played. */
  setPace(pace: Pace): void {
    if (!this.#isRunning) return;
    this.#pace = pace;
    this.#room?.setPace(pace);
    this.#state.begin();
  }

  /** Attaches at once, and resolves when the agent is in the room. Rejects with ABORTED when the call is over or the leg was closed. */
  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (this.#closing !== undefined || context.signal.aborted) {
      this.#detach();
      throw new BridgeError('ABORTED', 'the call ended before its room was started');
    }
    this.#context = context;
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    const onAbort = () => this.#detach();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => context.signal.removeEventListener('abort', onAbort);
    for (const person of this.people.all) this.#crowd.tell('joined', person);
    await this.joined;
  }

  /** As `CallerLeg.onAgent`: shows everybody what the agent does and what is said, and says whose words they are. */
  onAgent(event: AgentEvent): AgentEvent {
    if (!this.#isRunning) return event;
    this.#crowd.onAgent(event);
    if (event.type === 'speech_started' || event.type === 'response_started') this.#life.active();
    this.#state.onAgent(event);
    return event.type === 'transcript' ? this.#onWords(event) : event;
  }

  /** Keys for those who are on a telephone. */
  sendDigit(digit: string): boolean {
    return this.#isRunning && this.people.hasPhone && (this.#room?.sendDigit(digit) ?? false);
  }

  /** The agent leaves the room; all is freed. */
  close(end: Termination): Promise<void> {
    this.#closing ??= this.#close(end);
    return this.#closing;
  }

  async #close(end: Termination): Promise<void> {
    this.#ended ??= end;
    this.#gone.resolve('closed');
    this.#detach();
    this.#abort.abort(new BridgeError('ABORTED', 'the call ended'));
    const room = this.#room ?? (await this.joined.catch(() => undefined));
    if (room === undefined) return;
    await this.#init.leaving?.();
    this.#init.log.info({ reason: end.reason, quality: room.quality() }, 'the agent leaves the room');
    await room.close(end.reason);
  }

  get #isRunning(): boolean {
    return this.#context !== undefined && this.#ended === undefined && this.#closing === undefined;
  }

  #handlers(): RoomHandlers {
    return {
      audio: (samples, by) => this.#onAudio(samples, by),
      participant: (change, person) => this.#onPerson(change, person),
      text: ({ identity, text, topic }) => {
        if (this.#isRunning) this.#crowd.wrote(identity, text, topic);
      },
      digit: ({ identity, digit }) => {
        if (this.#isRunning) this.#crowd.pressed(identity, digit);
      },
      link: (state) => {
        if (state === 'reconnecting' && !this.#away) this.#reconnects++;
        this.#away = state === 'reconnecting';
        this.#life.link(this.#away);
        this.#init.linked?.();
        this.#init.log.info({ link: state }, 'the way to the room');
      },
      ended: ({ reason, detail }) => this.#end(endOf(reason, detail), reason),
    };
  }

  #onAudio(samples: Int16Array, by: readonly Speaker[]): void {
    const context = this.#context;
    if (context === undefined || this.#ended !== undefined) return;
    context.count('frames_in');
    this.#state.look();
    this.#frame.samples = samples;
    context.peer.write(this.#frame);
    this.#crowd.heard(by);
  }

  #onPerson(change: 'joined' | 'left' | 'changed', person: Person): void {
    const isNews = this.people.take(change, person);
    // A telephone that still rings is greeted when it is answered: it is told to have changed then.
    if (isNews && change !== 'left' && isOnTheLine(person)) this.#came.resolve(person);
    if (!isNews || change === 'changed') return;
    this.#life.people(this.people.size);
    this.#crowd.tell(change, person);
  }

  #onWords(event: Extract<AgentEvent, { type: 'transcript' }>): AgentEvent {
    const words = event.role === 'agent' ? event : this.#crowd.attribute(event);
    // A line without a speaker would be the agent's.
    if (event.role === 'agent' || words.by !== undefined)
      this.#transcripts.tell(words, words.by?.identity, this.#init.clock.now());
    return words;
  }

  #write({ samples, sampleRate }: PcmFrame): void {
    const room = this.#room;
    if (room === undefined || !this.#isRunning) return;
    if (sampleRate !== ROOM_RATE) {
      this.#context?.count('frames_invalid');
      return;
    }
    room.write(samples);
    this.#written += samples.length;
    if (this.#written >= FRAME) {
      this.#context?.count('frames_out', Math.floor(this.#written / FRAME));
      this.#written %= FRAME;
    }
    this.#state.wrote(samples, room.playout.writtenMs(), ROOM_RATE);
  }

  #clear(): void {
    const room = this.#room;
    if (room === undefined || !this.#isRunning) return;
    this.#context?.count('ms_cleared', room.playout.writtenMs() - room.playout.playedMs());
    room.clear();
    this.#state.cleared();
  }

  #emit(event: Exclude<CallerEvent, { type: 'ended' }>): void {
    if (this.#isRunning) this.#context?.emit(event);
  }

  #end(end: Termination, why: RoomOver): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#detach();
    this.#gone.resolve(why);
    this.#context?.emit({ type: 'ended', end });
  }

  /** Stops the clockwork. */
  #detach(): void {
    this.#life.stop();
    this.#stop?.();
    this.#stop = undefined;
  }
}
