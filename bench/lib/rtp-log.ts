import { createOpusDecoder } from '../../src/media/opus.ts';
import { RATE, type Tape } from '../../src/simulator/livekit/index.ts';
import { RtpAudio } from '../engine/rtp-audio.ts';

/** What came to somebody in a room, packet by packet, and what he would have heard of it with a jitter buffer of his own. */

export interface Received {
  /** When it came, ms since 1970. */
  readonly atMs: number;
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** What a listener's ears make of it. */
export interface Listened {
  /** What is played, as it is played: nothing here stands still. Its times are ms since the first packet. */
  readonly tape: Tape;
  /** What was made up in the place of what was not there in time, ms, and packets that never came. */
  readonly madeUpMs: number;
  readonly lost: number;
  /** How long what is played has waited, the mean, ms. */
  readonly waitedMs: number;
}

/** A time in which no packet came. */
export interface Pause {
  /** When it ended, ms since 1970. */
  readonly atMs: number;
  readonly ms: number;
  /** What came after it came later for good by so much, ms: its sender had nothing to send. Where nothing did, what was sent meanwhile was only held up. */
  readonly laterMs: number;
}

const HEADER = 20;
const CLOCK_RATE = 48_000;
const PULL_MS = 10;
/** Packets by which the pace before and after a pause is known. */
const NEAR = 50;

/** As `far/livekit-people` writes it. What has no payload is there to keep a way open. */
export function readLog(bytes: Buffer): Received[] {
  const received: Received[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt16LE(at + 18);
    const payload = bytes.subarray(at + HEADER, at + HEADER + length);
    if (length > 0)
      received.push({
        atMs: bytes.readDoubleLE(at),
        ssrc: bytes.readUInt32LE(at + 8),
        sequence: bytes.readUInt16LE(at + 12),
        timestamp: bytes.readUInt32LE(at + 14),
        payload,
      });
    at += HEADER + length;
  }
  return received;
}

/** Those of one listener that all others had at the same time. */
export function pausesOfAll([first = [], ...others]: ReadonlyArray<readonly Pause[]>): Pause[] {
  const overlap = (a: Pause, b: Pause) => a.atMs - a.ms < b.atMs && b.atMs - b.ms < a.atMs;
  return first.filter((pause) => others.every((theirs) => theirs.some((one) => overlap(pause, one))));
}

/** Plays it as it came. */
export function listen(received: readonly Received[]): Listened {
  const frames: Array<{ atMs: number; count: number }> = [];
  const beganMs = received[0]?.atMs ?? 0;
  const lengthMs = (received.at(-1)?.atMs ?? 0) - beganMs;
  const samples = new Int16Array(Math.ceil((lengthMs * RATE) / 1_000) + RATE);
  const frame = new Int16Array((RATE * PULL_MS) / 1_000);
  let ears: RtpAudio | undefined;
  let ssrc: number | undefined;
  let next = 0;
  let length = 0;
  let [madeUp, lost, waited, played] = [0, 0, 0, 0];
  const close = () => {
    if (ears === undefined) return;
    const { stats } = ears;
    madeUp += stats.concealed;
    lost += stats.lost;
    waited += stats.waitedMs;
    played += stats.played;
  };
  for (let now = 0; now <= lengthMs; now += PULL_MS) {
    for (; next < received.length && received[next]!.atMs - beganMs <= now; next++) {
      const packet = received[next]!;
      if (packet.ssrc !== ssrc) {
        close();
        ssrc = packet.ssrc;
        const decoder = createOpusDecoder({ sampleRate: RATE, channels: 1 });
        const decode = (payload: Uint8Array, into: Int16Array) => decoder.decode(payload, into);
        ears = new RtpAudio({ clockRate: CLOCK_RATE, sampleRate: RATE, decode });
      }
      ears?.push(packet, now);
    }
    if (ears?.pull(frame, now) !== true) frame.fill(0);
    samples.set(frame, length);
    length += frame.length;
    frames.push({ atMs: now + PULL_MS, count: frame.length });
  }
  close();
  return {
    tape: { samples: samples.subarray(0, length), frames },
    madeUpMs: (madeUp * 1_000) / RATE,
    lost,
    waitedMs: (waited * frame.length) / Math.max(1, played),
  };
}

/** The times of more than `leastMs` in which nothing came. */
export function pausesIn(received: readonly Received[], leastMs: number): Pause[] {
  const pauses: Pause[] = [];
  const soonest = (from: number, to: number, timestamp: number) => {
    let least = Number.POSITIVE_INFINITY;
    for (const packet of received.slice(Math.max(0, from), to))
      least = Math.min(least, packet.atMs - ((packet.timestamp - timestamp) | 0) / (CLOCK_RATE / 1_000));
    return least;
  };
  for (let i = 1; i < received.length; i++) {
    const { atMs, ssrc, timestamp } = received[i]!;
    const before = received[i - 1]!;
    const ms = atMs - before.atMs;
    if (ms <= leastMs || ssrc !== before.ssrc) continue;
    const laterMs = soonest(i, i + NEAR, timestamp) - soonest(i - NEAR, i, timestamp);
    pauses.push({ atMs, ms, laterMs: Math.max(0, laterMs) });
  }
  return pauses;
}
