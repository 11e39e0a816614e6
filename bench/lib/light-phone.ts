import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { parseTwiml, TwilioDialect } from '../../src/simulator/phone/index.ts';
import { Histogram, type Summary } from './stats.ts';
import { endsInSound, MARKER_BYTES, marker, ulawSpeech } from './voice.ts';
import type { Wheel } from './wheel.ts';

/** What the phones of a load saw since the last reading. */
export interface PhoneReport {
  readonly framesSent: number;
  /** From the model's send of a talkspurt's first audio to the arrival of its first message at the phone, ms. WebSocket only. */
  readonly firstDown: Summary;
  /** How long before its turn to be played a later message of a talkspurt came, ms. */
  readonly lead: Summary;
  readonly messages: number;
  readonly marks: number;
  readonly audioMs: number;
  /** Times a phone ran dry in the middle of a talkspurt, and how long together, ms. */
  readonly underruns: number;
  readonly underrunMs: number;
}

/** Everything that all phones of a load share. */
export class Phones {
  readonly firstDown = new Histogram();
  readonly lead = new Histogram();
  framesSent = 0;
  messages = 0;
  marks = 0;
  audioMs = 0;
  underruns = 0;
  underrunMs = 0;

  take(): PhoneReport {
    const { framesSent, messages, marks, audioMs, underruns, underrunMs } = this;
    const told = {
      framesSent,
      messages,
      marks,
      audioMs,
      underruns,
      underrunMs,
      firstDown: this.firstDown.summary(),
      lead: this.lead.summary(),
    };
    this.firstDown.reset();
    this.lead.reset();
    this.framesSent = this.messages = this.marks = this.audioMs = this.underruns = this.underrunMs = 0;
    return told;
  }
}

const FRAME_BYTES = 160;
/** Frames as base64, whole and without the room for a marker. */
const frames: string[] = [];
const tails: string[] = [];
{
  const voice = Buffer.from(ulawSpeech());
  for (let at = 0; at + FRAME_BYTES <= voice.length; at += FRAME_BYTES) {
    frames.push(voice.toString('base64', at, at + FRAME_BYTES));
    tails.push(voice.toString('base64', at + MARKER_BYTES, at + FRAME_BYTES));
  }
}

/** A phone that was dry for less than this was in the middle of a talkspurt, ms: the load's pauses are longer. */
const PAUSE_MS = 1_000;
const KEPT = 1_024;

/** One caller of the load: 50 frames a second up, down a buffer that is counted and not heard, marks answered as a carrier does. */
export class LightPhone {
  readonly index: number;
  /** When frame `sequence % 1024` was sent. */
  readonly sentAt = new Float64Array(KEPT);
  /** Set by the model when it sends the first audio of a talkspurt; 0 once that arrived. */
  spurtSentAt = 0;
  readonly #shared: Phones;
  readonly #ws: WebSocket;
  readonly #dialect: TwilioDialect;
  readonly #marked: boolean;
  readonly #overhead: number;
  readonly #marks: Array<{ text: string; dueAt: number }> = [];
  readonly #closed = Promise.withResolvers<void>();
  #leave: (() => void) | undefined;
  #sequence = 0;
  /** Whether what was received last ends in sound. */
  #sounding = false;
  #playEnd = Number.NEGATIVE_INFINITY;

