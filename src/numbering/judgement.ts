import * as phone from 'libphonenumber-js/max';

/**
 * Which numbers there are, where they are and what they cost, by the numbering plans of all countries: libphonenumber's metadata, in full
 * (`max`), since the smaller sets know no types. It is loaded once.
 * https://github.com/google/libphonenumber, https://gitlab.com/catamphetamine/libphonenumber-js
 */

/** Why a number is not dialled, whatever any list says. */
export type NumberRefusal =
  /** No number of any plan: wrong length, a range that is not assigned, a short code, an extension, anything that is no digit. */
  | 'not_valid'
  /** Whoever is called, or a fraudster who owns the number, is paid by the caller. */
  | 'premium_rate'
  /** Police, fire brigade, ambulance. */
  | 'emergency';

export type NumberJudgement =
  | {
      readonly ok: true;
      /** E.164, without the trunk prefix that may have been in it: what is compared with lists, and what is dialled. */
      readonly number: string;
      /** Its country calling code, without `+`. */
      readonly code: string;
      /** Whether it is in the country that the calling code alone means: for `1` the United States and Canada, for `44` the United Kingdom and its islands. */
      readonly home: boolean;
      /** `special`: shared cost, personal, pager, a company's access number; `network`: satellites, and whatever else has no country. */
      readonly kind: 'ordinary' | 'special' | 'network';
    }
  | { readonly ok: false; readonly code: NumberRefusal };

/** What the library can tell of plans beside what its types say. */
interface Plans {
  /** Throws for a code that no country has. */
  selectNumberingPlan(code: string): void;
  readonly numberingPlan?: { nationalPrefix(): string | 0 };
  /** The country that is meant without further digits comes first; undefined for codes without a country. */
  getCountryCodesForCallingCode(code: string): readonly string[] | undefined;
}

const plans = () => new phone.Metadata() as unknown as Plans;

/** Countries beside the first of their calling code that are meant by it as well: one numbering plan, and about one price. */
const AT_HOME: Readonly<Record<string, readonly string[]>> = { '1': ['CA'], '44': ['GG', 'JE', 'IM'] };

const ORDINARY = new Set(['FIXED_LINE', 'MOBILE', 'FIXED_LINE_OR_MOBILE', 'TOLL_FREE', 'VOIP']);

/** What the library does not count as premium-rate: calling code and beginning of the national number. */
const MORE_PREMIUM: ReadonlyArray<readonly [code: string, national: RegExp]> = [
  // Exchange 976 of any area is pay-per-call: https://en.wikipedia.org/wiki/976_(telephone_exchange)
  ['1', /^[2-9]\d\d976/],
  // Personal numbers (070) are sold like premium rate: https://www.ofcom.org.uk/phones-and-broadband/phone-numbers
  ['44', /^70/],
];

/** Emergency calls behind an area code, which plans of open length count as subscribers. */
const EMERGENCY: ReadonlyArray<readonly [code: string, national: RegExp]> = [
  ['49', /^\d{2,5}11[02]$/],
  ['43', /^\d{1,4}1(?:12|22|33|44)$/],
];

/** Judges a number in international form, `+` and ASCII digits. Pure. */
export function judgeNumber(text: string): NumberJudgement {
  if (!/^\+[1-9]\d{1,19}$/.test(text)) return { ok: false, code: 'not_valid' };
  const parsed = phone.parsePhoneNumberFromString(text, { extract: false });
  if (parsed === undefined || !parsed.isValid() || parsed.ext !== undefined) return { ok: false, code: 'not_valid' };
  const { number, country, countryCallingCode: code, nationalNumber: national } = parsed;
  const among = (ranges: typeof EMERGENCY) => ranges.some(([of, range]) => of === code && range.test(national));
  if (among(EMERGENCY)) return { ok: false, code: 'emergency' };
  const type = parsed.getType();
  if (type === 'PREMIUM_RATE' || among(MORE_PREMIUM)) return { ok: false, code: 'premium_rate' };
  // +870 and +881 (satellites), +882, +883 and what else of the ITU's list has no country: https://www.itu.int/pub/T-SP-E.164D
  const countries = plans().getCountryCodesForCallingCode(code);
  const ordinary = type !== undefined && ORDINARY.has(type);
  return {
    ok: true,
    number,
    code,
    home: country !== undefined && [countries?.[0], ...(AT_HOME[code] ?? [])].includes(country),
    kind: countries === undefined ? 'network' : ordinary ? 'ordinary' : 'special',
  };
}

/**
 * Whether a beginning of numbers has a trunk prefix behind its country's code, as in +44 0 20: it is dialled within the country alone, so no
 * number in international form begins so.
 */
export function hasTrunkPrefix(prefix: string): boolean {
  for (let length = 1; length <= 3; length++) {
    const code = prefix.slice(1, 1 + length);
    if (plans().getCountryCodesForCallingCode(code) === undefined) continue;
    const national = prefix.slice(1 + length);
    // No area of the North American plan begins with 0 or 1: https://www.nanpa.com/numbering/area-codes
    if (code === '1') return /^[01]/.test(national);
    const plan = plans();
    plan.selectNumberingPlan(code);
    const trunk = plan.numberingPlan?.nationalPrefix();
    // Prefixes other than 0 are digits that numbers begin with, too.
    return typeof trunk === 'string' && trunk.startsWith('0') && national.startsWith(trunk);
  }
  return false;
}
