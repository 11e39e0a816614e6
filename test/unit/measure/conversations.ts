import type { Tape, TapeMark, TapeMarkKind } from '../../../src/measure/tape.ts';
import { ulawDecode, ulawEncode } from '../../../src/media/g711.ts';
import { dbfsToAmplitude } from '../../../src/media/level.ts';

/** Conversations of which every edge is known, made of a seed: syllables with a pitch and sibilants, on quiet and noisy lines. */

export const RATE = 24_000;
const PER_MS = RATE / 1000;

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
const between = (r: Random, least: number, most: number) => least + r() * (most - least);
const oneOf = <T>(r: Random, list: readonly T[]): T => list[Math.floor(r() * list.length)]!;

/** Syllables of amplitude 1 as RMS, with ramps of 5 ms; some begin or end with a sibilant. */
const SYLLABLES: readonly Float32Array[] = (() => {
  const r = random(1);
  return Array.from({ length: 60 }, () => {
    const lead = r() < 0.25 ? between(r, 40, 90) : 0;
    const tail = r() < 0.25 ? between(r, 40, 90) : 0;
    const vowel = between(r, 80, 220);
    const out = new Float32Array(Math.round((lead + vowel + tail) * PER_MS));
    const pitch = between(r, 90, 260);
    const glide = between(r, -0.2, 0.2);
    const weights = Array.from({ length: Math.floor(3_400 / pitch) }, (_, k) => between(r, 0.1, 1) / (1 + k / 3));
    const from = Math.round(lead * PER_MS);
    const to = Math.min(out.length, from + Math.round(vowel * PER_MS));
    let phase = 0;
    for (let i = from; i < to; i++) {
      phase += (pitch * (1 + (glide * (i - from)) / (to - from))) / RATE;
      for (const [k, weight] of weights.entries()) out[i]! += weight * Math.sin(2 * Math.PI * (k + 1) * phase);
    }
    scale(out, from, to, 1);
    for (const [a, b] of [
      [0, from],
      [to, out.length],
    ] as const) {
      let last = 0;
      for (let i = a; i < b; i++) {
        const x = r() * 2 - 1;
        out[i] = x - last;
        last = x;
      }
      scale(out, a, b, 0.5);
    }
    const ramp = 5 * PER_MS;
    for (let i = 0; i < ramp; i++) {
      out[i]! *= i / ramp;
      out[out.length - 1 - i]! *= i / ramp;
    }
    return out;
  });
})();

function scale(x: Float32Array, from: number, to: number, rms: number): void {
  let sum = 0;
  for (let i = from; i < to; i++) sum += x[i]! * x[i]!;
  if (sum === 0) return;
  const gain = rms / Math.sqrt(sum / (to - from));
  for (let i = from; i < to; i++) x[i]! *= gain;
}

/** A second of noise of RMS 1, each kind. */
const NOISES = (() => {
  const r = random(2);
  const white = new Float32Array(RATE).map(() => r() * 2 - 1);
  // Kellet's filter: three poles that come to about 3 dB an octave.
  let a = 0;
  let b = 0;
  let c = 0;
  const pink = new Float32Array(RATE).map(() => {
    const x = r() * 2 - 1;
    a = 0.99765 * a + x * 0.099046;
    b = 0.963 * b + x * 0.2965164;
    c = 0.57 * c + x * 1.0526913;
    return a + b + c + x * 0.1848;
  });
  for (const noise of [white, pink]) scale(noise, 0, RATE, 1);
  return { white, pink };
})();

/** Says something of about `ms` into the channel from sample `at` on; `solid`: without pauses. Returns the sample at which it ends. */
export function speak(channel: Float32Array, at: number, ms: number, rms: number, r: Random, solid = false): number {
  const end = at + ms * PER_MS;
  let next = at;
  let said = at;
  while (next < end) {
    const syllable = oneOf(r, SYLLABLES);
    const gain = rms * between(r, 0.75, 1.3);
    for (let i = 0; i < syllable.length && next + i < channel.length; i++) channel[next + i]! += syllable[i]! * gain;
    said = Math.min(channel.length, next + syllable.length);
    next = said + Math.round((solid || r() < 0.7 ? 0 : between(r, 10, 140)) * PER_MS);
  }
  return said;
}

/** What a line does to a channel: its noise, its codec, an offset, clicks where nobody speaks. */
export interface Line {
  readonly noise: 'none' | 'idle' | 'white' | 'pink';
  /** Of speech over noise, dB. */
  readonly snrDb: number;
  readonly ulaw: boolean;
  readonly offset: number;
}

export function lineOf(r: Random): Line {
  return {
    noise: oneOf(r, ['none', 'none', 'idle', 'white', 'pink'] as const),
    snrDb: between(r, 15, 30),
    ulaw: r() < 0.3,
    offset: r() < 0.2 ? Math.round(between(r, -300, 300)) : 0,
  };
}

