import { BridgeError } from '../errors.ts';

/** A STUN or TURN server, as in the W3C's RTCIceServer. */
export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

/** Schemes of RFC 7064 (STUN) and RFC 7065 (TURN). What the native constructor refuses it never frees, so it is looked at before. */
const ICE_URL = /^(stuns?:[^\s?]+|turns?:[^\s?]+(\?transport=(udp|tcp))?)$/;

/** Throws CONFIG_INVALID for servers that libwebrtc would refuse. */
export function checkIceServers(servers: readonly IceServer[]): void {
  for (const server of servers) {
    for (const url of [server.urls].flat()) {
      if (!ICE_URL.test(url)) {
        throw new BridgeError(
          'CONFIG_INVALID',
          'the URL of an ICE server must begin with stun:, stuns:, turn: or turns:',
        );
      }
      if (url.startsWith('turn') && (server.username === undefined || server.credential === undefined)) {
        throw new BridgeError('CONFIG_INVALID', 'a TURN server needs a user name and a credential');
      }
    }
  }
}
