import { beforeEach, describe, expect, it } from 'vitest';
import { Call } from '../../../src/call/call.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { type TurnEvent, TurnTiming } from '../../../src/call/turn-timing.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog } from '../../fakes/legs.ts';
import { sine } from '../../fakes/sine.ts';

const RATE = 8_000;
const FRAME_MS = 20;

let clock: FakeClock;
let turns: TurnEvent[];
let timing: TurnTiming;
/** What the caller has heard, ms of playout. */
let played: number;

beforeEach(() => {
  clock = new FakeClock();
  turns = [];
  played = 0;
  timing = new TurnTiming({ clock, tell: (turn) => turns.push(turn) });
});

/** A frame of a square wave, or of noise that low. */
function frame(amplitude: number) {
  const samples = new Int16Array((RATE * FRAME_MS) / 1000);
  for (let i = 0; i < samples.length; i++) samples[i] = i % 8 < 4 ? amplitude : -amplitude;
  return { samples, sampleRate: RATE };
}

/** Time passes with the caller's audio at this level and the agent's playing on. */
function pass(ms: number, { amplitude = 0, playing = true } = {}): void {
  for (let i = 0; i < ms / FRAME_MS; i++) {
    clock.advance(FRAME_MS);
    timing.caller(frame(amplitude));
    if (playing) played += FRAME_MS;
    timing.tick(played, clock.now());
  }
}

const speak = (ms: number) => pass(ms, { amplitude: 3_000, playing: false });
const started = () => timing.onAgent({ type: 'speech_started' });
const stopped = (silenceMs?: number) =>
  timing.onAgent({ type: 'speech_stopped', ...(silenceMs === undefined ? {} : { silenceMs }) });
const responds = (responseId: string) => timing.onAgent({ type: 'response_started', responseId });
/** The first audio of a response, written at this position of the playout. */
function answers(responseId: string, fromMs: number): void {
  timing.onAgent({ type: 'audio_started', responseId, itemId: `item_${responseId}`, contentIndex: 0 });
  timing.agent(frame(1_000), fromMs);
}

