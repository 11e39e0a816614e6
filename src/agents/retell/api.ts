import { z } from 'zod';
import { BridgeError } from '../../errors.ts';
import type { IceServer } from '../../transport/peer.ts';
import { type ApiContext, askApi } from '../common/api.ts';
import type { ProviderReport } from '../common/report.ts';
import type { RetellTarget } from './target.ts';

/**
 * Its API for web calls. https://docs.retellai.com/api-references/create-web-call and, for the older version,
 * https://docs.retellai.com/deprecation-notice/2026/09-30_create_web_call_v2
 */

export interface RetellAccount {
  readonly apiUrl: string;
  readonly apiKey: string;
}

/** A call that was made, and what opens it: secrets, for half a minute. */
export interface RetellCall {
  readonly callId: string;
  readonly accessToken: string;
  readonly transport: 'gateway' | 'livekit';
  readonly iceServers: readonly IceServer[];
  /** When its token came, ms of the clock. */
  readonly madeAt: number;
}

/** More servers than anybody names; a token or id that is longer is none. */
const MOST_SERVERS = 8;
const text = z.string().min(1).max(16_384);

const created = z.object({
  call_id: z.string().regex(/^[\w-]{1,128}$/),
  access_token: text,
  // Left out by the older version, whose calls are all in rooms.
  transport: z.enum(['gateway', 'livekit']).default('livekit'),
  ice_servers: z
    .array(
      z.object({
        urls: z.union([text, z.array(text).min(1).max(MOST_SERVERS)]),
        username: text.optional(),
        credential: text.optional(),
      }),
    )
    .max(MOST_SERVERS)
    .catch([]),
});

const headersOf = ({ apiKey }: RetellAccount) => ({ Authorization: `Bearer ${apiKey}` });

/**
 * Makes a call by the newer version of the API, or by the older. Which transport it is for is in the answer, whichever was asked. Rejects as `askApi`
 * does; where this version is not there, or there is no such agent, with MODEL_REJECTED and `status` 404.
 */
export async function createCall(
  account: RetellAccount,
  { agent_id, agent_version, dynamic_variables, metadata }: RetellTarget,
  version: 2 | 3,
  context: ApiContext,
): Promise<RetellCall> {
  const answer = created.safeParse(
    await askApi(
      {
        method: 'POST',
        url: `${account.apiUrl}/v${version}/create-web-call`,
        headers: headersOf(account),
        body: {
          agent_id,
          ...(agent_version === undefined ? {} : { agent_version }),
          ...(dynamic_variables === undefined ? {} : { retell_llm_dynamic_variables: dynamic_variables }),
          ...(metadata === undefined ? {} : { metadata }),
        },
      },
      context,
    ),
  );
  if (!answer.success) throw new BridgeError('MODEL_PROTOCOL', "Retell's API answered without a call");
  const { call_id: callId, access_token: accessToken, transport, ice_servers } = answer.data;
  const iceServers = ice_servers.map(({ urls, username, credential }) => ({
    urls,
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential }),
  }));
  return { callId, accessToken, transport, iceServers, madeAt: context.clock.now() };
}

/**
 * The call by whatever version the target leaves open: the newer, and the older where there is no newer. `context` for each request; `beforeRoom` is awaited before a call
 * is made by the older version, whose token is for a room and dies soon.
 */
export async function createAnyCall(
  account: RetellAccount,
  target: RetellTarget,
  context: () => ApiContext,
  beforeRoom: () => Promise<unknown>,
): Promise<RetellCall> {
  const older = async () => {
    await beforeRoom();
    return createCall(account, target, 2, context());
  };
  if (target.transport === 'livekit') return older();
  try {
    return await createCall(account, target, 3, context());
  } catch (error) {
    const isMissing = error instanceof BridgeError && error.code === 'MODEL_REJECTED' && error.status === 404;
    if (!isMissing || target.transport === 'gateway') throw error;
    return older();
  }
}

const ms = z.number().nonnegative().optional().catch(undefined);
const ended = z.object({
  call_status: z.string().max(64).catch(''),
  disconnection_reason: z.string().max(128).optional().catch(undefined),
  duration_ms: ms,
  latency: z
    .object({ e2e: z.object({ p50: ms, p90: ms, p95: ms, p99: ms, max: ms }).optional().catch(undefined) })
    .optional()
    .catch(undefined),
  transcript_object: z.array(z.object({ role: z.string(), content: z.string() })).catch([]),
});

/** What its API says of a call; undefined while it still goes on. Rejects as `askApi` does. */
export async function reportOf(
  account: RetellAccount,
  callId: string,
  context: ApiContext,
): Promise<ProviderReport | undefined> {
  const url = `${account.apiUrl}/v2/get-call/${callId}`;
  const answer = ended.safeParse(await askApi({ method: 'GET', url, headers: headersOf(account) }, context));
  if (!answer.success) throw new BridgeError('MODEL_PROTOCOL', "Retell's API answered with no call");
  const { call_status, disconnection_reason, duration_ms, latency, transcript_object } = answer.data;
  if (call_status === 'registered' || call_status === 'ongoing') return undefined;
  const { p50, p90, p95, p99, max } = latency?.e2e ?? {};
  const figures = Object.entries({ p50, p90, p95, p99, max }).filter(([, value]) => value !== undefined);
  return {
    callId,
    ...(disconnection_reason === undefined ? {} : { endReason: disconnection_reason }),
    ...(duration_ms === undefined ? {} : { durationMs: duration_ms }),
    ...(figures.length === 0 ? {} : { latencyMs: Object.fromEntries(figures) }),
    transcript: transcript_object.map(({ role, content }) => ({
      who: role === 'agent' ? ('agent' as const) : ('caller' as const),
      text: content,
    })),
  };
}
