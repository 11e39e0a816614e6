/**
 * Whether sound repeats itself as voices and tones do, and hiss, however loud, does not. Looked at in 8 kHz: 25 ms against themselves, 2 to 13.4 ms
 * earlier (75 to 500 Hz and the multiples of both).
 */

/** Hz of what is looked at. */
export const VOICING_RATE = 8_000;
const WINDOW = 200;
const LAG_MIN = 16;
const LAG_MAX = 107;
/** Samples that a look needs before its end. */
export const VOICING_HISTORY = WINDOW + LAG_MAX;
/** How alike sound and what came before it are (their correlation) from which it is periodic. */
const VOICED = 0.5;

/**
 * Whether the `VOICING_HISTORY` samples before `end` hold something periodic. `x` is at 8 kHz, and emphasised: without that the low frequencies of rumble
 * would look periodic at every lag. `least`: the correlation from which it is; of white noise it is hardly ever above 0.3.
 */
export function isVoiced(x: Float64Array, end: number, least = VOICED): boolean {
  let own = 0;
  let lagged = 0;
  for (let i = end - WINDOW; i < end; i++) own += x[i]! * x[i]!;
  for (let i = end - WINDOW - LAG_MIN; i < end - LAG_MIN; i++) lagged += x[i]! * x[i]!;
  for (let lag = LAG_MIN; lag <= LAG_MAX; lag++) {
    let product = 0;
    for (let i = end - WINDOW; i < end; i++) product += x[i]! * x[i - lag]!;
    if (product > 0 && product * product > least * least * own * lagged) return true;
    const next = end - WINDOW - lag - 1;
    if (next >= 0) lagged += x[next]! * x[next]! - x[next + WINDOW]! * x[next + WINDOW]!;
  }
  return false;
}
