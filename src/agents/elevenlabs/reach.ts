import { askApi, socketAddress } from '../common/api.ts';
import type { OpenContext } from '../stream/session.ts';

export interface ElevenLabsAccount {
  /** Undefined: only public agents can be reached. */
  readonly key: string | undefined;
  /** Without a version path and without a slash at its end. */
  readonly url: string;
  readonly fetch?: typeof fetch | undefined;
}

const CONVERSATION = '/v1/convai/conversation';

/**
 * Where an agent waits. With a key by a signed address, which opens a conversation to whoever has it within half an hour; without one by the address that
 * public agents have. Source: GET /v1/convai/conversation/get-signed-url. Rejects as `askApi` does.
 */
export async function conversationAddress(
  { key, url, fetch }: ElevenLabsAccount,
  agentId: string,
  context: OpenContext,
): Promise<string> {
  const query = `?agent_id=${encodeURIComponent(agentId)}`;
  if (key === undefined) return `${url.replace(/^http/, 'ws')}${CONVERSATION}${query}`;
  const { signed_url } = await askApi(
    { url: `${url}${CONVERSATION}/get-signed-url${query}`, method: 'GET', headers: { 'xi-api-key': key } },
    { ...context, fetch },
  );
  return socketAddress(signed_url, url);
}
