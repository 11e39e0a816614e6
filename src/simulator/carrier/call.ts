import { delay } from '../../call/clock.ts';
import { errorMessage } from '../../errors.ts';
import { CallLine } from '../phone/call-line.ts';
import { newCallSid } from '../phone/carrier.ts';
import type { ToldCall } from '../phone/far-end.ts';
import { FAR_ENDS } from '../phone/far-ends.ts';
import { type FlowEnd, follow, type Instructions } from '../phone/flow.ts';
import type { AudioSource } from '../phone/source.ts';
import type { MediaStream } from '../phone/stream.ts';
import type { StreamReport } from '../phone/stream-report.ts';
import { Timeline } from '../phone/timeline.ts';
import { TwimlError } from '../phone/twiml.ts';
import { WebhookError } from '../phone/webhook.ts';
import type { CarrierCallStatus, CarrierSide, FarParty } from './side.ts';
import { isOver, type StatusCallback, StatusReports, webhooksFor } from './status-reports.ts';

/** One call at the carrier, whichever side began it: rings, follows instructions, can be put on other ones at any time, and ends. */

export interface CarrierCallOptions {
  readonly side: CarrierSide;
  readonly direction: 'inbound' | 'outbound-api';
  readonly from: string;
  readonly to: string;
  /** What the far party says. */
  readonly source: AudioSource;
  readonly statusCallbacks?: readonly StatusCallback[] | undefined;
  /** Reported with the first instructions (synchronous machine detection). */
  readonly answeredBy?: string | undefined;
  /** The carrier's id of the order of a call that was placed, where that is another than the call's. */
  readonly requestSid?: string | undefined;
}

/** New instructions: an address to fetch them from, or themselves. */
export type Next = { readonly url: string; readonly method: 'GET' | 'POST' } | { readonly document: string };

export class CarrierCall {
  readonly sid: string;
  /** As `CarrierCallOptions.requestSid`. */
  readonly requestSid: string | undefined;
  readonly direction: CarrierCallOptions['direction'];
  readonly from: string;
  readonly to: string;
  readonly timeline: Timeline;
  /** Numbers that instructions connected it to, in order. */
  readonly dialled: string[] = [];
  /** Digits that were played to the far party by the carrier. */
  readonly digits: string[] = [];
  /** Resolves when the call is over and everything was reported. */
  readonly done: Promise<void>;
  readonly #o: CarrierCallOptions;
  readonly #resolveDone: () => void;
  readonly #listeners = new Set<(status: CarrierCallStatus) => void>();
  readonly #over = new AbortController();
  readonly #lines: CallLine[] = [];
  readonly #reports: StatusReports;
  #status: CarrierCallStatus = 'queued';
  #interrupt = new AbortController();
  #next: Next | undefined;
  #base = '';
  #answeredAt: number | undefined;

  constructor(options: CarrierCallOptions) {
    this.#o = options;
    this.sid = newCallSid(options.side.carrier);
    this.requestSid = options.requestSid;
    this.direction = options.direction;
    this.from = options.from;
    this.to = options.to;
    this.timeline = new Timeline(options.side.clock);
    this.#reports = new StatusReports(options.side, this, options.statusCallbacks ?? [], this.timeline);
    const done = Promise.withResolvers<void>();
    this.done = done.promise;
    this.#resolveDone = done.resolve;
  }

