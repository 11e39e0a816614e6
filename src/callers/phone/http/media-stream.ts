import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { BridgeError, errorCode } from '../../../errors.ts';
import type { CountHttp, HttpCounter } from '../../../http/counters.ts';
import { PendingConnections, type PendingLimits } from '../../../http/pending.ts';
import type { PublicUrls } from '../../../http/public-url.ts';
import type { UpgradeRouter } from '../../../http/upgrade.ts';
import { type Socket, SocketAcceptor, type SocketHandlers } from '../../../transport/socket.ts';
import type { Carriers } from '../carriers/index.ts';
import { PATHS } from './answers.ts';
import type { StreamClaims, StreamTokens } from './stream-token.ts';
import { upgradeProof } from './upgrade-proof.ts';

/** A carrier's media socket whose call is not known yet. */
export interface MediaStream {
  readonly remoteAddress: string;
  /** What the token in the upgrade's `Authorization` claims; undefined without one. It is not used up. */
  readonly bearer: StreamClaims | undefined;
  /** Completes the connection: called at once, within `onStream`, so that no message is lost. */
  attach(handlers: SocketHandlers): Socket;
  /**
   * The proof in the stream's `start`: uses the token up and gives the call it belongs to. Where `start` brought none, the upgrade's
   * bearer token stands for it. Rejects with STREAM_TOKEN_{MISSING,INVALID,EXPIRED,USED}, or INTERNAL where it cannot be known whether it was
   * used: the stream is then to be closed with 1008, and audio that came before is never used.
   */
  authorizeStart(token: string | undefined, carrierCallId: string): Promise<StreamClaims>;
}

export interface MediaStreamOptions {
  readonly upgrades: UpgradeRouter;
  readonly urls: PublicUrls;
  readonly carriers: Carriers;
  readonly tokens: StreamTokens;
  readonly count: CountHttp;
  readonly log: Pick<Log, 'warn' | 'debug'>;
  readonly clock: Clock;
  /** Takes the socket over: attaches handlers at once, and closes it when no `start` comes in time. */
  readonly onStream: (stream: MediaStream) => void;
  /** Sockets that wait for their `start` without having proven anything at the upgrade; 32 an address and 512 in all when left out. */
  readonly pending?: PendingLimits;
  /** Those that wait for it with proof; 512, from one address or from many, when left out. */
  readonly proven?: PendingLimits;
}

/** Media messages have a few hundred bytes, `start` one or two thousand. */
const MESSAGE_MOST_BYTES = 64 * 1024;
/** Keeps tunnels from closing a quiet connection and finds dead ones. */
const PING_INTERVAL_MS = 15_000;

/** Accepts the subprotocol of a carrier that has one; of sockets that offer others the first, as where no carrier has any. */
function subprotocolsOf(carriers: Carriers): Pick<ConstructorParameters<typeof SocketAcceptor>[0], 'subprotocol'> {
  const known = carriers.all.flatMap(({ media }) => media.subprotocol ?? []);
  if (known.length === 0) return {};
  return { subprotocol: (offered) => known.find((one) => offered.has(one)) ?? [...offered][0] ?? false };
}

const TOKEN_COUNTERS: Partial<Record<string, HttpCounter>> = {
  STREAM_TOKEN_MISSING: 'stream_token_missing',
  STREAM_TOKEN_INVALID: 'stream_token_invalid',
  STREAM_TOKEN_EXPIRED: 'stream_token_expired',
  STREAM_TOKEN_USED: 'stream_token_used',
};

/**
 * `WS /media-stream`. What a carrier can prove at the upgrade is checked there (some sign it, some bring the bearer token they were
 * told); the proof that counts is the one-time token in `start`, since either may be absent.
 */
export function serveMediaStream(options: MediaStreamOptions): { readonly pending: PendingConnections } {
  const { upgrades, urls, carriers, tokens, count, log, clock } = options;
  const pending = new PendingConnections(options.pending ?? { perAddress: 32, total: 512 });
  const proven = new PendingConnections(options.proven ?? { perAddress: 512, total: 512 });
  /** Tokens that a waiting socket brought at its upgrade: each proves one socket at a time. */
  const shown = new Set<string>();
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MESSAGE_MOST_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    clock,
    media: true,
    ...subprotocolsOf(carriers),
  });

  /** Counts how a token fared, whatever came of it. */
  const counted = async (check: () => Promise<StreamClaims>, failed?: HttpCounter): Promise<StreamClaims> => {
    try {
      return await check();
    } catch (error) {
      const code = errorCode(error);
      const counter = code === 'STREAM_TOKEN_USED' ? 'stream_token_used' : (failed ?? TOKEN_COUNTERS[code]);
      if (counter !== undefined) count(counter);
      throw error;
    }
  };

  upgrades.serve(
    PATHS.mediaStream,
    async (request, stream, head) => {
      const remoteAddress = upgrades.addressOf(request);
      const refuse = (status: number, code: string) => {
        log.warn({ remoteAddress, status, code }, 'media stream refused');
        upgrades.refuse(stream, status, code);
      };
      let signature: boolean | undefined;
      let bearerToken: string | undefined;
      let bearer: StreamClaims | undefined;
      try {
        const shownProof = upgradeProof(carriers, urls, request);
        signature = shownProof.signed;
        bearerToken = shownProof.token;
        if (bearerToken !== undefined)
          bearer = await counted(() => tokens.verifyUnused(shownProof.token), 'upgrade_bearer_invalid');
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        if (error.code === 'HOST_NOT_ALLOWED') count('host_not_allowed');
        return refuse(error.status ?? 500, error.code);
      }
      // Gone while its token was looked up: its place would never come back.
      if (stream.destroyed) return;
      const jti = bearer !== undefined && !shown.has(bearer.jti) ? bearer.jti : undefined;
      const isProven = signature === true || jti !== undefined;
      if (!isProven && !upgrades.charge(request, stream, 'stream')) return;
      if (signature === false) {
        count('upgrade_signature_invalid');
        return refuse(403, 'WEBHOOK_SIGNATURE_INVALID');
      }
      // One that proved itself is not held up by those who did not, even when all come through one proxy.
      const taken = (isProven ? proven : pending).admit(remoteAddress);
      if (typeof taken === 'string') {
        count('upgrade_too_many');
        return taken === 'address' ? refuse(429, 'TOO_MANY_CONNECTIONS') : refuse(503, 'TOO_MANY_CONNECTIONS');
      }
      if (jti !== undefined) shown.add(jti);
      const place = () => {
        taken();
        if (jti !== undefined) shown.delete(jti);
      };
      stream.once('close', place);
      acceptor.accept(request, stream, head, (attach) => {
        count('upgrade_accepted');
        options.onStream({
          remoteAddress,
          bearer,
          attach,
          async authorizeStart(token, carrierCallId) {
            const proof = token === undefined || token === '' ? bearerToken : token;
            const claims = await counted(() => tokens.redeem(proof, { carrierCallId }));
            place();
            count('stream_authorized');
            return claims;
          },
        });
      });
    },
    'stream',
    { named: true },
  );
  return { pending };
}
