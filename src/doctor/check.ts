import type { Clock } from '../call/clock.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { scrub } from '../log.ts';

/** What a check is, how long it may take, and how its line reads. */

export type Status = 'pass' | 'warn' | 'fail' | 'skip';

export interface Finding {
  readonly status: Status;
  /** What was seen. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

export interface Result extends Finding {
  readonly name: string;
}

export interface Check {
  readonly name: string;
  /** What it throws becomes a `fail`. The signal aborts when its time is up. */
  run(signal: AbortSignal): Promise<Finding>;
}

/** Longest a check may take, ms. */
export const CHECK_LIMIT_MS = 10_000;

export const pass = (detail: string): Finding => ({ status: 'pass', detail });
export const skip = (detail: string): Finding => ({ status: 'skip', detail });
export const warn = (detail: string, advice: string): Finding => ({ status: 'warn', detail, advice });
export const fail = (detail: string, advice: string): Finding => ({ status: 'fail', detail, advice });

/** Runs one check within its time. Never rejects. */
export async function runCheck(
  check: Check,
  clock: Clock,
  secrets: readonly string[] = [],
  limitMs = CHECK_LIMIT_MS,
): Promise<Result> {
  const over = new AbortController();
  const late = Promise.withResolvers<Finding>();
  const timer = clock.after(limitMs, () => {
    late.resolve(
      fail(`no result within ${limitMs / 1000} s`, 'Something on the way swallows packets: look at firewalls and DNS.'),
    );
    over.abort(new BridgeError('REQUEST_TIMEOUT', 'the check took too long'));
  });
  try {
    const running = check.run(over.signal);
    // Once its time is up nobody waits for it any more.
    running.catch(() => {});
    const found = await Promise.race([running, late.promise]);
    return redacted({ name: check.name, ...found }, secrets);
  } catch (error) {
    const advice =
      codeOf(error) === undefined
        ? 'Nothing that the doctor expects: the text above is all it knows.'
        : 'Check the address, DNS, and whether firewalls let this machine out.';
    return redacted({ name: check.name, ...fail(reasonOf(error), advice) }, secrets);
  } finally {
    timer.cancel();
  }
}

/** What an error says, without keys. Where several addresses were tried, only the code says what happened. */
export function reasonOf(error: unknown): string {
  return scrub(errorMessage(error), false) || (codeOf(error) ?? 'no connection');
}

/** The system's code of what happened to a connection: ENOTFOUND, ECONNREFUSED and the like. */
export function codeOf(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string' && !(error instanceof BridgeError)) return code;
  return cause === undefined ? undefined : codeOf(cause);
}

/** No text of a far end may carry a secret of ours into a terminal or a ticket. */
function redacted(result: Result, secrets: readonly string[]): Result {
  const clean = (text: string) => secrets.reduce((left, secret) => left.replaceAll(secret, '[redacted]'), text);
  const { advice } = result;
  return { ...result, detail: clean(result.detail), ...(advice === undefined ? {} : { advice: clean(advice) }) };
}

/** "fail  public url   detail", and what to do on a line of its own. */
export function formatResult({ name, status, detail, advice }: Result): string {
  const line = `${status.padEnd(4)}  ${name.padEnd(20)}  ${detail}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(28)}-> ${advice}\n`;
}
