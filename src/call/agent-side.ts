import type { Dialogue } from './dialogue.ts';
import type { Downlink } from './downlink.ts';
import type { AgentEvent, Pace } from './events.ts';
import type { Holdback } from './holdback.ts';
import type { Journal } from './journal.ts';
import type { AgentLeg } from './leg.ts';
import { type Termination, termination } from './termination.ts';
import type { TurnTiming } from './turn-timing.ts';

/** Whether an agent came to hear and speak: how its audio comes and what carries it, or the end that came first. */
export type AgentReady =
  | { readonly ok: true; readonly pace: Pace; readonly transport: string }
  | { readonly ok: false; readonly end: Termination };

export interface AgentSideOptions {
  readonly agent: AgentLeg;
  readonly journal: Journal;
  readonly downlink: Downlink;
  readonly fromCaller: Holdback;
  readonly dialogue: Dialogue;
  readonly timing: TurnTiming;
  /** Whoever is on the line sees each event first, and may say more in it. */
  readonly seen: (event: AgentEvent) => AgentEvent;
  /** It can take audio, for the first time or again. */
  readonly ready: () => void;
  /** It is gone for good, or could not even be started. */
  readonly lost: (end: Termination) => void;
}

/** The agent's end of a call: starts the leg, knows whether it can hear and speak, and hands each of its events to the part that it is for. */
export class AgentSide {
  readonly #o: AgentSideOptions;
  readonly #became = Promise.withResolvers<AgentReady>();
  readonly #gone = Promise.withResolvers<Termination | undefined>();
  #ready = false;
  /** Somebody is being called who is to answer. */
  #calling = false;
  #lost: Termination | undefined;
  #started: Promise<void> = Promise.resolve();

  constructor(options: AgentSideOptions) {
    this.#o = options;
  }

  /** Resolves when it can take audio for the first time, or never will. */
  get became(): Promise<AgentReady> {
    return this.#became.promise;
  }

  /** Resolves with why it is gone for good, at that moment; undefined where the call ends first. */
  get gone(): Promise<Termination | undefined> {
    return this.#gone.promise;
  }

  /** Whether it can take audio now. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Why it is gone; undefined while it is there. */
  get lost(): Termination | undefined {
    return this.#lost;
  }

  start(): void {
    const { agent, journal, downlink } = this.#o;
    const ctx = journal.context<AgentEvent>(agent.kind, downlink.patch, (event) => this.#on(event));
    this.#started = agent.start(ctx).catch((error: unknown) => {
      if (ctx.signal.aborted) return;
      ctx.log.error({ err: error }, 'the agent could not be started');
      this.#lose(termination('internal'));
    });
  }

  /** The call ends: what has not become of it by now never will. */
  over(end: Termination): void {
    this.#became.resolve({ ok: false, end });
    this.#gone.resolve(undefined);
  }

  /** Resolves when the leg is closed and its start, if that was still going on, has settled. Never rejects. */
  async close(end: Termination): Promise<void> {
    await this.#o.agent.close(end);
    await this.#started;
  }

  #on(told: AgentEvent): void {
    const event = this.#o.seen(told);
    // What lies at the carrier is discarded before anybody is told.
    if (event.type === 'speech_started') this.#o.journal.first(() => this.#handle(event));
    else this.#handle(event);
  }

  #handle(event: AgentEvent): void {
    const { agent, journal, dialogue, timing, downlink, fromCaller, ready } = this.#o;
    journal.agent(event);
    dialogue.onAgent(event);
    timing.onAgent(event);
    switch (event.type) {
      case 'calling':
        this.#calling = true;
        downlink.ring(event.tone);
        return;
      case 'ready':
        downlink.answered();
        // Kept for a person it would be heard seconds late, and so would be all that follows it.
        if (this.#calling) fromCaller.clear();
        this.#calling = false;
        this.#ready = true;
        this.#became.resolve({ ok: true, pace: event.pace, transport: event.transport });
        ready();
        return;
      case 'reconnecting':
        this.#ready = false;
        fromCaller.hold();
        return;
      case 'audio_started':
        downlink.begin(event);
        return;
      case 'audio_done':
        downlink.done(event.itemId);
        return;
      case 'answer_delayed':
        journal.count('answer_delayed');
        if (!dialogue.working) downlink.comfort(event.why, this.#ready && agent.pace === 'live');
        return;
      case 'ended':
        downlink.answered();
        this.#lose(event.end);
        return;
      // What is to be done about these is the dialogue's.
      case 'speech_started':
      case 'speech_stopped':
      case 'tool_call':
      case 'dtmf':
      case 'error':
      case 'transport_fallback':
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

  #lose(end: Termination): void {
    this.#lost ??= end;
    this.#became.resolve({ ok: false, end: this.#lost });
    this.#gone.resolve(this.#lost);
    this.#o.lost(this.#lost);
  }
}
