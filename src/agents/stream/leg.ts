import type { Timer } from '../../call/clock.ts';
import type { AgentEvent, Heard, Pace } from '../../call/events.ts';
import type { AgentLeg, LegContext, PathSample, ToolResult } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import { type AudioSink, samplesToMs } from '../../media/frame.ts';
import { SILENT_PEAK, staysWithin } from '../../media/level.ts';
import { Drops } from '../common/drops.ts';
import { terminationOf } from '../common/termination.ts';
import { Asking } from './asking.ts';
import { Early } from './early.ts';
import type { OpenContext, StreamSession, StreamTold } from './session.ts';
import { SteadyFrames } from './steady-frames.ts';
import { AgentVoice } from './voice.ts';

/** What an agent can be asked for beside listening: its sessions have the methods of the same meaning. */
export interface StreamAbilities {
  readonly text?: boolean;
  readonly note?: boolean;
  readonly respond?: boolean;
  readonly tools?: boolean;
  /** Keys of the caller's as such. */
  readonly keys?: boolean;
}

export interface StreamLegOptions {
  /** As metrics and paths have it: the name of the kind. */
  readonly kind: string;
  /** What carries the audio, in words, for the log: "pcmu -> base64 -> websocket". */
  readonly path: string;
  /** Hz of what the far end hears, and of what the leg writes. */
  readonly inputRate: number;
  readonly rate: number;
  readonly pace: Pace;
  /** Length of the caller's frames, ms. */
  readonly frameMs?: number;
  /** False: where the caller's side sends nothing, nothing is sent. */
  readonly fillsGaps?: boolean;
  readonly can?: StreamAbilities;
  /** Nothing that the agent said is void because the caller speaks, or spoke: it decides itself when it gives way, as one of two people does. */
  readonly overlaps?: true;
  /** As an agent's. */
  readonly mayBeSilent?: true;
  /** What carries a session whose far end does not say: a metric label. A WebSocket where left out. */
  readonly transport?: string;
  /** From the start until it is ready, everything together, ms; as long as a caller listens to ringing where left out. */
  readonly startMs?: number;
  /**
   * Opens a session. Rejects with the BridgeError of what cannot be had, or with the signal's reason; nothing is left open then. The far end may tell
   * before it resolves.
   */
  open(told: StreamTold, context: OpenContext): Promise<StreamSession>;
}

/** From the leg's start until its far end is ready, everything together, ms: as long as a caller listens to ringing. */
const START_MS = 8_000;
/** Ids of tools' calls that are kept; more at once are none that anybody answers. */
const MOST_TOOL_CALLS = 64;

/**
 * An agent behind one connection, a WebSocket as a rule. It cannot go on with a session that broke: to its provider every session is a call of its own. What only some of them
 * can is there where `can` says so.
 */
export class StreamLeg implements AgentLeg {
  readonly kind: string;
  readonly rate: number;
  readonly pace: Pace;
  readonly audio: AudioSink;
  readonly sendText?: (text: string) => void;
  readonly note?: (text: string) => void;
  readonly key?: (digit: string) => void;
  readonly respond?: (instructions: string) => void;
  readonly submitToolResult?: (result: ToolResult) => void;
  readonly mayBeSilent: boolean;
  readonly #o: StreamLegOptions;
  readonly #abort = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #toolCalls = new Set<string>();
  #starting: Promise<void> | undefined;
  #ctx: LegContext<AgentEvent> | undefined;
  #drops: Drops | undefined;
  #voice: AgentVoice | undefined;
  #asking: Asking | undefined;
  #steady: SteadyFrames | undefined;
  #session: StreamSession | undefined;
  /** The far end's id of the session, from when it told that it is ready. */
  #toldReady: string | undefined;
  /** What carries it. */
  #transport: string;
  #ready = false;
  /** Somebody is, or was, on the line. */
  #listens = false;
  /** Told behind `ready`, and to be taken when the session is in our hands and somebody is on the line. */
  readonly #early: Early;
  /** It hung up before somebody was on the line: that is told him behind what he has yet to hear. */
  #hungUp = false;
  #over = false;
  #late: Timer | undefined;
  #untick: (() => void) | undefined;
  /** The call was told that the caller speaks. */
  #speaks = false;
  /** He speaks while the agent does, which it has not given way to. */
  #speaksOver = false;
  #saidByCaller = 0;

