import type { Clock, Timer } from '../../call/clock.ts';
import { type Fault, findFault } from './scenario.ts';
import { ServiceError } from './service-error.ts';
import type { AudioFormat, SessionConfig } from './session-config.ts';

/** What a fault may do to its session. */
export interface FaultPort {
  /** Cuts the connection without a word. */
  drop(): void;
  /** Closes the data channel and leaves the media up (on a WebSocket: the socket). */
  closeChannel(): void;
  /** Sends text that is not an event, or an event that nobody knows. */
  raw(text: string): void;
  error(error: ServiceError): void;
  /** The end of a session's time: an error event, then the close. */
  expire(): void;
}

const FORMATS: Record<AudioFormat['type'], AudioFormat> = {
  'audio/pcm': { type: 'audio/pcm', rate: 24_000 },
  'audio/pcmu': { type: 'audio/pcmu' },
  'audio/pcma': { type: 'audio/pcma' },
};

const MALFORMED = ['{"type":"response.output_audio.delta","delta":', 'not json', '[]', '{}', '{"type":7}', 'null'];

/** The faults of one session: what its scenario breaks, and when. */
export class SessionFaults {
  readonly #faults: readonly Fault[];
  readonly #clock: Clock;
  readonly #port: FaultPort;
  readonly #timers = new Set<Timer>();
  /** How many events of each type a fault has seen. */
  readonly #seen = new Map<string, number>();
  #spoke = false;
  #updates = 0;

  constructor(faults: readonly Fault[], clock: Clock, port: FaultPort) {
    this.#faults = faults;
    this.#clock = clock;
    this.#port = port;
  }

  /** `session.update` is neither applied nor answered. */
  get ignoresUpdate(): boolean {
    return this.#faults.some((entry) => entry.fault === 'ignore_session_update');
  }

  /** Why the next `session.update` is refused; undefined when it is not. Counts. */
  refusedUpdate(): { readonly error: ServiceError; readonly named: boolean } | undefined {
    const refusal = findFault(this.#faults, 'refuse_session_update');
    if (refusal === undefined || this.#updates++ >= refusal.times) return undefined;
    return { error: new ServiceError('The session was not updated.', { code: refusal.code }), named: refusal.named };
  }

  /** The session as it is held whatever was asked. */
  forced(config: SessionConfig): SessionConfig {
    const other = findFault(this.#faults, 'other_session');
    const format = this.#forcedFormat;
    const { input, output } = config.audio;
    return {
      ...config,
      ...(other?.instructions === undefined ? {} : { instructions: other.instructions }),
      ...(other?.tools === undefined ? {} : { tools: [] }),
      ...(format === undefined ? {} : { audio: { input: { ...input, format }, output: { ...output, format } } }),
    };
  }

  /** The format that is used and confirmed whatever was asked. */
  get #forcedFormat(): AudioFormat | undefined {
    for (const entry of this.#faults) if (entry.fault === 'other_format') return FORMATS[entry.format];
    return undefined;
  }

  /** Whether the model answers the next response at all, given how many there were. */
  mood(responses: number): 'answers' | 'silent' | 'stuck' {
    for (const entry of this.#faults) {
      if (entry.fault === 'silent_model' && responses >= entry.afterResponses) return 'silent';
      if (entry.fault === 'stuck_response' && responses >= entry.afterResponses) return 'stuck';
    }
    return 'answers';
  }

  /** How often an event is told (0: not at all), and how late, ms. */
  telling(type: string): { times: number; lateMs: number } {
    let times = 1;
    let lateMs = 0;
    for (const entry of this.#faults) {
      if (!('types' in entry) || !entry.types.includes(type)) continue;
      const key = `${this.#faults.indexOf(entry)} ${type}`;
      const nth = this.#seen.get(key) ?? 0;
      this.#seen.set(key, nth + 1);
      if (nth < entry.skip || nth >= entry.skip + entry.times) continue;
      if (entry.fault === 'lose_events') times = 0;
      else if (entry.fault === 'double_events') times = 2;
      else lateMs = entry.ms;
    }
    return { times, lateMs };
  }

  /** Does something later, unless the session is over by then. */
  later(ms: number, fn: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      fn();
    });
    this.#timers.add(timer);
  }

  /** The session has begun. */
  started(): void {
    this.#arm('start');
  }

  /** The first audio of the session was generated. Later calls do nothing. */
  spoke(): void {
    if (this.#spoke) return;
    this.#spoke = true;
    this.#arm('speech');
  }

  /** The session is over: nothing fires any more. */
  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #arm(from: 'start' | 'speech'): void {
    for (const entry of this.#faults) {
      if (!('afterMs' in entry) || entry.from !== from) continue;
      const timer = this.#clock.after(entry.afterMs, () => {
        this.#timers.delete(timer);
        this.#fire(entry);
      });
      this.#timers.add(timer);
    }
  }

  #fire(entry: Extract<Fault, { afterMs: number }>): void {
    switch (entry.fault) {
      case 'drop':
        this.#port.drop();
        return;
      case 'close_channel':
        this.#port.closeChannel();
        return;
      case 'session_expired':
        this.#port.expire();
        return;
      case 'error_event':
        this.#port.error(new ServiceError(entry.message, { type: entry.type, code: entry.code }));
        return;
      case 'malformed_events':
        for (let i = 0; i < entry.count; i++) this.#port.raw(MALFORMED[i % MALFORMED.length]!);
        return;
      case 'unknown_events':
        for (let i = 0; i < entry.count; i++) {
          this.#port.raw(
            JSON.stringify({ type: `future.event_${i}`, event_id: `event_future${i}`, payload: { n: i } }),
          );
        }
        return;
      default:
        entry satisfies never;
    }
  }
}
