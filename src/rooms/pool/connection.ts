import type { Clock } from '../../call/clock.ts';
import type { Pace } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import { machineNow } from '../../process/machine-clock.ts';
import type {
  JoinRoom,
  Person,
  RoomAgentState,
  RoomConnection,
  RoomHandlers,
  RoomQuality,
  RoomTranscript,
  Speaker,
} from '../room.ts';
import { keyCode } from '../worker/room-talk.ts';
import { decodeUp, type News, type Order } from '../worker/wire.ts';
import { PlayoutClock } from './playout-clock.ts';

/** How long the worker may take to leave a room, ms. */
const CLOSE_MS = 5_000;

/** Of a room of which nothing was told yet. */
export const NO_QUALITY: RoomQuality = {
  rttMs: undefined,
  jitterMs: undefined,
  jitterBufferMs: undefined,
  leadMs: undefined,
  cushionMs: undefined,
  lately: { jitterBufferMs: undefined, leadMs: undefined, cushionMs: undefined },
  packetsSent: 0,
  packetsReceived: 0,
  packetsLost: 0,
  framesRejected: 0,
  framesHeldUp: 0,
  republished: 0,
  resumed: 0,
  rejoined: 0,
  framesMissing: 0,
};

export interface ConnectionInit {
  readonly options: JoinRoom;
  readonly handlers: RoomHandlers;
  readonly clock: Clock;
  send(order: Order): void;
  sendAudio(samples: Int16Array): void;
  /** The number is free: the worker has left the room, or has not in time. */
  freed(inTime: boolean): void;
}

/** The daemon's end of a room that a worker holds. */
export class Connection implements RoomConnection {
  readonly playout: PlayoutClock;
  /** Resolves when the agent is in the room. */
  readonly joined: Promise<void>;
  identity = '';
  sid = '';
  readonly #o: ConnectionInit;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  readonly #joinedAt = new Map<string, number>();
  readonly #speakers = new Map<number, string>();
  #quality = NO_QUALITY;
  /** Nothing more is told. */
  #over = false;
  #closing: Promise<void> | undefined;
  #closed = () => {};

  constructor(init: ConnectionInit) {
    this.#o = init;
    this.playout = new PlayoutClock(init.clock, init.options.rate);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.joined = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // Who joins waits for it; who ends before does not.
    promise.catch(() => {});
  }

  write(samples: Int16Array): void {
    if (this.#over || samples.length === 0) return;
    this.playout.wrote(samples.length);
    this.#o.sendAudio(samples);
  }

  clear(): void {
    this.playout.clear();
    this.#send({ t: 'clear', epoch: this.playout.epoch });
  }

  setPace(pace: Pace): void {
    this.#send({ t: 'pace', pace });
  }

  setState(state: RoomAgentState): void {
    this.#send({ t: 'state', state });
  }

  transcript(line: RoomTranscript): void {
    this.#send({ t: 'transcript', line });
  }

  chat(text: string): void {
    this.#send({ t: 'chat', text });
  }

  sendDigit(digit: string): boolean {
    if (keyCode(digit) === undefined) return false;
    this.#send({ t: 'digit', digit });
    return true;
  }

  sendData(text: string): void {
    this.#send({ t: 'data', text });
  }

  quality(): RoomQuality {
    return this.#quality;
  }

  close(why: string): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#over = true;
      this.#reject(new BridgeError('ABORTED', 'the room was left'));
      const late = this.#o.clock.after(CLOSE_MS, () => over(false));
      const over = (inTime: boolean) => {
        late.cancel();
        this.#closed = () => {};
        this.#o.freed(inTime);
        resolve();
      };
      this.#closed = () => over(true);
      this.#o.send({ t: 'close', why });
    });
    return this.#closing;
  }

  /** The worker is gone, with all that it held. */
  lost(detail: string): void {
    this.#reject(new BridgeError('LIVEKIT_WORKER_FAILED', `the process that joined the room ended: ${detail}`));
    if (!this.#over) {
      this.#over = true;
      this.#o.handlers.ended({ reason: 'worker-lost', detail });
    }
    this.#closing ??= Promise.resolve();
    this.#closed();
  }

  audio(content: Buffer): void {
    if (this.#over) return;
    const { epoch, played, ahead, atMs, by, samples } = decodeUp(content);
    this.playout.told(epoch, played, ahead, machineNow() - atMs);
    const speakers: Speaker[] = [];
    for (const { n, level } of by) {
      const identity = this.#speakers.get(n);
      if (identity !== undefined) speakers.push({ identity, level });
    }
    this.#o.handlers.audio(samples.length === 0 ? silence(this.#o.options.rate) : samples, speakers);
  }

  news(news: News): void {
    if (news.t === 'closed') this.#closed();
    if (this.#over) return;
    const { handlers } = this.#o;
    switch (news.t) {
      case 'joined':
        this.identity = news.identity;
        this.sid = news.sid;
        this.#resolve();
        return;
      case 'failed':
        this.#reject(new BridgeError(news.code, news.message, { retryable: news.code === 'LIVEKIT_UNREACHABLE' }));
        void this.close('it could not be joined');
        return;
      case 'person':
        handlers.participant(news.change, this.#person(news));
        return;
      case 'speaker':
        this.#speakers.set(news.n, news.identity);
        return;
      case 'text':
        handlers.text({ identity: news.identity, text: news.text, topic: news.topic, attributes: news.attributes });
        return;
      case 'data':
        handlers.data?.({ identity: news.identity, text: news.text });
        return;
      case 'digit':
        handlers.digit({ identity: news.identity, digit: news.digit });
        return;
      case 'link':
        handlers.link(news.state);
        return;
      case 'wants-token':
        void this.#token(news.id);
        return;
      case 'quality':
        this.#quality = news.quality;
        return;
      case 'ended':
        this.#over = true;
        handlers.ended({ reason: news.reason, detail: news.detail });
        void this.close('it is over');
        return;
      case 'closed':
        return;
      default:
        news satisfies never;
    }
  }

  #person({ change, person }: Extract<News, { t: 'person' }>): Person {
    const joinedAt = this.#joinedAt.get(person.identity) ?? this.#o.clock.now();
    if (change === 'left') this.#joinedAt.delete(person.identity);
    else this.#joinedAt.set(person.identity, joinedAt);
    return { ...person, joinedAt };
  }

  async #token(id: number): Promise<void> {
    const token = await this.#o.options.token().catch(() => undefined);
    this.#send({ t: 'token', id, token });
  }

  #send(order: Order): void {
    if (!this.#over) this.#o.send(order);
  }
}

/** A frame that nobody spoke in; nobody may write into it. */
const SILENCE = { 24000: new Int16Array(480), 48000: new Int16Array(960) } as const;
const silence = (rate: 24_000 | 48_000) => SILENCE[rate];
