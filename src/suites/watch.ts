import type { Clock } from '../call/clock.ts';
import type { CallEvent } from '../call/events.ts';
import type { Termination } from '../call/termination.ts';
import { ProviderEvents } from './provider.ts';
import type { ReportLine, ReportToolCall } from './report/types.ts';

/** What is kept of one call's events: more of them would be no conversation. */
const MOST_LINES = 2_000;
const MOST_TOOLS = 500;
const MOST_CHARACTERS = 20_000;
/** Of all lines together: an hour's speech has some sixty thousand, and all of it is looked through when the call is over. */
const MOST_IN_ALL = 200_000;

/** Watches a case's call: what the agent's side says of the conversation, and which tools it calls. */
export class CaseWatch {
  /** As the agent's side wrote it down. */
  readonly lines: ReportLine[] = [];
  readonly tools: ReportToolCall[] = [];
  /** The provider's id of the call, where there is one. */
  providerCallId: string | undefined;
  /** Ours, as soon as the call is begun. */
  callId: string | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #figures: ProviderEvents;
  readonly #ready: () => void;
  readonly #connected: () => void;
  readonly #ended: (end: Termination) => void;
  readonly #calls = new Map<string, ReportToolCall>();
  readonly #items = new Map<string, ReportLine>();
  #connectedAt: number | undefined;
  #characters = 0;

  /** `ready`: told each time the agent can take audio; `connected`: told once, when both ends are there; `ended`: the agent's side is over. */
  constructor(clock: Pick<Clock, 'now'>, ready: () => void, connected: () => void, ended: (end: Termination) => void) {
    this.#clock = clock;
    this.#figures = new ProviderEvents(clock);
    this.#ready = ready;
    this.#connected = connected;
    this.#ended = ended;
  }

  /** Whether both ends were there. */
  get isConnected(): boolean {
    return this.#connectedAt !== undefined;
  }

  /** When they were, as the clock has it: 0 of the tape. */
  get connectedAt(): number | undefined {
    return this.#connectedAt;
  }

  /** The uses of tools that the call told of, by their ids. */
  get toolCalls(): ReadonlyMap<string, ReportToolCall> {
    return this.#calls;
  }

  /** The agent's side's own figures, by its events. */
  get figures(): ReturnType<ProviderEvents['figures']> {
    return this.#figures.figures();
  }

  onEvent(event: CallEvent): void {
    this.#figures.onEvent(event);
    switch (event.type) {
      case 'connected':
        if (this.#connectedAt !== undefined) return;
        this.#connectedAt = this.#clock.now();
        this.#connected();
        return;
      case 'agent':
        this.#onAgent(event.event);
        return;
      case 'tool':
        if (event.event.type !== 'tool_finished') return;
        this.#finished(event.event.toolCallId, event.event.outcome);
        return;
      default:
        return;
    }
  }

  #onAgent(event: Extract<CallEvent, { type: 'agent' }>['event']): void {
    if (event.type === 'ready') {
      if (event.sessionId !== '') this.providerCallId ??= event.sessionId;
      this.#ready();
    } else if (event.type === 'ended') {
      this.#ended(event.end);
    } else if (event.type === 'transcript' && event.final) {
      this.#said(event.role, event.itemId, event.text.trim().slice(0, MOST_CHARACTERS));
    } else if (event.type === 'tool_call' && this.tools.length < MOST_TOOLS) {
      const call: ReportToolCall = {
        name: event.name,
        arguments: parsed(event.arguments.slice(0, MOST_CHARACTERS)),
        atMs: this.#at(),
        by: 'call',
      };
      this.tools.push(call);
      this.#calls.set(event.toolCallId, call);
    }
  }

  /** Words that are told again are those of an item that was not heard to its end. */
  #said(who: ReportLine['who'], itemId: string, words: string): void {
    const before = this.#items.get(itemId);
    const room = MOST_IN_ALL - this.#characters + (before?.text.length ?? 0);
    const text = words.slice(0, room);
    if (before === undefined && (text === '' || this.lines.length >= MOST_LINES)) return;
    this.#characters += text.length - (before?.text.length ?? 0);
    if (before !== undefined) {
      before.text = text;
      return;
    }
    const line = { who, text, fromMs: this.#at() };
    this.lines.push(line);
    this.#items.set(itemId, line);
  }

  #finished(toolCallId: string, outcome: string): void {
    const call = this.#calls.get(toolCallId);
    if (call !== undefined) call.outcome = outcome;
  }

  #at(): number {
    return this.#connectedAt === undefined ? 0 : Math.round(this.#clock.now() - this.#connectedAt);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
