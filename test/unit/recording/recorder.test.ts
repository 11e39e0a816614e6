import { beforeEach, describe, expect, it } from 'vitest';
import { Announcer } from '../../../src/call/announcer.ts';
import type { AgentEvent, TapEvent } from '../../../src/call/events.ts';
import { Recorder } from '../../../src/recording/recorder.ts';
import type { ReelSpec } from '../../../src/recording/studio.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

let clock: FakeClock;
let order: string[];
let events: TapEvent[];
let spec: ReelSpec | undefined;
let samples: number;
/** What is announced, as the call does it: it stands behind the recorder. */
let announcer: Announcer;
let writtenMs: number;

beforeEach(() => {
  clock = new FakeClock();
  order = [];
  events = [];
  spec = undefined;
  samples = 0;
  writtenMs = 0;
  announcer = new Announcer({
    clock,
    ask: (words) => order.push(`say ${words}`) > 0,
    may: () => true,
    writtenMs: () => writtenMs,
  });
});

function recorder(consent: 'notice' | 'operator', rate: 'auto' | number = 'auto') {
  return new Recorder({
    callId: 'c1',
    format: 'wav',
    rate,
    consent,
    notice: 'This call is recorded.',
    clock,
    log: fakeLog(),
    hooks: {
      tell: (event) => {
        order.push(event.type);
        events.push(event);
      },
      announce: (announcement) => announcer.announce(announcement),
      count: () => undefined,
    },
    studio: {
      record: (given) => {
        order.push('open');
        spec = given;
        return {
          write: (stereo) => {
            samples += stereo.length / 2;
          },
          close: async (reason) => void order.push(`close ${reason}`),
        };
      },
    },
  });
}

const frame = (ms: number, rate = 8_000) => ({
  samples: new Int16Array((ms * rate) / 1000).fill(900),
  sampleRate: rate,
});
const agentEvent = (event: AgentEvent) => announcer.onAgent(event);

/** The agent says `words` in `ms`, all written at once from `fromMs` on. */
function speak(of: Recorder, itemId: string, words: string, fromMs: number, ms: number): void {
  agentEvent({ type: 'audio_started', responseId: `r_${itemId}`, itemId, contentIndex: 0 });
  of.agent(frame(ms), fromMs);
  writtenMs = fromMs + ms;
  agentEvent({ type: 'audio_done', responseId: `r_${itemId}`, itemId });
  agentEvent({ type: 'transcript', role: 'agent', itemId, text: words, final: true });
}

/** Plays up to `toMs` in real time. */
function play(of: Recorder, fromMs: number, toMs: number): void {
  for (let at = fromMs + 20; at <= toMs; at += 20) {
    clock.advance(20);
    of.tick(at, clock.now());
    announcer.tick(at, clock.now());
  }
}

describe('a recorder with the operator’s consent', () => {
  it('tells the consent before anything is opened, and the length at the end', () => {
    const r = recorder('operator');
    r.connected();
    for (let i = 0; i < 100; i++) {
      clock.advance(20);
      r.caller(frame(20));
      r.tick(0, clock.now());
    }
    r.ended();
    expect(order).toEqual(['recording_started', 'open', 'recording_stopped', 'close call-ended']);
    expect(events[0]).toEqual({ type: 'recording_started', consent: 'operator', format: 'wav', sampleRate: 8_000 });
    expect(events[1]).toEqual({ type: 'recording_stopped', reason: 'call-ended', durationMs: 1_980 });
    expect(samples).toBe(1_980 * 8);
  });

  it.for([
    ['auto', 8_000, 8_000],
    ['auto', 16_000, 16_000],
    ['auto', 48_000, 24_000],
    [16_000, 8_000, 16_000],
  ] as const)('takes the rate: %s of a line of %d Hz is %d', ([rate, line, wanted]) => {
    const r = recorder('operator', rate);
    r.caller(frame(20, line));
    expect(spec?.sampleRate).toBe(wanted);
  });

  it('stops once when the disk is full, and writes nothing more', () => {
    const r = recorder('operator');
    r.caller(frame(20));
    spec?.failed('disk-full', 'no room');
    for (let i = 0; i < 100; i++) {
      clock.advance(20);
      r.caller(frame(20));
      r.tick(0, clock.now());
    }
    r.ended();
    expect(order).toEqual(['recording_started', 'open', 'recording_stopped', 'close disk-full']);
    expect(samples).toBeLessThan(200);
  });

  it('tells nothing of a call that was never joined', () => {
    recorder('operator').ended();
    expect(order).toEqual([]);
  });
});

describe('a recorder with a notice', () => {
  const NOTICE = 'This call is recorded.';

  it('begins when all of it was heard', () => {
    const r = recorder('notice');
    r.connected();
    r.caller(frame(20));
    speak(r, 'i1', 'This call is being recorded', 0, 1_000);
    play(r, 0, 980);
    expect(order).toEqual([`say ${NOTICE}`]);
    play(r, 980, 1_000);
    expect(order).toEqual([`say ${NOTICE}`, 'recording_started', 'open']);
  });

  it('asks again when the caller spoke over it', () => {
    const r = recorder('notice');
    r.connected();
    speak(r, 'i1', NOTICE, 0, 1_000);
    play(r, 0, 500);
    r.cleared(500);
    announcer.cleared(500);
    announcer.tick(500, clock.now());
    expect(order).toEqual([`say ${NOTICE}`, `say ${NOTICE}`]);
    // The answer to what the caller said comes first; it is no notice.
    speak(r, 'i2', 'Hello there, what can I do?', 500, 400);
    play(r, 500, 900);
    expect(order).toHaveLength(2);
    speak(r, 'i3', NOTICE, 900, 300);
    play(r, 900, 1_200);
    expect(order.slice(2)).toEqual(['recording_started', 'open']);
  });

  it('never begins when the agent does not say it', () => {
    const r = recorder('notice');
    r.connected();
    for (let i = 0; i < 8; i++) {
      speak(r, `i${i}`, 'Good morning.', i * 100, 100);
      play(r, i * 100, i * 100 + 100);
    }
    r.ended();
    expect(order).toEqual([`say ${NOTICE}`, `say ${NOTICE}`, `say ${NOTICE}`, 'recording_stopped']);
    expect(events).toEqual([{ type: 'recording_stopped', reason: 'notice-not-heard', durationMs: 0 }]);
  });

  it('has what was said behind the notice, though it was sent before the notice was heard', () => {
    const r = recorder('notice');
    r.connected();
    speak(r, 'i1', NOTICE, 0, 500);
    speak(r, 'i2', 'Hello.', 500, 1_000);
    play(r, 0, 1_500);
    clock.advance(20);
    r.ended();
    expect(events.at(-1)).toEqual({ type: 'recording_stopped', reason: 'call-ended', durationMs: 1_020 });
  });
});
