import { link } from '../media/link.ts';
import { type AgentReady, AgentSide } from './agent-side.ts';
import { Announcer } from './announcer.ts';
import { Boundary } from './boundary.ts';
import type { Timer } from './clock.ts';
import { closeInOrder } from './closing.ts';
import type { CallDeps } from './deps.ts';
import { Dialogue } from './dialogue.ts';
import { Downlink } from './downlink.ts';
import type { AgentEvent, CallerEvent } from './events.ts';
import { farewell } from './farewell.ts';
import { HeldAgent } from './held-agent.ts';
import { Holdback } from './holdback.ts';
import type { CallInfo } from './info.ts';
import { Journal } from './journal.ts';
import type { AgentLeg, CallerLeg, LineAction, Log, Pace } from './leg.ts';
import type { LineEnd } from './line.ts';
import { OperatorLine } from './operator-line.ts';
import type { Said } from './said.ts';
import type { Announcement } from './tap.ts';
import { Taps } from './taps.ts';
import { isFailure, type Termination, termination } from './termination.ts';
import { noTools, type ToolsFactory } from './tools.ts';
import type { TransferEnd, TransferFailure } from './transfer.ts';
import { Transfers } from './transfers.ts';
import { TurnTiming } from './turn-timing.ts';

/** `held`: the caller's line broke; `away`: he is being connected to another number. Both may come back. */
type State = 'waiting' | 'joined' | 'held' | 'away' | 'leaving' | 'ended';

/** How long after the last ring the carrier may take to tell that nobody answered, ms: it rings some seconds longer than it was told. */
const TRANSFER_SLACK_MS = 20_000;

/** Joins a caller's leg and an agent's leg. It plugs the two cables, listens to events, and ends once; every decision is a module beside it. */
export class Call {
  readonly info: CallInfo;
  readonly log: Log;
  /** Wall time of its beginning, ms. */
  readonly startedAt: number;
  /** Resolves when everything is closed and the last event was told. */
  readonly done: Promise<Termination>;
  /** What operators do to it beside ending it. */
  readonly operators: OperatorLine;
  readonly #deps: CallDeps;
  readonly #agent: HeldAgent;
  readonly #abort = new AbortController();
  readonly #journal: Journal;
  readonly #downlink: Downlink;
  readonly #fromCaller: Holdback;
  readonly #dialogue: Dialogue;
  readonly #taps: Taps;
  readonly #announcer: Announcer;
  readonly #agentSide: AgentSide;
  readonly #resolveDone: (end: Termination) => void;
  readonly #transfers = new Transfers();
  readonly #came = Promise.withResolvers<void>();
  #state: State = 'waiting';
  #ended: Termination | undefined;
  #expected: Termination | undefined;
  #saidGoodbye = false;
  #caller: CallerLeg | undefined;
  #greeted = false;
  #joinedBefore = false;
  #limit: Timer | undefined;
  #longest: Timer | undefined;
  #movedTo: string | undefined;
  #watch: (() => void) | undefined;

