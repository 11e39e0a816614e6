import { describe, expect, it } from 'vitest';
import { ownCallEvent } from '../../../src/live/own-call.ts';
import type { RecordedEvent } from '../../../src/records/event.ts';

const record = (type: string, data: Record<string, unknown>): RecordedEvent => ({
  id: 'id',
  callId: 'call',
  seq: 3,
  at: 1,
  offsetMs: 2,
  type,
  data,
  transient: false,
});
const shown = (type: string, data: Record<string, unknown>, operator = false) => {
  const text = ownCallEvent(record(type, data), operator);
  return text === undefined ? undefined : (JSON.parse(text) as { event: { data: unknown } }).event.data;
};

describe('what a party is told of its own call', () => {
  it('is what happens in the conversation, with id and time', () => {
    const text = ownCallEvent(
      record('agent.transcript', { role: 'agent', itemId: 'i', text: 'Hi', final: true }),
      false,
    );
    expect(JSON.parse(text ?? '')).toEqual({
      type: 'event',
      event: {
        id: 'id',
        seq: 3,
        at: 1,
        offsetMs: 2,
        type: 'agent.transcript',
        data: { role: 'agent', itemId: 'i', text: 'Hi', final: true },
      },
    });
  });

  it('is not what an operator said or whispered in the place of the caller', () => {
    const words = { role: 'caller', itemId: 'i', text: 'Offer ten percent', final: true, operator: true };
    expect(shown('agent.transcript', words)).toEqual({ role: 'caller', itemId: 'i', text: '', final: true });
  });

  it('is not what the daemon is made of', () => {
    expect(shown('call_started', { info: { route: 'r' } }, true)).toBeUndefined();
    expect(shown('agent.rate_limits', {}, true)).toBeUndefined();
    expect(shown('connected', { audioPath: 'up: ...' }, true)).toEqual({});
  });

  it('has what a provider says of an error for operators alone', () => {
    const error = {
      code: 'MODEL_RATE_LIMITED',
      message: 'Rate limit reached in organization org-7Gh on tokens per min',
    };
    expect(shown('agent.error', error)).toEqual({ code: 'MODEL_RATE_LIMITED' });
    expect(shown('agent.error', error, true)).toEqual(error);
  });

  it('has the arguments of functions for operators alone', () => {
    const call = { toolCallId: 't', name: 'look_up_caller', arguments: '{"name":"Maria"}', responseId: 'r' };
    expect(shown('agent.tool_call', call)).toEqual({ toolCallId: 't', name: 'look_up_caller', responseId: 'r' });
    expect(shown('agent.tool_call', call, true)).toEqual(call);
  });
});
