import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Connection, Handover } from '../../../src/workers/handover.ts';
import { FakeClock } from '../../fakes/clock.ts';

const connection = (path = '/incoming-call'): Connection => ({ socket: new Socket(), read: Buffer.from('x'), path });

function start() {
  const clock = new FakeClock();
  const sent: Connection[] = [];
  const back: Connection[] = [];
  let asked = 0;
  const handover = new Handover({
    clock,
    send: (one) => void sent.push(one),
    back: (given) => void back.push(...given),
    ask: () => asked++,
  });
  handover.open();
  return { clock, sent, back, handover, asked: () => asked };
}

describe('connections on their way to a worker', () => {
  it('go one at a time, each open here until the worker has it', () => {
    const { handover, sent } = start();
    const [a, b] = [connection(), connection()];
    handover.hand(a);
    handover.hand(b);
    expect(sent).toEqual([a]);
    expect(a.socket.destroyed).toBe(false);
    expect(handover.pending).toBe(2);
    handover.told(1);
    expect(a.socket.destroyed).toBe(true);
    expect(sent).toEqual([a, b]);
    expect(handover.pending).toBe(1);
  });

  it('are all given to another, open, when the worker ends without having told of them', () => {
    const { handover, back } = start();
    const [a, b] = [connection('/media-stream/aaaaaa'), connection('/media-stream/aaaaaa')];
    handover.hand(a);
    handover.hand(b);
    handover.close();
    expect(back.map(({ socket }) => socket)).toEqual([a.socket, b.socket]);
    expect(back.map(({ path, missed }) => [path, missed])).toEqual([
      [undefined, 1],
      ['/media-stream/aaaaaa', undefined],
    ]);
    expect(a.socket.destroyed).toBe(false);
  });

  it('are not given to another once the worker has them', () => {
    const { handover, back } = start();
    handover.hand(connection());
    handover.told(1);
    handover.close();
    expect(back).toEqual([]);
  });

  it('go to another when the worker is closing, and the next waits until it has told of that', () => {
    const { handover, back, sent } = start();
    const [a, b] = [connection(), connection()];
    handover.hand(a);
    handover.hand(b);
    handover.refused();
    expect(back.map(({ socket, missed }) => [socket, missed])).toEqual([[a.socket, 1]]);
    expect(sent).toEqual([a]);
    handover.told(1);
    expect(a.socket.destroyed).toBe(false);
    expect(sent).toEqual([a, b]);
  });

  it('go to another when the worker says, asked behind them, that it has not got them, and not by what it told before', () => {
    const { clock, handover, back, asked, sent } = start();
    const [a, b] = [connection(), connection()];
    handover.hand(a);
    handover.hand(b);
    clock.advance(3_500);
    handover.told(0);
    handover.told(0);
    expect([asked(), back.length]).toEqual([1, 0]);
    handover.answered(0);
    expect(back.map(({ socket }) => socket)).toEqual([a.socket]);
    expect(sent).toEqual([a, b]);
    handover.told(1);
    expect(b.socket.destroyed).toBe(true);
    expect(handover.pending).toBe(0);
  });

  it('stay where they are when the worker was only late', () => {
    const { clock, handover, back, asked } = start();
    handover.hand(connection());
    clock.advance(3_500);
    handover.told(0);
    handover.told(1);
    handover.answered(1);
    expect([asked(), back.length, handover.pending]).toEqual([1, 0, 0]);
  });

  it('are passed over when their client has closed them', () => {
    const { handover, sent } = start();
    const [a, b, c] = [connection(), connection(), connection()];
    for (const one of [a, b, c]) handover.hand(one);
    b.socket.destroy();
    handover.told(1);
    expect(sent).toEqual([a, c]);
  });
});
