import type { AudioSink, PcmFrame } from '../media/frame.ts';
import { link } from '../media/link.ts';
import type { Boundary } from './boundary.ts';
import type { Clock } from './clock.ts';
import type { Downlink } from './downlink.ts';
import type { AgentEvent, OperatorEvent, Participant } from './events.ts';
import type { HeldAgent } from './held-agent.ts';
import type { Journal } from './journal.ts';
import type { CallerLeg } from './leg.ts';
import { BACK_WITH_THE_CALLER, handedBack, operatorWhispers, takenOver, whisperEnds, whisperStarts } from './words.ts';

/** Rate of an operator's voice, Hz. */
export const OPERATOR_RATE = 16_000;

/** Whom an operator's voice reaches: the agent alone, or the caller in the agent's place. */
export type VoiceMode = 'whisper' | 'takeover';

/** An operator's voice on a call, until it ends. */
export interface OperatorVoice {
  readonly mode: VoiceMode;
  /** What the operator says, at `OPERATOR_RATE`. */
  write(frame: PcmFrame): void;
  /** The agent has the caller again. Idempotent. */
  end(): void;
  /** Whether it was ended, by either side. */
  readonly ended: boolean;
}

export interface OperatorLineOptions {
  readonly agent: HeldAgent;
  readonly journal: Pick<Journal, 'count' | 'tell'>;
  readonly downlink: Pick<Downlink, 'mute' | 'unmute'>;
  readonly clock: Pick<Clock, 'now'>;
  /** An operator's socket knows of no call: what breaks here ends this one. */
  readonly boundary: Pick<Boundary, 'run'>;
  readonly caller: () => CallerLeg | undefined;
  /** The agent has the caller again. */
  readonly back: () => void;
  /** The agent has been lost while somebody else spoke with the caller, who is left alone now. */
  readonly alone: () => void;
  /** Whether the agent can speak. */
  readonly ready: () => boolean;
  /** The call has ended: nothing more is asked of anybody. */
  readonly over: () => boolean;
}

/** Items of which it is known whose words they are. */
const KNOWN_MOST = 32;

/** What an operator does to a call beside ending it: whispers to the agent, by a line or by voice, and speaks with the caller in its place. */
export class OperatorLine {
  readonly #o: OperatorLineOptions;
  /** Items that the operator spoke. */
  readonly #spoken = new Set<string>();
  #voice: { readonly by: string; readonly mode: VoiceMode } | undefined;
  #end: (() => void) | undefined;
  #lastBy = 'operator';

  constructor(options: OperatorLineOptions) {
    this.#o = options;
  }

  /** Who speaks, and to whom; undefined while no operator does. */
  get speaking(): { readonly by: string; readonly mode: VoiceMode } | undefined {
    return this.#voice;
  }

  /** Whether an operator speaks with the caller, and the agent is silent. */
  get hasCaller(): boolean {
    return this.#voice?.mode === 'takeover';
  }

  /** Something was done that is told with who did it. */
  tell(event: OperatorEvent): void {
    this.#o.journal.tell({ type: 'operator', event });
  }

  /** Somebody listens from now on. Returns how to tell that it is over. `announced`: the caller was told before. */
  listens(by: string, announced: boolean): () => void {
    const { journal, clock, boundary } = this.#o;
    const began = clock.now();
    boundary.run(() => {
      journal.count('operator_listen');
      this.tell({ type: 'listen_started', by, announced });
    });
    let over = false;
    return () => {
      if (over) return;
      over = true;
      boundary.run(() => this.tell({ type: 'listen_ended', by, ms: Math.round(clock.now() - began) }));
    };
  }

  /** Gives the agent a line that the caller does not hear; it heeds it with what it says next. False where it takes none. */
  whisper(by: string, text: string): boolean {
    const { agent, journal, boundary } = this.#o;
    if (agent.note === undefined) return false;
    let told = false;
    boundary.run(() => {
      agent.note?.(operatorWhispers(text));
      journal.count('operator_whisper');
      this.tell({ type: 'whispered', by, text });
      told = true;
    });
    return told;
  }

