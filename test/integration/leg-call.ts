import { systemClock } from '../../src/call/clock.ts';
import type { CallerEvent } from '../../src/call/events.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { WhatsAppLeg } from '../../src/callers/whatsapp/leg.ts';
import { makeTone } from '../../src/media/tone.ts';
import { Peer } from '../../src/transport/peer.ts';
import { fakeLog } from '../fakes/legs.ts';

/** A WhatsApp user's leg in a call that has an ear, and says what it is told. Real WebRTC, in real time. */
export class LegCall {
  readonly events: CallerEvent[] = [];
  /** The last second of what the agent hears, 48 kHz. */
  readonly last = new Int16Array(48_000);
  readonly leg = new WhatsAppLeg<Peer>({
    peer: (handlers) => new Peer({ iceServers: [] }, handlers),
    clock: systemClock,
    log: fakeLog(),
  });
  readonly #ticker = new Ticker(systemClock);

  /** Joins the leg to a call. */
  async join(): Promise<void> {
    await this.leg.start({
      callId: 'c',
      peer: {
        sampleRate: 48_000,
        write: ({ samples }) => {
          this.last.copyWithin(0, samples.length);
          this.last.set(samples, this.last.length - samples.length);
        },
        clear() {},
        toString: () => 'ear',
      },
      emit: (event) => this.events.push(event),
      count: () => {},
      log: fakeLog(),
      clock: systemClock,
      ticker: this.#ticker,
      signal: new AbortController().signal,
    });
  }

  /** Says these tones to the user, one after the other: Hz and ms. */
  say(...tones: ReadonlyArray<readonly [hz: number, ms: number]>): void {
    for (const [hz, ms] of tones) this.leg.audio.write({ samples: makeTone(hz, 48_000, ms, -12), sampleRate: 48_000 });
  }

  get keys(): string {
    return this.events.map((event) => (event.type === 'dtmf' ? event.digit : '')).join('');
  }

  async close(): Promise<void> {
    await this.leg.close(termination('agent-hangup'));
  }
}
