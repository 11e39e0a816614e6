import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Carrier } from '../phone/carrier.ts';
import type { RestFault } from './faults.ts';
import { lamlApi } from './laml-api.ts';
import { plivoApi } from './plivo-api.ts';
import { type Form, RestError, type RestReply, type RestSide } from './rest-side.ts';
import { vonageApi } from './vonage-api.ts';

/** Serves a carrier's REST API: reads requests, keeps them, fails where it was told to, and answers as that carrier does. */

const APIS: Readonly<
  Record<
    Carrier,
    (
      side: RestSide,
      request: IncomingMessage,
      path: string,
      form: Form,
      json: unknown,
    ) => RestReply | Promise<RestReply>
  >
> = {
  twilio: lamlApi,
  signalwire: lamlApi,
  plivo: plivoApi,
  vonage: (side, request, path, form, json) => vonageApi(side, request, path, json ?? form),
};

const BODY_MOST = 256 * 1024;

/** Answers one request. Never rejects. */
export async function answerRest(side: RestSide, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const xml = side.board.side.carrier === 'twilio' && !path.replace(/\?.*$/, '').endsWith('.json');
  try {
    const type = request.headers['content-type'] ?? '';
    const text = await readBody(request);
    const form = parse(text, type);
    const json: unknown = type.startsWith('application/json') && text !== '' ? JSON.parse(text) : undefined;
    side.requests.push({ method: request.method ?? '', path, form, ...(json === undefined ? {} : { json }) });
    const fault = side.faults.take();
    if (fault !== undefined && fail(fault, request, response)) return;
    const { status, body } = await APIS[side.board.side.carrier](side, request, path, form, json);
    if (fault?.kind === 'lost-answer') request.socket.destroy();
    else if (fault?.kind === 'malformed') send(response, status, '<html>upstream said something</html>', 'text/html');
    // Without ".json" Twilio answers in XML.
    else if (xml) send(response, status, '<?xml version="1.0"?><TwilioResponse/>', 'application/xml');
    else send(response, status, body === undefined ? '' : JSON.stringify(body));
  } catch (error) {
    const {
      status,
      code,
      message,
      body: own,
    } = error instanceof RestError ? error : new RestError(500, 20500, 'Internal server error');
    // Of those without numbers for their errors all have a word.
    const body =
      own ??
      (code === 0
        ? { error: message }
        : { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
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

function parse(body: string, contentType: string): Form {
  const form: Form = {};
  if (contentType.startsWith('application/json')) {
    const value: unknown = body === '' ? {} : JSON.parse(body);
    for (const [name, one] of Object.entries(value ?? {})) if (typeof one !== 'object') form[name] = String(one);
    return form;
  }
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
