import type { Clock, Timer } from '../../call/clock.ts';
import { type Termination, termination } from '../../call/termination.ts';

export interface RoomLifeOptions {
  readonly clock: Clock;
  /** How long the room waits for its first person, ms. */
  readonly joinMs: number;
  /** How long the agent stays when the last person has left, ms. */
  readonly leaveMs: number;
  /** How long nothing may happen in it, ms. */
  readonly idleMs: number;
  /** It is time to go. Told once. */
  readonly over: (end: Termination, why: 'nobody-came' | 'all-left' | 'idle') => void;
}

/**
 * How long the agent stays in a room where nobody needs it. The server has times of its own, which begin and end by other rules, and takes up to a minute
 * more: https://docs.livekit.io/home/server/managing-rooms/
 */
export class RoomLife {
  readonly #o: RoomLifeOptions;
  /** Until somebody comes, or comes back; undefined while somebody is there. */
  #alone: Timer | undefined;
  #idle: Timer | undefined;
  #activeAt: number;
  #someCame = false;
  #people = 0;
  /** Whether the server is away: everybody seems to leave then. */
  #away = false;
  #stopped = false;

  constructor(options: RoomLifeOptions) {
    this.#o = options;
    const { clock, joinMs } = options;
    this.#activeAt = clock.now();
    this.#alone = clock.after(joinMs, () =>
      this.#over(termination('no-stream', `nobody came to the room within ${joinMs / 1_000} s`), 'nobody-came'),
    );
    this.#watchIdle(options.idleMs);
  }

  /** So many people are there now. */
  people(count: number): void {
    const before = this.#people;
    this.#people = count;
    if (count > before) this.active();
    this.#look();
  }

  /** The way to the server is lost, or is there again. */
  link(away: boolean): void {
    this.#away = away;
    this.#look();
  }

  /** Somebody spoke, wrote or came: people or the agent. */
  active(): void {
    this.#activeAt = this.#o.clock.now();
  }

  /** Nothing is told any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#alone?.cancel();
    this.#idle?.cancel();
  }

  #look(): void {
    if (this.#stopped) return;
    if (this.#people > 0) {
      this.#someCame = true;
      this.#alone?.cancel();
      this.#alone = undefined;
      return;
    }
    if (!this.#someCame) return;
    if (this.#away) {
      this.#alone?.cancel();
      this.#alone = undefined;
      return;
    }
    const { clock, leaveMs } = this.#o;
    this.#alone ??= clock.after(leaveMs, () => this.#over(termination('caller-hangup'), 'all-left'));
  }

  #watchIdle(ms: number): void {
    const { clock, idleMs } = this.#o;
    this.#idle = clock.after(ms, () => {
      const left = this.#activeAt + idleMs - clock.now();
      if (left > 0) this.#watchIdle(left);
      else this.#over(termination('caller-silent', `nothing happened in the room for ${idleMs / 60_000} min`), 'idle');
    });
  }

  #over(end: Termination, why: 'nobody-came' | 'all-left' | 'idle'): void {
    if (this.#stopped) return;
    this.stop();
    this.#o.over(end, why);
  }
}
