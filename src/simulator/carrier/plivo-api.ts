import { randomInt, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CarrierCall } from './call.ts';
import type { OwnedNumber } from './numbers.ts';
import { type Form, RestError, type RestReply, type RestSide } from './rest-side.ts';

/** Plivo's REST API: calls, numbers and applications. https://www.plivo.com/docs/voice/api/calls */

/** An application, as its owner set it. Its id stands in a number's `voiceApplicationSid`. */
interface Application {
  readonly app_id: string;
  readonly app_name: string;
  answer_url: string;
  answer_method: string;
  hangup_url: string;
}

/** The applications of each stand-in; one that a number came with is there from the first time that it is asked for. */
const APPLICATIONS = new WeakMap<RestSide['numbers'], Map<string, Application>>();

function applicationsOf({ numbers }: RestSide): Map<string, Application> {
  const known = APPLICATIONS.get(numbers) ?? new Map<string, Application>();
  APPLICATIONS.set(numbers, known);
  return known;
}

const text = (form: Form, name: string): string | undefined => {
  const value = form[name];
  return typeof value === 'string' ? value : value?.[0];
};

const bad = (message: string) => new RestError(400, 0, message);

/** Answers one request. Throws a RestError. */
export function plivoApi(side: RestSide, request: IncomingMessage, path: string, form: Form): RestReply {
  const { board, user, password } = side;
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  if (request.headers.authorization !== expected) throw new RestError(401, 0, 'authentication failed');
  const account = `/v1/Account/${board.side.accountSid}/`;
  const [plain = ''] = path.split('?');
  const missing = () => new RestError(404, 0, 'not found');
  // An address without its last slash is another's.
  if (!plain.startsWith(account) || !plain.endsWith('/')) throw missing();
  const [resource = '', id = '', part = ''] = plain.slice(account.length).split('/');
  const method = request.method ?? '';
  const reply =
    resource === ''
      ? { status: 200, body: { auth_id: board.side.accountSid, account_type: 'standard', state: 'active' } }
      : resource === 'Call' || resource === 'Request'
        ? calls(side, method, resource, id, part, form)
        : resource === 'Number'
          ? numbers(side, method, id, form)
          : resource === 'Application'
            ? applications(side, method, id, form)
            : undefined;
  if (reply === undefined) throw missing();
  return { status: reply.status, body: reply.body === undefined ? undefined : { ...reply.body, api_id: randomUUID() } };
}

/** A call by its own id, or by that of its order until it is answered. */
function callOf({ board }: RestSide, id: string): CarrierCall | undefined {
  return board.calls.find(
    (call) => call.sid === id || (call.requestSid === id && !call.isOver && call.status !== 'in-progress'),
  );
}

