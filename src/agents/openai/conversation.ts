import type { AgentEvent, Heard } from '../../call/events.ts';
import type { LegContext, ToolResult } from '../../call/leg.ts';
import type { Said } from '../../call/said.ts';
import type { Termination } from '../../call/termination.ts';
import { scrubQuoted } from '../../log.ts';
import type { Drops } from '../common/drops.ts';
import { classifyModelCode } from '../common/http.ts';
import { Answers } from './answers.ts';
import type { CallerAudio } from './caller-audio.ts';
import { CallerTurns } from './caller-turns.ts';
import { paceOf } from './connection.ts';
import { ConversationContext } from './context.ts';
import { isLostRace, rateLimitsEvent, responseDoneEvent } from './event-mapping.ts';
import type { ModelItem, ServerEvent } from './events.ts';
import { inputAudioCommit, responseCancel, textItem } from './messages.ts';
import type { ModelSession } from './model-session.ts';
import { type ResolvedOptions, serverCreates, speechEndMs, turnSilenceMs } from './options.ts';
import { Owing } from './owing.ts';
import { PeerPlayer } from './peer-player.ts';
import type { Player, PlayerDeps } from './player.ts';
import { backAgainPrompt, exactly, greetingPrompt, respondPrompt } from './prompts.ts';
import { owedAfterLoss, replay } from './resumption.ts';
import { isBeta, quietUpdate } from './session.ts';
import { SocketPlayer } from './socket-player.ts';
import { ToolCalls } from './tool-calls.ts';
import { Transcripts } from './transcripts.ts';
import { ResponseSequencer } from './turns.ts';

