import { describe, expect, it } from 'vitest';
import type { StreamTold } from '../../../../src/agents/stream/session.ts';
import { MessageReader } from '../../../../src/agents/websocket/reader.ts';
import type { EventRule } from '../../../../src/agents/websocket/target.ts';
import { at, fillTemplate, placesIn } from '../../../../src/agents/websocket/template.ts';

function reading(rules: readonly EventRule[]) {
  const told: unknown[][] = [];
  const replies: unknown[] = [];
  const listener = new Proxy({} as StreamTold, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        void told.push([name, ...args]),
  });
  const reader = new MessageReader({
    rules,
    told: listener,
    audio: (base64) => void told.push(['base64', base64]),
    reply: (message) => void replies.push(message),
  });
  const read = (message: unknown) =>
    reader.read(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
  return { told, replies, read };
}

describe('templates', () => {
  const value = (name: string) => ({ text: 'a "b"', n: 5, list: [1] })[name];

  it('keep the type of a value that is all of a text, and write it into others', () => {
    expect(fillTemplate({ a: '{{n}}', b: ['{{ list }}'], c: 'n={{n}}, {{text}}!', d: 7 }, value)).toEqual({
      a: 5,
      b: [[1]],
      c: 'n=5, a "b"!',
      d: 7,
    });
  });

  it('leave out what there is no value for', () => {
    expect(fillTemplate({ a: '{{no}}', b: '-{{no}}-' }, value)).toEqual({ b: '--' });
  });

  it('tell their places', () => {
    expect(placesIn({ a: ['{{x}} {{y}}'], b: { c: '{{z}}' }, d: 1 })).toEqual(['x', 'y', 'z']);
  });

  it('find what is at a path, and nothing that only every object has', () => {
    expect(at({ a: [{ b: 0 }] }, 'a.0.b')).toBe(0);
    expect(at({ a: 1 }, 'a.b')).toBeUndefined();
    expect(at({}, 'constructor.name')).toBeUndefined();
  });
});

describe('messages', () => {
  it('mean what the first rule that fits says', () => {
    const { told, read } = reading([
      { when: { type: 'state', 'data.who': 'agent' }, is: 'answer-started', id: 'data.id' },
      { when: { type: 'state' }, is: 'ignored' },
    ]);
    read({ type: 'state', data: { who: 'agent', id: 4 } });
    read({ type: 'state', data: { who: 'user' } });
    expect(told).toEqual([['answerStarted', '4']]);
  });

  it('that are unknown or unreadable are told as such', () => {
    const { told, read } = reading([{ when: { type: 'a' }, is: 'tool-call', id: 'id', name: 'name' }]);
    read({ type: 'b' });
    read('{"type":');
    read('[1]');
    read({ type: 'a', name: 'look_up' });
    expect(told.map(([what]) => what)).toEqual(['unknown', 'unreadable', 'unreadable', 'unreadable']);
  });

  it('are answered with what they hold', () => {
    const { replies, told, read } = reading([
      { when: { type: 'ping' }, is: 'ignored', reply: { type: 'pong', id: '{{event.id}}' } },
    ]);
    read({ type: 'ping', event: { id: 12 } });
    expect(replies).toEqual([{ type: 'pong', id: 12 }]);
    expect(told).toEqual([]);
  });

  const words = { id: 'ordinal', text: 'text', delta: 'delta', final: 'final' };

  it('bring words that grow by what is added, and come whole at last', () => {
    const { told, read } = reading([{ when: {}, is: 'agent-said', ...words }]);
    read({ ordinal: 1, delta: 'Good ' });
    read({ ordinal: 1, delta: 'day' });
    read({ ordinal: 1, text: 'Good day.', final: true });
    expect(told).toEqual([
      ['transcript', 'agent', 'Good ', false, 'agent-1'],
      ['transcript', 'agent', 'day', false, 'agent-1'],
      ['transcript', 'agent', 'Good day.', true, 'agent-1'],
    ]);
  });

  it('bring words that are told anew each time: only what is new of them is passed on', () => {
    const { told, read } = reading([{ when: {}, is: 'caller-said', ...words }]);
    read({ ordinal: 1, text: 'A table' });
    read({ ordinal: 1, text: 'A table for' });
    read({ ordinal: 1, text: 'The table four' });
    read({ ordinal: 1, text: 'A table for four', final: true });
    expect(told.map(([, , text, final]) => [text, final])).toEqual([
      ['A table', false],
      [' for', false],
      ['', false],
      ['A table for four', true],
    ]);
  });
});
