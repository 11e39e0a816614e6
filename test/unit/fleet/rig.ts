import Fastify from 'fastify';
import type { Clock } from '../../../src/call/clock.ts';
import type { Handlers } from '../../../src/fleet/handlers.ts';
import { internalRoute } from '../../../src/fleet/http/internal-route.ts';
import { Peers } from '../../../src/fleet/http/peers.ts';
import { JoinedFleet } from '../../../src/fleet/joined.ts';
import { Proof } from '../../../src/fleet/proof.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';

export const SECRET = 'a secret that all of the fleet share';
const quiet = { warn: () => {}, info: () => {}, error: () => {}, debug: () => {} };

/** The network between the instances of a test, which hands requests to their routes without a socket. */
export class Network {
  readonly #apps = new Map<string, ReturnType<typeof Fastify>>();
  /** What was sent, to be sent again. */
  readonly sent: Array<{ url: string; init: RequestInit }> = [];
  /** Does something to a request on its way. */
  onTheWay: (url: string) => Promise<void> = async () => {};
  /** Instances that nothing reaches. */
  readonly down = new Set<string>();

  /** Where a host leads, for who asks (`from`) and for which instance. */
  leads: (host: string, from: string, instance: string) => string = (host) => host;

  add(host: string, app: ReturnType<typeof Fastify>): void {
    this.#apps.set(host, app);
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    this.sent.push({ url: url.href, init });
    await this.onTheWay(url.href);
    const headers = init.headers as Record<string, string>;
    const host = this.leads(url.host, headers['x-fleet-from'] ?? '', url.pathname.split('/')[2] ?? '');
    const app = this.#apps.get(host);
    if (app === undefined || this.down.has(host))
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
    const answer = await app.inject({
      method: 'POST',
      url: url.pathname,
      headers,
      payload: String(init.body),
    });
    return new Response(answer.body, { status: answer.statusCode, headers: answer.headers as Record<string, string> });
  };
}

export interface Member {
  readonly fleet: JoinedFleet;
  readonly clock: FakeClock;
  draining: boolean;
  calls: number;
}

/** An instance of a fleet, with a clock of its own. */
export async function member(
  self: string,
  {
    memory,
    network,
    clock = new FakeClock(),
    secrets = [SECRET],
    url = `http://${self}.test`,
    boot = `boot-${self}`,
    at,
    errors = [],
    warnings = [],
  }: MemberOptions,
): Promise<Member> {
  const proof = new Proof(secrets);
  const peers = new Peers({ self, proof, clock, fetch: network.fetch as typeof fetch });
  const made: Member = {
    clock,
    draining: false,
    calls: 0,
    fleet: new JoinedFleet({
      self,
      memory,
      clock,
      log: {
        ...quiet,
        error: (fields, message) => void errors.push(`${message} ${JSON.stringify(fields)}`),
        warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
      },
      boot,
      calls: () => made.calls,
      maxCalls: 100,
      isDraining: () => made.draining,
      urlAt: () => url,
      carry: (to, name, question, asked) => peers.carry(to, name, question, asked),
      hello: (to) => peers.hello(to),
    }),
  };
  network.add(at ?? new URL(url).host, served(self, boot, proof, made.fleet.handlers, clock));
  await made.fleet.begin(1);
  return made;
}

export interface MemberOptions {
  readonly memory: ProcessMemory;
  readonly network: Network;
  readonly clock?: FakeClock;
  readonly secrets?: readonly string[];
  /** What it tells the others, and where it is reached in truth. */
  readonly url?: string;
  readonly at?: string;
  readonly boot?: string;
  /** What its log says of errors. */
  readonly errors?: string[];
  readonly warnings?: string[];
}

function served(
  self: string,
  boot: string,
  proof: Proof,
  handlers: Handlers,
  clock: Clock,
): ReturnType<typeof Fastify> {
  const app = Fastify();
  app.register(internalRoute, { self, boot, proof, handlers, clock, log: quiet, count: () => {} });
  return app;
}
