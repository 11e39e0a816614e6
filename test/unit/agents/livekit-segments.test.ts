import { describe, expect, it } from 'vitest';
import { Segments } from '../../../src/agents/livekit/segments.ts';

function segments() {
  const told: Array<[string, string, boolean]> = [];
  const one = new Segments({ transcript: (role, text, final) => void told.push([role, text, final]) });
  const take = (role: 'caller' | 'agent', id: string, text: string, final = false) =>
    one.take(role, text, { 'lk.segment_id': id, 'lk.transcription_final': String(final) });
  return { one, told, take };
}

describe('segments of a transcript in a room', () => {
  it('are told by what is new of them, and whole at the end, several at a time', () => {
    const { told, take } = segments();
    take('caller', 'SG_1', 'A table');
    take('agent', 'SG_2', 'Yes');
    take('caller', 'SG_1', 'A table for two');
    take('caller', 'SG_1', 'A table for two.', true);
    take('agent', 'SG_2', 'Yes.', true);
    expect(told).toEqual([
      ['caller', 'A table', false],
      ['agent', 'Yes', false],
      ['caller', ' for two', false],
      ['caller', 'A table for two.', true],
      ['agent', 'Yes.', true],
    ]);
  });

  it('without attributes are whole, and empty ones are nothing', () => {
    const { one, told, take } = segments();
    one.take('agent', 'Hello.', {});
    take('agent', 'SG_1', '', true);
    expect(told).toEqual([['agent', 'Hello.', true]]);
  });

  it('that end blank take back what was told of them: nobody heard it', () => {
    const { told, take } = segments();
    take('agent', 'SG_1', 'We open');
    take('agent', 'SG_1', '', true);
    expect(told).toEqual([
      ['agent', 'We open', false],
      ['agent', '', true],
    ]);
  });

  it('that never end are not kept for ever', () => {
    const { told, take } = segments();
    for (let i = 0; i < 200; i++) take('agent', `SG_${i}`, 'x');
    take('agent', 'SG_0', 'xy');
    expect(told.at(-1)).toEqual(['agent', 'xy', false]);
  });
});
