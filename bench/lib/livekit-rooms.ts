import { join } from 'node:path';
import { RoomServiceClient } from 'livekit-server-sdk';
import {
  buildServer,
  findServer,
  LiveKitServer,
  noBuilder,
  People,
  type Person,
} from '../../src/simulator/livekit/index.ts';
import { type AudioSource, scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import type { CarrierCallersMethods } from './carrier-callers.ts';
import { type Child, sleep, startChild } from './child.ts';
import type { DaemonMethods } from './daemon.ts';
import { LightPeople, type LightPerson } from './light-people.ts';
import { childrenOf, type ProcessUsage, usageOf } from './processes.ts';
import type { Received } from './rtp-log.ts';

/** A daemon with a real LiveKit server, a model and people, each in a process of its own, for benches and soaks. */

/** How loud a quiet room is, dBFS: no word for the model. */
const HUM_DBFS = -66;
const TOKEN = 'token-of-the-bench-operator';

/** Percent of a core in a window, and bytes of RSS at its end. */
export interface Part {
  readonly cpu: number;
  readonly rss: number;
}

export interface Window {
  readonly daemon: Part;
  readonly workers: Part;
  readonly server: Part;
  readonly people: Part;
  readonly model: Part;
}

export interface Room {
  readonly roomName: string;
  readonly connectionId: string;
  readonly people: readonly Person[];
  /** The people leave, and the room is ended by the daemon. */
  close(): Promise<void>;
}

/** The same with people who neither encode nor decode. */
export interface LightRoom {
  readonly connectionId: string;
  readonly people: readonly LightPerson[];
  /** The people leave, with what each received of the agent, and the room is ended by the daemon. */
  close(): Promise<Array<readonly Received[]>>;
}

interface Created {
  readonly connectionId: string;
  readonly roomName: string;
  readonly accessToken: string;
  readonly serverUrl: string;
}

export interface OpenRoom {
  readonly people: number;
  /** The first person speaks for a second once in so many ms. */
  readonly everyMs?: number;
  /** Where somebody does not speak his room hums, each his own: nothing of it is a silence that need not be sent. */
  readonly hum?: boolean;
  /** Nobody speaks. */
  readonly isSilent?: boolean;
  /** People keep what their library gave out of the agent's track. */
  readonly keepsTape?: boolean;
}

export interface StartRooms {
  /** The daemon keeps what its calls told (`note`). */
  readonly keepNotes?: boolean;
  /** A recording that the agent says in place of its tone. */
  readonly wav?: string | undefined;
  /** How long that tone is, ms; 3 s when left out. */
  readonly toneMs?: number | undefined;
}

export class RoomsOfBench {
  readonly server: LiveKitServer;
  readonly people: People;
  readonly api: RoomServiceClient;
  readonly daemon: Child<DaemonMethods>;
  readonly #model: Child<CarrierCallersMethods>;
  readonly #target: string;
  #light: LightPeople | undefined;

  private constructor(
    server: LiveKitServer,
    people: People,
    daemon: Child<DaemonMethods>,
    model: Child<CarrierCallersMethods>,
    target: string,
  ) {
    this.server = server;
    this.people = people;
    this.daemon = daemon;
    this.#model = model;
    this.#target = target;
    this.api = new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret);
  }

  /** Rejects where no LiveKit server can be had. */
  static async start(
    settings: Record<string, string> = {},
    { keepNotes = false, wav, toneMs }: StartRooms = {},
  ): Promise<RoomsOfBench> {
    const program = findServer() ?? (noBuilder() === undefined ? await buildServer() : undefined);
    if (program === undefined) throw new Error(`no livekit-server can be had: ${noBuilder()}`);
    const model = startChild<CarrierCallersMethods>('carrier-callers.ts');
    const daemon = startChild<DaemonMethods>('daemon.ts');
    const [server, people, modelUrl] = await Promise.all([
      LiveKitServer.start({ program }),
      People.start(),
      model.ask('listen', { wav, toneMs }),
    ]);
    const env = {
      OPENAI_BASE_URL: modelUrl,
      USE_WEBRTC: 'false',
      GREETING: 'off',
      SILENCE_SECONDS: '0',
      // Its calls have no end of their own, also in a soak of hours.
      MAX_CALL_MINUTES: '1440',
      PROMPTS_DIR: join(import.meta.dirname, '../../test/fixtures/prompts'),
      ADMIN_TOKEN: TOKEN,
      LIVEKIT_ENABLED: 'true',
      LIVEKIT_SERVER_URL: server.url,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
      ...settings,
    };
    const target = await daemon.ask('start', { env, keepNotes });
    return new RoomsOfBench(server, people, daemon, model, target);
  }

  /** A room with people in it. */
  async open({
    people: count,
    everyMs = 7_000,
    isSilent = false,
    hum = false,
    keepsTape = false,
  }: OpenRoom): Promise<Room> {
    const { people, roomName, connectionId } = await this.#fill(count, { everyMs, isSilent, hum }, (ticket, source) =>
      this.people.join({
        url: ticket.serverUrl,
        token: ticket.accessToken,
        source,
        comesBack: false,
        keepsTape,
        // Nobody asks for it, and in hours it would be gigabytes.
        keepsRecording: false,
      }),
    );
    return {
      roomName,
      connectionId,
      people,
      close: async () => {
        await Promise.all(people.map((person) => person.leave()));
        await this.post('end-call', { connectionId }).catch(() => {});
      },
    };
  }

  /** Started by the first who asks. Throws where they cannot be built. */
  get light(): LightPeople {
    this.#light ??= LightPeople.start();
    return this.#light;
  }

  /** As `open`, with light people. */
  async openLight({ people: count, everyMs = 7_000, isSilent = false, hum = false }: OpenRoom): Promise<LightRoom> {
    const { light } = this;
    const { people, connectionId } = await this.#fill(count, { everyMs, isSilent, hum }, (ticket, source) =>
      light.join({ url: ticket.serverUrl, token: ticket.accessToken, hum: source }),
    );
    return {
      connectionId,
      people,
      close: async () => {
        const received = await Promise.all(people.map((person) => person.leave()));
        await this.post('end-call', { connectionId }).catch(() => {});
        return received;
      },
    };
  }

  /** Makes a room and brings people there one after the other, each with what it says. */
  async #fill<P>(
    count: number,
    { everyMs, isSilent, hum }: Required<Pick<OpenRoom, 'everyMs' | 'isSilent' | 'hum'>>,
    join: (ticket: Created, source: AudioSource) => Promise<P>,
  ): Promise<{ readonly people: P[]; readonly roomName: string; readonly connectionId: string }> {
    const created = await this.post<Created>('create-room', { participantName: 'P0' });
    const { roomName, connectionId } = created;
    const people: P[] = [];
    const words = scriptSource([{ pauseMs: 1_000 }, toneSource(1_020, { ms: 1_000 }), { pauseMs: everyMs - 2_000 }], {
      endless: true,
    });
    for (let i = 0; i < count; i++) {
      const quiet = hum ? toneSource(120 + 10 * i, { dbfs: HUM_DBFS }) : silenceSource();
      const ticket = i === 0 ? created : await this.post<Created>('join-room', { roomName, participantName: `P${i}` });
      people.push(await join(ticket, i === 0 && !isSilent ? words : quiet));
    }
    return { people, roomName, connectionId };
  }

  async post<T>(route: string, body: unknown): Promise<T> {
    const response = await fetch(`${this.#target}/livekit/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${route}: HTTP ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async get<T>(route: string): Promise<T> {
    const response = await fetch(`${this.#target}/livekit/${route}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return (await response.json()) as T;
  }

  /** Processes that the daemon has started: its workers. */
  get workers(): Array<{ readonly pid: number } & ProcessUsage> {
    return childrenOf(this.daemon.pid).map((pid) => ({ pid, ...usageOf(pid) }));
  }

  /** What each process takes from now on, for so long. */
  async window(seconds: number): Promise<Window> {
    const { server, people, daemon } = this;
    const look = () => {
      const workers = this.workers;
      return {
        atMs: performance.now(),
        daemon: usageOf(daemon.pid),
        server: usageOf(server.pid),
        people: sumOf([usageOf(people.pid), usageOf(this.#light?.pid)]),
        workers: sumOf(workers),
        model: usageOf(this.#model.pid),
      };
    };
    const from = look();
    await sleep(seconds * 1_000);
    const to = look();
    const part = (of: (one: typeof from) => ProcessUsage): Part => ({
      cpu: (100 * (of(to).cpuMs - of(from).cpuMs)) / (to.atMs - from.atMs),
      rss: of(to).rss,
    });
    return {
      daemon: part((one) => one.daemon),
      workers: part((one) => one.workers),
      server: part((one) => one.server),
      people: part((one) => one.people),
      model: part((one) => one.model),
    };
  }

  async close(): Promise<void> {
    await this.#light?.close();
    await this.people.close();
    await this.daemon.stop();
    await this.#model.stop();
    await this.server.stop();
  }
}

function sumOf(processes: readonly ProcessUsage[]): ProcessUsage {
  const sum = (of: (one: ProcessUsage) => number) => processes.reduce((all, one) => all + of(one), 0);
  return { cpuMs: sum(({ cpuMs }) => cpuMs), rss: sum(({ rss }) => rss), threads: sum(({ threads }) => threads) };
}
