import type { CallDeps } from './deps.ts';
import { sendDigits } from './digits.ts';
import type { Downlink } from './downlink.ts';
import type { AgentEvent, CallerEvent, Participant } from './events.ts';
import type { CallInfo } from './info.ts';
import type { Journal } from './journal.ts';
import { KEYPAD, Keypad } from './keypad.ts';
import type { AgentLeg, CallerLeg, LineAction } from './leg.ts';
import { Line, type LineOptions } from './line.ts';
import { Patience } from './patience.ts';
import type { ToolRunner, ToolsFactory } from './tools.ts';
import { askAfter, type TransferFailure } from './transfer.ts';
import { ASK_TO_GO_ON, exactly, filler, nowSpeaks } from './words.ts';

export interface DialogueOptions {
  readonly info: CallInfo;
  readonly deps: Pick<CallDeps, 'clock' | 'keypad' | 'patience'>;
  readonly agent: AgentLeg;
  readonly downlink: Downlink;
  readonly journal: Journal;
  readonly tools: ToolsFactory;
  /** Aborts when the call ends. */
  readonly signal: AbortSignal;
  /** Whoever is on the line now. */
  readonly caller: () => CallerLeg | undefined;
  /** Whether a caller is on the line, and not on the way out. */
  readonly joined: () => boolean;
  readonly away: LineOptions['away'];
  readonly taken: LineOptions['taken'];
  readonly end: LineOptions['end'];
}

/** What goes on in a call beside speech itself: keys, tools, silences, last words, and the orders of whoever operates it. */
export class Dialogue {
  readonly #o: DialogueOptions;
  readonly #line: Line;
  readonly #keypad: Keypad;
  readonly #patience: Patience;
  readonly #tools: ToolRunner;
  /** Calls of tools that run, each with the response that asked for it. */
  readonly #running = new Map<string, string>();
  #ready = false;
  /** Resolves when the caller is not away. */
  #here: Promise<void> = Promise.resolve();
  #come: (() => void) | undefined;
  /** Keys of the agent's on their way to the caller. */
  #playing: Promise<void> = Promise.resolve();
  /** Whom the agent was last told to be speaking. */
  #speaker: Participant | undefined;

