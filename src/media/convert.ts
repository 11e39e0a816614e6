/**
 * Conversion of a whole clip to another sample rate, whichever the two are: for files that are read once. What flows is the resampler's
 * (`resample.ts`), which knows only the rates of telephony.
 */

/** Zero crossings of the filter on either side: its stop band is then some 80 dB down with the window below. */
const CROSSINGS = 24;
const KAISER_BETA = 8;
/** Places at which half the filter is known; between two it is a straight line, which is off by less than 16 bits can tell. */
const PLACES = 16_384;
/** Share of the lower rate's half that is kept; the rest is the filter's slope. */
const PASS = 0.94;

/**
 * The clip at `to` Hz, by windowed-sinc interpolation (J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/).
 * Takes time in proportion to its length. Throws a RangeError for a rate that is not a positive number.
 */
export function convertRate(samples: Int16Array, from: number, to: number): Int16Array {
  if (!(from > 0 && to > 0)) throw new RangeError(`not rates: ${from} and ${to}`);
  if (from === to) return samples;
  // Going down, the filter is as wide as the lower rate asks, so that nothing folds back.
  const cutoff = Math.min(1, to / from) * PASS;
  const reach = CROSSINGS / cutoff;
  const out = new Int16Array(Math.floor((samples.length * to) / from));
  for (let i = 0; i < out.length; i++) {
    const at = (i * from) / to;
    const first = Math.max(0, Math.ceil(at - reach));
    const last = Math.min(samples.length - 1, Math.floor(at + reach));
    let sum = 0;
    let weight = 0;
    for (let j = first; j <= last; j++) {
      const place = (Math.abs(j - at) / reach) * PLACES;
      const below = Math.trunc(place);
      const left = FILTER[below] ?? 0;
      const w = left + ((FILTER[below + 1] ?? 0) - left) * (place - below);
      sum += w * (samples[j] ?? 0);
      weight += w;
    }
    // Divided by what the taps add up to, a constant stays one wherever between two samples it is looked at; at the ends it falls off.
    const whole = first === 0 || last === samples.length - 1 ? 1 / cutoff : weight;
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum / whole)));
  }
  return out;
}

/** All channels as one, each with its share. */
export function mixDown(channels: readonly Int16Array[]): Int16Array {
  const [only = new Int16Array()] = channels;
  if (channels.length <= 1) return only;
  return Int16Array.from(only, (_, i) =>
    Math.round(channels.reduce((sum, channel) => sum + (channel[i] ?? 0), 0) / channels.length),
  );
}

/** The windowed sinc from its middle to its end. */
const FILTER = Float64Array.from({ length: PLACES + 1 }, (_, i) => {
  const x = i / PLACES;
  const angle = Math.PI * x * CROSSINGS;
  const sinc = i === 0 ? 1 : Math.sin(angle) / angle;
  return (sinc * bessel(KAISER_BETA * Math.sqrt(1 - x * x))) / bessel(KAISER_BETA);
});

/** The modified Bessel function of order 0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-9; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
