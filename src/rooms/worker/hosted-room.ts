import type { Clock, Timer } from '../../call/clock.ts';
import { BridgeError, errorCode, errorMessage } from '../../errors.ts';
import type { LinkEnd, LinkHandlers, LinkStats, RoomConnector, RoomLink } from '../../transport/room-link.ts';
import { ROOM_FRAME_MS, type RoomEnd } from '../room.ts';
import { AgentTrack } from './agent-track.ts';
import { connectWithin } from './connecting.ts';
import { Outbox } from './outbox.ts';
import { isHeard, isTold, People } from './people.ts';
import { Rejoining } from './rejoining.ts';
import { RoomTalk } from './room-talk.ts';
import { Voices } from './voices.ts';
import { WayWatch } from './way-watch.ts';
import type { News, Order, UpAudio } from './wire.ts';

export type JoinOrder = Extract<Order, { t: 'join' }>;

export interface HostedRoomInit {
  readonly library: RoomConnector;
  readonly clock: Clock;
  /** See `machine-clock.ts`. */
  readonly machineNow: () => number;
  readonly order: JoinOrder;
  tell(news: News): void;
  /** A fresh token; rejects when none comes. */
  freshToken(): Promise<string>;
}

/** The topic of chat, and the most that is taken of what somebody writes or sends, bytes. */
const CHAT = 'lk.chat';
const MOST_TEXT_BYTES = 16 * 1024;
/**
 * How long those who were there before the link went away have to come back, ms: their own clients have to find the server again, too. Those of browsers try every 7 to 8 s,
 * and the first time they only take up what the server has forgotten.
 */
const COME_BACK_MS = 20_000;
/** How long leaving may take, ms. */
const LEAVE_MS = 4_500;

/** Ends of a link after which coming back is not wanted; all others are a way that was lost. */
const FOR_GOOD: Readonly<Record<string, RoomEnd>> = {
  room_deleted: 'room-deleted',
  room_closed: 'room-closed',
  participant_removed: 'removed',
  duplicate_identity: 'duplicate-identity',
};

/** Our own word for a link that the library made anew and by which nothing goes: it was seen to say so on a busy machine, and never to mend it. */
const CARRIES_NOTHING = 'carries_nothing';

/** How often the way is looked at, ms: an answer that a person hears in a room is measured, and the way of that very moment is taken off. The library's statistics cost some ms each time. */
const LOOK_MS = 5_000;
const PERSON_LOOK_MS = 2_500;

/** One room with the agent in it, in the worker: joined, kept, joined again when it was lost, left. */
export class HostedRoom {
  readonly #o: HostedRoomInit;
  readonly #voices: Voices;
  readonly #people: People;
  readonly #track: AgentTrack;
  readonly #outbox: Outbox;
  readonly #talk: RoomTalk;
  readonly #watch: WayWatch;
  #link: RoomLink | undefined;
  /** The last attempt to come in, as far as it has come. Never rejects. */
  #entering: Promise<void> = Promise.resolve();
  /** Links that are being left: a room that is deleted around one of them leaves something behind for good. */
  readonly #leaving = new Set<Promise<void>>();
  #state: 'joining' | 'here' | 'away' | 'over' = 'joining';
  #epoch = 0;
  /** Until when nobody who is missing has left, ms. */
  #keepUntil = 0;
  #lost: Timer | undefined;
  #comeBack: Timer | undefined;
  #rejoining: Rejoining | undefined;
  /** The library says that it is back, and nothing that was sent since has shown it. */
  #isUnproven = false;
  #resumed = 0;
  #rejoined = 0;
  /** The number of each speaker that was told. */
  readonly #speakers = new Map<string, number>();

