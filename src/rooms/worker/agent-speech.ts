import { staysWithin } from '../../media/level.ts';
import { QuietRun } from '../../media/quiet-run.ts';
import { ROOM_FRAME_MS } from '../room.ts';
import { MeanWait } from './mean-wait.ts';

/** What the library holds at the least, ms: a tick that comes late by less is not heard. */
const LEAD_MS = 40;
/**
 * What it holds of speech that is there already, and of silence where nothing is said, ms: ticks that come late by less are not heard, and do not make the listeners' jitter buffers
 * grow. Speech waits for neither (`overtakes`), and `clear` drops it all the same.
 */
const LONG_LEAD_MS = 180;
/** It is made whole again once so much of it is played, ms: each time costs the library, and all rooms of the process, a message. */
const REFILL_MS = 40;
/** How far the library's playing may be behind our clock, ms: the end of what was said may be there still. */
const LAG_MS = 20;
/** Speech of which less has come, ms, may come as slowly as it is heard: silence in hand goes before it, up to `LEAD_MS`, so that what is late by less is no hole. */
const STEADY_MS = 80;
/** The same of a live source, ms: what waits in the library cannot be caught up with any more. */
const LIVE_LEAD_MS = 60;
/** A live source's audio that waits longer, here and in the library together, is late by somebody's stall, ms. */
const LIVE_LATE_MS = 80;
/** Magnitude up to which a live source's frame may be left out: about -50 dBFS. */
const QUIET_PEAK = 100;
/** Where a microphone is never quiet, one frame of late audio is left out each time that it was late for so long, ms. */
const DRAIN_MS = 1_000;
/** What of a microphone is later than this nobody waits for, ms: it was said while the link was away, or this process stood still for long. */
const MOST_LATE_MS = 1_000;
/** The most of a run, ms, so that one write never fills the library's 200 ms. */
const MOST_RUN_MS = 120;
/** The rest of an utterance that is shorter than a frame goes when nothing came for so long, ms. */
const REST_MS = 30;
/** Speech that may wait, ms: more than any answer is long. */
const MOST_QUEUED_MS = 300_000;

/** A run that was given to the library: when it plays, and how much of it is the agent's. */
interface Run {
  readonly startMs: number;
  readonly endMs: number;
  /** Samples of the agent's at its beginning; the rest is silence. */
  readonly agent: number;
  readonly samples: Int16Array;
}

/**
 * The agent's audio on its way into the library, and the clock of how far it is played. The library plays what it holds in real time, so its queue is known
 * by what it was given and when: it is asked nothing, and neither ahead of nor behind time. Pure but for the time it is given.
 *
 * An agent's speech may come faster than it is spoken, and all of it waits its turn. A live source says nothing ahead of time: where
 * it or this process stood still, silence went in its place, and what was said meanwhile would be late from then on, and later with each stall. That is caught up
 * with between words, by leaving out silence where there is more of it than inside one. Of a microphone a frame a second goes where it is never quiet, and what is a second late goes at once, as it does on a
 * telephone's line; of a live agent no word goes, since recorded words come at once behind it, and none of them may be missing.
 */
export class AgentSpeech {
  readonly #rate: number;
  readonly #frame: number;
  readonly #microphone: boolean;
  /** What is written comes as it is spoken. */
  live: boolean;
  #queue: Int16Array[] = [];
  /** Samples in the queue, and how many of its first chunk are gone. */
  #queued = 0;
  #offset = 0;
  #lastWriteMs = 0;
  /** When everything that the library holds is played. */
  #drainedMs = Number.NEGATIVE_INFINITY;
  readonly #runs: Run[] = [];
  /** Samples of the agent's in runs that are over, since the last clear. */
  #played = 0;
  /** Silence that goes before the speech that overtook what was held, frames. */
  #before = 0;
  /** Since when a live source's audio is late, or since the last frame that was left out of it, ms. */
  #lateSince: number | undefined;
  /** How long the agent's audio has been quiet where the queue begins. */
  readonly #quiet = new QuietRun();
  /** Samples that were dropped because too much waited. */
  dropped = 0;
  /** How long a live source's audio waits until it is played. */
  readonly wait = new MeanWait();

