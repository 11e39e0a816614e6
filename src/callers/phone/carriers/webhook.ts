import type { IncomingHttpHeaders } from 'node:http';
import type { Pace } from '../../../call/leg.ts';
import type { Party } from '../../../call/party.ts';
import type { TransferEnd } from '../../../call/transfer.ts';
import type { CallStatus } from '../control/control.ts';

/**
 * The port of a carrier's webhooks: how what it posts is proven and read, and what it is answered. A carrier that signs query, headers or raw body,
 * writes JSON, tells several events at one address or takes its answer as a command over REST fits as well as one that posts forms and
 * reads documents. Addresses, memory of answers, limits and codes of refusals are the daemon's own, the same for all.
 */

/** A request of a carrier's, of which nothing is believed yet. */
export interface CarrierRequest {
  /** In upper case. */
  readonly method: string;
  /** The URL as the carrier was given it, query included: where a secret is set, by our own settings and never from the wire. */
  readonly url: string;
  /** The query as it stands in the address, without its question mark; '' without one. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Of the body: the media type alone, in lower case; '' where none was stated. */
  readonly contentType: string;
  /** The body as it came; '' without one. */
  readonly rawBody: string;
}

/** The upgrade of a media socket, of which nothing is believed yet. */
export interface UpgradeRequest {
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** The `ws(s)` URL as the carrier was given it. Throws HOST_NOT_ALLOWED where a secret is set and our public address is not. */
  url(): string;
}

/** What an upgrade proves. */
export interface UpgradeProof {
  /** Whether a secret that is set made its signature; undefined: it is not signed, or no secret can tell. */
  readonly signed?: boolean | undefined;
  /** The one-time token of the stream, where it comes in a header that only this carrier has. */
  readonly token?: string | undefined;
  /** The `Authorization` header is this carrier's own proof: what is in it is no token of ours. */
  readonly ownAuthorization?: boolean | undefined;
}

/** What a webhook can be about. The address tells, except where one address gets several of them. */
export type WebhookEvent = 'incoming-call' | 'call-continue' | 'transfer-ended' | 'stream-status' | 'call-status';

/** What a webhook says, as its carrier's reader has it. */
export interface WebhookFacts {
  /** Which event it is; `other`: one that asks for nothing. Undefined: its address tells. */
  readonly event?: WebhookEvent | 'other' | undefined;
  /** What it is news of besides, seen to first; nothing is answered to that. */
  readonly also?: WebhookEvent | undefined;
  /** The carrier's id of the account; '' where it told none. */
  readonly accountId: string;
  /** The carrier's id of the call; '' where it told none. */
  readonly carrierCallId: string;
  /** Its values by name; nested ones under names that the reader gives them. Has no prototype. */
  readonly params: Readonly<Record<string, string>>;
  /** The query of the address, which whoever set the webhook at the carrier wrote. Has no prototype. */
  readonly query: Readonly<Record<string, string>>;
}

/** Where identities are one person's; see `numbering/party.ts`. */
export interface PartyOrigin {
  readonly provenScope?: string | undefined;
}

/** A call as its webhook describes it. */
export interface OfferedCall {
  /** Who dialled, and who was dialled; withheld where the caller's network asks for that. */
  readonly from: Party;
  readonly to: Party;
  /** Whether `from` is a number that the carrier wrote as something else, so that it has none to show for him. */
  readonly wrapped: boolean;
  readonly direction: 'inbound' | 'outbound';
  /** Who handed the call on to us. */
  readonly forwardedBy: Party;
  /** Whether it has not been anywhere yet. */
  readonly rings: boolean;
}

/** How a call fares that was placed. */
export interface ToldStatus {
  /** Undefined in what machine detection tells, and where the word is not known. */
  readonly status?: CallStatus | undefined;
  /** The carrier's word for it. */
  readonly word: string;
  /** human, machine_start, machine_end_beep, …, unknown: the carrier's word. */
  readonly answeredBy?: string | undefined;
  /** Who was called. */
  readonly to: Party;
}

/** What a carrier tells of a media stream. */
export interface ToldStream {
  readonly event: 'started' | 'stopped' | 'error' | 'other';
  /** The carrier's word for it. */
  readonly word: string;
  readonly streamId: string;
  /** Why it failed, in the carrier's words. */
  readonly error: string;
}

/** How a transfer ended. */
export interface ToldTransfer {
  readonly how: TransferEnd;
  /** How long the talk was, s; 0 where there was none. */
  readonly seconds: number;
  /** Whether the caller has hung up. */
  readonly gone: boolean;
  /** Which of the call's transfers it was, where that does not come back in the query of `Connection.action`. */
  readonly n?: number | undefined;
}

