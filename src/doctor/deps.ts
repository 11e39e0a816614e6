import type { AgentKind } from '../agents/kind.ts';
import type { Clock } from '../call/clock.ts';
import type { Carriers } from '../callers/phone/carriers/index.ts';
import type { Config } from '../config.ts';

/** What the doctor's checks are made with. */

/** Why an optional part cannot be had; undefined where it can. */
export interface Parts {
  readonly webrtc: string | undefined;
  readonly opus: string | undefined;
  /** Of carriers, by the names that they have there. */
  readonly [part: string]: string | undefined;
}

/** What checks are made with; tests put their own in. */
export interface DoctorDeps {
  readonly config: Config;
  /** The kinds of agents that the daemon knows. */
  readonly agents: readonly AgentKind[];
  /** The carriers that it knows, as the settings have them. */
  readonly carriers: Pick<Carriers, 'all' | 'isSigned'>;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Free bytes for this user on the disk that holds the folder. */
  readonly freeBytes: (folder: string) => Promise<number>;
  /** The text of /proc/self/limits; rejects where there is none. */
  readonly limits: () => Promise<string>;
  /** Addresses of this machine's network interfaces. */
  readonly addresses: () => readonly string[];
  /** Whether this runs in a container, whose ports are another's business. */
  readonly inContainer: () => boolean;
  /** Whether UDP to this port of an address arrives at the same port here; undefined where it cannot be tried. Left out: it is tried. */
  readonly knock?: (address: string, port: number) => Promise<boolean | undefined>;
  /** Which optional parts can be loaded. */
  readonly parts: () => Parts;
}

/** Every secret of the configuration that is long enough to be told from ordinary text. */
export function secretsOf({ config, agents, carriers }: Pick<DoctorDeps, 'config' | 'agents' | 'carriers'>): string[] {
  return [
    ...agents.flatMap((kind) => kind.secrets?.(config) ?? []),
    ...carriers.all.flatMap(({ checks }) => checks.secrets),
    config.WHATSAPP_ACCESS_TOKEN,
    ...config.WHATSAPP_APP_SECRET,
    config.WHATSAPP_VERIFY_TOKEN,
    ...config.BRIDGE_TOKEN,
    config.LIVEKIT_API_SECRET,
    config.STREAM_TOKEN_SECRET,
    config.CALLBACK_SECRET,
    config.WEBHOOK_SECRET,
    ...(config.DATABASE_URL === undefined ? [] : passwordsOf(config.DATABASE_URL)),
    ...(config.REDIS_URL === undefined ? [] : passwordsOf(config.REDIS_URL)),
    ...config.FLEET_SECRET,
    ...config.ADMIN_TOKEN,
    ...config.ICE_SERVERS.map((server) => server.credential),
  ].filter((secret) => secret !== undefined && secret.length >= 6) as string[];
}

/** The password as it stands in the URL, and as it is. */
function passwordsOf(url: string): string[] {
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
}
