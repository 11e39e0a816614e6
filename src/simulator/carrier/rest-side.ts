import type { Application } from './application.ts';
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
  /** The body's JSON, nested values too; undefined of a form. */
  readonly json?: unknown;
}

export interface RestSide {
  readonly board: Switchboard;
  readonly numbers: OwnedNumbers;
  /** The user and password of Basic authentication that are taken. */
  readonly user: string;
  readonly password: string;
  /** Of the application whose own tokens are taken, PEM; where the carrier has such. */
  readonly publicKey?: string | undefined;
  readonly application: Application;
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
  /** What is answered, in a form that is the carrier's own. */
  readonly body: object | undefined;

  constructor(status: number, code: number, message: string, body?: object) {
    super(message);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}
