import { randomBytes } from 'node:crypto';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { BridgeError } from '../errors.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import { AddressCheck, type AnswersAt } from './address-check.ts';
import {
  type Alias,
  type Asked,
  type AskOptions,
  type FleetMember,
  type Handler,
  type Instance,
  type Owned,
  type Owner,
  peerUnreachable,
} from './fleet.ts';
import { Handlers } from './handlers.ts';
import { Owners } from './owners.ts';
import { LEASE_MS, Roll } from './roll.ts';

/** Carries a question to another instance. Rejects as `Fleet.ask` does. */
export type Carry = <A>(to: Instance, name: string, question: unknown, options: AskOptions) => Promise<A>;

export interface JoinedOptions {
  readonly self: string;
  /** The memory that all share. */
  readonly memory: ProcessMemory;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'info' | 'error'>;
  readonly calls: () => number;
  readonly maxCalls: number;
  readonly isDraining: () => boolean;
  /** Where the others reach this one, that listens at this port. */
  readonly urlAt: (port: number) => string;
  readonly carry: Carry;
  /** Who answers where one instance is to be. Must not reject. */
  readonly hello: (to: Instance) => Promise<AnswersAt>;
  /** This process, whatever its id. */
  readonly boot?: string;
  /** As the others are told it: `Instance.machine`. */
  readonly machine?: string | undefined;
}

/** Unpredictable: names one process, whatever ids there are. */
export const newBoot = (): string => randomBytes(12).toString('base64url');

/** A fleet of several: who there is and who has what lies in the memory that they share, and each is asked at its own address. */
export class JoinedFleet implements FleetMember {
  readonly self: string;
  readonly isAlone = false;
  /** What is asked of this one. */
  readonly handlers: Handlers;
  readonly #o: JoinedOptions;
  readonly #owners: Owners;
  readonly #roll: Roll;
  readonly #startedAt: number;
  readonly #unwatch: () => void;
  readonly #check: AddressCheck;
  readonly #boot: string;
  #url: string | undefined;
  /** Another answers there. */
  #isAnothers = false;
  /** Of one with this id: what is wrong, and when it was seen last, monotonic ms. */
  #twin: { readonly problem: string; readonly at: number } | undefined;

  constructor(options: JoinedOptions) {
    const { self, memory, clock, log } = options;
    this.self = self;
    this.#o = options;
    this.handlers = new Handlers(clock);
    this.#owners = new Owners(self, memory);
    this.#startedAt = clock.wall();
    this.#boot = options.boot ?? newBoot();
    this.#check = new AddressCheck({
      // Where it would be reached, whether the others are told that or not.
      me: () => ({ ...this.#me(), url: this.#url }),
      all: async () => (memory.state === 'away' ? undefined : this.instances()),
      hello: options.hello,
      right: (isRight) => this.#right(isRight),
      clock,
      log,
    });
    this.#roll = new Roll({
      leases: memory.leases({ name: 'instances' }),
      clock,
      log,
      isAway: memory.state === 'away',
      me: () => this.#me(),
      renewed: (after) => {
        if (after === 'failure') this.#owners.tellAgain();
      },
      read: (members) => this.#lookForTwin(members),
    });
    this.#unwatch = memory.onState((state) => {
      if (state === 'away') this.#roll.away();
      if (state !== 'here' || this.#url === undefined) return;
      void this.#roll.back();
      this.#owners.tellAgain();
    });
  }

  get problem(): string | undefined {
    const { clock } = this.#o;
    const twin = this.#twin === undefined || clock.now() - this.#twin.at > LEASE_MS ? undefined : this.#twin.problem;
    return twin ?? this.#check.problem;
  }

  instances(): Promise<readonly Instance[]> {
    return this.#roll.all();
  }

  serve<Q, A>(name: string, handler: Handler<Q, A>): void {
    this.handlers.serve(name, handler);
  }

  async ask<Q, A>(instance: string, name: string, question: Q, options: AskOptions): Promise<A> {
    if (instance === this.self) return this.handlers.answer<A>(name, question, options);
    const to = await this.#roll.find(instance);
    if (to === undefined) throw peerUnreachable('it is not there any more');
    return this.#o.carry<A>(to, name, question, options);
  }

  async askAll<Q, A>(name: string, question: Q, options: AskOptions): Promise<ReadonlyArray<Asked<A>>> {
    const all = await this.instances();
    return Promise.all(
      all.map(({ id: instance }) =>
        this.ask<Q, A>(instance, name, question, options).then(
          (answer) => ({ instance, answer }),
          (error: unknown) => ({ instance, error }),
        ),
      ),
    );
  }

  own(callId: string, aliases: readonly Alias[]): Owned {
    return this.#owners.own(callId, aliases);
  }

  async ownerOf(alias: Alias): Promise<Owner | undefined> {
    try {
      const entry = await this.#owners.find(alias);
      if (entry === undefined) return undefined;
      const { instance, callId } = entry;
      const lives = instance === this.self || (await this.#roll.find(instance)) !== undefined;
      return { instance, callId, reachable: lives };
    } catch {
      return undefined;
    }
  }

  async begin(port: number): Promise<void> {
    // One that lives under this id would be asked for what is ours, and we for what is its.
    if ((await this.#roll.before()) !== undefined)
      throw new BridgeError(
        'INSTANCE_TAKEN',
        `another instance of the fleet has the id ${this.self}: start this one anew`,
      );
    this.#url = this.#o.urlAt(port);
    await this.#roll.begin();
    this.#check.begin();
  }

  async drain(): Promise<void> {
    if (this.#url !== undefined) await this.#roll.renew();
  }

  async close(): Promise<void> {
    this.#unwatch();
    this.#check.close();
    await this.#roll.close();
  }

  #me(): Instance {
    const { calls, maxCalls, isDraining, machine } = this.#o;
    return {
      id: this.self,
      url: this.#isAnothers ? undefined : this.#url,
      calls: calls(),
      maxCalls,
      draining: isDraining(),
      startedAt: this.#startedAt,
      boot: this.#boot,
      machine,
    };
  }

  /** An address that leads to another is told to nobody: who asks is told so at once. */
  #right(isRight: boolean): void {
    if (this.#isAnothers === !isRight) return;
    this.#isAnothers = !isRight;
    void this.#roll.renew();
  }

  /** A copy of a running machine has the id of the one it was made of, and tells of itself by turns with it. */
  #lookForTwin(members: readonly Instance[]): void {
    const twin = members.find(({ id, boot }) => id === this.self && boot !== undefined && boot !== this.#boot);
    if (twin === undefined) return;
    const where = twin.url ?? 'an address that it does not tell';
    const problem = `another instance, at ${where}, has the id of this one, ${this.self}: one of both is a copy. What is asked of calls of either may fail. Start this one anew.`;
    if (this.problem !== problem) this.#o.log.error({ problem }, 'TWO INSTANCES HAVE ONE ID');
    this.#twin = { problem, at: this.#o.clock.now() };
  }
}
