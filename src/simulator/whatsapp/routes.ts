/**
 * What the Graph API does for calls, as its documents say it and no more leniently: each field of a request is checked, and one that is not
 * documented is refused.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */

import type { MetaCall } from './call.ts';
import { GraphFailure } from './graph-error.ts';
import type { BusinessNumber } from './payloads.ts';
import { wrongWith } from './sdp.ts';

/** A request that came. */
export interface GraphRequest {
  readonly atMs: number;
  readonly method: string;
  /** Below the version: "/123/calls". */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface GraphAnswer {
  readonly body: object;
  /** To be done when the answer has left. */
  readonly after?: () => void;
}

/** Whom the business names: by telephone number (`to`), or by Meta's id of him (`recipient`). */
export type Addressee = { readonly waId: string } | { readonly userId: string };

export const keyOf = (whom: Addressee): string => ('waId' in whom ? whom.waId : whom.userId);

/** What there is behind the API. */
export interface Behind {
  number(id: string): BusinessNumber | undefined;
  call(id: string): MetaCall | undefined;
  /** Throws a GraphFailure where the user cannot be called. */
  connect(number: BusinessNumber, whom: Addressee, offer: string, opaque: string | undefined): Promise<string>;
  permissions(user: string): object;
  /** Throws a GraphFailure. Returns the message's id. */
  askPermission(number: BusinessNumber, whom: Addressee, text: string): string;
  /** Where the app's webhooks go. */
  readonly webhookUrl: string;
}

const OPAQUE_MOST = 512;
/** The oldest version that has calls. */
const OLDEST = 17;

const ok = (): GraphAnswer => ({ body: { messaging_product: 'whatsapp', success: true } });

/** Answers it. Throws a GraphFailure. */
export async function answerGraph(version: string, request: GraphRequest, behind: Behind): Promise<GraphAnswer> {
  const known = /^v(\d{1,3})\.\d$/.exec(version)?.[1];
  if (known === undefined || Number(known) < OLDEST) throw new GraphFailure(2635, `version ${version} has no calls`);
  const [, id = '', edge = '', ...rest] = request.path.split('/');
  const number = behind.number(id);
  const route = `${request.method} ${edge}`;
  if (number === undefined || rest.length > 0)
    throw new GraphFailure(100, `Object with ID '${id}' does not exist or cannot be loaded`, { subcode: 33 });
  switch (route) {
    case 'POST calls':
      return calls(number, request.body, behind);
    case 'GET call_permissions':
      return { body: behind.permissions(keyOf(asked(request.query))) };
    case 'POST messages':
      return message(number, request.body, behind);
    case 'GET settings':
      return { body: { calling: { status: 'ENABLED', call_icon_visibility: 'DEFAULT', sip: { status: 'DISABLED' } } } };
    case 'GET ':
      return { body: described(number, behind) };
    default:
      throw new GraphFailure(100, `Unsupported ${request.method} request`, { subcode: 33 });
  }
}

async function calls(number: BusinessNumber, body: Body, behind: Behind): Promise<GraphAnswer> {
  const action = text(body, 'action');
  if (action === 'connect') return connect(number, body, behind);
  const withSession = action === 'pre_accept' || action === 'accept';
  const opaque = action === 'accept' ? ['biz_opaque_callback_data'] : [];
  only(body, ['messaging_product', 'call_id', 'action', ...(withSession ? ['session'] : []), ...opaque]);
  const id = text(body, 'call_id');
  const call = behind.call(id);
  if (call === undefined || call.identity.number.id !== number.id) throw new GraphFailure(100, `no call ${id}`);
  switch (action) {
    case 'pre_accept':
      await call.preAccept(sessionOf(body, 'answer'));
      return ok();
    case 'accept':
      await call.accept(sessionOf(body, 'answer'), opaqueOf(body));
      return { ...ok(), after: () => call.acceptAnswered() };
    case 'reject':
      call.reject();
      return ok();
    case 'terminate':
      call.terminate();
      return ok();
    default:
      throw new GraphFailure(100, `Param action must be one of {connect, pre_accept, accept, reject, terminate}`);
  }
}

async function connect(number: BusinessNumber, body: Body, behind: Behind): Promise<GraphAnswer> {
  only(body, ['messaging_product', 'to', 'recipient', 'action', 'session', 'biz_opaque_callback_data']);
  const offer = sessionOf(body, 'offer');
  const wrong = wrongWith(offer, 'offer');
  if (wrong.length > 0) throw new GraphFailure(100, `SDP validation error: ${wrong.join('; ')}`);
  const id = await behind.connect(number, addressee(body), offer, opaqueOf(body));
  return { body: { messaging_product: 'whatsapp', calls: [{ id }] } };
}

function message(number: BusinessNumber, body: Body, behind: Behind): GraphAnswer {
  only(body, ['messaging_product', 'recipient_type', 'to', 'recipient', 'type', 'interactive']);
  if (body['recipient_type'] !== undefined && body['recipient_type'] !== 'individual')
    throw new GraphFailure(100, 'Param recipient_type must be individual');
  const interactive = objectAt(body, 'interactive');
  const isRequest =
    text(body, 'type') === 'interactive' &&
    interactive['type'] === 'call_permission_request' &&
    objectAt(interactive, 'action')['name'] === 'call_permission_request';
  if (!isRequest) throw new GraphFailure(131009, 'only requests for permission to call are known here');
  const whom = addressee(body);
  const id = behind.askPermission(number, whom, text(objectAt(interactive, 'body'), 'text'));
  const contact =
    'waId' in whom ? { input: whom.waId, wa_id: whom.waId } : { input: whom.userId, user_id: whom.userId };
  return { body: { messaging_product: 'whatsapp', contacts: [contact], messages: [{ id }] } };
}

function described(number: BusinessNumber, { webhookUrl }: Behind): object {
  return {
    id: number.id,
    display_phone_number: `+${number.display}`,
    verified_name: 'A simulated business',
    webhook_configuration: { application: webhookUrl },
  };
}

type Body = Readonly<Record<string, unknown>>;

/** Meta reads JSON, and names what it did not expect. */
function only(body: Body, allowed: readonly string[]): void {
  if (body['messaging_product'] !== 'whatsapp') throw new GraphFailure(100, 'Param messaging_product must be whatsapp');
  const other = Object.keys(body).find((name) => !allowed.includes(name));
  if (other !== undefined) throw new GraphFailure(100, `Unexpected key "${other}"`);
}

function text(body: Body, name: string): string {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw new GraphFailure(100, `The parameter ${name} is required`);
  return value;
}

function objectAt(body: Body, name: string): Body {
  const value = body[name];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GraphFailure(100, `The parameter ${name} must be an object`);
  return value as Body;
}

function sessionOf(body: Body, type: 'offer' | 'answer'): string {
  const session = objectAt(body, 'session');
  if (session['sdp_type'] !== type) throw new GraphFailure(100, `Param session.sdp_type must be ${type}`);
  const other = Object.keys(session).find((name) => name !== 'sdp_type' && name !== 'sdp');
  if (other !== undefined) throw new GraphFailure(100, `Unexpected key "session.${other}"`);
  return text(session, 'sdp');
}

function opaqueOf(body: Body): string | undefined {
  const value = body['biz_opaque_callback_data'];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > OPAQUE_MOST)
    throw new GraphFailure(100, `Param biz_opaque_callback_data must be a text of at most ${OPAQUE_MOST} characters`);
  return value;
}

/** Exactly one of the two names, as in `connect` and messages. */
function addressee(body: Body): Addressee {
  if ((body['to'] === undefined) === (body['recipient'] === undefined))
    throw new GraphFailure(100, 'Either to or recipient is required, and not both');
  if (body['recipient'] !== undefined) return { userId: text(body, 'recipient') };
  const to = text(body, 'to').replace(/^\+/, '');
  if (!/^\d{6,15}$/.test(to)) throw new GraphFailure(131009, 'Param to is no telephone number');
  return { waId: to };
}

function asked(query: URLSearchParams): Addressee {
  const waId = query.get('user_wa_id');
  const userId = query.get('recipient');
  if ((waId === null) === (userId === null))
    throw new GraphFailure(100, 'Either user_wa_id or recipient is required, and not both');
  return waId === null ? { userId: userId ?? '' } : { waId };
}
