import type { Exchange } from '../../../transport/http.ts';

/**
 * What the doctor asks of a carrier, to look from outside at what its settings say: at its API with the credentials, and at our own webhook with what
 * the carrier would send there. Nothing here starts a call. The doctor finds the words for what comes of it.
 */
export interface CarrierChecks {
  /** Everything in its settings that no line of the doctor's may show. */
  readonly secrets: readonly string[];
  /** With what a stand-in for the carrier signs its webhooks, where the settings hold that. */
  readonly signingSecret?: string | undefined;
  /** Packages that npm may have left out. */
  readonly optionalParts?: readonly OptionalPart[];
  /** Its account; undefined without credentials. */
  account?(via: Via): AccountChecks | undefined;
  /**
   * Webhooks for this URL that name no call, one for each secret that is set and signed with it: what is judged like any webhook and starts nothing.
   * A carrier whose secret here only verifies has none.
   */
  trials(url: string): readonly Trial[];
  /** The same with a signature that nobody made. */
  forged(url: string): Trial;
  /** Headers with which the carrier would open the media socket at this `ws(s)` URL; undefined where it proves nothing by them. */
  upgradeHeaders?(url: string): Readonly<Record<string, string>> | undefined;
}

/** How its API is asked. */
export type Via = Pick<Exchange, 'fetch' | 'clock'>;

/** A package that a setting may need. */
export interface OptionalPart {
  /** As the doctor's `Parts` have it. */
  readonly name: string;
  /** The package's name at the registry. */
  readonly package: string;
  /** In the middle of a sentence: "Example's relay". */
  readonly title: string;
  /** The setting that needs it, as it would be written in `.env`, and whether it is set so. */
  readonly wanted: string;
  readonly isWanted: boolean;
  /** The setting that does without it. */
  readonly instead: string;
}

/** A webhook to be posted. */
export interface Trial {
  /** The setting that holds the secret it is signed with. */
  readonly setting: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An account at a carrier, asked over its API. What cannot be reached rejects as `exchange` does. */
export interface AccountChecks {
  /** Host of the API. */
  readonly host: string;
  /** The settings that say who asks: "A and B". */
  readonly settings: string;
  /** Asks for something that costs nothing; resolves with the HTTP status. */
  status(signal: AbortSignal): Promise<number>;
  /** The number (E.164), as the account has it. */
  number(number: string, signal: AbortSignal): Promise<NumberFound>;
}

/** Whether the account has the number. `unreadable`: the answer is no list of numbers; `status` is HTTP's. `unasked`: these settings are needed to ask. */
export type NumberFound =
  | { readonly found: 'yes'; readonly owned: OwnedNumber }
  | { readonly found: 'no' }
  | { readonly found: 'unasked'; readonly needs: string }
  | { readonly found: 'unreadable'; readonly status: number };

/** A number of the account. */
export interface OwnedNumber {
  /** False where it is for messages alone. */
  readonly takesCalls: boolean;
  /** All that is read of it, as it is now: kept before it is changed. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** The webhook that calls go to; '' without one. May hold another's secrets in its query. */
  readonly webhook: string;
  /** What has the number's calls in its webhook's place, or may have, in words; nothing that is taken away without being told to. */
  readonly otherOwner?: { readonly seen: string; readonly advice: string } | undefined;
  /** What must be set so that calls come to this webhook, and nothing else. */
  changes(wanted: string): readonly NumberChange[];
  /** Sets that. Resolves with the HTTP status, and with the number as the carrier then shows it. */
  change(changes: readonly NumberChange[], signal: AbortSignal): Promise<{ status: number; owned?: OwnedNumber }>;
}

/** A field of a number's settings in the carrier's own words. */
export interface NumberChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
  /** Whether they are addresses of webhooks, whose queries are nobody's business. */
  readonly isUrl?: boolean;
}
