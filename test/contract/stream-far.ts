import type { ConnectStream, StreamAddress } from '../../src/agents/stream/session.ts';
import { BridgeError } from '../../src/errors.ts';
import type { SocketHandlers } from '../../src/transport/socket.ts';

export type Said = Readonly<Record<string, unknown>>;

/** The far end of agents behind a WebSocket, played by hand: no socket, no time. */
export class StreamFar {
  state: 'opens' | 'waits' | 'refuses' = 'opens';
  /** Sockets that are open. */
  open = 0;
  /** What was sent in text, audio left out. */
  readonly sent: Said[] = [];
  readonly addresses: StreamAddress[] = [];
  heardBytes = 0;
  readonly #lines: SocketHandlers[] = [];
  /** Of a text message, the audio that it holds in base64. */
  readonly #audioOf: (message: Said) => unknown;
  readonly #opened: () => void;

  /** `opened`: what it says when a line is open, unless it waits. */
  constructor({ audioOf = () => undefined, opened }: { audioOf?: (message: Said) => unknown; opened: () => void }) {
    this.#audioOf = audioOf;
    this.#opened = opened;
  }

  readonly connect: ConnectStream = async (address, handlers) => {
    this.addresses.push(address);
    if (this.state === 'refuses')
      throw new BridgeError('MODEL_UNAVAILABLE', 'HTTP 503', { status: 503, retryable: true });
    this.#lines.push(handlers);
    this.open++;
    if (this.state === 'opens') queueMicrotask(this.#opened);
    let isOpen = true;
    const close = () => {
      if (isOpen) this.open--;
      isOpen = false;
    };
    const take = (text: string) => {
      const message = JSON.parse(text) as Said;
      const audio = this.#audioOf(message);
      if (typeof audio === 'string') this.heardBytes += Buffer.from(audio, 'base64').length;
      else this.sent.push(message);
      return true;
    };
    return {
      bufferedBytes: 0,
      send: take,
      sendUtf8: (bytes) => take(Buffer.from(bytes).toString()),
      sendBinary: (bytes) => {
        this.heardBytes += bytes.length;
        return true;
      },
      close,
      terminate: close,
    };
  };

  says(message: object): void {
    this.#lines.at(-1)?.text(Buffer.from(JSON.stringify(message)));
  }

  sounds(bytes: Buffer): void {
    this.#lines.at(-1)?.binary(bytes);
  }

  closes(code: number, reason = ''): void {
    this.#lines.at(-1)?.close(code, reason);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 200; i++) await Promise.resolve();
  }
}
