/**
 * Tells the carrier by what it sends, so that one media URL serves them all and nothing has to be configured twice. No single sign is
 * trusted alone: versions move and ids are opaque, so each sign is a vote.
 */

import { parseMessage } from './carriers/laml/messages.ts';
import { signalwire } from './carriers/signalwire/media.ts';
import { twilio } from './carriers/twilio/media.ts';
import type { ConnectedMessage, FaultReport, MediaProtocol, PhoneMessage, StartMessage } from './protocol.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Twilio's ids: two letters of the kind, then 32 hexadecimal digits. */
const SID = /^(MZ|CA|AC)[0-9a-f]{32}$/i;

/** Votes of one id: above zero for Twilio, below for SignalWire. */
function idVote(id: string): number {
  return SID.test(id) ? 1 : UUID.test(id) ? -1 : 0;
}

/**
 * The dialect of a stream that sent this `start` (and, before it, this `connected`). Undecided means Twilio, whose messages are the
 * smaller set: every carrier of the family understands them.
 */
export function detectDialect(start: StartMessage, connected?: ConnectedMessage): MediaProtocol {
  let votes = 0;
  // "1.0.0" at Twilio, "0.2.0" at SignalWire.
  if (connected !== undefined) votes += /^1\./.test(connected.version) ? 2 : /^0\./.test(connected.version) ? -2 : 0;
  votes += 2 * idVote(start.streamId) + idVote(start.callId) + idVote(start.accountId);
  votes += start.topLevelStreamId ? 1 : -1;
  return votes >= 0 ? twilio : signalwire;
}

/** Reads the messages of a stream whose carrier is not known yet. */
export function parseBeforeStart(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  return parseMessage(data, report);
}
