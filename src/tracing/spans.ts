import { type Attributes, context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { Clock } from '../call/clock.ts';
import type { AgentEvent, CallEvent, CallObserver } from '../call/events.ts';
import { isFailure, termination } from '../call/termination.ts';

/**
 * One span tree a call: `call`, in it `setup`, each `turn` of the caller with the agent's `response`s, and their `tool`s; barge-ins, fallbacks and
 * errors are events on the call. It holds times, ids and outcomes: no number, no word of anybody and no argument of a tool.
 */

/** What is open of one call. */
interface CallSpans {
  readonly call: Span;
  setup: Span | undefined;
  turn: Span | undefined;
  readonly responses: Map<string, Span>;
  readonly tools: Map<string, Span>;
}

/** Spans open at once of one kind and call: a model that begins and never ends must not fill the memory. */
const OPEN_MOST = 32;

export class CallTracer implements CallObserver {
  readonly #tracer: Tracer;
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #calls = new Map<string, CallSpans>();

  constructor(tracer: Tracer, clock: Pick<Clock, 'wall'>) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  onEvent(callId: string, event: CallEvent): void {
    if (event.type === 'call_started') {
      this.#begin(callId, event);
      return;
    }
    const spans = this.#calls.get(callId);
    if (spans === undefined) return;
    const now = this.#clock.wall();
    switch (event.type) {
      case 'caller_joined':
        spans.call.addEvent('caller_joined', { 'caller.kind': event.kind, again: event.again }, now);
        return;
      case 'connected':
        spans.setup?.end(now);
        spans.setup = undefined;
        return;
      case 'first_agent_audio':
        spans.call.setAttribute('voicebridge.first_audio_ms', Math.round(event.sinceJoinMs));
        return;
      case 'barge_in': {
        const heardMs = event.heard.reduce((sum, item) => sum + item.heardMs, 0);
        const attributes = { 'heard.ms': Math.round(heardMs), 'clear.ms': event.clearMs };
        (spans.turn ?? spans.call).addEvent('barge_in', attributes, now);
        return;
      }
      case 'turn': {
        const { index, callerStoppedMs, detectedMs, firstAudioMs, heardMs } = event;
        const latency = heardMs - (callerStoppedMs ?? detectedMs);
        spans.turn?.setAttributes({ 'turn.index': index, 'turn.latency_ms': Math.round(latency) });
        spans.turn?.setAttribute('turn.model_ms', Math.round(firstAudioMs - detectedMs));
        return;
      }
      case 'caller':
        if (event.event.type !== 'ended') spans.call.addEvent(`caller.${event.event.type}`, {}, now);
        return;
      case 'agent':
        this.#onAgent(spans, event.event, now);
        return;
      case 'tool':
        this.#onTool(spans, event.event, now);
        return;
      case 'audio_alarm':
        spans.call.addEvent('audio_alarm', { kind: event.kind }, now);
        return;
      case 'call_moved':
        this.#calls.delete(callId);
        this.#end(spans, { end: termination('moved') }, now);
        return;
      case 'call_ended':
        this.#calls.delete(callId);
        this.#end(spans, event, now);
        return;
      default:
    }
  }

  #begin(callId: string, { at, direction, info }: Extract<CallEvent, { type: 'call_started' }>): void {
    const attributes: Attributes = { 'call.id': callId, 'call.direction': direction };
    if (info.carrier !== undefined) attributes['call.carrier'] = info.carrier;
    if (info.route !== undefined) attributes['call.route'] = info.route;
    if (info.prompt !== undefined) attributes['call.prompt'] = info.prompt;
    if (info.model !== undefined) attributes['gen_ai.request.model'] = info.model;
    const call = this.#tracer.startSpan('call', { startTime: at, attributes, root: true });
    const spans: CallSpans = { call, setup: undefined, turn: undefined, responses: new Map(), tools: new Map() };
    spans.setup = this.#child(call, 'setup', at);
    this.#calls.set(callId, spans);
  }

  #onAgent(spans: CallSpans, event: AgentEvent, now: number): void {
    switch (event.type) {
      case 'ready':
        spans.call.setAttribute('agent.transport', event.transport);
        (spans.setup ?? spans.call).addEvent('agent_ready', { resumed: event.resumed }, now);
        return;
      case 'transport_fallback':
        spans.call.addEvent('transport_fallback', { from: event.from, to: event.to, reason: event.reason }, now);
        return;
      case 'reconnecting':
        spans.call.addEvent('agent_reconnecting', { reason: event.reason }, now);
        return;
      case 'speech_started':
        // What the caller says next is a turn of its own; the answer to the last one was as long as it was.
        spans.turn?.end(now);
        spans.turn = this.#child(spans.call, 'turn', now);
        return;
      case 'speech_stopped':
        spans.turn?.addEvent('speech_stopped', {}, now);
        return;
      case 'response_started': {
        const span = this.#child(spans.turn ?? spans.call, 'response', now, { 'response.id': event.responseId });
        keep(spans.responses, event.responseId, span, now);
        return;
      }
      case 'audio_started':
        spans.responses.get(event.responseId)?.addEvent('first_audio', {}, now);
        return;
      case 'response_done': {
        const span = spans.responses.get(event.responseId);
        spans.responses.delete(event.responseId);
        if (span === undefined) return;
        span.setAttribute('response.status', event.status);
        if (event.usage !== undefined) {
          const { inputAudioTokens, inputTextTokens, outputAudioTokens, outputTextTokens } = event.usage;
          span.setAttribute('gen_ai.usage.input_tokens', inputAudioTokens + inputTextTokens);
          span.setAttribute('gen_ai.usage.output_tokens', outputAudioTokens + outputTextTokens);
        }
        if (event.status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(now);
        return;
      }
      case 'error':
        spans.call.addEvent('model_error', { code: event.code.slice(0, 100) }, now);
        return;
      default:
    }
  }

  #onTool(spans: CallSpans, event: Extract<CallEvent, { type: 'tool' }>['event'], now: number): void {
    if (event.type === 'tool_started') {
      const span = this.#child(spans.turn ?? spans.call, 'tool', now, { 'tool.name': event.name });
      keep(spans.tools, event.toolCallId, span, now);
      return;
    }
    if (event.type !== 'tool_finished') return;
    const span = spans.tools.get(event.toolCallId);
    spans.tools.delete(event.toolCallId);
    span?.setAttribute('tool.outcome', event.outcome);
    if (event.outcome !== 'ok') span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end(now);
  }

  #end(spans: CallSpans, { end }: Pick<Extract<CallEvent, { type: 'call_ended' }>, 'end'>, now: number): void {
    for (const open of [...spans.tools.values(), ...spans.responses.values(), spans.turn, spans.setup]) open?.end(now);
    spans.call.setAttributes({ 'call.result': end.result, 'call.reason': end.reason });
    if (isFailure(end)) spans.call.setStatus({ code: SpanStatusCode.ERROR, message: end.reason });
    spans.call.end(now);
  }

  #child(parent: Span, name: string, startTime: number, attributes: Attributes = {}): Span {
    return this.#tracer.startSpan(name, { startTime, attributes }, trace.setSpan(context.active(), parent));
  }
}

/** Keeps an open span; the oldest ends where there are too many. */
function keep(open: Map<string, Span>, id: string, span: Span, now: number): void {
  open.get(id)?.end(now);
  open.set(id, span);
  if (open.size <= OPEN_MOST) return;
  const [[oldest, first] = []] = open;
  if (oldest !== undefined) open.delete(oldest);
  first?.end(now);
}
