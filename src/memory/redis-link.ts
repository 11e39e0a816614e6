import type { Clock, Timer } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { Listeners } from './listeners.ts';
import { type MemoryState, memoryUnavailable } from './memory.ts';
import { RedisConnection } from './redis-client.ts';
import { LATE, type Script } from './redis-scripts.ts';
import { Watchers } from './watchers.ts';

export interface RedisLinkOptions {
  readonly url: string;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** This instance, as Redis lists its clients. */
  readonly instance: string;
  /** Told when Redis is away, with why, and when it is back. */
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** How long a command may take, ms. */
export const COMMAND_MS = 500;
/** How often Redis is asked whether it is there, and what time it is, ms: while it is, and while it is not. */
const LOOK_MS = 2_000;
const LOOK_AWAY_MS = 500;
/** So many unanswered looks in a row on a connection that seems open, and another is made. */
const DEAD_AFTER = 3;
/** A reading of Redis's clock that came as quickly as this replaces any other; a slower one, only one as old as that, ms. */
const GOOD_READING_MS = 50;
const OLD_READING_MS = 10_000;

const UNKNOWN = 'no connection yet';
const GONE = 'the connection is gone';

/**
 * The way to Redis: whether it is there, what its clock says, and commands that are carried out in time or never. Two connections: one on which
 * commands are answered, one that listens, for which silence is no sign of anything.
 */
export class RedisLink {
  readonly #o: RedisLinkOptions;
  readonly #commands: RedisConnection;
  readonly #news: RedisConnection;
  readonly #listeners: Listeners;
  readonly #watchers = new Watchers();
  #state: MemoryState = 'away';
  #why = UNKNOWN;
  /** Redis's clock, at least: `ahead` of ours, ms, by a reading that took `tookMs` and was had at `at`. */
  #reading: { readonly ahead: number; readonly tookMs: number; readonly at: number } | undefined;
  /** When an answer came last, of ours, ms. */
  #answered = 0;
  #unanswered = 0;
  #unheard = 0;
  #look: Timer | undefined;
  #closed = false;

