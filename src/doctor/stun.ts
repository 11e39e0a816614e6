import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Clock } from '../call/clock.ts';

/** One question to a STUN server (RFC 8489): from which address do packets of this machine come? */

const ANSWER_MS = 2_000;
const MAGIC = 0x2112a442;
const BINDING_SUCCESS = 0x0101;
const XOR_MAPPED_ADDRESS = 0x0020;

/** The address; undefined where nobody answers in time. `server`: `stun:host:port`. */
export function stunAddress(
  server: string,
  family: 4 | 6,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [, host = '', port = '3478'] = /^stun:\[?([^\]?]+?)\]?(?::(\d+))?(?:\?.*)?$/.exec(server) ?? [];
  const request = Buffer.alloc(20);
  request.writeUInt16BE(1, 0);
  request.writeUInt32BE(MAGIC, 4);
  randomBytes(12).copy(request, 8);
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    let isOver = false;
    const end = (address?: string) => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.close();
      resolve(address);
    };
    const onAbort = () => end();
    const timer = clock.after(ANSWER_MS, () => end());
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => end());
    socket.on('message', (answer) => {
      const isOurs = answer.length >= 20 && answer.subarray(8, 20).equals(request.subarray(8));
      if (isOurs && answer.readUInt16BE(0) === BINDING_SUCCESS) end(mappedAddress(answer, request.subarray(4)));
    });
    // A name that cannot be resolved is an error of the socket.
    socket.send(request, Number(port), host);
  });
}

/** Reads XOR-MAPPED-ADDRESS (section 14.2). `key`: magic cookie and transaction id, as the request has them. */
function mappedAddress(answer: Buffer, key: Buffer): string | undefined {
  for (let at = 20; at + 4 <= answer.length; ) {
    const length = answer.readUInt16BE(at + 2);
    const value = answer.subarray(at + 4, at + 4 + length);
    if (answer.readUInt16BE(at) === XOR_MAPPED_ADDRESS && (length === 8 || length === 20) && value.length === length) {
      const bytes = [...value.subarray(4)].map((byte, i) => byte ^ (key[i] ?? 0));
      if (length === 8) return bytes.join('.');
      const groups = Array.from({ length: 8 }, (_, i) =>
        (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
      );
      // In the short form that the setting has it in, too.
      return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}
