import { describe, expect, it } from 'vitest';
import { GraphError, type GraphErrorCode } from '../../../../../src/callers/whatsapp/graph/errors.ts';
import { Farewells } from '../../../../../src/callers/whatsapp/graph/farewells.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';

/** A Graph API that fails with `state.failure` while that is set. */
function rig() {
  const clock = new FakeClock();
  const log = fakeLog();
  const asked: Array<{ at: number; what: string }> = [];
  const state: { failure: GraphErrorCode | undefined; hangs: boolean; retryAfterMs?: number; lost: number } = {
    failure: undefined,
    hangs: false,
    lost: 0,
  };
  const ask = async (what: string, signal: AbortSignal | undefined) => {
    asked.push({ at: clock.now(), what });
    if (state.hangs)
      await new Promise((_, reject) => {
        const abort = () => reject(new GraphError('GRAPH_ABORTED', 'given up', { uncertain: true }));
        if (signal?.aborted) abort();
        signal?.addEventListener('abort', abort);
      });
    if (state.failure !== undefined) throw new GraphError(state.failure, 'no', { retryAfterMs: state.retryAfterMs });
  };
  const client = {
    reject: (id: string, call?: { signal?: AbortSignal | undefined }) => ask(`reject ${id}`, call?.signal),
    terminate: (id: string, call?: { signal?: AbortSignal | undefined }) => ask(`terminate ${id}`, call?.signal),
  };
  const farewells = new Farewells({ clock, log, random: () => 1, lost: () => void state.lost++ });
  return { farewells, client, clock, log, asked, state };
}

describe('Meta is told that a call is over', () => {
  it('once, by the action that fits', async () => {
    const { farewells, client, clock, asked } = rig();
    farewells.send(client, 'terminate', 'a', 'id');
    farewells.send(client, 'terminate', 'a', 'id');
    farewells.send(client, 'reject', 'b', undefined);
    expect(farewells.waiting).toBe(2);
    await clock.advanceAsync(100);
    expect(asked.map(({ what }) => what)).toEqual(['terminate a', 'reject b']);
    expect(farewells.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it.each(['GRAPH_UNAVAILABLE', 'GRAPH_RATE_LIMITED', 'GRAPH_CALL_FAILED', 'GRAPH_TIMEOUT'] as const)(
    'again and again after %s, each wait twice the one before, until Meta takes it',
    async (failure) => {
      const { farewells, client, clock, asked, state } = rig();
      state.failure = failure;
      farewells.send(client, 'terminate', 'a', 'id');
      await clock.advanceAsync(16_000);
      const [first] = asked;
      expect(asked.map(({ at }) => at - (first?.at ?? 0))).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
      state.failure = undefined;
      await clock.advanceAsync(16_000);
      expect(asked).toHaveLength(7);
      expect(farewells.waiting).toBe(0);
      expect(state.lost).toBe(0);
    },
  );

  it('no more than once where it is final', async () => {
    for (const failure of ['GRAPH_PARAMETER_INVALID', 'GRAPH_AUTH', 'GRAPH_NUMBER_ON_SIP', 'GRAPH_REJECTED'] as const) {
      const { farewells, client, clock, asked, state } = rig();
      state.failure = failure;
      farewells.send(client, 'terminate', 'a', 'id');
      await clock.advanceAsync(60_000, 1_000);
      expect(asked).toHaveLength(1);
      expect(farewells.waiting).toBe(0);
    }
  });

  it('not for ever', async () => {
    const { farewells, client, clock, log, state } = rig();
    state.failure = 'GRAPH_UNAVAILABLE';
    farewells.send(client, 'terminate', 'a', 'id');
    await clock.advanceAsync(620_000, 100);
    expect(farewells.waiting).toBe(0);
    expect(state.lost).toBe(1);
    expect(log.lines.at(-1)).toMatchObject({ level: 'error', message: 'Meta could not be told that the call is over' });
    expect(clock.pending).toBe(0);
  });

  it('when Meta says, where it asks to be left alone', async () => {
    const { farewells, client, clock, asked, state } = rig();
    Object.assign(state, { failure: 'GRAPH_RATE_LIMITED', retryAfterMs: 20_000 });
    farewells.send(client, 'terminate', 'a', 'id');
    await clock.advanceAsync(19_900, 100);
    expect(asked).toHaveLength(1);
    await clock.advanceAsync(200, 100);
    expect(asked).toHaveLength(2);
  });

  it('no more once Meta tells it itself', async () => {
    const { farewells, client, clock, asked, state } = rig();
    state.failure = 'GRAPH_UNAVAILABLE';
    farewells.send(client, 'terminate', 'a', 'id');
    await clock.advanceAsync(200);
    farewells.known('a');
    await clock.advanceAsync(60_000, 1_000);
    expect(asked).toHaveLength(1);
    expect(farewells.waiting).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('of twenty calls at once, the others after them', async () => {
    const { farewells, client, clock, asked, state } = rig();
    state.hangs = true;
    for (let i = 0; i < 50; i++) farewells.send(client, 'terminate', `call${i}`, undefined);
    await clock.advanceAsync(100);
    expect(asked).toHaveLength(20);
    expect(farewells.waiting).toBe(50);
  });
});

describe('when the process ends', () => {
  it('what waits is tried at once, and the end waits for it', async () => {
    const { farewells, client, clock, asked, state } = rig();
    state.failure = 'GRAPH_UNAVAILABLE';
    farewells.send(client, 'terminate', 'a', 'id');
    await clock.advanceAsync(8_000);
    const before = asked.length;
    const closed = farewells.close();
    await clock.advanceAsync(500);
    expect(asked.length).toBeGreaterThan(before);
    state.failure = undefined;
    await clock.advanceAsync(500);
    await closed;
    expect(farewells.waiting).toBe(0);
    expect(state.lost).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('it waits for 4 s and no longer, for a Graph API that fails and for one that does not answer', async () => {
    for (const how of [{ failure: 'GRAPH_UNAVAILABLE' }, { hangs: true }] as const) {
      const { farewells, client, clock, state } = rig();
      Object.assign(state, how);
      farewells.send(client, 'terminate', 'a', 'id');
      await clock.advanceAsync(100);
      let done = false;
      void farewells.close().then(() => {
        done = true;
      });
      await clock.advanceAsync(3_900);
      expect(done).toBe(false);
      await clock.advanceAsync(500);
      expect(done).toBe(true);
      expect(state.lost).toBe(1);
      expect(clock.pending).toBe(0);
    }
  });

  it('it waits for nothing where Meta knows of all', async () => {
    const { farewells } = rig();
    await farewells.close();
  });
});
