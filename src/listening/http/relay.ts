import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { peerUnreachable } from '../../fleet/fleet.ts';
import { CLOSE, openSocket, type Socket } from '../../transport/socket.ts';

/** The way of an operator's messages through an instance that has not the call: both ways, unread, and nothing of them is kept. */

/** Where messages to the operator go. */
export interface RawOutlet {
  audio(bytes: Uint8Array): void;
  text(message: string): void;
  end(reason: string): void;
}

/** Where an operator's messages go. */
export interface Begun {
  text(message: string): void;
  audio(bytes: Uint8Array): void;
  close(): void;
}

export interface Relay {
  /** Passes on from now on, beginning with what came before. */
  begin(outlet: RawOutlet): Begun;
  /** Idempotent. */
  close(): void;
}

const CONNECT_MS = 3_000;
/** The same as to operators: each block is 20 ms. */
const PING_INTERVAL_MS = 2_000;
const MESSAGE_MOST_BYTES = 16 * 1024;
/** An operator's voice that waits for the other instance, bytes: a second. */
const WAITS_MOST_BYTES = 32_000;
/** Messages that may come before the operator's own handshake is over. */
const EARLY_MOST = 100;

/** Opens a socket at the instance that has the call. Rejects with PEER_UNREACHABLE (503). */
export async function openRelay(url: string, ticket: string, clock: Clock): Promise<Relay> {
  let outlet: RawOutlet | undefined;
  let early: Array<(to: RawOutlet) => void> = [];
  const pass = (message: (to: RawOutlet) => void) => {
    if (outlet !== undefined) message(outlet);
    else if (early.length < EARLY_MOST) early.push(message);
  };
  let socket: Socket;
  try {
    socket = await openSocket(
      url,
      {
        text: (data) => {
          const text = data.toString();
          pass((to) => to.text(text));
        },
        binary: (data) => {
          const bytes = Uint8Array.from(data);
          pass((to) => to.audio(bytes));
        },
        close: (_code, reason) => pass((to) => to.end(reason === '' ? 'instance-lost' : reason)),
      },
      {
        maxMessageBytes: MESSAGE_MOST_BYTES,
        pingIntervalMs: PING_INTERVAL_MS,
        connectTimeoutMs: CONNECT_MS,
        headers: { authorization: `Ticket ${ticket}` },
        clock,
      },
    );
  } catch (error) {
    throw error instanceof BridgeError ? peerUnreachable(error.message) : error;
  }
  const close = () => socket.close(CLOSE.normal);
  return {
    close,
    begin(to) {
      outlet = to;
      for (const message of early) message(to);
      early = [];
      return {
        close,
        text: (message) => {
          // Orders are few and short: so many that they pile up are none, and none of them may be lost unnoticed.
          if (socket.bufferedBytes <= WAITS_MOST_BYTES) socket.send(message);
          else close();
        },
        audio: (bytes) => {
          if (socket.bufferedBytes <= WAITS_MOST_BYTES) socket.sendBinary(bytes);
        },
      };
    },
  };
}