function calls(
  side: RestSide,
  method: string,
  resource: string,
  id: string,
  part: string,
  form: Form,
): RestReply | undefined {
  if (id === '') return method === 'POST' && resource === 'Call' ? create(side, form) : undefined;
  const call = callOf(side, id);
  if (call === undefined || call.isOver) return undefined;
  if (method === 'DELETE' && part === '') {
    call.hangUp();
    return { status: 204, body: undefined };
  }
  if (method !== 'POST' || resource !== 'Call') return undefined;
  if (part === 'DTMF') {
    const digits = text(form, 'digits') ?? '';
    if (!/^[0-9*#A-DwW]+$/.test(digits)) throw bad('digits is invalid');
    call.digits.push(digits);
    return { status: 202, body: { message: 'digits sent' } };
  }
  if (part !== '') return undefined;
  if ((text(form, 'legs') ?? 'aleg') !== 'aleg') throw bad('this stand-in transfers the aleg alone');
  const url = absolute(form, 'aleg_url');
  if (!call.redirect({ url, method: methodOf(form, 'aleg_method') })) return undefined;
  return { status: 202, body: { message: 'call transferred' } };
}

function absolute(form: Form, name: string): string {
  const url = text(form, name) ?? '';
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw bad(`${name} is not a valid URL`);
}

function methodOf(form: Form, name: string): 'GET' | 'POST' {
  const method = text(form, name) ?? 'POST';
  if (method === 'GET' || method === 'POST') return method;
  throw bad(`${name} is invalid`);
}

/** https://www.plivo.com/docs/voice/api/call/make-a-call/ */
function create({ board }: RestSide, form: Form): RestReply {
  const number = (name: string) => {
    const value = text(form, name) ?? '';
    if (!/^[1-9]\d{6,14}$/.test(value)) throw bad(`${name} is not a phone number with its country code`);
    return `+${value}`;
  };
  const ring = Number(text(form, 'ring_timeout') ?? 120);
  if (!(ring >= 1 && ring <= 600)) throw bad('ring_timeout is invalid');
  const detection = text(form, 'machine_detection');
  if (detection !== undefined && detection !== 'true' && detection !== 'hangup')
    throw bad('machine_detection is neither true nor hangup');
  const requestSid = randomUUID();
  const callback = (name: string, event: string) =>
    form[`${name}_url`] === undefined
      ? []
      : [{ url: absolute(form, `${name}_url`), method: methodOf(form, `${name}_method`), events: [event] }];
  board.place({
    from: number('from'),
    to: number('to'),
    requestSid,
    first: { url: absolute(form, 'answer_url'), method: methodOf(form, 'answer_method') },
    statusCallbacks: [...callback('ring', 'ringing'), ...callback('hangup', 'completed')],
    machineDetection:
      detection === undefined
        ? undefined
        : { async: form['machine_detection_url'] !== undefined, callbackUrl: text(form, 'machine_detection_url') },
  });
  return { status: 201, body: { message: 'call fired', request_uuid: requestSid } };
}

/** https://docs.plivo.com/docs/numbers/api/account-phone-number */
function numbers(side: RestSide, method: string, id: string, form: Form): RestReply | undefined {
  const number = side.numbers.matching(id).find(({ phoneNumber }) => phoneNumber === `+${id}`);
  if (number === undefined) return undefined;
  if (method === 'GET') return { status: 200, body: resourceOf(side, number) };
  if (method !== 'POST') return undefined;
  const application = applicationsOf(side).get(text(form, 'app_id') ?? '');
  if (application === undefined) throw bad('app_id is not an application of the account');
  number.voiceApplicationSid = application.app_id;
  number.voiceUrl = application.answer_url;
  return { status: 202, body: { message: 'changed' } };
}

function resourceOf(side: RestSide, number: OwnedNumber): object {
  const { voiceApplicationSid: id, voiceUrl: answer_url } = number;
  const known = applicationsOf(side);
  if (id !== '' && !known.has(id))
    known.set(id, { app_id: id, app_name: 'of-the-number', answer_url, answer_method: 'POST', hangup_url: answer_url });
  return {
    number: number.phoneNumber.slice(1),
    voice_enabled: number.takesCalls,
    sms_enabled: true,
    application: id === '' ? null : `/v1/Account/${side.board.side.accountSid}/Application/${id}/`,
    resource_uri: `/v1/Account/${side.board.side.accountSid}/Number/${number.phoneNumber.slice(1)}/`,
  };
}

/** https://docs.plivo.com/docs/account/api/application */
function applications(side: RestSide, method: string, id: string, form: Form): RestReply | undefined {
  const known = applicationsOf(side);
  const found = known.get(id);
  if (id !== '') return method === 'GET' && found !== undefined ? { status: 200, body: found } : undefined;
  if (method === 'GET') return { status: 200, body: { objects: [...known.values()], meta: { limit: 20, offset: 0 } } };
  if (method !== 'POST') return undefined;
  const name = text(form, 'app_name') ?? '';
  if (!/^[\w-]{1,60}$/.test(name)) throw bad('app_name may have letters, digits, - and _ only');
  const answer_url = absolute(form, 'answer_url');
  const application: Application = {
    app_id: String(randomInt(1e12, 9e12)),
    app_name: name,
    answer_url,
    answer_method: methodOf(form, 'answer_method'),
    hangup_url: text(form, 'hangup_url') ?? answer_url,
  };
  known.set(application.app_id, application);
  return { status: 201, body: { message: 'created', app_id: application.app_id } };
}
