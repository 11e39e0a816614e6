import { describe, expect, it } from 'vitest';
import { AGENTS, labelsOf } from '../../../src/agents/index.ts';
import {
  type AgentEvent,
  type CallEvent,
  TOOL_OUTCOMES,
  type ToolEvent,
  type ToolOutcome,
} from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { toolLabels } from '../../../src/metrics/labels.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { FakeClock } from '../../fakes/clock.ts';

const TOOLS = new Set(['lookup', 'book']);

function make() {
  const clock = new FakeClock();
  const metrics = createMetrics({
    clock,
    activeCalls: () => 7,
    loopDelay: () => ({ p50: 1, p99: 20, max: 50, smoothed: 5 }),
    isTool: (name) => TOOLS.has(name),
    agents: labelsOf(AGENTS),
    refusals: ['calls', 'rate'],
    httpEvents: ['webhook_received'],
  });
  const tell = (event: CallEvent, id = 'c1') => metrics.onEvent(id, event);
  const agent = (event: AgentEvent, id = 'c1') => tell({ type: 'agent', event }, id);
  const begin = (id = 'c1', direction: 'inbound' | 'outbound' = 'inbound') =>
    tell({ type: 'call_started', at: clock.wall(), direction, info: { id, direction } }, id);
  /** Value of the series that begins with this text. */
  const value = async (series: string) => {
    const { text } = await metrics.exposition();
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const series = async () =>
    (await metrics.registry.metrics()).split('\n').filter((line) => /^[a-z]/.test(line)).length;
  return { clock, metrics, tell, agent, begin, value, series };
}

describe('metrics', () => {
  it('time the setup of inbound calls, once each, by transport', async () => {
    const { clock, tell, agent, begin, value } = make();
    begin();
    begin('c2', 'outbound');
    agent({ type: 'ready', transport: 'webrtc', pace: 'live', sessionId: 's', resumed: false });
    clock.advance(450);
    tell({ type: 'connected', audioPath: '' });
    tell({ type: 'connected', audioPath: '' }, 'c2');
    clock.advance(60_000);
    tell({ type: 'connected', audioPath: '' });
    expect(await value('voicebridge_call_setup_seconds_count{transport="webrtc"}')).toBe(1);
    expect(await value('voicebridge_call_setup_seconds_sum{transport="webrtc"}')).toBeCloseTo(0.45);
    expect(await value('voicebridge_call_setup_seconds_count{transport="none"}')).toBeUndefined();
    expect(await value('voicebridge_calls_started_total{direction="outbound"}')).toBe(1);
  });

  it('split a turn into its stages, as far as they are known', async () => {
    const { tell, value } = make();
    const turn = {
      type: 'turn',
      index: 0,
      callerStoppedMs: 1_000,
      detectedMs: 1_500,
      firstAudioMs: 1_900,
      heardMs: 2_100,
    } as const;
    tell(turn);
    const { callerStoppedMs: _, ...unknown } = turn;
    tell(unknown);
    const of = async (stage: string) => [
      await value(`voicebridge_turn_seconds_count{stage="${stage}"}`),
      await value(`voicebridge_turn_seconds_sum{stage="${stage}"}`),
    ];
    expect(await of('detect')).toEqual([1, 0.5]);
    expect(await of('model')).toEqual([2, 0.8]);
    expect(await of('play')).toEqual([2, 0.4]);
    expect(await of('total')).toEqual([1, 1.1]);
  });

  it('compare what was reported as heard with where the model cut its record', async () => {
    const { tell, agent, begin, value } = make();
    begin();
    const heard = { itemId: 'item_1', contentIndex: 0, responseId: 'r', heardMs: 1_200, writtenMs: 2_000 };
    tell({ type: 'barge_in', heard: [heard], clearMs: 2 });
    agent({ type: 'truncated', itemId: 'item_1', audioEndMs: 1_280 });
    agent({ type: 'truncated', itemId: 'item_of_before', audioEndMs: 9_999 });
    expect(await value('voicebridge_barge_in_error_seconds_count')).toBe(1);
    expect(await value('voicebridge_barge_in_error_seconds_sum')).toBeCloseTo(0.08);
    expect(await value('voicebridge_barge_in_clear_seconds_sum')).toBeCloseTo(0.002);
  });

  it('show what calls count while they go on, and do not count it again at their end', async () => {
    const { metrics, tell, value } = make();
    metrics.count('frames_in', 50);
    metrics.count('frames_in');
    expect(await value('voicebridge_call_count_total{counter="frames_in"}')).toBe(51);
    tell({ type: 'call_ended', end: termination('caller-hangup'), durationMs: 9_000, counters: { frames_in: 51 } });
    expect(await value('voicebridge_call_count_total{counter="frames_in"}')).toBe(51);
    expect(await value('voicebridge_calls_ended_total{result="success",reason="caller-hangup"}')).toBe(1);
    expect(await value('voicebridge_call_duration_seconds_sum{result="success"}')).toBe(9);
  });

  it('tell tools by name and outcome, model errors by code, fallbacks by reason, tokens by kind', async () => {
    const { tell, agent, value } = make();
    const finished: ToolEvent = {
      type: 'tool_finished',
      name: 'lookup',
      toolCallId: 't',
      ms: 300,
      outcome: 'ok',
      truncated: false,
      output: '{}',
    };
    tell({ type: 'tool', event: finished });
    tell({ type: 'tool', event: { ...finished, name: 'delete_everything', outcome: 'unknown' } });
    agent({ type: 'error', code: 'rate_limit_exceeded', message: '' });
    agent({ type: 'error', code: 'a new one', message: '' });
    agent({ type: 'transport_fallback', from: 'webrtc', to: 'websocket', reason: 'PEER_CONNECT_TIMEOUT' });
    const usage = {
      inputTextTokens: 1,
      inputAudioTokens: 2,
      cachedTokens: 3,
      outputTextTokens: 4,
      outputAudioTokens: 5,
    };
    agent({ type: 'response_done', responseId: 'r', status: 'completed', usage });
    expect(await value('voicebridge_tool_seconds_sum{tool="lookup",outcome="ok"}')).toBeCloseTo(0.3);
    expect(await value('voicebridge_tool_seconds_count{tool="(unknown)",outcome="unknown"}')).toBe(1);
    expect(await value('voicebridge_model_errors_total{code="rate_limit_exceeded"}')).toBe(1);
    expect(await value('voicebridge_model_errors_total{code="other"}')).toBe(1);
    expect(
      await value('voicebridge_transport_fallbacks_total{from="webrtc",to="websocket",reason="PEER_CONNECT_TIMEOUT"}'),
    ).toBe(1);
    expect(await value('voicebridge_model_tokens_total{kind="output_audio"}')).toBe(5);
  });

  it('have the process, the event loop and the calls of now', async () => {
    const { metrics, value } = make();
    metrics.countRefusal('calls');
    expect(await value('voicebridge_calls_active')).toBe(7);
    expect(await value('voicebridge_calls_refused_total{reason="calls"}')).toBe(1);
    expect(await value('voicebridge_calls_refused_total{reason="rate"}')).toBe(0);
    expect(await value('voicebridge_event_loop_delay_seconds{stat="p99"}')).toBe(0.02);
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await value('voicebridge_http_events_total{event="webhook_received"}')).toBe(0);
  });

  it('know every outcome that the runner of tools has', () => {
    const all: Record<ToolOutcome, true> = {
      ok: true,
      failed: true,
      refused: true,
      timeout: true,
      aborted: true,
      superseded: true,
      unknown: true,
      invalid: true,
      rate_limited: true,
      too_large: true,
    };
    expect([...TOOL_OUTCOMES].toSorted()).toEqual(Object.keys(all).toSorted());
  });

  it('do not grow with what strangers write: 10,000 strange events add no series', async () => {
    const { metrics, tell, agent, begin, series } = make();
    const strange = (n: number) => {
      const id = `call-${n}`;
      const odd = `odd-${n}` as never;
      begin(id, odd);
      agent({ type: 'ready', transport: odd, pace: 'burst', sessionId: odd, resumed: false }, id);
      agent({ type: 'transport_fallback', from: odd, to: odd, reason: odd }, id);
      agent({ type: 'error', code: odd, message: odd }, id);
      tell({ type: 'connected', audioPath: odd }, id);
      tell({ type: 'first_agent_audio', sinceJoinMs: 1 }, id);
      tell(
        {
          type: 'tool',
          event: {
            type: 'tool_finished',
            name: odd,
            toolCallId: odd,
            ms: 1,
            outcome: odd,
            truncated: false,
            output: '{}',
          },
        },
        id,
      );
      metrics.count(odd);
      tell({ type: 'call_ended', end: { result: odd, reason: odd }, durationMs: 1, counters: { [odd]: 1 } }, id);
    };
    strange(0);
    const before = await series();
    for (let n = 1; n <= 1_250; n++) strange(n);
    expect(await series()).toBe(before);
  });

  it('name no more than a hundred tools, also where a tool server may have any', () => {
    const label = toolLabels(() => true);
    const names = new Set(Array.from({ length: 10_000 }, (_, n) => label(`crm_${n}`)));
    expect(names.size).toBe(101);
    expect(label('crm_5')).toBe('crm_5');
    expect(label('crm_500')).toBe('(unknown)');
  });
});
