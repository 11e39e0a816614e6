import type { Clock } from './clock.ts';
import type { AgentEvent } from './events.ts';
import type { AgentLeg } from './leg.ts';
import { SilenceWatch } from './silence.ts';
import { ASK_WHETHER_THERE, GIVE_UP } from './words.ts';

/** How long a line may be silent. */
export interface PatienceSettings {
  /** ms; 0: for ever. */
  readonly longestMs: number;
  /** How often the agent asks before the call ends. */
  readonly asks: number;
}

export interface PatienceOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly settings: PatienceSettings;
  readonly agent: Pick<AgentLeg, 'respond'>;
  /** Whether the agent is heard or at work, or something else than the caller's voice is waited for. */
  readonly busy: () => boolean;
  /** Has the agent say this as its last words, then ends the call. */
  readonly goodbye: (words: string) => void;
}

/** How often the line is looked at, ms: a silence lasts seconds. */
const LOOK_MS = 200;

/** What is done about a line on which nobody speaks: the agent asks, and in the end says goodbye. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #watch: SilenceWatch;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PatienceOptions) {
    this.#options = options;
    const { clock, settings, agent } = options;
    // An agent that cannot be asked for words cannot ask: the silence that it would ask in is the last.
    const asks = agent.respond === undefined ? 0 : settings.asks;
    this.#watch = new SilenceWatch({ clock, longestMs: settings.longestMs, asks });
  }

  onAgent(event: AgentEvent): void {
    if (event.type === 'speech_started') this.#watch.callerSpoke();
    else if (event.type === 'speech_stopped') this.#watch.callerStopped();
    else if (event.type === 'reconnecting') this.#watch.reset();
  }

  /** The caller pressed a key or wrote a line. */
  acted(): void {
    this.#watch.callerActed();
  }

  /** The line broke, or somebody is on it (again). */
  reset(): void {
    this.#watch.reset();
  }

  /** To be called with every tick. */
  tick(now: number): void {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const action = this.#watch.check(this.#options.busy());
    if (action === 'ask') this.#options.agent.respond?.(ASK_WHETHER_THERE);
    else if (action === 'end') this.#options.goodbye(GIVE_UP);
  }
}