  constructor(info: CallInfo, leg: AgentLeg, shared: CallDeps, tools: ToolsFactory = noTools) {
    const { signal } = this.#abort;
    const agent = new HeldAgent(leg);
    this.info = info;
    this.#agent = agent;
    this.log = shared.log.child({ callId: info.id });
    const boundary = new Boundary(shared.clock, shared.ticker, (error) => this.#onBug(error));
    const { clock, ticker } = boundary;
    const deps: CallDeps = { ...shared, clock, ticker };
    const { observers } = deps;
    this.#deps = deps;
    ({ promise: this.done, resolve: this.#resolveDone } = Promise.withResolvers<Termination>());
    this.startedAt = clock.wall();
    const { log } = this;
    const journal = new Journal({ callId: info.id, boundary, log, observers, signal, total: deps.count });
    const { count, tell } = journal;
    const downlink = new Downlink({
      clock,
      ticker,
      agent,
      journal,
      log,
      comfort: deps.comfort,
      path: () => this.#audioPath(),
    });
    const fromCaller = new Holdback(agent.audio, count);
    const legs = { agent, journal, downlink, fromCaller };
    this.#journal = journal;
    this.#downlink = downlink;
    this.#fromCaller = fromCaller;
    const line = {
      caller: () => this.#caller,
      joined: () => this.#state === 'joined',
      away: () => this.#state === 'away',
      taken: () => this.operators.hasCaller,
      end: ({ reason, transferTo, awaited = false }: LineEnd) => {
        // The caller may have hung up while the last words were heard.
        if (this.#state === 'ended') return undefined;
        if (transferTo !== undefined && this.#comesBack) return this.#goAway(transferTo, awaited);
        this.#transfers.endWith(transferTo);
        void this.end(termination(reason));
        return undefined;
      },
    };
    const dialogue = new Dialogue({ ...legs, ...line, info, deps, tools, signal });
    const timing = new TurnTiming({ clock, tell, cushionMs: () => this.#caller?.cushionMs });
    const agentEnd = {
      seen: (event: AgentEvent) => {
        this.#announcer.onAgent(event);
        return this.operators.seen(this.#caller?.onAgent?.(event) ?? event);
      },
      ready: () => this.#begin(false),
      // A caller with whom somebody speaks is not left for that.
      lost: (end: Termination) => this.operators.hasCaller || this.#onAgentLost(end),
    };
    this.operators = new OperatorLine({
      ...{ agent, journal, downlink, clock, boundary, caller: line.caller },
      ready: () => this.#agentSide.ready && this.#agentSide.lost === undefined,
      over: () => this.#state === 'ended',
      back: () => this.#dialogue.handedBack(),
      alone: () => {
        if (this.#agentSide.lost !== undefined) this.#onAgentLost(this.#agentSide.lost);
      },
    });
    this.#dialogue = dialogue;
    this.#agentSide = new AgentSide({ ...legs, ...agentEnd, dialogue, timing });
    this.#announcer = new Announcer({
      clock,
      // A bug in it ends the call, and with it what is waited for here.
      ask: (words) => {
        let asked = false;
        boundary.run(() => {
          asked = dialogue.say(words, true);
        });
        return asked;
      },
      may: () => this.#state === 'joined' && this.#agentSide.ready && !this.operators.hasCaller,
      writtenMs: () => this.#taps.writtenMs,
    });
    const hooks = { count, tell, announce: (announcement: Announcement) => this.#announcer.announce(announcement) };
    this.#taps = new Taps((given) => [timing, ...(deps.taps?.(info, given) ?? []), this.#announcer], hooks, log);
  }

  /** Resolves when the agent is ready, for the first time, or never will be. */
  get ready(): Promise<AgentReady> {
    return this.#agentSide.became;
  }

  /** Resolves when a caller is on the line for the first time; never where none comes. */
  get came(): Promise<void> {
    return this.#came.promise;
  }

  /** Resolves with why the agent is lost for good, at that moment and before the call ends of it; undefined where it is there to the end. */
  get agentLost(): Promise<Termination | undefined> {
    return this.#agentSide.gone;
  }

  get state(): State {
    return this.#state;
  }

  /** To whom the caller is to be connected, now that he is away or the call has ended, E.164. */
  get transferTo(): string | undefined {
    return this.#transfers.to;
  }

  /** How many transfers there were: the number of the last one, which tells its news from a repetition of an earlier one's. */
  get transfers(): number {
    return this.#transfers.number;
  }

  /** How it ended, as soon as that is decided; undefined while it goes on. */
  get ended(): Termination | undefined {
    return this.#ended;
  }

  /** Whether a caller whose line broke can still be joined again: not once the agent is gone. */
  get reclaimable(): boolean {
    return this.#agentSide.lost === undefined && ['waiting', 'joined', 'held', 'away'].includes(this.#state);
  }

  /** How the agent's audio comes; what is to be expected until the agent is there. */
  get pace(): Pace {
    return this.#agent.pace;
  }

  /** Starts the agent's leg, before there is a caller: the session is ready when the phone's stream opens. */
  start(): void {
    const { clock, limits } = this.#deps;
    const { info } = this;
    this.#journal.tell({ type: 'call_started', at: this.startedAt, direction: info.direction, info });
    this.#limit = clock.after(limits.joinMs, () => this.end(termination('no-stream')));
    this.#longest = clock.after(info.maxMs ?? limits.maxMs, () => this.end(termination('max-duration')));
    this.#agentSide.start();
  }

  /** Plugs a caller in. A second one takes the place of the first, whose leg is closed. */
  join(leg: CallerLeg): void {
    if (this.#state === 'ended' || this.#state === 'leaving') {
      void leg.close(termination('stream-replaced'));
      return;
    }
    // He came back by a way of his own, and what became of the transfer was never told.
    if (this.#state === 'away' && !this.transferEnded(this.#transfers.number, 'canceled', false)) {
      void leg.close(termination('stream-replaced'));
      return;
    }
    const caller = this.#taps.listen(leg);
    const before = this.#caller;
    const again = this.#joinedBefore;
    this.#caller = caller;
    this.#joinedBefore = true;
    this.#state = 'joined';
    this.#came.resolve();
    this.#limit?.cancel();
    if (before !== undefined) void before.close(termination('stream-replaced'));
    this.#downlink.connect(caller);
    this.#dialogue.lineChanged();
    const ctx = this.#journal.context<CallerEvent>(caller.kind, link(caller.rate, this.#fromCaller), (event) => {
      if (this.#caller === caller) this.#onCaller(event);
    });
    this.#journal.tell({ type: 'caller_joined', kind: caller.kind, again });
    this.#watch ??= this.#deps.ticker.subscribeSlowly(this.#onLook);
    caller
      .start(ctx)
      .then(() => this.#downlink.listened(caller))
      .catch((error: unknown) => {
        ctx.log.error({ err: error }, "the caller's leg could not be started");
        if (this.#caller === caller) this.end(termination('internal'));
      });
    if (this.#agentSide.lost !== undefined) void this.#leave(this.#agentSide.lost);
    else this.#begin(again);
  }

  /** Something of ours threw: this call cannot be trusted any more, and the caller gets what a lost call gets. Others are not touched. */
  #onBug(err: unknown): void {
    this.#journal.count('call_bug');
    this.log.error({ err }, 'a bug in this call; it ends, the others go on');
    if (this.#ended !== undefined) return;
    try {
      void this.end(termination('internal'));
    } catch (error) {
      this.log.error({ err: error }, 'the call could not be ended in order');
    }
  }

  /** What it means when the caller's leg ends from now on, whatever it says itself; undefined takes it back. */
  expectEnd(end: Termination | undefined): void {
    this.#expected = end;
    this.#transfers.unexpect();
  }

  /**
   * The carrier is about to connect the caller to `to` (E.164), which takes his stream away. Which of the call's transfers that is, or undefined
   * where a transfer ends the call.
   */
  connecting(to: string): number | undefined {
    return this.#comesBack ? this.#transfers.expect(to) : undefined;
  }

  /** The carrier is connecting him now. */
  connected(): void {
    const to = this.#transfers.expected;
    if (to !== undefined && this.#state === 'joined') this.#goAway(to, false);
  }

  /**
   * The carrier tells how a transfer ended. `gone`: the caller has hung up. Where it failed the caller is expected back; true then, and also where
   * that was told before.
   */
  transferEnded(n: number, how: TransferEnd, gone: boolean, seconds?: number): boolean {
    if (n !== this.#transfers.number || this.#state !== 'away') return false;
    const news = !this.#transfers.failed;
    if (news) this.#journal.tell({ type: 'transfer_ended', n, how, ...(seconds === undefined ? {} : { seconds }) });
    if (how === 'completed' || gone) {
      void this.end(termination(how === 'completed' ? 'transferred' : 'caller-hangup'));
      return false;
    }
    this.#transfers.fail(how);
    if (news) {
      this.#limit?.cancel();
      this.#limit = this.#deps.clock.after(this.#deps.limits.joinMs, () => this.end(termination('media-lost')));
    }
    const { lost } = this.#agentSide;
    if (lost !== undefined) void this.end(lost);
    return lost === undefined;
  }

  /** Has the agent say this, behind what it is saying; false where it cannot be asked for words. */
  say(text: string): boolean {
    return this.#dialogue.say(text);
  }

  /** What was said and done so far; undefined where the agent cannot tell. */
  get said(): readonly Said[] | undefined {
    return this.#agent.said?.();
  }

  /** Has the agent tell the caller something, and resolves when that was heard to its end: false where it was not within this time, ms, however often it was said. */
  announce(words: string, withinMs: number): Promise<boolean> {
    return this.#announcer.told(words, withinMs);
  }

  /** Whether the agent takes typed turns. */
  get takesText(): boolean {
    return this.#agent.sendText !== undefined;
  }

  /** A typed turn of the caller; the agent answers it by voice. False where it takes none. */
  text(text: string): boolean {
    this.#onCaller({ type: 'text', text });
    return this.takesText;
  }

  /** Why this cannot be asked of whoever is on the line, in a sentence; undefined where it can. */
  cannot(action: LineAction): string | undefined {
    return this.#dialogue.cannot(action);
  }

  /** Plays keys to the caller's side; false when nobody is there to hear them. Rejects with KeysCut where not all of them were played. */
  sendDigits(digits: string): Promise<boolean> {
    return this.#dialogue.sendDigits(digits);
  }

  /** Lets the caller hear the agent's last words, then has the carrier connect him to `to` (E.164). False where he is not there any more. */
  handOver(to: string): Promise<boolean> {
    return this.#dialogue.handOver(to);
  }

  /**
   * Ends the call from our side with last words of the agent's, asked for by `instructions`, heard within `withinMs` or not at all; what the
   * caller says meanwhile does not keep it. Where the agent cannot speak the recorded apology stands in; where nobody is on the line it ends at once.
   */
  async dismiss(end: Termination, instructions: string, withinMs: number): Promise<Termination> {
    this.operators.endVoice();
    if (this.#state === 'joined' && this.#agentSide.ready && this.#agent.respond !== undefined)
      this.#saidGoodbye = await this.#dialogue.lastly(instructions, withinMs);
    else if (this.#state === 'joined') await this.#leave(end);
    // A call that is leaving by itself has its own words and its own reason.
    return this.#state === 'leaving' ? this.done : this.end(end);
  }

  /** Whether the agent took leave although the call ended by no fault of the caller's: he needs no apology then. */
  get saidGoodbye(): boolean {
    return this.#saidGoodbye;
  }

  /** Ends the call; the first reason wins. Resolves when all is closed. */
  end(end: Termination): Promise<Termination> {
    if (this.#state !== 'ended') {
      this.#state = 'ended';
      this.#ended = end;
      // Whoever hangs up on a caller does not want him connected any more. Any other end leaves him the transfer.
      if (end.reason === 'operator-hangup') this.#transfers.endWith(undefined);
      this.#abort.abort(end);
      this.#agentSide.over(end);
      this.operators.endVoice();
      this.#limit?.cancel();
      this.#longest?.cancel();
      this.#watch?.();
      this.#dialogue.close();
      this.#downlink.unplug();
      this.#taps.ended();
      void this.#close(end);
    }
    return this.done;
  }

  /**
   * The caller's media came to another instance, which goes on with the call: what is here of it is dropped, and no end is told. False where it is
   * over.
   */
  moveTo(instance: string): boolean {
    if (this.#state === 'ended' || this.#state === 'leaving') return false;
    this.#movedTo = instance;
    void this.end(termination('moved'));
    return true;
  }

  async #close(end: Termination): Promise<void> {
    // The carrier is told before media closes, so that the caller's line is never left open to nothing.
    const legs = [() => this.#caller?.close(end), () => this.#agentSide.close(end)];
    await closeInOrder(legs, this.#deps.clock, () => {
      this.#journal.count('close_stuck');
      this.log.error({ ...end }, 'closing the call hangs');
    });
    if (this.#movedTo === undefined) this.#journal.end(end);
    else this.#journal.moved(this.#movedTo);
    this.#resolveDone(end);
  }

  /** Lets speech flow both ways as soon as both ends are there. */
  #begin(again: boolean): void {
    if (!this.#agentSide.ready || this.#state !== 'joined') return;
    this.#caller?.setPace?.(this.operators.hasCaller ? 'live' : this.#agent.pace);
    const audioPath = this.#audioPath();
    this.log.info({ audioPath }, 'both ends are on the line');
    this.#journal.tell({ type: 'connected', audioPath });
    const back = this.#greeted ? this.#transfers.back() : undefined;
    if (!this.#greeted) {
      this.#greeted = true;
      this.#taps.connected();
      this.#agent.greet?.();
    } else if (back !== undefined) {
      this.#dialogue.back(back.how, back.told);
    } else if (again) {
      this.#dialogue.goOn();
    }
    this.#fromCaller.release();
  }

  #onCaller(event: CallerEvent): void {
    // Keys and typed turns cut in as speech does: what lies at the carrier is discarded before anybody is told.
    if (event.type === 'dtmf' || event.type === 'text') this.#journal.first(() => this.#handle(event));
    else this.#handle(event);
  }

  #handle(event: CallerEvent): void {
    this.#journal.tell({ type: 'caller', event: this.#dialogue.shown(event) });
    switch (event.type) {
      case 'dtmf':
        this.#dialogue.key(event.digit);
        return;
      case 'text':
        this.#dialogue.text(event.text);
        return;
      case 'speaker':
        this.#dialogue.speaker(event);
        return;
      case 'participant':
        return;
      case 'stream_restarted':
        this.#downlink.restarted();
        return;
      case 'ended':
        this.#onCallerLost(this.#expected ?? event.end);
        return;
      default:
        event satisfies never;
    }
  }

  /** The caller's leg is over. Of a line that broke the model's session is kept for a while, in case the carrier comes back. */
  #onCallerLost(end: Termination): void {
    const { clock, limits } = this.#deps;
    const { expected } = this.#transfers;
    if (expected !== undefined && this.#state === 'joined') {
      this.#goAway(expected, false);
      return;
    }
    if (end.reason !== 'media-lost' || limits.reclaimMs <= 0 || this.#state !== 'joined') {
      void this.end(end);
      return;
    }
    this.#unjoin('held', end);
    this.#limit = clock.after(limits.reclaimMs, () => this.end(end));
    this.log.warn({ ...end }, "the caller's line broke; the session is kept for a while");
  }

  /** Whether a caller comes back from a transfer that failed: a page cannot, which no carrier brings. */
  get #comesBack(): boolean {
    return this.#deps.limits.ringMs !== undefined && this.info.carrierCallId !== undefined;
  }

  /** Nobody is on the line; who was may come back. */
  #unjoin(state: 'held' | 'away', end: Termination): void {
    const caller = this.#caller;
    this.#state = state;
    this.#fromCaller.hold();
    this.#downlink.broken();
    this.#dialogue.lineChanged();
    this.#caller = undefined;
    void caller?.close(end);
  }

  /** The caller is being connected to another number. Resolves with the reason when he is back. */
  #goAway(to: string, awaited: boolean): Promise<TransferFailure> {
    const { clock, limits } = this.#deps;
    const failed = this.#transfers.begin(to, awaited);
    this.#expected = undefined;
    this.#dialogue.away();
    this.#unjoin('away', termination('transferred'));
    const withinMs = (limits.ringMs ?? 0) + TRANSFER_SLACK_MS;
    this.#limit = clock.after(withinMs, () => this.end(termination('transferred')));
    this.#journal.tell({ type: 'transfer_started', n: this.#transfers.number, to });
    this.log.info({ transfer: this.#transfers.number }, 'the caller is being connected to another number');
    return failed;
  }

  /** The agent is gone for good. The caller is told in words before the line goes; a caller who is yet to come is told on arrival. */
  #onAgentLost(end: Termination): void {
    if (this.#state === 'joined') void this.#leave(end);
    else if (this.#state === 'held') void this.end(end);
  }

  async #leave(end: Termination): Promise<void> {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#state = 'leaving';
    this.#downlink.unplug();
    const { apology, clock } = this.#deps;
    await farewell(caller, isFailure(end) ? apology : undefined, clock, this.#abort.signal);
    await this.end(end);
  }

  /** Watches silences of seconds. */
  readonly #onLook = (now: number): void => {
    this.#taps.look(this.#deps.ticker);
    this.#downlink.tick(now);
    this.#dialogue.tick(now);
  };

  #audioPath(): string {
    const { patch } = this.#downlink;
    const up =
      this.#caller === undefined ? 'nobody' : `${this.#caller.kind} -> ${link(this.#caller.rate, this.#fromCaller)}`;
    return `up: ${up}; down: ${this.#agent.kind} -> ${patch}`;
  }
}
