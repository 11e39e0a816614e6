/** How questions between instances look on the wire: `POST /internal/INSTANCE/NAME`, JSON both ways, with these headers. */

/** The instance stands in the path, so that whoever hands requests out can go by it, and no other process takes what is not for it. */
export const internalPath = (instance: string, name: string): string =>
  name === '' ? `/internal/${instance}` : `/internal/${instance}/${name}`;

export const HEADERS = {
  from: 'x-fleet-from',
  nonce: 'x-fleet-nonce',
  notAfter: 'x-fleet-not-after',
  now: 'x-fleet-now',
  /** Proof of what stands in the headers, and of the length. */
  head: 'x-fleet-head',
  signature: 'x-fleet-signature',
} as const;

/** Questions and answers hold words of a conversation at most, bytes. */
export const BODY_MOST_BYTES = 2 * 1024 * 1024;

/** So much is read of whoever has not proven yet who he is, bytes. */
export const UNPROVEN_MOST_BYTES = 16 * 1024;

/** Longest time that a question may be given, ms: so long its nonce is remembered. */
export const LONGEST_MS = 120_000;
