import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, delay } from '../../call/clock.ts';
import { CLOSE, type Socket, SocketAcceptor } from '../../transport/socket.ts';
import type { CarrierCall } from './call.ts';
import type { Faults, RelayFault } from './faults.ts';
import type { CarrierCallStatus } from './side.ts';
import type { Switchboard } from './switchboard.ts';

/**
 * SignalWire's relay: JSON-RPC 2.0 over a WebSocket, as far as dialling, digits and hanging up need it. Calls that it makes stand on the
 * same switchboard as those of the REST API.
 */

export interface RelaySide {
  readonly board: Switchboard;
  readonly project: string;
  readonly token: string;
  readonly clock: Clock;
  readonly faults: Faults<RelayFault>;
  /** Methods that were called, in order. */
  readonly requests: Array<{ readonly method: string; readonly params: Readonly<Record<string, unknown>> }>;
}

interface Rpc {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
}

/** JSON-RPC code of an authentication that failed. */
const AUTH_FAILED = -32_002;
const NODE_ID = 'node-1';
const STATES: Partial<Record<CarrierCallStatus, string>> = {
  initiated: 'created',
  ringing: 'ringing',
  'in-progress': 'answered',
};
/** How long a digit takes to be played, ms. */
const DIGIT_MS = 10;

export class RelayServer {
  readonly #side: RelaySide;
  readonly #acceptor: SocketAcceptor;
  readonly #authorized = new Set<Socket>();
  readonly #open = new Set<Socket>();
  readonly #tags = new Map<string, string>();

  constructor(side: RelaySide) {
    this.#side = side;
    this.#acceptor = new SocketAcceptor({ maxMessageBytes: 64 * 1024, pingIntervalMs: 0, clock: side.clock });
  }

  /** Connections that have shown a good token. */
  get connections(): number {
    return this.#authorized.size;
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#acceptor.accept(request, stream, head, (attach) => {
      const socket: Socket = attach({
        text: (data) => this.#receive(socket, data.toString()),
        binary: () => socket.close(CLOSE.unsupported),
        close: () => {
          this.#authorized.delete(socket);
          this.#open.delete(socket);
        },
      });
      this.#open.add(socket);
    });
  }

  /** Cuts every connection, as a network does. */
  drop(): void {
    for (const socket of this.#open) socket.terminate();
  }

  #receive(socket: Socket, text: string): void {
    let message: Rpc;
    try {
      message = JSON.parse(text) as Rpc;
    } catch {
      socket.close(CLOSE.unsupported);
      return;
    }
    // Answers to our events need none.
    if (typeof message.method !== 'string') return;
    const params = (message.params ?? {}) as Record<string, unknown>;
    const { method, id } = message;
    this.#side.requests.push({ method, params });
    const fault = this.#side.faults.take((one) => one.method === undefined || one.method === method);
    switch (fault?.kind) {
      case 'hang':
        return;
      case 'malformed':
        socket.send('{"jsonrpc":"2.0","result":');
        return;
      case 'drop':
        socket.terminate();
        return;
      case 'error':
        this.#result(socket, id, { code: fault.code, message: fault.message ?? 'simulated' });
        return;
      case undefined:
        this.#handle(socket, id, method, params);
        return;
      default:
        fault satisfies never;
    }
  }

  #handle(socket: Socket, id: unknown, method: string, params: Record<string, unknown>): void {
    if (method === 'signalwire.connect') {
      this.#connect(socket, id, params);
      return;
    }
    if (!this.#authorized.has(socket)) {
      this.#result(socket, id, { code: '401', message: 'Unauthorized' });
      return;
    }
    switch (method) {
      case 'calling.dial':
        this.#dial(socket, id, params);
        return;
      case 'calling.end':
        this.#onCall(socket, id, params, (call) => call.hangUp());
        return;
      case 'calling.send_digits':
        this.#onCall(socket, id, params, (call) => {
          void this.#digits(call, String(params['digits']), String(params['control_id']));
        });
        return;
      default:
        this.#result(socket, id, { code: '200', message: 'OK' });
    }
  }

  #connect(socket: Socket, id: unknown, params: Record<string, unknown>): void {
    const { project, token } = (params['authentication'] ?? {}) as { project?: unknown; token?: unknown };
    if (project !== this.#side.project || token !== this.#side.token) {
      socket.send(
        JSON.stringify({ jsonrpc: '2.0', id, error: { code: AUTH_FAILED, message: 'Authentication service failed' } }),
      );
      return;
    }
    this.#authorized.add(socket);
    this.#result(socket, id, {
      protocol: `signalwire_${project}`,
      identity: `${randomUUID()}@simulator`,
      authorization: { project, scope: { calling: {} } },
    });
  }

  #dial(socket: Socket, id: unknown, params: Record<string, unknown>): void {
    const devices = params['devices'] as Array<Array<{ params?: Record<string, unknown> }>> | undefined;
    const device = devices?.[0]?.[0];
    const { to_number: to, from_number: from } = device?.params ?? {};
    if (typeof to !== 'string' || typeof from !== 'string') {
      this.#result(socket, id, { code: '422', message: 'Unprocessable devices' });
      return;
    }
    const tag = String(params['tag']);
    this.#result(socket, id, { code: '200', message: 'Dialing' });
    const call = this.#side.board.place({ to, from });
    this.#tags.set(call.sid, tag);
    call.onStatus((status) => this.#tell(call, tag, device, status));
  }

  #tell(call: CarrierCall, tag: string, device: unknown, status: CarrierCallStatus): void {
    const state = STATES[status] ?? 'ended';
    const about = { call_id: call.sid, node_id: NODE_ID, tag, direction: 'outbound', device };
    this.#event('calling.call.state', {
      ...about,
      call_state: state,
      ...(state === 'ended' ? { end_reason: status === 'busy' ? 'busy' : 'hangup' } : {}),
    });
    if (state === 'answered')
      this.#event('calling.call.dial', {
        node_id: NODE_ID,
        tag,
        dial_state: 'answered',
        call: { ...about, call_state: 'answered', dial_winner: 'true' },
      });
    // A call that was answered and ends is no dial that failed.
    if (status === 'busy' || status === 'no-answer' || status === 'failed' || status === 'canceled')
      this.#event('calling.call.dial', { node_id: NODE_ID, tag, dial_state: 'failed', reason: status });
  }

  #onCall(socket: Socket, id: unknown, params: Record<string, unknown>, act: (call: CarrierCall) => void): void {
    const call = this.#side.board.find(String(params['call_id']));
    if (call === undefined || call.isOver) {
      this.#result(socket, id, { code: '404', message: 'Call does not exist' });
      return;
    }
    this.#result(socket, id, { code: '200', message: 'OK' });
    act(call);
  }

  async #digits(call: CarrierCall, digits: string, controlId: string): Promise<void> {
    await delay(this.#side.clock, digits.length * DIGIT_MS);
    call.digits.push(digits);
    this.#event('calling.call.send_digits', {
      call_id: call.sid,
      node_id: NODE_ID,
      control_id: controlId,
      state: 'finished',
    });
  }

  #result(socket: Socket, id: unknown, result: object): void {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
  }

  #event(type: string, params: object): void {
    const event = { event_type: type, event_channel: 'simulator', timestamp: this.#side.clock.wall() / 1000, params };
    const text = JSON.stringify({ jsonrpc: '2.0', id: randomUUID(), method: 'signalwire.event', params: event });
    for (const socket of this.#authorized) socket.send(text);
  }
}