  /** Lets an operator speak; undefined where another does, or it could not be and the call ends of it. `announced`: the caller was told that this would happen. */
  speak(by: string, mode: VoiceMode, announced: boolean): OperatorVoice | undefined {
    if (this.#voice !== undefined) return undefined;
    const { boundary } = this.#o;
    this.#voice = { by, mode };
    let voice: OperatorVoice | undefined;
    boundary.run(() => {
      voice = this.#begin(by, mode, announced);
    });
    if (voice === undefined) this.#voice = undefined;
    return voice;
  }

  #begin(by: string, mode: VoiceMode, announced: boolean): OperatorVoice {
    const { boundary } = this.#o;
    this.#o.agent.ear.weighs = true;
    const finish = mode === 'whisper' ? this.#whispers(by) : this.#takesOver(by, announced);
    const toAgent = link(OPERATOR_RATE, this.#earSink());
    let toCaller: { readonly leg: CallerLeg; readonly sink: AudioSink } | undefined;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      this.#voice = undefined;
      this.#end = undefined;
      this.#o.agent.ear.weighs = false;
      boundary.run(finish);
    };
    this.#end = end;
    const write = (frame: PcmFrame) => {
      toAgent.write(frame);
      const leg = mode === 'takeover' ? this.#o.caller() : undefined;
      if (leg === undefined) return;
      // A caller who is back after a break has another leg.
      if (toCaller?.leg !== leg) toCaller = { leg, sink: link(OPERATOR_RATE, leg.audio) };
      toCaller.sink.write(frame);
    };
    return {
      mode,
      get ended() {
        return ended;
      },
      end,
      write: (frame) => {
        if (!ended) boundary.run(() => write(frame));
      },
    };
  }

  /** Ends what an operator says now: the agent is needed, or the call is over. */
  endVoice(): void {
    this.#end?.();
  }

  /** Sees each event of the agent's, and gives it back with whose words it has: while both are heard, whoever was louder said them. */
  seen(event: AgentEvent): AgentEvent {
    if (event.type === 'speech_stopped') {
      const operator = this.#o.agent.ear.operatorSpoke();
      if (operator && event.itemId !== undefined) this.#spoken.add(event.itemId);
      for (const id of this.#spoken) {
        if (this.#spoken.size <= KNOWN_MOST) break;
        this.#spoken.delete(id);
      }
      return event;
    }
    if (event.type !== 'transcript' || event.role !== 'caller' || !this.#spoken.has(event.itemId)) return event;
    return { ...event, by: this.#participant(), operator: true };
  }

  #participant(): Participant {
    return { identity: 'operator', name: this.#lastBy };
  }

  #earSink(): AudioSink {
    const { ear } = this.#o.agent;
    return {
      sampleRate: ear.sampleRate,
      write: (frame) => ear.speak(frame),
      clear: () => {},
      toString: () => 'operator',
    };
  }

  #whispers(by: string): () => void {
    const { agent, journal, clock, over } = this.#o;
    this.#lastBy = by;
    const began = clock.now();
    journal.count('operator_whisper');
    this.tell({ type: 'whisper_started', by });
    agent.note?.(whisperStarts());
    return () => {
      if (!over()) agent.note?.(whisperEnds());
      this.tell({ type: 'whisper_ended', by, ms: Math.round(clock.now() - began) });
    };
  }

  #takesOver(by: string, announced: boolean): () => void {
    const { agent, journal, downlink, clock, caller, back, alone, ready, over } = this.#o;
    this.#lastBy = by;
    const began = clock.now();
    const hears = agent.hold();
    downlink.mute();
    // The voice comes as it is spoken: nothing of it can be sent ahead.
    caller()?.setPace?.('live');
    journal.count('operator_takeover');
    this.tell({ type: 'takeover_started', by, announced, heard: hears });
    if (hears) agent.note?.(takenOver(by));
    return () => {
      const ms = Math.round(clock.now() - began);
      this.tell({ type: 'takeover_ended', by, ms });
      if (over()) return;
      caller()?.setPace?.(agent.pace);
      downlink.unmute();
      agent.release();
      back();
      agent.note?.(handedBack(by, Math.round(ms / 1_000), hears));
      if (ready()) agent.respond?.(BACK_WITH_THE_CALLER);
      else alone();
    };
  }
}
