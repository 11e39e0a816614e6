import { createHash, createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';

/** The allocating half of a TURN server (RFC 8656) with long-term credentials (RFC 8489 section 9.2): enough to be given a relay candidate. */

const COOKIE = 0x2112a442;
const ALLOCATE = 0x0003;
const REALM = 'test';

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function message(type: number, id: Buffer, body: Buffer, length = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(length, 2);
  head.writeUInt32BE(COOKIE, 4);
  return Buffer.concat([head, id, body]);
}

function attributesOf(packet: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 20; at + 4 <= packet.length; ) {
    const length = packet.readUInt16BE(at + 2);
    found.set(packet.readUInt16BE(at), packet.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return found;
}

function xorAddress(ip: string, port: number): Buffer {
  const value = Buffer.alloc(8);
  value[1] = 1;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  const address = ip.split('.').reduce((all, byte) => all * 256 + Number(byte), 0);
  value.writeUInt32BE((address ^ COOKIE) >>> 0, 4);
  return value;
}

export async function startTurnServer(user: string, password: string): Promise<{ port: number; close(): void }> {
  const socket = createSocket('udp4');
  const key = createHash('md5').update(`${user}:${REALM}:${password}`).digest();
  socket.on('message', (packet, from) => {
    if (packet.length < 20) return;
    const type = packet.readUInt16BE(0);
    const id = packet.subarray(8, 20);
    const given = attributesOf(packet);
    const send = (bytes: Buffer) => socket.send(bytes, from.port, from.address);
    if (type !== ALLOCATE) return;
    if (given.get(0x0006)?.toString() !== user || !isProven(packet, key)) {
      const error = Buffer.concat([Buffer.from([0, 0, 4, 1]), Buffer.from('Unauthorized')]);
      const body = [
        attribute(0x0009, error),
        attribute(0x0014, Buffer.from(REALM)),
        attribute(0x0015, Buffer.from('n1')),
      ];
      send(message(0x0113, id, Buffer.concat(body)));
      return;
    }
    const body = Buffer.concat([
      attribute(0x0016, xorAddress('192.0.2.10', 50_000)),
      attribute(0x0020, xorAddress(from.address, from.port)),
      attribute(0x000d, Buffer.from([0, 0, 2, 88])),
    ]);
    // The length that is signed counts the signature itself.
    const signed = createHmac('sha1', key)
      .update(message(0x0103, id, body, body.length + 24))
      .digest();
    send(message(0x0103, id, Buffer.concat([body, attribute(0x0008, signed)])));
  });
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  return { port: socket.address().port, close: () => socket.close() };
}

/** Whether MESSAGE-INTEGRITY was made with this key over all that comes before it. */
function isProven(packet: Buffer, key: Buffer): boolean {
  const given = attributesOf(packet).get(0x0008);
  if (given === undefined) return false;
  const covered = Buffer.from(packet.subarray(0, given.byteOffset - packet.byteOffset - 4));
  covered.writeUInt16BE(covered.length - 20 + 24, 2);
  return createHmac('sha1', key).update(covered).digest().equals(given);
}
