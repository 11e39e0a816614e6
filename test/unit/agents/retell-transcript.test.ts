import { describe, expect, it } from 'vitest';
import { TranscriptFollower } from '../../../src/agents/retell/transcript.ts';
import { FakeClock } from '../../fakes/clock.ts';

function follower({ isWhole = false } = {}) {
  const clock = new FakeClock();
  const told: Array<[string, string, boolean, string | undefined]> = [];
  const unreadable: string[] = [];
  const one = new TranscriptFollower(
    {
      transcript: (role, text, final, id) => void told.push([role, text, final, id]),
      unreadable: (what) => void unreadable.push(what),
    },
    { clock, isWhole },
  );
  const take = (...lines: Array<[string, string]>) => one.take(lines.map(([role, content]) => ({ role, content })));
  const whole = () => told.flatMap(([role, text, final, id]) => (final ? [[role, text, id]] : []));
  return { one, told, unreadable, take, clock, whole };
}

describe('a transcript that is told over and over', () => {
  it('becomes what is new of it: what a line gained, and the line when another follows', () => {
    const { told, take, one } = follower();
    take(['agent', 'Good']);
    take(['agent', 'Good day.']);
    take(['agent', 'Good day.'], ['user', 'Hi']);
    one.end();
    one.end();
    expect(told).toEqual([
      ['agent', 'Good', false, 'line-0'],
      ['agent', ' day.', false, 'line-0'],
      ['caller', 'Hi', false, 'line-1'],
      ['agent', 'Good day.', true, 'line-0'],
      ['caller', 'Hi', true, 'line-1'],
    ]);
  });

  it('tells what was understood anew when it is whole', () => {
    const { told, take } = follower();
    take(['user', 'I want to']);
    take(['user', 'A won ton soup'], ['agent', 'Sure.']);
    expect(told.filter(([, , final]) => final)).toEqual([['caller', 'A won ton soup', true, 'line-0']]);
  });

  it('tells the last line whole when it has not changed for a while, and again where it goes on all the same', () => {
    const { told, take, clock, whole, one } = follower();
    take(['agent', 'One moment']);
    clock.advance(1_000);
    take(['agent', 'One moment, please.']);
    clock.advance(1_499);
    take(['agent', 'One moment, please.']);
    expect(whole()).toEqual([]);
    clock.advance(1);
    expect(whole()).toEqual([['agent', 'One moment, please.', 'line-0']]);
    take(['agent', 'One moment, please. Thank you.']);
    clock.advance(1_500);
    expect(whole().at(-1)).toEqual(['agent', 'One moment, please. Thank you.', 'line-0']);
    // A piece behind the whole would be told twice.
    expect(told.filter(([, , final]) => !final)).toHaveLength(2);
    take(['agent', 'One moment, please. Thank you.'], ['user', 'Bye']);
    one.close();
    expect(clock.pending).toBe(0);
  });

  it("tells the agent's last line whole when it has stopped, and the caller's not", () => {
    const { take, one, whole } = follower();
    take(['agent', 'Goodbye.']);
    one.agentStopped();
    expect(whole()).toEqual([['agent', 'Goodbye.', 'line-0']]);
    take(['agent', 'Goodbye.'], ['user', 'By']);
    one.agentStopped();
    expect(whole()).toHaveLength(1);
  });

  it.for([{ isWhole: true }, { isWhole: false }])(
    'tells an earlier line again that was revised, and nothing else (%j)',
    (options) => {
      const { take, one, whole } = follower(options);
      take(['agent', 'Your name?'], ['user', 'Ann Smit'], ['agent', 'Thank']);
      take(['agent', 'Your name?'], ['user', 'Anne Smith'], ['agent', 'Thank you.'], ['user', 'Bye']);
      take(['agent', 'What is your name?'], ['user', 'Anne Smith'], ['agent', 'Thank you.'], ['user', 'Bye']);
      one.end();
      expect(whole()).toEqual([
        ['agent', 'Your name?', 'line-0'],
        ['caller', 'Ann Smit', 'line-1'],
        ['caller', 'Anne Smith', 'line-1'],
        ['agent', 'Thank you.', 'line-2'],
        ['agent', 'What is your name?', 'line-0'],
        ['caller', 'Bye', 'line-3'],
      ]);
    },
  );

  it('finds its place in the last lines where one of them was revised', () => {
    const { take, one, whole } = follower();
    take(['agent', 'One'], ['user', 'two'], ['agent', 'Three'], ['user', 'four'], ['agent', 'Five']);
    take(['user', 'too'], ['agent', 'Three'], ['user', 'four'], ['agent', 'Five'], ['user', 'six']);
    one.end();
    expect(whole().map(([, text, id]) => [text, id])).toEqual([
      ['One', 'line-0'],
      ['two', 'line-1'],
      ['Three', 'line-2'],
      ['four', 'line-3'],
      ['too', 'line-1'],
      ['Five', 'line-4'],
      ['six', 'line-5'],
    ]);
  });

  it('takes a line that comes between others, or goes, for that one alone', () => {
    const { take, one, whole } = follower({ isWhole: true });
    take(['agent', 'Good day.'], ['agent', 'Hello?']);
    take(['agent', 'Good day.'], ['user', 'Hm'], ['agent', 'Hello?'], ['user', 'Hi']);
    take(['agent', 'Good day.'], ['agent', 'Hello?'], ['user', 'Hi']);
    one.end();
    expect(whole()).toEqual([
      ['agent', 'Good day.', 'line-0'],
      ['caller', 'Hm', 'line-2'],
      ['agent', 'Hello?', 'line-1'],
      ['caller', 'Hi', 'line-3'],
    ]);
  });

  it('goes on where the list holds the last lines alone', () => {
    const { told, take, one } = follower();
    const lines = Array.from({ length: 8 }, (_, i): [string, string] => [i % 2 === 0 ? 'agent' : 'user', `words ${i}`]);
    for (let i = 1; i <= lines.length; i++) take(...lines.slice(Math.max(0, i - 5), i));
    one.end();
    expect(told.filter(([, , final]) => final).map(([, text]) => text)).toEqual(lines.map(([, text]) => text));
  });

  it('passes over tools and steps, and says what cannot be read', () => {
    const { told, take, one, unreadable } = follower();
    take(['tool_call_invocation', 'look_up'], ['agent', 'Here.']);
    one.take('nothing');
    one.take(undefined);
    expect(told).toEqual([['agent', 'Here.', false, 'line-0']]);
    expect(unreadable).toHaveLength(2);
  });
});
