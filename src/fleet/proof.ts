import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * How instances prove themselves to one another: HMAC-SHA256 over all that is asked, and over all that is answered, with the secret that they
 * share. A question names the one that is asked, so that it is good for no other, and when it is too late for it, by that one's own clock.
 */

export interface AskedProof {
  /** Who is asked. */
  readonly to: string;
  readonly from: string;
  /** Name of the question; '' asks for the time alone. */
  readonly name: string;
  /** Unpredictable; the answer is to this one. */
  readonly nonce: string;
  /** Until when it may begin, monotonic ms of the one who is asked; 0 for the question for the time. */
  readonly notAfter: number;
  readonly body: string;
}

export interface AnsweredProof {
  readonly nonce: string;
  /** Monotonic ms of the one who answers. */
  readonly now: number;
  readonly body: string;
}

/** What is known of a question before any of it is read, and how long it is, bytes: it can be proven, too, so that nobody else has anything long read. */
export interface HeadProof extends Omit<AskedProof, 'body'> {
  readonly bytes: number;
}

const mac = (secret: string, label: string, parts: readonly string[]): Buffer => {
  const hmac = createHmac('sha256', secret).update(`voicebridge fleet ${label}\n`);
  // Each with its length, so that no two lists are one text.
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
  return hmac.digest();
};

const ofAsked = ({ to, from, name, nonce, notAfter, body }: AskedProof) => [
  to,
  from,
  name,
  nonce,
  String(notAfter),
  body,
];
const ofHead = ({ to, from, name, nonce, notAfter, bytes }: HeadProof) => [
  to,
  from,
  name,
  nonce,
  String(notAfter),
  String(bytes),
];
const ofAnswered = ({ nonce, now, body }: AnsweredProof) => [nonce, String(now), body];

/** The first secret signs, all are accepted. */
export class Proof {
  readonly #secrets: readonly string[];

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  asks(asked: AskedProof): string {
    return this.#sign('question', ofAsked(asked));
  }

  heads(head: HeadProof): string {
    return this.#sign('head', ofHead(head));
  }

  answers(answered: AnsweredProof): string {
    return this.#sign('answer', ofAnswered(answered));
  }

  isAsked(signature: string, asked: AskedProof): boolean {
    return this.#proves(signature, 'question', ofAsked(asked));
  }

  isHead(signature: string, head: HeadProof): boolean {
    return this.#proves(signature, 'head', ofHead(head));
  }

  isAnswered(signature: string, answered: AnsweredProof): boolean {
    return this.#proves(signature, 'answer', ofAnswered(answered));
  }

  #sign(label: string, parts: readonly string[]): string {
    return mac(this.#secrets[0] ?? '', label, parts).toString('base64url');
  }

  #proves(signature: string, label: string, parts: readonly string[]): boolean {
    const given = Buffer.from(signature, 'base64url');
    return this.#secrets.some((secret) => {
      const right = mac(secret, label, parts);
      return given.length === right.length && timingSafeEqual(given, right);
    });
  }
}
