import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import { type AudioSource, silenceSource } from '../phone/source.ts';
import { Account } from './account.ts';
import { TelnyxCall, type Verdict } from './call.ts';
import type { CallWatch, Side } from './side.ts';

/** Telnyx: its API on a local port, and behind it calls that really post their events and open media streams. */

/** How the next request to the API fails. `cut`: it is done, and the answer is lost. */
export type Fault = { readonly status: number } | 'hang' | 'malformed' | 'cut';

export interface TelnyxOptions extends Partial<Omit<Side, 'wall' | 'here' | 'key'>> {
  readonly apiKey?: string;
  /** Signs webhooks; a fresh one when left out, none for null. */
  readonly privateKey?: KeyObject | null;
  /** Where the bridge is reached when that is not where its URLs point: an origin. */
  readonly bridge?: string | undefined;
  /** What every far party says; silence when left out. */
  readonly source?: AudioSource;
  readonly port?: number;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const BODY_MOST = 256 * 1024;

export class Telnyx {
  readonly calls: TelnyxCall[] = [];
  readonly requests: ApiRequest[] = [];
  readonly relayRequests: ReadonlyArray<{ readonly method: string }> = [];
  readonly faults: Fault[] = [];
  readonly account = new Account();
  readonly apiKey: string;
  /** 32 bytes in base64, as the portal shows it; undefined where nothing is signed. */
  readonly publicKey: string | undefined;
  readonly side: Side;
  /** `http://127.0.0.1:PORT`. */
  url = '';
  bridge: string | undefined;
  readonly #source: AudioSource;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(options: TelnyxOptions) {
    const { apiKey, privateKey, bridge, source, port: _, ...given } = options;
    const clock: Clock = given.clock ?? systemClock;
    const key = privateKey === null ? undefined : (privateKey ?? generateKeyPairSync('ed25519').privateKey);
    this.apiKey = apiKey ?? 'KEY-of-the-account-0123456789';
    this.publicKey = key === undefined ? undefined : rawPublicKey(key);
    this.bridge = bridge;
    this.#source = source ?? silenceSource();
    this.side = {
      accountId: randomUUID(),
      connectionId: '1494404757140276705',
      ticker: new Ticker(clock),
      callCodec: 'PCMU',
      byteOrder: 'be',
      record: false,
      speechScale: 0,
      firstCommandMs: 30_000,
      far: () => ({ outcome: 'answer', ringMs: 20 }),
      ...given,
      clock,
      key,
      wall: () => clock.wall(),
      here: (url) => (this.bridge === undefined ? url : moved(url, this.bridge)),
    };
  }

  /** Starts on loopback. Rejects with LISTEN_FAILED. */
  static async start(options: TelnyxOptions = {}): Promise<Telnyx> {
    const telnyx = new Telnyx(options);
    await new Promise<void>((resolve, reject) => {
      telnyx.#server.once('error', (cause: Error) =>
        reject(new BridgeError('LISTEN_FAILED', `cannot listen on port ${options.port}: ${cause.message}`, { cause })),
      );
      telnyx.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    telnyx.url = `http://127.0.0.1:${(telnyx.#server.address() as AddressInfo).port}`;
    return telnyx;
  }

  /** Somebody calls a number whose application has this webhook. */
  callIn(call: { from: string; to: string; webhookUrl: string; source?: AudioSource } & CallWatch): TelnyxCall {
    const made = this.#add({ ...call, direction: 'inbound' });
    made.offer();
    return made;
  }

  /** Ends all calls and stops listening. */
  async close(): Promise<void> {
    for (const call of this.calls) call.hangUp();
    await Promise.all(this.calls.map((call) => call.done));
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #add(
    call: Omit<ConstructorParameters<typeof TelnyxCall>[0], 'side' | 'source'> & { source?: AudioSource },
  ): TelnyxCall {
    const made = new TelnyxCall({ source: this.#source, ...call, side: this.side });
    this.calls.push(made);
    return made;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object | string) =>
      response
        .writeHead(status, { 'content-type': 'application/json', 'retry-after': '0' })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    try {
      const fields = await readFields(request);
      const { method = '', url: path = '' } = request;
      this.requests.push({ method, path, fields });
      const fault = this.faults.shift();
      if (fault === 'hang') return;
      if (typeof fault === 'object') return void answer(fault.status, {});
      const { status, body } = this.#answer(request, path, fields);
      if (fault === 'cut') request.socket.destroy();
      else answer(status, fault === 'malformed' ? '<no JSON>' : body);
    } catch {
      answer(400, errors('10015', 'Bad Request'));
    }
  }

  #answer(request: IncomingMessage, path: string, fields: Record<string, unknown>): { status: number; body: object } {
    const { method = '', headers } = request;
    if (headers.authorization !== `Bearer ${this.apiKey}`)
      return { status: 401, body: errors('10009', 'Authentication failed') };
    const [plain = '', query = ''] = path.split('?');
    const action = /^\/v2\/calls\/([^/]+)\/actions\/(\w+)$/.exec(plain);
    if (method === 'POST' && plain === '/v2/calls') return this.#dial(fields);
    if (method === 'POST' && action !== null) {
      const call = this.calls.find(({ sid }) => sid === decodeURIComponent(action[1] ?? ''));
      if (call === undefined) return { status: 404, body: errors('10005', 'Resource not found') };
      return answerOf(call.command(action[2] ?? '', fields));
    }
    const found = this.account.answer(method, plain.replace(/^\/v2\//, ''), new URLSearchParams(query), fields);
    return found === undefined
      ? { status: 404, body: errors('10005', 'Resource not found') }
      : { status: 200, body: found };
  }

  #dial(fields: Record<string, unknown>): { status: number; body: object } {
    const [to, from, webhookUrl] = ['to', 'from', 'webhook_url'].map((name) => String(fields[name] ?? ''));
    const timeout = Number(fields['timeout_secs'] ?? 30);
    const isNumber = (number = '') => /^\+[1-9]\d{6,14}$/.test(number);
    if (!isNumber(to) || !isNumber(from) || typeof fields['connection_id'] !== 'string' || timeout < 5 || timeout > 600)
      return { status: 422, body: errors('10015', 'Invalid value') };
    const clientState = fields['client_state'] === undefined ? undefined : String(fields['client_state']);
    const call = this.#add({ direction: 'outbound-api', from: from!, to: to!, webhookUrl: webhookUrl!, clientState });
    const detects = !['undefined', 'disabled'].includes(String(fields['answering_machine_detection']));
    setImmediate(() => void call.place(detects));
    return { status: 200, body: { data: { call_control_id: call.sid, is_alive: false, record_type: 'call' } } };
  }
}

const errors = (code: string, title: string) => ({ errors: [{ code, title, detail: title }] });

const answerOf = ({ status, code = '', title = '' }: Verdict) =>
  status === 200 ? { status, body: { data: { result: 'ok' } } } : { status, body: errors(code, title) };

/** The same path at another origin; sockets stay sockets. */
function moved(url: string, origin: string): string {
  const { pathname, search, protocol } = new URL(url);
  return (protocol.startsWith('ws') ? origin.replace(/^http/, 'ws') : origin) + pathname + search;
}

/** RFC 8410: the last 32 bytes of a SubjectPublicKeyInfo. */
export const rawPublicKey = (key: KeyObject): string =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

async function readFields(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > BODY_MOST) throw new RangeError('too large');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString();
  const value: unknown = text === '' ? {} : JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