  constructor(options: DialogueOptions) {
    const { info, deps, agent, journal, signal, caller, joined, away, taken, end } = options;
    const { clock } = deps;
    this.#o = options;
    const settings = deps.keypad ?? KEYPAD;
    const notTaken = () => journal.count('turn_not_taken');
    this.#keypad = new Keypad({ clock, settings, agent, notTaken, bargeIn: () => this.#bargeIn() });
    const gather = this.#keypad.gather.bind(this.#keypad);
    const inPlay = () => options.downlink.inPlay;
    this.#line = new Line({ clock, agent, signal, caller, inPlay, gather, away, taken, end });
    this.#patience = new Patience({
      clock,
      settings: {
        longestMs: info.silenceMs ?? (agent.mayBeSilent ? 0 : (deps.patience?.longestMs ?? 0)),
        asks: info.silenceAsks ?? deps.patience?.asks ?? 1,
      },
      agent,
      busy: () => this.#busy,
      goodbye: (words) => void this.#line.giveUp(words),
    });
    this.#tools = options.tools({
      line: this.#line,
      count: journal.count,
      tell: (event) => journal.tell({ type: 'tool', event }),
      fill: (words) => {
        if (!this.#line.busy && joined()) this.#ask(filler(words));
      },
    });
  }

  /** Every event of the agent's leg passes here. */
  onAgent(event: AgentEvent): void {
    this.#line.onAgent(event);
    this.#patience.onAgent(event);
    if (event.type === 'ready') {
      this.#ready = true;
      // A session that was built anew does not know it.
      if (event.resumed) this.#note(undefined);
    } else if (event.type === 'reconnecting') this.#ready = false;
    else if (event.type === 'speech_started') this.#bargeIn(event.keeps);
    else if (event.type === 'dtmf') this.#play(event.digit);
    else if (event.type === 'tool_call') void this.#run(event);
    else if (event.type === 'response_done' && event.status === 'cancelled') this.#supersede(event.responseId);
  }

  /** Whether tools run: who waits for them is told so by themselves. */
  get working(): boolean {
    return this.#running.size > 0;
  }

  /** A caller's event as observers may see it. */
  shown(event: CallerEvent): CallerEvent {
    return this.#keypad.shown(event);
  }

  /** The caller pressed a key. */
  key(digit: string): void {
    const { joined, agent } = this.#o;
    if (!joined()) return;
    this.#patience.acted();
    if (agent.key !== undefined) agent.key(digit);
    else this.#keypad.press(digit);
  }

  /** The line broke, or somebody is on it (again). */
  lineChanged(): void {
    this.#patience.reset();
  }

  /** The agent has the caller again from an operator: his silence counts from now on, and how often he was asked before does not. */
  handedBack(): void {
    this.#patience.reset();
    this.#patience.acted();
  }

  /** The caller is being connected to somebody else: tools wait, and what they bring is kept. */
  away(): void {
    ({ promise: this.#here, resolve: this.#come } = Promise.withResolvers<void>());
    this.#tools.pause?.();
  }

  /** He is back, since that failed. `told`: a tool that waits for it has been told, and the agent by it. */
  back(how: TransferFailure, told: boolean): void {
    this.#tools.resume?.();
    this.#come?.();
    this.#come = undefined;
    if (!told || this.#running.size === 0) this.#ask(askAfter(how));
  }

  /** He is back on a line that had broken. */
  goOn(): void {
    this.#ask(ASK_TO_GO_ON);
  }

  tick(now: number): void {
    this.#patience.tick(now);
  }

  /** Has the agent say this, behind what it is saying; false where it cannot be asked for words. `first`: before any answer. */
  say(text: string, first = false): boolean {
    const { agent } = this.#o;
    agent.respond?.(exactly(text), first);
    return agent.respond !== undefined;
  }

  /** A typed turn of the caller. Who writes over the agent means to be heard, as who speaks does. False where the agent takes none. */
  text(text: string): boolean {
    const { agent, journal } = this.#o;
    this.#patience.acted();
    if (agent.sendText === undefined) {
      journal.count('turn_not_taken');
      return false;
    }
    this.#bargeIn();
    agent.sendText(text);
    return true;
  }

  /** Somebody else than before speaks on a line with several people. */
  speaker({ by, before, told }: Extract<CallerEvent, { type: 'speaker' }>): void {
    if (!told) return;
    this.#speaker = by;
    this.#note(before);
  }

  /** Plays keys to the caller's side; false when nobody is there to hear them. Rejects with KeysCut where not all of them were played. */
  async sendDigits(digits: string): Promise<boolean> {
    const { caller, deps, signal } = this.#o;
    try {
      return await sendDigits(digits, caller(), deps.clock, signal);
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  /** As `Line.lastly`. */
  lastly(words: string, withinMs: number): Promise<boolean> {
    return this.#line.lastly(words, withinMs);
  }

  /** As `LineControls.cannot`. */
  cannot(action: LineAction): string | undefined {
    return this.#line.cannot(action);
  }

  handOver(to: string): Promise<boolean> {
    return this.#line.handOver(to);
  }

  /** The call is over. Idempotent. */
  close(): void {
    this.#keypad.close();
    this.#come?.();
  }

  /** The caller speaks, or presses a key, over the agent. */
  #bargeIn(keeps = false): void {
    const { downlink, journal, joined } = this.#o;
    const cut = joined() ? downlink.cutIn(keeps) : undefined;
    if (cut === undefined) return;
    journal.count('barge_in');
    journal.tell({ type: 'barge_in', ...cut });
  }

  /** The agent pressed a key: the caller's side gets it, one after the other. */
  #play(digit: string): void {
    this.#playing = this.#playing
      .then(() => this.sendDigits(digit))
      .then(
        () => {},
        () => {},
      );
  }

  #note(before: Participant | undefined): void {
    if (this.#speaker !== undefined) this.#o.agent.note?.(nowSpeaks(this.#speaker.name, before?.name));
  }

  /** Has the agent say something. Where it cannot be asked for words a sound tells the caller at least that the line lives. */
  #ask(words: string): void {
    const { agent, downlink } = this.#o;
    if (agent.respond !== undefined) agent.respond(words);
    else downlink.comfort('model', this.#ready && agent.pace === 'live');
  }

  async #run(tool: Extract<AgentEvent, { type: 'tool_call' }>): Promise<void> {
    const { agent, journal, signal } = this.#o;
    if (agent.submitToolResult === undefined) {
      journal.count('tool_call_dropped');
      return;
    }
    this.#running.set(tool.toolCallId, tool.responseId);
    const output = await this.#tools.run(tool, signal);
    // An answer to it would be spoken to nobody.
    await this.#here;
    this.#running.delete(tool.toolCallId);
    if (signal.aborted) journal.count('tool_result_dropped');
    else agent.submitToolResult({ toolCallId: tool.toolCallId, output });
  }

  /** The response was cut off, by the caller as a rule: what it asked for is not to be talked about after what he says now. */
  #supersede(responseId: string): void {
    const calls = [...this.#running].flatMap(([toolCallId, asked]) => (asked === responseId ? [toolCallId] : []));
    if (calls.length > 0) this.#tools.supersede?.(calls);
  }

  /** Whether there is a reason for the caller's silence: the agent is heard, thinks or works, keys are waited for, or the line is on hold. */
  get #busy(): boolean {
    const { joined, downlink, caller, agent } = this.#o;
    if (caller()?.onHold === true) return true;
    const atWork = !this.#ready || agent.waitedFor === true || this.#line.responding || this.working;
    return !joined() || atWork || this.#keypad.busy || downlink.inPlay;
  }
}
