import { numberOf, type Party } from '../../../call/party.ts';

/** Both ends of a call, as the carrier writes them. */
export interface Ends {
  readonly from: Party;
  readonly to: Party;
  /**
   * Whether the carrier wrote the caller's number as something else: within a SIP URI, as a client's name, without its plus sign. To us he has
   * a number, to the carrier none.
   */
  readonly wrapped?: boolean | undefined;
}

/**
 * What the one is shown to whom a caller is connected. Without a word of ours carriers show the caller's own number, and refuse to dial for one
 * who has none: who withholds it, or calls by SIP or as a client, whatever his name there is. Such a one is shown by `own`, a number of the account, else by the number that was called.
 * `shown` undefined: the carrier's rule holds; `missing`: it will refuse, since nothing can be shown.
 * https://www.twilio.com/docs/voice/twiml/dial#callerid, https://www.twilio.com/docs/api/errors/13214
 */
export function callerIdFor(
  { from, to, wrapped = false }: Ends,
  own: string | undefined,
): { shown?: string; missing: boolean } {
  if (from.kind === 'number' && !wrapped) return { missing: false };
  const shown = own ?? numberOf(to);
  return shown === undefined ? { missing: true } : { shown, missing: false };
}
