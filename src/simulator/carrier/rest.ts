import type { IncomingMessage, ServerResponse } from 'node:http';
import { API_VERSION } from '../phone/carrier.ts';
import type { CarrierCall, Next } from './call.ts';
import type { Faults, RestFault } from './faults.ts';
import type { OwnedNumbers } from './numbers.ts';
import type { Switchboard } from './switchboard.ts';

/**
 * The Calls and the IncomingPhoneNumbers of a carrier's REST API, as Twilio answers them and, under its own path, SignalWire's Compatibility
 * API. https://www.twilio.com/docs/voice/api/call-resource
 */

/** A request as it came; what tests look at. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly form: Readonly<Record<string, string | readonly string[]>>;
}

export interface RestSide {
  readonly board: Switchboard;
  readonly numbers: OwnedNumbers;
  /** The user and password of Basic authentication that are taken. */
  readonly user: string;
  readonly password: string;
  readonly faults: Faults<RestFault>;
  readonly requests: RestRequest[];
}

const BODY_MOST = 256 * 1024;

class RestError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answers one request. Never rejects. */
export async function answerRest(side: RestSide, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const xml = side.board.side.carrier === 'twilio' && !path.replace(/\?.*$/, '').endsWith('.json');
  try {
    const form = parse(await readBody(request));
    side.requests.push({ method: request.method ?? '', path, form });
    const fault = side.faults.take();
    if (fault !== undefined && fail(fault, request, response)) return;
    const { status, body } = handle(side, request, path, form);
    if (fault?.kind === 'lost-answer') request.socket.destroy();
    else if (fault?.kind === 'malformed') send(response, status, '<html>upstream said something</html>', 'text/html');
    // Without ".json" Twilio answers in XML.
    else if (xml) send(response, status, '<?xml version="1.0"?><TwilioResponse/>', 'application/xml');
    else send(response, status, JSON.stringify(body));
  } catch (error) {
    const { status, code, message } =
      error instanceof RestError ? error : new RestError(500, 20500, 'Internal server error');
    const body = { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
    send(response, status, JSON.stringify(body));
  }
}

/** Carries out a fault that comes before any work; false for one that comes after it. */
function fail(fault: RestFault, request: IncomingMessage, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'status': {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      const body = fault.body ?? { code: 20_000 + fault.status, message: 'simulated', status: fault.status };
      send(response, fault.status, JSON.stringify(body));
      return true;
    }
    case 'hang':
      return true;
    case 'reset':
      request.socket.destroy();
      return true;
    case 'redirect':
      response.writeHead(307, { location: fault.location, 'content-length': 0 }).end();
      return true;
    case 'flood':
      send(response, 201, JSON.stringify({ sid: 'x'.repeat(4 * 1024 * 1024) }));
      return true;
    case 'malformed':
    case 'lost-answer':
      return false;
    default:
      fault satisfies never;
      return false;
  }
}

type Form = Record<string, string | string[]>;

function handle(side: RestSide, request: IncomingMessage, path: string, form: Form): { status: number; body: object } {
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
    statusCallback:
      statusUrl === undefined
        ? undefined
        : {
            url: absolute(statusUrl, 21609),
            method: methodOf(form, 'StatusCallbackMethod'),
            events: [form['StatusCallbackEvent'] ?? 'completed'].flat(),
          },
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

function parse(body: string): Form {
  const form: Form = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const before = form[name];
    form[name] = before === undefined ? value : [before, value].flat();
  }
  return form;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > BODY_MOST) throw new RestError(413, 20413, 'Request entity too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: string, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
