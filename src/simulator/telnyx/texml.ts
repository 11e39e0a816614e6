import { type KeyObject, randomBytes } from 'node:crypto';
import { errorMessage } from '../../errors.ts';
import { CallRecorder } from '../phone/recorder.ts';
import type { AudioSource } from '../phone/source.ts';
import { Timeline } from '../phone/timeline.ts';
import { parseTwiml, type Verb } from '../phone/twiml.ts';
import { parseXml } from '../phone/xml.ts';
import { playedCodec, sentCodec } from './codecs.ts';
import type { Side } from './side.ts';
import { TelnyxStream } from './stream.ts';
import { proofOf } from './webhooks.ts';

/**
 * A call to a number that is given to a TeXML application: forms, signed as all webhooks are, are answered with documents, which are followed verb by
 * verb; the media stream is the one of the other kind of application. As far as a media bridge's documents go: what connects a stream, goes on elsewhere, says
 * words or hangs up. https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream
 */

export interface TexmlInit {
  readonly side: Side;
  readonly from: string;
  readonly to: string;
  readonly source: AudioSource;
  /** The application's voice URL, and where the end of a call is told. */
  readonly voiceUrl: string;
  readonly statusUrl: string;
  /** Signs in the place of the account's own key. */
  readonly key?: KeyObject;
}

const TIMEOUT_MS = 10_000;

export class TexmlCall {
  readonly sid = `v3:${randomBytes(30).toString('base64url')}`;
  readonly timeline: Timeline;
  /** The HTTP statuses of what was asked, in order. */
  readonly answers: number[] = [];
  readonly said: string[] = [];
  /** Streams that were opened. */
  readonly streams: TelnyxStream[] = [];
  readonly done: Promise<void>;
  status: 'ringing' | 'in-progress' | 'completed' | 'failed' = 'ringing';
  readonly #o: TexmlInit;
  readonly #over = new AbortController();
  #recorder: CallRecorder | undefined;

  constructor(init: TexmlInit) {
    this.#o = init;
    this.timeline = new Timeline(init.side.clock);
    this.done = this.#run();
  }

  /** What was heard so far, as samples; undefined before a stream was open. */
  recordedChannels(): { sampleRate: number; caller: Int16Array; agent: Int16Array } | undefined {
    if (this.#recorder === undefined) return undefined;
    const [caller, agent] = this.#recorder.channels();
    return { sampleRate: this.#recorder.sampleRate, caller, agent };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#over.abort();
    this.streams.at(-1)?.stop();
  }

  async #run(): Promise<void> {
    const { voiceUrl, statusUrl } = this.#o;
    try {
      for (let url: string | undefined = voiceUrl; url !== undefined && !this.#over.signal.aborted; )
        url = await this.#follow(await this.#ask(url));
      this.status = 'completed';
    } catch (error) {
      this.timeline.add('fault', errorMessage(error));
      this.status = 'failed';
    }
    await this.#ask(statusUrl).catch((error: unknown) => this.timeline.add('fault', errorMessage(error)));
  }

  /** Carries a document out; resolves with where the next is, undefined at the call's end. */
  async #follow(document: string): Promise<string | undefined> {
    this.status = 'in-progress';
    for (const verb of parseTwiml(document, 'twilio')) {
      if (this.#over.signal.aborted) return undefined;
      this.timeline.add('verb', verb.verb);
      if (verb.verb === 'Redirect') return verb.url;
      if (verb.verb === 'Hangup' || verb.verb === 'Reject') return undefined;
      if (verb.verb === 'Say') this.said.push(verb.text);
      else if (verb.verb === 'Connect') {
        // A leg on which nothing comes is given up, and its document with it.
        if ((await this.#stream(verb, document)) === 'silent') return undefined;
      } else throw new Error(`<${verb.verb}> is not followed here`);
    }
    return undefined;
  }

  async #stream({ stream: { url, parameters } }: Verb & { verb: 'Connect' }, document: string) {
    const { side, source, from, to } = this.#o;
    const { byteOrder, clock, callCodec } = side;
    const asked = parseXml(document).children.find(({ name }) => name === 'Connect')?.children[0]?.attributes;
    const sent = sentCodec(asked?.get('codec') ?? 'default', callCodec, byteOrder);
    const hz = Number(asked?.get('bidirectionalSamplingRate') ?? 8_000);
    const name = asked?.get('bidirectionalCodec') ?? 'PCMU';
    // L16 is documented of the other kind of application alone.
    const isPlayed = asked?.get('bidirectionalMode') === 'rtp' && name !== 'L16';
    const played = isPlayed ? playedCodec(name, hz, byteOrder) : undefined;
    this.#recorder ??= new CallRecorder(played?.sampleRate ?? 8_000, clock.now());
    const stream = new TelnyxStream({
      url: side.here(url),
      authToken: undefined,
      about: { user_id: side.accountId, call_control_id: this.sid, from, to, custom_parameters: parameters },
      sent,
      played,
      source,
      clock,
      ticker: side.ticker,
      timeline: this.timeline,
      recorder: this.#recorder,
    });
    this.streams.push(stream);
    return stream.run();
  }

  /** Posts how the call is; resolves with the document that is answered. */
  async #ask(url: string): Promise<string> {
    const { side, from, to, key = side.key } = this.#o;
    const body = new URLSearchParams({
      AccountSid: side.accountId,
      CallSid: this.sid,
      CallStatus: this.status,
      ConnectionId: side.connectionId,
      Direction: 'inbound',
      From: from,
      To: to,
    }).toString();
    const response = await fetch(side.here(url), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...proofOf(key, Math.floor(side.wall() / 1_000), body),
      },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    this.answers.push(response.status);
    const text = await response.text();
    this.timeline.add('webhook', `${new URL(url).pathname}: HTTP ${response.status}`);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return text;
  }
}
