import { VoiceActivity } from '../../media/active-speaker.ts';
import { Framer } from '../../media/framer.ts';
import type { StreamTold } from '../stream/session.ts';

/** Silence of the agent's while the caller speaks after which it has given way, ms: longer than the gap within a word, shorter than one after a sentence. */
const YIELD_MS = 160;
const FRAME_MS = 20;

/**
 * Who speaks, by the audio of both sides: for agents whose far end does not tell. It decides nothing: the far end's own turn taking does. The caller's
 * beginning and end are told as they are heard, and that the agent gives way when it falls silent while the caller speaks over it. It may only have drawn breath: nothing of what
 * it says is void for that.
 */
export class TurnEar {
  readonly #told: Pick<StreamTold, 'callerSpeaks' | 'callerStops' | 'yielded'>;
  readonly #caller = new VoiceActivity();
  readonly #agent = new VoiceActivity();
  readonly #callerFrames: Framer;
  readonly #agentFrames: Framer;
  #speaks = false;
  /** Both speak, or did a moment ago. */
  #over = false;
  #agentQuietMs = 0;

  /** `rate`: Hz of both. */
  constructor(rate: number, told: Pick<StreamTold, 'callerSpeaks' | 'callerStops' | 'yielded'>) {
    this.#told = told;
    const samples = (rate * FRAME_MS) / 1000;
    this.#callerFrames = new Framer(samples);
    this.#agentFrames = new Framer(samples);
  }

  /** Any number of the caller's samples, before they are sent; borrowed. */
  caller(samples: Int16Array): void {
    this.#callerFrames.push(samples, this.#onCaller);
  }

  /** Any number of the agent's samples, after they were given to the call; borrowed. */
  agent(samples: Int16Array): void {
    this.#agentFrames.push(samples, this.#onAgent);
  }

  readonly #onCaller = (frame: Int16Array) => {
    this.#caller.hear(frame);
    const { speaking } = this.#caller;
    if (speaking === this.#speaks) return;
    this.#speaks = speaking;
    if (!speaking) this.#over = false;
    if (speaking) this.#told.callerSpeaks();
    else this.#told.callerStops();
  };

  readonly #onAgent = (frame: Int16Array) => {
    this.#agent.hear(frame);
    this.#agentQuietMs = this.#agent.sounding ? 0 : this.#agentQuietMs + FRAME_MS;
    if (this.#speaks && this.#agent.sounding) this.#over = true;
    if (!this.#over || this.#agentQuietMs < YIELD_MS) return;
    this.#over = false;
    this.#told.yielded();
  };
}
