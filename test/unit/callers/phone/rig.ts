import type { Counter } from '../../../../src/call/counters.ts';
import type { CallerEvent } from '../../../../src/call/events.ts';
import type { LegContext } from '../../../../src/call/leg.ts';
import { Ticker } from '../../../../src/call/ticker.ts';
import type { PhoneSocket } from '../../../../src/callers/phone/wire.ts';
import type { FakeClock } from '../../../fakes/clock.ts';
import { fakeLog } from '../../../fakes/legs.ts';
import { counts } from './counts.ts';

/** A socket that keeps what it was told. It closes when asked, as one with an honest far end does. */
export class FakeSocket implements PhoneSocket {
  sent: string[] = [];
  /** All messages sent, text and binary, in their order. */
  messages: Array<string | Uint8Array> = [];
  closed: [number, string] | undefined;
  bufferedBytes = 0;
  rttMs: number | undefined = 0;
  probes = 0;
  /** Told once when the connection is over. */
  onClose: (code: number) => void = () => {};
  #gone = false;

  get isOpen(): boolean {
    return this.closed === undefined && !this.#gone;
  }

  /** The events sent, by name. */
  get events(): string[] {
    return this.sent.map((text) => (JSON.parse(text) as { event: string }).event);
  }

  send(text: string): boolean {
    if (!this.isOpen) return false;
    this.sent.push(text);
    this.messages.push(text);
    return true;
  }

  sendBinary(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.messages.push(bytes);
    return true;
  }

  cork(): void {}
  uncork(): void {}
  flush(): void {}

  probe(): void {
    this.probes++;
  }

  close(code = 1000, reason = ''): void {
    if (!this.isOpen) return;
    this.closed = [code, reason];
    this.lose(code);
  }

  /** The far end is gone. */
  lose(code: number): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onClose(code);
  }
}

/** What a call gives its caller's leg, with everything kept that the leg does with it. */
export function legContext(clock: FakeClock): {
  context: LegContext<CallerEvent>;
  events: CallerEvent[];
  log: ReturnType<typeof fakeLog>;
  heard: number[];
  of(counter: Counter): number;
  abort: AbortController;
  ticker: Ticker;
} {
  const events: CallerEvent[] = [];
  const heard: number[] = [];
  const tally = counts();
  const abort = new AbortController();
  const ticker = new Ticker(clock);
  const log = fakeLog();
  const context: LegContext<CallerEvent> = {
    callId: 'call-1',
    peer: { sampleRate: 8000, write: (frame) => heard.push(...frame.samples), clear() {}, toString: () => 'peer' },
    emit: (event) => events.push(event),
    count: tally.count,
    log,
    clock,
    ticker,
    signal: abort.signal,
  };
  return { context, events, log, heard, of: tally.of, abort, ticker };
}
