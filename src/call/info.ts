import type { PartyKind } from './party.ts';

/** Longest name of a conversation, characters: those of rooms are the longest. */
export const CONVERSATION_MOST = 256;

/** Who calls whom, and who answers; fixed when the call is made. */
export interface CallInfo {
  /** Our id. */
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  /** Where the caller comes from, from a small fixed set: a carrier's name, "browser", "whatsapp", "livekit", "bridge" or "test". */
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
  readonly prompt?: string | undefined;
  /** The model's name, for its prices. */
  readonly model?: string;
  /** The conversation this call belongs to, where its caller named one (browser calls), or the name of its room. */
  readonly conversationId?: string;
  /** Our id of the call that this one goes on from: its instance was lost, and its caller came back. */
  readonly continues?: string | undefined;
  /** The instance that prepared the call and told of its beginning, where this one took it on. */
  readonly takenFrom?: string | undefined;
  /** Whose call it is, where whoever ordered it serves several customers: a label of theirs. */
  readonly tenantId?: string;
  /** False: this call is not recorded, whatever the settings say. */
  readonly recording?: false | undefined;
  /** Something is wanted of this call once it is over: a summary, how it ended, facts. */
  readonly afterCall?: true | undefined;
  /** Longest call, ms, where it is not the process's own limit. */
  readonly maxMs?: number | undefined;
  /** Longest silence, ms, and how often the agent asks before it ends the call, where they are not the process's own. */
  readonly silenceMs?: number | undefined;
  readonly silenceAsks?: number | undefined;
}
