import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import type { CountHttp } from '../../http/counters.ts';
import { jsonObject } from '../../transport/http.ts';
import { peerLate, peerUnreachable } from '../fleet.ts';
import type { Handlers } from '../handlers.ts';
import type { Proof } from '../proof.ts';
import { toldOf } from './told-errors.ts';
import { BODY_MOST_BYTES, HEADERS, internalPath, LONGEST_MS, UNPROVEN_MOST_BYTES } from './wire.ts';

export interface InternalRouteOptions {
  readonly self: string;
  /** This process, whatever its id: what is asked of another of the same id is not for it. */
  readonly boot?: string;
  readonly proof: Proof;
  readonly handlers: Handlers;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly count: CountHttp;
}

/** As SHA-256 is written in base64url. */
const SIGNATURE = /^[\w-]{43}$/;
/** Nonces of questions that could still be sent again. */
const NONCES_MOST = 100_000;

/**
 * `POST /internal/INSTANCE/NAME`: what other instances ask of this one. A question is proven by the secret of the fleet before anything in it is
 * looked at, and before it is read where it is long; it is for this very process, is carried out once, and not when its time is up. The answer is proven, too, and
 * tells this process's clock.
 */
export const internalRoute: FastifyPluginCallback<InternalRouteOptions> = (app, options, done) => {
  const { self, boot, proof, handlers, clock, log, count } = options;
  /** When each may be forgotten, monotonic ms, by nonce. */
  const seen = new Map<string, number>();

  app.addHook('onRoute', (route) => {
    // Whoever proves himself is not limited.
    route.config = { ...route.config, limit: 'webhook' };
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, parsed) => parsed(null, body));

  const refuse = (request: FastifyRequest): never => {
    request.server.charge?.(request, 'webhook');
    count('internal_refused');
    log.warn(
      { remoteAddress: request.server.addressOf?.(request) ?? request.ip },
      'what asks as an instance does not prove to be one: do all have the same FLEET_SECRET?',
    );
    throw new BridgeError('PEER_REFUSED', 'this is not proven by the secret of the fleet', { status: 403 });
  };

  /**
   * Before anything is read: of whoever has not proven himself no more than a little, and nothing of what could never be proven. One of the fleet who only
   * comes to the wrong process, too late or again is told so, and nothing is charged to him.
   */
  app.addHook('onRequest', async (request, reply) => {
    const { signature, ...head } = headOf(request);
    const { to, name, nonce, notAfter } = head;
    const bytes = Number(request.headers['content-length'] ?? Number.NaN);
    const isWhole = nonce !== '' && SIGNATURE.test(signature) && Number.isSafeInteger(bytes);
    const isProven = isWhole && proof.isHead(String(request.headers[HEADERS.head] ?? ''), { ...head, bytes });
    const now = clock.now();
    const isLong = bytes > UNPROVEN_MOST_BYTES;
    // So far ahead is the clock of another process alone: this one has its address now.
    const isElsewhere = isProven && name !== '' && (to !== self || notAfter > now + LONGEST_MS);
    const isLate = isProven && isLong && name !== '' && notAfter <= now;
    const isAgain = isProven && isLong && seen.has(nonce);
    // What is long is not read then, and what he sends of it meanwhile is nobody's.
    if (isLong && (isElsewhere || isLate || isAgain)) reply.header('connection', 'close');
    if (isElsewhere) throw notHere();
    if (isLate || isAgain) return send(reply, nonce, { error: toldOf(isLate ? peerLate(0) : askedBefore()) });
    const isInTime = name === '' ? notAfter === 0 : notAfter <= now + LONGEST_MS;
    if (isWhole && isInTime && (!isLong || (isProven && name !== ''))) return;
    // What he sends meanwhile is not taken either.
    reply.header('connection', 'close');
    refuse(request);
  });

  /** Whether this question may begin; throws where it may not. */
  const check = (request: FastifyRequest, body: string): { nonce: string; untilMs: number } => {
    const { signature, ...head } = headOf(request);
    if (!proof.isAsked(signature, { ...head, body })) refuse(request);
    return { nonce: head.nonce, untilMs: head.notAfter };
  };

  const isForUs = (instance: string, body: string): boolean => {
    if (instance !== self) return false;
    const asked = jsonObject(body)?.['boot'];
    return boot === undefined || asked === undefined || asked === boot;
  };

  const mayBegin = (nonce: string, untilMs: number): void => {
    const now = clock.now();
    for (const [old, at] of seen) {
      if (at > now && seen.size < NONCES_MOST) break;
      seen.delete(old);
    }
    if (!(untilMs > now)) throw peerLate(0);
    // One that is asked again is carried out no second time; what may begin for longer could outlive what is remembered of it.
    if (seen.has(nonce) || untilMs > now + LONGEST_MS) throw askedBefore();
    seen.set(nonce, untilMs);
  };

  const send = (reply: FastifyReply, nonce: string, told: object) => {
    const body = JSON.stringify(told);
    const now = clock.now();
    return reply
      .headers({
        'cache-control': 'no-store',
        'content-type': 'application/json',
        [HEADERS.now]: String(now),
        [HEADERS.signature]: proof.answers({ nonce, now, body }),
      })
      .send(body);
  };

  const carriedOut = async (name: string, nonce: string, untilMs: number, body: string): Promise<object> => {
    try {
      mayBegin(nonce, untilMs);
      if (!handlers.has(name)) throw peerUnreachable('it does not know what is asked');
      const { question } = JSON.parse(body) as { question: unknown };
      const answer = await handlers.answer<unknown>(name, question, { withinMs: untilMs - clock.now() });
      return { done: true, answer };
    } catch (error) {
      const told = toldOf(error);
      if (told.error.code === 'INTERNAL')
        log.error({ err: error, question: name }, 'a question of another instance failed');
      return { error: told };
    }
  };

  const route = { bodyLimit: BODY_MOST_BYTES, exposeHeadRoute: false };
  app.post<{ Params: { instance: string } }>(internalPath(':instance', ''), route, async (request, reply) => {
    const { instance } = request.params;
    const body = bodyOf(request);
    const { nonce } = check(request, body);
    // Whoever proves to be of the fleet is told who is here: it is asked at an address that two have.
    return isForUs(instance, body) ? send(reply, nonce, {}) : send(reply.code(404), nonce, { instance: self });
  });
  app.post<{ Params: { instance: string; name: string } }>(
    internalPath(':instance', ':name'),
    route,
    async (request, reply) => {
      const { instance, name } = request.params;
      const body = bodyOf(request);
      const { nonce, untilMs } = check(request, body);
      if (!isForUs(instance, body)) throw notHere();
      count('internal_asked');
      return send(reply, nonce, await carriedOut(name, nonce, untilMs, body));
    },
  );
  done();
};

/** What proves a question, before it is read. */
function headOf({ params, headers }: FastifyRequest) {
  const { instance, name = '' } = params as { readonly instance: string; readonly name?: string };
  const header = (of: string) => String(headers[of] ?? '');
  return {
    to: instance,
    from: header(HEADERS.from),
    name,
    nonce: header(HEADERS.nonce),
    notAfter: Number(header(HEADERS.notAfter)),
    signature: header(HEADERS.signature),
  };
}

const bodyOf = ({ body }: FastifyRequest): string => (typeof body === 'string' ? body : '');

const askedBefore = () => peerUnreachable('it was asked this before');

/** The address is now another process's. */
const notHere = () => new BridgeError('NOT_FOUND', 'this is another instance', { status: 404 });
