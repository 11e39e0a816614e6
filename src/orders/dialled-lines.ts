import type { DialledLine, Dialler, DialOrder } from '../agents/kind.ts';
import { type Clock, delay } from '../call/clock.ts';
import { termination } from '../call/termination.ts';
import { type CallStatus, ControlError, isFinal } from '../callers/phone/control/index.ts';
import { BridgeError, type ErrorCode, errorMessage } from '../errors.ts';
import { ApiError } from '../http/api-error.ts';
import type { ExpectedStreams, StreamedLeg } from './lines.ts';
import type { OutboundCalls } from './outbound-calls.ts';

/**
 * Calls those who are to answer a call at a telephone: ordered, guarded and followed as any call that is ordered, and no call of its own. The carrier opens his
 * media stream when he has answered, and that is his line.
 */

export interface DialledLinesOptions {
  readonly outbound: Pick<OutboundCalls, 'placeLeg' | 'endLeg'>;
  readonly streams: ExpectedStreams;
  /** As `Dialler` has them. */
  readonly carrier: string | undefined;
  readonly carriers: readonly string[];
  /** Both ends of the call that is to be answered; undefined where there is no such call. */
  readonly endsOf: (callId: string) => { readonly from?: string; readonly to?: string } | undefined;
  /** Resolves when whoever calls is there, as far as that is to be waited for. */
  readonly callerOf: (callId: string) => Promise<void>;
  readonly clock: Clock;
}

/** The carrier's word that it rings no longer may take so long behind the last ring; its stream may take as long behind the answer, ms. */
const SLACK_MS = 12_000;

export class DialledLines implements Dialler {
  readonly #o: DialledLinesOptions;
  readonly carrier: string | undefined;
  readonly carriers: readonly string[];

  constructor(options: DialledLinesOptions) {
    this.#o = options;
    this.carrier = options.carrier;
    this.carriers = options.carriers;
  }

  async dial(order: DialOrder): Promise<DialledLine> {
    const { callId, to, signal, told } = order;
    signal.throwIfAborted();
    const gone = Promise.withResolvers<never>();
    gone.promise.catch(() => {});
    const onAbort = () => gone.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // Nobody is rung for a caller whose own line is not there yet, and may come to another instance.
      await Promise.race([this.#o.callerOf(callId), gone.promise]);
      const ends = this.#o.endsOf(callId);
      if (to === ends?.to || to === ends?.from)
        throw new BridgeError('DIAL_FORBIDDEN', 'that is the number of the line itself');
      told('dialling');
      return await this.#dialled(order, gone.promise);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #dialled(order: DialOrder, gone: Promise<never>): Promise<DialledLine> {
    const { callId: answers, to, from, carrier, ringSeconds: timeoutSeconds, refusesMachines, signal } = order;
    const { outbound, streams, clock } = this.#o;
    const line = Promise.withResolvers<StreamedLeg>();
    line.promise.catch(() => {});
    let id: string | undefined;
    let unexpect = () => {};
    const end = () => {
      unexpect();
      if (id !== undefined) void outbound.endLeg(id);
    };
    try {
      const placing = outbound.placeLeg(
        { to, from, timeoutSeconds, machineDetection: refusesMachines ? 'detect' : 'off' },
        {
          answers,
          carrier,
          begun: (legId) => {
            id = legId;
            unexpect = streams.expect(legId, (leg) => {
              // Whoever comes when nobody waits any more is let go.
              if (signal.aborted) void leg.close(termination('agent-hangup'));
              else line.resolve(leg);
            });
          },
          news: ({ status, answeredBy = '' }) => {
            if (status === 'ringing' || status === 'in-progress') order.told('ringing');
            const failed = isFinal(status) ? failureOf(status) : undefined;
            if (failed !== undefined) line.reject(failed);
            if (isMachine(answeredBy)) order.machine();
          },
        },
      );
      const late = new AbortController();
      const tooLate = delay(clock, timeoutSeconds * 1000 + SLACK_MS, late.signal).then(
        () => Promise.reject(new BridgeError('DIAL_FAILED', 'the carrier opened no media stream in time')),
        () => gone,
      );
      tooLate.catch(() => {});
      try {
        await Promise.race([placing, gone]);
        const leg = await Promise.race([line.promise, tooLate, gone]);
        signal.addEventListener('abort', end, { once: true });
        return { leg, carrierCallId: leg.carrierCallId };
      } finally {
        late.abort();
        // One whose carrier has not said yet which call it is can be hung up on when it has.
        placing.then(
          () => {
            if (signal.aborted) end();
          },
          () => {},
        );
      }
    } catch (error) {
      line.promise.then(
        (leg) => void leg.close(termination('agent-hangup')),
        () => {},
      );
      end();
      throw dialError(error);
    }
  }
}

const isMachine = (answeredBy: string) => /^(machine|fax)/.test(answeredBy);

/** Why nobody comes to the line of a call that ended so. */
function failureOf(status: CallStatus): BridgeError {
  if (status === 'busy') return new BridgeError('DIAL_BUSY', 'the number is busy');
  if (status === 'no-answer') return new BridgeError('DIAL_NO_ANSWER', 'nobody answered');
  if (status === 'completed')
    return new BridgeError('DIAL_FAILED', 'whoever answered hung up before there was a line to him');
  return new BridgeError(
    'DIAL_FAILED',
    `the carrier says that the call ${status === 'failed' ? 'failed' : 'was taken back'}`,
  );
}

/** What an order is refused for, by the code that it is told under. */
const REFUSED: Readonly<Record<string, ErrorCode>> = {
  DESTINATION_REFUSED: 'DIAL_FORBIDDEN',
  OUTBOUND_UNAVAILABLE: 'DIAL_FORBIDDEN',
  HOST_NOT_ALLOWED: 'DIAL_FORBIDDEN',
  CONTROL_INVALID: 'DIAL_FORBIDDEN',
  OUTBOUND_HOURLY_LIMIT: 'DIAL_LIMIT',
  OUTBOUND_CONCURRENT_LIMIT: 'DIAL_LIMIT',
  CONTROL_RATE_LIMITED: 'DIAL_LIMIT',
  CONTROL_AUTH: 'DIAL_REFUSED',
  CONTROL_REJECTED: 'DIAL_REFUSED',
  CONTROL_UNSUPPORTED: 'DIAL_REFUSED',
};

function dialError(error: unknown): unknown {
  const isOurs = error instanceof BridgeError && (error.code === 'ABORTED' || error.code.startsWith('DIAL_'));
  if (isOurs || !(error instanceof BridgeError || error instanceof ApiError || error instanceof ControlError))
    return error;
  const code = REFUSED[error.code] ?? 'DIAL_FAILED';
  const number =
    error instanceof ControlError && error.carrierCode !== undefined ? ` (its error ${error.carrierCode})` : '';
  return new BridgeError(code, `${errorMessage(error)}${number}`, { cause: error });
}
