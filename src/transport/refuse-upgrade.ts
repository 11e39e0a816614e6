import type { Duplex } from 'node:stream';

/** Refuses an upgrade with a plain HTTP answer; the body is the coded reason. */
export function refuseUpgrade(
  stream: Duplex,
  status: number,
  statusText: string,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ error: { code } });
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.once('error', () => {});
  stream.end(
    `HTTP/1.1 ${status} ${statusText}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more.join('')}Connection: close\r\n\r\n${body}`,
  );
}
