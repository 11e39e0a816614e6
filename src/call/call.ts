import type { AudioSink, PcmFrame } from '../media/frame.ts';
import { link } from '../media/link.ts';
import type { Clock, Timer } from './clock.ts';
import type { Counter } from './counters.ts';
import type { AgentEvent, CallEvent, CallerEvent, CallObserver } from './events.ts';
import { Farewell } from './farewell.ts';
import { Holdback } from './holdback.ts';
import type { CallInfo } from './info.ts';
import type { AgentLeg, CallerLeg, LegContext, Log } from './leg.ts';
import { Line } from './line.ts';
import { notify } from './observers.ts';
import { Patch } from './patch.ts';
import { PlayoutLedger } from './playout.ts';
import type { CallTap } from './tap.ts';
import { isFailure, type Termination, termination } from './termination.ts';
import type { Ticker } from './ticker.ts';
import { noTools, type ToolRunner, type ToolsFactory } from './tools.ts';
import { AudioWatchdog } from './watchdog.ts';

export interface CallDeps {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly observers: readonly CallObserver[];
  /** Played to the caller when the model is lost; the fallback of the carrier's document follows. */
  readonly apology: PcmFrame | undefined;
  /** Who listens to a call's audio. */
  readonly taps?: (info: CallInfo) => readonly CallTap[];
  readonly limits: {
    /** How long a prepared call waits for its caller, ms. */
    readonly joinMs: number;
    /** How long a call whose caller's line broke is kept, ms. */
    readonly reclaimMs: number;
    readonly maxMs: number;
  };
}

/** Legs promise to close within 5 s; beyond this the call is told to be stuck. */
const CLOSE_WATCH_MS = 6_000;
const BRIDGE_SENTENCE =
  'The telephone line broke for a moment and the caller is back. Say so in one short sentence, then go on where you were.';

type State = 'waiting' | 'joined' | 'held' | 'leaving' | 'ended';

/** Joins a caller's leg and an agent's leg. It plugs the two cables, listens to events, and ends once; every decision is a module beside it. */
export class Call {
  readonly info: CallInfo;
  readonly log: Log;
  /** Resolves when everything is closed and the last event was told. */
  readonly done: Promise<Termination>;
  readonly #deps: CallDeps;
  readonly #agent: AgentLeg;
  readonly #abort = new AbortController();
  readonly #counters: Partial<Record<Counter, number>> = {};
  readonly #ledger = new PlayoutLedger();
  readonly #toCaller: Patch;
  readonly #fromCaller: Holdback;
  readonly #watchdog: AudioWatchdog;
  readonly #line: Line;
  readonly #tools: ToolRunner;
  readonly #startedAt: number;
  #resolveDone!: (end: Termination) => void;
  #state: State = 'waiting';
  #ended: Termination | undefined;
  #transferTo: string | undefined;
  #caller: CallerLeg | undefined;
  #agentReady = false;
  #agentLive = false;
  #agentStarted: Promise<void> = Promise.resolve();
  #agentLost: Termination | undefined;
  #greeted = false;
  #joinedAt: number | undefined;
  #heardAgent = false;
  #limit: Timer | undefined;
  #longest: Timer | undefined;
  #watch: (() => void) | undefined;

