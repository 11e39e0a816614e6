import { makeTone } from '../../src/media/tone.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { OPERATOR } from './operator.ts';

/** An operator's end of `/listen`: what is heard of both sides, what is told, and a voice of a tone. */

export const LISTEN_RATE = 16_000;
const FRAME_MS = 20;

export interface Listener {
  readonly socket: Socket;
  readonly messages: Array<Record<string, unknown>>;
  readonly ended: { readonly code: number; readonly reason: string } | undefined;
  /** What was heard of one side since `forget`, 16-bit. */
  side(which: 'caller' | 'agent'): Int16Array;
  forget(): void;
  mode(mode: string): void;
  /** Speaks a tone, in real time, for so long. */
  speak(hz: number, ms: number): Promise<void>;
  close(): void;
}

export async function listen(
  url: string,
  callId: string,
  headers: Readonly<Record<string, string>> = OPERATOR,
): Promise<Listener> {
  const messages: Array<Record<string, unknown>> = [];
  let blocks: Int16Array[] = [];
  let ended: Listener['ended'];
  const socket = await openSocket(
    `${url.replace(/^http/, 'ws')}/listen?call=${callId}`,
    {
      text: (data) => void messages.push(JSON.parse(data.toString())),
      binary: (data) => void blocks.push(new Int16Array(Uint8Array.from(data).buffer)),
      close: (code, reason) => {
        ended = { code, reason };
      },
    },
    {
      maxMessageBytes: 64 * 1024,
      pingIntervalMs: 0,
      connectTimeoutMs: 5_000,
      headers: { ...headers },
      protocols: ['voicebridge.listen.v1'],
    },
  );
  return {
    socket,
    messages,
    get ended() {
      return ended;
    },
    side(which) {
      const offset = which === 'caller' ? 0 : 1;
      const samples = blocks.flatMap((block) => [...block].filter((_, i) => i % 2 === offset));
      return Int16Array.from(samples);
    },
    forget() {
      blocks = [];
    },
    mode: (mode) => void socket.send(JSON.stringify({ mode })),
    async speak(hz, ms) {
      const voice = makeTone(hz, LISTEN_RATE, ms, -12);
      const frame = (LISTEN_RATE * FRAME_MS) / 1000;
      const began = performance.now();
      for (let n = 0; n * FRAME_MS < ms; n++) {
        const wait = began + n * FRAME_MS - performance.now();
        if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
        const samples = voice.subarray(n * frame, (n + 1) * frame);
        socket.sendBinary(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
      }
    },
    close: () => socket.close(),
  };
}