export function throughLine(channel: Float32Array, line: Line, rms: number): Int16Array {
  const noise = line.noise === 'pink' ? NOISES.pink : NOISES.white;
  const level =
    line.noise === 'none' ? 0 : line.noise === 'idle' ? 32_768 * dbfsToAmplitude(-68) : rms / 10 ** (line.snrDb / 20);
  const out = new Int16Array(channel.length);
  for (let i = 0; i < out.length; i++) {
    const x = channel[i]! + level * noise[i % RATE]! + line.offset;
    out[i] = Math.min(32_767, Math.max(-32_768, x));
  }
  if (line.ulaw) {
    const bytes = new Uint8Array(out.length);
    ulawEncode(out, bytes);
    ulawDecode(bytes, out);
  }
  return out;
}

export interface Truth {
  readonly from: number;
  readonly to: number;
}

/** One side that speaks now and then. Pauses are well under, or well over, what ends a stretch of speech. */
export function side(seed: number): { samples: Int16Array; truth: Truth[]; line: Line } {
  const r = random(seed);
  const line = lineOf(r);
  const rms = (32_768 * dbfsToAmplitude(between(r, -30, -14))) / Math.SQRT2;
  const channel = new Float32Array(Math.round(between(r, 4, 8) * RATE));
  const truth: Array<{ from: number; to: number }> = [];
  let at = Math.round(between(r, 300, 900) * PER_MS);
  while (at < channel.length - RATE) {
    const most = (channel.length - at) / PER_MS - 500;
    let end = speak(channel, at, Math.min(most, between(r, 60, 1_800)), rms, r);
    const from = at;
    // Some are split by pauses that end nothing.
    if (r() < 0.4 && end < channel.length - RATE) {
      end = speak(channel, end + Math.round(between(r, 100, 200) * PER_MS), between(r, 60, 400), rms, r);
    }
    truth.push({ from, to: end });
    at = end + Math.round(between(r, 320, 1_200) * PER_MS);
    // A click in some of the longer silences, alone.
    if (r() < 0.3 && at - end > 700 * PER_MS) {
      const click = end + 350 * PER_MS;
      for (let i = 0; i < 3 * PER_MS; i++) channel[click + i]! += (r() * 2 - 1) * 12_000;
    }
  }
  return { samples: throughLine(channel, line, rms), truth, line };
}

/** Speech of exactly `ms`, stopped in the middle of a sound. */
function speakExactly(channel: Float32Array, at: number, ms: number, rms: number, r: Random): number {
  const end = at + Math.round(ms * PER_MS);
  const said = speak(channel, at, ms, rms, r, true);
  channel.fill(0, end, said);
  for (let i = 1; i <= 2 * PER_MS; i++) channel[end - i]! *= i / (2 * PER_MS);
  return end;
}

/** What a conversation's measures have to be, ms. */
export interface ConversationTruth {
  greetingDelayMs: number;
  turns: Array<{ kind: 'say' | 'interrupt'; fromMs: number; toMs: number; outcome: string; latencyMs?: number }>;
  agentInterruptions: Array<{ atMs: number; overlapMs: number }>;
  callerInterruptions: Array<{ atMs: number; yielded: boolean; yieldMs?: number }>;
  distractions: Array<{ kind: string; during: string; held: boolean; afterMs?: number }>;
}

