/** An account (or project) at a carrier. */
export interface CarrierAccount {
  /** The carrier's name: lower case, from the table of `callers/phone/carriers/`. */
  readonly carrier: string;
  /** The carrier's id of the account or project; '' where it told none. */
  readonly accountId: string;
}

/**
 * A call at its carrier. A carrier's id of a call is unique among that carrier's calls at best, and what one carrier (or account) says is no
 * news of another's call: whatever is kept by the carrier's id is kept by all three.
 */
export interface CarrierCall extends CarrierAccount {
  /** Opaque: each carrier makes ids of its own form. */
  readonly carrierCallId: string;
}

/** One text for a call at its carrier, for maps. Carriers write the ids of accounts in either case. */
export function carrierCallKey({ carrier, accountId, carrierCallId }: CarrierCall): string {
  return JSON.stringify([carrier, accountId.toLowerCase(), carrierCallId]);
}

/** Whether both name the same account; '' names none. */
export function isSameAccount(a: CarrierAccount, b: CarrierAccount): boolean {
  return a.carrier === b.carrier && a.accountId.toLowerCase() === b.accountId.toLowerCase();
}
