import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Where others reach this machine, which listens on `host`: there, or where that is all of its addresses, at the first that is not the loopback's. */
export function addressOf(host: string, port: number): string {
  const found =
    host !== '0.0.0.0' && host !== '::'
      ? host
      : Object.values(networkInterfaces())
          .flatMap((addresses) => addresses ?? [])
          .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
          .sort((a, b) => a.family.localeCompare(b.family))
          .at(0)?.address;
  const address = found ?? '127.0.0.1';
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
