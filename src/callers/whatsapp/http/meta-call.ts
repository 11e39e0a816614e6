import { createHash } from 'node:crypto';
import type { CallerLeg } from '../../../call/leg.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import type { MadeCall } from '../../../intake/intake.ts';
import type { ConnectEvent, TerminateEvent } from '../events.ts';
import type { GraphClient } from '../graph/client.ts';
import { type GraphErrorCode, graphCodeOf } from '../graph/errors.ts';

/** What the desk needs of a leg: it sends nothing before `release`, and says when media is up, or never will be. */
export type MetaLeg = CallerLeg & { release(): void; readonly connected: Promise<void> };

/** What the desk asks of Meta. */
export type IncomingGraph = Pick<GraphClient, 'phoneNumberId' | 'preAccept' | 'accept' | 'reject' | 'terminate'>;

/**
 * How far we have gone at Meta: nothing was said that a `reject` does not undo; `accept` was asked, and may have been done; it was done. What is told
 * at the end goes by it.
 */
export type AcceptState = 'none' | 'asked' | 'accepted';

/** One call of Meta's that is here, from its connect on: what there is of it. */
export class MetaCall {
  readonly event: ConnectEvent;
  readonly client: IncomingGraph;
  /** When the webhook came, monotonic ms. */
  readonly since: number;
  /** What is done for it is given up when this aborts. */
  readonly stop = new AbortController();
  call: MadeCall | undefined;
  leg: MetaLeg | undefined;
  accept: AcceptState = 'none';
  #gone: Termination | undefined;

  constructor(event: ConnectEvent, client: IncomingGraph, since: number) {
    this.event = event;
    this.client = client;
    this.since = since;
  }

  /** Meta's id. */
  get id(): string {
    return this.event.id;
  }

  /** How it ended at Meta; undefined while it has not, so that we have to tell Meta of an end of ours. */
  get gone(): Termination | undefined {
    return this.#gone;
  }

  /** Whether nothing more is to be done for it. */
  get isOver(): boolean {
    return this.#gone !== undefined || this.stop.signal.aborted || this.call?.ended !== undefined;
  }

  /** It is over at Meta. The first reason counts. */
  hungUp(end: Termination): void {
    this.#gone ??= end;
    this.stop.abort();
    void this.call?.end(this.#gone);
  }
}

/** Failures of media: which of them it was matters to who looks for the cause, and not to the call. */
const OF_MEDIA: ReadonlySet<GraphErrorCode> = new Set([
  'GRAPH_NO_MEDIA_RECEIVED',
  'GRAPH_NO_MEDIA_SENT',
  'GRAPH_ACCEPTED_WITHOUT_MEDIA',
]);

/** What Meta's terminate means. `accepted`: whether we had taken the call; before that a user who gives up is told as FAILED, too. */
export function endOf({ status, errors }: TerminateEvent, accepted: boolean): Termination {
  const [number] = errors;
  const code = graphCodeOf(number);
  if (number !== undefined) {
    const detail = code === undefined ? `Meta's error ${number}` : `${code} (${number})`;
    return termination(code !== undefined && OF_MEDIA.has(code) ? 'media-lost' : 'carrier-failed', detail);
  }
  return status === 'FAILED' && accepted
    ? termination('carrier-failed', 'Meta ended the call as failed, and said no reason')
    : termination('caller-hangup');
}

/**
 * Stands for Meta's id of a call in the log: the id itself has the user's number in it, in Base64. Who looks for a call at Meta finds its id in
 * the call's record.
 */
export function shownId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12);
}
