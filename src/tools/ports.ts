import type { LineControls } from '../call/line-controls.ts';

/**
 * What tools may touch. Each tool declares the ports it needs and is given these alone. The ports are asynchronous throughout, so that what
 * stands behind them may be a thread, another process or a network.
 */

/** The people who call, each by the `key` of the caller on the line. `now` is epoch ms. */
export interface CallersPort {
  find(key: string): Promise<CallerProfile | undefined>;
  /** Fields not given stay as they are. Rejects with CALLER_UNKNOWN for what is no key. */
  update(key: string, changes: CallerChanges, now: number): Promise<CallerProfile>;
}

export type CallerChanges = {
  readonly [K in Exclude<keyof CallerProfile, 'number'>]?: CallerProfile[K] | undefined;
};

export interface CallerProfile {
  /** The key. */
  readonly number: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly language: string | null;
  readonly notes: string | null;
}

/** A time that can be booked: `YYYY-MM-DDTHH:MM` in the business's zone, and how one says it. */
export interface TimeSlot {
  readonly start: string;
  readonly spoken: string;
}

export interface BookedAppointment extends TimeSlot {
  readonly reference: string;
  readonly service: string;
  readonly staff: string;
  readonly minutes: number;
  readonly name: string;
}

export interface AppointmentsPort {
  services(): Promise<ReadonlyArray<{ id: string; name: string; minutes: number; price: string }>>;
  available(
    query: {
      service: string;
      from: string;
      days: number;
      earliest?: string | undefined;
      latest?: string | undefined;
      limit: number;
    },
    now: number,
  ): Promise<readonly TimeSlot[]>;
  /** Of the caller with this key. */
  upcoming(key: string, now: number): Promise<readonly BookedAppointment[]>;
  book(
    booking: {
      service: string;
      start: string;
      name: string;
      /** The caller's `key`. */
      callerNumber?: string | undefined;
      notes?: string | undefined;
      callId: string;
    },
    now: number,
  ): Promise<
    | { readonly booked: true; readonly appointment: BookedAppointment }
    | { readonly booked: false; readonly reason: string; readonly alternatives: readonly TimeSlot[] }
  >;
  cancel(
    request: { reference: string; callerNumber?: string | undefined; name?: string | undefined },
    now: number,
  ): Promise<
    | { readonly cancelled: true; readonly appointment: BookedAppointment }
    | { readonly cancelled: false; readonly reason: string }
  >;
}

export interface MessagesPort {
  leave(
    message: {
      callId: string;
      /** Who leaves it, for people to read. */
      callerNumber?: string | undefined;
      name?: string | undefined;
      recipient?: string | undefined;
      body: string;
      callbackNumber?: string | undefined;
      urgent: boolean;
    },
    now: number,
  ): Promise<{ id: number }>;
}

export interface KnowledgePort {
  search(question: string, limit?: number): Promise<ReadonlyArray<{ source: string; text: string }>>;
}

/** The business's data. */
export interface BusinessPort {
  readonly callers: CallersPort;
  readonly appointments: AppointmentsPort;
  readonly messages: MessagesPort;
  readonly knowledge: KnowledgePort;
}

/**
 * The call that the tool runs in: its line, under the policy. What these do is decided by the call and its policy, never by the model alone.
 * A refusal is a ToolError with code TOOL_REFUSED and a sentence for the model. Digits are waited for no longer than the tool may run, and what
 * the tool returns of them the model reads.
 */
export interface CallControlPort extends Omit<LineControls, 'cannot' | 'transfer' | 'gatherDigits'> {
  /**
   * Connects the caller to a number (E.164) as soon as the agent's words were heard; the call then ends, and with it the tool. Rejects when the
   * number is not allowed, and when nobody answers there and the caller is back: the call goes on. The tool's time does not run meanwhile.
   */
  transfer(destination: string): Promise<void>;
  /** Not every caller has keys. */
  gatherDigits?: LineControls['gatherDigits'];
}

export type StorePortName = keyof BusinessPort;
export type ControlPortName = keyof CallControlPort;
/** Everything a tool can ask to touch. */
export type Touch = StorePortName | ControlPortName;

export const STORE_PORTS = ['callers', 'appointments', 'messages', 'knowledge'] as const satisfies StorePortName[];
export const CONTROL_PORTS = [
  'hangupAfterPlayout',
  'transfer',
  'sendDigits',
  'gatherDigits',
] as const satisfies ControlPortName[];