  constructor(options: RedisLinkOptions) {
    this.#o = options;
    const { url, instance } = options;
    const to = (name: string) => ({ url, commandMs: COMMAND_MS, name: `voicebridge-${instance}-${name}` });
    this.#commands = new RedisConnection(to('commands'), {
      ready: () => this.#lookNow(),
      closed: () => {
        if (this.#why === UNKNOWN) this.#why = GONE;
        this.#away(GONE);
      },
      failed: (detail) => {
        this.#why = detail;
      },
    });
    this.#news = new RedisConnection(to('news'), {
      ready: () => this.#listenAgain(),
      news: (channel, text) => this.#listeners.tell(channel, text),
    });
    this.#listeners = new Listeners({
      begin: (channel) => this.#listen([channel]),
      end: (channel) => void this.#news.unsubscribe(channel).catch(() => {}),
    });
  }

  /** Begins to connect. It goes on for as long as it is not closed. */
  open(): void {
    this.#commands.connect();
    this.#news.connect();
    this.#lookLater(LOOK_AWAY_MS);
  }

  get state(): MemoryState {
    return this.#state;
  }

  /** Why it is away; without credentials. */
  get why(): string {
    return this.#why;
  }

  /** `here` is told again when news may have been missed although nothing else was. */
  onState(changed: (state: MemoryState) => void): () => void {
    return this.#watchers.add(changed);
  }

  /** Carries a script out within the time of a command, or never. Rejects as the memory's users expect it. */
  async run(script: Script, keys: readonly string[], args: ReadonlyArray<string | number> = []): Promise<unknown> {
    const until = this.#o.clock.now() + COMMAND_MS;
    const attempt = () => {
      const { ahead } = this.#reading ?? { ahead: Number.NEGATIVE_INFINITY };
      return this.#asked(() => this.#commands.run(script, keys, [Math.floor(until + ahead), ...args]));
    };
    this.#mustBeHere();
    try {
      return await attempt();
    } catch (error) {
      // Late by Redis's clock, and in time by ours: its clock was set. It did nothing, and can be asked again.
      const [, time] = LATE.exec(errorMessage(error)) ?? [];
      const now = this.#o.clock.now();
      if (time === undefined || now >= until) throw unavailable(error);
      this.#reading = { ahead: Number(time) - now, tookMs: COMMAND_MS - (until - now), at: now };
      return attempt().catch((again) => {
        throw unavailable(again);
      });
    }
  }

  async get(key: string): Promise<string | null> {
    this.#mustBeHere();
    return this.#asked(() => this.#commands.get(key)).catch((error) => {
      throw unavailable(error);
    });
  }

  publish(channel: string, text: string): void {
    if (this.#state === 'here') this.#asked(() => this.#commands.publish(channel, text)).catch(() => {});
  }

  subscribe(channel: string, heard: (text: string) => void): () => void {
    return this.#listeners.add(channel, heard);
  }

  async info(section: string): Promise<string> {
    return this.#asked(() => this.#commands.info(section));
  }

  close(): void {
    this.#closed = true;
    this.#look?.cancel();
    this.#commands.close();
    this.#news.close();
    this.#state = 'away';
  }

  #mustBeHere(): void {
    if (this.#state === 'away') throw memoryUnavailable(this.#why);
  }

  /** What Redis says of it, when it said something; that it said nothing for so long, else. */
  async #asked<T>(asking: () => Promise<T>): Promise<T> {
    const { clock } = this.#o;
    const sent = clock.now();
    try {
      const answer = await asking();
      this.#answered = clock.now();
      return answer;
    } catch (error) {
      if (isReply(error)) this.#answered = clock.now();
      // A command that is not answered while others are is one too many; where none is, nobody else shall wait for that long.
      else if (this.#answered <= sent) this.#away(errorMessage(error));
      throw error;
    }
  }

  #lookLater(ms: number): void {
    this.#look?.cancel();
    if (!this.#closed) this.#look = this.#o.clock.after(ms, () => this.#lookNow());
  }

  #lookNow(): void {
    this.#look?.cancel();
    void this.#lookAt().finally(() => this.#lookLater(this.#state === 'here' ? LOOK_MS : LOOK_AWAY_MS));
    if (this.#news.isReady) {
      this.#news.ping().then(
        () => {
          this.#unheard = 0;
        },
        () => {
          this.#unheard++;
          if (this.#unheard < DEAD_AFTER) return;
          this.#unheard = 0;
          this.#news.renew();
        },
      );
    }
  }

  async #lookAt(): Promise<void> {
    if (!this.#commands.isReady) return;
    const { clock } = this.#o;
    const sent = clock.now();
    try {
      const time = await this.#asked(() => this.#commands.time());
      // One that answers and takes no writes would be here and away again with every command: it is away until its name leads to another.
      if (this.#state === 'away' && (await this.#isReplica())) {
        this.#why = 'it is a replica, and takes no writes';
        throw memoryUnavailable(this.#why);
      }
      this.#unanswered = 0;
      this.#read(time, sent, clock.now());
      this.#here();
    } catch {
      this.#unanswered++;
      if (this.#unanswered < DEAD_AFTER || this.#closed) return;
      this.#unanswered = 0;
      this.#commands.renew();
    }
  }

  async #isReplica(): Promise<boolean> {
    // Who may not ask for it is told by his first write.
    return /^role:slave/m.test(await this.info('replication').catch(() => ''));
  }

  /** Redis read its clock before we had it: it may be ahead by more than this, and never by less. What is held to it is never done too late. */
  #read(time: number, sent: number, had: number): void {
    const reading = { ahead: time - had, tookMs: had - sent, at: had };
    const last = this.#reading;
    if (
      last === undefined ||
      reading.tookMs <= Math.max(GOOD_READING_MS, last.tookMs) ||
      had - last.at > OLD_READING_MS
    )
      this.#reading = reading;
  }

  #here(): void {
    if (this.#state === 'here' || this.#closed) return;
    this.#state = 'here';
    this.#o.log.info({}, 'Redis is reached');
    this.#watchers.tell('here');
  }

  #away(why: string): void {
    if (this.#state === 'away') return;
    this.#state = 'away';
    this.#why = why;
    // Another server may answer next, with a clock of its own.
    this.#reading = undefined;
    this.#o.log.warn({ detail: why }, 'Redis is away');
    this.#watchers.tell('away');
    this.#lookLater(LOOK_AWAY_MS);
  }

  #listen(channels: readonly string[]): void {
    if (channels.length > 0 && this.#news.isReady) this.#news.subscribe(channels).catch(() => this.#news.renew());
  }

  #listenAgain(): void {
    const { channels } = this.#listeners;
    if (channels.length === 0) return;
    this.#news.subscribe(channels).then(
      () => {
        if (this.#state === 'here') this.#watchers.tell('here');
      },
      () => this.#news.renew(),
    );
  }
}

/** Whether Redis said it, instead of nothing. */
const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

const unavailable = (error: unknown): Error => memoryUnavailable(errorMessage(error));
