import type { Clock } from './clock.ts';
import type { AgentEvent } from './events.ts';
import type { AgentLeg, CallerLeg } from './leg.ts';
import type { LineControls } from './tools.ts';

/** How often playout is looked at while the last words are being heard, ms. */
const POLL_MS = 20;
/** Unplayed audio that counts as heard, ms: a frame may stay in a codec. */
const TOLERANCE_MS = 20;
/** How long the last words may take before the line goes all the same, ms. */
const LAST_WORDS_MS = 30_000;
const GOODBYE = 'Say goodbye to the caller in one short sentence.';

export interface LineOptions {
  readonly clock: Clock;
  readonly agent: Pick<AgentLeg, 'respond'>;
  readonly signal: AbortSignal;
  readonly caller: () => CallerLeg | undefined;
  /** Ends the call: hung up by the agent, or handed over to a number. */
  readonly end: (what: { readonly transferTo: string | undefined }) => void;
}

/**
 * What tools do to the line: nothing is cut off. Hanging up and transferring wait until the agent's last words were heard, by playout and not by
 * a timer, and a caller who speaks up meanwhile keeps the call.
 */
export class Line implements LineControls {
  readonly #o: LineOptions;
  /** Responses the model is working on. */
  #active = 0;
  /** Whether the agent has said anything since the caller last spoke. */
  #spoke = false;
  #callerSpoke = 0;

  constructor(options: LineOptions) {
    this.#o = options;
  }

  /** Every event of the agent's leg passes here. */
  onAgent(event: AgentEvent): void {
    if (event.type === 'response_started') this.#active++;
    else if (event.type === 'response_done') this.#active = Math.max(0, this.#active - 1);
    else if (event.type === 'audio_started') this.#spoke = true;
    else if (event.type === 'ready') this.#active = 0;
    else if (event.type === 'speech_started') {
      this.#callerSpoke++;
      this.#spoke = false;
    }
  }

  /** Whether the agent is speaking, or about to. */
  get busy(): boolean {
    return this.#active > 0 && this.#spoke;
  }

  async hangupAfterPlayout(): Promise<'ended' | 'caller_spoke'> {
    if (!(await this.#lastWords(true))) return 'caller_spoke';
    this.#o.end({ transferTo: undefined });
    return 'ended';
  }

  async transfer(destination: string): Promise<void> {
    if (!(await this.#lastWords(false))) throw new Error('the caller spoke up: ask whether to connect them');
    this.#o.end({ transferTo: destination });
  }

  async sendDigits(digits: string): Promise<void> {
    const caller = this.#o.caller();
    for (const digit of digits) {
      if (digit === 'w' || digit === 'W') await this.#wait(500);
      else if (caller?.sendDigit?.(digit) !== true) throw new Error('this line cannot carry digits');
      else await this.#wait(250);
    }
  }

  /** True when everything the agent had to say was heard, false when the caller spoke instead. */
  async #lastWords(sayGoodbye: boolean): Promise<boolean> {
    const { clock, signal, agent } = this.#o;
    const spokenBefore = this.#callerSpoke;
    const deadline = clock.now() + LAST_WORDS_MS;
    let asked = !sayGoodbye || this.#spoke;
    if (!asked) agent.respond(GOODBYE);
    while (!signal.aborted && clock.now() < deadline) {
      if (this.#callerSpoke !== spokenBefore) return false;
      if (this.#spoke) asked = true;
      const playout = this.#o.caller()?.playout;
      const unheard = playout === undefined ? 0 : playout.writtenMs() - playout.playedMs();
      if (asked && this.#active === 0 && unheard <= TOLERANCE_MS) return true;
      await this.#wait(POLL_MS);
    }
    return true;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#o.clock.after(ms, resolve));
  }
}