  /** `microphone`: what is written is one's, and live for good. */
  constructor(rate: number, { microphone = false }: { readonly microphone?: boolean } = {}) {
    this.#rate = rate;
    this.#microphone = microphone;
    this.live = microphone;
    this.#frame = (rate * ROOM_FRAME_MS) / 1000;
  }

  /** Takes samples, which are this queue's from then on. */
  write(samples: Int16Array, now: number): void {
    if (this.#queued + samples.length > (MOST_QUEUED_MS * this.#rate) / 1000) {
      this.dropped += samples.length;
      return;
    }
    // It plays behind what the library holds and what waits here: a tick that is in time is no wait beside that.
    if (this.live)
      this.wait.add(Math.max(0, this.#drainedMs - now) + (this.#queued * 1000) / this.#rate, samples.length);
    this.#queue.push(samples);
    this.#queued += samples.length;
    this.#lastWriteMs = now;
  }

  /** What was not played is forgotten, and the count of what was begins anew. The library's queue is the caller's to clear. */
  clear(now: number): void {
    this.#queue = [];
    this.#queued = 0;
    this.#offset = 0;
    this.#runs.length = 0;
    this.#played = 0;
    this.#before = 0;
    this.#quiet.reset();
    this.#drainedMs = Math.min(this.#drainedMs, now);
  }

  /** Whether there is speech while the library holds nothing but silence, longer than has to go before it. Where it is so its owner drops that silence now: it counts as gone. */
  overtakes(now: number): boolean {
    if (this.#microphone || this.#queued < this.#frame) return false;
    const wantedMs = Math.min(LEAD_MS, STEADY_MS - (this.#queued * 1000) / this.#rate);
    const before = Math.max(0, Math.ceil(wantedMs / ROOM_FRAME_MS));
    if (this.#drainedMs - now <= before * ROOM_FRAME_MS || this.#speaks(now - LAG_MS)) return false;
    for (const { agent } of this.#runs) this.#played += agent;
    this.#runs.length = 0;
    this.#drainedMs = now;
    this.#before = before;
    return true;
  }

  /** The run that the library is to have now; undefined while it has enough. */
  due(now: number): Int16Array | undefined {
    const level = Math.max(0, this.#drainedMs - now);
    if (this.live) this.#catchUp(level, now);
    if (this.#before > 0) return this.#silence(now);
    const wanted = this.#wanted(level, now);
    let speech = Math.min(Math.floor(this.#queued / this.#frame), this.#room(level));
    let agent = speech * this.#frame;
    const rest = this.#queued - agent;
    if (speech < wanted && rest > 0 && rest < this.#frame && now - this.#lastWriteMs >= REST_MS) {
      speech++;
      agent += rest;
    }
    const frames = Math.min(Math.max(wanted, speech), MOST_RUN_MS / ROOM_FRAME_MS);
    if (frames === 0) return undefined;
    const samples = new Int16Array(frames * this.#frame);
    agent = Math.min(agent, samples.length);
    this.#take(samples, agent);
    return this.#given(samples, agent, now);
  }

  /** The library did not take the run that was due last: its speech is due again. */
  refused(samples: Int16Array): void {
    const run = this.#runs.at(-1);
    if (run?.samples !== samples) return;
    this.#runs.pop();
    this.#drainedMs = run.startMs;
    this.#quiet.reset();
    if (run.agent === 0) return;
    const first = this.#queue[0];
    if (first !== undefined && this.#offset > 0) this.#queue[0] = first.subarray(this.#offset);
    this.#offset = 0;
    // The library may still read what it was given.
    this.#queue.unshift(samples.slice(0, run.agent));
    this.#queued += run.agent;
  }

  /** Samples of the agent's that were played since the last clear. */
  played(now: number): number {
    while (this.#runs.length > 0 && this.#runs[0]!.endMs <= now) this.#played += this.#runs.shift()!.agent;
    let played = this.#played;
    for (const run of this.#runs) {
      const heard = Math.floor(((now - run.startMs) * this.#rate) / 1000);
      played += Math.min(run.agent, Math.max(0, heard));
    }
    return played;
  }

  /** Samples of the agent's that the library plays from now on without a break, by what it holds already. */
  ahead(now: number): number {
    let endMs = now;
    for (const run of this.#runs) {
      if (run.startMs > endMs) break;
      endMs = Math.max(endMs, run.startMs + (run.agent * 1000) / this.#rate);
    }
    return Math.floor(((endMs - now) * this.#rate) / 1000);
  }

  /** The silence before speech that may come slowly. */
  #silence(now: number): Int16Array {
    const samples = new Int16Array(this.#before * this.#frame);
    this.#before = 0;
    return this.#given(samples, 0, now);
  }

  #given(samples: Int16Array, agent: number, now: number): Int16Array {
    const startMs = Math.max(now, this.#drainedMs);
    this.#drainedMs = startMs + (samples.length * 1000) / this.#rate;
    this.#runs.push({ startMs, endMs: this.#drainedMs, agent, samples });
    return samples;
  }

  /** Frames that are to go now in any case. Behind speech silence is put as late as may be: more speech may come. */
  #wanted(level: number, now: number): number {
    const isLong = !this.#microphone && this.#queued === 0 && !this.#speaks(now);
    const least = isLong ? LONG_LEAD_MS - REFILL_MS : LEAD_MS;
    if (level > least) return 0;
    return Math.ceil(((isLong ? LONG_LEAD_MS : LEAD_MS) - level) / ROOM_FRAME_MS);
  }

  /** Frames of speech that the library may have beyond what it holds. */
  #room(level: number): number {
    if (this.live) return Math.max(0, Math.floor((LIVE_LEAD_MS - level) / ROOM_FRAME_MS));
    return level > LONG_LEAD_MS - REFILL_MS ? 0 : Math.floor((LONG_LEAD_MS - level) / ROOM_FRAME_MS);
  }

  /** Whether the library holds some of the agent's that is not played yet. */
  #speaks(now: number): boolean {
    return this.#runs.some(({ startMs, agent }) => startMs + (agent * 1000) / this.#rate > now && agent > 0);
  }

  /** Leaves out of audio that is late what is quiet of it; of a microphone's more, where that does not do. It counts as played: nobody waits for it any more. */
  #catchUp(level: number, now: number): void {
    const isLate = (ms: number) => this.#queued >= this.#frame && level + (this.#queued * 1000) / this.#rate > ms;
    if (!isLate(LIVE_LATE_MS)) {
      this.#lateSince = undefined;
      return;
    }
    const frame = new Int16Array(this.#frame);
    while (this.#microphone && isLate(MOST_LATE_MS)) this.#leaveOut(frame);
    while (this.#quiet.isPause && isLate(LIVE_LATE_MS)) {
      this.#peek(frame);
      if (!staysWithin(frame, QUIET_PEAK)) break;
      this.#leaveOut(frame);
    }
    if (!this.#microphone) return;
    this.#lateSince ??= now;
    if (now - this.#lateSince < DRAIN_MS || !isLate(LIVE_LATE_MS)) return;
    this.#leaveOut(frame);
    this.#lateSince = now;
  }

  #leaveOut(frame: Int16Array): void {
    this.#take(frame, frame.length);
    this.#played += frame.length;
  }

  /** The next samples, which stay in the queue. */
  #peek(into: Int16Array): void {
    let to = 0;
    let offset = this.#offset;
    for (let i = 0; to < into.length; i++) {
      const chunk = this.#queue[i]!.subarray(offset, offset + into.length - to);
      into.set(chunk, to);
      to += chunk.length;
      offset = 0;
    }
  }

  #take(into: Int16Array, count: number): void {
    let to = 0;
    while (to < count) {
      const chunk = this.#queue[0]!;
      const run = Math.min(count - to, chunk.length - this.#offset);
      into.set(chunk.subarray(this.#offset, this.#offset + run), to);
      to += run;
      this.#offset += run;
      if (this.#offset < chunk.length) continue;
      this.#queue.shift();
      this.#offset = 0;
    }
    this.#queued -= count;
    for (let at = 0; at < count; at += this.#frame) {
      const frame = into.subarray(at, Math.min(count, at + this.#frame));
      this.#quiet.add(staysWithin(frame, QUIET_PEAK), (frame.length * 1000) / this.#rate);
    }
  }
}
