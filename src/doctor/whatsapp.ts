import { GRAPH_ERRORS, type GraphErrorCode, graphCodeFor } from '../callers/whatsapp/graph/errors.ts';
import { WHATSAPP_WEBHOOK_PATH } from '../callers/whatsapp/http/webhook.ts';
import { integerOf, objectOf } from '../callers/whatsapp/reading.ts';
import { jsonObject } from '../transport/http.ts';
import { ask } from './ask.ts';
import { type Check, type Finding, fail, pass, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/**
 * Meta: whether it takes the token, whether the numbers take calls and in which form, and whether their webhooks come here.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/call-settings
 * https://developers.facebook.com/docs/graph-api/reference/app/subscriptions
 */

/** What a token may do, one of these at least for each. */
const SCOPES = ['whatsapp_business_messaging', 'whatsapp_business_management'];
/** A token that runs out sooner is told of, ms. */
const TOKEN_SOON_MS = 30 * 86_400_000;

export function whatsappChecks(deps: DoctorDeps): Check[] {
  if (deps.config.WHATSAPP_PHONE_NUMBER_ID.length === 0)
    return [{ name: 'whatsapp token', run: async () => skip('no number is set in WHATSAPP_PHONE_NUMBER_ID') }];
  const meta = new MetaView(deps);
  return [
    { name: 'whatsapp token', run: (signal) => meta.token(signal) },
    { name: 'whatsapp calling', run: (signal) => meta.calling(signal) },
    { name: 'whatsapp webhook', run: (signal) => meta.webhook(signal) },
  ];
}

type Told = Readonly<Record<string, unknown>>;
/** An answer of the Graph API, or why there is none that says anything. */
type Answer = { readonly ok: true; readonly told: Told } | { readonly ok: false; readonly finding: Finding };

class MetaView {
  readonly #deps: DoctorDeps;
  /** Numbers that the token opens, as Meta describes them. */
  readonly #numbers = new Map<string, Told>();
  /** Whose token it is; undefined where Meta does not say. */
  #appId: string | undefined;

  constructor(deps: DoctorDeps) {
    this.#deps = deps;
  }

  async token(signal: AbortSignal): Promise<Finding> {
    const { WHATSAPP_PHONE_NUMBER_ID: ids, WHATSAPP_ACCESS_TOKEN: token = '' } = this.#deps.config;
    for (const id of ids) {
      const answer = await this.#get(`${id}?fields=id,webhook_configuration`, signal);
      if (!answer.ok) return about(`number ${id}`, answer.finding);
      this.#numbers.set(id, answer.told);
    }
    const seen = `Meta takes the token for ${ids.length === 1 ? 'the number' : `${ids.length} numbers`}`;
    const answer = await this.#get(`debug_token?input_token=${encodeURIComponent(token)}`, signal);
    // Meta need not tell it of every token.
    if (!answer.ok) return pass(seen);
    const { app_id: appId, scopes, expires_at: expires } = objectOf(answer.told['data']);
    this.#appId = typeof appId === 'string' && /^\d+$/.test(appId) ? appId : undefined;
    const missing = Array.isArray(scopes) ? SCOPES.filter((scope) => !scopes.includes(scope)) : [];
    if (missing.length > 0)
      return fail(`GRAPH_FORBIDDEN: ${seen}, but without ${missing.join(' and ')}`, GRAPH_ERRORS.GRAPH_FORBIDDEN);
    const endsAt = (integerOf(expires) ?? 0) * 1_000;
    if (endsAt > 0 && endsAt - this.#deps.clock.wall() < TOKEN_SOON_MS)
      return warn(
        `${seen}, until ${new Date(endsAt).toISOString().slice(0, 10)}`,
        'Make a token of a system user that does not run out, and set it as WHATSAPP_ACCESS_TOKEN.',
      );
    return pass(seen);
  }

  async calling(signal: AbortSignal): Promise<Finding> {
    const notes: string[] = [];
    if (this.#numbers.size === 0) return skip('needs the token');
    for (const id of this.#numbers.keys()) {
      const answer = await this.#get(`${id}/settings`, signal);
      if (!answer.ok) return about(`number ${id}`, answer.finding);
      const calling = objectOf(answer.told['calling']);
      if (calling['status'] !== 'ENABLED') return off(`number ${id}`, 'GRAPH_CALLING_OFF', 'calling is not enabled');
      if (objectOf(calling['sip'])['status'] === 'ENABLED')
        return off(`number ${id}`, 'GRAPH_NUMBER_ON_SIP', 'it is set to SIP');
      if (calling['srtp_key_exchange_protocol'] === 'SDES')
        return fail(
          `number ${id}: its media keys are exchanged by SDES`,
          'Set srtp_key_exchange_protocol of its calling settings to DTLS: offers by SDES cannot be answered here.',
        );
      if (objectOf(calling['call_hours'])['status'] === 'ENABLED')
        notes.push(`number ${id} takes calls in its call hours alone`);
    }
    return pass(['the numbers take calls by the Graph API', ...notes].join('; '));
  }

  async webhook(signal: AbortSignal): Promise<Finding> {
    const { PUBLIC_URL: publicUrl } = this.#deps.config;
    if (this.#numbers.size === 0) return skip('needs the token');
    if (publicUrl === undefined) return skip('needs PUBLIC_URL');
    const wanted = publicUrl + WHATSAPP_WEBHOOK_PATH;
    for (const [id, told] of this.#numbers) {
      const set = objectOf(told['webhook_configuration']);
      // The more particular one wins.
      const used = set['phone_number'] ?? set['whatsapp_business_account'] ?? set['application'];
      if (typeof used === 'string' && used !== '' && used !== wanted)
        return elsewhere(`webhooks of number ${id} go`, used, wanted);
    }
    const field = await this.#subscription(wanted, signal);
    return field ?? pass(`webhooks of the numbers go to ${wanted}, calls among them`);
  }

  /** What is wrong with what the app is subscribed to; undefined where nothing is. */
  async #subscription(wanted: string, signal: AbortSignal): Promise<Finding | undefined> {
    const [secret = ''] = this.#deps.config.WHATSAPP_APP_SECRET;
    const look = `Look in the app dashboard, under WhatsApp, Configuration: the address is ${wanted}, and the field calls is subscribed to.`;
    if (this.#appId === undefined)
      return warn('Meta does not say whose the token is, so that the subscription cannot be seen', look);
    const answer = await this.#get(`${this.#appId}/subscriptions`, signal, `${this.#appId}|${secret}`);
    if (!answer.ok) {
      const { detail } = answer.finding;
      return detail.startsWith('GRAPH_AUTH') || detail.startsWith('GRAPH_PARAMETER_INVALID')
        ? fail(
            `WHATSAPP_APP_SECRET is not the secret of the token's app: ${detail}`,
            'Set it to the secret of this very app (app dashboard, Settings, Basic): its webhooks are signed with it.',
          )
        : warn(`the subscription cannot be seen: ${detail}`, look);
    }
    const all = Array.isArray(answer.told['data']) ? answer.told['data'].map(objectOf) : [];
    const own = all.find(({ object }) => object === 'whatsapp_business_account');
    if (own === undefined || own['active'] === false)
      return fail('the app is not subscribed to webhooks of WhatsApp', look);
    if (own['callback_url'] !== wanted) return elsewhere('webhooks of the app go', String(own['callback_url']), wanted);
    const fields = Array.isArray(own['fields'])
      ? own['fields'].map((field) => (typeof field === 'string' ? field : objectOf(field)['name']))
      : [];
    return fields.includes('calls') ? undefined : fail('the app is not subscribed to the field calls', look);
  }

  async #get(
    path: string,
    signal: AbortSignal,
    token = this.#deps.config.WHATSAPP_ACCESS_TOKEN ?? '',
  ): Promise<Answer> {
    const { GRAPH_API_URL, GRAPH_API_VERSION } = this.#deps.config;
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    const { status, body } = await ask(this.#deps, {
      url: `${GRAPH_API_URL}/${GRAPH_API_VERSION}/${path}`,
      headers,
      signal,
    });
    const told = jsonObject(body);
    if (status >= 200 && status <= 299 && told !== undefined) return { ok: true, told };
    const error = objectOf(told?.['error']);
    const number = integerOf(error['code']);
    const code = graphCodeFor(status, number, integerOf(error['error_subcode']));
    const words = typeof error['message'] === 'string' ? `: ${error['message'].slice(0, 200)}` : '';
    const seen = `${code}: HTTP ${status}${number === undefined ? '' : ` (${number})`}${words}`;
    return { ok: false, finding: fail(seen, GRAPH_ERRORS[code]) };
  }
}

/** The code comes first, as it is searched for. */
function about(whom: string, { detail, advice = '' }: Finding): Finding {
  return fail(detail.replace(/^(\w+): /, `$1: ${whom}: `), advice);
}

function off(whom: string, code: GraphErrorCode, what: string): Finding {
  return fail(`${code}: ${whom}: ${what}`, GRAPH_ERRORS[code]);
}

/** Another's webhook may hold a token in its query: only where it is, is told. */
function elsewhere(what: string, used: string, wanted: string): Finding {
  const { origin, pathname } = URL.canParse(used)
    ? new URL(used)
    : { origin: 'something that is no URL', pathname: '' };
  return fail(
    `${what} to ${origin}${pathname}, not to ${wanted}`,
    'Enter that address and WHATSAPP_VERIFY_TOKEN in the app dashboard, under WhatsApp, Configuration, or let what is there hand calls on by POST /bridge/start.',
  );
}
