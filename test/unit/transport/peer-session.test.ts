import { describe, expect, it } from 'vitest';
import type { PeerHandlers } from '../../../src/transport/peer.ts';
import { PeerSession } from '../../../src/transport/peer-session.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

function made() {
  const clock = new FakeClock();
  const log = fakeLog();
  const told: string[] = [];
  const far = { packets: 0, closed: 0, quality: Promise.resolve({ codec: 'audio/opus' }) };
  let handlers: PeerHandlers = {};
  const session = new PeerSession({
    peer: (its) => {
      handlers = its;
      return {
        stats: async () => [{ type: 'transport', packetsReceived: far.packets }],
        quality: () => far.quality,
        close: () => {
          far.closed++;
        },
      };
    },
    media: { audio: () => told.push('audio') },
    clock,
    log,
    far: 'the caller',
    connected: () => told.push('connected'),
    lost: (loss, detail) => told.push(`${loss}: ${detail}`),
  });
  const state = (one: Parameters<NonNullable<PeerHandlers['state']>>[0]) => handlers.state?.(one);
  return { clock, log, told, far, session, state, handlers: () => handlers };
}

describe('a peer session', () => {
  it('passes on what the peer tells of its media, and logs each state', () => {
    const { log, told, session, state, handlers } = made();
    handlers().audio?.(new Int16Array(480), 48_000);
    state('connecting');
    expect(session.isConnected).toBe(false);
    state('connected');
    expect(session.isConnected).toBe(true);
    expect(told).toEqual(['audio', 'connected']);
    expect(log.lines).toEqual([
      { level: 'debug', fields: { state: 'connecting' }, message: 'webrtc state' },
      { level: 'debug', fields: { state: 'connected' }, message: 'webrtc state' },
    ]);
  });

  it('forgives a moment of bad line, however often', () => {
    const { clock, told, state } = made();
    for (let i = 0; i < 3; i++) {
      state('connected');
      clock.advance(10_000);
      state('disconnected');
      clock.advance(4_900);
    }
    state('connected');
    clock.advance(60_000);
    expect(told).toEqual(Array(4).fill('connected'));
    expect(clock.pending).toBe(0);
  });

  it('counts the grace from the first word of the trouble', () => {
    const { clock, told, session, state } = made();
    state('connected');
    state('disconnected');
    clock.advance(3_000);
    state('disconnected');
    clock.advance(1_900);
    expect(told).toEqual(['connected']);
    clock.advance(100);
    expect(told.slice(1)).toEqual(['disconnected: no answer from the caller for more than 5000 ms']);
    expect(session.isConnected).toBe(false);
  });

  it.each([
    ['failed', 'failed: no way to the caller works any more'],
    ['closed', 'closed: the peer connection was closed'],
  ] as const)('tells %s at once, and nothing after it', (last, line) => {
    const { clock, told, session, state } = made();
    state('connected');
    session.watch();
    state('disconnected');
    state(last);
    state('closed');
    state('connected');
    clock.advance(60_000);
    expect(told).toEqual(['connected', line]);
    expect(clock.pending).toBe(0);
  });

  it('notices the silence of the far end, once somebody relies on the line', async () => {
    const { clock, told, far, session, state } = made();
    state('connected');
    await clock.advanceAsync(60_000, 500);
    expect(told).toEqual(['connected']);
    session.watch();
    session.watch();
    for (let i = 0; i < 10; i++) {
      far.packets++;
      await clock.advanceAsync(2_000, 100);
    }
    expect(told).toEqual(['connected']);
    await clock.advanceAsync(9_000, 100);
    expect(told.slice(1)).toEqual(['silent: neither media nor answers to connectivity checks came from the caller']);
    expect(clock.pending).toBe(0);
  });

  it('tells nothing after its stop, and cannot be watched then', async () => {
    const { clock, told, session, state } = made();
    state('connected');
    state('disconnected');
    session.watch();
    session.stop();
    session.stop();
    expect(clock.pending).toBe(0);
    session.watch();
    state('failed');
    await clock.advanceAsync(20_000, 500);
    expect(told).toEqual(['connected']);
    expect(clock.pending).toBe(0);
  });

  it('logs what the line was like, then frees the peer', async () => {
    const { clock, log, far, session } = made();
    let notes = 1;
    const { promise: until, resolve } = Promise.withResolvers<void>();
    const closed = session.close('a line closed', () => ({ notes }), until);
    await clock.advanceAsync(100);
    expect([far.closed, log.lines.length]).toEqual([0, 0]);
    notes = 2;
    resolve();
    await closed;
    expect(far.closed).toBe(1);
    expect(log.lines).toEqual([{ level: 'info', fields: { codec: 'audio/opus', notes: 2 }, message: 'a line closed' }]);
    expect(clock.pending).toBe(0);
  });

  it('waits half a second for that and no longer', async () => {
    const { clock, far, session } = made();
    far.quality = new Promise(() => {});
    const closed = session.close('a line closed');
    clock.advance(499);
    expect(far.closed).toBe(0);
    clock.advance(1);
    await closed;
    expect(far.closed).toBe(1);
  });

  it('that came to nothing frees the peer at once', () => {
    const { clock, log, far, told, session, state } = made();
    state('disconnected');
    session.abandon();
    expect(far.closed).toBe(1);
    clock.advance(60_000);
    expect(told).toEqual([]);
    expect(log.lines).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