describe('the timing of a turn', () => {
  it('says what silence went before the answer, as it was then', () => {
    let cushionMs: number | undefined = 89.6;
    timing = new TurnTiming({ clock, tell: (turn) => turns.push(turn), cushionMs: () => cushionMs });
    stopped(500);
    responds('r1');
    answers('r1', played);
    cushionMs = 200;
    pass(40);
    cushionMs = undefined;
    stopped(500);
    responds('r2');
    answers('r2', played);
    pass(40);
    expect(turns.map((turn) => turn.cushionMs)).toEqual([90, undefined]);
    expect(turns[1]).not.toHaveProperty('cushionMs');
  });

  it('goes from the last loud sample to the moment at which the answer is heard', () => {
    pass(500);
    started();
    speak(1_000);
    pass(500, { playing: false });
    stopped();
    pass(40, { playing: false });
    responds('r1');
    pass(260, { playing: false });
    // 100 ms of other audio (a cushion) lie before the answer.
    answers('r1', played + 100);
    pass(200);
    expect(turns).toEqual([
      {
        type: 'turn',
        index: 0,
        callerStoppedMs: 1_500,
        detectedMs: 2_000,
        responseMs: 2_040,
        firstAudioMs: 2_300,
        heardMs: 2_400,
      },
    ]);
  });

  it('takes the position, not the tick, for the moment of hearing', () => {
    speak(200);
    stopped();
    answers('r1', 7);
    clock.advance(50);
    timing.tick(50, clock.now());
    expect(turns[0]).toMatchObject({ firstAudioMs: 200, heardMs: 207 });
  });

  it('is told once, and counted on from turn to turn', () => {
    for (const id of ['r1', 'r2']) {
      started();
      speak(200);
      stopped();
      responds(id);
      answers(id, played);
      pass(100);
      answers(id, played);
      pass(100);
      timing.onAgent({ type: 'response_done', responseId: id, status: 'completed' });
    }
    expect(turns.map((turn) => turn.index)).toEqual([0, 1]);
  });

  it('a click after the last word is no word', () => {
    speak(400);
    pass(200, { playing: false });
    pass(20, { amplitude: 20_000, playing: false });
    pass(300, { playing: false });
    stopped();
    answers('r1', played);
    pass(40);
    expect(turns[0]?.callerStoppedMs).toBe(400);
  });

  it.each([1_000, 2_000])('a voice of %i Hz is heard as any other, whatever its phase', (hz) => {
    for (const phase of [0, Math.PI / 2]) {
      const voice = { samples: sine(hz, RATE, FRAME_MS, phase, 3_000), sampleRate: RATE };
      started();
      for (let t = 0; t < 1_000; t += FRAME_MS) {
        clock.advance(FRAME_MS);
        timing.caller(voice);
      }
      const end = clock.now();
      pass(500, { playing: false });
      stopped();
      responds(`r ${phase}`);
      answers(`r ${phase}`, played);
      pass(40);
      expect(turns.at(-1)?.callerStoppedMs).toBe(end);
      pass(1_000);
    }
  });

  it('a noisy line is followed: its hum is no speech', () => {
    pass(12_000, { amplitude: 150, playing: false });
    started();
    speak(600);
    pass(500, { amplitude: 150, playing: false });
    stopped();
    answers('r1', played);
    pass(40);
    expect(turns[0]?.callerStoppedMs).toBe(12_600);
  });

  it('a caller who begins anew while the end is being told still stopped when they stopped', () => {
    speak(600);
    pass(480, { playing: false });
    speak(100);
    stopped();
    answers('r1', played);
    pass(40);
    expect(turns[0]?.callerStoppedMs).toBe(600);
  });

  it('falls back to the silence that the model waited for when the caller is too quiet to measure', () => {
    started();
    pass(2_000, { amplitude: 20, playing: false });
    stopped(500);
    answers('r1', played);
    pass(40);
    expect(turns[0]).toMatchObject({ callerStoppedMs: 1_500, detectedMs: 2_000 });
  });

  it('without either does not invent when the caller stopped; speech long before is of another turn', () => {
    speak(400);
    pass(5_000, { playing: false });
    started();
    pass(1_000, { amplitude: 20, playing: false });
    stopped();
    answers('r1', played);
    pass(40);
    expect(turns[0]).not.toHaveProperty('callerStoppedMs');
  });

  it('the greeting, asked for by nobody, is no turn', () => {
    responds('r0');
    answers('r0', 0);
    pass(500);
    expect(turns).toEqual([]);
  });

  it('late audio of an earlier response is not the answer', () => {
    responds('old');
    started();
    speak(200);
    stopped();
    answers('old', played);
    pass(100);
    expect(turns).toEqual([]);
    responds('new');
    answers('new', played);
    pass(100);
    expect(turns).toMatchObject([{ firstAudioMs: 300 }]);
  });

  it('waits for speech where a first response only calls tools', () => {
    speak(200);
    stopped();
    responds('tools');
    timing.onAgent({ type: 'response_done', responseId: 'tools', status: 'completed' });
    pass(900, { playing: false });
    responds('words');
    answers('words', played);
    pass(40);
    expect(turns).toMatchObject([{ responseMs: 200, firstAudioMs: 1_100 }]);
  });

  it('a turn that the caller takes up again counts from the later stop', () => {
    speak(200);
    pass(500, { playing: false });
    stopped();
    responds('r1');
    started();
    speak(300);
    pass(500, { playing: false });
    stopped();
    responds('r2');
    answers('r2', played);
    pass(40);
    expect(turns).toMatchObject([{ index: 0, callerStoppedMs: 1_000, detectedMs: 1_500 }]);
  });

  it('an answer discarded unheard is none; one that was heard before it was discarded is', () => {
    speak(200);
    stopped();
    answers('r1', 1_000);
    timing.cleared(played);
    pass(2_000);
    expect(turns).toEqual([]);
    stopped();
    answers('r2', played);
    clock.advance(10);
    timing.cleared(played + 10);
    expect(turns).toHaveLength(1);
  });

  it('nothing is told after the end', () => {
    speak(200);
    stopped();
    answers('r1', played + 20);
    timing.ended();
    pass(100);
    expect(turns).toEqual([]);
  });
});

describe('in a call', () => {
  it('is told to whoever watches it', () => {
    const events: CallEvent[] = [];
    const agent = new FakeAgent();
    const caller = new FakeCaller();
    caller.playsAtOnce = false;
    caller.cushionMs = 60;
    const call = new Call({ id: 'c1', direction: 'inbound' }, agent, {
      clock,
      ticker: new Ticker(clock),
      log: fakeLog(),
      observers: [{ onEvent: (_id, event) => events.push(event) }],
      apology: undefined,
      limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
    });
    call.start();
    call.join(caller);
    agent.ready();
    for (let i = 0; i < 10; i++) {
      clock.advance(FRAME_MS);
      caller.say([...frame(3_000).samples]);
    }
    clock.advance(300);
    agent.emit({ type: 'speech_stopped' });
    agent.emit({ type: 'response_started', responseId: 'resp_a' });
    clock.advance(100);
    agent.speak('a', 400);
    clock.advance(100);
    expect(events.some((event) => event.type === 'turn')).toBe(false);
    caller.played = 5;
    clock.advance(20);
    expect(events.filter((event) => event.type === 'turn')).toEqual([
      {
        type: 'turn',
        index: 0,
        callerStoppedMs: 200,
        detectedMs: 500,
        responseMs: 500,
        firstAudioMs: 600,
        heardMs: 715,
        cushionMs: 60,
      },
    ]);
    void call.end(termination('caller-hangup'));
  });
});
