import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerMeta } from '../../src/callers/whatsapp/sdp.ts';
import { RtcDecoded } from '../../src/media/rtc-decoded.ts';
import { ToneGenerator } from '../../src/media/tone.ts';
import { Peer, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { until } from './rig.ts';

/** A business with none of the daemon in it but its peer: takes webhooks, answers over the Graph API, plays a tone and keeps what it hears. */

export const SECRET = 'the-app-secret';
export const TOKEN = 'the-access-token';

export interface Webhook {
  readonly body: object;
  /** What it is about: connect, terminate, RINGING, interactive... */
  readonly event: string;
  /** Its first call, status or message. */
  readonly call: { readonly id: string; readonly session?: { readonly sdp: string }; readonly duration?: number };
  readonly isSigned: boolean;
}

/** As much of an answer of the Graph API as is looked at. */
export interface GraphBody {
  readonly error?: { readonly code: number };
  readonly calls?: ReadonlyArray<{ readonly id: string }>;
}

export class Business {
  readonly webhooks: Webhook[] = [];
  /** What the user was heard to say, 48 kHz. */
  heard: Int16Array[] = [];
  /** The status that webhooks get. */
  status = 200;
  graphUrl = '';
  peer: Peer | undefined;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;

  async listen(): Promise<string> {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks);
      response.writeHead(this.status).end();
      const expected = `sha256=${createHmac('sha256', SECRET).update(raw).digest('hex')}`;
      const body = JSON.parse(raw.toString());
      const value = body.entry[0].changes[0].value;
      const call = value.calls?.[0] ?? value.statuses?.[0] ?? value.messages?.[0];
      this.webhooks.push({
        body,
        event: call.event ?? call.status ?? call.type,
        call,
        isSigned: request.headers['x-hub-signature-256'] === expected,
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/whatsapp/webhook`;
  }

  /** The webhooks of this kind, each once. */
  told(event: string): Webhook[] {
    return this.webhooks.filter((one) => one.event === event);
  }

  /** The first call that came: its id and its offer. */
  async called(): Promise<{ id: string; offer: string }> {
    const { call } = await until(() => this.told('connect')[0], 'the webhook of a call');
    return { id: call.id, offer: call.session?.sdp ?? '' };
  }

  async ask(path: string, body?: object, token = TOKEN): Promise<{ status: number; body: GraphBody }> {
    const answer = await fetch(`${this.graphUrl}/v25.0/106540352242922/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as GraphBody };
  }

  act(action: string, callId: string, sdp?: string) {
    const session = sdp === undefined ? {} : { session: { sdp_type: 'answer', sdp } };
    return this.ask('calls', { messaging_product: 'whatsapp', call_id: callId, action, ...session });
  }

  /** A peer that keeps what it hears. */
  makePeer(): Peer {
    const decoded = new RtcDecoded();
    this.peer = new Peer(
      { iceServers: [] },
      { audio: (samples, rate) => void this.heard.push((decoded.at48k(samples, rate) ?? samples).slice()) },
    );
    return this.peer;
  }

  answer(offer: string): Promise<string> {
    return answerMeta(this.makePeer(), offer, { publicAddresses: [], allowPrivate: true });
  }

  /** Plays a tone from now on. */
  play(hz: number): void {
    const tone = new ToneGenerator(hz, 48_000, -12);
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timer = setInterval(() => {
      for (; sent + 10 <= performance.now(); sent += 10) this.peer?.sendAudio(tone.fill(frame));
    }, 10);
  }

  /** All that was heard, in one piece. */
  all(): Int16Array {
    const whole = new Int16Array(this.heard.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of this.heard) {
      whole.set(frame, at);
      at += frame.length;
    }
    return whole;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.peer?.close();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}