  constructor(options: StreamLegOptions) {
    this.#o = options;
    this.#transport = options.transport ?? 'websocket';
    this.kind = options.kind;
    this.rate = options.rate;
    this.#early = new Early(options.rate);
    this.mayBeSilent = options.mayBeSilent ?? false;
    this.pace = options.pace;
    const { inputRate: sampleRate, path, can = {} } = options;
    this.audio = {
      sampleRate,
      write: ({ samples, sampleRate }) => this.#write(samples, sampleRate),
      clear: () => this.#steady?.clear(),
      toString: () => `${path} -> ${this.kind}`,
    };
    if (can.text) this.sendText = (text) => this.#ask((session) => session.sendText?.(text));
    if (can.respond) this.respond = (instructions) => this.#ask((session) => session.respond?.(instructions));
    if (can.note) this.note = (text) => this.#session?.note?.(text);
    if (can.keys) this.key = (digit) => this.#session?.key?.(digit);
    if (can.tools) this.submitToolResult = (result) => this.#submit(result);
  }

  /**
   * Resolves when the far end can hear and speak. When it cannot be had it tells `ended` with the reason and rejects with the BridgeError behind it; when
   * the call ends meanwhile it rejects with ABORTED and tells nothing.
   */
  start(ctx: LegContext<AgentEvent>): Promise<void> {
    this.#starting ??= this.#start(ctx);
    return this.#starting;
  }

  /** Somebody is on the line for the first time: what the agent said to nobody until then is said to him, a greeting as a rule. */
  listened(there: boolean): void {
    if (!there || this.#listens) return;
    this.#listens = true;
    this.#tellEarly();
  }

  get waitedFor(): boolean {
    return this.#asking?.waits ?? false;
  }

  async path(): Promise<PathSample | undefined> {
    return this.#over ? undefined : this.#session?.path?.();
  }

  interrupt(heard: readonly Heard[]): void {
    if (this.#over) return;
    this.#voice?.interrupt();
    if (heard.length > 0) this.#session?.interrupt?.(heard);
  }

  heardAgain(): void {
    if (!this.#over) this.#voice?.heardAgain();
  }

  async close(_end: Termination): Promise<void> {
    this.#free(aborted());
  }

  async #start(ctx: LegContext<AgentEvent>): Promise<void> {
    if (this.#over || ctx.signal.aborted) throw aborted();
    this.#ctx = ctx;
    const { clock, count, callId, log, ticker } = ctx;
    const emit = (event: AgentEvent) => this.#emit(event);
    this.#drops = new Drops(count, log);
    const voice = new AgentVoice({
      pace: this.pace,
      peer: ctx.peer,
      clock,
      count,
      emit,
      ended: () => this.#answerEnded(),
    });
    this.#voice = voice;
    this.#asking = new Asking(clock, () => voice.answering);
    ctx.signal.addEventListener('abort', this.#onAbort, { once: true });
    const { startMs = START_MS } = this.#o;
    const deadline = clock.now() + startMs;
    this.#late = clock.after(startMs, () =>
      this.#lose(new BridgeError('MODEL_TIMEOUT', `the agent was not ready within ${startMs} ms`)),
    );
    try {
      const { signal } = this.#abort;
      const session = await this.#o.open(this.#told, { callId, clock, count, log, ticker, signal, deadline });
      if (this.#isOver()) session.close();
      else this.#session = session;
      this.#readyNow();
    } catch (error) {
      this.#lose(
        error instanceof BridgeError ? error : new BridgeError('INTERNAL', 'the agent failed', { cause: error }),
      );
    }
    await this.#opened.promise;
  }

  /** A method, so that the checker does not carry a narrowed state over an await. */
  #isOver(): boolean {
    return this.#over;
  }

  #readyNow(): void {
    const [ctx, session, sessionId] = [this.#ctx, this.#session, this.#toldReady];
    if (this.#over || this.#ready || ctx === undefined || session === undefined || sessionId === undefined) return;
    this.#ready = true;
    this.#late?.cancel();
    const { inputRate: sampleRate, frameMs = 20, fillsGaps = true } = this.#o;
    const push = (frame: Int16Array) => session.audio(frame);
    const steady = new SteadyFrames({ sampleRate, frameMs, clock: ctx.clock, count: ctx.count, push });
    this.#steady = steady;
    this.#untick = ctx.ticker.subscribe((now) => {
      if (fillsGaps) steady.tick(now);
      this.#voice?.tick(now);
    });
    this.#opened.resolve();
    this.#emit({ type: 'ready', transport: this.#transport, pace: this.pace, sessionId, resumed: false });
    this.#tellEarly();
  }

  #tellEarly(): void {
    if (this.#isHeard) for (const tell of this.#early.take()) if (!this.#over) tell();
  }

  /** Whether it is ready, and somebody is, or was, on the line to hear what it says. */
  get #isHeard(): boolean {
    return this.#ready && this.#listens;
  }

