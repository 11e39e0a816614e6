import type { Faults, RestFault } from './faults.ts';
import type { OwnedNumbers } from './numbers.ts';
import type { Switchboard } from './switchboard.ts';

/** What each carrier's REST API is served with. */

/** A value for each name; several where it was repeated. Of JSON: its texts, numbers and flags, as texts. */
export type Form = Record<string, string | string[]>;

/** A request as it came; what tests look at. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly form: Readonly<Form>;
}

export interface RestSide {
  readonly board: Switchboard;
  readonly numbers: OwnedNumbers;
  /** The user and password of Basic authentication that are taken. */
  readonly user: string;
  readonly password: string;
  readonly faults: Faults<RestFault>;
  readonly requests: RestRequest[];
}

export interface RestReply {
  readonly status: number;
  /** Undefined: an answer without a body. */
  readonly body: object | undefined;
}

/** A request that is turned away. */
export class RestError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
