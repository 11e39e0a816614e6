import { describe, expect, it } from 'vitest';
import { Outlet } from '../../../../../src/callers/bridge/http/outlet.ts';
import { ToldEvents } from '../../../../../src/callers/bridge/http/told-events.ts';

function rig() {
  const sent: string[] = [];
  const closed: number[] = [];
  const dropped: string[] = [];
  const socket = {
    bufferedBytes: 0,
    send: (json: string) => sent.push(json) > 0,
    close: (code = 1000) => void closed.push(code),
  };
  const outlet = new Outlet({ socket, bufferBytes: 1_600, dropped: (why) => void dropped.push(why) });
  return { outlet, socket, sent, closed, dropped };
}

describe('a socket of a handler', () => {
  it('misses what can be missed while it is behind, and nothing else', () => {
    const { outlet, socket, sent, dropped } = rig();
    outlet.tell('a', true);
    socket.bufferedBytes = 101;
    outlet.tell('b', true);
    outlet.tell('c', false);
    expect(sent).toEqual(['a', 'c']);
    expect(dropped).toEqual([]);
  });

  it('that lets too much lie is closed, once, and told nothing more', () => {
    const { outlet, socket, sent, closed, dropped } = rig();
    socket.bufferedBytes = 1_601;
    outlet.tell('a', false);
    outlet.tell('b', false);
    outlet.drop('flood');
    outlet.end();
    expect(sent).toEqual(['a']);
    expect(closed).toEqual([1013]);
    expect(dropped).toEqual(['slow']);
  });

  it('is closed with the call, or for messages without end', () => {
    const over = rig();
    over.outlet.end();
    expect([over.closed, over.dropped]).toEqual([[1000], []]);
    const flood = rig();
    flood.outlet.drop('flood');
    expect([flood.closed, flood.dropped]).toEqual([[1008], ['flood']]);
  });
});

describe('what was told until now', () => {
  it('is kept in order, the oldest given up first, by number and by length', () => {
    const many = new ToldEvents();
    for (let i = 0; i < 300; i++) many.push(`${i}`);
    expect([...many]).toHaveLength(256);
    expect([many.missed, [...many][0], [...many].at(-1)]).toEqual([44, '44', '299']);
    const long = new ToldEvents();
    for (const letter of ['a', 'b', 'c']) long.push(letter.repeat(100_000));
    expect([...long].map((text) => text[0])).toEqual(['b', 'c']);
    expect(long.missed).toBe(1);
  });
});