  /** Now, or, where it told that it is ready, as soon as it is and somebody is on the line: as it is kept until then. */
  #once(tell: () => void, keep: 'word' | 'end' | 'always' = 'word'): void {
    if (this.#over) return;
    if (this.#isHeard) tell();
    else if (this.#keeps) this.#early[keep](tell);
  }

  /** Whether what it tells to nobody is kept for who comes. */
  get #keeps(): boolean {
    return this.#toldReady !== undefined && !this.#hungUp;
  }

  readonly #told: StreamTold = {
    calling: (state, tone) => {
      if (!this.#over && !this.#ready) this.#ctx?.emit({ type: 'calling', state, tone });
    },
    ready: (sessionId, transport) => {
      if (transport !== undefined && !this.#ready) this.#transport = transport;
      this.#toldReady ??= sessionId;
      this.#readyNow();
    },
    audio: (samples) => {
      if (samples.length === 0 || this.#over) return;
      if (this.#isHeard) this.#voice?.audio(samples);
      // A line's silence before the first word is nothing that anybody waits for: kept, it would only be in front of what follows.
      else if (this.#keeps && (!this.#early.isEmpty || !staysWithin(samples, SILENT_PEAK)))
        this.#early.audio(samples, (kept) => this.#voice?.audio(kept));
    },
    late: (ms) => this.#ctx?.count('ms_dropped_interrupted', ms),
    answerStarted: (id) => this.#once(() => this.#voice?.begin(id)),
    answerComes: () => this.#once(() => this.#voice?.comes()),
    answerEnded: () => this.#once(() => this.#voice?.end(), 'end'),
    callerSpeaks: () => this.#callerSpeaks(),
    callerStops: () => this.#callerStops(),
    interrupted: () => this.#interrupted(),
    yielded: () => this.#yielded(),
    key: (digit, durationMs) =>
      this.#once(
        () => this.#emit(durationMs === undefined ? { type: 'dtmf', digit } : { type: 'dtmf', digit, durationMs }),
        'always',
      ),
    transcript: (role, text, final, id) => this.#once(() => this.#transcript(role, text, final, id)),
    toolCall: (call) => this.#toolCall(call),
    delayed: (waitedMs) => this.#emit({ type: 'answer_delayed', waitedMs, why: 'model' }),
    problem: (code, message) => this.#emit({ type: 'error', code, message }),
    hungUp: (detail) => {
      const gone = new BridgeError('MODEL_UNAVAILABLE', 'the agent hung up before it was ready');
      // Who hangs up before the call has begun did not answer it.
      if (!this.#ready) this.#lose(gone);
      else this.#hangUp(() => this.#end(termination('agent-hangup', detail), gone));
    },
    lost: (error) => {
      // The line of who hung up goes as it likes.
      if (!this.#hungUp) this.#lose(error);
    },
    unreadable: (what) => this.#drops?.tell('model_event_malformed', what),
    unknown: (type) =>
      this.#drops?.tell('model_event_unknown', 'the agent sent messages of a type that is not known', {
        type: /^[\w.-]{1,60}$/.test(type) ? type : 'other',
      }),
  };

  #emit(event: AgentEvent): void {
    if (this.#over || !this.#ready) return;
    if (event.type === 'response_started') this.#asking?.answerStarted();
    this.#ctx?.emit(event);
  }

  #transcript(...[role, text, final, id]: Parameters<StreamTold['transcript']>): void {
    const itemId = id ?? (role === 'agent' ? this.#voice?.lastId : undefined) ?? `caller-${this.#saidByCaller}`;
    if (role === 'caller' && final) this.#saidByCaller++;
    // A blank that is final takes back what was told of the item.
    if (text !== '' || final) this.#emit({ type: 'transcript', role, itemId, text, final });
  }

  #callerSpeaks(): void {
    if (this.#speaks || !this.#ready) return;
    if (this.#voice?.playing === true) {
      this.#speaksOver = true;
      return;
    }
    this.#speaks = true;
    this.#speaksOver = false;
    this.#emit(this.#o.overlaps ? { type: 'speech_started', keeps: true } : { type: 'speech_started' });
  }

  #callerStops(): void {
    // Words that the agent spoke through were no turn.
    const wasTurn = this.#speaks || this.#voice?.playing !== true;
    if (wasTurn && !this.#speaks) this.#callerSpeaks();
    this.#speaks = false;
    this.#speaksOver = false;
    if (wasTurn) this.#emit({ type: 'speech_stopped' });
  }

  #interrupted(): void {
    if (this.#over || !this.#ready) return;
    this.#speaks = true;
    this.#speaksOver = false;
    // The call answers with what was heard, before this returns.
    this.#emit({ type: 'speech_started' });
    this.#voice?.gaveWay();
  }

  /** Both speak as they like: the call is told that the agent fell silent, and nothing of what it said is void. */
  #yielded(): void {
    if (this.#over || !this.#ready) return;
    this.#speaks = true;
    this.#speaksOver = false;
    this.#emit({ type: 'speech_started', keeps: true });
    this.#voice?.yielded();
  }

  #answerEnded(): void {
    this.#asking?.answerEnded();
    // Whoever went on speaking behind the agent's last word has the turn.
    if (this.#speaksOver) this.#callerSpeaks();
  }

  #toolCall({ id, name, arguments: args }: Parameters<StreamTold['toolCall']>[0]): void {
    if (this.#over || this.#toolCalls.has(id)) return;
    if (this.#toolCalls.size >= MOST_TOOL_CALLS) {
      this.#ctx?.count('tool_call_dropped');
      return;
    }
    this.#toolCalls.add(id);
    const responseId = this.#voice?.lastId ?? '';
    this.#emit({ type: 'tool_call', toolCallId: id, name, arguments: args, responseId });
  }

  #submit(result: ToolResult): void {
    if (this.#over) return;
    if (this.#toolCalls.delete(result.toolCallId)) this.#session?.submitToolResult?.(result);
    else this.#drops?.tell('tool_result_dropped', 'a result came for a call that is not open');
  }

  #ask(send: (session: StreamSession) => void): void {
    const session = this.#session;
    if (this.#over || session === undefined || this.#asking?.ask(() => send(session)) !== true)
      this.#ctx?.count('turn_not_taken');
  }

  #write(samples: Int16Array, sampleRate: number): void {
    const ctx = this.#ctx;
    if (this.#over || ctx === undefined) return;
    if (sampleRate !== this.#o.inputRate) ctx.count('frames_invalid');
    else if (this.#steady === undefined) ctx.count('ms_uplink_dropped', samplesToMs(samples.length, sampleRate));
    else this.#steady.write(samples);
  }

  readonly #onAbort = () => this.#free(aborted());

  #lose(error: BridgeError): void {
    this.#end(terminationOf(error), error);
  }

  /** Now, or behind what it said to nobody yet: who comes hears that to its end. Where none comes the call ends as it would. */
  #hangUp(end: () => void): void {
    if (this.#hungUp) return;
    if (this.#listens || this.#early.isEmpty) {
      end();
      return;
    }
    this.#early.always(end);
    this.#hungUp = true;
    this.#untick?.();
    this.#steady = undefined;
    this.#session?.close();
    this.#session = undefined;
  }

  /** The agent's side is over by itself: all is freed, then the call is told, once. */
  #end(end: Termination, why: BridgeError): void {
    if (this.#over) return;
    this.#voice?.stop();
    this.#free(why);
    this.#ctx?.emit({ type: 'ended', end });
  }

  /** `why`: for a start that still waits. */
  #free(why: BridgeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#early.take();
    this.#ctx?.signal.removeEventListener('abort', this.#onAbort);
    this.#abort.abort(aborted());
    this.#late?.cancel();
    this.#untick?.();
    this.#asking?.close();
    this.#session?.close();
    this.#opened.reject(why);
    // Where none waits.
    this.#opened.promise.catch(() => {});
  }
}

function aborted(): BridgeError {
  return new BridgeError('ABORTED', 'the call ended');
}
