import type { IncomingMessage } from 'node:http';
import { API_VERSION } from '../phone/carrier.ts';
import type { CarrierCall, Next } from './call.ts';
import type { OwnedNumbers } from './numbers.ts';
import { type Form, RestError, type RestReply, type RestSide } from './rest-side.ts';
import type { Switchboard } from './switchboard.ts';

/** The Calls and the IncomingPhoneNumbers of the REST API of 2010-04-01. https://www.twilio.com/docs/voice/api/call-resource */

/** Answers for Twilio, and for SignalWire's Compatibility API under its own path. Throws a RestError. */
export function lamlApi(side: RestSide, request: IncomingMessage, path: string, form: Form): RestReply {
  const { board, user, password } = side;
  const { carrier, accountSid } = board.side;
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  if (request.headers.authorization !== expected) throw new RestError(401, 20003, 'Authenticate');
  const missing = () => new RestError(404, 20404, `The requested resource ${path} was not found`);
  const prefix = carrier === 'twilio' ? '' : '/api/laml';
  const account = `${prefix}/${API_VERSION}/Accounts/${accountSid}`;
  const root = `${account}/Calls`;
  const [plain = '', query = ''] = path.split('?');
  const bare = plain.replace(/\.json$/, '');
  if (bare.startsWith(`${account}/IncomingPhoneNumbers`)) {
    const body = numbers(
      side.numbers,
      request.method,
      bare.slice(account.length + 1),
      new URLSearchParams(query),
      form,
    );
    if (body === undefined) throw missing();
    return { status: 200, body };
  }
  const { method } = request;
  if (method !== 'POST' && (method !== 'GET' || bare === root)) throw new RestError(405, 20004, 'Method not allowed');
  if (bare === root) return { status: 201, body: resource(create(board, form), board) };
  if (!bare.startsWith(`${root}/`)) throw missing();
  const call = board.find(bare.slice(root.length + 1));
  if (call === undefined) throw missing();
  if (method === 'POST') update(call, form, carrier === 'twilio');
  return { status: 200, body: resource(call, board) };
}

/** The IncomingPhoneNumbers resource: a list, one of it, one of it changed; undefined for what there is not. */
function numbers(
  owned: OwnedNumbers,
  method: string | undefined,
  path: string,
  query: URLSearchParams,
  form: Form,
): object | undefined {
  const [name, sid] = path.split('/');
  if (name !== 'IncomingPhoneNumbers') return undefined;
  if (sid === undefined) {
    if (method !== 'GET') throw new RestError(405, 20004, 'Method not allowed');
    const found = owned.matching(query.get('PhoneNumber') ?? '').slice(0, Number(query.get('PageSize') ?? 50));
    return { page: 0, incoming_phone_numbers: found.map((number) => owned.resource(number)) };
  }
  const number = owned.find(sid);
  if (number === undefined) return undefined;
  if (method === 'POST') owned.update(number, form);
  return owned.resource(number);
}

const text = (form: Form, name: string): string | undefined => {
  const value = form[name];
  return typeof value === 'string' ? value : value?.[0];
};

const E164 = /^\+[1-9]\d{6,14}$/;

function create(board: Switchboard, form: Form): CarrierCall {
  const to = text(form, 'To') ?? '';
  const from = text(form, 'From') ?? '';
  if (!E164.test(to))
    throw new RestError(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
  if (!E164.test(from)) throw new RestError(400, 21212, `The From phone number ${from} is not a valid phone number.`);
  const timeout = Number(text(form, 'Timeout') ?? 60);
  if (!(timeout >= 1 && timeout <= 600)) throw new RestError(400, 21218, 'Invalid Timeout');
  const detection = text(form, 'MachineDetection');
  if (detection !== undefined && detection !== 'Enable' && detection !== 'DetectMessageEnd')
    throw new RestError(400, 21000, 'Invalid MachineDetection');
  const statusUrl = text(form, 'StatusCallback');
  return board.place({
    from,
    to,
    first: instructions(form, board.side.carrier === 'twilio'),
    statusCallbacks:
      statusUrl === undefined
        ? []
        : [
            {
              url: absolute(statusUrl, 21609),
              method: methodOf(form, 'StatusCallbackMethod'),
              events: [form['StatusCallbackEvent'] ?? 'completed'].flat(),
            },
          ],
    machineDetection:
      detection === undefined
        ? undefined
        : { async: text(form, 'AsyncAmd') === 'true', callbackUrl: text(form, 'AsyncAmdStatusCallback') },
  });
}

function update(call: CarrierCall, form: Form, inline: boolean): void {
  const over = () => new RestError(400, 21220, 'Unable to update record. Call is not in-progress. Cannot redirect.');
  const status = text(form, 'Status');
  if (status === 'completed' || status === 'canceled') {
    if (call.isOver) throw over();
    // "canceled" leaves a call alone that was answered.
    if (status === 'completed' || call.status !== 'in-progress') call.hangUp();
    return;
  }
  if (status !== undefined) throw new RestError(400, 21218, `Invalid Status: ${status}`);
  const next = instructions(form, inline);
  if (!call.redirect(next)) throw over();
}

/** `inline`: whether instructions may be sent along; SignalWire documents an address only. */
function instructions(form: Form, inline: boolean): Next {
  const document = text(form, 'Twiml');
  if (document !== undefined && inline) return { document };
  return { url: absolute(text(form, 'Url') ?? '', 21205), method: methodOf(form, 'Method') };
}

function absolute(url: string, code: number): string {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new RestError(400, code, 'Url is not a valid URL');
}

function methodOf(form: Form, name: string): 'GET' | 'POST' {
  const method = text(form, name) ?? 'POST';
  if (method === 'GET' || method === 'POST') return method;
  throw new RestError(400, 21000, `Invalid ${name}`);
}

function resource(call: CarrierCall, board: Switchboard): object {
  return {
    sid: call.sid,
    account_sid: board.side.accountSid,
    api_version: API_VERSION,
    to: call.to,
    from: call.from,
    status: call.status,
    direction: call.direction,
    uri: `/${API_VERSION}/Accounts/${board.side.accountSid}/Calls/${call.sid}.json`,
  };
}
