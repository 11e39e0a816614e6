import { scrub } from '../../../../log.ts';
import { ControlError } from '../../control/errors.ts';

/**
 * The part of `@signalwire/realtime-api` (4.2) that is used. The package is optional: it is loaded when the first call needs it.
 * https://developer.signalwire.com/sdks/realtime-sdk/
 */
export interface RelayModule {
  /**
   * Resolves with a client even when the token was refused: `authStatus` tells. Never settles while the host cannot be reached; it tries
   * again and again by itself.
   */
  SignalWire(options: {
    project: string;
    token: string;
    host?: string;
    logLevel?: 'silent';
    listen?: {
      onConnected?: () => void;
      onReconnecting?: () => void;
      onDisconnected?: () => void;
    };
  }): Promise<RelayClient>;
}

export interface RelayClient {
  /** "authorized", "unauthorized", "authorizing" or "unknown". */
  readonly authStatus: string;
  readonly voice: {
    /**
     * Its promise follows whichever dial of the connection is decided next; `onStateChanged` is told of this dial's own call alone.
     */
    dialPhone(request: {
      to: string;
      from: string;
      timeout?: number;
      listen?: { onStateChanged: (call: RelayCall) => void };
    }): Promise<unknown>;
  };
  disconnect(): Promise<void>;
}

export interface RelayCall {
  readonly id?: string;
  readonly tag?: string;
  /** created, ringing, answered, ending or ended. */
  readonly state?: string;
  /** Resolves when the call has ended; never when that news is lost. */
  hangup(reason?: 'hangup'): Promise<void>;
  /** Resolves when the digits were played. */
  sendDigits(digits: string): Promise<unknown>;
}

export const RELAY_PACKAGE = '@signalwire/realtime-api';

/** Loads the package; rejects with CONTROL_DEPENDENCY_MISSING. */
export async function loadRelaySdk(): Promise<RelayModule> {
  try {
    // Named by a value, so that neither the type check nor a bundler asks for a package that may be absent.
    return (await import(RELAY_PACKAGE)) as RelayModule;
  } catch (cause) {
    throw new ControlError(
      'CONTROL_DEPENDENCY_MISSING',
      `control over SignalWire's relay needs the optional package ${RELAY_PACKAGE}: npm install ${RELAY_PACKAGE}`,
      { cause },
    );
  }
}

function textOf(error: unknown, ...names: readonly string[]): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  for (const name of names) {
    const value = (error as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
  }
  return undefined;
}

/** Which dial a failure belongs to, where it says so. */
export const tagOf = (error: unknown): string | undefined => textOf(error, 'tag');

/**
 * What the package rejects with, as a ControlError: `{code, message}` with an HTTP-like code of the relay's answer, `{reason}` of a dial
 * that failed, or an error of its own when the connection broke.
 */
export function relayFailure(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  const status = Number(textOf(error, 'code') ?? Number.NaN);
  const words = scrub(textOf(error, 'message', 'reason') ?? '')
    .replace(/\+?\d{7,}/g, '[number]')
    .slice(0, 200);
  const message = `the relay refused${Number.isInteger(status) ? ` with ${status}` : ''}${words === '' ? '' : `: ${words}`}`;
  const options = Number.isInteger(status) ? { status } : {};
  if (/about to end|call is ended/i.test(words)) return new ControlError('CONTROL_GONE', message, options);
  if (status === 404 || status === 410) return new ControlError('CONTROL_GONE', message, options);
  if (status === 401 || status === 403) return new ControlError('CONTROL_AUTH', message, options);
  if (status === 429) return new ControlError('CONTROL_RATE_LIMITED', message, { ...options, retryable: true });
  if (status >= 500 && status <= 599)
    return new ControlError('CONTROL_UNAVAILABLE', message, { ...options, retryable: true, uncertain: status !== 503 });
  if (status >= 400 || textOf(error, 'reason') !== undefined)
    return new ControlError('CONTROL_REJECTED', message, options);
  return new ControlError('CONTROL_UNAVAILABLE', 'the connection to the relay broke', {
    retryable: true,
    uncertain: true,
  });
}
