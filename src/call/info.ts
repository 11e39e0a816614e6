import type { PartyKind } from './party.ts';

/** Who calls whom, and who answers; fixed when the call is made. */
export interface CallInfo {
  /** Our id. */
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  /** Where the caller comes from, from a small fixed set: a carrier's name, "browser", "whatsapp" or "bridge". */
  readonly carrier?: string;
  /** The account (or project) at the carrier, where it told one. */
  readonly accountId?: string;
  /** The carrier's id of the call, where there is one; see `CarrierCall` for what it is unique within. */
  readonly carrierCallId?: string;
  /** Both ends for people to read, as `partyText` has them: a number (E.164) or an identity; absent where it is withheld or there is none. */
  readonly from?: string;
  readonly to?: string;
  /** What is known of the person on the line. */
  readonly callerKind?: PartyKind;
  /** Whether `from` is a number that the carrier wrote as something else (a SIP URI, a client's name), and does not take for one. */
  readonly fromWrapped?: true;
  /** Names of the route and the prompt that were chosen. */
  readonly route?: string;
  readonly prompt?: string;
  /** The model's name, for its prices. */
  readonly model?: string;
  /** The conversation this call belongs to, where its caller named one (browser calls). */
  readonly conversationId?: string;
  /** False: this call is not recorded, whatever the settings say. */
  readonly recording?: false | undefined;
  /** Longest call, ms, where it is not the process's own limit. */
  readonly maxMs?: number | undefined;
  /** Longest silence, ms, and how often the agent asks before it ends the call, where they are not the process's own. */
  readonly silenceMs?: number | undefined;
  readonly silenceAsks?: number | undefined;
}
