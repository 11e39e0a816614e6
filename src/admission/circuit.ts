import type { Clock } from '../call/clock.ts';
import type { CallEvent } from '../call/events.ts';
import type { Log } from '../call/leg.ts';
import type { TerminationReason } from '../call/termination.ts';

/**
 * Spares callers a model that refuses everybody: a key that is not taken, an account without credit. They get the apology and the number to
 * fall back on at once, and only now and then one call tries whether it is over. Each model has a circuit of its own, since one that the
 * account may not use must not cost the calls of others.
 */

/** What no second try mends. */
const REFUSED: ReadonlySet<TerminationReason> = new Set<TerminationReason>(['model-auth', 'model-quota']);
/** Calls in a row that must be refused before the next ones are spared, none served between. */
const IN_A_ROW = 2;
/** How long calls are spared before one tries, ms; doubled with each that fails, up to the most. */
const FIRST_MS = 15_000;
const MOST_MS = 300_000;
/** A trial of which nothing is heard for so long is over: its caller hung up first, ms. */
const TRIAL_MS = 20_000;

interface Circuit {
  refusals: number;
  pauseMs: number;
  /** Calls are spared until then; undefined while all go through. */
  until: number | undefined;
  /** Whether one call is trying. */
  trial: boolean;
}

export interface ModelCircuitOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<Log, 'info' | 'error'>;
}

export class ModelCircuit {
  readonly #o: ModelCircuitOptions;
  readonly #circuits = new Map<string, Circuit>();
  readonly #models = new Map<string, string>();

  constructor(options: ModelCircuitOptions) {
    this.#o = options;
  }

  /** Whether a call may try this model now. Asked once for each call; a yes while it refuses makes that call the trial. */
  admits(model: string): boolean {
    const circuit = this.#circuits.get(model);
    if (circuit?.until === undefined) return true;
    const now = this.#o.clock.now();
    if (now < circuit.until) return false;
    circuit.until = now + TRIAL_MS;
    circuit.trial = true;
    return true;
  }

  /** Whether a call that begins now would be spared. For what will be a call only later: asks for no trial. */
  spares(model: string): boolean {
    const until = this.#circuits.get(model)?.until;
    return until !== undefined && this.#o.clock.now() < until;
  }

  /** Whether it is open, a trial or not. For readiness. */
  isOpen(model: string): boolean {
    return this.#circuits.get(model)?.until !== undefined;
  }

  /** Learns from how calls fare. */
  onEvent(callId: string, event: CallEvent): void {
    if (event.type === 'call_started') {
      if (event.info.model !== undefined) this.#models.set(callId, event.info.model);
      return;
    }
    const model = this.#models.get(callId);
    if (model === undefined) return;
    if (event.type === 'agent' && event.event.type === 'ready') this.#served(model);
    else if (event.type === 'call_moved') this.#models.delete(callId);
    else if (event.type === 'call_ended') {
      this.#models.delete(callId);
      if (REFUSED.has(event.end.reason)) this.#refused(model, event.end.reason);
    }
  }

  #served(model: string): void {
    const wasOpen = this.isOpen(model);
    if (this.#circuits.delete(model) && wasOpen) this.#o.log.info({ model }, 'the model takes calls again');
  }

  #refused(model: string, reason: TerminationReason): void {
    let circuit = this.#circuits.get(model);
    if (circuit === undefined) {
      circuit = { refusals: 0, pauseMs: FIRST_MS, until: undefined, trial: false };
      this.#circuits.set(model, circuit);
    }
    circuit.refusals++;
    if (circuit.refusals < IN_A_ROW) return;
    // Calls that began before it opened say nothing new.
    if (circuit.until !== undefined && !circuit.trial) return;
    if (circuit.trial) circuit.pauseMs = Math.min(MOST_MS, circuit.pauseMs * 2);
    circuit.trial = false;
    circuit.until = this.#o.clock.now() + circuit.pauseMs;
    this.#o.log.error(
      { model, reason, forMs: circuit.pauseMs },
      'the model refuses calls; the next get the apology at once',
    );
  }
}
