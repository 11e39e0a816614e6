import { setTimeout as sleep } from 'node:timers/promises';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { twilioSamples } from '../fixtures/phone/samples.ts';

/** What arrived, with the time on this process's monotonic clock, ms. */
export interface Arrival {
  readonly at: number;
  readonly event: string;
  readonly bytes: Buffer;
  readonly name: string;
}

/**
 * A small carrier on a real socket. It "plays" what it gets as a fluid: every message plays when the one before it has ended, or at once
 * when it came too late for that, which the caller would hear as a gap.
 */
export class TestCarrier {
  readonly arrivals: Arrival[] = [];
  closed: { code: number; reason: string } | undefined;
  socket!: Socket;
  readonly #bytesPerMs: number;
  #playEnd = 0;
  #timers = new Set<NodeJS.Timeout>();
  #sequence = 1;
  #pendingMarks = new Map<string, NodeJS.Timeout>();

  constructor(bytesPerMs = 8) {
    this.#bytesPerMs = bytesPerMs;
  }

  static async connect(url: string, bytesPerMs = 8): Promise<TestCarrier> {
    const carrier = new TestCarrier(bytesPerMs);
    carrier.socket = await openSocket(
      url,
      {
        text: (data) => carrier.#onText(data),
        binary: () => {},
        close: (code, reason) => {
          carrier.closed = { code, reason };
          for (const timer of carrier.#timers) clearTimeout(timer);
        },
      },
      { maxMessageBytes: 1 << 20, pingIntervalMs: 0, connectTimeoutMs: 5_000 },
    );
    return carrier;
  }

  /** Sends the introduction of a stream. */
  introduce(start: string = twilioSamples.start): void {
    this.socket.send(twilioSamples.connected);
    this.socket.send(start);
  }

  say(payload: Buffer, timestampMs: number): void {
    const n = this.#sequence++;
    this.socket.send(
      `{"event":"media","sequenceNumber":"${n}","media":{"track":"inbound","chunk":"${n}","timestamp":"${timestampMs}","payload":"${payload.toString('base64')}"},"streamSid":"MZ"}`,
    );
  }

  /** Audio bytes in order of arrival. */
  get audio(): Buffer {
    return Buffer.concat(this.arrivals.map((a) => a.bytes));
  }

  get events(): string[] {
    return this.arrivals.map((a) => a.event);
  }

  /** Sum of the gaps that the caller would hear in the audio that arrived from `from` on, ms. Pauses over `pauseMs` are the speaker's. */
  gaps(from: number, pauseMs: number): number {
    let end = 0;
    let gaps = 0;
    for (const { at, bytes } of this.arrivals) {
      if (bytes.length === 0 || at < from) continue;
      if (end > 0 && at > end && at - end < pauseMs) gaps += at - end;
      end = Math.max(end, at) + bytes.length / this.#bytesPerMs;
    }
    return gaps;
  }

  async until(condition: () => boolean, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`the carrier waited in vain for ${withinMs} ms: ${condition}`);
      await sleep(2);
    }
  }

  #onText(data: Buffer): void {
    const at = performance.now();
    const message = JSON.parse(data.toString()) as {
      event: string;
      media?: { payload: string };
      mark?: { name: string };
    };
    const bytes = message.media === undefined ? Buffer.alloc(0) : Buffer.from(message.media.payload, 'base64');
    this.arrivals.push({ at, event: message.event, bytes, name: message.mark?.name ?? '' });
    if (bytes.length > 0) this.#playEnd = Math.max(this.#playEnd, at) + bytes.length / this.#bytesPerMs;
    if (message.mark !== undefined) this.#mark(message.mark.name, this.#playEnd - at);
    if (message.event === 'clear') {
      this.#playEnd = at;
      for (const [name, timer] of this.#pendingMarks) {
        clearTimeout(timer);
        this.#echo(name);
      }
      this.#pendingMarks.clear();
    }
  }

  #mark(name: string, afterMs: number): void {
    if (afterMs <= 0) {
      this.#echo(name);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#pendingMarks.delete(name);
      this.#echo(name);
    }, afterMs);
    this.#timers.add(timer);
    this.#pendingMarks.set(name, timer);
  }

  #echo(name: string): void {
    this.socket.send(
      `{"event":"mark","sequenceNumber":"${this.#sequence++}","streamSid":"MZ","mark":{"name":"${name}"}}`,
    );
  }
}
