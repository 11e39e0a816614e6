import type { AgentEvent, Heard } from '../../call/events.ts';
import type { LegContext, ToolResult } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { ConversationContext } from './context.ts';
import type { Drops } from './drops.ts';
import { isLostRace, rateLimitsEvent, responseDoneEvent, responseFailure } from './event-mapping.ts';
import type { ServerEvent } from './events.ts';
import { scrub } from './http.ts';
import { responseCancel, textItem } from './messages.ts';
import type { ModelSession } from './model-session.ts';
import { type ResolvedOptions, serverCreates, turnSilenceMs } from './options.ts';
import { PeerPlayer } from './peer-player.ts';
import type { Player, PlayerDeps } from './player.ts';
import { greetingPrompt, respondPrompt } from './prompts.ts';
import { ResponseRetry } from './response-retry.ts';
import { owedAfterLoss, replay } from './resumption.ts';
import { isBeta } from './session.ts';
import { SilenceGuard } from './silence-guard.ts';
import { SocketPlayer } from './socket-player.ts';
import { ToolCalls } from './tool-calls.ts';
import { Transcripts } from './transcripts.ts';
import { ResponseSequencer } from './turns.ts';

export type ConversationDeps = Pick<LegContext<AgentEvent>, 'peer' | 'emit' | 'count' | 'clock' | 'log'> & {
  readonly options: ResolvedOptions;
  readonly drops: Drops;
  /** The conversation cannot go on. */
  end(end: Termination): void;
};

/**
 * The conversation of one call, over however many sessions it takes: it turns the model's events into the call's, and keeps what a new
 * session needs to take up where the last one broke. Each decision lies in a module beside it.
 */