  /** What its webhooks tell of how it came about. */
  get placed(): Pick<ToldCall, 'direction' | 'answeredBy' | 'requestSid'> {
    return { direction: this.direction, answeredBy: this.#o.answeredBy, requestSid: this.requestSid };
  }

  get status(): CarrierCallStatus {
    return this.#status;
  }

  get isOver(): boolean {
    return isOver(this.#status);
  }

  /** The media stream that is open now. */
  get stream(): MediaStream | undefined {
    return this.#lines.at(-1)?.stream;
  }

  /** Of every media stream that ended, in order. */
  get streams(): readonly StreamReport[] {
    return this.#lines.flatMap((line) => line.reports);
  }

  /** What was heard so far on the last instructions that had a stream, as samples; undefined without `record`. */
  recordedChannels(): { sampleRate: number; caller: Int16Array; agent: Int16Array } | undefined {
    const recorder = this.#lines.findLast((line) => line.recorder !== undefined)?.recorder;
    if (recorder === undefined) return undefined;
    const [caller, agent] = recorder.channels();
    return { sampleRate: recorder.sampleRate, caller, agent };
  }

  /** Tells every new status until the returned function is called. */
  onStatus(listener: (status: CarrierCallStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rings the far party and goes on with these instructions when it answers; without any it waits for some. Resolves at its end. */
  async place(far: FarParty, first: Next | undefined): Promise<void> {
    const { clock } = this.#o.side;
    this.#become('initiated');
    this.#become('ringing');
    await delay(clock, far.ringMs, this.#over.signal).catch(() => {});
    if (!this.isOver) {
      if (far.outcome !== 'answer') this.#become(far.outcome);
      else await this.#talk(first);
    }
    await this.#finish();
  }

  /** The far party calls in: instructions are asked for while it rings. */
  async callIn(url: string): Promise<void> {
    this.#become('ringing');
    await this.#talk({ url, method: 'POST' });
    await this.#finish();
  }

  /** Puts the call on other instructions; false when it is not in progress. What runs, a media stream too, ends. */
  redirect(next: Next): boolean {
    if (this.#status !== 'in-progress') return false;
    this.#next = next;
    this.#interrupt.abort(new Error('other instructions'));
    return true;
  }

  /** Ends the call; false when it was over. */
  hangUp(): boolean {
    if (this.isOver) return false;
    this.#next = undefined;
    this.#become(this.#status === 'in-progress' ? 'completed' : 'canceled');
    this.#over.abort(new Error('hung up'));
    this.#interrupt.abort(new Error('hung up'));
    return true;
  }

  async #talk(first: Next | undefined): Promise<void> {
    this.#answeredAt = this.#o.side.clock.now();
    // Whoever calls in is asked about while it rings; all others have been answered.
    if (this.direction === 'outbound-api') this.#become('in-progress');
    let next = first;
    for (;;) {
      this.#interrupt = new AbortController();
      const ended = await this.#follow(next, this.#interrupt.signal);
      if (this.isOver) return;
      next = this.#next;
      this.#next = undefined;
      if (next !== undefined) continue;
      this.#become(ended.callStatus);
      return;
    }
  }

  async #follow(next: Next | undefined, signal: AbortSignal): Promise<FlowEnd> {
    if (next === undefined) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      return { by: 'caller', reason: 'interrupted', callStatus: 'completed' };
    }
    const line = this.#makeLine('url' in next ? next.url : this.#base, signal);
    this.#lines.push(line);
    try {
      const first = await this.#instructions(next, line);
      if (this.direction === 'inbound' && this.#status === 'ringing' && first.verbs[0]?.verb !== 'Reject')
        this.#become('in-progress');
      const ended = await follow(first, line);
      return ended;
    } catch (error) {
      if (signal.aborted) return { by: 'caller', reason: 'interrupted', callStatus: 'completed' };
      if (!(error instanceof WebhookError || error instanceof TwimlError)) throw error;
      return { by: 'carrier', reason: errorMessage(error), callStatus: 'failed' };
    } finally {
      await line.callbacksDone();
    }
  }

  async #instructions(next: Next, line: CallLine): Promise<Instructions> {
    if ('document' in next)
      return { verbs: FAR_ENDS[this.#o.side.carrier].instructions(next.document), url: this.#base };
    this.#base = next.url;
    return line.instructions(next.url, next.method, this.#status);
  }

  #makeLine(url: string, hungUp: AbortSignal): CallLine {
    const { side, source } = this.#o;
    const { carrier, clock, signingSecret } = side;
    const { webhook, addresses } = webhooksFor(side, url);
    const timeline = new Timeline(clock, (entry) => {
      this.timeline.add(entry.what, entry.text);
      const number = entry.what === 'verb' ? /^<Dial> (\+\d+)$/.exec(entry.text)?.[1] : undefined;
      if (number !== undefined) this.dialled.push(number);
    });
    return new CallLine({
      carrier,
      callSid: this.sid,
      accountSid: side.accountSid,
      from: this.from,
      to: this.to,
      placed: this.placed,
      source,
      codec: undefined,
      byteOrder: undefined,
      record: side.record,
      verbTimeScale: side.verbTimeScale,
      clock,
      ticker: side.ticker,
      timeline,
      webhook,
      addresses,
      secret: signingSecret,
      hungUp,
      onStream: () => {},
      onTick: () => {},
      onInterruption: undefined,
      dialled: side.far,
    });
  }

  #become(status: CarrierCallStatus): void {
    if (this.isOver) return;
    this.#status = status;
    for (const listener of this.#listeners) listener(status);
    const since = this.#answeredAt;
    this.#reports.status(status, since === undefined ? 0 : Math.round((this.#o.side.clock.now() - since) / 1000));
  }

  /** What machine detection found, to its own callback. */
  reportMachine(url: string, answeredBy: string): void {
    this.#reports.machine(url, answeredBy);
  }

  async #finish(): Promise<void> {
    await this.#reports.done();
    this.#listeners.clear();
    this.#resolveDone();
  }
}
