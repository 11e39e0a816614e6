import { beforeEach, describe, expect, it } from 'vitest';
import { Announcer } from '../../../src/call/announcer.ts';
import type { AgentEvent } from '../../../src/call/events.ts';
import { FakeClock } from '../../fakes/clock.ts';

const NOTICE = 'A colleague is listening, too.';

let clock: FakeClock;
let asked: string[];
let became: string[];
let may: boolean;
let writtenMs: number;
let playedMs: number;
let announcer: Announcer;

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  became = [];
  may = true;
  writtenMs = 0;
  playedMs = 0;
  announcer = new Announcer({
    clock,
    ask: (words) => asked.push(words) > 0,
    may: () => may,
    writtenMs: () => writtenMs,
  });
});

function announce(words = NOTICE, withinMs?: number): void {
  announcer.announce({
    words,
    ...(withinMs === undefined ? {} : { withinMs }),
    heard: () => void became.push(`heard ${words}`),
    givenUp: () => void became.push(`given up ${words}`),
  });
}

const begin = (itemId: string) =>
  announcer.onAgent({ type: 'audio_started', responseId: `r_${itemId}`, itemId, contentIndex: 0 });
const done = (itemId: string) => announcer.onAgent({ type: 'audio_done', responseId: `r_${itemId}`, itemId });
const words = (itemId: string, text: string, final = true) =>
  announcer.onAgent({ type: 'transcript', role: 'agent', itemId, text, final } satisfies AgentEvent);

/** The agent says this in `ms`, all of it sent at once. */
function speak(itemId: string, text: string, ms: number): void {
  begin(itemId);
  writtenMs += ms;
  done(itemId);
  words(itemId, text);
}

/** The caller hears so much more. */
function play(ms: number): void {
  for (let at = 0; at < ms; at += 20) {
    clock.advance(20);
    playedMs = Math.min(writtenMs, playedMs + 20);
    announcer.tick(playedMs, clock.now());
  }
}

/** He cuts in: what he has not heard is discarded. */
function cutIn(): void {
  writtenMs = playedMs;
  announcer.onAgent({ type: 'speech_started' });
  announcer.cleared(playedMs);
  play(20);
}

describe('a notice', () => {
  it('is heard when its last sample is, and not before', () => {
    announce();
    speak('i1', 'A colleague is listening too', 1_000);
    play(980);
    expect([asked, became]).toEqual([[NOTICE], []]);
    play(20);
    expect(became).toEqual([`heard ${NOTICE}`]);
    expect(announcer.ticking).toBe(false);
  });

  it('that the caller cut in on is said again, behind the answer to what he said', () => {
    announce();
    speak('i1', NOTICE, 1_000);
    play(500);
    cutIn();
    expect([asked.length, became]).toEqual([2, []]);
    speak('i2', 'Of course, here you are.', 400);
    play(400);
    expect([asked.length, became]).toEqual([2, []]);
    speak('i3', NOTICE, 1_000);
    play(1_000);
    expect([asked.length, became]).toEqual([2, [`heard ${NOTICE}`]]);
  });

  it('is not heard by what is played after it was cut', () => {
    announce();
    speak('i1', NOTICE, 1_000);
    play(500);
    cutIn();
    // What is sent now is played beyond where the notice would have ended.
    speak('i2', 'Something else entirely.', 2_000);
    play(2_000);
    expect(became).toEqual([]);
  });

  it('of which words are told and no sound is, when the caller cuts in on what goes before it, is asked for again', () => {
    announce();
    begin('i1');
    writtenMs += 800;
    words('i1', 'One moment, please.');
    // Generated, and waiting in the model's buffer to be played behind that.
    words('i2', NOTICE);
    play(300);
    cutIn();
    expect(asked).toHaveLength(2);
    // What the model then tells of it once more is no new one.
    words('i2', '');
    announcer.onAgent({ type: 'speech_started' });
    play(20);
    expect(asked).toHaveLength(2);
  });

  it('that is not on its way yet when the caller cuts in on something else is not asked for twice', () => {
    announce();
    begin('i1');
    writtenMs += 800;
    words('i1', 'Hello, what can I do for you?', false);
    play(300);
    cutIn();
    expect(asked).toHaveLength(1);
    speak('i2', NOTICE, 300);
    play(300);
    expect(became).toEqual([`heard ${NOTICE}`]);
  });

  it('that is cut before any of its words is known is taken for the notice', () => {
    announce();
    begin('i1');
    writtenMs += 800;
    play(100);
    cutIn();
    expect(asked).toHaveLength(2);
  });

  it('is asked for three times, of a caller who always cuts in, and then given up', () => {
    announce();
    for (let n = 0; n < 5; n++) {
      speak(`i${n}`, NOTICE, 1_000);
      play(500);
      cutIn();
    }
    expect([asked.length, became]).toEqual([3, [`given up ${NOTICE}`]]);
  });

  it('which the agent does not say is asked for again after two other things that were heard, three times', () => {
    announce();
    for (let n = 0; n < 8; n++) {
      speak(`i${n}`, 'Good morning.', 100);
      play(100);
    }
    expect([asked.length, became]).toEqual([3, [`given up ${NOTICE}`]]);
  });

  it('is given up in its time, at once where the agent cannot be asked for words, and with the call', () => {
    announce(NOTICE, 5_000);
    play(4_980);
    expect(became).toEqual([]);
    play(20);
    expect(became).toEqual([`given up ${NOTICE}`]);
    announce();
    announcer.ended();
    announce();
    expect([announcer.ticking, asked.length, became.length]).toEqual([false, 2, 1]);
    const mute = new Announcer({ clock, ask: () => false, may: () => true, writtenMs: () => 0 });
    mute.announce({ words: NOTICE, heard: () => {}, givenUp: () => void became.push('mute') });
    expect(became.at(-1)).toBe('mute');
  });

  it('is asked for once where it is announced by what is done when another was heard', () => {
    announcer.announce({ words: NOTICE, heard: () => announce('And another.'), givenUp: () => {} });
    speak('i1', NOTICE, 100);
    play(100);
    expect(asked).toEqual([NOTICE, 'And another.']);
  });

  it('resolves for whoever waits for it, also where the call is over', async () => {
    const told = announcer.told(NOTICE, 5_000);
    speak('i1', NOTICE, 100);
    play(100);
    expect(await told).toBe(true);
    const late = announcer.told(NOTICE, 5_000);
    announcer.ended();
    expect([await late, await announcer.told(NOTICE, 5_000)]).toEqual([false, false]);
  });

  it('waits while the agent has not the caller', () => {
    may = false;
    announce();
    play(200);
    expect(asked).toEqual([]);
    may = true;
    play(20);
    expect(asked).toEqual([NOTICE]);
  });

  it('waits until the one before is done with, so that neither is taken for the other', () => {
    announce('This call is recorded.');
    announce();
    expect(asked).toEqual(['This call is recorded.']);
    speak('i1', 'This call is recorded.', 100);
    play(100);
    expect(asked).toEqual(['This call is recorded.', NOTICE]);
    speak('i2', NOTICE, 100);
    play(100);
    expect(became).toEqual(['heard This call is recorded.', `heard ${NOTICE}`]);
  });

  it('is asked for again where the session broke in the middle of it', () => {
    announce();
    begin('i1');
    writtenMs += 300;
    words('i1', 'A colleague', false);
    announcer.onAgent({ type: 'reconnecting', reason: 'x' });
    play(20);
    expect(asked).toHaveLength(2);
  });
});
