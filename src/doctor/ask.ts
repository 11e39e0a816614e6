import { type Exchange, exchange, type HttpAnswer } from '../transport/http.ts';
import { CHECK_LIMIT_MS } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** Of an answer no more is read, bytes: what a check looks for is short, and an error page may be of any length. */
const READ_BYTES = 64 * 1024;

export interface Question extends Pick<Exchange, 'headers' | 'body'> {
  readonly url: string;
  /** GET when left out. */
  readonly method?: 'HEAD' | 'POST';
  /** The check's own time, when left out, ms. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** One question to whatever is at an address, ours or somebody else's. Rejects as `exchange` does. */
export function ask(
  { fetch, clock }: Pick<DoctorDeps, 'fetch' | 'clock'>,
  { method, timeoutMs = CHECK_LIMIT_MS, ...question }: Question,
): Promise<HttpAnswer> {
  return exchange({
    ...question,
    method: method ?? 'GET',
    timeoutMs,
    mostBytes: READ_BYTES,
    restIgnored: true,
    clock,
    fetch,
  });
}
