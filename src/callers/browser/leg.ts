import type { Clock } from '../../call/clock.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import type { AudioSink } from '../../media/frame.ts';
import { type PeerChannel, type PeerHandlers, RTC_SAMPLE_RATE } from '../../transport/peer.ts';
import { type CallerPeer, WebRtcLeg } from '../webrtc/leg.ts';
import { PageChannel } from './channel.ts';
import { CHANNEL, type PageError, parsePageMessage } from './page.ts';
import { TypedTurns } from './typed-turns.ts';

/** What the leg needs of a peer. */
export type BrowserPeer = CallerPeer;

export interface BrowserLegInit<P extends BrowserPeer> {
  /** Makes the peer with the leg's handlers. May throw, then so does the leg's constructor. */
  readonly peer: (handlers: PeerHandlers) => P;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the agent of the call takes typed turns; asked once there is a call. Left out: it does. */
  readonly takesText?: () => boolean;
}

/** Data channels a page may open; it needs one. */
const MOST_CHANNELS = 16;
/** The last message to the page gets so long to leave before the peer is closed, ms. */
const FAREWELL_MS = 150;

/** The caller's side of a call from a web page: a caller by WebRTC, and a data channel for what is typed and what is told. */
export class BrowserLeg<P extends BrowserPeer = BrowserPeer> implements CallerLeg {
  readonly kind = 'browser';
  readonly cannot = { transfer: 'The caller is on a web page, and nobody can connect a page to a telephone number.' };
  readonly rate = RTC_SAMPLE_RATE;
  readonly audio: AudioSink;
  readonly playout: Playout;
  readonly peer: P;
  /** Resolves when media is up, DTLS included, so that it is worth making a call for the page; rejects as `connected` does. */
  readonly reached: Promise<void>;
  /** Resolves when media is connected and the data channel open; rejects with PEER_FAILED or ABORTED when that never comes. */
  readonly connected: Promise<void>;
  readonly #clock: Clock;
  readonly #media: WebRtcLeg<P>;
  readonly #page = new PageChannel();
  readonly #turns = new TypedTurns();
  readonly #takesText: () => boolean;
  #channels = 0;
  /** Whether the last word was said to the page. */
  #parted = false;

  constructor({ peer, clock, log, takesText = () => true }: BrowserLegInit<P>) {
    this.#clock = clock;
    this.#takesText = takesText;
    this.#media = new WebRtcLeg<P>({
      kind: this.kind,
      far: 'the page',
      peer,
      clock,
      log,
      channel: (channel) => this.#onChannel(channel),
      isComplete: () => this.#page.isOpen,
      farewell: (end) => this.#part(end),
      lineClosed: "the page's line closed",
      notes: () => ({ pageMessagesDropped: this.#page.dropped }),
    });
    this.audio = this.#media.audio;
    this.playout = this.#media.playout;
    this.peer = this.#media.peer;
    this.reached = this.#media.reached;
    this.connected = this.#media.connected;
  }

  /** As `CallerLeg.setPace`. */
  setPace(pace: Pace): void {
    this.#media.setPace(pace);
  }

  /** As `WebRtcLeg.start`. */
  start(context: LegContext<CallerEvent>): Promise<void> {
    return this.#media.start(context);
  }

  /** Tells the page how the call ended, then frees the peer and its ports. */
  close(end: Termination): Promise<void> {
    return this.#media.close(end);
  }

  /** Tells the page something of its call. `transient`: it may be left out when the page does not keep up. */
  tell(json: string, transient: boolean): void {
    if (!this.#parted) this.#page.forward(json, transient);
  }

  /** Takes a typed turn. Undefined: it was taken (or had been before); else why not. */
  type(text: string, id?: string): PageError | undefined {
    const { phase } = this.#media;
    if (phase === 'over') return { code: 'CALL_ENDED', message: 'the call is over' };
    if (phase === 'waiting') return { code: 'CALL_NOT_ANSWERED', message: 'the call has not begun yet' };
    if (!this.#takesText()) {
      this.#media.count('turn_not_taken');
      return { code: 'TEXT_UNSUPPORTED', message: 'the agent of this call takes no typed turns' };
    }
    const verdict = this.#turns.take(id, this.#clock.now());
    if (verdict === 'repeated') return undefined;
    if (verdict !== 'new') return verdict;
    this.#media.emit({ type: 'text', text });
    return undefined;
  }

  /** Keys that the caller pressed; before there is a call nobody takes them. */
  #press(digits: string): void {
    if (this.#media.phase === 'waiting')
      this.#page.send({ type: 'error', code: 'CALL_NOT_ANSWERED', message: 'the call has not begun yet' });
    else if (!this.#page.admitKeys(this.#clock.now(), digits.length)) {
      this.#media.count('message_flood');
      this.#page.send({ type: 'error', code: 'MESSAGE_FLOOD', message: 'too many keys in a short time' });
    } else for (const digit of digits) this.#media.emit({ type: 'dtmf', digit });
  }

  /** Says farewell; how long that takes to leave, ms. */
  #part({ result, reason }: Termination): number {
    this.#parted = true;
    const reachable = this.#media.hasMedia && this.#page.isOpen;
    this.#page.send({ type: 'ended', result, reason });
    return reachable ? FAREWELL_MS : 0;
  }

  /**
   * Takes the page's channel, whatever its name: a page that calls it otherwise would be told nothing. The one named as documented takes the place of
   * another; what is beyond it is closed.
   */
  #onChannel(channel: PeerChannel): void {
    if (++this.#channels > MOST_CHANNELS) {
      channel.close();
      this.#media.end(termination('media-flood', 'the page opens data channels without end'));
      return;
    }
    if (this.#page.label === CHANNEL || (this.#page.label !== undefined && channel.label !== CHANNEL)) {
      channel.close();
      return;
    }
    this.#page.use(channel);
    channel.attach({
      open: () => this.#media.recheck(),
      text: (text) => {
        if (this.#page.uses(channel)) this.#onText(text);
      },
      // Only the far end's own close reaches this: a network that breaks leaves a channel open.
      close: () => {
        if (this.#page.uses(channel)) this.#media.end(termination('caller-hangup', 'the page closed its data channel'));
      },
    });
  }

  #onText(text: string): void {
    if (this.#media.phase === 'over') return;
    const admitted = this.#page.admit(this.#clock.now(), text.length);
    if (admitted !== 'taken') {
      this.#media.count('message_flood');
      if (admitted === 'flood') this.#media.end(termination('media-flood', 'the page sends messages without end'));
      else if (this.#page.firstRefusal)
        this.#page.send({ type: 'error', code: 'MESSAGE_FLOOD', message: 'too many messages in a short time' });
      return;
    }
    const parsed = parsePageMessage(text);
    if (!parsed.ok) {
      this.#media.count(parsed.error.code === 'MESSAGE_UNKNOWN' ? 'message_unknown' : 'message_malformed');
      if (parsed.id === undefined) this.#page.send({ type: 'error', ...parsed.error });
      else this.#page.send({ type: 'text_failed', id: parsed.id, ...parsed.error });
      return;
    }
    const { message } = parsed;
    switch (message.type) {
      case 'text': {
        const error = this.type(message.text, message.id);
        if (error === undefined) this.#page.send({ type: 'text_accepted', id: message.id });
        else this.#page.send({ type: 'text_failed', id: message.id, ...error });
        return;
      }
      case 'mute':
        this.#media.muted = message.muted;
        return;
      case 'digits':
        this.#press(message.digits);
        return;
      case 'hangup':
        this.#media.end(termination('caller-hangup'));
        return;
      default:
        message satisfies never;
    }
  }
}
