import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import { asksForWebSocket } from '../../transport/upgrade-request.ts';
import { type Carrier, newAccountSid } from '../phone/carrier.ts';
import { type AudioSource, silenceSource } from '../phone/source.ts';
import { type Application, newApplication } from './application.ts';
import type { CarrierCall } from './call.ts';
import { Faults, type RelayFault, type RestFault } from './faults.ts';
import { type NewNumber, OwnedNumbers } from './numbers.ts';
import { RelayServer } from './relay.ts';
import { answerRest } from './rest.ts';
import type { RestRequest } from './rest-side.ts';
import type { FarParty } from './side.ts';
import { Switchboard } from './switchboard.ts';

/** A carrier: its REST API and its relay on a local port, and behind them calls that really ask the bridge for instructions and open media streams. */

export type { CarrierCall } from './call.ts';
export type { RelayFault, RestFault } from './faults.ts';
export type { NewNumber, OwnedNumber, OwnedNumbers } from './numbers.ts';
export type { RestRequest } from './rest-side.ts';
export type { CarrierCallStatus, FarParty } from './side.ts';

export interface CarrierServerOptions {
  readonly carrier: Carrier;
  /** A fresh one when left out. */
  readonly accountSid?: string;
  /** Password of the REST API and token of the relay. */
  readonly token: string;
  /** User of the REST API where that is not the account. */
  readonly apiUser?: string;
  /** Public half of the key of Vonage's application, PEM. */
  readonly publicKey?: string;
  /** Signs webhooks: Twilio's auth token, SignalWire's signing key or Vonage's signature secret. */
  readonly signingSecret?: string;
  /** Numbers of the account; more can be added later. */
  readonly numbers?: readonly NewNumber[];
  /** Where the bridge is reached when that is not where its URLs point. */
  readonly bridge?: { readonly local: string; readonly public: string };
  /** What every far party says; silence when left out. */
  readonly source?: AudioSource;
  /** What a far party does when it is called, by the account or by a `<Dial>`; it answers after 20 ms when left out. */
  readonly far?: (to: string) => FarParty;
  readonly port?: number;
  readonly clock?: Clock;
  readonly ticker?: Ticker;
  /** Keep what is heard on each call. */
  readonly record?: boolean;
  /** Factor on the time that Say, Play and Pause take; 0 when left out. */
  readonly verbTimeScale?: number;
}

export interface CarrierServer {
  /** `http://127.0.0.1:PORT`: the base of the REST API. */
  readonly url: string;
  /** `ws://127.0.0.1:PORT`: the relay's host. */
  readonly relayUrl: string;
  readonly accountSid: string;
  readonly calls: readonly CarrierCall[];
  readonly requests: readonly RestRequest[];
  readonly relayRequests: ReadonlyArray<{
    readonly method: string;
    readonly params: Readonly<Record<string, unknown>>;
  }>;
  readonly faults: Faults<RestFault>;
  readonly relayFaults: Faults<RelayFault>;
  readonly numbers: OwnedNumbers;
  /** Of Vonage: its addresses. */
  readonly application: Application;
  /** Somebody calls a number whose webhook is this one; how the call fares is told at `statusUrl`. */
  callIn(options: { from: string; to: string; webhookUrl: string; statusUrl?: string }): CarrierCall;
  /** Cuts the relay's connections. */
  dropRelay(): void;
  /** Ends all calls and stops listening. Idempotent. */
  close(): Promise<void>;
}

/** Starts the stand-in on loopback. Rejects with LISTEN_FAILED. */
export async function startCarrier(options: CarrierServerOptions): Promise<CarrierServer> {
  const { carrier, token, clock = systemClock } = options;
  const accountSid = options.accountSid ?? newAccountSid(carrier);
  const board = new Switchboard(
    {
      carrier,
      accountSid,
      signingSecret: options.signingSecret,
      bridge: options.bridge,
      clock,
      ticker: options.ticker ?? new Ticker(clock),
      verbTimeScale: options.verbTimeScale ?? 0,
      record: options.record ?? false,
      far: options.far ?? (() => ({ outcome: 'answer', ringMs: 20 })),
    },
    options.source ?? silenceSource(),
  );
  const faults = new Faults<RestFault>();
  const requests: RestRequest[] = [];
  const relayFaults = new Faults<RelayFault>();
  const relayRequests: Array<{ method: string; params: Record<string, unknown> }> = [];
  const numbers = new OwnedNumbers(carrier, options.numbers ?? []);
  const application = newApplication();
  const { apiUser: user = accountSid, publicKey } = options;
  const rest = { board, numbers, user, password: token, publicKey, application, faults, requests };
  const relay = new RelayServer({
    board,
    project: accountSid,
    token,
    clock,
    faults: relayFaults,
    requests: relayRequests,
  });
  const server = createServer(
    { shouldUpgradeCallback: asksForWebSocket },
    (request, response) => void answerRest(rest, request, response),
  );
  server.on('upgrade', (request, stream, head) => relay.accept(request, stream, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(new BridgeError('LISTEN_FAILED', `cannot listen on port ${options.port}: ${cause.message}`, { cause })),
    );
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    relayUrl: `ws://127.0.0.1:${port}`,
    accountSid,
    calls: board.calls,
    requests,
    relayRequests,
    faults,
    relayFaults,
    numbers,
    application,
    callIn: (call) => board.callIn(call),
    dropRelay: () => relay.drop(),
    close() {
      closing ??= (async () => {
        await board.close();
        relay.drop();
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
      })();
      return closing;
    },
  };
}
