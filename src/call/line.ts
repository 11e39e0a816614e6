import type { Clock } from './clock.ts';
import { sendDigits } from './digits.ts';
import type { AgentEvent } from './events.ts';
import { heard } from './heard.ts';
import type { AgentLeg, CallerLeg, LineAction } from './leg.ts';
import type { GatherDigits, LineControls } from './line-controls.ts';
import type { TerminationReason } from './termination.ts';
import type { TransferFailure } from './transfer.ts';
import { SAY_GOODBYE } from './words.ts';

/** How long the last words may take before the line goes all the same, ms. */
const LAST_WORDS_MS = 30_000;

/** Why a line was given up by our own side, and where the caller is connected then. */
export interface LineEnd {
  readonly reason: Extract<TerminationReason, 'agent-hangup' | 'caller-silent' | 'transferred'>;
  /** E.164. */
  readonly transferTo: string | undefined;
  /** Whether a tool waits to be told what became of the transfer. */
  readonly awaited?: boolean;
}

export interface LineOptions {
  readonly clock: Clock;
  readonly agent: Pick<AgentLeg, 'respond'>;
  readonly signal: AbortSignal;
  readonly caller: () => CallerLeg | undefined;
  /** Whether anything the agent says is still being written, or not yet played. Live audio is written as it is spoken, long after its response is done. */
  readonly inPlay: () => boolean;
  /** Waits for the caller's keys. */
  readonly gather: (options: GatherDigits) => Promise<string>;
  /** Whether the caller is being connected to another number: his line is the carrier's then. */
  readonly away: () => boolean;
  /** Whether an operator speaks with the caller in the agent's place: whether the line goes is the operator's to say then. */
  readonly taken: () => boolean;
  /** Of a transfer: resolves when the caller is back because it failed, and never where he is not. */
  readonly end: (end: LineEnd) => Promise<TransferFailure> | undefined;
}

/**
 * What is done to the line on purpose: nothing is cut off. Hanging up and transferring wait until the agent's last words were heard, by playout and not
 * by a timer; a caller who speaks up meanwhile keeps the call, and so does an operator who takes it over.
 */
export class Line implements LineControls {
  readonly #o: LineOptions;
  /** Responses the model is working on. */
  #active = 0;
  /** Whether the agent has said anything since the caller last spoke. */
  #spoke = false;
  #callerSpoke = 0;
  /** Items of speech begun so far. */
  #items = 0;

  constructor(options: LineOptions) {
    this.#o = options;
  }

  /** Every event of the agent's leg passes here. */
  onAgent(event: AgentEvent): void {
    if (event.type === 'response_started') this.#active++;
    else if (event.type === 'response_done') this.#active = Math.max(0, this.#active - 1);
    else if (event.type === 'audio_started') {
      this.#spoke = true;
      this.#items++;
    } else if (event.type === 'ready') this.#active = 0;
    else if (event.type === 'speech_started') {
      this.#callerSpoke++;
      this.#spoke = false;
    }
  }

  /** Whether the model works on a response, heard or not. */
  get responding(): boolean {
    return this.#active > 0;
  }

  /** Whether the agent is speaking, or about to. */
  get busy(): boolean {
    return this.#active > 0 && this.#spoke;
  }

  cannot(action: LineAction): string | undefined {
    return this.#o.caller()?.cannot?.[action];
  }

  async hangupAfterPlayout(): Promise<'ended' | 'caller_spoke' | 'taken_over'> {
    const outcome = await this.#lastWords(this.#spoke ? undefined : SAY_GOODBYE);
    if (outcome !== 'heard') return outcome;
    this.#checkHere();
    this.#o.end({ reason: 'agent-hangup', transferTo: undefined });
    return 'ended';
  }

  /** Has the agent say goodbye in these words to a caller who does not answer, and hangs up; not if that brings the caller back, or an operator. */
  async giveUp(goodbye: string): Promise<void> {
    if ((await this.#lastWords(goodbye)) === 'heard' && !this.#o.away())
      this.#o.end({ reason: 'caller-silent', transferTo: undefined });
  }

  /**
   * Has the agent say last words that nothing the caller says takes back. True when they were heard within the time, ms; at once false where the agent
   * cannot be asked for words.
   */
  async lastly(words: string, withinMs: number): Promise<boolean> {
    const { clock, signal, agent, caller, inPlay } = this.#o;
    if (agent.respond === undefined) return false;
    // A response that runs and is yet to be heard brings an item of its own first.
    const items = this.#items + (this.#active > 0 && !this.#spoke ? 1 : 0);
    agent.respond(words);
    const outcome = await heard({
      clock,
      playout: () => caller()?.playout,
      more: () => this.#active > 0 || this.#items <= items || inPlay(),
      stopped: () => signal.aborted,
      timeoutMs: withinMs,
    });
    return outcome === 'heard';
  }

  async transfer(destination: string): Promise<TransferFailure | undefined> {
    const outcome = await this.#lastWords(undefined);
    if (outcome === 'caller_spoke') throw new Error('the caller spoke up: ask whether to connect them');
    if (outcome === 'taken_over') throw new Error('a colleague speaks with the caller and decides about the call');
    if (this.#o.signal.aborted) throw new Error('the caller has hung up');
    this.#checkHere();
    return this.#o.end({ reason: 'transferred', transferTo: destination, awaited: true });
  }

  /**
   * As `transfer`, by an operator's order: the agent's words are heard first, but the caller is not asked. False where he is gone by then, or
   * being connected to somebody else.
   */
  async handOver(destination: string): Promise<boolean> {
    await this.#lastWords(undefined, () => false);
    if (this.#o.signal.aborted || this.#o.away()) return false;
    this.#o.end({ reason: 'transferred', transferTo: destination });
    return true;
  }

  async sendDigits(digits: string): Promise<void> {
    const { caller, clock, signal } = this.#o;
    if (!(await sendDigits(digits, caller(), clock, signal))) throw new Error('nobody is on the line to hear digits');
  }

  gatherDigits(options: GatherDigits): Promise<string> {
    return this.#o.gather(options);
  }

  /** Another tool, or an operator, may have been quicker while the last words were heard. */
  #checkHere(): void {
    if (this.#o.away()) throw new Error('the caller is being connected to somebody already');
  }

  /**
   * `heard` when everything the agent had to say was heard, or took too long; else who has the call instead, and at once where `taken`. `wanted`: words it is
   * asked for first, where it can be asked for any.
   */
  async #lastWords(
    wanted: string | undefined,
    taken = this.#o.taken,
  ): Promise<'heard' | 'caller_spoke' | 'taken_over'> {
    if (taken()) return 'taken_over';
    const { clock, signal, agent, caller, inPlay } = this.#o;
    const request = agent.respond === undefined ? undefined : wanted;
    const callerSpoke = this.#callerSpoke;
    const items = this.#items;
    if (request !== undefined) agent.respond?.(request);
    const outcome = await heard({
      clock,
      playout: () => caller()?.playout,
      more: () => this.#active > 0 || (request !== undefined && this.#items === items) || inPlay(),
      // Who takes over discards what was in play, which would pass for heard.
      stopped: () => signal.aborted || taken() || this.#callerSpoke !== callerSpoke,
      timeoutMs: LAST_WORDS_MS,
    });
    if (outcome !== 'stopped' || signal.aborted) return 'heard';
    return taken() ? 'taken_over' : 'caller_spoke';
  }
}
