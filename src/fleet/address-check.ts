import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { Instance } from './fleet.ts';
import { LEASE_MS } from './roll.ts';

/**
 * Whether what is asked of this instance comes to it. An address that two instances tell (a configuration that was copied, containers of two machines that number theirs alike) is found
 * by asking at it: first for this one, then for each other that tells the same. Workers of one machine have one address by right: whoever listens there gives each what is its own.
 */

/** Who answers at an address when one instance is asked for. */
export type AnswersAt =
  | { readonly who: 'it' }
  | { readonly who: 'another'; readonly id: string }
  | { readonly who: 'nobody' };

export interface AddressCheckOptions {
  readonly me: () => Instance;
  /** All that live, this one among them or not; undefined while that is not known. */
  readonly all: () => Promise<readonly Instance[] | undefined>;
  /** Must not reject. */
  readonly hello: (to: Instance) => Promise<AnswersAt>;
  /** Whether the address is this instance's, as far as is known: where it is another's nobody is to be told of it. */
  readonly right: (isRight: boolean) => void;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn' | 'info' | 'error'>;
}

const FIRST_MS = 3_000;
const EVERY_MS = 60_000;
/** While something is wrong: who mends it wants to see that. */
const WRONG_MS = 10_000;
/** So often nobody is reached until that is said: the first process of a machine listens only when all workers have started. */
const UNREACHED_LOOKS = 4;
/** One that died is known for as long as its lease, and its successor has its address. */
const DEAD_MS = LEASE_MS + 5_000;

const CURE =
  "Give each instance its own machine's address as INSTANCE_URL; or leave that empty where each has an address of its own, as containers have";

export class AddressCheck {
  /** What is wrong, in a sentence or two; undefined: nothing that is known of. */
  problem: string | undefined;
  readonly #o: AddressCheckOptions;
  /** Those that tell the same address and are not reached there: since when, monotonic ms. */
  readonly #twins = new Map<string, number>();
  /** How many looks in a row reached nobody. */
  #unreached = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: AddressCheckOptions) {
    this.#o = options;
  }

  begin(): void {
    this.#later(FIRST_MS);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const { me, hello, right, log } = this.#o;
    const mine = me();
    const own = await hello(mine);
    if (this.#closed) return;
    this.#unreached = own.who === 'nobody' ? this.#unreached + 1 : 0;
    if (this.#unreached === UNREACHED_LOOKS)
      log.warn(
        { url: mine.url },
        'this instance does not reach itself where the others are to reach it: right where a network keeps it from its own address, else INSTANCE_URL is wrong',
      );
    right(own.who !== 'another');
    const all = own.who === 'another' ? [] : await this.#o.all();
    if (all === undefined) {
      // Who ended meanwhile is known as one that lives; what was found before stays.
      if (this.problem === undefined) this.#twins.clear();
      return;
    }
    const twin = own.who === 'another' ? own.id : await this.#twinOf(mine, all);
    if (this.#closed) return;
    this.#tell(
      own.who === 'another'
        ? `instance ${own.id} answers at ${mine.url}, which is told to be this one's. What others ask of calls here fails until that is mended. ${CURE}.`
        : twin === undefined
          ? undefined
          : `instance ${twin} tells the address of this one, ${mine.url}, and is not reached there. What is asked of its calls fails until that is mended. ${CURE}.`,
    );
  }

  /** Another that tells this address, that is not reached by it, and that lives. */
  async #twinOf({ id, url }: Instance, all: readonly Instance[]): Promise<string | undefined> {
    const { hello, clock } = this.#o;
    const same = all.filter((one) => one.id !== id && one.url === url);
    for (const known of this.#twins.keys()) if (!same.some((one) => one.id === known)) this.#twins.delete(known);
    for (const one of same) {
      if ((await hello(one)).who === 'it') this.#twins.delete(one.id);
      else if (!this.#twins.has(one.id)) this.#twins.set(one.id, clock.now());
    }
    return [...this.#twins].find(([, since]) => clock.now() - since >= DEAD_MS)?.[0];
  }

  #tell(problem: string | undefined): void {
    const { log } = this.#o;
    if (problem !== undefined && problem !== this.problem) log.error({ problem }, 'TWO INSTANCES HAVE ONE ADDRESS');
    if (problem === undefined && this.problem !== undefined)
      log.info({}, 'each instance has an address of its own again');
    this.problem = problem;
  }

  #later(ms: number): void {
    this.#timer = this.#o.clock.after(ms, () => {
      void this.look().finally(() => {
        const isUnsure = this.#unreached > 0 && this.#unreached < UNREACHED_LOOKS;
        const isOdd = this.problem !== undefined || this.#twins.size > 0 || isUnsure;
        if (!this.#closed) this.#later(isOdd ? WRONG_MS : EVERY_MS);
      });
    });
  }
}
