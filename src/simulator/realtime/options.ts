import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { Scenario } from './scenario.ts';

/** What the model's voice is instead of recorded speech: one pure tone, by which a test knows whose audio it hears. */
export interface ToneVoice {
  /** Hz. */
  readonly tone: number;
  /** Length of one utterance, ms; default 2000. */
  readonly ms?: number;
  /** Level, dBFS; default -18. */
  readonly dbfs?: number;
}

/** Structured log lines: values in `fields`, a constant `message`. A pino logger fits. */
export interface SimulatorLog {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface RealtimeServerOptions {
  /** 0 lets the system choose. */
  port: number;
  /** Address to listen on; default 127.0.0.1. */
  host?: string;
  /** Standard keys that are accepted; by default any that begins with `sk-`. */
  apiKeys?: readonly string[];
  /** What to say and what to break; see `scenario.ts`. */
  scenario?: Scenario;
  /** `block` answers offers with candidates that lead nowhere, as a network without UDP does. Default `allow`. */
  udp?: 'allow' | 'block';
  /** UDP ports for media, inclusive. Undefined lets the system choose. */
  portRange?: { min: number; max: number };
  /** A tone in place of recorded speech. */
  voice?: ToneVoice;
  /** A load generator: every session speaks by itself for `forMs` every `everyMs`, whatever it hears. */
  speak?: { everyMs: number; forMs: number };
  /** How many times faster than real time audio is generated; default 8. */
  speed?: number;
  /** Audio in one `response.output_audio.delta`, ms; default 200. */
  deltaMs?: number;
  /** Time between `response.created` and the first audio, ms; default 0. */
  thinkMs?: number;
  /** Length of a session before `session_expired`, ms; default one hour. */
  maxSessionMs?: number;
  /** Keeps every client event and all audio of both directions for inspection. Memory grows with the call: tests only. */
  record?: boolean;
  /** Told each event of every session, whole, with whose it is. */
  onEvent?: (from: 'client' | 'service', event: Readonly<Record<string, unknown>>) => void;
  /** Certificate and key (PEM): serves https and wss instead of http and ws. */
  tls?: { cert: string; key: string };
  clock?: Clock;
  /** The media clock, when the process already has one. */
  ticker?: Ticker;
  log?: SimulatorLog;
}

/** How sessions speak: the part of the options that every session reads, with the defaults filled in. */
export interface Pace {
  readonly speed: number;
  readonly deltaMs: number;
  readonly thinkMs: number;
  readonly maxSessionMs: number;
}

export const DEFAULT_PACE: Pace = { speed: 8, deltaMs: 200, thinkMs: 0, maxSessionMs: 3_600_000 };

export function paceOf(options: RealtimeServerOptions): Pace {
  return {
    speed: options.speed ?? DEFAULT_PACE.speed,
    deltaMs: options.deltaMs ?? DEFAULT_PACE.deltaMs,
    thinkMs: options.thinkMs ?? DEFAULT_PACE.thinkMs,
    maxSessionMs: options.maxSessionMs ?? DEFAULT_PACE.maxSessionMs,
  };
}
