import { delay } from '../../call/clock.ts';
import type { AgentEvent, Heard } from '../../call/events.ts';
import type { AgentLeg, LegContext, Pace, PathSample, ToolResult } from '../../call/leg.ts';
import { RunLimit } from '../../call/run-limit.ts';
import type { Said } from '../../call/said.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import type { AudioSink } from '../../media/frame.ts';
import { Drops } from '../common/drops.ts';
import { terminationOf } from '../common/termination.ts';
import { CallerAudio } from './caller-audio.ts';
import { type ModelTransport, paceOf } from './connection.ts';
import { Conversation } from './conversation.ts';
import { establish } from './establish.ts';
import type { Connectors } from './fallback.ts';
import type { ModelSession, SessionListener } from './model-session.ts';
import { MAX_RECONNECTS, RECONNECT_FORGIVEN_MS, type ResolvedOptions, rateOf } from './options.ts';
import { Rollover, rolloverTimes } from './rollover.ts';
import { GivenIds } from './wire-ids.ts';

const START_TRIES = 3;
/** Between two tries to get a lost session back, ms. */
const RECONNECT_PAUSE_MS = 250;

type State = 'new' | 'starting' | 'ready' | 'reconnecting' | 'over';

/**
 * An OpenAI Realtime agent. The leg owns the life of its sessions (the first, the ones after a loss, the one that replaces an ageing
 * one); what is said in them is the conversation's.
 */
export class OpenAiLeg implements AgentLeg {
  readonly kind = 'openai';
  readonly rate: number;
  readonly #options: ResolvedOptions;
  readonly #connectors: Connectors;
  readonly #ear: CallerAudio;
  readonly #abort = new AbortController();
  readonly #ids = new GivenIds();
  #state: State = 'new';
  #started: Promise<void> | undefined;
  #ctx: LegContext<AgentEvent> | undefined;
  #drops: Drops | undefined;
  #conversation: Conversation | undefined;
  #before: readonly Said[] | undefined;
  #session: ModelSession | undefined;
  /** Ready to take over from an ageing session. */
  #next: ModelSession | undefined;
  #pace: Pace;
  #rollover: Rollover | undefined;
  readonly #reconnects = new RunLimit(MAX_RECONNECTS, RECONNECT_FORGIVEN_MS);

  constructor(options: ResolvedOptions, connectors: Connectors) {
    this.#options = options;
    this.#connectors = connectors;
    this.rate = rateOf(options.format);
    this.#ear = new CallerAudio(this.rate);
    const { transport, memory } = options;
    this.#pace = paceOf(memory?.doubtful ? 'websocket' : transport);
  }

  /** A fallback that nothing announces is not foreseen. */
  get pace(): Pace {
    return this.#pace;
  }

  get audio(): AudioSink {
    return this.#ear;
  }

  /**
   * Resolves when the session is confirmed. When none can be had it tells `ended` with the reason and rejects with the BridgeError behind
   * it; when the call ends meanwhile it rejects with ABORTED and tells nothing. Told again, it is the same start.
   */
  start(ctx: LegContext<AgentEvent>): Promise<void> {
    this.#started ??= this.#start(ctx);
    return this.#started;
  }

  async #start(ctx: LegContext<AgentEvent>): Promise<void> {
    if (this.#isOver()) throw aborted();
    this.#state = 'starting';
    this.#ctx = ctx;
    this.#ear.countWith(ctx.count);
    this.#drops = new Drops(ctx.count, ctx.log);
    this.#conversation = new Conversation({
      options: this.#options,
      drops: this.#drops,
      ear: this.#ear,
      peer: ctx.peer,
      clock: ctx.clock,
      count: ctx.count,
      log: ctx.log,
      before: this.#before,
      emit: (event) => {
        if (this.#state !== 'over') ctx.emit(event);
      },
      end: (end) => this.#end(end),
    });
    if (ctx.signal.aborted) this.#free();
    else ctx.signal.addEventListener('abort', this.#free, { once: true });
    try {
      const { startMs } = this.#options.limits;
      this.#adopt(await this.#establish(startMs, START_TRIES, this.#options.transport), false);
    } catch (error) {
      if (this.#isOver()) throw aborted();
      this.#end(terminationOf(error));
      throw error instanceof BridgeError ? error : new BridgeError('INTERNAL', 'the agent failed', { cause: error });
    }
  }

  async path(): Promise<PathSample | undefined> {
    return this.#isOver() ? undefined : this.#session?.connection.path?.();
  }

  said(): readonly Said[] {
    return this.#conversation?.said() ?? this.#before ?? [];
  }

  goOnFrom(said: readonly Said[]): void {
    this.#before = said;
  }

  greet(): void {
    this.#conversation?.greet();
  }

  interrupt(heard: readonly Heard[]): void {
    this.#conversation?.interrupt(heard);
  }

  heard(part: Heard): void {
    this.#conversation?.heard(part);
  }

  listened(there: boolean): void {
    this.#conversation?.listened(there);
  }

  get waitedFor(): boolean {
    return this.#conversation?.waitedFor ?? false;
  }

  submitToolResult(result: ToolResult): void {
    this.#conversation?.submitToolResult(result);
  }

  sendText(text: string): void {
    this.#conversation?.sendText(text);
  }

  note(text: string): void {
    this.#conversation?.note(text);
  }

  hush(quiet: boolean): void {
    this.#conversation?.hush(quiet);
  }

  respond(instructions: string, first = false): void {
    this.#conversation?.respond(instructions, first);
  }

  /** Nothing here waits for the far end: the socket's closing handshake and the peer's shutdown have deadlines of their own. */
  async close(_end: Termination): Promise<void> {
    this.#free();
  }

  /** A method, so that the checker does not carry a narrowed state over an await. */
  #isOver(): boolean {
    return this.#state === 'over';
  }

