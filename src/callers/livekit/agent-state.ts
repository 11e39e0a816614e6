import type { Clock } from '../../call/clock.ts';
import type { AgentEvent } from '../../call/events.ts';
import type { Playout } from '../../call/leg.ts';
import { staysWithin } from '../../media/level.ts';
import type { RoomAgentState } from '../../rooms/room.ts';

/** Loudest sample of what counts as silence: a live agent's silence comes as frames, too. */
const SILENT_PEAK = 64;
/** A pause in the agent's speech that is none of its state, ms. */
const PAUSE_MS = 500;

/**
 * What the agent does, for whoever shows it: by what people hear of it, and by what it owes them. `speaking` is while its voice is played, not while the
 * model makes it. https://docs.livekit.io/reference/other/agent-frontends/
 */
export class AgentState {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #playout: () => Playout | undefined;
  readonly #tell: (state: RoomAgentState) => void;
  #state: RoomAgentState = 'initializing';
  #begun = false;
  #owes = false;
  /** Responses that are not done. */
  readonly #open = new Set<string>();
  /** From where on and up to where the agent's voice was written, ms of the playout; nothing of it before the first. */
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  /** Since when all of it is played, ms; undefined while some is not. */
  #doneAt: number | undefined;

  constructor(clock: Pick<Clock, 'now'>, playout: () => Playout | undefined, tell: (state: RoomAgentState) => void) {
    this.#clock = clock;
    this.#playout = playout;
    this.#tell = tell;
  }

  get state(): RoomAgentState {
    return this.#state;
  }

  /** Both ends are there: it listens from now on. */
  begin(): void {
    this.#begun = true;
    this.look();
  }

  /** These samples were written, and the playout has come so far with them. */
  wrote(samples: Int16Array, writtenMs: number, rate: number): void {
    if (staysWithin(samples, SILENT_PEAK)) return;
    const from = writtenMs - (samples.length * 1_000) / rate;
    if (from > this.#to + PAUSE_MS) this.#from = from;
    this.#to = writtenMs;
    this.#doneAt = undefined;
  }

  /** What was not played is gone. */
  cleared(): void {
    this.#from = Number.POSITIVE_INFINITY;
    this.#to = Number.NEGATIVE_INFINITY;
    this.look();
  }

  onAgent(event: AgentEvent): void {
    switch (event.type) {
      case 'speech_started':
        this.#owes = false;
        break;
      case 'speech_stopped':
        this.#owes = true;
        break;
      case 'response_started':
        this.#open.add(event.responseId);
        break;
      case 'response_done':
        this.#open.delete(event.responseId);
        this.#owes = false;
        break;
      case 'reconnecting':
      case 'ended':
        this.#open.clear();
        this.#owes = false;
        break;
      default:
        return;
    }
    this.look();
  }

  /** To be called some times a second. */
  look(): void {
    const state = this.#now();
    if (state === this.#state) return;
    this.#state = state;
    this.#tell(state);
  }

  #now(): RoomAgentState {
    if (!this.#begun) return 'initializing';
    const played = this.#playout()?.playedMs() ?? 0;
    if (played >= this.#from && this.#isSounding(played)) return 'speaking';
    // What is written and not played yet is about to be heard.
    const comes = played < this.#from && played < this.#to;
    const owes = this.#owes || this.#open.size > 0 || comes;
    return owes ? 'thinking' : 'listening';
  }

  #isSounding(played: number): boolean {
    if (played < this.#to) {
      this.#doneAt = undefined;
      return true;
    }
    // Between answers nothing may be written at all, and then the playout stands still.
    const now = this.#clock.now();
    this.#doneAt ??= now;
    return now - this.#doneAt < PAUSE_MS;
  }
}
