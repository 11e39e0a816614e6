/** What a caller is told where no agent can tell it: by the carrier's own voice, or by a recording. */
export interface Words {
  /** Language of the texts, BCP 47; the carrier's own choice (American English) without it. */
  readonly language?: string | undefined;
  /** Voice as the carrier names it: man, woman, Polly.Vicki-Neural; its own choice without it. */
  readonly voice?: string | undefined;
  /** Said to a caller whose call had to be given up. */
  readonly fallback?: string | undefined;
  /** Said to a caller who is turned away; `off`: the network's busy signal. */
  readonly busy?: string | undefined;
  /** WAV file that is played to a caller whose agent is lost. */
  readonly apology?: string | undefined;
}

/** Whether a text is a language tag, BCP 47. */
export function isLanguage(text: string): boolean {
  try {
    // Carriers want no more than a language, a script and a region.
    return Intl.getCanonicalLocales(text).length === 1 && text.length <= 35;
  } catch {
    return false;
  }
}

/** Whether a text can be the name of a carrier's voice. Which there are is the carrier's to say. */
export function isVoice(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9._:-]{1,99}$/.test(text);
}

/** Longest text that is said, characters: the carriers' own limit. https://www.twilio.com/docs/voice/twiml/say */
export const SAY_MOST = 4_096;

export const LANGUAGE_RULE = 'must be a language such as de-DE (BCP 47)';
export const VOICE_RULE = "must be a carrier's voice, such as woman or Polly.Vicki-Neural";

/** Whether a setting says that nothing is said. */
export function isOff(text: string): boolean {
  return /^(off|false|no|0)$/i.test(text);
}
