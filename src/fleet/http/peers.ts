import { randomBytes } from 'node:crypto';
import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { ExchangeError, exchange, type HttpAnswer, jsonObject } from '../../transport/http.ts';
import type { AnswersAt } from '../address-check.ts';
import { type AskOptions, type Instance, peerLate, peerUnreachable } from '../fleet.ts';
import type { Proof } from '../proof.ts';
import { errorFrom, isTold } from './told-errors.ts';
import { BODY_MOST_BYTES, HEADERS, internalPath } from './wire.ts';

/**
 * Asks other instances over HTTP. A question says until when it may begin, by the clock of the one who is asked: that clock is asked for first, and
 * learnt again with each answer. It is monotonic, so neither a wall clock that is wrong nor one that is set moves anything.
 */

/** How long what is known of another's clock holds, ms: two quartzes drift apart by some milliseconds within it. */
const CLOCK_HOLDS_MS = 60_000;
/** How long the other may take to tell its clock, ms. */
const HELLO_MS = 2_000;

/** `ahead`: what to add to our clock, ms, so that the sum is not beyond the other's. */
interface FarClock {
  readonly ahead: number;
  readonly at: number;
}

export interface PeersOptions {
  readonly self: string;
  readonly proof: Proof;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

export class Peers {
  readonly #o: PeersOptions;
  readonly #clocks = new Map<string, FarClock>();
  readonly #asked = new Map<string, Promise<FarClock>>();

  constructor(options: PeersOptions) {
    this.#o = options;
  }

  /** Carries a question to another instance; rejects as `Fleet.ask` does. */
  async carry<A>(to: Instance, name: string, question: unknown, { withinMs }: AskOptions): Promise<A> {
    const { clock } = this.#o;
    const latest = clock.now() + withinMs;
    const { ahead } = await this.#clockOf(to, Math.min(HELLO_MS, withinMs));
    const leftMs = latest - clock.now();
    if (leftMs <= 0) throw peerLate(withinMs);
    const { told } = await this.#send(
      to,
      name,
      JSON.stringify({ question, boot: to.boot }),
      latest + ahead,
      leftMs,
      withinMs,
    );
    if (isTold(told['error'])) throw errorFrom(told['error']);
    if (!('answer' in told) && !('done' in told)) throw peerUnreachable('its answer is none');
    return told['answer'] as A;
  }

  /** Who answers where this instance is to be. Never rejects. */
  async hello(to: Instance): Promise<AnswersAt> {
    try {
      await this.#ask(to, HELLO_MS);
      return { who: 'it' };
    } catch (error) {
      return error instanceof AnotherError ? { who: 'another', id: error.id } : { who: 'nobody' };
    }
  }

  #ask(to: Instance, withinMs: number) {
    return this.#send(to, '', JSON.stringify({ boot: to.boot }), 0, withinMs, withinMs);
  }

  /** One look at a time for all who need it. */
  #clockOf(to: Instance, withinMs: number): Promise<FarClock> {
    const known = this.#clocks.get(to.id);
    if (known !== undefined && this.#o.clock.now() - known.at < CLOCK_HOLDS_MS) return Promise.resolve(known);
    const asked =
      this.#asked.get(to.id) ??
      this.#ask(to, withinMs)
        .then(() => {
          const learnt = this.#clocks.get(to.id);
          if (learnt === undefined) throw peerUnreachable('it does not tell its time');
          return learnt;
        })
        .finally(() => this.#asked.delete(to.id));
    this.#asked.set(to.id, asked);
    return asked;
  }

  /** `withinMs`: of the whole question, for the words of an error. */
  async #send(
    to: Instance,
    name: string,
    body: string,
    notAfter: number,
    timeoutMs: number,
    withinMs: number,
  ): Promise<{ readonly told: Readonly<Record<string, unknown>> }> {
    const { self, proof, clock, fetch } = this.#o;
    if (to.url === undefined) throw peerUnreachable('it has told no address');
    const nonce = randomBytes(16).toString('base64url');
    const head = { to: to.id, from: self, name, nonce, notAfter };
    let answer: HttpAnswer;
    try {
      answer = await exchange({
        url: `${to.url}${internalPath(to.id, name)}`,
        headers: {
          'content-type': 'application/json',
          [HEADERS.from]: self,
          [HEADERS.nonce]: nonce,
          [HEADERS.notAfter]: String(notAfter),
          [HEADERS.head]: proof.heads({ ...head, bytes: Buffer.byteLength(body) }),
          [HEADERS.signature]: proof.asks({ ...head, body }),
        },
        body,
        timeoutMs,
        mostBytes: BODY_MOST_BYTES,
        clock,
        fetch,
      });
    } catch (error) {
      if (error instanceof ExchangeError && error.failure === 'timeout') throw peerLate(withinMs);
      throw peerUnreachable(error instanceof ExchangeError ? error.message : 'the request failed');
    }
    const text = answer.body.toString('utf8');
    const now = Number(answer.headers.get(HEADERS.now) ?? Number.NaN);
    const signature = answer.headers.get(HEADERS.signature) ?? '';
    const told = jsonObject(text) ?? {};
    const isProven = proof.isAnswered(signature, { nonce, now, body: text });
    if (isProven && answer.status === 404) throw new AnotherError(String(told['instance'] ?? ''));
    if (answer.status !== 200 || !isProven)
      throw peerUnreachable(`what answers there (${answer.status}) does not prove to be it`);
    const at = clock.now();
    // It was so late there at some moment before now: never more than that is counted on.
    this.#clocks.set(to.id, { ahead: now - at, at });
    if (this.#clocks.size > 1_000) this.#clocks.clear();
    return { told };
  }
}

/** Another instance of the fleet proved to be at the address. */
class AnotherError extends BridgeError {
  readonly id: string;

  constructor(id: string) {
    const { code, message } = peerUnreachable(`instance ${id} is at its address`);
    super(code, message, { retryable: true, status: 503, retryAfterMs: 1_000 });
    this.id = id;
  }
}
