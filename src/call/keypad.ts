import type { Clock } from './clock.ts';
import { DtmfCollector, keypadTurn, maskedEvent } from './dtmf.ts';
import type { CallerEvent } from './events.ts';
import type { AgentLeg } from './leg.ts';
import type { GatherDigits } from './line-controls.ts';
import { RunLimit } from './run-limit.ts';

/** When what a caller pressed is complete. */
export interface KeypadSettings {
  /** Pause after the last key, ms. */
  readonly pauseMs: number;
  /** Most keys of one entry. */
  readonly most: number;
  /** Keys that end an entry. */
  readonly terminators: string;
}

export const KEYPAD: KeypadSettings = { pauseMs: 2_000, most: 32, terminators: '#' };

/** Entries in a run, and after how long one of them is forgiven, ms: more are no person's, and each costs an answer. */
const ENTRIES_MOST = 20;
const ENTRY_FORGIVEN_MS = 2_000;

export interface KeypadOptions {
  readonly clock: Clock;
  readonly settings: KeypadSettings;
  readonly agent: Pick<AgentLeg, 'sendText'>;
  /** An entry is complete that the agent cannot take, or that is one of too many. */
  readonly notTaken: () => void;
  /** The caller presses a key that nobody asked for: whoever speaks is interrupted, as by a word. */
  readonly bargeIn: () => void;
}

/** One caller's keys: they become a turn of the conversation, or the answer to a tool that asked for them, which alone then sees them. */
export class Keypad {
  readonly #collector: DtmfCollector;
  readonly #bargeIn: () => void;

  constructor({ clock, settings, agent, notTaken, bargeIn }: KeypadOptions) {
    // A key that the agent does not take is no reason to cut it off.
    this.#bargeIn = agent.sendText === undefined ? () => {} : bargeIn;
    const limit = new RunLimit(ENTRIES_MOST, ENTRY_FORGIVEN_MS);
    this.#collector = new DtmfCollector({
      clock,
      ...settings,
      onTurn: (digits) => {
        const now = clock.now();
        // What is refused is not counted: who goes on for long is heard again as soon as anybody else would be.
        if (agent.sendText === undefined || !limit.allows(now)) return notTaken();
        limit.take(now);
        agent.sendText(keypadTurn(digits));
      },
    });
  }

  /** Whether an entry is not complete yet, or is waited for. */
  get busy(): boolean {
    return this.#collector.gathering || this.#collector.pending;
  }

  /** The event as observers may see it: without the digit while a tool asks for what nobody else may know. */
  shown(event: CallerEvent): CallerEvent {
    return this.#collector.sensitive ? maskedEvent(event) : event;
  }

  press(digit: string): void {
    // Who is asked for digits hears the question to its end or not, as he likes; it is the tool that waits, not the agent that is answered.
    if (!this.#collector.gathering) this.#bargeIn();
    this.#collector.press(digit);
  }

  /** As `DtmfCollector.gather`. */
  gather({ most, ...options }: GatherDigits): Promise<string> {
    return this.#collector.gather({ ...options, max: most });
  }

  /** The call is over: whoever waits gets what came so far. Idempotent. */
  close(): void {
    this.#collector.close();
  }
}