export class Conversation {
  readonly #deps: ConversationDeps;
  readonly #options: ResolvedOptions;
  readonly #context = new ConversationContext();
  readonly #tools: ToolCalls;
  readonly #sequencer: ResponseSequencer;
  readonly #guard: SilenceGuard;
  readonly #words: Transcripts;
  readonly #retry: ResponseRetry;
  #session: ModelSession | undefined;
  #player: Player | undefined;
  /** The message that the active response speaks. */
  #speaking: string | undefined;
  #calledTools = false;
  #itemNumber = 0;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#options = deps.options;
    this.#words = new Transcripts(this.#context, deps.emit);
    this.#tools = new ToolCalls({
      context: this.#context,
      clock: deps.clock,
      count: deps.count,
      drops: deps.drops,
      emit: deps.emit,
      add: (make) => this.#add(make),
      called: () => {
        this.#calledTools = true;
      },
      goOn: () => this.#sequencer.request(),
    });
    this.#retry = new ResponseRetry(deps.clock, () => this.#sequencer.request());
    const { silentRetryMs, silentEndMs } = deps.options.limits;
    this.#guard = new SilenceGuard(deps.clock, silentRetryMs, silentEndMs, this.#askAgain, () =>
      deps.end(termination('model-silent', `no answer from the model within ${silentEndMs} ms`)),
    );
    this.#sequencer = new ResponseSequencer(
      {
        send: (json) => this.#send(json),
        requested: () => this.#guard.owe(),
        superseded: () => deps.count('response_superseded'),
      },
      deps.clock,
    );
  }

  /** Whether nothing is said, generated, asked or computed: a moment in which a session can be replaced unheard. */
  get idle(): boolean {
    const speaking = this.#player?.playing() ?? false;
    return this.#sequencer.idle && !speaking && this.#tools.open === 0 && !this.#retry.pending;
  }

  /** A confirmed session: it is told what was said so far, then the call, then what waits is sent. */
  attach(session: ModelSession, resumed: boolean): void {
    this.#session = session;
    const deps: PlayerDeps = {
      peer: this.#deps.peer,
      sequencer: this.#sequencer,
      clock: this.#deps.clock,
      count: this.#deps.count,
      drops: this.#deps.drops,
      emit: this.#deps.emit,
      send: (json) => this.#send(json),
      cut: (itemId, by) => this.#context.cut(itemId, by),
    };
    const { transport, connection } = session;
    this.#player =
      transport === 'websocket'
        ? new SocketPlayer(this.#options.format, deps)
        : new PeerPlayer(connection.outputRate, deps);
    for (const message of replay(this.#context, isBeta(this.#options))) session.send(message);
    this.#deps.emit({ type: 'ready', transport, sessionId: session.id, resumed });
    this.#sequencer.resume();
  }

  /** The session is gone. What it owed the caller is asked of the next one. */
  detach(): void {
    const { active, callerTurn, activeParams } = this.#sequencer;
    const cutShort = this.#player?.end();
    const retrying = this.#retry.pending;
    this.#session = undefined;
    this.#player = undefined;
    this.#stopTimers();
    this.#sequencer.reset();
    const answered = active !== undefined && this.#tools.responseOver(active);
    const owed = owedAfterLoss({
      callerTurn,
      active: active !== undefined,
      activeParams,
      calledTools: this.#calledTools,
      toolsAnswered: answered,
      cutShort: cutShort !== undefined,
      said: this.#context.textOf(cutShort ?? this.#speaking ?? '') ?? '',
      lastTurn: this.#context.lastTurn(),
      retrying,
      instructions: this.#options.instructions,
    });
    if (owed !== undefined) this.#sequencer.request(owed.params);
    this.#speaking = undefined;
    this.#calledTools = false;
  }

  /** Stops all timers; nothing is told or sent afterwards. */
  dispose(): void {
    this.#session = undefined;
    this.#player = undefined;
    this.#stopTimers();
    this.#sequencer.dispose();
  }

  greet(): void {
    const { greeting, instructions } = this.#options;
    if (greeting === undefined) return;
    this.#sequencer.request(greeting === true ? undefined : { instructions: greetingPrompt(instructions, greeting) });
  }

  respond(instructions: string): void {
    this.#sequencer.request({ instructions: respondPrompt(this.#options.instructions, instructions) }, true);
  }

  sendText(text: string): void {
    this.#add((id) => {
      this.#context.finish(id, 'user', text);
      return textItem({ role: 'user', text }, isBeta(this.#options), id);
    });
    this.#sequencer.request();
  }

  submitToolResult(result: ToolResult): void {
    this.#tools.result(result);
  }

  interrupt(heard: readonly Heard[]): void {
    if (this.#player === undefined) this.#sequencer.interrupt();
    else this.#player.interrupt(heard);
  }

  audio(samples: Int16Array): void {
    this.#player?.audio(samples);
  }

  event(event: ServerEvent): void {
    const { emit } = this.#deps;
    switch (event.type) {
      case 'response.output_audio.delta':
        this.#guard.progress();
        this.#player?.delta(event);
        return;
      case 'input_audio_buffer.speech_started':
        this.#sequencer.callerSpeaks();
        this.#guard.settle();
        emit({ type: 'speech_started', ...itemIdOf(event.item_id) });
        return;
      case 'input_audio_buffer.speech_stopped': {
        const answered = serverCreates(this.#options);
        this.#sequencer.callerStopped(answered);
        if (answered) this.#guard.owe();
        const silenceMs = turnSilenceMs(this.#options);
        emit({ type: 'speech_stopped', ...itemIdOf(event.item_id), ...(silenceMs === undefined ? {} : { silenceMs }) });
        return;
      }
      case 'input_audio_buffer.committed':
        this.#context.open(event.item_id, 'user');
        return;
      case 'conversation.item.added':
        this.#sequencer.itemSeen(event.item.id);
        return;
      case 'conversation.item.input_audio_transcription.delta':
        this.#words.callerDelta(event.item_id, event.delta);
        return;
      case 'conversation.item.input_audio_transcription.completed':
        this.#words.callerDone(event.item_id, event.transcript);
        return;
      case 'conversation.item.truncated':
        emit({ type: 'truncated', itemId: event.item_id, audioEndMs: event.audio_end_ms });
        this.#words.truncated(event.item_id, this.#session?.transport === 'webrtc' ? event.audio_end_ms : undefined);
        return;
      case 'response.created':
        this.#onCreated(event.response.id);
        return;
      case 'response.output_item.added':
        this.#guard.progress();
        if (event.item.type === 'message') this.#onMessage(event.response_id, event.item.id);
        else this.#tools.itemAdded(event.response_id, event.item);
        return;
      case 'response.output_item.done':
        this.#guard.progress();
        this.#tools.itemDone(event.response_id, event.item);
        return;
      case 'response.output_audio.done':
        this.#guard.progress();
        this.#player?.itemDone(event.item_id);
        return;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        this.#guard.progress();
        this.#words.agentDelta(event.item_id, event.delta, this.#sequencer.isLive(event.response_id));
        return;
      case 'response.output_audio_transcript.done':
        this.#guard.progress();
        this.#words.agentDone(event.item_id, event.transcript);
        return;
      case 'response.output_text.done':
        this.#guard.progress();
        this.#words.agentDone(event.item_id, event.text);
        return;
      case 'response.function_call_arguments.delta':
        this.#guard.progress();
        return;
      case 'response.function_call_arguments.done':
        this.#guard.progress();
        this.#tools.argumentsDone(event.response_id, event.call_id, event.name, event.arguments);
        return;
      case 'response.done':
        this.#onDone(event);
        return;
      case 'output_audio_buffer.started':
        this.#player?.buffer('started', event.response_id);
        return;
      case 'output_audio_buffer.stopped':
        this.#player?.buffer('stopped', event.response_id);
        return;
      case 'output_audio_buffer.cleared':
        this.#player?.buffer('cleared', event.response_id);
        return;
      case 'rate_limits.updated':
        emit(rateLimitsEvent(event.rate_limits));
        return;
      case 'error':
        this.#onError(event.error);
        return;
      // The session's own affairs: read before events come here.
      case 'session.created':
      case 'session.updated':
      case 'ignored':
      case 'unknown':
        return;
      default:
        event satisfies never;
    }
  }

  #onCreated(responseId: string): void {
    this.#guard.settle();
    this.#speaking = undefined;
    this.#calledTools = false;
    if (this.#sequencer.created(responseId)) this.#send(responseCancel(responseId));
    // From here on the response itself must make progress.
    this.#guard.owe();
    this.#deps.emit({ type: 'response_started', responseId });
  }

  #onMessage(responseId: string, itemId: string): void {
    this.#speaking = itemId;
    this.#context.open(itemId, 'assistant');
    this.#player?.itemAdded(responseId, itemId);
  }

  #onDone(event: Extract<ServerEvent, { type: 'response.done' }>): void {
    const { response } = event;
    if (this.#sequencer.active === response.id || this.#sequencer.active === undefined) this.#guard.settle();
    // A status that is not told is no failure.
    if (response.status === 'completed' || response.status === '') {
      for (const item of response.output) this.#tools.itemDone(response.id, item);
    }
    this.#player?.responseDone(response.id);
    this.#deps.emit(responseDoneEvent(response));
    const failure = responseFailure(response);
    if (failure === undefined) {
      if (response.status === 'completed') this.#retry.succeeded();
    } else if (!this.#recover(failure)) {
      return;
    }
    const answered = this.#tools.responseOver(response.id, response.status);
    this.#sequencer.done(response.id);
    if (answered) this.#sequencer.request();
  }

  /** A response failed: another is asked for. False when the conversation is over. */
  #recover(failure: { end: Termination; final: boolean }): boolean {
    if (failure.final || !this.#retry.failed()) {
      this.#deps.end(failure.end);
      return false;
    }
    this.#deps.count('model_retry');
    return true;
  }

  #onError(error: Extract<ServerEvent, { type: 'error' }>['error']): void {
    const code = error.code ?? error.type ?? 'unknown';
    if (this.#sequencer.failed(code, error.event_id ?? undefined) || isLostRace(code, error.message)) return;
    this.#deps.emit({ type: 'error', code, message: scrub(error.message) });
  }

  readonly #askAgain = (): void => {
    this.#deps.count('model_retry');
    this.#deps.log.warn({ active: this.#sequencer.active !== undefined }, 'the model is silent, asking again');
    if (this.#sequencer.active !== undefined) this.#send(responseCancel(this.#sequencer.active));
    this.#sequencer.insist();
  };

  /** Sends an item that an answer depends on. Without a session it is in the context, and goes with the replay. */
  #add(make: (id: string) => string): void {
    const id = `bridge_item_${++this.#itemNumber}`;
    if (this.#send(make(id))) this.#sequencer.itemSent(id);
  }

  #send(json: string): boolean {
    return this.#session?.send(json) ?? false;
  }

  #stopTimers(): void {
    this.#guard.settle();
    this.#retry.cancel();
    this.#tools.stop();
  }
}

function itemIdOf(itemId: string | undefined): { itemId?: string } {
  return itemId === undefined ? {} : { itemId };
}
