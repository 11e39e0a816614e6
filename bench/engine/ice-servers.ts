import type { IceServer } from '../../src/transport/ice.ts';
import type { LibraryServer } from './library.ts';

/** STUN and TURN servers as the library takes them (RFC 7064, RFC 7065): one entry for each URL. */
export function iceConfiguration(servers: readonly IceServer[]): Array<string | LibraryServer> {
  return servers.flatMap((server) =>
    [server.urls].flat().flatMap((url): Array<string | LibraryServer> => {
      const [, scheme = '', host = '', port, transport] =
        /^(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/.exec(url) ?? [];
      if (host === '') return [];
      const secure = scheme.endsWith('s');
      const at = { hostname: host.replace(/^\[|\]$/g, ''), port: Number(port ?? (secure ? 5_349 : 3_478)) };
      if (scheme.startsWith('stun')) return [`stun:${host}:${at.port}`];
      const relayType = secure ? 'TurnTls' : transport === 'tcp' ? 'TurnTcp' : 'TurnUdp';
      return [{ ...at, username: server.username ?? '', password: server.credential ?? '', relayType }];
    }),
  );
}
