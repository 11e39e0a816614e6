import { ToneGenerator } from '../../src/media/tone.ts';
import { Peer, type PeerChannel, type PeerState, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { OPERATOR } from './operator.ts';
import { until } from './rig.ts';

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

const ROUTE = '/api/realtime/webrtc/bridge';

/** A JSON request to the daemon, as its operator unless headers are given; a body that is not JSON is left out. */
export async function ask(url: string, method: string, body?: unknown, headers = OPERATOR) {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  return { status: response.status, body: parsed as Record<string, unknown>, headers: response.headers };
}

/** What a web page is to the daemon: a peer that offers, plays a tone, keeps what it hears and is told. */
export class Page {
  readonly peer: Peer;
  readonly channel: PeerChannel;
  readonly states: PeerState[] = [];
  readonly messages: Array<Record<string, unknown>> = [];
  readonly #heard: Int16Array[] = [];
  #tone: ToneGenerator | undefined;
  #timer: NodeJS.Timeout | undefined;
  closedByFar = false;

  /** `label`: the data channel's name. */
  constructor(label = 'events') {
    this.peer = new Peer(
      { iceServers: [] },
      {
        audio: (samples, rate) => {
          if (rate === 48_000) this.#heard.push(samples.slice());
        },
        state: (state) => this.states.push(state),
      },
    );
    this.channel = this.peer.createChannel(label);
    this.channel.attach({
      text: (text) => this.messages.push(JSON.parse(text) as Record<string, unknown>),
      close: () => {
        this.closedByFar = true;
      },
    });
  }

  /** Places the call with these fields over its own. Connects when it was answered. */
  async call(base: string, fields: Record<string, unknown>, headers = OPERATOR): Promise<Answered> {
    const sdp = await this.peer.createOffer(1_000);
    const answered = await ask(`${base}${ROUTE}`, 'POST', { offer: sdp, ...fields }, headers);
    if (answered.status !== 200) return answered;
    await this.accept(answered.body['answer']);
    return answered;
  }

  /** Takes the answer, in either form, and connects. */
  async accept(answer: unknown): Promise<void> {
    await this.peer.acceptAnswer(typeof answer === 'string' ? answer : (answer as { sdp: string }).sdp);
    this.#play();
    await until(() => this.channel.isOpen && this.peer.state === 'connected', 'the page to be connected');
  }

  /** Says this tone from now on; undefined: silence. */
  say(hz: number | undefined): void {
    this.#tone = hz === undefined ? undefined : new ToneGenerator(hz, 48_000, -15);
  }

  send(message: unknown): void {
    this.channel.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Everything heard so far, 48 kHz. */
  heard(): Int16Array {
    const all = new Int16Array(this.#heard.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of this.#heard) {
      all.set(frame, at);
      at += frame.length;
    }
    return all;
  }

  /** Messages of one type. */
  told(type: string): Array<Record<string, unknown>> {
    return this.messages.filter((message) => message['type'] === type);
  }

  /** Data of the call's events of one type. */
  events(type: string): Array<Record<string, unknown>> {
    return this.told('event')
      .map((message) => message['event'] as { type: string; data: Record<string, unknown> })
      .filter((event) => event.type === type)
      .map((event) => event.data);
  }

  close(): void {
    clearInterval(this.#timer);
    this.peer.close();
  }

  /** A microphone: a frame for every 10 ms that pass. */
  #play(): void {
    const frame = new Int16Array(RTC_FRAME_SAMPLES);
    const silence = new Int16Array(RTC_FRAME_SAMPLES);
    let sent = performance.now();
    this.#timer = setInterval(() => {
      for (; sent + 10 <= performance.now(); sent += 10) this.peer.sendAudio(this.#tone?.fill(frame) ?? silence);
    }, 10);
  }
}

/** Where a conversation's call is. */
export const bridgeUrl = (base: string, conversation = '') =>
  `${base}${ROUTE}${conversation === '' ? '' : `/${conversation}`}`;
