import { createHmac } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** A far end that answers ICE's checks (RFC 8489) and nothing else: the way is found, and DTLS never comes about. */

const MAGIC = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const ICE_CONTROLLING = 0x802a;

export class IceOnly {
  /** First DTLS records that came: the far end believed in the way. */
  clientHellos = 0;
  /** Checks of a far end that took the lead, and of one that left it to this one (RFC 8445 section 16.1). */
  readonly checks = { controlling: 0, controlled: 0 };
  /** The `a=ice-pwd` that it claims. */
  password = '';
  readonly #socket: Socket;

  constructor() {
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (message, from) => this.#onMessage(message, from));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    return (this.#socket.address() as AddressInfo).port;
  }

  close(): void {
    this.#socket.close();
  }

  #onMessage(message: Buffer, from: RemoteInfo): void {
    // RFC 7983: 20 to 63 is DTLS, 22 a handshake.
    if (message[0] === 22) this.clientHellos++;
    if (message.length < 20 || message.readUInt16BE(0) !== BINDING_REQUEST) return;
    this.checks[attributesOf(message).includes(ICE_CONTROLLING) ? 'controlling' : 'controlled']++;
    this.#socket.send(this.#answer(message.subarray(8, 20), from), from.port, from.address);
  }

  #answer(transaction: Buffer, { address, port }: RemoteInfo): Buffer {
    const mapped = Buffer.alloc(12);
    mapped.writeUInt16BE(0x0020, 0);
    mapped.writeUInt16BE(8, 2);
    mapped[5] = 1;
    mapped.writeUInt16BE(port ^ (MAGIC >>> 16), 6);
    const ip = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    mapped.writeUInt32BE((ip ^ MAGIC) >>> 0, 8);
    const header = Buffer.alloc(20);
    header.writeUInt16BE(BINDING_SUCCESS, 0);
    header.writeUInt32BE(MAGIC, 4);
    transaction.copy(header, 8);
    // Each check counts with the length up to its own end.
    header.writeUInt16BE(mapped.length + 24, 2);
    const signed = Buffer.concat([header, mapped]);
    const integrity = Buffer.concat([
      Buffer.from([0, 0x08, 0, 20]),
      createHmac('sha1', this.password).update(signed).digest(),
    ]);
    signed.writeUInt16BE(mapped.length + integrity.length + 8, 2);
    const whole = Buffer.concat([signed, integrity]);
    const fingerprint = Buffer.alloc(8);
    fingerprint.writeUInt32BE(0x80280004, 0);
    fingerprint.writeUInt32BE((crc32(whole) ^ 0x5354554e) >>> 0, 4);
    return Buffer.concat([whole, fingerprint]);
  }
}

/** Types of the message's attributes (RFC 8489 section 14): each begins at a multiple of four. */
function attributesOf(message: Buffer): number[] {
  const types: number[] = [];
  for (let at = 20; at + 4 <= message.length; at += 4 + 4 * Math.ceil(message.readUInt16BE(at + 2) / 4))
    types.push(message.readUInt16BE(at));
  return types;
}

/** A DTLS ClientHello as a stranger sends it, long and senseless enough to be answered with an alert. */
export function strangeHello(): Buffer {
  const body = Buffer.alloc(180, 0xab);
  const handshake = Buffer.concat([Buffer.from([1, 0, 0, 180, 0, 0, 0, 0, 0, 0, 0, 180]), body]);
  const record = Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, handshake.length]);
  return Buffer.concat([record, handshake]);
}
