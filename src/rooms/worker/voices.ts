import { ActiveSpeaker, type VoiceActivity } from '../../media/active-speaker.ts';
import { Mixer } from '../../media/mix.ts';
import { ROOM_FRAME_MS, type RoomAudio } from '../room.ts';
import { Voice } from './voice.ts';

/** What is kept of each voice for the moment at which it takes the word, so that its first syllable is heard: 120 ms. */
const PREROLL_FRAMES = 6;
/**
 * What is kept of one that speaks and has to wait for the word, since it began in the pause in which the one before is still taken to speak, as people do who
 * answer each other, or was not louder for long enough: both waits are over in 400 ms.
 */
const WAITING_FRAMES = 26;

export interface Heard {
  readonly identity: string;
  readonly level: number;
}

/** One frame of the room. Borrowed until the next. */
export interface RoomFrame {
  readonly samples: Int16Array;
  /** Nobody's audio is in it. */
  readonly silent: boolean;
  readonly by: readonly Heard[];
}

type Speaking = Pick<VoiceActivity, 'level' | 'speaking'>;

/** A frame of a voice in picking, with whether it is above the voice's noise. */
interface Kept {
  readonly samples: Int16Array;
  readonly level: number;
  readonly sounding: boolean;
}

function withWordsLeft({ level, speaking }: VoiceActivity, kept: readonly Kept[]): Speaking {
  const left = { level, speaking };
  for (const { sounding, level: ofIt } of kept) {
    if (!sounding) continue;
    left.speaking = true;
    left.level = Math.max(left.level, ofIt);
  }
  return left;
}

/** The people's voices as one stream on one clock: `next` is called every 20 ms, and waits for nobody. */
export class Voices {
  readonly #mode: RoomAudio;
  readonly #now: () => number;
  readonly #mixer: Mixer;
  readonly #voices = new Map<string, Voice>();
  readonly #active = new ActiveSpeaker<string>();
  /** In picking: what came of each voice lately, oldest first. Of who has the word, what was not sent yet. */
  readonly #kept = new Map<string, Kept[]>();
  #picked: string | undefined;
  #missing = 0;

  /** `now`: monotonic ms. */
  constructor(mode: RoomAudio, rate: number, now: () => number) {
    this.#mode = mode;
    this.#now = now;
    this.#mixer = new Mixer((rate * ROOM_FRAME_MS) / 1000, rate);
  }

  /** Frames that were not there in time, of all voices. */
  get missing(): number {
    let missing = this.#missing;
    for (const voice of this.#voices.values()) missing += voice.missing;
    return missing;
  }

  /** How long a frame waits here, in the mean, ms: of the voices that are here the worst. */
  get waitMs(): number | undefined {
    const waits = [...this.#voices.values()].flatMap(({ wait }) => wait.ms ?? []);
    return waits.length === 0 ? undefined : Math.max(...waits);
  }

  /** The same of the frames that were taken since this was asked before. */
  takeLately(): number | undefined {
    const waits = [...this.#voices.values()].flatMap(({ wait }) => wait.takeLately() ?? []);
    return waits.length === 0 ? undefined : Math.max(...waits);
  }

  open(identity: string, trackSid: string, muted: boolean): void {
    const voice = this.#voices.get(trackSid) ?? new Voice(identity, trackSid, this.#now);
    voice.muted = muted;
    this.#voices.set(trackSid, voice);
  }

  close(trackSid: string): void {
    this.#missing += this.#voices.get(trackSid)?.missing ?? 0;
    this.#voices.delete(trackSid);
    this.#kept.delete(trackSid);
  }

  has(trackSid: string): boolean {
    return this.#voices.has(trackSid);
  }

  get sids(): readonly string[] {
    return [...this.#voices.keys()];
  }

  push(trackSid: string, frame: Int16Array): void {
    this.#voices.get(trackSid)?.push(frame);
  }

  /** `owed`: so many more are asked for at once. */
  next(owed = 0): RoomFrame {
    return this.#mode === 'mix' ? this.#mix(owed) : this.#pick(owed);
  }

  /** What was due is taken: nothing that came waits longer than between two ticks. */
  settle(): void {
    for (const voice of this.#voices.values()) voice.settle();
  }

  #mix(owed: number): RoomFrame {
    const by: Heard[] = [];
    let silent = true;
    for (const voice of this.#voices.values()) {
      const frame = voice.next(owed);
      if (frame === undefined) continue;
      silent = false;
      this.#mixer.add(frame);
      if (voice.activity.sounding) by.push({ identity: voice.identity, level: voice.level });
    }
    by.sort((a, b) => b.level - a.level);
    return { samples: this.#mixer.finish(), silent, by };
  }

  #pick(owed: number): RoomFrame {
    const activity = new Map<string, Speaking>();
    for (const [sid, voice] of this.#voices) {
      const kept = this.#keep(sid, voice, owed);
      // Who has the word has it until what is left of his words is sent, and is as loud as they are.
      activity.set(sid, sid === this.#picked ? withWordsLeft(voice.activity, kept) : voice.activity);
    }
    const before = this.#picked;
    // Alone nobody has to take the word.
    const only = this.#voices.size === 1 ? this.#voices.keys().next().value : undefined;
    this.#picked = this.#active.next(activity) ?? only;
    const kept = this.#picked === undefined ? undefined : this.#kept.get(this.#picked);
    const frame = kept?.shift();
    if (frame === undefined) return { samples: this.#mixer.finish(), silent: true, by: [] };
    // The beginning that was made up for is caught up with in the pauses.
    if (kept!.length > 0 && !frame.sounding && !kept![0]!.sounding) kept!.shift();
    this.#mixer.add(frame.samples, 1, before !== this.#picked);
    const identity = this.#voices.get(this.#picked!)!.identity;
    return {
      samples: this.#mixer.finish(),
      silent: false,
      by: frame.sounding ? [{ identity, level: frame.level }] : [],
    };
  }

  #keep(sid: string, voice: Voice, owed: number): readonly Kept[] {
    const samples = voice.next(owed);
    const kept = this.#kept.get(sid) ?? [];
    this.#kept.set(sid, kept);
    const isHeard = sid === this.#picked || voice.activity.speaking;
    if (samples !== undefined) kept.push({ samples, level: voice.level, sounding: voice.activity.sounding });
    // What is from before a mute, or a hole in what comes, is no beginning of what comes after it. Words that were said and not sent yet stay.
    else if (!isHeard) kept.splice(0, voice.muted ? kept.length : 1);
    const most = isHeard ? WAITING_FRAMES : PREROLL_FRAMES;
    if (kept.length > most) kept.splice(0, kept.length - most);
    return kept;
  }
}
