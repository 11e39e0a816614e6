import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../../transport/refuse-upgrade.ts';
import { SocketAcceptor } from '../../transport/socket.ts';
import type { WebCall } from './web-call.ts';

/** The live transcript of a call, `WS v2/monitor-call/{call_id}`. https://docs.retellai.com/api-references/monitor-call */

/** Closed with this a call is not live yet: it may be asked for again. */
const NOT_LIVE = 4_004;
const ENDED = 4_010;

export interface MonitorOptions {
  readonly key: string;
  find(callId: string): WebCall | undefined;
  /** Whether the next who asks is told that the call is not live yet. */
  isNotLive(): boolean;
}

export class Monitor {
  readonly #o: MonitorOptions;
  readonly #acceptor = new SocketAcceptor({
    maxMessageBytes: 1_024,
    pingIntervalMs: 0,
    // The server answers with the first that was offered, and never shows the key.
    subprotocol: () => 'bearer',
  });

  constructor(options: MonitorOptions) {
    this.#o = options;
  }

  handle(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const callId = /^\/v2\/monitor-call\/([^/?]+)$/.exec(request.url ?? '')?.[1];
    if (callId === undefined) {
      refuseUpgrade(stream, 404, 'Not Found', 'not_found');
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    // In this order: what stands first is the name of the scheme, and what follows the key.
    if (offered[0] !== 'bearer' || offered[1] !== this.#o.key) {
      refuseUpgrade(stream, 401, 'Unauthorized', 'unauthorized');
      return;
    }
    const call = this.#o.find(callId);
    this.#acceptor.accept(request, stream, head, (attach) => {
      let unwatch = () => {};
      const socket = attach({ text: () => {}, binary: () => {}, close: () => unwatch() });
      const refusal = this.#refusal(call);
      if (call === undefined || refusal !== undefined) {
        socket.close(refusal ?? ENDED);
        return;
      }
      const tell = (type: string) =>
        socket.send(JSON.stringify({ type, call_id: call.id, transcripts: call.transcript }));
      tell('transcript_snapshot');
      unwatch = call.watch((what) => {
        if (what === 'transcript') {
          tell('transcript_updated');
          return;
        }
        socket.send(JSON.stringify({ type: 'call_ended', call_id: call.id }));
        socket.close(1000);
      });
    });
  }

  /** The code that a socket is closed with for a call that cannot be followed. */
  #refusal(call: WebCall | undefined): number | undefined {
    if (call === undefined) return ENDED;
    if (call.status === 'registered' || this.#o.isNotLive()) return NOT_LIVE;
    return call.status === 'ongoing' ? undefined : ENDED;
  }
}
