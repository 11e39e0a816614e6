import { type CarrierCall, carrierCallKey } from '../../../call/carrier-call.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';
import type { StreamedLeg } from '../../../orders/lines.ts';
import type { OutboundPlan } from '../../../orders/outbound-call.ts';
import type { DialledRelay } from './dialled-relay.ts';
import type { IncomingCall } from './incoming-call.ts';
import { ISSUED_MS } from './stream-token.ts';

/**
 * Media streams of those who were called to answer a call: no calls of their own. Each is waited for by the instance that has the call, and comes wherever its
 * carrier is let in: from there what is said is passed on, since a call that goes on moves no more.
 */

/** Longer than any call may last, ms. */
const KEEP_MS = 25 * 3_600_000;
const MOST = 20_000;

export interface DialledStreamsDeps {
  readonly memory: Pick<ProcessMemory, 'space'>;
  readonly fleet: Pick<Fleet, 'isAlone' | 'self' | 'ownerOf'>;
  /** What was ordered of a call that answers another; undefined for any other call. */
  readonly claim: (call: CarrierCall, to: string) => Promise<OutboundPlan | undefined>;
  /** Passes a line on to the instance that waits for it; left out: there is no other. */
  readonly relay?: Pick<DialledRelay, 'pass'> | undefined;
}

export class DialledStreams {
  readonly #deps: DialledStreamsDeps;
  readonly #expected = new Map<string, (leg: StreamedLeg) => void>();
  /** Carriers' calls of them, and our ids of those: every instance knows what comes behind their streams, which is nothing, and who is to be asked for one. */
  readonly #known: MemorySpace<true>;
  /** Our ids of those that were brought just now. */
  readonly #new: MemorySpace<true>;

  constructor(deps: DialledStreamsDeps) {
    this.#deps = deps;
    this.#known = deps.memory.space({ name: 'dialled', most: MOST });
    this.#new = deps.memory.space({ name: 'dialled-new', most: MOST });
  }

  /** As `ExpectedStreams.expect`. */
  expect(id: string, take: (leg: StreamedLeg) => void): () => void {
    this.#expected.set(id, take);
    return () => void this.#expected.delete(id);
  }

  /** Whether one under this id is waited for here. */
  expects(id: string): boolean {
    return this.#expected.has(id);
  }

  /** Whether a call that a carrier brings answers another: our id of it, and the instance that waits for its stream. */
  async brought(
    incoming: IncomingCall,
    to: string,
  ): Promise<{ readonly id: string; readonly at?: string } | undefined> {
    if (incoming.direction !== 'outbound') return undefined;
    const plan = await this.#deps.claim(incoming, to);
    if (plan?.leg === undefined) return undefined;
    // Where it cannot be written down his carrier lets him go with an apology that he does not need.
    const known = [carrierCallKey(incoming), plan.callId].map((key) => this.#known.put(key, true, KEEP_MS));
    await Promise.allSettled([...known, this.#new.put(plan.callId, true, ISSUED_MS)]);
    const { at } = plan.leg;
    return { id: plan.callId, ...(at === undefined ? {} : { at }) };
  }

  /** Whether this is the carrier's call to somebody who was called to answer. Never rejects. */
  async isOne(call: CarrierCall): Promise<boolean> {
    return (await this.#known.get(carrierCallKey(call)).catch(() => undefined)) === true;
  }

  /** Whether a call under this id of ours was brought just now, here or elsewhere, by the clock of what instances share. Never rejects. */
  async isNew(id: string): Promise<boolean> {
    return (await this.#new.get(id).catch(() => undefined)) === true;
  }

  /** Gives a line to whoever waits for it. False: nobody does. Never rejects. */
  async join(id: string, leg: StreamedLeg): Promise<boolean> {
    const take = this.#expected.get(id);
    if (take !== undefined) {
      this.#expected.delete(id);
      take(leg);
      return true;
    }
    const { fleet, relay } = this.#deps;
    if (fleet.isAlone || relay === undefined) return false;
    // Whoever placed an order is found by its id as well: of any other call nobody is asked for its stream.
    if ((await this.#known.get(id).catch(() => undefined)) !== true) return false;
    const owner = await fleet.ownerOf({ kind: 'order', id });
    if (owner === undefined || !owner.reachable || owner.instance === fleet.self) return false;
    return relay.pass(id, leg, owner.instance);
  }
}
