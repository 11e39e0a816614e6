import type { RoomLink } from '../../transport/room-link.ts';
import type { RoomAgentState } from '../room.ts';
import type { Outbox } from './outbox.ts';
import type { Order } from './wire.ts';

/**
 * What the agent says of itself and writes into the room, as LiveKit's own agents do, so that its clients and components show it:
 * https://docs.livekit.io/agents/build/text/ and https://docs.livekit.io/reference/other/agent-frontends/
 */

const STATE = 'lk.agent.state';
const TRANSCRIPTION = 'lk.transcription';
const CHAT = 'lk.chat';
const KEYS = '0123456789*#ABCD';
/** What is sent of a line of which nothing is left: a stream without words is told to nobody by LiveKit's components, and what it showed before would stay. */
const BLANK = ' ';

/**
 * How long the server's word that it has a state is waited for, ms. It takes 5; the library misses one in some sixty (seen with 1.1.0), waits 5 s for it, and what is said in
 * the room would come so late.
 */
const ACKNOWLEDGED_MS = 250;

type TalkOrder = Extract<Order, { t: 'state' | 'transcript' | 'chat' | 'digit' | 'data' }>;

/** The code of a key as a telephone event (RFC 4733); undefined for what is none. */
export function keyCode(digit: string): number | undefined {
  const code = digit.length === 1 ? KEYS.indexOf(digit) : -1;
  return code === -1 ? undefined : code;
}

export class RoomTalk {
  readonly #outbox: Outbox;
  readonly #attributes: Readonly<Record<string, string>>;
  /** The room as it is now; undefined while there is none to talk in. */
  readonly #here: () => { readonly link: RoomLink; readonly trackSid: string } | undefined;
  /** Lines that are being sent: the library may have been given up on. */
  readonly #sending = new Set<string>();
  #state: RoomAgentState = 'initializing';
  #sent = 0;

  constructor(
    outbox: Outbox,
    attributes: Readonly<Record<string, string>>,
    here: () => { readonly link: RoomLink; readonly trackSid: string } | undefined,
  ) {
    this.#outbox = outbox;
    this.#attributes = attributes;
    this.#here = here;
  }

  /** Says who the agent is and what it does, in a room that it has just come into. */
  introduce(): void {
    const tell = async () => this.#here()?.link.setAttributes({ ...this.#attributes, [STATE]: this.#state });
    this.#outbox.put('state', tell, ACKNOWLEDGED_MS);
  }

  order(order: TalkOrder): void {
    switch (order.t) {
      case 'state':
        if (order.state === this.#state) return;
        this.#state = order.state;
        this.introduce();
        return;
      case 'transcript':
        this.#transcript(order.line);
        return;
      case 'chat':
        this.#outbox.put(`chat ${this.#sent++}`, async () => {
          const link = this.#here()?.link;
          await link?.sendText({ topic: CHAT, attributes: {}, from: link.identity, text: order.text });
        });
        return;
      case 'digit':
        this.#outbox.put(`digit ${this.#sent++}`, async () => {
          await this.#here()?.link.sendDigit(keyCode(order.digit) ?? 0, order.digit);
        });
        return;
      case 'data':
        this.#outbox.put(`data ${this.#sent++}`, async () => {
          await this.#here()?.link.sendData(Buffer.from(order.text));
        });
        return;
      default:
        order satisfies never;
    }
  }

  #transcript({ segmentId: id, identity, text, final }: Extract<Order, { t: 'transcript' }>['line']): void {
    this.#outbox.put(`line ${id}`, async () => {
      const here = this.#here();
      if (here === undefined) return;
      const { link } = here;
      const from = identity ?? link.identity;
      const microphone = link.people().find((person) => person.identity === identity)?.microphone?.sid;
      const trackSid = (identity === undefined ? here.trackSid : microphone) ?? '';
      const attributes = {
        'lk.segment_id': id,
        'lk.transcription_final': String(final),
        ...(trackSid === '' ? {} : { 'lk.transcribed_track_id': trackSid }),
      };
      // One id for all that becomes of a line: LiveKit's components take a stream of another id for a new message, and put it last, whatever was said since.
      const isFree = !this.#sending.has(id);
      if (isFree) this.#sending.add(id);
      try {
        const stream = { topic: TRANSCRIPTION, attributes, from, text: text === '' ? BLANK : text };
        await link.sendText(isFree ? { ...stream, id } : stream);
      } finally {
        if (isFree) this.#sending.delete(id);
      }
      // The older form asks for a track.
      if (trackSid !== '') await link.sendTranscription({ identity: from, trackSid, id, text, final });
    });
  }
}
