import { Counter, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../call/clock.ts';
import type { CallEvent, CallObserver, Heard, Usage } from '../call/events.ts';
import {
  type AgentLabels,
  errorLabel,
  modelErrorLabels,
  outcomeLabel,
  reasonLabel,
  resultLabel,
  toolLabels,
  transportLabels,
} from './labels.ts';

export interface CallMetricsOptions {
  readonly registry: Registry;
  readonly clock: Pick<Clock, 'now'>;
  /** Whether there is a tool of this name. */
  readonly isTool: (name: string) => boolean;
  /** What the kinds of agents that there are may name. */
  readonly agents: AgentLabels;
}

/** What is remembered of a call while it runs. */
interface CallState {
  readonly startedAt: number;
  readonly inbound: boolean;
  transport: string;
  connected: boolean;
  /** What was reported as heard at the last barge-in. */
  heard: readonly Heard[];
}

/** Bounds of what people wait for on a line, s. */
const WAIT_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10];
const SHORT_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const TOOL_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const CALL_BUCKETS = [5, 15, 30, 60, 120, 300, 600, 1_800, 3_600];

/** The metrics that calls' events make. Times are seconds, as Prometheus wants them. */
export function callMetrics({ registry, clock, isTool, agents }: CallMetricsOptions): CallObserver {
  const transportLabel = transportLabels(agents);
  const modelErrorLabel = modelErrorLabels(agents);
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `voicebridge_${name}`, help, labelNames, registers });
  const seconds = (name: string, help: string, labelNames: string[], buckets: number[]) =>
    new Histogram({ name: `voicebridge_${name}_seconds`, help, labelNames, buckets, registers });

  const started = counter('calls_started_total', 'Calls begun.', ['direction']);
  const ended = counter('calls_ended_total', 'Calls ended, by how.', ['result', 'reason']);
  const duration = seconds('call_duration', 'How long calls took.', ['result'], CALL_BUCKETS);
  const setup = seconds(
    'call_setup',
    'From the webhook of a call until both ends are on the line.',
    ['transport'],
    WAIT_BUCKETS,
  );
  const firstAudio = seconds(
    'first_audio',
    'From the moment the caller joins until the first audio of the agent is written to him.',
    ['transport'],
    WAIT_BUCKETS,
  );
  const turn = seconds(
    'turn',
    'How long answers take. Stages: detect (caller stopped to turn detected), model (detected to first audio), play (first audio to heard), total (caller stopped to heard).',
    ['stage'],
    WAIT_BUCKETS,
  );
  const clear = seconds('barge_in_clear', 'How long it took to discard what was queued.', [], SHORT_BUCKETS);
  const heardError = seconds(
    'barge_in_error',
    "Difference between what was reported as heard and where the model's record was cut.",
    [],
    SHORT_BUCKETS,
  );
  const tool = seconds('tool', 'How long tools took, by how they ended.', ['tool', 'outcome'], TOOL_BUCKETS);
  const errors = counter('model_errors_total', 'Errors that the model reported.', ['code']);
  const fallbacks = counter('transport_fallbacks_total', 'Fallbacks to another transport.', ['from', 'to', 'reason']);
  const tokens = counter('model_tokens_total', 'Tokens as the model bills them.', ['kind']);

  const calls = new Map<string, CallState>();
  const toolLabel = toolLabels(isTool);

  const countTokens = (usage: Usage) => {
    tokens.inc({ kind: 'input_text' }, usage.inputTextTokens);
    tokens.inc({ kind: 'input_audio' }, usage.inputAudioTokens);
    tokens.inc({ kind: 'input_cached' }, usage.cachedTokens);
    tokens.inc({ kind: 'output_text' }, usage.outputTextTokens);
    tokens.inc({ kind: 'output_audio' }, usage.outputAudioTokens);
  };

  const onAgent = (call: CallState | undefined, event: Extract<CallEvent, { type: 'agent' }>['event']) => {
    switch (event.type) {
      case 'ready':
        if (call !== undefined) call.transport = transportLabel(event.transport);
        return;
      case 'response_done':
        if (event.usage !== undefined) countTokens(event.usage);
        return;
      case 'truncated': {
        const heard = call?.heard.find(({ itemId }) => itemId === event.itemId);
        if (heard !== undefined) heardError.observe(Math.abs(event.audioEndMs - heard.heardMs) / 1_000);
        return;
      }
      case 'error':
        errors.inc({ code: modelErrorLabel(event.code) });
        return;
      case 'transport_fallback':
        fallbacks.inc({
          from: transportLabel(event.from),
          to: transportLabel(event.to),
          reason: errorLabel(event.reason),
        });
        return;
      default:
    }
  };

  const onTurn = (event: Extract<CallEvent, { type: 'turn' }>) => {
    const { callerStoppedMs, detectedMs, firstAudioMs, heardMs } = event;
    const observe = (stage: string, from: number | undefined, to: number) => {
      if (from !== undefined) turn.observe({ stage }, Math.max(0, to - from) / 1_000);
    };
    observe('detect', callerStoppedMs, detectedMs);
    observe('model', detectedMs, firstAudioMs);
    observe('play', firstAudioMs, heardMs);
    observe('total', callerStoppedMs, heardMs);
  };

  return {
    onEvent(callId, event) {
      const call = calls.get(callId);
      switch (event.type) {
        case 'call_started':
          calls.set(callId, {
            startedAt: clock.now(),
            inbound: event.direction === 'inbound',
            transport: 'none',
            connected: false,
            heard: [],
          });
          started.inc({ direction: event.direction === 'inbound' ? 'inbound' : 'outbound' });
          return;
        case 'connected':
          if (call === undefined || call.connected) return;
          call.connected = true;
          // Of a call that was placed it is the time until somebody answered.
          if (call.inbound) setup.observe({ transport: call.transport }, (clock.now() - call.startedAt) / 1_000);
          return;
        case 'first_agent_audio':
          firstAudio.observe({ transport: call?.transport ?? 'none' }, event.sinceJoinMs / 1_000);
          return;
        case 'turn':
          onTurn(event);
          return;
        case 'barge_in':
          if (call !== undefined) call.heard = event.heard;
          clear.observe(event.clearMs / 1_000);
          return;
        case 'tool':
          if (event.event.type !== 'tool_finished') return;
          tool.observe(
            { tool: toolLabel(event.event.name), outcome: outcomeLabel(event.event.outcome) },
            event.event.ms / 1_000,
          );
          return;
        case 'agent':
          onAgent(call, event.event);
          return;
        case 'call_moved':
          calls.delete(callId);
          ended.inc({ result: resultLabel('success'), reason: reasonLabel('moved') });
          return;
        case 'call_ended':
          calls.delete(callId);
          ended.inc({ result: resultLabel(event.end.result), reason: reasonLabel(event.end.reason) });
          duration.observe({ result: resultLabel(event.end.result) }, event.durationMs / 1_000);
          return;
        default:
      }
    },
  };
}