  private constructor(index: number, shared: Phones, ws: WebSocket, dialect: TwilioDialect, marked: boolean) {
    this.index = index;
    this.#shared = shared;
    this.#ws = ws;
    this.#dialect = dialect;
    this.#marked = marked;
    this.#overhead = `{"event":"media","streamSid":"${dialect.streamSid}","media":{"payload":""}}`.length;
    ws.on('message', (data: Buffer) => this.#onMessage(data));
    ws.on('close', () => {
      this.#leave?.();
      this.#closed.resolve();
    });
    ws.on('error', () => {});
  }

  /** Calls a daemon by its webhook (`/incoming-call` where the URL has no path), or a relay by its socket. `marked`: its frames carry names. Rejects when it is turned away. */
  static async call(target: string, index: number, shared: Phones, wheel: Wheel, marked: boolean): Promise<LightPhone> {
    const callSid = `CA${randomBytes(16).toString('hex')}`;
    const accountSid = 'AC00000000000000000000000000000000';
    const { url, parameters } = target.startsWith('ws')
      ? { url: target, parameters: {} }
      : await askWebhook(target, callSid, accountSid);
    const streamSid = `MZ${randomBytes(16).toString('hex')}`;
    const dialect = new TwilioDialect({ accountSid, callSid, streamSid, codec: 'PCMU@8000', parameters });
    const ws = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    const phone = new LightPhone(index, shared, ws, dialect, marked);
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    ws.send(dialect.connected());
    ws.send(dialect.start());
    phone.#leave = wheel.every20(index, (now) => phone.#tick(now));
    return phone;
  }

  /** Hangs up; resolves when the far end has closed. */
  hangUp(): Promise<void> {
    this.#leave?.();
    if (this.#ws.readyState === WebSocket.OPEN) {
      this.#ws.send(this.#dialect.stop());
      this.#ws.close();
    }
    return this.#closed.promise;
  }

  #tick(now: number): void {
    const sequence = this.#sequence++;
    const at = (sequence + this.index * 37) % frames.length;
    const payload = this.#marked ? marker(this.index, sequence) + tails[at]! : frames[at]!;
    const text = this.#dialect.media(sequence * 20, payload);
    this.sentAt[sequence % KEPT] = performance.now();
    this.#ws.send(text);
    this.#shared.framesSent++;
    while (this.#marks.length > 0 && this.#marks[0]!.dueAt <= now) this.#ws.send(this.#marks.shift()!.text);
  }

  #onMessage(data: Buffer): void {
    const now = performance.now();
    const shared = this.#shared;
    // The event's name begins at the eleventh byte: "media", "mark" or "clear".
    if (data[10] === 0x6d && data[11] === 0x65) {
      const ms = ((data.length - this.#overhead) * 3) / 4 / 8;
      shared.messages++;
      shared.audioMs += ms;
      if (this.spurtSentAt > 0) {
        shared.firstDown.add(now - this.spurtSentAt);
        this.spurtSentAt = 0;
      } else {
        const ahead = this.#playEnd - now;
        // A live source is not sent while it is silent, but for a message now and then: only speech that broke off has run dry.
        const goesOn = ahead > 0 || (ahead > -PAUSE_MS && this.#sounding);
        if (goesOn) shared.lead.add(ahead);
        if (goesOn && ahead < 0) {
          shared.underruns++;
          shared.underrunMs -= ahead;
        }
      }
      this.#playEnd = Math.max(this.#playEnd, now) + ms;
      this.#sounding = endsInSound(data, data.length - 3);
    } else if (data[10] === 0x6d) {
      shared.marks++;
      const { mark } = JSON.parse(data.toString()) as { mark: { name: string } };
      this.#marks.push({ text: this.#dialect.mark(mark.name), dueAt: this.#playEnd });
    } else {
      this.#playEnd = now;
      for (const mark of this.#marks.splice(0)) this.#ws.send(mark.text);
    }
  }
}

async function askWebhook(target: string, callSid: string, accountSid: string) {
  const form = {
    CallSid: callSid,
    AccountSid: accountSid,
    From: '+15005550006',
    To: '+15005550001',
    CallStatus: 'ringing',
    Direction: 'inbound',
  };
  const { origin, pathname: path } = new URL(target);
  const webhook = `${origin}${path === '/' ? '/incoming-call' : path}`;
  const response = await fetch(webhook, { method: 'POST', body: new URLSearchParams(form) });
  const first = parseTwiml(await response.text(), 'twilio')[0];
  if (first?.verb !== 'Connect') throw new Error(`the webhook answered ${response.status} with ${first?.verb}`);
  const { pathname } = new URL(first.stream.url);
  return { url: origin.replace(/^http/, 'ws') + pathname, parameters: first.stream.parameters };
}
