import type { AudioSink } from '../media/frame.ts';
import { Ear } from './ear.ts';
import type { AgentEvent, Heard, Pace } from './events.ts';
import type { AgentLeg, LegContext, ToolResult } from './leg.ts';
import type { Said } from './said.ts';
import type { Termination } from './termination.ts';

/**
 * The agent as its call has it: it can be held, while an operator speaks with the caller in its place. Held, it is asked for nothing, and what would have it
 * answer (results of tools, what the caller types) waits. Of an agent that cannot do something nothing is added: what it leaves out is left out here.
 */
export class HeldAgent implements AgentLeg {
  /** What it hears. */
  readonly ear: Ear;
  readonly greet?: () => void;
  readonly heard?: (part: Heard) => void;
  readonly listened?: (there: boolean) => void;
  readonly heardAgain?: () => void;
  readonly submitToolResult?: (result: ToolResult) => void;
  readonly sendText?: (text: string) => void;
  readonly note?: (text: string) => void;
  readonly key?: (digit: string) => void;
  readonly respond?: (instructions: string, first?: boolean) => void;
  readonly said?: () => readonly Said[];
  readonly goOnFrom?: (said: readonly Said[]) => void;
  readonly #agent: AgentLeg;
  #held = false;
  #results: ToolResult[] = [];
  #texts: string[] = [];

  constructor(agent: AgentLeg) {
    this.#agent = agent;
    this.ear = new Ear(agent.audio);
    if (agent.greet !== undefined)
      this.greet = () => {
        if (!this.#held) agent.greet?.();
      };
    if (agent.heard !== undefined) this.heard = (part) => agent.heard?.(part);
    if (agent.listened !== undefined) this.listened = (there) => agent.listened?.(there);
    if (agent.heardAgain !== undefined) this.heardAgain = () => agent.heardAgain?.();
    if (agent.note !== undefined) this.note = (text) => agent.note?.(text);
    if (agent.key !== undefined)
      this.key = (digit) => {
        if (!this.#held) agent.key?.(digit);
      };
    if (agent.respond !== undefined)
      this.respond = (instructions, first) => {
        if (!this.#held) agent.respond?.(instructions, first);
      };
    if (agent.said !== undefined) this.said = () => agent.said?.() ?? [];
    if (agent.goOnFrom !== undefined) this.goOnFrom = (said) => agent.goOnFrom?.(said);
    if (agent.submitToolResult !== undefined)
      this.submitToolResult = (result) => {
        if (this.#held) this.#results.push(result);
        else agent.submitToolResult?.(result);
      };
    if (agent.sendText !== undefined)
      this.sendText = (text) => {
        if (this.#held) this.#texts.push(text);
        else agent.sendText?.(text);
      };
  }

  get kind(): string {
    return this.#agent.kind;
  }

  get rate(): number {
    return this.#agent.rate;
  }

  get pace(): Pace {
    return this.#agent.pace;
  }

  get mayBeSilent(): boolean {
    return this.#agent.mayBeSilent === true;
  }

  get audio(): AudioSink {
    return this.ear;
  }

  /** Nobody waits for an agent that is held, and whoever speaks in its place is not to be asked whether he is there. */
  get waitedFor(): boolean {
    return this.#held || this.#agent.waitedFor === true;
  }

  start(ctx: LegContext<AgentEvent>): Promise<void> {
    return this.#agent.start(ctx);
  }

  close(end: Termination): Promise<void> {
    return this.#agent.close(end);
  }

  interrupt(heard: readonly Heard[]): void {
    this.#agent.interrupt(heard);
  }

  /** Somebody else speaks with the caller from now on. True where the agent hears them; one that could not keep silent then hears nothing. */
  hold(): boolean {
    this.#held = true;
    this.#agent.hush?.(true);
    this.ear.open = this.#agent.hush !== undefined;
    return this.ear.open;
  }

  /** It speaks with the caller again, and is told what waited. What the caller typed meanwhile is told as a note; it was another's to answer. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.ear.open = true;
    this.#agent.hush?.(false);
    for (const text of this.#texts.splice(0)) {
      if (this.#agent.note === undefined) this.#agent.sendText?.(text);
      else this.#agent.note(text);
    }
    for (const result of this.#results.splice(0)) this.#agent.submitToolResult?.(result);
  }
}
