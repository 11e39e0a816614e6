import { describe, expect, it } from 'vitest';
import { Attribution } from '../../../../src/callers/livekit/attribution.ts';

/** So many ms of these voices, the loudest first; each 3 dB below the one before it. */
function hear(attribution: Attribution, ms: number, ...voices: string[]): string[] {
  const told: string[] = [];
  for (let t = 0; t < ms; t += 20) {
    const speaker = attribution.heard(voices.map((identity, i) => ({ identity, level: -20 - 3 * i })));
    if (speaker !== undefined) told.push(speaker);
  }
  return told;
}

describe('whose words they are', () => {
  it('a turn is his who was heard in it, what he said before the model noticed included', () => {
    const a = new Attribution();
    hear(a, 400, 'anna');
    a.began('t1');
    expect(a.of('t1')).toEqual({ by: 'anna', others: [] });
    hear(a, 1_000, 'anna');
    hear(a, 500);
    a.ended('t1');
    hear(a, 400, 'ben');
    a.began('t2');
    hear(a, 1_000, 'ben');
    hear(a, 500);
    a.ended('t2');
    expect(a.of('t1')).toEqual({ by: 'anna', others: [] });
    expect(a.of('t2')).toEqual({ by: 'ben', others: [] });
  });

  it('is by time and level: a cough does not take a turn, and a good part of it is named', () => {
    const a = new Attribution();
    a.began('t');
    hear(a, 200, 'carl');
    hear(a, 2_000, 'anna');
    hear(a, 1_000, 'ben');
    a.ended('t');
    expect(a.of('t')).toEqual({ by: 'anna', others: ['ben'] });
  });

  it('who speaks at the same time, and nearly as loud, spoke it, too', () => {
    const a = new Attribution();
    a.began('t');
    hear(a, 2_000, 'anna', 'ben', 'carl', 'dora');
    a.ended('t');
    // Carl is 6 dB below Anna, and Dora 9.
    expect(a.of('t')).toEqual({ by: 'anna', others: ['ben'] });
  });

  it('knows nobody where nobody was heard, and takes the last turn for one that it does not know', () => {
    const a = new Attribution();
    expect(a.of('x')).toBeUndefined();
    a.began('silence');
    hear(a, 500);
    a.ended('silence');
    expect(a.of('silence')).toBeUndefined();
    a.began(undefined);
    hear(a, 500, 'anna');
    a.ended(undefined);
    expect(a.of('whatever')).toEqual({ by: 'anna', others: [] });
  });

  /** A turn of which the model tells no id. */
  const turn = (a: Attribution, ...voices: string[]) => {
    a.began(undefined);
    hear(a, 600, ...voices);
    a.ended(undefined);
    hear(a, 700);
  };

  it('words under ids that no turn has told are of the turns in their order, while another goes on, too', () => {
    const a = new Attribution();
    turn(a, 'anna');
    turn(a, 'ben');
    a.began(undefined);
    hear(a, 600, 'carl');
    expect([a.of('x1')?.by, a.of('x2')?.by]).toEqual(['anna', 'ben']);
    // Told again they are whose they were.
    expect([a.of('x2')?.by, a.of('x1')?.by]).toEqual(['ben', 'anna']);
    expect(a.of('x3')?.by).toBe('carl');
    hear(a, 2_000, 'dora');
    hear(a, 700);
    a.ended(undefined);
    turn(a, 'anna');
    // What came while he spoke is settled by how the turn ended.
    expect([a.of('x3')?.by, a.of('x4')?.by, a.of('x1')?.by]).toEqual(['dora', 'anna', 'anna']);
  });

  it('a turn that has an id keeps it while one without goes on', () => {
    const a = new Attribution();
    a.began('t1');
    hear(a, 600, 'anna');
    a.ended('t1');
    hear(a, 700);
    a.began(undefined);
    hear(a, 600, 'ben');
    expect(a.of('t1')?.by).toBe('anna');
    expect(a.of('t2')?.by).toBe('ben');
    expect(a.of('t3')?.by).toBe('ben');
  });

  it('a turn in which nobody was heard is nobody’s, whoever spoke before it', () => {
    const a = new Attribution();
    turn(a, 'anna');
    expect(a.of('x1')?.by).toBe('anna');
    turn(a);
    expect(a.of('x2')).toBeUndefined();
    a.began('t3');
    hear(a, 600);
    expect(a.of('t3')).toBeUndefined();
    a.ended('t3');
    expect(a.of('t3')).toBeUndefined();
  });

  it('a turn that had no words does not get those of a later one for ever', () => {
    const a = new Attribution();
    turn(a, 'anna');
    hear(a, 10_000);
    turn(a, 'ben');
    expect(a.of('x')?.by).toBe('ben');
  });

  it('tells who speaks when it is another, and not for a word between', () => {
    const a = new Attribution();
    expect(hear(a, 1_000, 'anna')).toEqual(['anna']);
    expect(hear(a, 120, 'ben')).toEqual([]);
    expect(hear(a, 1_000, 'anna')).toEqual([]);
    expect(hear(a, 3_000)).toEqual([]);
    expect(hear(a, 1_000, 'ben', 'anna')).toEqual(['ben']);
    expect(a.speaker).toBe('ben');
    expect(a.wrote('ben')).toBe(false);
    expect(a.wrote('anna')).toBe(true);
  });

  it('remembers the last turns alone', () => {
    const a = new Attribution();
    for (let i = 0; i < 200; i++) {
      a.began(`t${i}`);
      hear(a, 300, i % 2 === 0 ? 'even' : 'odd');
      a.ended(`t${i}`);
    }
    expect(a.of('t198')?.by).toBe('even');
    // Of one that is forgotten the last one stands in.
    expect(a.of('t0')?.by).toBe('odd');
  });
});
