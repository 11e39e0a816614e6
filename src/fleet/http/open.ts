import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import type { CountHttp } from '../../http/counters.ts';
import type { ProcessMemory } from '../../memory/memory.ts';
import { AloneFleet } from '../alone.ts';
import type { FleetMember } from '../fleet.ts';
import { JoinedFleet, newBoot } from '../joined.ts';
import { Proof } from '../proof.ts';
import { addressOf } from './address.ts';
import { internalRoute } from './internal-route.ts';
import { Peers } from './peers.ts';

export interface OpenFleetOptions {
  readonly self: string;
  readonly memory: ProcessMemory;
  readonly clock: Clock;
  readonly log: Log;
  readonly count: CountHttp;
  readonly calls: () => number;
  readonly maxCalls: number;
  readonly isDraining: () => boolean;
  /** None: a fleet of one. */
  readonly secrets: readonly string[];
  /** Where the others reach this one, where that was set. */
  readonly url: string | undefined;
  /** What is listened on. */
  readonly host: string;
  /** Names the workers of this machine; undefined where this process is its only one. */
  readonly machine: string | undefined;
}

export interface OpenedFleet {
  readonly fleet: FleetMember;
  /** Registers what other instances ask by. */
  serve(app: FastifyInstance): void;
}

/** This daemon among the others that share its memory, or alone. */
export function openFleet(options: OpenFleetOptions): OpenedFleet {
  const { self, clock, log, count, secrets, url, host } = options;
  if (secrets.length === 0) return { fleet: new AloneFleet(options), serve: () => {} };
  const proof = new Proof(secrets);
  const boot = newBoot();
  const peers = new Peers({ self, proof, clock });
  const fleet = new JoinedFleet({
    ...options,
    boot,
    urlAt: (port) => url ?? addressOf(host, port),
    carry: (to, name, question, asked) => peers.carry(to, name, question, asked),
    hello: (to) => peers.hello(to),
  });
  const route = { self, boot, proof, handlers: fleet.handlers, clock, log, count };
  return { fleet, serve: (app) => void app.register(internalRoute, route) };
}