  constructor(init: HostedRoomInit) {
    this.#o = init;
    const { order, clock, tell } = init;
    this.#voices = new Voices(order.audio, order.rate, () => clock.now());
    this.#people = new People((change, person) => tell({ t: 'person', change, person }));
    this.#track = new AgentTrack({
      rate: order.rate,
      name: order.trackName,
      microphone: order.role === 'person',
      clock,
      stalled: (detail) => this.#end('media-stalled', detail),
    });
    this.#watch = new WayWatch({
      clock,
      link: () => (this.#state === 'here' ? this.#link : undefined),
      everyMs: order.role === 'person' ? PERSON_LOOK_MS : LOOK_MS,
      seen: (stats) => this.#tellQuality(stats),
      moves: () => {
        this.#isUnproven = false;
      },
      stands: () => {
        if (this.#isUnproven) this.#ended(CARRIES_NOTHING);
        else this.#track.republish('no packet of the track was sent');
      },
      unanswered: () => {
        if (this.#isUnproven) this.#ended(CARRIES_NOTHING);
      },
    });
    this.#outbox = new Outbox(clock);
    this.#talk = new RoomTalk(this.#outbox, order.attributes, () => {
      return this.#state === 'here' && this.#link !== undefined
        ? { link: this.#link, trackSid: this.#track.sid }
        : undefined;
    });
  }

  /** Joins. What becomes of it is told: `joined`, or `failed`. */
  async join(): Promise<void> {
    const { order, tell } = this.#o;
    try {
      await this.#enter(order.token, order.connectMs);
      if (this.#is('over')) return;
      tell({ t: 'joined', identity: this.#link!.identity, sid: this.#link!.sid });
      this.#watch.start();
    } catch (error) {
      if (this.#is('over')) return;
      this.#state = 'over';
      tell({ t: 'failed', code: errorCode(error, 'LIVEKIT_UNREACHABLE'), message: errorMessage(error) });
    }
  }

  order(order: Exclude<Order, { t: 'join' | 'token' | 'close' }>): void {
    if (order.t === 'clear') {
      this.#epoch = order.epoch;
      this.#track.clear(this.#o.clock.now());
    } else if (order.t === 'pace') this.#track.speech.live = order.pace === 'live' || this.#o.order.role === 'person';
    else this.#talk.order(order);
  }

  write(samples: Int16Array): void {
    this.#track.speech.write(samples, this.#o.clock.now());
  }

  /** Plays what is due, and takes `frames` of the room's audio. Called every tick of 20 ms. */
  tick(frames: number, send: (audio: UpAudio) => void): void {
    if (this.#state === 'joining' || this.#state === 'over') return;
    const now = this.#o.clock.now();
    this.#track.tick(now);
    const { speech } = this.#track;
    const atMs = this.#o.machineNow();
    for (let i = 0; i < frames; i++) {
      const { samples, silent, by } = this.#voices.next(frames - 1 - i);
      send({
        epoch: this.#epoch,
        played: speech.played(now),
        ahead: speech.ahead(now),
        atMs,
        by: by.map(({ identity, level }) => ({ n: this.#numberOf(identity), level })),
        samples: silent ? SILENCE : samples,
      });
    }
    this.#voices.settle();
  }

  /** Something of it went wrong in a way that nobody expects: it ends, and no other room with it. */
  broke(detail: string): void {
    this.#end('media-stalled', detail);
  }

  /** Leaves, also where the room ended by itself and is being left already. Resolves when nothing of it is left, true, or when that took too long, false. */
  async close(): Promise<boolean> {
    this.#stop();
    // An agent that is let in after its room was deleted would make it anew.
    const entering = this.#link === undefined ? this.#entering : Promise.resolve();
    this.#drop();
    return new Promise((resolve) => {
      // What never came in holds nothing: the server does not answer.
      const late = this.#o.clock.after(LEAVE_MS, () => resolve(this.#leaving.size === 0));
      void entering
        .then(() => Promise.all(this.#leaving))
        .then(() => {
          late.cancel();
          resolve(true);
        });
    });
  }

  /** Begins to leave by the link that there is. */
  #drop(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) void this.#leave(link);
  }

  #leave(link: RoomLink): Promise<void> {
    const leaving = link.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return leaving;
  }

  #enter(token: string, withinMs: number): Promise<void> {
    const entering = this.#comeIn(token, withinMs);
    this.#entering = entering.catch(() => {});
    return entering;
  }

  /** Connects, publishes and says who it is. */
  async #comeIn(token: string, withinMs: number): Promise<void> {
    const { library, clock, order } = this.#o;
    let mine: RoomLink | undefined;
    // What an earlier link still tells is of a room that is over.
    const handlers = this.#handlers(() => mine !== undefined && this.#link === mine);
    const { url, rate, topics = [CHAT] } = order;
    const options = { url, token, rate, topics, maxTextBytes: MOST_TEXT_BYTES };
    const link = await connectWithin(library, clock, withinMs, options, handlers);
    if (this.#is('over')) {
      await this.#leave(link);
      return;
    }
    mine = link;
    this.#link = link;
    try {
      await this.#track.publish(link);
    } catch (error) {
      this.#link = undefined;
      void this.#leave(link);
      throw error;
    }
    if (this.#is('over')) return;
    if (this.#link !== link) throw new BridgeError('LIVEKIT_UNREACHABLE', 'the room was lost while it was joined');
    this.#track.paused = false;
    this.#state = 'here';
    this.#introduce();
    this.#see();
  }

  /** Says who the agent is. A person has a name, and no more to say. */
  #introduce(): void {
    if (this.#o.order.role !== 'person') this.#talk.introduce();
  }

  #handlers(isMine: () => boolean): LinkHandlers {
    const mine =
      <A extends unknown[]>(fn: (...args: A) => void) =>
      (...args: A) => {
        if (isMine()) fn(...args);
      };
    const { tell } = this.#o;
    return {
      people: mine(() => this.#see()),
      frame: mine((sid, samples) => this.#voices.push(sid, samples)),
      silent: mine((sid) => this.#voices.close(sid)),
      text: mine((identity, text, topic, attributes) => tell({ t: 'text', identity, text, topic, attributes })),
      data: mine((identity, bytes) => {
        if (this.#o.order.data !== true || bytes.length > MOST_TEXT_BYTES) return;
        tell({ t: 'data', identity, text: Buffer.from(bytes).toString() });
      }),
      digit: mine((identity, digit) => tell({ t: 'digit', identity, digit })),
      reconnecting: mine(() => this.#away()),
      reconnected: mine(() => this.#resume()),
      ended: mine((why) => this.#ended(why)),
    };
  }

  /** Looks who is there, and hears those that are to be heard. */
  #see(): void {
    const link = this.#link;
    if (link === undefined || this.#state !== 'here') return;
    const { role } = this.#o.order;
    const there = link.people().filter((person) => isTold(person, role));
    const heard = new Set<string>();
    for (const person of there) {
      if (person.microphone === undefined || !isHeard(person, role)) continue;
      heard.add(person.microphone.sid);
      this.#voices.open(person.identity, person.microphone.sid, person.microphone.muted);
      link.hear(person.microphone.sid);
    }
    for (const sid of this.#voices.sids) if (!heard.has(sid)) this.#voices.close(sid);
    this.#people.update(there, this.#o.clock.now() < this.#keepUntil);
  }

  #away(): void {
    if (this.#state !== 'here') return;
    this.#state = 'away';
    this.#track.paused = true;
    // Nobody has left as far as one can know.
    this.#keepUntil = Number.POSITIVE_INFINITY;
    this.#comeBack?.cancel();
    this.#watch.stop();
    this.#lost ??= this.#o.clock.after(this.#o.order.lostMs, () => {
      this.#end('server-gone', `the server was not back within ${this.#o.order.lostMs} ms`);
    });
    this.#o.tell({ t: 'link', state: 'reconnecting' });
  }

  #resume(): void {
    if (this.#state !== 'away' || this.#rejoining !== undefined) return;
    this.#resumed++;
    this.#track.paused = false;
    this.#state = 'here';
    this.#isUnproven = true;
    this.#back('resumed');
    // The server may have begun anew, and knows nothing of what the agent said of itself.
    this.#introduce();
  }

  /** The link is there again, one way or the other. */
  #back(how: 'resumed' | 'rejoined'): void {
    const { clock, tell } = this.#o;
    this.#lost?.cancel();
    this.#lost = undefined;
    this.#keepUntil = clock.now() + COME_BACK_MS;
    this.#comeBack = clock.after(COME_BACK_MS, () => {
      // A timer may fire a fraction of a millisecond before its time, and nothing looks again after it.
      this.#keepUntil = 0;
      this.#see();
    });
    tell({ t: 'link', state: how });
    this.#see();
    this.#watch.start(this.#isUnproven);
  }

  /** The library has given the room up. */
  #ended(why: LinkEnd): void {
    const reason = FOR_GOOD[why];
    if (reason !== undefined) {
      this.#end(reason, `the server says ${why}`);
      return;
    }
    // A link that ends without having been lost is lost now.
    this.#away();
    this.#isUnproven = false;
    const old = this.#link;
    this.#link = undefined;
    this.#track.detach();
    if (old !== undefined) void this.#leave(old);
    for (const sid of this.#voices.sids) this.#voices.close(sid);
    // An attempt to come back that failed on the way is tried again by who makes it.
    if (this.#state !== 'away' || this.#rejoining !== undefined) return;
    const { clock, freshToken } = this.#o;
    this.#rejoining = new Rejoining({
      clock,
      enter: async (withinMs) => this.#enter(await freshToken(), withinMs),
      done: () => {
        this.#rejoining = undefined;
        this.#rejoined++;
        this.#back('rejoined');
      },
      refused: (detail) => this.#end('refused', detail),
    });
    this.#rejoining.start();
  }

  #end(reason: RoomEnd, detail: string): void {
    if (this.#state === 'over') return;
    this.#stop();
    this.#drop();
    this.#o.tell({ t: 'ended', reason, detail });
  }

  #stop(): void {
    this.#state = 'over';
    for (const timer of [this.#lost, this.#comeBack]) timer?.cancel();
    this.#watch.stop();
    this.#rejoining?.stop();
    this.#outbox.close();
    this.#track.detach();
  }

  #tellQuality({ jitterBufferLatelyMs, ...stats }: LinkStats): void {
    const { counts } = this.#track;
    const missing = this.#voices.missing;
    const sums = { resumed: this.#resumed, rejoined: this.#rejoined, framesMissing: missing };
    const waits = { leadMs: this.#track.speech.wait.ms, cushionMs: this.#voices.waitMs };
    const lately = {
      jitterBufferMs: jitterBufferLatelyMs,
      leadMs: this.#track.speech.wait.takeLately(),
      cushionMs: this.#voices.takeLately(),
    };
    this.#o.tell({ t: 'quality', quality: { ...stats, ...counts, ...sums, ...waits, lately } });
  }

  #numberOf(identity: string): number {
    const known = this.#speakers.get(identity);
    if (known !== undefined) return known;
    const n = this.#speakers.size;
    this.#speakers.set(identity, n);
    this.#o.tell({ t: 'speaker', n, identity });
    return n;
  }

  #is(state: 'joining' | 'here' | 'away' | 'over'): boolean {
    return this.#state === state;
  }
}

const SILENCE = new Int16Array(0);
export const FRAME_MS = ROOM_FRAME_MS;
