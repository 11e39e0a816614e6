import type { CallerLeg } from '../call/leg.ts';
import type { CallControl } from '../callers/phone/control/index.ts';
import type { CallsDeskOptions } from './calls-desk.ts';

/** What whoever orders and operates calls asks of the lines that they are on: by whom one is placed and controlled, and how a transfer is told. */
export interface Lines extends Required<Pick<CallsDeskOptions, 'controlOf' | 'transferOptions' | 'comesBack'>> {
  /** Who places calls that are ordered; undefined: nobody can. */
  readonly forOrders: CallControl | undefined;
  /** All who can place one. */
  readonly controls: readonly CallControl[];
  /** Where the media streams come of those who are called to answer a call. */
  readonly dialled: ExpectedStreams;
}

/** Media streams that are waited for by an id of ours. */
export interface ExpectedStreams {
  /** `take` is given the leg of the stream that comes under this id, once, at whichever instance it comes. Returns how to wait for it no longer. */
  expect(id: string, take: (leg: StreamedLeg) => void): () => void;
}

/** The leg of a carrier's media stream, which knows the carrier's id of its call: where an order has an id of its own there, that is another. */
export interface StreamedLeg extends CallerLeg {
  readonly carrierCallId: string;
}
