import { withOpusParameters } from '../../src/agents/openai/sdp.ts';
import { systemClock } from '../../src/call/clock.ts';
import { TICK_MS, Ticker } from '../../src/call/ticker.ts';
import { Peer, type PeerChannel, RTC_FRAME_SAMPLES } from '../../src/transport/peer.ts';
import { EVERY_MS, SPEAK_MS, speech } from './voice.ts';

const ticker = new Ticker(systemClock);
const silence = new Int16Array(RTC_FRAME_SAMPLES);
let voice: Int16Array | undefined;
/** How long candidates may be gathered before the answer goes out, ms. */
const GATHER_MS = 300;

/** The model's far end of one WebRTC session: real audio half of the time, silence the other half, and the events around it. */
export class LightPeer {
  readonly id: string;
  readonly #peer: Peer;
  readonly #offsetMs: number;
  readonly #ended: () => void;
  #channel: PeerChannel | undefined;
  #leave: (() => void) | undefined;
  #startedAt: number | undefined;
  #sentMs = 0;
  #turn = -1;
  #speaking = false;

  constructor(number: number, ended: () => void) {
    this.id = `rtc_${number}`;
    this.#offsetMs = (number * 611) % EVERY_MS;
    this.#ended = ended;
    voice ??= speech(48_000);
    this.#peer = new Peer(
      { iceServers: [] },
      {
        audio() {},
        channel: (channel) => this.#onChannel(channel),
        state: (state) => {
          if (state === 'connected') this.#leave ??= ticker.subscribe((now) => this.#tick(now));
          else if (state === 'failed' || state === 'closed' || state === 'disconnected') this.close();
        },
      },
    );
  }

  answer(offer: string): Promise<string> {
    // Encoding costs this process the least with many bits (CELT); a real far end is on no core of this machine.
    return this.#peer.answer(withOpusParameters(offer, { maxaveragebitrate: 96_000 }), GATHER_MS);
  }

  close(): void {
    this.#leave?.();
    this.#leave = () => {};
    this.#peer.close();
    this.#ended();
  }

  #onChannel(channel: PeerChannel): void {
    this.#channel = channel;
    channel.attach({
      open: () => this.#send({ type: 'session.created', session: { id: this.id, object: 'realtime.session' } }),
      text: (data) => {
        const message = JSON.parse(data) as { type: string; session?: Record<string, unknown> };
        if (message.type === 'session.update')
          this.#send({ type: 'session.updated', session: { id: this.id, ...message.session } });
      },
      close: () => this.close(),
    });
  }

  #tick(now: number): void {
    this.#startedAt ??= now;
    const due = now - this.#startedAt;
    if (due - this.#sentMs > 10 * TICK_MS) this.#sentMs = due - 10 * TICK_MS;
    for (; this.#sentMs < due; this.#sentMs += 10) {
      const at = this.#sentMs + this.#offsetMs;
      const turn = Math.floor(at / EVERY_MS);
      const within = at - turn * EVERY_MS;
      const speaks = within < SPEAK_MS && turn > 0;
      if (speaks !== this.#speaking) this.#toggle(speaks, turn);
      if (speaks) this.#peer.sendAudio(voice!, Math.floor(within / 10) * RTC_FRAME_SAMPLES);
      else this.#peer.sendAudio(silence);
    }
  }

  #toggle(speaks: boolean, turn: number): void {
    this.#speaking = speaks;
    if (speaks) this.#turn = turn;
    const name = `${this.id}_${this.#turn}`;
    const ids = { response_id: `resp_${name}`, item_id: `item_${name}`, output_index: 0, content_index: 0 };
    const item = { id: ids.item_id, object: 'realtime.item', type: 'message', role: 'assistant', content: [] };
    const response = { id: ids.response_id, object: 'realtime.response', output: [] };
    if (!speaks) {
      this.#send({ type: 'output_audio_buffer.stopped', response_id: ids.response_id });
      return;
    }
    this.#send({ type: 'response.created', response: { ...response, status: 'in_progress' } });
    this.#send({ type: 'response.output_item.added', response_id: ids.response_id, output_index: 0, item });
    this.#send({ type: 'conversation.item.added', previous_item_id: null, item });
    this.#send({ type: 'output_audio_buffer.started', response_id: ids.response_id });
    for (let word = 0; word < 9; word++)
      this.#send({ type: 'response.output_audio_transcript.delta', ...ids, delta: ' word' });
    this.#send({ type: 'response.output_audio_transcript.done', ...ids, transcript: 'word' });
    this.#send({ type: 'response.output_item.done', response_id: ids.response_id, output_index: 0, item });
    this.#send({ type: 'response.done', response: { ...response, status: 'completed' } });
  }

  #send(event: Record<string, unknown>): void {
    this.#channel?.send(JSON.stringify({ event_id: 'event_bench', ...event }));
  }
}