  constructor(info: CallInfo, agent: AgentLeg, deps: CallDeps, tools: ToolsFactory = noTools) {
    this.info = info;
    this.#agent = agent;
    this.#deps = deps;
    this.log = deps.log.child({ callId: info.id });
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    this.#startedAt = deps.clock.now();
    this.#toCaller = new Patch(agent.rate);
    this.#fromCaller = new Holdback(agent.audio, this.#count);
    this.#watchdog = new AudioWatchdog(this.#toCaller);
    this.#line = new Line({
      clock: deps.clock,
      agent,
      signal: this.#abort.signal,
      caller: () => this.#caller,
      end: ({ transferTo }) => {
        this.#transferTo = transferTo;
        void this.end(termination(transferTo === undefined ? 'agent-hangup' : 'transferred'));
      },
    });
    this.#tools = tools({
      line: this.#line,
      count: this.#count,
      tell: (event) => this.#tell({ type: 'tool', event }),
      fill: (words) => {
        if (!this.#line.busy && this.#state === 'joined')
          this.#agent.respond(`Say only this, in the caller's language: ${words}`);
      },
    });
  }

  get state(): State {
    return this.#state;
  }

  /** Where the caller is to be connected now that the call ended, E.164. */
  get transferTo(): string | undefined {
    return this.#transferTo;
  }

  /** How it ended, as soon as that is decided; undefined while it goes on. */
  get ended(): Termination | undefined {
    return this.#ended;
  }

  /** Whether a caller whose line broke can still be joined again: not once the agent is gone. */
  get reclaimable(): boolean {
    return (
      this.#agentLost === undefined && (this.#state === 'held' || this.#state === 'joined' || this.#state === 'waiting')
    );
  }

  /** Starts the agent's leg, before there is a caller: the session is ready when the phone's stream opens. */
  start(): void {
    const { clock, limits } = this.#deps;
    this.#tell({ type: 'call_started', at: clock.wall(), direction: this.info.direction, info: this.info });
    this.#limit = clock.after(limits.joinMs, () => this.end(termination('no-stream')));
    this.#longest = clock.after(this.info.maxMs ?? limits.maxMs, () => this.end(termination('max-duration')));
    const ctx = this.#context<AgentEvent>(this.#agent.kind, this.#toCaller, (event) => this.#onAgent(event));
    this.#agentStarted = this.#agent.start(ctx).catch((error: unknown) => {
      if (this.#state === 'ended') return;
      ctx.log.error({ err: error }, 'the agent could not be started');
      this.#onAgentLost(this.#agentLost ?? termination('internal'));
    });
  }

  /** Plugs a caller in. A second one takes the place of the first, whose leg is closed. */
  join(caller: CallerLeg): void {
    if (this.#state === 'ended' || this.#state === 'leaving') {
      void caller.close(termination('stream-replaced'));
      return;
    }
    const before = this.#caller;
    const again = this.#joinedAt !== undefined;
    this.#caller = caller;
    this.#state = 'joined';
    this.#limit?.cancel();
    this.#joinedAt ??= this.#deps.clock.now();
    if (before !== undefined) void before.close(termination('stream-replaced'));
    if (again) this.#ledger.cut();
    this.#toCaller.connect(link(this.#agent.rate, caller.audio));
    const ctx = this.#context<CallerEvent>(caller.kind, link(caller.rate, this.#fromCaller), (event) => {
      if (this.#caller === caller) this.#onCaller(event);
    });
    this.#tell({ type: 'caller_joined', kind: caller.kind, again });
    this.#watch ??= this.#deps.ticker.subscribe(this.#onTick);
    caller.start(ctx).catch((error: unknown) => {
      ctx.log.error({ err: error }, "the caller's leg could not be started");
      if (this.#caller === caller) this.end(termination('internal'));
    });
    if (this.#agentLost !== undefined) void this.#leave(this.#agentLost);
    else this.#begin(again);
  }

  /** Ends the call; the first reason wins. Resolves when all is closed. */
  end(end: Termination): Promise<Termination> {
    if (this.#state !== 'ended') {
      this.#state = 'ended';
      this.#ended = end;
      this.#abort.abort(end);
      this.#limit?.cancel();
      this.#longest?.cancel();
      this.#watch?.();
      this.#toCaller.connect(undefined);
      void this.#close(end);
    }
    return this.done;
  }

  async #close(end: Termination): Promise<void> {
    const watch = this.#deps.clock.after(CLOSE_WATCH_MS, () => {
      this.#count('close_stuck');
      this.log.error({ ...end }, 'closing the call hangs');
    });
    // The carrier is told before media closes, so that the caller's line is never left open to nothing.
    await this.#caller?.close(end);
    await this.#agent.close(end);
    await this.#agentStarted;
    watch.cancel();
    const durationMs = this.#deps.clock.now() - this.#startedAt;
    this.log.info({ ...end, durationMs: Math.round(durationMs), counters: this.#counters }, 'call ended');
    this.#tell({ type: 'call_ended', end, durationMs, counters: this.#counters });
    this.#resolveDone(end);
  }

  /** Lets speech flow both ways as soon as both ends are there. */
  #begin(again: boolean): void {
    if (!this.#agentReady || this.#state !== 'joined') return;
    if (this.#caller !== undefined && 'live' in this.#caller) this.#caller.live = this.#agentLive;
    const audioPath = this.#audioPath();
    this.log.info({ audioPath }, 'both ends are on the line');
    this.#tell({ type: 'connected', audioPath });
    if (!this.#greeted) {
      this.#greeted = true;
      this.#agent.greet();
    } else if (again) {
      this.#agent.respond(BRIDGE_SENTENCE);
    }
    this.#fromCaller.release();
  }

  #onCaller(event: CallerEvent): void {
    this.#tell({ type: 'caller', event });
    switch (event.type) {
      case 'dtmf':
        return;
      case 'stream_restarted':
        this.#ledger.cut();
        return;
      case 'ended':
        if (event.end.reason === 'media-lost' && this.#deps.limits.reclaimMs > 0 && this.#state === 'joined')
          this.#hold(event.end);
        else void this.end(event.end);
        return;
      default:
        event satisfies never;
    }
  }

  /** The caller's line broke: the model's session is kept for a while, in case the carrier comes back. */
  #hold(end: Termination): void {
    const caller = this.#caller;
    this.#state = 'held';
    this.#fromCaller.hold();
    this.#toCaller.connect(undefined);
    if (caller !== undefined)
      this.#agent.interrupt(this.#ledger.heard(caller.playout.playedMs(), caller.playout.writtenMs()));
    this.#ledger.cut();
    this.#watchdog.disarm();
    this.#caller = undefined;
    void caller?.close(end);
    this.#limit = this.#deps.clock.after(this.#deps.limits.reclaimMs, () => this.end(end));
    this.log.warn({ ...end }, "the caller's line broke; the session is kept for a while");
  }

  #onAgent(event: AgentEvent): void {
    if (event.type !== 'ended') this.#tell({ type: 'agent', event });
    this.#line.onAgent(event);
    switch (event.type) {
      case 'ready':
        this.#agentReady = true;
        this.#agentLive = event.transport === 'webrtc';
        this.#begin(false);
        return;
      case 'reconnecting':
        this.#agentReady = false;
        this.#fromCaller.hold();
        return;
      case 'speech_started':
        this.#bargeIn();
        return;
      case 'audio_started':
        this.#onAudioStarted(event);
        return;
      case 'audio_done':
        this.#ledger.end(event.itemId, this.#caller?.playout.writtenMs() ?? 0);
        this.#alarm(this.#watchdog.check(this.#deps.clock.now(), true));
        return;
      case 'tool_call':
        void this.#runTool(event);
        return;
      case 'error':
        this.#count('model_error');
        return;
      case 'transport_fallback':
        this.#count('transport_fallback');
        this.log.warn(
          { fromTransport: event.from, toTransport: event.to, reason: event.reason },
          'the transport to the model fell back',
        );
        return;
      case 'ended':
        this.#tell({ type: 'agent', event });
        this.#onAgentLost(event.end);
        return;
      case 'speech_stopped':
      case 'response_started':
      case 'response_done':
      case 'transcript':
      case 'truncated':
      case 'rate_limits':
        return;
      default:
        event satisfies never;
    }
  }

  #onAudioStarted(event: { responseId: string; itemId: string; contentIndex: number }): void {
    if (this.#caller === undefined) return;
    this.#ledger.begin(event, this.#caller.playout.writtenMs());
    const now = this.#deps.clock.now();
    this.#watchdog.arm(now);
    if (this.#heardAgent || this.#joinedAt === undefined) return;
    this.#heardAgent = true;
    this.#tell({ type: 'first_agent_audio', sinceJoinMs: now - this.#joinedAt });
  }

  /** The caller speaks over the agent: what is queued is discarded at the carrier, and the model learns what was heard. */
  #bargeIn(): void {
    const caller = this.#caller;
    if (caller === undefined || this.#state !== 'joined') return;
    const began = this.#deps.clock.now();
    const playedMs = caller.playout.playedMs();
    if (!this.#ledger.inPlay(playedMs)) return;
    const heard = this.#ledger.heard(playedMs, caller.playout.writtenMs());
    this.#toCaller.clear();
    const clearMs = this.#deps.clock.now() - began;
    this.#agent.interrupt(heard);
    this.#ledger.cut();
    this.#watchdog.disarm();
    this.#count('barge_in');
    this.#tell({ type: 'barge_in', heard, clearMs });
  }

  async #runTool(tool: { toolCallId: string; name: string; arguments: string }): Promise<void> {
    const output = await this.#tools.run(tool, this.#abort.signal);
    if (this.#state === 'ended') this.#count('tool_result_dropped');
    else this.#agent.submitToolResult({ toolCallId: tool.toolCallId, output });
  }

  /** The agent is gone for good. The caller is told in words before the line goes; a caller who is yet to come is told on arrival. */
  #onAgentLost(end: Termination): void {
    if (this.#state === 'ended' || this.#state === 'leaving') return;
    this.#agentLost ??= end;
    if (this.#state === 'joined') void this.#leave(end);
    else if (this.#state === 'held') void this.end(end);
  }

  async #leave(end: Termination): Promise<void> {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#state = 'leaving';
    this.#toCaller.connect(undefined);
    const farewell = new Farewell(caller, this.#deps.clock);
    if (isFailure(end)) farewell.play(this.#deps.apology);
    await farewell.heard(this.#abort.signal);
    await this.end(end);
  }

  readonly #onTick = (now: number): void => {
    this.#alarm(this.#watchdog.check(now));
  };

  #alarm(kind: 'missing' | 'silent' | undefined): void {
    if (kind === undefined || this.#state !== 'joined') return;
    const audioPath = this.#audioPath();
    this.#count(kind === 'missing' ? 'agent_audio_missing' : 'agent_audio_silent');
    this.log.error({ kind, audioPath }, 'the model answers but the caller hears nothing');
    this.#tell({ type: 'audio_alarm', kind, audioPath });
  }

  #audioPath(): string {
    const up =
      this.#caller === undefined ? 'nobody' : `${this.#caller.kind} -> ${link(this.#caller.rate, this.#fromCaller)}`;
    return `up: ${up}; down: ${this.#agent.kind} -> ${this.#toCaller}`;
  }

  #context<E>(leg: string, peer: AudioSink, emit: (event: E) => void): LegContext<E> {
    return {
      callId: this.info.id,
      peer,
      emit: (event) => {
        if (this.#state !== 'ended') emit(event);
      },
      count: this.#count,
      log: this.log.child({ leg }),
      clock: this.#deps.clock,
      ticker: this.#deps.ticker,
      signal: this.#abort.signal,
    };
  }

  readonly #count = (counter: Counter, n = 1): void => {
    this.#counters[counter] = (this.#counters[counter] ?? 0) + n;
  };

  #tell(event: CallEvent): void {
    notify(this.#deps.observers, this.info.id, event, this.log, this.#count);
  }
}
