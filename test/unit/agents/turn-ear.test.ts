import { describe, expect, it } from 'vitest';
import { TurnEar } from '../../../src/agents/common/turn-ear.ts';

const RATE = 24_000;

function ear() {
  const told: string[] = [];
  const one = new TurnEar(RATE, {
    callerSpeaks: () => void told.push('speaks'),
    callerStops: () => void told.push('stops'),
    yielded: () => void told.push('yielded'),
  });
  /** Both sides for so long, each loud or not. */
  const pass = (ms: number, caller: boolean, agent: boolean) => {
    for (let at = 0; at < ms; at += 10) {
      one.caller(new Int16Array(RATE / 100).fill(caller ? 4_000 : 0));
      one.agent(new Int16Array(RATE / 100).fill(agent ? 4_000 : 0));
    }
  };
  return { told, pass };
}

describe('who speaks, by the audio of both', () => {
  it('is the caller from his first syllable to 400 ms behind his last', () => {
    const { told, pass } = ear();
    pass(400, false, false);
    expect(told).toEqual([]);
    pass(60, true, false);
    expect(told).toEqual(['speaks']);
    pass(1_000, true, false);
    pass(380, false, false);
    expect(told).toEqual(['speaks']);
    pass(40, false, false);
    expect(told).toEqual(['speaks', 'stops']);
  });

  it('gives way when it falls silent while he speaks over it, once', () => {
    const { told, pass } = ear();
    pass(1_000, false, true);
    pass(300, true, true);
    expect(told).toEqual(['speaks']);
    pass(140, true, false);
    expect(told).toEqual(['speaks']);
    pass(1_000, true, false);
    expect(told).toEqual(['speaks', 'yielded']);
  });

  it('does not give way to a word that it talks through, nor by its own pause afterwards', () => {
    const { told, pass } = ear();
    pass(1_000, false, true);
    pass(200, true, true);
    pass(600, false, true);
    pass(500, false, false);
    expect(told).toEqual(['speaks', 'stops']);
  });

  it('does not give way to who speaks when it is silent', () => {
    const { told, pass } = ear();
    pass(500, false, true);
    pass(600, false, false);
    pass(800, true, false);
    expect(told).toEqual(['speaks']);
  });
});
