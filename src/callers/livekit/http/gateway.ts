import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { CallObserver } from '../../../call/events.ts';
import type { Log } from '../../../call/leg.ts';
import { termination } from '../../../call/termination.ts';
import type { Dispatch } from '../../../dispatch.ts';
import { errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { AdminOptions } from '../../../http/admin.ts';
import { pendingLimits } from '../../../http/pending.ts';
import type { Intake } from '../../../intake/intake.ts';
import { Strangers } from '../../../intake/strangers.ts';
import type { PcmFrame } from '../../../media/frame.ts';
import type { ProcessMemory } from '../../../memory/memory.ts';
import { openRooms } from '../../../rooms/pool/rooms.ts';
import type { RoomAudio, Rooms } from '../../../rooms/room.ts';
import { RoomServer } from '../../../transport/room-server.ts';
import { livekitMetrics } from '../metrics.ts';
import { Bringing } from './bringing.ts';
import { Clearing } from './clearing.ts';
import { livekitApi } from './livekit.ts';
import { LivekitRooms } from './rooms.ts';
import { ServerCheck } from './server-check.ts';
import { livekitWebhook } from './webhook.ts';

export interface LivekitOptions {
  /** As we reach the server, and as clients do: `ws:` or `wss:`. */
  readonly url: string;
  readonly clientUrl: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly access: 'admin' | 'public';
  /** Origins of other sites whose pages may ask, in lower case. */
  readonly origins: readonly string[];
  /** Prompts that anybody may choose. */
  readonly agents: readonly string[];
  readonly patterns: readonly string[];
  readonly audio: RoomAudio;
  readonly tellSpeaker: boolean;
  readonly agentName: string;
  /** Most rooms of strangers, and of one tenant. */
  readonly strangers: number;
  readonly perTenant: number;
  readonly joinMs: number;
  readonly leaveMs: number;
  readonly idleMs: number;
  readonly tokenSeconds: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** The other processes, and what all of them remember. */
  readonly fleet: Fleet;
  readonly memory: Pick<ProcessMemory, 'space' | 'leases'>;
  /** Recorded words for people whose call cannot be had. */
  readonly apology?: PcmFrame | undefined;
  /** Makes the connections to rooms, in place of a pool of processes. */
  readonly rooms?: Rooms;
  /** In place of the server's own API. */
  readonly server?: Pick<
    RoomServer,
    'ready' | 'probe' | 'token' | 'create' | 'find' | 'remove' | 'participants' | 'removeParticipant' | 'webhook'
  >;
}

export interface LivekitParts {
  readonly app: FastifyInstance;
  readonly calls: Pick<Calls, 'join'>;
  readonly intake: Intake;
  readonly dispatch: Pick<Dispatch, 'hasPrompt' | 'promptNames'>;
  readonly admin: AdminOptions;
}

/** Calls in rooms of LiveKit's: everything that is theirs, joined. */
export class Livekit {
  readonly #o: LivekitOptions;
  readonly #rooms = new LivekitRooms();
  readonly #pool: Rooms;
  #bringing: Bringing | undefined;
  #clearing: Clearing | undefined;
  #check: ServerCheck | undefined;

  constructor(options: LivekitOptions) {
    this.#o = options;
    this.#pool = options.rooms ?? openRooms(options);
  }

  get observer(): CallObserver {
    return this.#rooms;
  }

  /** What an operator has to mend before rooms can be joined, a sentence each. */
  get problems(): readonly string[] {
    const problem = this.#check?.problem;
    return problem === undefined ? [] : [problem];
  }

  install({ app, calls, intake, dispatch, admin }: LivekitParts): void {
    const { url, clientUrl, apiKey, apiSecret, access, origins, agents, patterns, clock, log, registry } = this.#o;
    const { server = new RoomServer({ url, apiKey, apiSecret }) } = this.#o;
    const all = this.#rooms;
    const metrics = livekitMetrics(registry, function* () {
      for (const { tenantId, leg } of all.all) yield { tenantId, people: leg?.people.size ?? 0 };
    });
    const clearing = new Clearing({ server, agentIn: (name) => all.agentIn(name), clock, log, metrics });
    this.#clearing = clearing;
    all.connect({
      ...this.#o,
      apology: this.#o.apology,
      rooms: this.#pool,
      server,
      clearing,
      intake,
      calls,
      metrics,
      strangers: new Strangers({ connecting: pendingLimits(this.#o.strangers), most: this.#o.strangers }),
      clock,
      log,
    });
    app.register(livekitApi, {
      rooms: all,
      admin,
      access,
      origins,
      clientUrl,
      agents,
      promptNames: () => dispatch.promptNames(),
    });
    this.#bringing = new Bringing({ rooms: all, clearing, clock, log, metrics });
    app.register(livekitWebhook, {
      server,
      bringing: this.#bringing,
      patterns,
      hasPrompt: (name) => dispatch.hasPrompt(name),
      metrics,
    });
    // The daemon does not wait for it: everything else runs without.
    const check = new ServerCheck({ server, clock, log });
    this.#check = check;
    Promise.all([this.#pool.ready(), server.ready()]).then(
      async () => {
        if (await check.taken()) log.info({}, 'rooms can be joined');
      },
      (err: unknown) =>
        log.error(
          { err, code: errorCode(err) },
          'rooms cannot be had here: requests for them are refused, everything else runs',
        ),
    );
  }

  async close(): Promise<void> {
    this.#check?.close();
    this.#bringing?.close();
    await Promise.all([this.#clearing?.close(), this.#rooms.closeAll(termination('drained'))]);
    await this.#pool.close();
  }
}