/** A spoken text; `language` is a BCP 47 tag, `voice` a name of the carrier's; its defaults without them. */
export interface Spoken {
  readonly text: string;
  readonly language?: string | undefined;
  readonly voice?: string | undefined;
}

/** A number (E.164) to which a caller is connected. */
export interface Connection {
  readonly to: string;
  /** How long that may last, s; the carrier's own limit without it. */
  readonly seconds?: number | undefined;
  /** Asked what comes next when it has ended, and told how; the call ends without it. */
  readonly action?: string | undefined;
  /** How long it rings, s; the carrier's own time without it. */
  readonly ringSeconds?: number | undefined;
  /** Number (E.164) that is shown to the one who is called; the carrier's own rule without it. */
  readonly callerId?: string | undefined;
}

/** The media stream that is to be opened for a call. */
export interface StreamOrder {
  /** `ws(s)://…` without a query, which carriers strip or refuse. */
  readonly streamUrl: string;
  /** One-time token: it must come back in the stream's `start`, or with its upgrade. */
  readonly token: string;
  /** Asked for when the stream has ended and the call has not. */
  readonly continueUrl: string;
  /** Told how the stream fares. */
  readonly statusUrl: string;
  /** Our id of the call. */
  readonly callId: string;
  /** How the agent's audio comes, or is expected to; undefined where that is not known. */
  readonly pace: Pace | undefined;
}

/** What a carrier is to do with a call. */
export type Instruction =
  | { readonly do: 'connect'; readonly stream: StreamOrder }
  | { readonly do: 'transfer'; readonly connection: Connection }
  /** Says that the call cannot go on; then connects the caller on, where there is a number, and hangs up. */
  | { readonly do: 'apologise'; readonly spoken: Spoken; readonly connection?: Connection | undefined }
  /** Turns a new caller away: with words (the call is answered and billed), or without, by the network's busy signal. */
  | { readonly do: 'refuse'; readonly spoken?: Spoken | undefined }
  | { readonly do: 'hang-up' };

/** A carrier's webhooks, as the settings have them. */
export interface CarrierWebhook {
  /** Addresses of its own in place of the daemon's common ones, a path each; where several events share one, `read` tells which it is. */
  readonly addresses?: Readonly<Partial<Record<WebhookEvent, string>>> | undefined;
  /** What it calls its id of a call, for who sent none: "a CallSid". */
  readonly callIdName: string;
  /** Whether a secret that is set made the signature of this request; false without a secret. */
  proves(request: CarrierRequest): boolean;
  /** How much a request looks like this carrier's, where no secret proves it: 0 not at all; the highest is taken, of equals the first of the table. */
  likeness(request: CarrierRequest): number;
  /** What it says; undefined when it cannot be read. */
  read(request: CarrierRequest): WebhookFacts | undefined;
  /** What an upgrade of the media socket proves, as far as it is this carrier's; undefined: nothing. */
  upgrade?(request: UpgradeRequest): UpgradeProof | undefined;

  // What is told of one event. Each gets what `read` gave and never throws, whatever that is.

  offered(facts: WebhookFacts, origin?: PartyOrigin): OfferedCall;
  status(facts: WebhookFacts): ToldStatus;
  stream(facts: WebhookFacts): ToldStream;
  transferEnded(facts: WebhookFacts): ToldTransfer;
  /** Told of what asks the daemon for nothing (`other`), where the carrier's own folder waits for it: that words were said, for instance. It may have come to another process. */
  noted?(facts: WebhookFacts): void;
  /**
   * Told of a call that this process has from now on, with what its webhook told, whichever process that came to: for a carrier whose own folder has to know
   * more of a call than its id. Never throws.
   */
  known?(facts: Pick<WebhookFacts, 'carrierCallId' | 'params'>): void;

  /** Content type of what it is answered. */
  readonly documentType: string;
  /** The text of the answer to this webhook; '' where it is told over REST. Throws INTERNAL for what it cannot be told. */
  document(instruction: Instruction, facts: WebhookFacts): string;
  /**
   * Tells it over REST, where its webhooks' answers are not read. Asked once for each answer that is made; a webhook that is repeated gets the
   * text again and no second command. Rejects when the carrier does not take it.
   */
  carryOut?(instruction: Instruction, facts: WebhookFacts): Promise<void>;
  /** A voice as this carrier names it, by the name that another may have for it. */
  voice(name: string): string;
}
