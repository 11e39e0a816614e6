import { describe, expect, it } from 'vitest';
import { type Candidate, choose } from '../../../src/workers/choose.ts';
import { portShare, workerContradictions } from '../../../src/workers/settings.ts';

const worker = (
  instance: string,
  what: Partial<Candidate> & { calls?: number; requests?: number; is?: string } = {},
) => {
  const { calls = 0, requests = 0, is = 'ok', ...rest } = what;
  const memory = { rss: 0, heapTotal: 0, heapUsed: 0 };
  const load = { taken: 0, calls, requests, readiness: is as 'ok', memory };
  return { instance, state: 'serving', load, pending: 0, silent: false, ...rest } as Candidate;
};
const chosen = (workers: readonly Candidate[], path?: string, turn?: number) => choose(workers, path, turn)?.instance;

describe('who gets a connection', () => {
  it('is the process whose name stands in the path, though it is the busiest and takes no new calls', () => {
    const workers = [worker('aaaaaa'), worker('bbbbbb', { calls: 90, state: 'draining' })];
    expect(chosen(workers, '/media-stream/bbbbbb')).toBe('bbbbbb');
    expect(chosen(workers, '/internal/bbbbbb/hangup')).toBe('bbbbbb');
  });

  it('is the least busy of all where the path names nobody, or one that is not here any more', () => {
    const workers = [worker('aaaaaa', { calls: 3 }), worker('bbbbbb', { calls: 2 })];
    expect(chosen(workers, '/incoming-call')).toBe('bbbbbb');
    expect(chosen(workers, '/media-stream/cccccc')).toBe('bbbbbb');
    expect(chosen(workers)).toBe('bbbbbb');
  });

  it('counts what is being asked and what is on its way as calls that may come of it', () => {
    const asked = worker('aaaaaa', { calls: 1, requests: 2 });
    const given = worker('bbbbbb', { calls: 1, pending: 3 });
    expect(chosen([asked, given], '/incoming-call')).toBe('aaaaaa');
  });

  it('takes turns where all are as busy', () => {
    const workers = [worker('aaaaaa'), worker('bbbbbb'), worker('cccccc')];
    expect([0, 1, 2, 3].map((turn) => chosen(workers, '/', turn))).toEqual(['aaaaaa', 'bbbbbb', 'cccccc', 'aaaaaa']);
  });

  it('prefers, whatever the load, who is well to who is overloaded, silent, or about to leave, in this order', () => {
    const order = [
      worker('draini', { state: 'draining' }),
      worker('retiri', { state: 'retiring' }),
      worker('silent', { silent: true }),
      worker('overlo', { is: 'overloaded' }),
      worker('iswell', { calls: 400 }),
    ];
    for (let n = order.length; n > 0; n--) expect(chosen(order.slice(0, n))).toBe(order[n - 1]?.instance);
  });

  it('is, where all end, who has calls: one without any may be gone before it answers', () => {
    const leaving = [worker('aaaaaa', { state: 'draining' }), worker('bbbbbb', { state: 'draining', calls: 2 })];
    for (const turn of [0, 1]) expect(chosen(leaving, '/health/live', turn)).toBe('bbbbbb');
  });

  it('is nobody where all are starting or gone', () => {
    expect(
      choose([worker('aaaaaa', { state: 'ended' }), worker('bbbbbb', { state: 'starting' })], '/'),
    ).toBeUndefined();
  });
});

describe('the ports of media', () => {
  it('are shared out without gap or overlap', () => {
    const shares = [0, 1, 2].map((n) => portShare({ min: 10_000, max: 10_100 }, n, 3));
    expect(shares).toEqual([
      { min: 10_000, max: 10_032 },
      { min: 10_033, max: 10_065 },
      { min: 10_066, max: 10_100 },
    ]);
  });

  it('have to be two for each process at least', () => {
    const range = { min: 10_000, max: 10_006 };
    expect(workerContradictions({ WORKERS: 4, RTC_PORT_RANGE: range })).toEqual([
      'RTC_PORT_RANGE: each of the 4 WORKERS needs ports of its own. Widen it.',
    ]);
    expect(workerContradictions({ WORKERS: 3, RTC_PORT_RANGE: range })).toEqual([]);
    expect(workerContradictions({ WORKERS: 4 })).toEqual([]);
  });
});
