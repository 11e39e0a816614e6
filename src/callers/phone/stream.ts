import type { Clock, Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';
import { RunLimit } from '../../call/run-limit.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { type ErrorCode, errorCode, errorMessage } from '../../errors.ts';
import { CLOSE, type SocketHandlers } from '../../transport/socket.ts';
import type { CarrierMedia } from './carrier-media.ts';
import { Introduction } from './detect.ts';
import { codecsFor, describeFormat } from './formats.ts';
import { PhoneLeg } from './leg.ts';
import { FloodGuard, MALFORMED_FORGIVEN_MS, MALFORMED_MOST } from './limits.ts';
import { type PhoneLegOptions, withDefaults } from './options.ts';
import type { Fault, FaultReport, MediaFormat, PhoneMessage, StartMessage } from './protocol.ts';
import { Tally } from './tally.ts';
import type { PhoneSocket } from './wire.ts';

/** What a stream shows to be let in. */
export interface StreamRequest {
  /** The one-time token among the custom parameters; undefined when there is none. A secret. */
  readonly token: string | undefined;
  readonly callId: string;
  readonly accountId: string;
  readonly streamId: string;
  readonly customParameters: ReadonlyMap<string, string>;
  /** Name of the detected carrier dialect. */
  readonly dialect: string;
  readonly format: MediaFormat;
}

export type StreamVerdict<G> =
  | { readonly ok: true; readonly grant: G }
  | { readonly ok: false; readonly code: ErrorCode };

/** Why a stream never became a leg. */
export type StreamRefusal = ErrorCode | 'no-start' | 'media-flood' | 'media-malformed' | 'closed';

export interface PhoneStreamOptions<G> {
  /** Whose streams come in here: the carriers of the table, in its order, as `withL16` completes them. */
  readonly carriers: readonly CarrierMedia[];
  /** Decides about a stream by what its `start` shows. A throw or rejection refuses it; the code of a BridgeError is the reason. */
  authorize(request: StreamRequest): StreamVerdict<G> | Promise<StreamVerdict<G>>;
  /**
   * Takes over the leg of an authorised stream; it must be started or closed. Also called when the carrier has gone during the
   * authorisation: the leg then ends as soon as it is started, so that the call has its record.
   */
  accepted(leg: PhoneLeg, grant: G, request: StreamRequest): void;
  /** A stream ended without becoming a leg. */
  refused?(reason: StreamRefusal): void;
  readonly clock: Clock;
  readonly log: Log;
  /** Gets what a stream counted that never became a leg. */
  readonly count: Count;
  /** Name of the custom parameter that carries the token; "token" when left out. */
  readonly tokenParameter?: string;
  /** How long a socket may stay without `start`, and then how long its authorisation may take, ms each; 5000 when left out. */
  readonly startTimeoutMs?: number;
  readonly leg?: Partial<PhoneLegOptions>;
}

/** RFC 6455: data inconsistent with the type of the message (text that is not what it should be). */
const CLOSE_INVALID_DATA = 1007;

/** Nobody has proven anything yet who says an id: so much of it reaches the log, characters. Those of carriers have no more. */
const ID_SHOWN = 100;

type State = 'opening' | 'authorizing' | 'accepted' | 'closed';

/** One media socket of a carrier, from its upgrade to its end: who it is, whether it may come in, and whether it behaves. */
export class PhoneStream<G> {
  readonly #options: PhoneStreamOptions<G>;
  readonly #legOptions: PhoneLegOptions;
  readonly #socket: PhoneSocket;
  readonly #clock: Clock;
  readonly #tally = new Tally();
  readonly #flood: FloodGuard;
  readonly #malformed = new RunLimit(MALFORMED_MOST, MALFORMED_FORGIVEN_MS);
  readonly #report: FaultReport = { fault: 'json' };
  readonly #introduction: Introduction;
  /** Who reads: the carrier, once it is known. */
  #reader: Pick<CarrierMedia, 'parse' | 'parseBinary'>;
  #state: State = 'opening';
  #leg: PhoneLeg | undefined;
  #bytesPerMs = 8;
  #deadline: Timer | undefined;

  constructor(attach: (handlers: SocketHandlers) => PhoneSocket, options: PhoneStreamOptions<G>) {
    this.#options = options;
    this.#legOptions = withDefaults(options.leg);
    this.#clock = options.clock;
    this.#introduction = new Introduction(options.carriers);
    this.#reader = this.#introduction;
    this.#flood = new FloodGuard(options.clock.now());
    this.#socket = attach({
      text: (data) => {
        try {
          if (this.#state !== 'closed') this.#take(this.#reader.parse(data, this.#report));
        } catch (error) {
          this.#onBug(error);
        }
      },
      binary: (data) => {
        try {
          if (this.#state !== 'closed') this.#onBinary(data);
        } catch (error) {
          this.#onBug(error);
        }
      },
      close: (code) => this.#onClose(code),
    });
    this.#arm('no-start');
  }

  /** Takes a message; null: it could not be read, and why is in the report. */
  #take(message: PhoneMessage | null): void {
    const now = this.#clock.now();
    const audioMs = message?.type === 'media' ? message.payload.length / this.#bytesPerMs : 0;
    if (!this.#flood.admit(audioMs, now)) {
      this.#tally.count('message_flood');
      this.#violation(termination('media-flood', 'the stream sent more than twice real time'), CLOSE.policy);
    } else if (message === null) {
      this.#onMalformed(this.#report.fault);
    } else if (this.#leg === undefined) {
      this.#onOpening(message);
    } else {
      this.#leg.receive(message, now);
    }
  }

  /** Before `start` nobody is there to hear: only the introduction matters. */
  #onOpening(message: PhoneMessage): void {
    switch (message.type) {
      case 'connected':
      case 'noted':
        break;
      case 'start':
        this.#onStart(message);
        break;
      case 'stop':
        this.#refuse('closed', CLOSE.normal);
        break;
      case 'media':
        this.#tally.count('frames_before_start');
        break;
      default:
        this.#tally.count('message_unknown');
    }
  }

  #onStart(start: StartMessage): void {
    const protocol = this.#introduction.carrier;
    this.#reader = protocol;
    const codecs = codecsFor(protocol, start);
    if (codecs !== undefined) this.#bytesPerMs = (codecs.heard.sampleRate * codecs.heard.bytesPerSample) / 1000;
    const leg = new PhoneLeg({
      socket: this.#socket,
      protocol,
      start,
      clock: this.#clock,
      options: this.#legOptions,
      tally: this.#tally,
    });
    this.#leg = leg;
    this.#state = 'authorizing';
    this.#arm('INTERNAL');
    const request: StreamRequest = {
      token: start.customParameters.get(this.#options.tokenParameter ?? 'token'),
      callId: start.callId,
      accountId: start.accountId,
      streamId: start.streamId,
      customParameters: start.customParameters,
      dialect: protocol.name,
      format: start.format,
    };
    if (codecs === undefined) {
      this.#tally.count('message_malformed');
      const offered = describeFormat(start.format);
      this.#options.log.warn(
        { code: 'STREAM_FORMAT_UNSUPPORTED', format: offered, carrierCallId: start.callId.slice(0, ID_SHOWN) },
        'the audio format of a media stream is none that is spoken here',
      );
      leg.fail(termination('media-format-unsupported', `the carrier offers ${offered}`), CLOSE.unsupported);
    }
    try {
      const verdict = this.#options.authorize(request);
      if (verdict instanceof Promise) verdict.then((v) => this.#onVerdict(leg, request, v), this.#onAuthorizeFailed);
      else this.#onVerdict(leg, request, verdict);
    } catch (error) {
      this.#onAuthorizeFailed(error);
    }
  }

  #onVerdict(leg: PhoneLeg, request: StreamRequest, verdict: StreamVerdict<G>): void {
    // A deadline that struck first has refused the stream already; a carrier that merely left is still a call.
    if (this.#state !== 'authorizing') return;
    if (!verdict.ok) {
      this.#refuse(verdict.code, CLOSE.policy);
      return;
    }
    this.#deadline?.cancel();
    this.#state = 'accepted';
    this.#options.accepted(leg, verdict.grant, request);
  }

  readonly #onAuthorizeFailed = (error: unknown): void => {
    if (this.#state !== 'authorizing') return;
    const code = errorCode(error);
    if (code !== 'INTERNAL') {
      this.#refuse(code, CLOSE.policy);
      return;
    }
    this.#options.log.error({ error: errorMessage(error) }, 'the authorisation of a media stream failed');
    this.#refuse(code, CLOSE.internal);
  };

  #onMalformed(fault: Fault): void {
    this.#tally.count(fault === 'base64' ? 'frames_invalid' : 'message_malformed');
    if (this.#malformed.take(this.#clock.now())) return;
    const code = fault === 'shape' ? CLOSE.unsupported : CLOSE_INVALID_DATA;
    this.#violation(
      termination('media-malformed', `too many messages could not be read, the last for its ${fault}`),
      code,
    );
  }

  /** From a carrier that speaks text only a stray one is let pass in a call, not from somebody who has yet to say who it is. */
  #onBinary(data: Buffer): void {
    if (this.#reader.parseBinary !== undefined) {
      this.#take(this.#reader.parseBinary(data, this.#report));
      return;
    }
    this.#tally.count('message_malformed');
    if (this.#malformed.take(this.#clock.now()) && this.#leg !== undefined) return;
    this.#violation(termination('media-malformed', 'binary messages on a text stream'), CLOSE.unsupported);
  }

  #onClose(code: number): void {
    this.#leg?.lost(code);
    // While the authorisation is pending its verdict decides: a granted stream is a call, even a very short one.
    if (this.#state === 'opening') this.#refuse('closed', CLOSE.normal);
    else if (this.#state === 'accepted') this.#state = 'closed';
  }

  /** A bug of ours while the carrier was read ends this stream's call. The process and its other calls go on. */
  #onBug(err: unknown): void {
    this.#tally.count('call_bug');
    this.#options.log.error({ err }, 'a bug while a media stream was read; its call ends');
    const end = termination('internal', 'a bug while the stream was read');
    if (this.#leg !== undefined) this.#leg.fail(end, CLOSE.internal);
    else this.#refuse('INTERNAL', CLOSE.internal);
  }

  #violation(end: Termination, code: number): void {
    this.#options.log.warn({ reason: end.reason, detail: end.detail, state: this.#state }, 'media stream closed by us');
    // While the authorisation is pending its verdict decides whether a call ends of it: all of this may have come in one packet with the start.
    if (this.#leg !== undefined) this.#leg.fail(end, code);
    else this.#refuse(end.reason as StreamRefusal, code);
  }

  #refuse(reason: StreamRefusal, code: number): void {
    if (this.#state === 'closed' || this.#state === 'accepted') return;
    this.#state = 'closed';
    this.#deadline?.cancel();
    this.#tally.connect(this.#options.count);
    this.#socket.close(code, reason);
    this.#options.refused?.(reason);
  }

  #arm(reason: StreamRefusal): void {
    this.#deadline?.cancel();
    this.#deadline = this.#clock.after(this.#options.startTimeoutMs ?? 5_000, () => this.#refuse(reason, CLOSE.policy));
  }
}
