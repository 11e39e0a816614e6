import type { CarrierAccount } from '../../../call/carrier-call.ts';
import { ControlError } from './errors.ts';

/**
 * What a bridge asks of a carrier about a call, beside its media. Every method rejects with a ControlError and with nothing else.
 */
export interface CallControl {
  /** The carrier and the way to it, "example-rest": log field. */
  readonly name: string;
  /** Whose calls these are: the ids below are of this account's calls. */
  readonly account: CarrierAccount;
  /** Ends the call. A call that is over already counts as ended. */
  hangup(callId: string): Promise<void>;
  /**
   * Connects the far party to `to` (E.164) by new instructions; its media stream to us ends with that. CONTROL_GONE when the call is over.
   * Whether `to` may be called is decided before, by the policy for destinations.
   */
  transfer(callId: string, to: string, options?: TransferOptions): Promise<void>;
  /**
   * Plays digits to the far party: 0-9, *, #, A-D, and `w` for half a second's pause. CONTROL_UNSUPPORTED where the carrier cannot without
   * ending the media stream; where the stream itself carries digits, the caller's leg sends them.
   */
  sendDigits(callId: string, digits: string): Promise<void>;
  /** Places a call and resolves with the carrier's id of it, long before anybody answers. */
  dial(request: DialRequest): Promise<string>;
  /** Frees what the adapter holds. */
  close(): Promise<void>;
}

export interface TransferOptions {
  /** Number shown to the one who is called, E.164; the carrier's own rule without it. */
  readonly callerId?: string | undefined;
  /** Said to the caller before. */
  readonly say?: string | undefined;
  /** Language of `say`, BCP 47. */
  readonly language?: string | undefined;
  /** Voice of `say`, as the carrier names it. */
  readonly voice?: string | undefined;
  /** How long it rings, seconds: 1 to 600. */
  readonly timeoutSeconds?: number | undefined;
  /** Asked what comes next for the caller when the transfer has ended, and told how; absolute http(s). Without it the call ends. */
  readonly action?: string | undefined;
  /** How long they may talk, seconds: 1 to 86400; the carrier's own limit of some hours without it. */
  readonly limitSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `detect`: human or machine, as soon as it is known; `message-end`: when a machine's greeting is over. */
export type MachineDetection = 'detect' | 'message-end';

export interface DialRequest {
  /** E.164. */
  readonly to: string;
  /** E.164; a number of the account. */
  readonly from: string;
  /** Asked for instructions when the call is answered; absolute http(s). */
  readonly url: string;
  /** Told how the call fares; absolute http(s). */
  readonly statusCallback?: string | undefined;
  /** Runs beside the conversation, so that a person who answers never waits for it; the finding goes to `statusCallback`. */
  readonly machineDetection?: MachineDetection | undefined;
  /** How long it may ring, seconds: 1 to 600. */
  readonly timeoutSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a call fares, in the carriers' own words: the values of CallStatus. */
export const CALL_STATUSES = [
  'queued',
  'initiated',
  'ringing',
  'in-progress',
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

const FINAL: ReadonlySet<CallStatus> = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled']);

/** Whether nothing follows this status. */
export function isFinal(status: CallStatus): boolean {
  return FINAL.has(status);
}

function invalid(message: string): never {
  throw new ControlError('CONTROL_INVALID', message);
}

/** Ids become part of an address: nothing passes that could leave its place there. */
export function checkCallId(callId: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9:_=-]{0,99}$/.test(callId) ? callId : invalid('this is no id of a call');
}

export function checkNumber(number: string, what: string): string {
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : invalid(`${what} must be a number in E.164 form`);
}

export function checkDigits(digits: string): string {
  return /^[0-9*#A-Dw]{1,32}$/.test(digits) ? digits : invalid('digits must be 1 to 32 of 0-9 * # A-D w');
}

export function checkUrl(url: string, what: string): string {
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url : invalid(`${what} must be an absolute http(s) URL`);
}

/** No phone rings longer than ten minutes, and no call of these carriers lasts longer than a day. */
const SECONDS_MOST = { timeoutSeconds: 600, limitSeconds: 86_400 } as const;

export function checkSeconds(
  seconds: number | undefined,
  name: keyof typeof SECONDS_MOST = 'timeoutSeconds',
): number | undefined {
  const most = SECONDS_MOST[name];
  if (seconds === undefined || (Number.isInteger(seconds) && seconds >= 1 && seconds <= most)) return seconds;
  return invalid(`${name} must be a whole number from 1 to ${most}`);
}

/** The base address of an API without a trailing slash. Credentials go over TLS only, except to this machine. */
export function checkBase(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const local = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const good = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (url === undefined || !good || url.search !== '' || url.hash !== '' || url.username !== '')
    invalid("the address of a carrier's API must be https:// without query");
  return baseUrl.replace(/\/+$/, '');
}
