import { z } from 'zod';
import { BridgeError } from '../../errors.ts';
import { exchange } from '../../transport/http.ts';
import { askApi, socketAddress } from '../common/api.ts';
import type { OpenContext } from '../stream/session.ts';
import type { VapiTarget } from './target.ts';

/**
 * A call with an assistant, made over Vapi's API. Source: POST /call with the transport `vapi.websocket`
 * (https://docs.vapi.ai/calls/websocket-transport). The addresses in its answer open the call to whoever has them.
 */

export interface VapiAccount {
  readonly key: string;
  /** Without a version path and without a slash at its end. */
  readonly url: string;
  readonly fetch?: typeof fetch | undefined;
}

export interface VapiCall {
  readonly id: string;
  /** Of the WebSocket; it wants no key. To be joined within some 20 s. */
  readonly address: string;
  /** Where the call is ended from outside; not every answer has it. */
  readonly controlUrl: string | undefined;
}

/** What stands in front of the API refuses clients that do not say what they are (Cloudflare's 1010). */
const USER_AGENT = 'Mozilla/5.0 (compatible; voicebridge)';
/** To end a call that nobody joined, ms. */
const END_MS = 2_000;

const answerShape = z.object({
  id: z.string().min(1).max(200),
  transport: z.object({ websocketCallUrl: z.string() }),
  monitor: z.object({ controlUrl: z.string().optional() }).optional(),
});

/** Makes a call. Rejects as `askApi` does. */
export async function createCall(account: VapiAccount, target: VapiTarget, context: OpenContext): Promise<VapiCall> {
  const { assistant_id: assistantId, variable_values, overrides, encoding: format, rate: sampleRate } = target;
  const hasOverrides = overrides !== undefined || variable_values !== undefined;
  const answer = await askApi(
    {
      url: `${account.url}/call`,
      method: 'POST',
      headers: { Authorization: `Bearer ${account.key}`, 'User-Agent': USER_AGENT },
      body: {
        assistantId,
        ...(hasOverrides
          ? { assistantOverrides: { ...overrides, ...(variable_values && { variableValues: variable_values }) } }
          : {}),
        transport: { provider: 'vapi.websocket', audioFormat: { format, container: 'raw', sampleRate } },
      },
    },
    { ...context, fetch: account.fetch },
  );
  const parsed = answerShape.safeParse(answer);
  if (!parsed.success) throw new BridgeError('MODEL_PROTOCOL', "the agent's API answered without a call");
  const { id, transport, monitor } = parsed.data;
  return { id, address: socketAddress(transport.websocketCallUrl, account.url), controlUrl: monitor?.controlUrl };
}

/** Ends a call that was not joined, or whose line broke, where that can be asked for. Never rejects: it ends by itself as well, later. */
export async function endCall(
  { url, fetch }: VapiAccount,
  call: VapiCall,
  { clock }: Pick<OpenContext, 'clock'>,
): Promise<void> {
  const { controlUrl } = call;
  const isSafe = (address: string) =>
    address.startsWith('https://') || (url.startsWith('http://') && address.startsWith('http://'));
  if (controlUrl === undefined || !URL.canParse(controlUrl) || !isSafe(controlUrl)) return;
  await exchange({
    url: controlUrl,
    headers: { 'Content-Type': 'application/json', 'User-Agent': USER_AGENT },
    body: JSON.stringify({ type: 'end-call' }),
    timeoutMs: END_MS,
    mostBytes: 4_096,
    restIgnored: true,
    clock,
    fetch,
  }).catch(() => {});
}
