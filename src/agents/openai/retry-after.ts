/** When a model that refuses for want of its limits may be asked again. Pure. */

const MOST_CHARS = 500;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** "5.0s", "200ms", "1m2s", "1 minute and 2 seconds": runs of a number and a unit. */
const PART = /(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)(?![a-z])/gi;
const PHRASE =
  /(?:try|retry|again|wait|available|resets?)\b[^.\d]*?\b(?:in|after|for)?\s*((?:\d+(?:\.\d+)?\s*[a-z]+(?:\s*(?:,|and)?\s*)?)+)/i;

/** The wait that an error's message asks for, ms ("Please try again in 5.0s"); undefined where it asks for none. */
export function retryAfterOf(message: string): number | undefined {
  const [, span] = PHRASE.exec(message.slice(0, MOST_CHARS)) ?? [];
  if (span === undefined) return undefined;
  let ms = 0;
  let found = false;
  for (const [, number, unit] of span.matchAll(PART)) {
    const name = unit!.toLowerCase();
    const key = name === 'ms' || name.startsWith('milli') ? 'ms' : name[0]!;
    ms += Number(number) * (UNITS[key] ?? 0);
    found = true;
  }
  return found && Number.isFinite(ms) ? Math.ceil(ms) : undefined;
}

/** When the limits of which nothing is left are filled again, ms from now; 0 for limits that allow more. */
export function resetMsOf(
  limits: ReadonlyArray<{ readonly remaining: number; readonly reset_seconds: number }>,
): number {
  return Math.max(0, ...limits.map((limit) => (limit.remaining <= 0 ? limit.reset_seconds * 1_000 : 0)));
}
