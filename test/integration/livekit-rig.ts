import { readdirSync, readFileSync } from 'node:fs';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import type { RecordView } from '../../src/records/http/records-api-routes.ts';
import { type JoinOptions, type LiveKitServer, People, type Person } from '../../src/simulator/livekit/index.ts';
import { ask } from './browser-page.ts';
import { startLiveKit } from './livekit-server.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, type RigOptions, sleep, startRig } from './rig.ts';

/** The whole daemon, a model's far end, a real LiveKit server, and people in a process of their own. */

/** What `/livekit/create-room` and `/livekit/join-room` answer. */
export interface Opened {
  readonly connectionId: string;
  readonly roomName: string;
  readonly accessToken: string;
  readonly serverUrl: string;
  readonly status: string;
}

export interface LiveKitRigOptions extends RigOptions {
  /** One that several rigs share, which then is not stopped with this one. */
  server?: LiveKitServer;
  people?: People;
}

export interface LiveKitRig extends Rig {
  readonly server: LiveKitServer;
  readonly people: People;
  /** The server's own view of rooms. */
  readonly api: RoomServiceClient;
  /** Asks the daemon as its operator; fails unless it succeeds. */
  post<T = Opened>(route: string, body: unknown): Promise<T>;
  get<T>(route: string): Promise<{ status: number; body: T }>;
  /** Brings somebody into a room that was opened, with the token that came with it. */
  enter(opened: Opened, options?: Partial<JoinOptions>): Promise<Person>;
  /** Brings one more into it, by `join-room`. */
  follow(opened: Opened, name: string, options?: Partial<JoinOptions>): Promise<Person>;
  /** The record of a call, once it has its end. */
  record(connectionId: string): Promise<RecordView>;
}

export async function startLiveKitRig(options: LiveKitRigOptions = {}): Promise<LiveKitRig> {
  const server = options.server ?? (await startLiveKit());
  const [people, rig] = await Promise.all([
    options.people ?? People.start(),
    startRig({
      ...options,
      settings: {
        LIVEKIT_ENABLED: 'true',
        LIVEKIT_SERVER_URL: server.url,
        LIVEKIT_API_KEY: server.apiKey,
        LIVEKIT_API_SECRET: server.apiSecret,
        ...options.settings,
      },
    }),
  ]);
  const post = async <T>(route: string, body: unknown): Promise<T> => {
    const answer = await ask(`${rig.url}/livekit/${route}`, 'POST', body);
    if (answer.status !== 200) throw new Error(`${route}: HTTP ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  };
  const enter = ({ serverUrl: url, accessToken: token }: Opened, more: Partial<JoinOptions> = {}) =>
    people.join({ url, token, ...more });
  return {
    ...rig,
    server,
    people,
    api: new RoomServiceClient(server.httpUrl, server.apiKey, server.apiSecret),
    post,
    get: async (route) => (await ask(`${rig.url}/livekit/${route}`, 'GET')) as never,
    enter,
    async follow({ roomName }, participantName, more) {
      return enter(await post<Opened>('join-room', { roomName, participantName }), more);
    },
    async record(connectionId) {
      const end = performance.now() + 15_000;
      for (;;) {
        const answer = await askAsOperator(`${rig.url}/records/${connectionId}`);
        const { record } = (await answer.json()) as { record?: RecordView };
        if (record?.endedAt) return record;
        if (performance.now() > end) throw new Error(`no record of ${connectionId} with an end: HTTP ${answer.status}`);
        await sleep(100);
      }
    },
    async close() {
      await rig.close();
      if (options.people === undefined) await people.close();
      if (options.server === undefined) await server.stop();
    },
  };
}

/** A token for a room as somebody else's backend makes one: for kinds of participants that the daemon makes none for. */
export async function tokenFor(
  server: LiveKitServer,
  room: string,
  identity: string,
  more: { kind?: 'sip' | 'agent' | 'egress'; name?: string; attributes?: Record<string, string> } = {},
): Promise<string> {
  const { kind, ...options } = more;
  const token = new AccessToken(server.apiKey, server.apiSecret, { identity, ttl: 600, ...options });
  if (kind !== undefined) token.kind = kind;
  token.addGrant({ roomJoin: true, room, agent: kind === 'agent', canUpdateOwnMetadata: true });
  return token.toJwt();
}

/** Processes whose parent this one is. */
export function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === process.pid;
      } catch {
        return false;
      }
    });
}