  async #establish(budgetMs: number, tries: number, transport: ModelTransport): Promise<ModelSession> {
    const ctx = this.#ctx!;
    const session = await establish({
      options: this.#options,
      connectors: this.#connectors,
      transport,
      budgetMs,
      tries,
      clock: ctx.clock,
      ticker: ctx.ticker,
      signal: this.#abort.signal,
      count: ctx.count,
      drops: this.#drops!,
      ids: this.#ids,
      log: ctx.log,
      fallback: (reason) => {
        if (!this.#isOver()) ctx.emit({ type: 'transport_fallback', from: 'webrtc', to: 'websocket', reason });
      },
    });
    if (!this.#isOver()) return session;
    session.close();
    throw aborted();
  }

  /** A session takes its place: the caller is heard in it, and the conversation goes on in it. */
  #adopt(session: ModelSession, resumed: boolean): void {
    const ctx = this.#ctx!;
    this.#session = session;
    this.#pace = paceOf(session.transport);
    this.#state = 'ready';
    this.#ear.connect(session.connection);
    this.#conversation?.attach(session, resumed);
    // The call may have ended in answer to "ready".
    if (this.#isOver()) return;
    const lifeMs = session.expiresAt === undefined ? undefined : session.expiresAt - ctx.clock.wall();
    this.#rollover?.cancel();
    this.#rollover = new Rollover(ctx.clock, rolloverTimes(this.#options.limits, lifeMs), {
      prepare: () => this.#prepareNext(),
      idle: () => this.#conversation?.idle ?? false,
      swap: () => this.#swap(),
    });
    session.listen(this.#listener(session));
  }

  #listener(session: ModelSession): SessionListener {
    return {
      event: (event) => {
        if (this.#session === session) this.#conversation?.event(event);
      },
      audio: (samples) => {
        if (this.#session === session) this.#conversation?.audio(samples);
      },
      lost: (code, detail) => {
        if (this.#session === session) this.#onLost(session.transport, code, detail);
      },
      broken: (error) => {
        if (this.#session === session) this.#end(terminationOf(error));
      },
    };
  }

  #onLost(transport: ModelTransport, code: string, detail: string): void {
    const ctx = this.#ctx!;
    const now = ctx.clock.now();
    const reconnects = this.#reconnects.used(now);
    ctx.log.warn({ code, detail, transport, reconnects }, 'the session with the model is lost');
    this.#letGo();
    if (!this.#reconnects.allows(now)) {
      this.#end(termination('model-session-lost', `lost again after ${MAX_RECONNECTS} reconnects: ${detail}`));
      return;
    }
    this.#state = 'reconnecting';
    ctx.emit({ type: 'reconnecting', reason: code });
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) {
      this.#adopt(next, true);
      return;
    }
    // When the path itself broke there is no use in trying it again while the caller waits.
    const pathBroke = transport === 'webrtc' && code.startsWith('ice-');
    void this.#reconnect(pathBroke || transport === 'websocket' ? 'websocket' : 'webrtc');
  }

  async #reconnect(transport: ModelTransport): Promise<void> {
    const ctx = this.#ctx!;
    let last: unknown;
    while (!this.#isOver() && this.#reconnects.allows(ctx.clock.now())) {
      this.#reconnects.take(ctx.clock.now());
      ctx.count('model_reconnect');
      try {
        this.#adopt(await this.#establish(this.#options.limits.reconnectMs, 1, transport), true);
        return;
      } catch (error) {
        if (this.#isOver()) return;
        last = error;
        if (!(error instanceof BridgeError && error.retryable)) break;
        ctx.log.warn(
          { code: error.code, attempt: this.#reconnects.used(ctx.clock.now()) },
          'no session yet, trying again',
        );
        const pause = Math.max(error.retryAfterMs ?? 0, RECONNECT_PAUSE_MS * (0.5 + this.#options.random()));
        if (pause > this.#options.limits.silentEndMs) break;
        await delay(ctx.clock, pause, this.#abort.signal).catch(() => {});
      }
    }
    if (!this.#isOver()) this.#end(terminationOf(last));
  }

  async #prepareNext(): Promise<void> {
    const session = await this.#establish(this.#options.limits.startMs, 1, this.#session?.transport ?? 'websocket');
    this.#next?.close();
    this.#next = session;
    const gone = () => {
      if (this.#next === session) this.#next = undefined;
      session.close();
    };
    session.listen({ event: () => {}, audio: () => {}, lost: gone, broken: gone });
  }

  #swap(): boolean {
    const next = this.#next;
    if (next === undefined || this.#state !== 'ready') return false;
    this.#next = undefined;
    this.#ctx?.log.info({ transport: next.transport }, 'the session is replaced before it expires');
    this.#letGo();
    this.#adopt(next, true);
    return true;
  }

  /** Parts from the session; what it owed stays with the conversation. */
  #letGo(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#rollover?.cancel();
    this.#ear.connect(undefined);
    this.#conversation?.detach();
    session?.close();
  }

  /** The agent's side is over by itself: all is freed, then the call is told, once. */
  #end(end: Termination): void {
    if (this.#isOver()) return;
    this.#free();
    this.#ctx?.emit({ type: 'ended', end });
  }

  readonly #free = (): void => {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#ctx?.signal.removeEventListener('abort', this.#free);
    this.#abort.abort(aborted());
    this.#rollover?.cancel();
    this.#ear.connect(undefined);
    this.#conversation?.dispose();
    this.#session?.close();
    this.#next?.close();
    this.#session = undefined;
    this.#next = undefined;
  };
}

function aborted(): BridgeError {
  return new BridgeError('ABORTED', 'the call ended');
}
