import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Carriers } from '../callers/phone/carriers/index.ts';
import { addressOf, PATHS } from '../callers/phone/http/answers.ts';
import { WHATSAPP_WEBHOOK_PATH } from '../callers/whatsapp/http/webhook.ts';
import { isSignedByMeta } from '../callers/whatsapp/signature.ts';
import { SocketAcceptor } from '../transport/socket.ts';
import { asksForWebSocket } from '../transport/upgrade-request.ts';

/**
 * Stands in for a daemon that does not run: answers a path nobody can guess, takes upgrades of the media socket, and judges signatures as
 * the daemon does, by the configured URL. Nothing of it starts a call.
 */

export interface ProbeServer {
  readonly port: number;
  /** Path of the nonce, and what is answered there. */
  readonly path: string;
  readonly nonce: string;
  close(): Promise<void>;
}

const BODY_MOST = 4 * 1024;

/** Rejects with the system's error (EADDRINUSE) when the port cannot be had. */
export async function startProbeServer(options: {
  host: string;
  port: number;
  publicUrl: string | undefined;
  carriers: Carriers['all'];
  /** What proves Meta. */
  whatsapp?: { readonly secrets: readonly string[]; readonly verifyToken: string | undefined };
}): Promise<ProbeServer> {
  const path = `/doctor/${randomBytes(16).toString('hex')}`;
  const nonce = randomBytes(16).toString('hex');
  const webhooks = new Set<string | undefined>(options.carriers.map((carrier) => addressOf(carrier, 'incoming-call')));
  const answer = (response: ServerResponse, status: number, code: string) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { code } }));
  const server = createServer({ shouldUpgradeCallback: asksForWebSocket }, (request, response) => {
    // It does not live long: no connection to it is worth being kept.
    response.setHeader('connection', 'close');
    const [pathname] = (request.url ?? '').split('?');
    if (request.url === path) response.writeHead(200, { 'content-type': 'text/plain' }).end(nonce);
    else if (webhooks.has(pathname) && request.method === 'POST')
      void readBody(request).then(
        (body) => {
          const isSigned = isProven(request, body, `${options.publicUrl ?? ''}${request.url}`, options.carriers);
          answer(response, isSigned ? 400 : 403, isSigned ? 'WEBHOOK_INVALID' : 'WEBHOOK_SIGNATURE_INVALID');
        },
        () => answer(response, 400, 'REQUEST_INVALID'),
      );
    else if (pathname === WHATSAPP_WEBHOOK_PATH && options.whatsapp !== undefined)
      void fromMeta(request, options.whatsapp).then(
        ([status, text]) => response.writeHead(status, { 'content-type': 'text/plain' }).end(text),
        () => answer(response, 400, 'REQUEST_INVALID'),
      );
    else answer(response, 404, 'NOT_FOUND');
  });
  const acceptor = new SocketAcceptor({ maxMessageBytes: BODY_MOST, pingIntervalMs: 0 });
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => {});
    if (request.url !== PATHS.mediaStream) stream.destroy();
    else acceptor.accept(request, stream, head, (attach) => attach({ text() {}, binary() {}, close() {} }).send(nonce));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    path,
    nonce,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Judges a request as the daemon does that is Meta's, or is not. */
async function fromMeta(
  request: IncomingMessage,
  { secrets, verifyToken }: { readonly secrets: readonly string[]; readonly verifyToken: string | undefined },
): Promise<[status: number, text: string]> {
  if (request.method === 'GET') {
    const { searchParams } = new URL(request.url ?? '', 'http://doctor');
    const isKnown = verifyToken !== undefined && searchParams.get('hub.verify_token') === verifyToken;
    return isKnown ? [200, searchParams.get('hub.challenge') ?? ''] : [403, ''];
  }
  const body = Buffer.from(await readBody(request));
  const signature = request.headers['x-hub-signature-256'];
  return secrets.some((secret) => isSignedByMeta(secret, body, signature)) ? [200, ''] : [401, ''];
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > BODY_MOST) throw new Error('too large');
  }
  return body;
}

/** Whether any carrier's secret made the signature of this request. */
function isProven(request: IncomingMessage, rawBody: string, url: string, carriers: Carriers['all']): boolean {
  const [contentType = ''] = (request.headers['content-type'] ?? '').split(';');
  const [, query = ''] = /\?(.*)$/.exec(request.url ?? '') ?? [];
  const asked = {
    method: request.method ?? '',
    url,
    query,
    headers: request.headers,
    contentType: contentType.trim().toLowerCase(),
    rawBody,
  };
  return carriers.some(({ webhook }) => webhook.proves(asked));
}
