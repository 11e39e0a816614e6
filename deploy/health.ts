/**
 * The image's health check: exit status 0 when the daemon in this container answers `GET /health/live`, else 1. It reads the two settings it
 * needs by itself, since it runs every half minute and must cost little.
 */

/** The address under which a daemon with these settings is reached from its own machine. */
export function liveUrl(env: Readonly<Record<string, string | undefined>>): string {
  const host = env['HOST']?.trim() || '0.0.0.0';
  const port = env['PORT']?.trim() || '8080';
  const local = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${local.includes(':') ? `[${local}]` : local}:${port}/health/live`;
}

if (import.meta.main) {
  const answer = await fetch(liveUrl(process.env), { signal: AbortSignal.timeout(4_000) }).catch(() => undefined);
  process.exitCode = answer?.ok === true ? 0 : 1;
}
