import { describe, expect, it } from 'vitest';
import { choicesOf, choiceWords, orderOf } from '../../../web/js/model/agent-choice.js';
import { callFrom } from '../../../web/js/model/call-state.js';
import { Unsaved } from '../../../web/js/model/unsaved.js';
import { barsOf, figuresOf } from '../../../web/js/model/waterfall.js';
import { stream } from './events.ts';

const AGENTS = {
  prompts: [
    { name: 'default', agent: 'openai', description: 'The front desk.' },
    { name: 'sales', agent: 'vapi', description: null },
  ],
  kinds: [
    { name: 'openai', title: 'OpenAI', needs: [] },
    { name: 'vapi', title: 'Vapi', needs: ['assistant_id'] },
  ],
};

describe('who answers a call that is made by hand', () => {
  it('is a prompt, a draft, or another kind of agent', () => {
    const groups = choicesOf(AGENTS, ['default']);
    expect(groups.map(({ title }) => title)).toEqual(['', 'Not saved yet', 'Prompts', 'Kinds of agents']);
    expect(groups.flatMap(({ choices }) => choices.map(({ value }) => value))).toEqual([
      ...['route', 'draft:default', 'prompt:default', 'prompt:sales', 'kind:openai', 'kind:vapi'],
    ]);
    expect(groups[2]?.choices.map(({ words }) => words)).toEqual(['default', 'sales (Vapi)']);
    expect(choicesOf({ prompts: [], kinds: [] }, [])).toHaveLength(1);
  });

  it('is ordered by what was chosen, and a draft is kept only then', async () => {
    const kept: string[] = [];
    const keep = async (name: string) => {
      kept.push(name);
      return 'draft-0011223344556677';
    };
    expect(await orderOf('route', { voice: 'cedar' }, keep)).toEqual({ voice: 'cedar' });
    expect(await orderOf('prompt:sales', {}, keep)).toEqual({ agentName: 'sales' });
    expect(await orderOf('kind:openai', {}, keep)).toEqual({ agent: 'openai' });
    expect(await orderOf('kind:vapi', { keys: { assistant_id: 'a-1' } }, keep)).toEqual({
      agent: { kind: 'vapi', assistant_id: 'a-1' },
    });
    expect(kept).toEqual([]);
    expect(await orderOf('draft:new prompt', { voice: 'ash' }, keep)).toEqual({
      voice: 'ash',
      agentName: 'draft-0011223344556677',
    });
    expect(kept).toEqual(['new prompt']);
    expect(['route', 'prompt:sales', 'draft:sales'].map(choiceWords)).toEqual([
      ...['As the routes say', 'sales', 'sales (not saved)'],
    ]);
  });

  it('can be a text from when it differs until it is saved', () => {
    const unsaved = new Unsaved();
    let told = 0;
    unsaved.watch(() => told++);
    unsaved.put('default', 'one');
    unsaved.put('default', 'two');
    expect(unsaved.text('default')).toBe('two');
    expect(unsaved.names).toEqual(['default']);
    unsaved.put('default', undefined);
    expect(unsaved.names).toEqual([]);
    // What is written in it changes no list.
    expect(told).toBe(2);
  });
});

describe('the figures of a call', () => {
  it('are what its answers came to, the last one apart', () => {
    const turns = [700, 2_000, 900].map((ms, index) => ({
      index,
      callerStoppedMs: index * 10_000,
      heardMs: index * 10_000 + ms,
    }));
    expect(figuresOf(barsOf({ turns, tools: [] }))).toEqual({
      ...{ answers: 3, lastMs: 900, medianMs: 900, slowMs: 2_000, longestMs: 2_000, above: 1 },
    });
    expect(figuresOf([])).toBeUndefined();
  });

  it('count a wait from the caller’s last word until the agent is heard', () => {
    const event = stream('c');
    const begun = [event('call_started', { direction: 'inbound', info: {} }), event('connected', { audioPath: '' })];
    const stopped = event('agent.speech_stopped', { itemId: 'i', silenceMs: 500 });
    const waits = (more: typeof begun) => callFrom('c', [...begun, stopped, ...more]).waitingFromMs;
    expect(waits([])).toBe(stopped.offsetMs - 500);
    expect(waits([event('agent.audio_started', { itemId: 'a', responseId: 'r' })])).toBeUndefined();
    expect(waits([event('agent.speech_started', { itemId: 'j' })])).toBeUndefined();
    expect(
      waits([event('call_ended', { end: { result: 'success', reason: 'caller-hangup' }, durationMs: 1 })]),
    ).toBeUndefined();
  });
});
