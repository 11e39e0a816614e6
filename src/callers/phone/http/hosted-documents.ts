import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import { BridgeError } from '../../../errors.ts';
import type { PublicUrls } from '../../../http/public-url.ts';
import { CLOCKS_DIFFER_MS } from './stream-token.ts';
import { readWebhookBodies } from './webhook.ts';
import type { WebhookRoutes } from './webhook-routes.ts';

/**
 * Documents for a carrier that fetches instructions and takes none along. The document is in its own address, sealed: nothing is kept, so
 * any instance can serve it, and nobody can read the number in it from a proxy's log or have another document served.
 */

export interface HostedDocumentsOptions {
  /** The first seals, all open: the same on all instances. */
  readonly secrets: readonly string[];
  readonly urls: PublicUrls;
  /** Wall time, ms. */
  readonly wall: () => number;
  /** How long an address works, ms, by a clock that is as far ahead as those of instances may be; by one that agrees ten minutes longer. */
  readonly ttlMs?: number;
}

export const HOSTED_DOCUMENT_PATH = '/hosted-document';

const TTL_MS = 300_000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** AES-256-GCM. */
const CIPHER = 'aes-256-gcm';

const keyOf = (secret: string) => Buffer.from(hkdfSync('sha256', secret, 'voicebridge', 'hosted document', 32));

export class HostedDocuments {
  readonly #o: HostedDocumentsOptions;
  readonly #keys: readonly Buffer[];

  constructor(options: HostedDocumentsOptions) {
    this.#o = options;
    this.#keys = options.secrets.map(keyOf);
  }

  /** An address from which the carrier can fetch this document. Throws HOST_NOT_ALLOWED when our public address is not known. */
  url(document: string): string {
    const key = this.#keys[0];
    if (key === undefined) throw new BridgeError('INTERNAL', 'hosted documents need a secret');
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce);
    const expires = this.#o.wall() + (this.#o.ttlMs ?? TTL_MS);
    const sealed = [
      nonce,
      cipher.update(`${Math.round(expires)} ${document}`, 'utf8'),
      cipher.final(),
      cipher.getAuthTag(),
    ];
    const text = Buffer.concat(sealed).toString('base64url');
    return this.#o.urls.http({ headers: {} }, `${HOSTED_DOCUMENT_PATH}?document=${text}`);
  }

  /** The document in an address; undefined when it was not sealed here or is too old. */
  open(text: string): string | undefined {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
    for (const key of this.#keys) {
      const plain = unseal(bytes, key);
      if (plain === undefined) continue;
      const [expires = '', ...rest] = plain.split(' ');
      return Number(expires) + CLOCKS_DIFFER_MS >= this.#o.wall() ? rest.join(' ') : undefined;
    }
    return undefined;
  }
}

function unseal(bytes: Buffer, key: Buffer): string | undefined {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}

/** `POST /hosted-document?document=…`: a webhook as all others, signed by the carrier. 404 for an address that is not, or no longer, ours. */
export const hostedDocumentRoute: FastifyPluginAsync<{ documents: HostedDocuments; webhooks: WebhookRoutes }> = async (
  app,
  { documents, webhooks },
) => {
  await readWebhookBodies(app);
  app.post(HOSTED_DOCUMENT_PATH, async (request, reply) => {
    const webhook = webhooks.guard.check(request);
    const { carrier, carrierCallId } = webhook;
    const { document: sealed } = request.query as { document?: unknown };
    const document = typeof sealed === 'string' ? documents.open(sealed) : undefined;
    request.log.info({ carrier, carrierCallId, found: document !== undefined }, 'carrier asks for a hosted document');
    if (document === undefined) throw new BridgeError('NOT_FOUND', 'there is no such document', { status: 404 });
    return webhooks.send(reply, webhook, document);
  });
};
