import type { Spoken } from '../webhook.ts';
import type { CommandFields } from './api.ts';

/** https://developers.telnyx.com/api-reference/call-commands/speak-text */

/** Longest text of one command, characters. */
const WORDS_MOST = 3_000;
/** A calm voice: 160 words a minute. And how long it may take to begin, ms. */
const MS_PER_WORD = 375;
const BEGIN_MS = 3_000;

/** The languages of the plain voice. */
const LANGUAGES = new Set(
  'arb cmn-CN cy-GB da-DK de-DE en-AU en-GB en-GB-WLS en-IN en-US es-ES es-MX es-US fr-CA fr-FR hi-IN is-IS it-IT ja-JP ko-KR nb-NO nl-NL pl-PL pt-BR pt-PT ro-RO ru-RU sv-SE tr-TR'.split(
    ' ',
  ),
);

/** A voice in Telnyx's spelling: what others write as `Polly.Vicki-Neural` is `AWS.Polly.Vicki-Neural`, and `woman` is `female`. */
export function telnyxVoice(name: string): string {
  if (/^polly\./i.test(name)) return `AWS.Polly.${name.slice('polly.'.length)}`;
  return name === 'woman' || name === 'alice' ? 'female' : name === 'man' ? 'male' : name;
}

/** What the command `speak` takes. A language that the plain voice does not have is left to its default. */
export function speech({ text, language, voice }: Spoken): CommandFields {
  return {
    payload: text.slice(0, WORDS_MOST),
    voice: telnyxVoice(voice ?? 'female'),
    ...(language !== undefined && LANGUAGES.has(language) ? { language } : {}),
  };
}

/** How long a text may take to be said until it is no longer waited for, ms. */
export const speechMs = (text: string): number =>
  BEGIN_MS + 2 * MS_PER_WORD * text.split(/\s+/).filter((word) => word !== '').length;
