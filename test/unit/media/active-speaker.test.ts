import { describe, expect, it } from 'vitest';
import { ActiveSpeaker, VoiceActivity } from '../../../src/media/active-speaker.ts';

const QUIET = -80;

describe('the activity of a voice', () => {
  const voiceAfter = (levels: number[]) => {
    const voice = new VoiceActivity();
    for (const level of levels) voice.next(level);
    return voice;
  };
  const times = (level: number, frames: number) => Array<number>(frames).fill(level);

  it('is speech after 40 ms, and not by one click', () => {
    expect(voiceAfter([QUIET, -20]).speaking).toBe(false);
    expect(voiceAfter([QUIET, -20, -20]).speaking).toBe(true);
  });

  it('goes on through the pause between two words, and ends 400 ms after the last', () => {
    expect(voiceAfter([...times(-20, 10), ...times(QUIET, 19)]).speaking).toBe(true);
    expect(voiceAfter([...times(-20, 10), ...times(QUIET, 20)]).speaking).toBe(false);
  });

  it('is none for a fan, once it is known for one, and is speech over the fan', () => {
    const fan = times(-45, 2_000);
    expect(voiceAfter(fan).speaking).toBe(false);
    expect(voiceAfter([...fan, -30, -30]).speaking).toBe(true);
  });

  it('learns a noise over gaps that are filled with silence', () => {
    const fan = new Int16Array(160).fill(130);
    const voice = new VoiceActivity();
    for (let i = 0; i < 600; i++) voice.hear(i % 10 === 0 ? new Int16Array(160) : fan);
    for (let i = 0; i < 25; i++) voice.hear(fan);
    expect(voice.speaking).toBe(false);
    expect(voice.threshold).toBeGreaterThan(-45);
  });

  it('is heard of a quiet microphone', () => {
    expect(voiceAfter([...times(-90, 50), -46, -46]).speaking).toBe(true);
  });

  it('is none for digital silence', () => {
    expect(voiceAfter(times(-127, 500)).speaking).toBe(false);
  });
});

describe('the active speaker', () => {
  /** Steps through levels by voice, a row a frame, and says who has the word after each. */
  function steps(rows: ReadonlyArray<Record<string, number>>) {
    const active = new ActiveSpeaker<string>();
    const voices = new Map<string, VoiceActivity>();
    return rows.map((row) => {
      for (const [name, level] of Object.entries(row)) {
        const voice = voices.get(name) ?? new VoiceActivity();
        voices.set(name, voice);
        voice.next(level);
      }
      for (const name of voices.keys()) if (!(name in row)) voices.delete(name);
      return active.next(voices);
    });
  }
  const rows = (row: Record<string, number>, frames: number) =>
    Array(frames).fill(row) as Array<Record<string, number>>;

  it('is nobody until somebody spoke, and stays who spoke last', () => {
    const said = steps([
      ...rows({ a: QUIET, b: QUIET }, 5),
      ...rows({ a: -20, b: QUIET }, 5),
      ...rows({ a: QUIET, b: QUIET }, 100),
    ]);
    expect(said[4]).toBeUndefined();
    expect(said.slice(6).every((who) => who === 'a')).toBe(true);
  });

  it('changes within 40 ms when another speaks after the pause', () => {
    const said = steps([
      ...rows({ a: -20, b: QUIET }, 20),
      ...rows({ a: QUIET, b: QUIET }, 25),
      ...rows({ a: QUIET, b: -25 }, 3),
    ]);
    expect(said.slice(-3)).toEqual(['a', 'b', 'b']);
  });

  it('does not change for who is no louder while the other still speaks', () => {
    const said = steps([...rows({ a: -20, b: QUIET }, 20), ...rows({ a: -20, b: -19 }, 200)]);
    expect(new Set(said.slice(2))).toEqual(new Set(['a']));
  });

  it('does not change for a cough', () => {
    const said = steps([
      ...rows({ a: -25, b: QUIET }, 20),
      ...rows({ a: -25, b: -5 }, 10),
      ...rows({ a: -25, b: QUIET }, 20),
    ]);
    expect(new Set(said.slice(2))).toEqual(new Set(['a']));
  });

  it('changes for who is clearly louder for a while', () => {
    const said = steps([...rows({ a: -25, b: QUIET }, 20), ...rows({ a: -25, b: -8 }, 40)]);
    expect(said.at(-1)).toBe('b');
  });

  it('is nobody when who had the word has left and no one speaks', () => {
    const said = steps([...rows({ a: -20, b: QUIET }, 20), ...rows({ b: QUIET }, 3), ...rows({ b: -20 }, 3)]);
    expect(said.slice(-6)).toEqual([undefined, undefined, undefined, undefined, 'b', 'b']);
  });
});
