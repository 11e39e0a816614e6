/** A person's microphone in a room: one track of one source, which is muted, taken away and brought back. */

import type { RoomLibrary } from '../../transport/room.ts';
import { RATE } from './messages.ts';

type Lib = RoomLibrary;
type Room = InstanceType<Lib['Room']>;

/** As LiveKit's own agents have it: more would be heard late, less breaks off. */
const QUEUE_MS = 200;
/** Frames that may wait for the library's answer: as many as its queue holds. */
const MOST_FRAMES = QUEUE_MS / 20;
/** An answer that did not come for so long comes no more, ms. */
const STUCK_MS = 2_000;

/** What the library needs to be told and has no method for. */
interface Ffi {
  request(request: { message: { case: string; value: Record<string, unknown> } }): unknown;
}

export class Microphone {
  readonly #lib: Lib;
  readonly #room: Room;
  readonly #now: () => number;
  readonly #source: InstanceType<Lib['AudioSource']>;
  readonly #track: InstanceType<Lib['LocalAudioTrack']>;
  #sid: string | undefined;
  #isMuted = false;
  /** Frames that the library has not answered. */
  readonly #held = new Set<object>();
  /** When it answered last, ms. */
  #answeredAt = 0;
  /** Frames that the library would not have. */
  rejected = 0;

  constructor(lib: Lib, room: Room, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lib = lib;
    this.#room = room;
    this.#source = new lib.AudioSource(RATE, 1, QUEUE_MS);
    this.#track = lib.LocalAudioTrack.createAudioTrack('microphone', this.#source);
  }

  /** Whether what is said goes anywhere. */
  get isOpen(): boolean {
    return this.#sid !== undefined && !this.#isMuted;
  }

  async publish(): Promise<void> {
    if (this.#sid !== undefined) return;
    const options = new this.#lib.TrackPublishOptions();
    options.source = this.#lib.TrackSource.SOURCE_MICROPHONE;
    this.#sid = (await this.#room.localParticipant?.publishTrack(this.#track, options))?.sid;
  }

  async unpublish(): Promise<void> {
    const sid = this.#sid;
    this.#sid = undefined;
    if (sid !== undefined) await this.#room.localParticipant?.unpublishTrack(sid, false);
  }

  mute(isMuted: boolean): void {
    this.#isMuted = isMuted;
    const ffi = (globalThis as { _ffiClientInstance?: Ffi })._ffiClientInstance;
    ffi?.request({
      message: { case: 'localTrackMute', value: { trackHandle: this.#track.ffi_handle.handle, mute: isMuted } },
    });
  }

  /** 20 ms at `RATE`. False where nobody can hear it. */
  say(samples: Int16Array): boolean {
    if (!this.isOpen || !this.#hasRoom()) return false;
    const frame = new this.#lib.AudioFrame(samples, RATE, 1, samples.length);
    // Not waited for: the clock paces what is said, and a frame that is refused is lost, as on a line.
    const held = {};
    if (this.#held.size === 0) this.#answeredAt = this.#now();
    this.#held.add(held);
    const answered = () => {
      this.#held.delete(held);
      this.#answeredAt = this.#now();
    };
    this.#source.captureFrame(frame).then(answered, () => {
      this.rejected++;
      answered();
    });
    return true;
  }

  /**
   * Whether one more frame may wait. The library shows each event of all rooms to every frame that waits: without a bound a moment in which it is late is one from
   * which it does not come back.
   */
  #hasRoom(): boolean {
    if (this.#held.size < MOST_FRAMES) return true;
    if (this.#now() - this.#answeredAt < STUCK_MS) {
      this.rejected++;
      return false;
    }
    this.#held.clear();
    return true;
  }

  async close(): Promise<void> {
    this.#sid = undefined;
    await this.#track.close();
  }
}
