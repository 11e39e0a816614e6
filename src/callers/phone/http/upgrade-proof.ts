import type { IncomingMessage } from 'node:http';
import type { PublicUrls } from '../../../http/public-url.ts';
import type { Carriers } from '../carriers/index.ts';
import { PATHS } from './answers.ts';

/** What the upgrade of a media socket shows of who asks for it. */
export interface ShownProof {
  /** Whether a carrier signed it; undefined when none did, or no secret can tell. */
  readonly signed: boolean | undefined;
  /** The one-time token that it brings, or what stands in its place; undefined without one. */
  readonly token: string | undefined;
}

/** Reads it as all carriers do. Throws HOST_NOT_ALLOWED where a signature is to be checked and our public address is not set. */
export function upgradeProof(carriers: Carriers, urls: PublicUrls, request: IncomingMessage): ShownProof {
  // What is signed is the address that the carrier was given, which may name an instance.
  const [path = ''] = (request.url ?? '').split('?', 1);
  const address = path.startsWith(`${PATHS.mediaStream}/`) ? path : PATHS.mediaStream;
  const asked = { headers: request.headers, url: () => urls.ws(request, address) };
  const proofs = carriers.all.flatMap(({ webhook }) => webhook.upgrade?.(asked) ?? []);
  const says = (signed: boolean) => proofs.some((proof) => proof.signed === signed);
  const token = proofs.find((proof) => proof.token !== undefined)?.token;
  const isTokenless = proofs.some((proof) => proof.ownAuthorization === true);
  return {
    signed: says(true) || (says(false) ? false : undefined),
    token: token ?? (isTokenless ? undefined : bearerOf(request)),
  };
}

function bearerOf({ headers: { authorization: header } }: IncomingMessage): string | undefined {
  if (header === undefined || header === '') return undefined;
  return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '(no bearer token)';
}
