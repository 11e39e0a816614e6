import { describe, expect, it } from 'vitest';
import { Audit } from '../../../src/people/audit.ts';
import type { AuditEntry } from '../../../src/people/store.ts';
import { FakeClock } from '../../fakes/clock.ts';

const ANNA = { id: 'a1', name: 'Anna', role: 'operator' } as const;
const done = (action: string, target: string | null = null) => ({
  ...{ operator: ANNA, action, target, status: 204, address: '192.0.2.1' },
});

function rig({ retentionMs }: { retentionMs?: number } = {}) {
  const clock = new FakeClock();
  const written: AuditEntry[] = [];
  const forgot: number[] = [];
  const state = { away: false };
  const lost: unknown[] = [];
  let n = 0;
  const audit = new Audit({
    clock,
    retentionMs,
    newId: () => `e${n++}`,
    log: { warn: () => {}, error: (fields) => void lost.push(fields) },
    store: {
      note: async (entries) => {
        if (state.away) throw new Error('away');
        written.push(...entries);
      },
      forget: async (before) => void forgot.push(before),
    },
  });
  return { audit, clock, written, forgot, state, lost };
}

describe('the audit log', () => {
  it('has who did what, in order', async () => {
    const { audit, written } = rig();
    audit.note(done('hangUpCall', 'c1'));
    audit.note(done('say', 'c2'));
    await audit.flush();
    expect(written).toMatchObject([
      { id: 'e0', personId: 'a1', name: 'Anna', role: 'operator', action: 'hangUpCall', target: 'c1', status: 204 },
      { id: 'e1', action: 'say', target: 'c2' },
    ]);
  });

  it('waits for a store that is away, and loses nothing by it', async () => {
    const { audit, written, state, clock } = rig();
    state.away = true;
    audit.note(done('say', 'c1'));
    await audit.flush();
    audit.note(done('say', 'c2'));
    await audit.flush();
    expect(written).toEqual([]);
    state.away = false;
    clock.advance(5_000);
    await audit.flush();
    expect(written.map(({ target }) => target)).toEqual(['c1', 'c2']);
  });

  it('notes what is read in pieces once a minute', async () => {
    const { audit, written, clock } = rig();
    for (let i = 0; i < 20; i++) audit.noteRead(done('getRecording', 'c1'));
    audit.noteRead(done('getRecording', 'c2'));
    clock.advance(60_000);
    audit.noteRead(done('getRecording', 'c1'));
    await audit.flush();
    expect(written.map(({ target }) => target)).toEqual(['c1', 'c2', 'c1']);
  });

  it('forgets what is too old, at the start and every hour', () => {
    const { clock, forgot } = rig({ retentionMs: 1_000 });
    clock.advance(3_600_000);
    expect(forgot.map((before) => before + 1_000)).toEqual([clock.wall() - 3_600_000, clock.wall()]);
  });

  it('writes what is left when it is closed', async () => {
    const { audit, written, state } = rig();
    state.away = true;
    audit.note(done('say'));
    await audit.flush();
    state.away = false;
    await audit.close();
    expect(written).toHaveLength(1);
  });
});
