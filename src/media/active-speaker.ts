import { rmsDbfs, staysWithin } from './level.ts';

/**
 * Who speaks, by how loud each voice is in each frame of 20 ms. Pure: counts frames, not time. Each voice is measured against its own noise, so that a
 * quiet microphone is heard beside a loud one, and a fan is nobody.
 */

/** Frames above the noise until somebody speaks: 40 ms. */
const ONSET_FRAMES = 2;
/** Frames without until nobody does: 400 ms, the pause between two words. */
const HANGOVER_FRAMES = 20;
/** How far above its noise a voice is, dB. */
const ABOVE_NOISE_DB = 10;
/** Nothing below is a voice, dBFS. */
const QUIETEST_DBFS = -50;
/** What a voice's noise is taken for until it is known, and the bounds of it, dBFS. */
const NOISE_DBFS = { start: -60, least: -75, most: -38 } as const;
/** How fast noise is learnt to be louder: 1 dB a second. */
const NOISE_RISE_DB = 0.02;
/** By how much, dB, and how long, frames, another must be louder to take over from who still speaks: 300 ms. */
const LOUDER_DB = 6;
const LOUDER_FRAMES = 15;
/** Share of a new frame in a voice's smoothed level: about 100 ms. */
const SMOOTHING = 0.2;

/** Whether one voice speaks. */
export class VoiceActivity {
  #noise: number = NOISE_DBFS.start;
  #above = 0;
  #below: number = HANGOVER_FRAMES;
  #speaking = false;
  #level = -127;

  /** Smoothed level, dBFS. */
  get level(): number {
    return this.#level;
  }

  /** It speaks, pauses between its words included. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** The last frame itself was above the noise. */
  get sounding(): boolean {
    return this.#below === 0;
  }

  /** What is louder than this, dBFS, sounds. */
  get threshold(): number {
    return Math.max(this.#noise + ABOVE_NOISE_DB, QUIETEST_DBFS);
  }

  /** Takes the level of the next frame, dBFS. */
  next(level: number): void {
    const { threshold } = this;
    this.#learn(level);
    this.#judge(level, threshold);
  }

  /** Takes the next frame itself. Of digital silence no noise is learnt: it fills a gap, or stands for what was not sent, on however noisy a line. */
  hear(frame: Int16Array): void {
    const { threshold } = this;
    const level = rmsDbfs(frame);
    if (!staysWithin(frame, 0)) this.#learn(level);
    this.#judge(level, threshold);
  }

  #learn(level: number): void {
    const noise = level < this.#noise ? (this.#noise + level) / 2 : this.#noise + NOISE_RISE_DB;
    this.#noise = Math.min(NOISE_DBFS.most, Math.max(NOISE_DBFS.least, noise));
  }

  #judge(level: number, threshold: number): void {
    this.#level = Math.max(-127, this.#level + (level - this.#level) * SMOOTHING);
    if (level > threshold) {
      this.#above++;
      this.#below = 0;
      if (this.#above >= ONSET_FRAMES) this.#speaking = true;
    } else {
      this.#above = 0;
      this.#below++;
      if (this.#below >= HANGOVER_FRAMES) this.#speaking = false;
    }
  }
}

/**
 * Whose voice is taken where only one can be. Who has it keeps it until another speaks while he does not, or is clearly louder for a while: a
 * cough does not take the word, and after a pause the same person goes on without anything being cut.
 */
export class ActiveSpeaker<K> {
  #current: K | undefined;
  #louder = 0;
  #challenger: K | undefined;

  get current(): K | undefined {
    return this.#current;
  }

  /** Decides after each frame, of all voices that there are. Undefined while nobody has ever spoken of those. */
  next(voices: ReadonlyMap<K, Pick<VoiceActivity, 'level' | 'speaking'>>): K | undefined {
    const holder = this.#current === undefined ? undefined : voices.get(this.#current);
    if (holder === undefined) this.#current = undefined;
    let loudest: K | undefined;
    let level = Number.NEGATIVE_INFINITY;
    for (const [key, voice] of voices) {
      if (key === this.#current || !voice.speaking || voice.level <= level) continue;
      loudest = key;
      level = voice.level;
    }
    const takes =
      loudest !== undefined && (holder === undefined || !holder.speaking || this.#outlasts(loudest, level, holder));
    if (loudest === undefined || level < (holder?.level ?? level) + LOUDER_DB) this.#louder = 0;
    if (takes) {
      this.#current = loudest;
      this.#louder = 0;
    }
    return this.#current;
  }

  #outlasts(challenger: K, level: number, holder: Pick<VoiceActivity, 'level'>): boolean {
    if (level < holder.level + LOUDER_DB) return false;
    this.#louder = challenger === this.#challenger ? this.#louder + 1 : 1;
    this.#challenger = challenger;
    return this.#louder >= LOUDER_FRAMES;
  }
}