export type ConversationDeps = Pick<LegContext<AgentEvent>, 'peer' | 'emit' | 'count' | 'clock' | 'log'> & {
  readonly options: ResolvedOptions;
  readonly drops: Drops;
  /** Hears the caller, too: an end of his speech that the model never tells. */
  readonly ear: Pick<CallerAudio, 'awaitQuiet' | 'stopWaiting'>;
  /** What another agent had said and done before; undefined where the call begins here. */
  readonly before?: readonly Said[] | undefined;
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
  readonly #answers = new Answers();
  readonly #turns = new CallerTurns();
  readonly #owing: Owing;
  readonly #words: Transcripts;
  #session: ModelSession | undefined;
  #player: Player | undefined;
  /** The message that the active response speaks. */
  #speaking: string | undefined;
  #itemNumber = 0;
  /** Somebody else speaks with the caller: nothing is answered. */
  #quiet = false;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#options = deps.options;
    this.#context.takeUp(deps.before ?? []);
    this.#words = new Transcripts(this.#context, deps.emit);
    this.#tools = new ToolCalls({
      context: this.#context,
      clock: deps.clock,
      count: deps.count,
      drops: deps.drops,
      emit: deps.emit,
      add: (make) => this.#add(make),
      called: (responseId) => {
        this.#answers.called(responseId);
        this.#owing.called();
      },
      goOn: () => this.#sequencer.request(),
    });
    this.#sequencer = new ResponseSequencer(
      {
        send: (json) => this.#send(json),
        requested: () => this.#owing.requested(),
        superseded: (responseId) => {
          this.#owing.superseded(responseId);
          deps.count('response_superseded');
        },
      },
      deps.clock,
    );
    this.#owing = new Owing({
      ...deps,
      answers: this.#answers,
      sequencer: this.#sequencer,
      send: (json) => this.#send(json),
      sounded: (responseId) => this.#player?.sounded(responseId) ?? false,
      comesAhead: () => this.#session?.transport === 'websocket',
      unsay: (itemId) => this.#words.unsay(itemId),
      said: (itemId) => this.#context.textOf(itemId) ?? '',
      delayed: (waitedMs, why) => deps.emit({ type: 'answer_delayed', waitedMs: Math.round(waitedMs), why }),
      abandoned: (responseId) => this.#toolsOver(responseId),
    });
  }

  /** Whether nothing is said, generated, asked or computed: a moment in which a session can be replaced unheard. */
  get idle(): boolean {
    const speaking = this.#player?.playing() ?? false;
    return this.#sequencer.idle && !speaking && this.#tools.open === 0 && !this.#owing.open;
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
      items: (responseId) => this.#answers.items(responseId),
      // The words are told anew when the model has truncated them.
      cut: (itemId, by) => this.#context.cut(itemId, by),
      unsay: (itemId) => this.#words.unsay(itemId),
      lengthMs: (itemId) => this.#context.lengthMs(itemId),
    };
    const { transport, connection } = session;
    this.#player =
      transport === 'websocket'
        ? new SocketPlayer(this.#options.format, deps)
        : new PeerPlayer(connection.outputRate, deps);
    for (const message of replay(this.#context, isBeta(this.#options))) session.send(message);
    if (this.#quiet) this.#amend();
    this.#deps.emit({ type: 'ready', transport, pace: paceOf(transport), sessionId: session.id, resumed });
    this.#sequencer.resume();
  }

  /** The session is gone. What it owed the caller is asked of the next one. */
  detach(): void {
    const { active, callerTurn, activeParams, activeMust } = this.#sequencer;
    const cutShort = this.#player?.end();
    if (cutShort !== undefined) this.#words.brokeOff(cutShort);
    const calledTools = this.#answers.calledTools(active);
    const retrying = this.#owing.lost(calledTools);
    this.#session = undefined;
    this.#player = undefined;
    this.#turns.reset();
    this.#deps.ear.stopWaiting();
    this.#tools.stop();
    this.#sequencer.reset();
    const answered = active !== undefined && this.#tools.responseOver(active);
    const owed = owedAfterLoss({
      callerTurn,
      active: active !== undefined,
      activeParams,
      calledTools,
      toolsAnswered: answered,
      cutShort: cutShort !== undefined,
      said: this.#context.textOf(cutShort ?? this.#speaking ?? '') ?? '',
      lastTurn: this.#context.lastTurn(),
      retrying: retrying !== undefined,
      instructions: this.#options.instructions,
    });
    if (owed !== undefined) {
      const same = owed.params !== undefined && owed.params === activeParams;
      this.#sequencer.request(owed.params ?? retrying?.params, retrying?.must ?? (same && activeMust));
    }
    this.#speaking = undefined;
  }

  /** Stops all timers; nothing is told or sent afterwards. */
  dispose(): void {
    this.#session = undefined;
    this.#player = undefined;
    this.#deps.ear.stopWaiting();
    this.#tools.stop();
    this.#owing.dispose();
    this.#sequencer.dispose();
  }

  /** What was said and done so far. */
  said(): Said[] {
    return this.#context.said();
  }

  greet(): void {
    const { greeting, instructions } = this.#options;
    if (this.#deps.before !== undefined && this.#deps.before.length > 0) {
      const unanswered = this.#context.lastTurn()?.role === 'user';
      // Only words that answer the caller may need a tool first.
      const words = { instructions: backAgainPrompt(instructions, unanswered) };
      this.#sequencer.request(unanswered ? words : exactly(words.instructions));
      return;
    }
    if (greeting === undefined) return;
    this.#sequencer.request(greeting === true ? undefined : exactly(greetingPrompt(instructions, greeting)));
  }

  respond(instructions: string, first: boolean): void {
    const params = exactly(respondPrompt(this.#options.instructions, instructions));
    this.#sequencer.request(params, first ? 'first' : true);
  }

  sendText(text: string): void {
    this.#add((id) => {
      this.#context.finish(id, 'user', text);
      return textItem({ role: 'user', text }, isBeta(this.#options), id);
    });
    this.#sequencer.request();
  }

  /** Nothing is owed for it, and the next session is told anew by whoever knows: it is not kept. */
  note(text: string): void {
    this.#send(textItem({ role: 'user', text }, isBeta(this.#options)));
  }

  /** Hears and answers nothing, or answers again. */
  hush(quiet: boolean): void {
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    this.#amend();
  }

  submitToolResult(result: ToolResult): void {
    this.#tools.result(result);
  }

  /** Whether the caller waits for an answer. */
  get waitedFor(): boolean {
    return this.#owing.waitedFor;
  }

  /** The caller hears, or has heard, so much of an item. */
  heard({ responseId, heardMs }: Heard): void {
    // A track goes on with silence when the model has stopped in the middle of its words.
    if (this.#player?.fallenSilent() !== true) this.#owing.heard(responseId, heardMs);
  }

  /** Whether somebody is on the line. */
  listened(there: boolean): void {
    this.#owing.listened(there);
  }

  interrupt(heard: readonly Heard[]): void {
    this.#owing.interrupted();
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
        this.#owing.progress();
        this.#answers.audio(event.response_id, event.item_id);
        this.#player?.delta(event);
        return;
      case 'input_audio_buffer.speech_started':
        if (this.#turns.started(event.item_id)) this.#callerSpeaks(event.item_id);
        return;
      case 'input_audio_buffer.speech_stopped':
        if (this.#turns.stopped(event.item_id)) this.#callerStopped(event.item_id);
        return;
      case 'input_audio_buffer.committed':
        this.#context.open(event.item_id, 'user');
        if (this.#turns.committed(event.item_id)) this.#callerStopped(event.item_id);
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
        this.#owing.progress();
        if (event.item.type === 'message') this.#onMessage(event.response_id, event.item.id);
        else this.#tools.itemAdded(event.response_id, event.item);
        return;
      case 'response.output_item.done':
        this.#owing.progress();
        this.#onItemDone(event.response_id, event.item);
        return;
      case 'response.output_audio.done':
        this.#owing.progress();
        this.#answers.audio(event.response_id, event.item_id);
        this.#answers.whole(event.response_id, event.item_id);
        this.#player?.itemDone(event.item_id);
        return;
      case 'response.output_audio_transcript.delta':
        this.#owing.progress();
        this.#answers.audio(event.response_id, event.item_id);
        this.#words.agentDelta(event.item_id, event.delta, this.#sequencer.isLive(event.response_id));
        return;
      case 'response.output_audio_transcript.done':
        this.#owing.progress();
        this.#answers.audio(event.response_id, event.item_id);
        this.#words.agentDone(event.item_id, event.transcript);
        return;
      case 'response.output_text.delta':
        this.#owing.progress();
        return;
      case 'response.output_text.done':
        this.#owing.progress();
        this.#answers.text(event.response_id, event.item_id, event.text);
        this.#words.agentWrote(event.item_id);
        return;
      case 'response.function_call_arguments.delta':
        this.#owing.progress();
        return;
      case 'response.function_call_arguments.done':
        this.#owing.progress();
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
        this.#owing.limits(event.rate_limits);
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

  #callerSpeaks(itemId: string | undefined): void {
    const { emit, ear } = this.#deps;
    this.#sequencer.callerSpeaks();
    this.#owing.callerSpeaks();
    ear.awaitQuiet(speechEndMs(this.#options), (quietMs) => this.#onQuiet(quietMs));
    emit({ type: 'speech_started', ...itemIdOf(itemId) });
    if (this.#options.turnDetection?.interruptResponse !== false) this.#player?.callerSpeaks();
  }

  #callerStopped(itemId: string | undefined): void {
    const answered = this.#serverAnswers;
    const silenceMs = turnSilenceMs(this.#options);
    this.#deps.ear.stopWaiting();
    this.#sequencer.callerStopped(answered);
    this.#owing.callerStopped(answered, silenceMs);
    this.#deps.emit({
      type: 'speech_stopped',
      ...itemIdOf(itemId),
      ...(silenceMs === undefined ? {} : { silenceMs }),
    });
  }

  /** The caller has been silent for longer than the model takes to notice: the end of his turn was not told, or was not seen. */
  #onQuiet(quietMs: number): void {
    if (!this.#turns.speaking) return;
    this.#turns.lost();
    this.#deps.count('speech_end_lost');
    this.#deps.log.warn({ quietMs }, 'the model did not tell the end of what the caller said');
    this.#deps.emit({ type: 'speech_stopped', silenceMs: quietMs });
    const answered = this.#serverAnswers;
    const { answering } = this.#sequencer;
    this.#sequencer.callerStopped(answered);
    this.#owing.callerStopped(answered, quietMs);
    if (!answered || answering) return;
    // Where the server has it already this is refused, and harms nothing.
    this.#send(inputAudioCommit());
    if (this.#owing.waitedFor) this.#sequencer.insist();
  }

  /** Whether the server answers what the caller says by itself. */
  get #serverAnswers(): boolean {
    return serverCreates(this.#options) && !this.#quiet;
  }

  #amend(): void {
    const update = quietUpdate(this.#options, this.#quiet);
    if (update !== undefined) this.#session?.amend(update);
  }

  #onCreated(responseId: string): void {
    this.#speaking = undefined;
    if (this.#quiet) {
      // Asked for, or begun by the server, before it knew.
      this.#sequencer.created(responseId);
      this.#sequencer.giveUp(responseId);
      this.#owing.interrupted();
      this.#send(responseCancel(responseId));
    } else if (this.#sequencer.created(responseId)) this.#send(responseCancel(responseId));
    else this.#owing.created(responseId);
    this.#deps.emit({ type: 'response_started', responseId });
  }

  #onMessage(responseId: string, itemId: string): void {
    this.#speaking = itemId;
    this.#answers.message(responseId, itemId);
    this.#context.open(itemId, 'assistant');
    this.#player?.itemAdded(responseId, itemId);
  }

  #onItemDone(responseId: string, item: ModelItem): void {
    if (item.type === 'message' && item.status === 'completed') this.#answers.whole(responseId, item.id);
    else if (item.type === 'message' && item.status === 'incomplete') this.#answers.whole(responseId, item.id, false);
    this.#tools.itemDone(responseId, item);
  }

  #onDone(event: Extract<ServerEvent, { type: 'response.done' }>): void {
    const { response } = event;
    // A status that is not told is no failure.
    if (response.status === 'completed' || response.status === '') {
      for (const item of response.output) this.#onItemDone(response.id, item);
    }
    this.#player?.responseDone(response.id);
    this.#deps.emit(responseDoneEvent(response));
    const answered = this.#tools.responseOver(response.id, response.status);
    if (!this.#owing.over(response)) return;
    this.#sequencer.done(response.id, response.status === 'cancelled');
    if (answered) this.#sequencer.request();
  }

  #toolsOver(responseId: string): void {
    if (this.#tools.responseOver(responseId)) this.#sequencer.request();
  }

  #onError(error: Extract<ServerEvent, { type: 'error' }>['error']): void {
    const code = error.code ?? error.type ?? 'unknown';
    const limit = classifyModelCode(error.code, error.type) !== undefined;
    if (this.#sequencer.failed(code, error.event_id ?? undefined, limit) || isLostRace(code, error.message)) return;
    const { refused } = this.#sequencer;
    this.#deps.emit({ type: 'error', code, message: scrubQuoted(error.message) });
    if (refused !== undefined) this.#owing.refused(`${code} ${error.type ?? ''}`, error.message, refused);
  }

  /** Sends an item that an answer depends on. Without a session it is in the context, and goes with the replay. */
  #add(make: (id: string) => string): void {
    const id = `bridge_item_${++this.#itemNumber}`;
    if (this.#send(make(id))) this.#sequencer.itemSent(id);
  }

  #send(json: string): boolean {
    return this.#session?.send(json) ?? false;
  }
}

function itemIdOf(itemId: string | undefined): { itemId?: string } {
  return itemId === undefined ? {} : { itemId };
}
