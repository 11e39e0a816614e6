import { BridgeError } from '../../errors.ts';
import { askApi, socketAddress } from '../common/api.ts';
import type { OpenContext, StreamAddress } from '../stream/session.ts';
import type { WebsocketTarget } from './target.ts';
import { at, fillTemplate } from './template.ts';

/** Where an agent waits, and the provider's id of the call; empty where it says none. */
export interface Reached {
  readonly address: StreamAddress;
  readonly id: string;
}

/** The address as it was written, or as an API gives it for this call. Rejects as `askApi` does. */
export async function reach(
  { url, call, headers, protocols }: WebsocketTarget,
  facts: Readonly<Record<string, unknown>>,
  context: OpenContext,
  fetchIt?: typeof fetch,
): Promise<Reached> {
  if (url !== undefined) return { address: { url, headers, protocols }, id: '' };
  if (call === undefined) throw new BridgeError('CONFIG_INVALID', 'neither url nor call says where the agent is');
  const answer = await askApi(
    {
      url: call.url,
      method: call.method,
      headers: call.headers,
      body: call.body === undefined ? undefined : fillTemplate(call.body, (name) => facts[name]),
    },
    { ...context, fetch: fetchIt },
  );
  const id = call.id === undefined ? undefined : at(answer, call.id);
  return {
    address: { url: socketAddress(at(answer, call.address), call.url), headers, protocols },
    id: typeof id === 'string' ? id : '',
  };
}
