import type { Clock, Timer } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { beginsAsToneWords, heardToneWords } from '../openai-http/tone-words.ts';
import { type Answer, Behaviour, type Cause } from './behaviour.ts';
import type { Conversation } from './conversation.ts';
import { newId } from './ids.ts';
import type { Pace, ToneVoice } from './options.ts';
import { goalOf } from './played-caller.ts';
import type { SessionRecord } from './record.ts';
import { ResponseRun, type ServerEvent } from './response.ts';
import type { Scenario } from './scenario.ts';
import { ServiceError } from './service-error.ts';
import type { ResponseParams, SessionConfig } from './session-config.ts';
import type { SessionFaults } from './session-faults.ts';

/** What the responses need of their session. */
export interface ResponsesPort {
  readonly config: SessionConfig;
  readonly conversation: Conversation;
  readonly record: SessionRecord;
  emit(event: ServerEvent): void;
  /** A response begins. */
  began(): void;
  /** Audio was generated, at 24 kHz. */
  generated(responseId: string, itemId: string, audio: Int16Array, itemOffset: number): void;
  /** A response is over, whatever ended it. */
  finished(run: ResponseRun): void;
}

export interface ResponsesOptions {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly pace: Pace;
  readonly faults: SessionFaults;
  readonly audioInEvents: boolean;
  readonly scenario: Scenario | undefined;
  readonly voice: ToneVoice | undefined;
  readonly speak: { everyMs: number; forMs: number } | undefined;
}

/** The responses of one session: one at a time in the conversation, any number out of band. On the media clock only while one runs. */
export class Responses {
  readonly #port: ResponsesPort;
  readonly #options: ResponsesOptions;
  readonly #behaviour: Behaviour;
  readonly #conversationId = newId('conv');
  readonly #runs = new Set<ResponseRun>();
  #unsubscribe: (() => void) | undefined;
  /** The turn that is being listened to. */
  #understanding: symbol | undefined;
  #load: Timer | undefined;

  constructor(port: ResponsesPort, options: ResponsesOptions) {
    this.#port = port;
    this.#options = options;
    this.#behaviour = new Behaviour({ scenario: options.scenario, voice: options.voice });
  }

