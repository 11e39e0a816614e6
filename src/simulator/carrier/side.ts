import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { Carrier } from '../phone/carrier.ts';
import type { DialledParty } from '../phone/dial.ts';
import type { ToldCall } from '../phone/far-end.ts';

/** What all parts of a simulated carrier know of it, and of a call. */

export type CarrierCallStatus =
  | 'queued'
  | 'initiated'
  | 'ringing'
  | 'in-progress'
  | 'completed'
  | 'busy'
  | 'failed'
  | 'no-answer'
  | 'canceled';

/** What the far party does when it is called. */
export interface FarParty extends DialledParty {
  /** AnsweredBy of machine detection. */
  readonly answeredBy?: 'human' | 'machine_start' | 'machine_end_beep';
}

/** What the carrier of a call is, shared by all its calls. */
export interface CarrierSide {
  readonly carrier: Carrier;
  readonly accountSid: string;
  /** Signs webhooks and upgrades. */
  readonly signingSecret?: string | undefined;
  /** Where the bridge is reached, and the address it knows itself by. */
  readonly bridge?: { readonly local: string; readonly public: string } | undefined;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** Factor on the time that Say, Play and Pause take. */
  readonly verbTimeScale: number;
  readonly record: boolean;
  /** What whoever is called does, by the account or by a `<Dial>`. */
  readonly far: (to: string) => FarParty;
}

/** Which call a report is about. */
export interface ReportedCall {
  readonly sid: string;
  readonly status: CarrierCallStatus;
  readonly placed: Pick<ToldCall, 'direction' | 'answeredBy' | 'requestSid'>;
  readonly from: string;
  readonly to: string;
}
