import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../call/clock.ts';
import { Spread } from '../phone/spread.ts';
import { Talker, type TalkerScript, type TalkerTold, USUAL_SCRIPT } from '../talker/talker.ts';
import { TurnTruths } from '../talker/turn-truth.ts';

/** One line of a transcript, as `transcript_object` has it. */
export interface Utterance {
  readonly role: 'agent' | 'user';
  readonly content: string;
}

/** A call, whichever transport carries it. */
export class WebCall {
  readonly id = `call_${randomUUID().replaceAll('-', '')}`;
  readonly accessToken = randomBytes(24).toString('base64url');
  readonly agentId: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly expiresAt: number;
  readonly transcript: Utterance[] = [];
  /** What the caller said, as it arrived. */
  readonly heard: Array<{ readonly samples: Int16Array; readonly rate: number }> = [];
  /** How long audio waits at this end on its way in and out together, in the mean since the look before, ms, and when that was seen. */
  readonly #held: Array<{ readonly at: number; readonly ms: number }> = [];
  /** What it truly did, by the clock of its own end: behind what waits on the way in, and in front of what waits on the way out. */
  readonly truth: TurnTruths;
  readonly #clock: Clock;
  readonly #script: TalkerScript;
  readonly #watchers = new Set<(what: 'transcript' | 'ended') => void>();
  talker: Talker | undefined;
  status: 'registered' | 'ongoing' | 'ended' | 'error' = 'registered';
  disconnectionReason: string | undefined;
  #startedAt: number | undefined;
  #endedAt: number | undefined;

  constructor(
    agentId: string,
    request: Readonly<Record<string, unknown>>,
    script: Partial<TalkerScript>,
    clock: Clock,
    tokenMs: number,
  ) {
    this.agentId = agentId;
    this.request = request;
    this.#script = { ...USUAL_SCRIPT, ...script };
    this.#clock = clock;
    this.truth = new TurnTruths(() => clock.now());
    this.expiresAt = Math.round(clock.wall() + tokenMs);
  }

  get isExpired(): boolean {
    return this.status === 'registered' && this.#clock.wall() >= this.expiresAt;
  }

  /** How long audio waits at this end just now, ms; 0 before it is known. */
  get heldMs(): number {
    return this.#held.at(-1)?.ms ?? 0;
  }

  /** The same at a moment of the clock's, by the first look behind it, which has seen it. */
  heldAt(at: number): number {
    return (this.#held.find((look) => look.at >= at) ?? this.#held.at(-1))?.ms ?? 0;
  }

  /** A look: so long audio waited since the one before. */
  holds(ms: number): void {
    this.#held.push({ at: this.#clock.now(), ms });
  }

  /** The agent is on the line, and tells when it begins to speak, ends, and gives way. */
  begin(rate: number, told: Pick<TalkerTold, 'speaks' | 'gaveWay'> = {}): Talker {
    this.status = 'ongoing';
    this.#startedAt = this.#clock.wall();
    this.talker = new Talker(this.#script, rate, {
      ...told,
      speaks: (on) => {
        if (on) this.truth.answers();
        told.speaks?.(on);
      },
      said: (role, content) => {
        this.transcript.push({ role, content });
        this.#tell('transcript');
      },
    });
    return this.talker;
  }

  hear(samples: Int16Array, rate: number): void {
    this.heard.push({ samples: samples.slice(), rate });
    this.truth.heard(samples, rate, this.talker?.noiseDbfs);
    if (this.talker === undefined) return;
    this.talker.heldMs = this.heldMs;
    this.talker.hear(samples, rate);
  }

  end(reason: string): void {
    if (this.status === 'ended' || this.status === 'error') return;
    this.status = this.#startedAt === undefined ? 'error' : 'ended';
    this.disconnectionReason = reason;
    this.#endedAt = this.#clock.wall();
    this.#tell('ended');
    this.#watchers.clear();
  }

  watch(watcher: (what: 'transcript' | 'ended') => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** As `v2/get-call` tells of it. https://docs.retellai.com/api-references/get-call */
  view(): object {
    const [start, end] = [this.#startedAt, this.#endedAt];
    return {
      call_type: 'web_call',
      call_id: this.id,
      agent_id: this.agentId,
      call_status: this.status,
      ...(start === undefined ? {} : { start_timestamp: Math.round(start) }),
      ...(end === undefined ? {} : { end_timestamp: Math.round(end) }),
      ...(start === undefined || end === undefined ? {} : { duration_ms: Math.round(end - start) }),
      ...(this.disconnectionReason === undefined ? {} : { disconnection_reason: this.disconnectionReason }),
      transcript_object: this.transcript,
      latency: this.#latency(),
    };
  }

  /** From the caller's last sound to the answer's first, as its own end has them; nothing where it gave no answer. */
  #latency(): object {
    const took = this.truth.turns.map(({ answerFromMs, callerToMs }) => Math.round(answerFromMs - callerToMs));
    if (took.length === 0) return {};
    const all = new Spread();
    for (const ms of took) all.add(ms);
    const [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map((share) => all.quantile(share));
    return { e2e: { p50, p90, p95, p99, max: Math.max(...took), min: Math.min(...took), num: took.length } };
  }

  #tell(what: 'transcript' | 'ended'): void {
    for (const watcher of this.#watchers) watcher(what);
  }
}
