import type { IncomingMessage } from 'node:http';

/**
 * Whether a request asks to become a WebSocket (RFC 6455, section 4.1): `websocket` is among what its Upgrade lists, it is a GET of HTTP/1.1
 * or later, and it has no body. Any other Upgrade is an offer that a server may pass over, and then answers the request as it is (RFC 9110,
 * section 7.8; HTTP/1.0 has none): Java's HttpClient and curl offer h2c with every request in clear. For `shouldUpgradeCallback`.
 */
export function asksForWebSocket({ method, httpVersionMajor, httpVersionMinor, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersionMajor < 1 || (httpVersionMajor === 1 && httpVersionMinor < 1)) return false;
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) return false;
  const offered = (headers.upgrade ?? '').split(',');
  return offered.some((protocol) => protocol.trim().toLowerCase() === 'websocket');
}
