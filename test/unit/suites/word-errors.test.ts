import { describe, expect, it } from 'vitest';
import { measure } from '../../../src/measure/measure.ts';
import { wordErrorsOf } from '../../../src/suites/assess/word-errors.ts';
import { measuringBy } from '../../../src/suites/measuring.ts';

/** Whether the caller said what it should, told from whether the agent understood it. */

const measuring = measuringBy(async (tape, options) => measure(tape, options));
const say = (atMs: number, toMs: number, text: string, kind = 'say') => [
  { atMs, kind, text },
  { atMs: toMs, kind: 'said' },
];
const caller = (fromMs: number, toMs: number, text: string) => ({ who: 'caller' as const, text, fromMs, toMs });

describe("word errors of the caller's own channel", () => {
  const marks = say(1_000, 3_000, 'A table for two on Friday.');

  it('tell a caller that was misspoken from one that was misunderstood', () => {
    const heardRight = [caller(1_050, 2_900, 'a table for two on friday')];
    const heardWrong = [caller(1_050, 2_900, 'a cable for you on friday')];
    expect(wordErrorsOf(measuring, marks, heardRight, heardWrong)).toMatchObject({
      callerWordErrorRate: 0.3333,
      channelWordErrorRate: 0,
      channelWords: 6,
    });
    expect(wordErrorsOf(measuring, marks, heardWrong, heardWrong)).toMatchObject({
      callerWordErrorRate: 0.3333,
      channelWordErrorRate: 0.3333,
    });
  });

  it('are all words where nothing of them could be written down, and unknown where nobody was to', () => {
    expect(wordErrorsOf(measuring, marks, [], [])).toMatchObject({ channelWordErrorRate: 1, channelWords: 6 });
    expect(wordErrorsOf(measuring, marks, undefined, [])).toMatchObject({
      channelWordErrorRate: null,
      channelWords: 0,
    });
    expect(wordErrorsOf(measuring, [], [caller(0, 100, 'hello')], [])).toMatchObject({ channelWordErrorRate: null });
  });

  it('are of words for the agent alone: tones, files, coughs and talk to others are none', () => {
    const all = [
      ...say(0, 500, 'tone:440/500'),
      ...marks,
      ...say(5_000, 5_300, 'mhm', 'backchannel'),
      ...say(7_000, 8_000, 'not now, darling', 'side-talk'),
      ...say(9_000, 9_500, 'no', 'interrupt'),
    ];
    const lines = [
      caller(0, 500, 'beep'),
      caller(1_050, 2_900, 'a table for two on friday'),
      caller(5_000, 5_300, 'what'),
      caller(7_000, 8_000, 'not now darling'),
      caller(9_000, 9_400, 'no'),
    ];
    expect(wordErrorsOf(measuring, all, lines, [])).toMatchObject({ channelWordErrorRate: 0, channelWords: 7 });
  });

  it('leave out what was written down together with something else', () => {
    const all = [...marks, ...say(3_100, 3_400, 'mhm', 'backchannel'), ...say(9_000, 9_500, 'no')];
    const lines = [caller(1_050, 3_400, 'a table for two on friday mhm'), caller(9_000, 9_500, 'no')];
    expect(wordErrorsOf(measuring, all, lines, [])).toMatchObject({ channelWordErrorRate: 0, channelWords: 1 });
  });

  it('leave out what the caller was cut off in', () => {
    const [begun, ended] = say(6_000, 6_400, 'On Friday at eight, please.');
    const gaveWay = [...marks, { ...begun!, cut: true }, ended!];
    const hungUp = [...marks, begun!];
    const lines = [caller(1_050, 2_900, 'a table for two on friday'), caller(6_000, 6_400, 'on friday')];
    for (const cut of [gaveWay, hungUp])
      expect(wordErrorsOf(measuring, cut, lines, [])).toMatchObject({ channelWordErrorRate: 0, channelWords: 6 });
  });
});
