import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, it } from 'vitest';
import type { AgentEvent, CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { CallTracer } from '../../../src/tracing/spans.ts';
import { FakeClock } from '../../fakes/clock.ts';

function make() {
  const clock = new FakeClock();
  const memory = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  const tracer = new CallTracer(provider.getTracer('test'), clock);
  const tell = (event: CallEvent, id = 'c1') => tracer.onEvent(id, event);
  const agent = (event: AgentEvent, id = 'c1') => tell({ type: 'agent', event }, id);
  const begin = (id = 'c1') =>
    tell(
      {
        type: 'call_started',
        at: clock.wall(),
        direction: 'inbound',
        info: {
          id,
          direction: 'inbound',
          carrier: 'twilio',
          from: '+15551230001',
          to: '+15551230002',
          prompt: 'default',
        },
      },
      id,
    );
  const ended = (id = 'c1', end = termination('caller-hangup')) =>
    tell({ type: 'call_ended', end, durationMs: 1, counters: {} }, id);
  const spans = () => memory.getFinishedSpans();
  const named = (name: string) => spans().filter((span) => span.name === name);
  /** Names from the root down to the span. */
  const pathOf = (spanId: string | undefined): string[] => {
    const span = spans().find((one) => one.spanContext().spanId === spanId);
    return span === undefined ? [] : [...pathOf(span.parentSpanContext?.spanId), span.name];
  };
  return { clock, tell, agent, begin, ended, spans, named, pathOf };
}

describe('the spans of a call', () => {
  it('are one tree: the call, its setup, turns, the responses and tools in them', () => {
    const { clock, tell, agent, begin, ended, spans, named, pathOf } = make();
    begin();
    clock.advance(300);
    agent({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 'sess_secret', resumed: false });
    tell({ type: 'connected', audioPath: '' });
    agent({ type: 'response_started', responseId: 'r0' });
    agent({ type: 'audio_started', responseId: 'r0', itemId: 'i0', contentIndex: 0 });
    clock.advance(1_000);
    agent({ type: 'response_done', responseId: 'r0', status: 'completed' });
    agent({ type: 'speech_started' });
    clock.advance(2_000);
    agent({ type: 'speech_stopped' });
    agent({ type: 'response_started', responseId: 'r1' });
    tell({ type: 'tool', event: { type: 'tool_started', name: 'lookup', toolCallId: 't1' } });
    clock.advance(500);
    tell({
      type: 'tool',
      event: {
        type: 'tool_finished',
        name: 'lookup',
        toolCallId: 't1',
        ms: 500,
        outcome: 'timeout',
        truncated: false,
        output: '{}',
      },
    });
    const heard = { itemId: 'i1', contentIndex: 0, responseId: 'r1', heardMs: 700, writtenMs: 900 };
    tell({ type: 'barge_in', heard: [heard], clearMs: 1 });
    ended();

    expect(
      spans()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['call', 'response', 'response', 'setup', 'tool', 'turn']);
    expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(named('response').map((span) => pathOf(span.spanContext().spanId))).toEqual([
      ['call', 'response'],
      ['call', 'turn', 'response'],
    ]);
    expect(pathOf(named('tool')[0]?.spanContext().spanId)).toEqual(['call', 'turn', 'tool']);
    expect(named('setup')[0]?.duration).toEqual([0, 300_000_000]);
    expect(named('tool')[0]).toMatchObject({
      attributes: { 'tool.name': 'lookup', 'tool.outcome': 'timeout' },
      status: { code: 2 },
    });
    expect(named('turn')[0]?.events.map(({ name }) => name)).toEqual(['speech_stopped', 'barge_in']);
    expect(named('call')[0]?.attributes).toMatchObject({
      'call.id': 'c1',
      'call.carrier': 'twilio',
      'call.result': 'success',
      'call.reason': 'caller-hangup',
      'agent.transport': 'webrtc',
    });
  });

  it('hold no number and no word of anybody', () => {
    const { tell, agent, begin, ended, spans } = make();
    begin();
    agent({ type: 'speech_started' });
    agent({ type: 'transcript', role: 'caller', itemId: 'i', text: 'my card is 4111', final: true });
    agent({ type: 'tool_call', toolCallId: 't', name: 'book', arguments: '{"name":"Ann"}', responseId: 'r' });
    agent({ type: 'error', code: 'server_error', message: 'about Ann' });
    tell({ type: 'caller', event: { type: 'dtmf', digit: '4' } });
    ended();
    const told = JSON.stringify(spans().map(({ name, attributes, events }) => ({ name, attributes, events })));
    expect(told).not.toMatch(/\+1555|4111|Ann|"4"/);
    expect(told).toContain('caller.dtmf');
  });

  it('are all closed with the call, and a failed call is an error', () => {
    const { clock, agent, begin, ended, spans, named } = make();
    begin();
    agent({ type: 'speech_started' });
    agent({ type: 'response_started', responseId: 'r1' });
    clock.advance(100);
    ended('c1', termination('model-unavailable'));
    expect(
      spans()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['call', 'response', 'setup', 'turn']);
    expect(named('call')[0]?.status).toEqual({ code: 2, message: 'model-unavailable' });
    agent({ type: 'speech_started' });
    expect(spans()).toHaveLength(4);
  });

  it('of two calls are two trees', () => {
    const { begin, ended, named } = make();
    begin('a');
    begin('b');
    ended('b');
    ended('a');
    expect(new Set(named('call').map((span) => span.spanContext().traceId)).size).toBe(2);
  });

  it('do not pile up where responses begin and never end', () => {
    const { agent, begin, named, ended } = make();
    begin();
    for (let n = 0; n < 1_000; n++) agent({ type: 'response_started', responseId: `r${n}` });
    expect(named('response').length).toBe(1_000 - 32);
    ended();
    expect(named('response').length).toBe(1_000);
  });
});