  /** The response that writes to the conversation, while there is one. */
  get active(): ResponseRun | undefined {
    for (const run of this.#runs) if (!run.outOfBand) return run;
    return undefined;
  }

  /** Begins to speak by itself, when the session is a load generator. */
  start(): void {
    if (this.#options.speak !== undefined) this.#scheduleLoad(this.#options.speak);
  }

  /** A response at the client's word. Throws a ServiceError when one is active. */
  create(params: ResponseParams): void {
    const { active } = this;
    if (active !== undefined && params.conversation !== 'none') {
      throw new ServiceError(
        `Conversation already has an active response in progress: ${active.id}. Wait until the response is finished before creating a new one.`,
        { code: 'conversation_already_has_active_response' },
      );
    }
    if (this.#port.config.type === 'transcription') {
      throw new ServiceError('A transcription session creates no responses.', { code: 'invalid_value', param: 'type' });
    }
    this.answer(this.#cause(params), params);
  }

  /** A response to what the session itself noticed. */
  answer(cause: Cause, params: ResponseParams = {}): void {
    this.#understanding = undefined;
    if (cause.kind === 'audio' && goalOf(this.#port.config) !== undefined) this.#understand(cause.audio, params);
    else this.#answer(cause, params);
  }

  /** Who plays a caller answers by what was said to it: that is listened to first, and void when the session goes on without. */
  #understand(audio: Int16Array, params: ResponseParams): void {
    const mine = Symbol('understanding');
    this.#understanding = mine;
    const listening = beginsAsToneWords(audio) ? heardToneWords(audio) : Promise.resolve([]);
    void listening.then((heard) => {
      if (this.#understanding !== mine) return;
      this.#understanding = undefined;
      this.#answer({ kind: 'audio', audio, words: heard.map(({ text }) => text).join(' ') }, params);
    });
  }

  #answer(cause: Cause, params: ResponseParams): void {
    const mood = this.#options.faults.mood(this.#port.record.responses);
    if (mood === 'silent') return;
    const { config } = this.#port;
    const answer = this.#behaviour.answer(
      cause,
      params.tools ?? config.tools,
      params.tool_choice ?? config.tool_choice,
      toldToSay(params.instructions),
      config.instructions,
    );
    if (answer !== 'silent') this.#run(answer, params, mood === 'stuck');
  }

  /** A response to whatever the conversation ends with. */
  answerLast(): void {
    this.answer(this.#cause({}));
  }

  /** Throws a ServiceError when there is no such active response. */
  cancel(responseId: string | undefined): void {
    const run = responseId === undefined ? this.active : [...this.#runs].find((entry) => entry.id === responseId);
    if (run === undefined) {
      throw new ServiceError('Cancellation failed: no active response found', { code: 'response_cancel_not_active' });
    }
    run.cancel('client_cancelled');
  }

  /** The caller speaks into the active response; false when there is none. */
  interrupt(): boolean {
    this.#understanding = undefined;
    const { active } = this;
    active?.cancel('turn_detected');
    return active !== undefined;
  }

  /** The session is over: nothing more is generated or told. */
  stop(): void {
    this.#understanding = undefined;
    this.#runs.clear();
    this.#rest();
    this.#load?.cancel();
  }

  /** What the next response answers: the last item that is not an instruction. */
  #cause(params: ResponseParams): Cause {
    if (/(?<!\bnot )\bgreet/i.test(params.instructions ?? '')) return { kind: 'nothing' };
    const { entries } = this.#port.conversation;
    const last = entries.findLast(({ item }) => item.role !== 'system');
    if (last === undefined) return { kind: 'nothing' };
    // What the agent had to say before the call began, as that it is recorded, is no conversation yet.
    const begins = params.instructions === undefined || /\bcall has just begun\b/i.test(params.instructions);
    if (begins && entries.every(({ item }) => item.role === 'system' || item.role === 'assistant')) {
      return { kind: 'nothing' };
    }
    const { item } = last;
    if (item.type === 'function_call_output') return { kind: 'tool_result' };
    if (item.role !== 'user') return { kind: 'text' };
    const content = item.content ?? [];
    if (content.some((part) => part.type === 'input_audio')) {
      return { kind: 'audio', audio: last.audio ?? new Int16Array(0) };
    }
    return content.some((part) => /\bgreet/i.test(part.text ?? '')) ? { kind: 'nothing' } : { kind: 'text' };
  }

  #run(answer: Answer, params: ResponseParams, stuck: boolean): void {
    const { config, conversation, record } = this.#port;
    const { clock, ticker, pace, audioInEvents } = this.#options;
    record.responses++;
    this.#port.began();
    const run = new ResponseRun(
      {
        emit: (event) => this.#port.emit(event),
        addItem: (entry) => conversation.add(entry),
        generated: (...audio) => this.#port.generated(...audio),
        finished: (finished) => this.#onFinished(finished),
      },
      {
        config,
        params,
        pace,
        conversationId: this.#conversationId,
        audioInEvents,
        inputTokens: conversation.inputTokens(params.instructions ?? config.instructions),
        stuck,
      },
      answer,
      clock.now(),
    );
    this.#runs.add(run);
    this.#unsubscribe ??= ticker.subscribe(this.#onTick);
    run.advance(clock.now());
  }

  readonly #onTick = (now: number): void => {
    for (const run of this.#runs) run.advance(now);
  };

  #onFinished(run: ResponseRun): void {
    this.#runs.delete(run);
    if (this.#runs.size === 0) this.#rest();
    this.#port.finished(run);
  }

  #rest(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #scheduleLoad(speak: { everyMs: number; forMs: number }): void {
    this.#load = this.#options.clock.after(speak.everyMs, () => {
      if (this.active === undefined) {
        this.#run({ parts: [{ kind: 'speech', utterance: this.#behaviour.load(speak.forMs) }] }, {}, false);
      }
      this.#scheduleLoad(speak);
    });
  }
}

/** The words at the end of a response's instructions that are to be said as they are: `Say exactly this ...: "..."`, quoted as JSON is. */
function toldToSay(instructions: string | undefined): string | undefined {
  const [, quoted] = /\bsay exactly this\b[^"]*("(?:[^"\\]|\\.)*")\s*$/i.exec(instructions ?? '') ?? [];
  if (quoted === undefined) return undefined;
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}
