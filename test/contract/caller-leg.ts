import { describe, expect, it } from 'vitest';
import type { Counter } from '../../src/call/counters.ts';
import type { CallerEvent } from '../../src/call/events.ts';
import type { CallerLeg, LegContext } from '../../src/call/leg.ts';
import { termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import type { PcmFrame } from '../../src/media/frame.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';

/** A caller's leg, not yet started, with a far end that the suite can play. */
export interface CallerLegHarness {
  readonly leg: CallerLeg;
  readonly clock: FakeClock;
  /** The far party says these samples, at the leg's rate. */
  say(samples: Int16Array): void;
  /** The far party hangs up as one should; false where the wire has no such word. */
  hangUp(): boolean;
  /** The line breaks without a word. */
  lose(): void;
  /** Samples of the agent's audio that reached the far end and were not discarded there. */
  reached(): number;
  /** Messages or packets of any kind that reached the far end. */
  received(): number;
}

/** What every caller's leg has to do, whatever its wire. `make` builds a fresh one for each test. */
export function describeCallerLeg(name: string, make: () => CallerLegHarness): void {
  describe(`the caller leg: ${name}`, () => {
    const end = termination('agent-hangup');

    function started() {
      const harness = make();
      const { clock, leg } = harness;
      const events: CallerEvent[] = [];
      const heard: PcmFrame[] = [];
      const counted = new Map<Counter, number>();
      const abort = new AbortController();
      const ticker = new Ticker(clock);
      const context: LegContext<CallerEvent> = {
        callId: 'contract',
        peer: {
          sampleRate: leg.rate,
          write: (frame) => heard.push({ samples: frame.samples.slice(), sampleRate: frame.sampleRate }),
          clear() {},
          toString: () => 'contract',
        },
        emit: (event) => events.push(event),
        count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
        log: fakeLog(),
        clock,
        ticker,
        signal: abort.signal,
      };
      const start = leg.start(context);
      return { ...harness, context, events, heard, counted, abort, ticker, start };
    }

    const tone = (leg: CallerLeg, ms: number): PcmFrame => ({
      samples: Int16Array.from({ length: (ms * leg.audio.sampleRate) / 1000 }, (_, i) => 3_000 + (i % 1_000)),
      sampleRate: leg.audio.sampleRate,
    });
    const settle = async () => {
      for (let i = 0; i < 20; i++) await Promise.resolve();
    };
    const endings = (events: readonly CallerEvent[]) => events.filter((e) => e.type === 'ended');

    it('says what it is and how its audio goes', () => {
      const { leg } = make();
      expect(leg.kind).toMatch(/^[a-z][a-z0-9_-]*$/);
      expect(leg.audio.toString()).toContain(leg.kind);
      expect(leg.rate).toBeGreaterThanOrEqual(8000);
      expect(leg.audio.sampleRate).toBeGreaterThanOrEqual(8000);
    });

    it('hears from the moment of its start, at the rate it states', async () => {
      const s = started();
      s.say(tone(s.leg, 20).samples);
      await s.start;
      expect(s.heard.reduce((sum, frame) => sum + frame.samples.length, 0)).toBe(s.leg.rate / 50);
      for (const frame of s.heard) expect(frame.sampleRate).toBe(s.leg.rate);
    });

    it('starts once, however often it is told to', async () => {
      const s = started();
      await s.start;
      const subscribed = s.ticker.size;
      await s.leg.start(s.context);
      expect(s.ticker.size).toBe(subscribed);
      s.say(tone(s.leg, 20).samples);
      expect(s.heard.reduce((sum, frame) => sum + frame.samples.length, 0)).toBe(s.leg.rate / 50);
    });

    it('plays what is written, and says how far it has come', async () => {
      const s = started();
      await s.start;
      s.leg.audio.write(tone(s.leg, 600));
      expect(s.leg.playout.writtenMs()).toBeCloseTo(600, 6);
      let last = 0;
      for (let t = 0; t < 1_500; t += 10) {
        s.clock.advance(10);
        const played = s.leg.playout.playedMs();
        expect(played).toBeGreaterThanOrEqual(last);
        expect(played).toBeLessThanOrEqual(s.leg.playout.writtenMs());
        // Nothing is heard faster than it can be spoken; a frame of grain is allowed.
        expect(played).toBeLessThanOrEqual(t + 10 + 20);
        last = played;
      }
      expect(last).toBeCloseTo(600, 6);
      expect(s.reached()).toBeGreaterThanOrEqual(0.6 * s.leg.audio.sampleRate);
    });

    it('discards on clear what was not heard, and goes on from there', async () => {
      const s = started();
      await s.start;
      s.leg.audio.write(tone(s.leg, 5_000));
      s.clock.advance(1_000);
      const played = s.leg.playout.playedMs();
      expect(played).toBeGreaterThan(800);
      s.leg.audio.clear();
      expect(s.leg.playout.writtenMs()).toBeCloseTo(played, 6);
      const reached = s.reached();
      s.clock.advance(2_000);
      expect(s.reached()).toBe(reached);
      expect(s.leg.playout.playedMs()).toBeCloseTo(played, 6);
      s.leg.audio.write(tone(s.leg, 200));
      s.clock.advance(1_000);
      expect(s.leg.playout.playedMs()).toBeCloseTo(played + 200, 6);
      expect(s.reached()).toBeGreaterThanOrEqual(reached + 0.2 * s.leg.audio.sampleRate);
    });

    it('drops and counts a frame of a rate that is not its own', async () => {
      const s = started();
      await s.start;
      s.leg.audio.write({ samples: new Int16Array(441).fill(99), sampleRate: 44_100 });
      expect(s.leg.playout.writtenMs()).toBe(0);
      expect(s.counted.get('frames_invalid')).toBe(1);
    });

    it('tells once that the caller is gone, and nothing after it', async () => {
      const s = started();
      await s.start;
      const polite = s.hangUp();
      s.lose();
      s.say(tone(s.leg, 20).samples);
      s.hangUp();
      s.clock.advance(120_000);
      expect(endings(s.events)).toHaveLength(1);
      expect(s.events.at(-1)?.type).toBe('ended');
      if (polite) expect(s.events.at(-1)).toEqual({ type: 'ended', end: termination('caller-hangup') });
      await s.leg.close(end);
      expect(endings(s.events)).toHaveLength(1);
      expect(s.clock.pending).toBe(0);
      expect(s.ticker.size).toBe(0);
    });

    it('tells that the line broke', async () => {
      const s = started();
      await s.start;
      s.lose();
      const [event] = endings(s.events);
      expect(event?.type === 'ended' && event.end.result).toBe('upstream_error');
    });

    it('closes for good: again and again, and nothing after it throws, sends or tells', async () => {
      const s = started();
      await s.start;
      s.leg.audio.write(tone(s.leg, 2_000));
      const closing = s.leg.close(end);
      const again = s.leg.close(termination('internal'));
      const received = s.received();
      s.leg.audio.write(tone(s.leg, 100));
      s.leg.audio.clear();
      expect(s.leg.sendDigit?.('1') ?? false).toBe(false);
      s.clock.advance(5_000);
      await Promise.all([closing, again]);
      s.say(tone(s.leg, 20).samples);
      s.hangUp();
      s.lose();
      s.clock.advance(60_000);
      expect(s.received()).toBe(received);
      expect(s.events).toEqual([]);
      expect(s.clock.pending).toBe(0);
      expect(s.ticker.size).toBe(0);
    });

    it('closes without ever having been started, and cannot be started then', async () => {
      const harness = make();
      const closing = harness.leg.close(end);
      harness.clock.advance(5_000);
      await closing;
      expect(harness.clock.pending).toBe(0);
      const s = started();
      const closed = s.leg.close(end);
      s.clock.advance(5_000);
      await closed;
      await expect(make().leg.start({ ...s.context, signal: AbortSignal.abort(end) })).rejects.toMatchObject({
        code: 'ABORTED',
      });
    });

    it('stops its clockwork when the call ends', async () => {
      const s = started();
      await s.start;
      s.leg.audio.write(tone(s.leg, 1_000));
      s.abort.abort(end);
      await settle();
      expect(s.ticker.size).toBe(0);
      expect(s.clock.pending).toBe(0);
      const closing = s.leg.close(end);
      s.clock.advance(5_000);
      await closing;
      expect(s.clock.pending).toBe(0);
    });
  });
}