/** A conversation of a few turns, in which all that can go wrong does, now and then; the marks are what its caller would have made. */
export function conversation(seed: number): { tape: Tape; marks: TapeMark[]; truth: ConversationTruth } {
  const r = random(seed);
  const length = 40 * RATE;
  const caller = new Float32Array(length);
  const agent = new Float32Array(length);
  const callerRms = (32_768 * dbfsToAmplitude(between(r, -28, -14))) / Math.SQRT2;
  const agentRms = (32_768 * dbfsToAmplitude(between(r, -28, -14))) / Math.SQRT2;
  const marks: TapeMark[] = [];
  const truth: ConversationTruth = {
    greetingDelayMs: 0,
    turns: [],
    agentInterruptions: [],
    callerInterruptions: [],
    distractions: [],
  };
  const samples = (ms: number) => Math.round(ms * PER_MS);
  const msOf = (at: number) => at / PER_MS;
  const mark = (kind: TapeMarkKind, at: number) => marks.push({ kind, at: Math.round(at), step: marks.length });
  /** The agent speaks, in one piece or with a pause that people take for one. */
  const reply = (at: number, ms: number): number => {
    const end = speak(agent, at, ms, agentRms, r);
    return r() < 0.35 ? speak(agent, end + samples(between(r, 290, 700)), between(r, 200, 600), agentRms, r) : end;
  };
  /** The caller speaks; synthetic speech has silence at both its ends. */
  const say = (kind: TapeMarkKind, at: number, ms: number): number => {
    mark(kind, at - samples(between(r, 0, 40)));
    let end = speak(caller, at, ms, callerRms, r);
    if (kind === 'say' && r() < 0.25) {
      end = speak(caller, end + samples(between(r, 300, 800)), between(r, 150, 400), callerRms, r);
    }
    mark('said', end + samples(between(r, 0, 150)));
    return end;
  };
  const turn = (kind: 'say' | 'interrupt', from: number, to: number, answer?: number) => {
    truth.turns.push({
      kind,
      fromMs: msOf(from),
      toMs: msOf(to),
      outcome: answer === undefined ? 'missed' : 'answered',
      ...(answer === undefined ? {} : { latencyMs: msOf(answer - to) }),
    });
  };
  let at = samples(between(r, 60, 1_500));
  truth.greetingDelayMs = msOf(at);
  at = reply(at, between(r, 300, 800));
  const rounds = 1 + Math.floor(r() * 2);
  for (let i = 0; i < rounds; i++) {
    const gap = between(r, 300, 800);
    const from = at + samples(gap);
    const to = say('say', from, between(r, 250, 800));
    const drawn = oneOf(r, [
      'answer',
      'answer',
      'early',
      'late',
      'missed',
      'cut in',
      'interrupted',
      'stubborn',
      'attended',
      'together',
      'blip',
    ]);
    // Into a short word nobody cuts more than 100 ms from both its ends.
    const kind = (drawn === 'cut in' || drawn === 'blip') && msOf(to - from) < 280 ? 'answer' : drawn;
    if (kind === 'missed') {
      turn('say', from, to);
      at = to + samples(between(r, 3_550, 3_800));
      continue;
    }
    if (kind === 'cut in') {
      const begin = to - samples(between(r, 130, Math.min(700, msOf(to - from) - 130)));
      turn('say', from, to, begin);
      // Where the caller paused, less than all of it is heard at once.
      truth.agentInterruptions.push({ atMs: msOf(begin), overlapMs: Number.NaN });
      at = speakExactly(agent, begin, msOf(to - begin) + between(r, 300, 900), agentRms, r);
      continue;
    }
    if (kind === 'together') {
      // Both begin at once, one a little sooner; nobody interrupts, and what the agent says so is no answer to it, but to a turn before that has none yet.
      const begin = from + samples(between(r, -Math.min(75, gap - 265), 75));
      const before = truth.turns.at(-1);
      if (before?.outcome === 'missed') {
        before.outcome = 'answered';
        before.latencyMs = msOf(begin) - before.toMs;
      }
      const silent = speakExactly(agent, begin, between(r, 110, msOf(to - from) + 900), agentRms, r);
      if (r() < 0.3) {
        turn('say', from, to);
        at = Math.max(to, silent) + samples(between(r, 3_550, 3_800));
        continue;
      }
      const again = Math.max(to, silent) + samples(between(r, 350, 900));
      turn('say', from, to, again);
      at = reply(again, between(r, 300, 700));
      continue;
    }
    // A sound of the agent's that is too short to be speech against anybody.
    if (kind === 'blip') speakExactly(agent, from + samples(between(r, 120, 140)), between(r, 60, 80), agentRms, r);
    const wait =
      kind === 'early' ? between(r, 20, 180) : kind === 'late' ? between(r, 2_800, 3_300) : between(r, 250, 2_000);
    const begin = to + samples(wait);
    turn('say', from, to, begin);
    if (kind === 'interrupted' || kind === 'stubborn') {
      const over = begin + samples(between(r, 400, 900));
      const left = kind === 'interrupted' ? between(r, 150, 1_500) : between(r, 2_200, 2_600);
      const silent = speakExactly(agent, begin, msOf(over - begin) + left, agentRms, r);
      const spoken = say('interrupt', over, between(r, 250, 600));
      truth.callerInterruptions.push({
        atMs: msOf(over),
        yielded: kind === 'interrupted',
        ...(kind === 'interrupted' ? { yieldMs: left } : {}),
      });
      const again = Math.max(spoken, silent) + samples(between(r, 350, 900));
      turn('interrupt', over, spoken, again);
      at = reply(again, between(r, 300, 700));
    } else if (kind === 'attended') {
      const heard = begin + samples(between(r, 500, 900));
      const held = r() < 0.5;
      const left = held ? between(r, 1_200, 1_800) : between(r, 200, 850);
      at = speakExactly(agent, begin, msOf(heard - begin) + left, agentRms, r);
      const done = say('backchannel', heard, 100);
      truth.distractions.push({ kind: 'backchannel', during: 'speech', held, ...(held ? {} : { afterMs: left }) });
      at = Math.max(at, done);
    } else at = reply(begin, between(r, 300, 700));
  }
  const end = at + samples(500);
  mark('hang-up', end);
  return {
    tape: {
      rate: RATE,
      caller: throughLine(caller.subarray(0, end), lineOf(r), callerRms),
      agent: throughLine(agent.subarray(0, end), lineOf(r), agentRms),
    },
    marks,
    truth,
  };
}
