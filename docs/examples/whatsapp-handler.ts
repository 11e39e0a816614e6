/**
 * A webhook handler for WhatsApp calls that hands each call on to voicebridge. It uses nothing but what the web platform has (Request, Response,
 * fetch, crypto.subtle), so it runs as a Supabase Edge Function, in Deno, Bun, a Cloudflare Worker, or Node.
 */

export interface HandlerOptions {
  /** WHATSAPP_VERIFY_TOKEN, WHATSAPP_APP_SECRET and WHATSAPP_ACCESS_TOKEN of the app at Meta. */
  readonly verifyToken: string;
  readonly appSecret: string;
  readonly accessToken: string;
  /** Where voicebridge is, e.g. https://voice.example.com, and its BRIDGE_TOKEN. */
  readonly bridgeUrl: string;
  readonly bridgeToken: string;
  /** WEBHOOK_SECRET of voicebridge, which tells the ends of calls. */
  readonly webhookSecret: string;
  readonly phoneNumberId: string;
  readonly graphUrl?: string;
  /** Keeps the function alive for work behind the answer: in Supabase `EdgeRuntime.waitUntil`. */
  readonly later?: (work: Promise<unknown>) => void;
  /** Told what went wrong behind an answer. */
  readonly failed?: (error: unknown) => void;
}

interface Call {
  readonly id: string;
  readonly event?: string;
  readonly from?: string;
  readonly session?: { readonly sdp_type?: string; readonly sdp?: string };
}
interface Change {
  readonly field?: string;
  readonly value?: {
    readonly calls?: readonly Call[];
    readonly contacts?: ReadonlyArray<{ readonly user_id?: string; readonly wa_id?: string }>;
  };
}

/** Answers Meta's webhooks at any path, and voicebridge's own (WEBHOOK_URL) at one that ends in `/bridge-events`. */
export function createHandler(options: HandlerOptions): (request: Request) => Promise<Response> {
  const { verifyToken, appSecret, webhookSecret, phoneNumberId, later = () => {}, failed = () => {} } = options;
  const graph = options.graphUrl ?? 'https://graph.facebook.com/v25.0';

  const behind = (work: Promise<unknown>) => later(work.catch(failed));
  const post = async (url: string, token: string, body: object) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    return {
      ok: response.ok,
      status: response.status,
      answer,
      isRepeated: response.headers.has('idempotency-replayed'),
    };
  };
  const meta = (call_id: string, action: string, sdp?: string) =>
    post(`${graph}/${phoneNumberId}/calls`, options.accessToken, {
      messaging_product: 'whatsapp',
      call_id,
      action,
      ...(sdp === undefined ? {} : { session: { sdp_type: 'answer', sdp } }),
    });
  const bridge = (action: 'start' | 'accepted' | 'stop', body: object) =>
    post(`${options.bridgeUrl}/bridge/${action}`, options.bridgeToken, body);

  async function connect({ id, session, from }: Call, contact: { user_id?: string; wa_id?: string } = {}) {
    // Who has a username has no number that is told.
    const caller = contact.user_id ?? contact.wa_id ?? from;
    const started = await bridge('start', { callId: id, sdpOffer: session?.sdp, from: caller });
    if (!started.ok) {
      // 409: stopped before it came, or over. There is nothing left to answer.
      if (started.status !== 409) await meta(id, 'reject');
      return;
    }
    // Both are to carry the very same text. Between them Meta connects media, and nothing may be sent yet: voicebridge sees to that.
    const sdp = String(started.answer['sdpAnswer']);
    await meta(id, 'pre_accept', sdp);
    const taken = await meta(id, 'accept', sdp);
    if (taken.ok) await bridge('accepted', { callId: id });
    // Meta repeats its webhooks. A repeated one finds the call accepted: it is not to end it.
    else if (!started.isRepeated) await bridge('stop', { callId: id });
  }

  async function work(change: Change) {
    const { calls = [], contacts = [] } = change.value ?? {};
    for (const [i, call] of calls.entries()) {
      if (call.event === 'terminate') await bridge('stop', { callId: call.id });
      if (call.event === 'connect' && call.session?.sdp_type === 'offer')
        await connect(call, contacts[i] ?? contacts[0]);
    }
  }

  /** A call is over at voicebridge. Meta keeps its own until it is told, and does not mind being told of one that the user ended. */
  async function ended(body: string) {
    const { type, data } = JSON.parse(body) as { type: string; data: { carrier?: string; carrierCallId?: string } };
    if (type === 'call.ended' && data.carrier === 'bridge' && data.carrierCallId !== undefined)
      await meta(data.carrierCallId, 'terminate');
  }

  return async (request) => {
    const url = new URL(request.url);
    if (request.method === 'GET') {
      const known = url.searchParams.get('hub.verify_token') === verifyToken;
      return known ? new Response(url.searchParams.get('hub.challenge')) : new Response('wrong token', { status: 403 });
    }
    // The signature is over the bytes as they came: they are read once, before anything else.
    const body = await request.text();
    const header = (name: string) => request.headers.get(name) ?? '';
    if (url.pathname.endsWith('/bridge-events')) {
      const signed = `${header('webhook-id')}.${header('webhook-timestamp')}.${body}`;
      const key = webhookSecret.startsWith('whsec_') ? base64(webhookSecret.slice(6)) : utf8(webhookSecret);
      const isOld = !(Math.abs(Date.now() / 1_000 - Number(header('webhook-timestamp'))) < 300);
      if (isOld || !(await isSigned(key, signed, () => base64(header('webhook-signature').replace(/^v1,/, '')))))
        return new Response('wrong signature', { status: 401 });
      behind(ended(body));
      return new Response('ok');
    }
    if (!(await isSigned(utf8(appSecret), body, () => hex(header('x-hub-signature-256').replace(/^sha256=/, '')))))
      return new Response('wrong signature', { status: 401 });
    const { entry = [] } = JSON.parse(body) as { entry?: ReadonlyArray<{ changes?: readonly Change[] }> };
    const changes = entry.flatMap((one) => one.changes ?? []).filter(({ field }) => field === 'calls');
    // Meta gets its answer at once, else it sends the webhook again. One call waits for no other.
    behind(Promise.all(changes.map(work)));
    return new Response('ok');
  };
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const base64 = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const hex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Whether this is the HMAC-SHA256 of the text, in constant time. */
async function isSigned(
  key: Uint8Array<ArrayBuffer>,
  text: string,
  signature: () => Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  try {
    const imported = await crypto.subtle.importKey('raw', key, hmac, false, ['verify']);
    return await crypto.subtle.verify('HMAC', imported, signature(), utf8(text));
  } catch {
    return false;
  }
}
