import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServiceError } from './service-error.ts';

/** Reading requests and writing answers; the routes are in `routes.ts`. */

const MAX_BODY_BYTES = 1024 * 1024;

/** The whole body. Throws a ServiceError 413 for one over the limit, 1 MiB unless said. */
export async function readBody(request: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > limit) throw new ServiceError('The request body is too large.', { status: 413 });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** The body as a JSON object; an empty one is `{}`. Throws a ServiceError 400. */
export function parseJsonObject(bytes: Buffer | string): Record<string, unknown> {
  const text = bytes.toString();
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServiceError('We could not parse the JSON body of your request.', { code: 'invalid_json' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('The body must be a JSON object.', { code: 'invalid_type' });
  }
  return value as Record<string, unknown>;
}

/** The named parts of a multipart/form-data body as text. Throws a ServiceError 400 for a body that is none. */
export async function parseForm(bytes: Buffer, contentType: string): Promise<Map<string, string>> {
  const parts = new Map<string, string>();
  try {
    const body = new Uint8Array(bytes);
    const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
    for (const [name, value] of form) parts.set(name, typeof value === 'string' ? value : await value.text());
  } catch {
    throw new ServiceError('The multipart body could not be parsed.', { code: 'invalid_form' });
  }
  return parts;
}

/** The key of a request: `Authorization: Bearer`, or the subprotocol that browsers use. */
export function keyOf(request: IncomingMessage): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  for (const offered of subprotocolsOf(request)) {
    if (offered.startsWith('openai-insecure-api-key.')) return offered.slice('openai-insecure-api-key.'.length);
  }
  return undefined;
}

/** Whether the client asks for the beta dialect, by header or by subprotocol. */
export function wantsBeta(request: IncomingMessage): boolean {
  const header = request.headers['openai-beta'];
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text.includes('realtime=v1') || subprotocolsOf(request).includes('openai-beta.realtime-v1');
}

function subprotocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendError(response: ServerResponse, error: ServiceError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = error.toBody();
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
  });
  response.end(body);
}
