import type { Clock } from '../../call/clock.ts';
import type { Counter } from '../../call/counters.ts';
import type { AgentEvent, CallerEvent } from '../../call/events.ts';
import { type Person, ROOM_FRAME_MS, type Speaker } from '../../rooms/room.ts';
import { readText } from '../../transport/channel-message.ts';
import { MessageLimit } from '../../transport/message-limit.ts';
import { Attribution } from './attribution.ts';
import { People } from './people.ts';
import { TypedLines } from './typed-lines.ts';

/**
 * How often the agent may be told in a row that somebody else speaks, and after how many frames once more: people who speak all at once are each the loudest for
 * a quarter of a second, and each line stays in what the model reads, and is paid for, at every answer.
 */
const TELLS = 5;
const TELL_FRAMES = 3_000 / ROOM_FRAME_MS;
/** The topic on which LiveKit's clients send what people write. */
const CHAT = 'lk.chat';

export interface CrowdInit {
  readonly clock: Pick<Clock, 'now'>;
  /** Whether the agent is told who speaks. */
  readonly tellSpeaker: boolean;
  /** Tells the call; it drops what is told while there is none. */
  readonly emit: (event: Exclude<CallerEvent, { type: 'ended' }>) => void;
  readonly count: (counter: Counter) => void;
  /** Told when somebody wrote, or pressed a key. */
  readonly acted: () => void;
}

type Words = Extract<AgentEvent, { type: 'transcript' }>;

/** What the people of one room do, as one caller's events: who comes, speaks, writes and presses keys, and whose words are whose. */
export class Crowd {
  readonly people = new People();
  readonly #init: CrowdInit;
  readonly #attribution = new Attribution();
  readonly #typed = new TypedLines();
  /** How many keys each of those who are here may press: nobody presses so many, and each is an event that is kept. */
  readonly #keys = new Map<string, MessageLimit>();
  /** Who was told to be speaking. */
  #speaker: string | undefined;
  /** How often that may be told yet. */
  #tells = TELLS;

  constructor(init: CrowdInit) {
    this.#init = init;
  }

  /** Tells of somebody who came or left. */
  tell(change: 'joined' | 'left', { identity, kind }: Person): void {
    if (change === 'left') this.#keys.delete(identity);
    const who = this.people.participant(identity);
    if (who !== undefined) this.#init.emit({ type: 'participant', change, who, kind });
  }

  /** One frame, and who is heard in it, the loudest first. */
  heard(by: readonly Speaker[]): void {
    this.#tells = Math.min(TELLS, this.#tells + 1 / TELL_FRAMES);
    this.#attribution.heard(by);
    const { speaker } = this.#attribution;
    if (speaker !== undefined && speaker !== this.#speaker && this.#tells >= 1) this.#tellSpeaker(speaker);
  }

  /** Somebody wrote this. */
  wrote(identity: string, text: string, topic: string): void {
    if (topic !== CHAT) return;
    const { clock, count, emit } = this.#init;
    const by = this.#here(identity);
    const said = readText(text);
    if (by === undefined || said === undefined) {
      count(by === undefined ? 'message_unknown' : 'message_malformed');
      return;
    }
    if (!this.#typed.take(identity, clock.now())) {
      count('message_flood');
      return;
    }
    this.#act(identity);
    emit({ type: 'text', text: said, by });
  }

  /** Somebody pressed this key. */
  pressed(identity: string, digit: string): void {
    const by = this.#here(identity);
    if (by === undefined || !/^[0-9*#A-D]$/.test(digit)) {
      this.#init.count(by === undefined ? 'message_unknown' : 'message_malformed');
      return;
    }
    if (this.#keysOf(identity).admit(this.#init.clock.now()) !== 'taken') {
      this.#init.count('message_flood');
      return;
    }
    this.#act(identity);
    this.#init.emit({ type: 'dtmf', digit, by });
  }

  /** Hears of the turns that the model takes for such. */
  onAgent(event: AgentEvent): void {
    if (event.type === 'speech_started') this.#attribution.began(event.itemId);
    else if (event.type === 'speech_stopped') this.#attribution.ended(event.itemId);
  }

  /** The words of people with whose they are; as they are where nobody knows it. */
  attribute(words: Words): Words {
    const whose = this.#attribution.of(words.itemId);
    const by = this.people.participant(whose?.by ?? this.people.only?.identity ?? '');
    if (by === undefined) return words;
    const others = (whose?.others ?? []).flatMap((identity) => this.people.participant(identity) ?? []);
    return { ...words, by, ...(others.length === 0 ? {} : { others }) };
  }

  #keysOf(identity: string): MessageLimit {
    const known = this.#keys.get(identity);
    if (known !== undefined) return known;
    const limit = new MessageLimit(1);
    this.#keys.set(identity, limit);
    return limit;
  }

  /** As others are told of somebody who is here. */
  #here(identity: string) {
    return this.people.get(identity) && this.people.participant(identity);
  }

  /** Somebody wrote or pressed a key: the conversation is with him now. What may not be told yet is told with the frames that follow. */
  #act(identity: string): void {
    this.#init.acted();
    if (this.#attribution.wrote(identity) && this.#tells >= 1) this.#tellSpeaker(identity);
  }

  #tellSpeaker(identity: string): void {
    const by = this.people.participant(identity);
    if (by === undefined) return;
    const before = this.#speaker === undefined ? undefined : this.people.participant(this.#speaker);
    this.#speaker = identity;
    this.#tells = Math.max(0, this.#tells - 1);
    const several = before !== undefined || this.people.size > 1;
    const told = this.#init.tellSpeaker && several;
    this.#init.emit({ type: 'speaker', by, ...(before === undefined ? {} : { before }), told });
  }
}
