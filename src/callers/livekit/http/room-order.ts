import type { Party } from '../../../call/party.ts';
import { BridgeError } from '../../../errors.ts';
import { parseParty, roomParty } from '../../../numbering/party.ts';
import type { Person, RoomAudio } from '../../../rooms/room.ts';
import type { Origin } from './connection.ts';

/** What is wanted of a room. */
export interface RoomOrder {
  readonly origin: Origin;
  /** Name of a prompt that there is. */
  readonly prompt?: string | undefined;
  /** BCP 47. */
  readonly language?: string | undefined;
  /** Whose room it is: a fact, which no stranger may say. */
  readonly tenantId?: string | undefined;
  readonly audio?: RoomAudio | undefined;
  /** Name of a participant who is to get a token; undefined for none. */
  readonly participantName?: string | undefined;
  /** Whether the same was refused before for want of a place. */
  readonly again?: boolean | undefined;
  /** Whether an operator asks, or the server itself. */
  readonly operator: boolean;
  /** Address of the one who asks. */
  readonly address: string;
}

/** What is answered to who wants a room. */
export interface OpenedRoom {
  readonly connectionId: string;
  readonly roomName: string;
  readonly accessToken?: string;
}

/** Who is on the line: a telephone by its number, as LiveKit's SIP tells it; anybody else by the identity of his token. */
export function partiesOf({ kind, identity, attributes }: Person): { from: Party; to: Party | undefined } {
  if (kind !== 'sip') return { from: roomParty(identity), to: undefined };
  const called = attributes['sip.trunkPhoneNumber'];
  return {
    from: parseParty(attributes['sip.phoneNumber'] ?? ''),
    to: called === undefined ? undefined : parseParty(called),
  };
}

/** What failed below, as an answer of HTTP. */
export function httpError(error: unknown): unknown {
  if (!(error instanceof BridgeError) || error.status !== undefined || !error.code.startsWith('LIVEKIT_')) return error;
  const { code, message, cause, retryable } = error;
  return new BridgeError(code, message, { cause, retryable, status: code === 'LIVEKIT_REFUSED' ? 502 : 503 });
}
