import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ToneGenerator } from '../../src/media/tone.ts';
import { Peer, type PeerChannel, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';

export interface FarRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What the far end does otherwise than it should. */
export interface FarHabits {
  status?: number;
  /** Sent in place of an answer. */
  body?: string;
  /** Never answers. */
  mute?: boolean;
  location?: string | null;
  offer?(sdp: string): string;
  answer?(sdp: string): string;
}

/** A far end in miniature: answers one offer a request, plays a tone, keeps what it hears and is told. */
export class Far {
  readonly requests: FarRequest[] = [];
  readonly texts: string[] = [];
  readonly peers: Peer[] = [];
  channel: PeerChannel | undefined;
  /** The last second heard, 48 kHz. */
  heard = new Int16Array(48_000);
  habits: FarHabits = {};
  greeting: string | undefined;
  readonly #server: Server;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        this.requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
        if (request.url?.endsWith('/hangup')) {
          response.writeHead(200).end();
          return;
        }
        const { habits } = this;
        if (habits.mute) return;
        if (habits.status !== undefined) {
          response.writeHead(habits.status, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ error: { message: 'no', code: 'some_code' } }));
          return;
        }
        const location = habits.location === undefined ? '/v1/realtime/calls/rtc_test123' : habits.location;
        void (habits.body === undefined ? this.#answer(body) : Promise.resolve(habits.body)).then((answer) => {
          response.writeHead(201, { 'content-type': 'application/sdp', ...(location === null ? {} : { location }) });
          response.end(answer);
        });
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  get hangups(): string[] {
    return this.requests.filter((request) => request.url.endsWith('/hangup')).map((request) => request.url);
  }

  play(hz: number): void {
    const tone = new ToneGenerator(hz, 48_000, -12);
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timers.push(
      setInterval(() => {
        for (; sent + 10 <= performance.now(); sent += 10) {
          const samples = tone.fill(frame);
          for (const peer of this.peers) peer.sendAudio(samples);
        }
      }, 10),
    );
  }

  hangUp(): void {
    for (const peer of this.peers.splice(0)) peer.close();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.hangUp();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(offer: string): Promise<string> {
    const peer = new Peer(
      { iceServers: [] },
      {
        audio: (samples, rate) => {
          if (rate !== 48_000) return;
          this.heard.copyWithin(0, samples.length);
          this.heard.set(samples, this.heard.length - samples.length);
        },
        channel: (channel) => {
          this.channel = channel;
          channel.attach({
            open: () => {
              if (this.greeting !== undefined) channel.send(this.greeting);
            },
            text: (text) => this.texts.push(text),
          });
        },
      },
    );
    this.peers.push(peer);
    const answer = await peer.answer(this.habits.offer?.(offer) ?? offer, 2_000);
    return this.habits.answer?.(answer) ?? answer;
  }
}
