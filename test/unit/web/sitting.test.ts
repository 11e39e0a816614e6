import { describe, expect, it } from 'vitest';
import { LiveCalls } from '../../../web/js/model/live-calls.js';
import { answeredInstead, Sitting } from '../../../web/js/model/sitting.js';
import { stream } from './events.ts';

const begun = (calls: LiveCalls, id: string) => {
  const event = stream(id);
  calls.apply(event('call_started', { direction: 'inbound', info: {} }));
  return event;
};
const rig = () => {
  const calls = new LiveCalls();
  const sitting = new Sitting();
  const made = () => sitting.calls((id) => calls.get(id)).map(({ words, call }) => `${words} ${call.id}`);
  return { calls, sitting, made };
};

describe('the calls of a sitting', () => {
  it('are those that were placed here, and not the one that the telephone had before', () => {
    const { calls, sitting, made } = rig();
    begun(calls, 'from-the-corner');
    sitting.note('from-the-corner');
    sitting.order({ words: 'sales', voice: '' }, 'from-the-corner');
    // It is being placed, and still has the last id.
    sitting.note('from-the-corner');
    expect(made()).toEqual([]);
    sitting.note('one');
    expect(made()).toEqual([]);
    begun(calls, 'one');
    sitting.note('one');
    expect(made()).toEqual(['sales one']);
    sitting.order({ words: 'default', voice: 'cedar' }, 'one');
    sitting.note('one');
    sitting.note('two');
    begun(calls, 'two');
    expect(made()).toEqual(['default two', 'sales one']);
  });

  it('are each there once, as they are known now, when what is known of one is put anew', () => {
    const { calls, sitting, made } = rig();
    const event = stream('one');
    const first = event('call_started', { direction: 'inbound', info: { prompt: 'sales' } });
    // The stream was away when it began.
    calls.apply(event('connected', { audioPath: '' }));
    sitting.order({ words: 'sales', voice: '' }, '');
    sitting.note('one');
    expect(made()).toEqual(['sales one']);
    calls.addHistory('one', [first]);
    sitting.note('one');
    expect(made()).toEqual(['sales one']);
    expect(sitting.calls((id) => calls.get(id))[0]?.call).toBe(calls.get('one'));
    expect(sitting.calls((id) => calls.get(id))[0]?.call.info['prompt']).toBe('sales');
    // One that is over for long is not among the live ones, and stays here.
    calls.clear();
    expect(made()).toEqual(['sales one']);
  });

  it('tell of a prompt that was gone by then, and of who answered in its place', () => {
    const instead = (prompt: string | undefined, answered: string | undefined) => {
      const { calls, sitting } = rig();
      const info = answered === undefined ? {} : { prompt: answered };
      sitting.order({ words: 'w', voice: '', prompt }, '');
      calls.apply(stream('one')('call_started', { direction: 'inbound', info }));
      sitting.note('one');
      const [made] = sitting.calls((id) => calls.get(id));
      return made && answeredInstead(made);
    };
    expect(instead('sales', 'default')).toBe('default');
    expect([instead('sales', 'sales'), instead('sales', undefined), instead(undefined, 'default')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('are no more than can be held against each other', () => {
    const { calls, sitting, made } = rig();
    for (let n = 0; n < 20; n++) {
      sitting.order({ words: 'w', voice: '' }, n === 0 ? '' : `c${n - 1}`);
      begun(calls, `c${n}`);
      sitting.note(`c${n}`);
    }
    expect(made()).toHaveLength(12);
    expect(made()[0]).toBe('w c19');
  });
});
