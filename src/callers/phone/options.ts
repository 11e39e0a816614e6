/** Settings of a phone leg. Everything has a default; `withDefaults` fills them in. All times in ms. */
export interface PhoneLegOptions {
  /** Audio in one media message. */
  readonly chunkMs: number;
  /** Most audio that may lie unplayed at the carrier, 200 to 400: it plays on through a stall of ours, and `clear` must discard it. */
  readonly leadMs: number;
  /** Most silence kept in front of a live source during a talkspurt, for audio that was as late before; 0 turns it off. */
  readonly cushionMs: number;
  /** The same where nothing was late; never more than the most. */
  readonly cushionLeastMs: number;
  /** Silence after which a live source's talkspurt is over and nothing more is sent. */
  readonly hangoverMs: number;
  /** Loudest sample that still counts as silence (of 32767). */
  readonly silencePeak: number;
  /** While a live source is silent, one silent message in this time keeps the connection's path awake. */
  readonly keepWarmMs: number;
  /** Audio between marks. */
  readonly markMs: number;
  /** Most audio that may wait here for its turn; no carrier's own limit is known to be higher. */
  readonly maxQueueMs: number;
  /** Audio in the socket's buffer, not taken by the network, beyond which all is dropped and a `clear` is sent. */
  readonly dropBacklogMs: number;
  /** The same, beyond which the stream is closed; also reached by staying blocked for as long as it would take to get there. */
  readonly closeBacklogMs: number;
  /** How long an inbound frame waits for one that it overtook, where the carrier does not keep their order. */
  readonly reorderMs: number;
  /** Most silence put into one gap of the caller's audio. */
  readonly maxFillMs: number;
  /** Without inbound audio for this long, silence is written in real time. */
  readonly wallGapMs: number;
  /** No audio from the carrier at all for this long after the start ends the leg. */
  readonly firstMediaMs: number;
  /** No audio for this long later is a line on hold. */
  readonly heldAfterMs: number;
  /** While it is held the socket is asked this often whether it still lives. */
  readonly holdProbeMs: number;
  /** No audio for this long ends the leg, however alive its socket is. */
  readonly holdMs: number;
  /** The caller's audio kept for a call that is not ready to take it. */
  readonly maxEarlyMs: number;
}

export const PHONE_LEG_DEFAULTS: PhoneLegOptions = Object.freeze({
  chunkMs: 20,
  leadMs: 300,
  cushionMs: 400,
  cushionLeastMs: 20,
  hangoverMs: 400,
  silencePeak: 24,
  keepWarmMs: 5_000,
  markMs: 200,
  maxQueueMs: 600_000,
  dropBacklogMs: 5_000,
  closeBacklogMs: 10_000,
  reorderMs: 60,
  maxFillMs: 10_000,
  wallGapMs: 750,
  firstMediaMs: 30_000,
  heldAfterMs: 2_000,
  holdProbeMs: 5_000,
  holdMs: 600_000,
  maxEarlyMs: 2_000,
});

/** The options with defaults for what was left out. Throws a RangeError for values that cannot work together. */
export function withDefaults(options: Partial<PhoneLegOptions> = {}): PhoneLegOptions {
  const all = { ...PHONE_LEG_DEFAULTS, ...options };
  if (!(all.chunkMs >= 20 && all.chunkMs <= 100))
    throw new RangeError(`phone leg: chunkMs must be 20 to 100: ${all.chunkMs}`);
  if (!(all.leadMs >= 2 * all.chunkMs)) throw new RangeError(`phone leg: leadMs must hold two chunks: ${all.leadMs}`);
  if (!(all.closeBacklogMs >= all.dropBacklogMs)) {
    throw new RangeError('phone leg: closeBacklogMs must not be less than dropBacklogMs');
  }
  return all;
}
