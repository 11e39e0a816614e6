import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ClientAddresses, limitKey } from './client-address.ts';

/**
 * Connections that carry plain HTTP, by the address they come from. One costs little; thousands of one address, idle or never read, would
 * shut out everybody else. Each address has a share, and all together have a most. What is full makes room by its own connection that is
 * idle for the longest, and where each is busy takes no more. What became a WebSocket has limits of its own and does not count.
 */

export interface ConnectionLimits {
  /** Most connections in all. */
  readonly total: number;
  /** Most connections of one address: of an IPv4 address, or a /64 of IPv6. */
  readonly perAddress: number;
  /** Most connections of one trusted proxy, through which many come. */
  readonly perProxy: number;
}

/** One address's connections with the requests that are being answered on each, in the order in which they came or were last used. */
type Own = Map<Socket, number>;

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #addresses: ClientAddresses;
  readonly #byAddress = new Map<string, Own>();
  readonly #addressOf = new WeakMap<Socket, string>();
  #total = 0;

  constructor(limits: ConnectionLimits, addresses: ClientAddresses) {
    this.#limits = limits;
    this.#addresses = addresses;
  }

  get total(): number {
    return this.#total;
  }

  /** Connections of this address that count at the moment. */
  of(address: string): number {
    return this.#byAddress.get(limitKey(address))?.size ?? 0;
  }

  /** Whether the connection is one of a proxy that is trusted. */
  isProxy(socket: Socket): boolean {
    return this.#addresses.trusts(socket.remoteAddress ?? '');
  }

  /** Takes a new connection. False: it is one too many, and was cut. */
  add(socket: Socket): boolean {
    const address = limitKey(socket.remoteAddress ?? '');
    const own: Own = this.#byAddress.get(address) ?? new Map();
    const most = this.isProxy(socket) ? this.#limits.perProxy : this.#limits.perAddress;
    const fits = own.size < most || this.#makeRoom(own);
    if (!fits || (this.#total >= this.#limits.total && !this.#makeRoom(this.#fullest()))) {
      socket.destroy();
      return false;
    }
    this.#byAddress.set(address, own);
    this.#addressOf.set(socket, address);
    own.set(socket, 0);
    this.#total++;
    socket.once('close', () => this.forget(socket));
    return true;
  }

  /** The connection is over, or became a WebSocket. */
  forget(socket: Socket): void {
    const address = this.#addressOf.get(socket) ?? '';
    const own = this.#byAddress.get(address);
    if (own?.delete(socket) !== true) return;
    this.#total--;
    if (own.size === 0) this.#byAddress.delete(address);
  }

  /** A request began: its connection is busy until it is answered. */
  serves({ socket }: IncomingMessage, response: ServerResponse): void {
    const own = this.#byAddress.get(this.#addressOf.get(socket) ?? '');
    const add = (requests: number) => {
      const before = own?.get(socket);
      if (own === undefined || before === undefined) return;
      // Put at the end again: the map's order is the order of use.
      own.delete(socket);
      own.set(socket, before + requests);
    };
    add(1);
    response.once('close', () => add(-1));
  }

  /** The connections of the address that has most of them. */
  #fullest(): Own {
    let fullest: Own = new Map();
    for (const own of this.#byAddress.values()) if (own.size > fullest.size) fullest = own;
    return fullest;
  }

  /** Cuts the one that is idle for the longest; false where none is. */
  #makeRoom(own: Own): boolean {
    for (const [socket, requests] of own) {
      if (requests > 0) continue;
      this.forget(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}
