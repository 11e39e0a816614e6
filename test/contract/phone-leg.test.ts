import type { CarrierMedia } from '../../src/callers/phone/carrier-media.ts';
import { formatOf, plivoMedia } from '../../src/callers/phone/carriers/plivo/media.ts';
import { signalwireMedia } from '../../src/callers/phone/carriers/signalwire/media.ts';
import { telnyxMedia } from '../../src/callers/phone/carriers/telnyx/media.ts';
import { twilio } from '../../src/callers/phone/carriers/twilio/media.ts';
import { vonageMedia } from '../../src/callers/phone/carriers/vonage/media.ts';
import { PhoneLeg } from '../../src/callers/phone/leg.ts';
import type { StartMessage } from '../../src/callers/phone/protocol.ts';
import { type Codec, l16, pcmu } from '../../src/media/codecs.ts';
import { FakeClock } from '../fakes/clock.ts';
import { tide } from '../fixtures/kinds/carrier/media.ts';
import { FakeSocket } from '../unit/callers/phone/rig.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** A clock that shows the far end every ten milliseconds that pass, and counts no timer of the far end's. */
class SteppedClock extends FakeClock {
  step: () => void = () => {};

  override advance(ms: number): void {
    for (let left = ms; left > 0; left -= 10) {
      super.advance(Math.min(10, left));
      this.step();
    }
    if (ms === 0) super.advance(0);
  }
}

/** A carrier that plays what it gets in real time and answers marks; with no timer of its own. */
class SteppedCarrier {
  /** Milliseconds of audio that wait, and marks between them. */
  #items: Array<number | string> = [];
  #last = 0;
  reachedMs = 0;
  readonly #echo: (name: string) => void;
  readonly #bytesPerMs: number;
  readonly #silence: number;

  constructor(codec: Codec, echo: (name: string) => void) {
    this.#silence = codec.silence;
    this.#bytesPerMs = (codec.sampleRate * codec.bytesPerSample) / 1000;
    this.#echo = echo;
  }

  receive(sent: string | Uint8Array): void {
    if (typeof sent !== 'string') {
      this.#queue(sent);
      return;
    }
    const message = JSON.parse(sent) as {
      event?: string;
      action?: string;
      notice?: string;
      payload?: { mark?: string };
      name?: string;
      media?: { payload: string };
      mark?: { name: string };
    };
    const name = message.mark?.name ?? message.notice ?? message.payload?.mark ?? message.name;
    if (message.media !== undefined) this.#queue(Buffer.from(message.media.payload, 'base64'));
    else if (name !== undefined) this.#items.push(name);
    else if (/^clear/.test(message.event ?? message.action ?? '')) {
      const items = this.#items;
      this.#items = [];
      for (const item of items) {
        if (typeof item === 'number') this.reachedMs -= item;
        // One of them answers for what was played alone.
        else if (message.event !== 'clearAudio') this.#echo(item);
      }
    }
  }

  /** What is silence alone keeps the line alive, and is nothing that anybody wrote. */
  #queue(bytes: Uint8Array): void {
    if (bytes.every((byte) => byte === this.#silence)) return;
    const ms = bytes.length / this.#bytesPerMs;
    this.#items.push(ms);
    this.reachedMs += ms;
  }

  play(now: number): void {
    let ms = now - this.#last;
    this.#last = now;
    while (this.#items.length > 0) {
      const item = this.#items[0]!;
      if (typeof item === 'string') {
        this.#items.shift();
        this.#echo(item);
        continue;
      }
      if (ms === 0) return;
      const played = Math.min(item, ms);
      ms -= played;
      if (played === item) this.#items.shift();
      else this.#items[0] = item - played;
    }
  }
}

/** A phone leg with such a carrier at the other end of its socket. */
function harness(protocol: CarrierMedia, encoding: string, sampleRate: number): CallerLegHarness {
  const codec = encoding === 'audio/x-mulaw' ? pcmu : l16(sampleRate, 'le');
  const clock = new SteppedClock();
  const socket = new FakeSocket();
  const start: StartMessage = {
    type: 'start',
    streamId: 's',
    callId: 'c',
    accountId: 'a',
    format: { encoding, sampleRate, channels: 1 },
    customParameters: new Map(),
    topLevelStreamId: true,
  };
  const leg = new PhoneLeg({ socket, protocol, start, clock });
  socket.onClose = (code) => leg.lost(code);
  const carrier = new SteppedCarrier(codec, (name) => leg.receive({ type: 'mark', name }, clock.now()));
  let taken = 0;
  const take = () => {
    while (taken < socket.messages.length) carrier.receive(socket.messages[taken++]!);
  };
  clock.step = () => {
    take();
    carrier.play(clock.now());
  };
  let timestampMs = 0;
  return {
    leg,
    clock,
    say(samples) {
      const bytes = Buffer.alloc(samples.length * codec.bytesPerSample);
      codec.encode(samples, bytes);
      const media = { track: 'inbound', timestamp: String(timestampMs), payload: bytes.toString('base64') };
      timestampMs += (samples.length * 1000) / sampleRate;
      const message =
        protocol.parseBinary === undefined
          ? protocol.parse(JSON.stringify({ event: 'media', media }))
          : protocol.parseBinary(bytes);
      if (message !== null) leg.receive(message, clock.now());
    },
    hangUp() {
      if (protocol.isHangUp === undefined) leg.receive({ type: 'stop' }, clock.now());
      else socket.lose(1000);
      return true;
    },
    lose: () => socket.lose(1006),
    reached() {
      take();
      return (carrier.reachedMs * sampleRate) / 1000;
    },
    received: () => socket.messages.length,
  };
}

/** A carrier that tells nothing of what it played. */
const { mark: _, ...mute } = twilio;

describeCallerLeg('Twilio, mu-law', () => harness(twilio, 'audio/x-mulaw', 8000));
describeCallerLeg('SignalWire, L16 at 24 kHz', () => harness(signalwireMedia(), 'audio/x-l16', 24_000));
describeCallerLeg('Telnyx, mu-law', () => harness(telnyxMedia(), 'audio/x-mulaw', 8000));
describeCallerLeg('Telnyx, L16 at 16 kHz', () =>
  harness(telnyxMedia({ played: 'L16', playedHz: 16_000, byteOrder: 'le' }), 'audio/x-l16', 16_000),
);
for (const codec of ['PCMU@8000h', 'L16@8000h', 'L16@16000h']) {
  const { encoding, sampleRate } = formatOf(codec);
  describeCallerLeg(`Plivo, ${codec}`, () => harness(plivoMedia({ codec, byteOrder: 'le' }), encoding, sampleRate));
}
describeCallerLeg('binary frames, L16 at 16 kHz', () => harness(tide, 'audio/l16', 16_000));
for (const hz of [8000, 16_000, 24_000])
  describeCallerLeg(`Vonage, L16 at ${hz / 1000} kHz`, () => harness(vonageMedia(), `audio/l16;rate=${hz}`, hz));
describeCallerLeg('no marks', () => harness(mute, 'audio/x-mulaw', 8000));
