import type { Clock, Timer } from '../../call/clock.ts';
import type { LinkTrack, RoomLink } from '../../transport/room-link.ts';
import { AgentSpeech } from './agent-speech.ts';

/**
 * Ticks through which the library may keep a frame, two seconds: it has 200 ms of room, and is never given so much. Counted in ticks, since
 * what it answered is heard no earlier than the next one where the process itself stood still.
 */
const HELD_TICKS = 100;
/** Frames refused in a row until the track is taken for broken: two seconds, since one is tried a tick. */
const REFUSED = 100;
/** How often a broken track is published anew before the room is given up, and the time in which that counts, ms. */
const MOST_REPUBLISHED = 3;
const REPUBLISHED_WITHIN_MS = 60_000;
/** How long publishing may take, ms, and after what time it is tried again. */
const PUBLISH_MS = 10_000;
const AGAIN_MS = 2_000;

export interface AgentTrackCounts {
  framesRejected: number;
  framesHeldUp: number;
  republished: number;
}

/**
 * The agent's track in a room, silence included, from the moment it is published: one writer, one frame at a time, every refusal caught. A track that does not move
 * any more is published again with a source of its own; one that will not move is the room's end.
 */
export class AgentTrack {
  readonly speech: AgentSpeech;
  readonly counts: AgentTrackCounts = { framesRejected: 0, framesHeldUp: 0, republished: 0 };
  readonly #clock: Clock;
  readonly #name: string;
  readonly #stalled: (detail: string) => void;
  #link: RoomLink | undefined;
  #track: LinkTrack | undefined;
  /** The library has not answered for a frame, for so many ticks. */
  #isHeld = false;
  #heldTicks = 0;
  #again: Timer | undefined;
  #refusedInRow = 0;
  #publishing = false;
  readonly #republishedAt: number[] = [];
  /** Nothing goes out: the link is away. */
  paused = false;

  /** `microphone`: its audio is somebody's. `stalled` is told once, when publishing again did not help. */
  constructor(o: { rate: number; name: string; microphone: boolean; clock: Clock; stalled: (detail: string) => void }) {
    this.speech = new AgentSpeech(o.rate, { microphone: o.microphone });
    this.#name = o.name;
    this.#clock = o.clock;
    this.#stalled = o.stalled;
  }

  get sid(): string {
    return this.#track?.sid ?? '';
  }

  /** Publishes it in this room, for the first time or again; what waits goes on there. Rejects as `RoomLink.publish` does, and when that takes too long. */
  async publish(link: RoomLink): Promise<void> {
    this.#link = link;
    this.#publishing = true;
    const before = this.#track;
    this.#track = undefined;
    this.#isHeld = false;
    this.#heldTicks = 0;
    this.#refusedInRow = 0;
    try {
      void before?.close();
      const publishing = link.publish(this.#name);
      const track = await within(this.#clock, PUBLISH_MS, publishing);
      if (this.#link !== link) void track.close();
      else this.#track = track;
    } finally {
      this.#publishing = false;
    }
  }

  /** Gives the library what is due. Called every tick. */
  tick(now: number): void {
    const track = this.#track;
    if (track === undefined || this.paused) return;
    if (this.#isHeld) {
      this.counts.framesHeldUp++;
      if (++this.#heldTicks >= HELD_TICKS) this.republish('the library holds a frame and does not play it');
      return;
    }
    if (this.speech.overtakes(now)) this.#drop();
    const samples = this.speech.due(now);
    if (samples === undefined) return;
    this.#isHeld = true;
    this.#heldTicks = 0;
    track.write(samples).then(
      () => {
        if (track !== this.#track) return;
        this.#isHeld = false;
        this.#refusedInRow = 0;
      },
      () => {
        this.counts.framesRejected++;
        if (track !== this.#track) return;
        this.#isHeld = false;
        this.speech.refused(samples);
        if (++this.#refusedInRow >= REFUSED) this.republish('the library refuses every frame');
      },
    );
  }

  /** Drops what was not played. */
  clear(now: number): void {
    this.speech.clear(now);
    this.#drop();
    this.tick(now);
  }

  #drop(): void {
    try {
      this.#track?.clear();
    } catch {
      // A source that is gone holds nothing.
    }
  }

  /** A track that does not move is published anew, a few times. */
  republish(why: string): void {
    const link = this.#link;
    if (link === undefined || this.#publishing) return;
    const now = this.#clock.now();
    while (this.#republishedAt.length > 0 && now - this.#republishedAt[0]! > REPUBLISHED_WITHIN_MS) {
      this.#republishedAt.shift();
    }
    if (this.#republishedAt.length >= MOST_REPUBLISHED) {
      this.detach();
      this.#stalled(why);
      return;
    }
    this.#republishedAt.push(now);
    this.counts.republished++;
    this.publish(link).catch(() => {
      if (this.#link !== link) return;
      this.#again = this.#clock.after(AGAIN_MS, () => this.republish('it could not be published'));
    });
  }

  /** It is for the room itself to take it down. */
  detach(): void {
    this.#link = undefined;
    this.#track = undefined;
    this.#isHeld = false;
    this.#again?.cancel();
  }
}

/** The promise's outcome, or a rejection after `ms`. What comes later is closed. */
function within(clock: Clock, ms: number, promise: Promise<LinkTrack>): Promise<LinkTrack> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = clock.after(ms, () => {
      isLate = true;
      reject(new Error(`not published within ${ms} ms`));
    });
    promise.then(
      (track) => {
        timer.cancel();
        if (isLate) void track.close();
        else resolve(track);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
