/**
 * What becomes of a `<Dial>`: the carrier rings another number, the two talk or they do not, and the action is told which.
 * https://www.twilio.com/docs/voice/twiml/dial, https://developer.signalwire.com/compatibility-api/cxml/voice/dial
 */

/** What the one does who is dialled. */
export interface DialledParty {
  readonly outcome: 'answer' | 'busy' | 'no-answer' | 'failed';
  /** How long it rings until then, ms; one that never answers rings until the caller's patience (`timeout`) is over. */
  readonly ringMs: number;
  /** How long they talk, ms; nothing when left out. */
  readonly talkMs?: number | undefined;
}

export interface DialInstruction {
  readonly target: string;
  /** Asked for what follows; without one the document goes on. */
  readonly action?: string | undefined;
  /** POST when left out. */
  readonly method?: 'GET' | 'POST' | undefined;
  /** How long it may ring, seconds; 30 when left out, both carriers' default. */
  readonly timeout?: number | undefined;
  /** How long they may talk, seconds. */
  readonly timeLimit?: number | undefined;
  /** What the one who is dialled is shown; the caller's own number without it. */
  readonly callerId?: string | undefined;
}

export type DialCallStatus = 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled';

/** How a dial ended, as the action is told. */
export interface DialOutcome {
  readonly status: DialCallStatus;
  /** How long they talked, seconds; undefined where nobody answered. */
  readonly seconds: number | undefined;
}

const RING_SECONDS = 30;

export interface Dialling {
  /** Who calls, as the carrier has it. */
  readonly from: string;
  readonly party: DialledParty;
  /** Waits in real time; resolves early when the caller hangs up. */
  wait(ms: number): Promise<void>;
  /** Ringing out takes the time of instructions, which trials may shorten. */
  ringOut(ms: number): Promise<void>;
  readonly hungUp: AbortSignal;
}

/** Rings, and lets them talk. Resolves with how it ended; never rejects. */
export async function dial(instruction: DialInstruction, dialling: Dialling): Promise<DialOutcome> {
  const { party, hungUp, from } = dialling;
  // A leg without a number of the caller's is refused: https://www.twilio.com/docs/api/errors/13214
  if (instruction.callerId === undefined && !/^\+\d{7,15}$/.test(from)) return { status: 'failed', seconds: undefined };
  const longestMs = (instruction.timeout ?? RING_SECONDS) * 1000;
  const ringsOut = party.outcome === 'no-answer' || party.ringMs > longestMs;
  await (ringsOut ? dialling.ringOut(longestMs) : dialling.wait(party.ringMs));
  if (hungUp.aborted) return { status: 'canceled', seconds: undefined };
  if (ringsOut) return { status: 'no-answer', seconds: undefined };
  if (party.outcome !== 'answer') return { status: party.outcome as DialCallStatus, seconds: undefined };
  const talkMs = Math.min(party.talkMs ?? 0, (instruction.timeLimit ?? Number.POSITIVE_INFINITY) * 1000);
  await dialling.wait(talkMs);
  return { status: 'completed', seconds: Math.max(1, Math.round(talkMs / 1000)) };
}
