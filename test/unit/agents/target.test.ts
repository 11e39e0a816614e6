import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kindOfTarget, neededKeys, parseTarget, type TargetKind } from '../../../src/agents/target.ts';

const kinds: TargetKind[] = [
  { name: 'plain', options: {} },
  {
    name: 'berth',
    options: {
      target: { agent_id: z.string('is missing').min(1), transport: z.enum(['auto', 'line']).default('auto') },
      checkTarget(options, context) {
        if (options['agent_id'] === 'line' && options['transport'] === 'auto')
          context.addIssue({ code: 'custom', path: ['transport'], message: 'contradicts agent_id' });
      },
    },
  },
];
const problemsOf = (raw: unknown) => {
  const parsed = parseTarget(raw, kinds);
  return parsed.ok ? [] : parsed.problems.map(({ path, problem }) => [path.join('.'), problem]);
};

describe('an agent as people write it', () => {
  it('is a kind by its name, or the same as an object', () => {
    const plain = { ok: true, target: { kind: 'plain', options: {} } };
    expect(parseTarget('plain', kinds)).toEqual(plain);
    expect(parseTarget({ kind: 'plain' }, kinds)).toEqual(plain);
    expect(['plain', { kind: 'plain' }, 7, {}, null].map(kindOfTarget)).toEqual([
      'plain',
      'plain',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('says by the keys of its kind which one is meant, with what they are without being said', () => {
    expect(parseTarget({ kind: 'berth', agent_id: 'b-1' }, kinds)).toEqual({
      ok: true,
      target: { kind: 'berth', options: { agent_id: 'b-1', transport: 'auto' } },
    });
  });

  it('is refused at the key that is wrong, with a hint at what was meant', () => {
    expect(problemsOf('bert')).toEqual([
      ['', 'there is no kind of agent "bert" (there is plain, berth); did you mean berth?'],
    ]);
    expect(problemsOf({ kind: 'plian' })).toEqual([['kind', expect.stringContaining('did you mean plain?')]]);
    expect(problemsOf({ kind: 'plain', agent_id: 'x' })).toEqual([['agent_id', 'is nothing that plain understands']]);
    expect(problemsOf({ kind: 'berth', agent_id: 'b', tranport: 'line' })).toEqual([
      ['tranport', 'is nothing that berth understands; did you mean transport?'],
    ]);
    expect(problemsOf({ kind: 'berth', agent_id: 'b', transport: 'boat' })).toEqual([
      ['transport', expect.any(String)],
    ]);
    expect(problemsOf({ kind: 'berth', agent_id: 'line' })).toEqual([['transport', 'contradicts agent_id']]);
  });

  it('needs so many words, or more than a few', () => {
    const either: TargetKind = {
      name: 'either',
      options: {
        target: { url: z.string().optional(), call: z.looseObject({}).optional() },
        checkTarget: (options, context) => {
          if (options['url'] === undefined && options['call'] === undefined) context.addIssue({ code: 'custom' });
        },
      },
    };
    expect([...kinds, either].map(neededKeys)).toEqual([[], ['agent_id'], undefined]);
  });

  it('is refused by its name alone where a kind must be told more', () => {
    expect(problemsOf('berth')).toEqual([['agent_id', 'is missing']]);
  });

  it.each([[7], [null], [true], [[]], [['plain']], [{}], [{ kind: 7 }], [undefined]])('is none: %j', (raw) => {
    expect(problemsOf(raw)).toEqual([[expect.any(String), expect.stringContaining('there is plain, berth')]]);
  });

  it('is no key of every object: of its prototype nothing is read', () => {
    expect(problemsOf(JSON.parse('{"kind": "plain", "__proto__": {"x": 1}}'))).toHaveLength(1);
  });
});
