/** The two tones of each key of a telephone (ITU-T Q.23). */
export const LOW_HZ = [697, 770, 852, 941] as const;
export const HIGH_HZ = [1209, 1336, 1477, 1633] as const;
/** A row for each low tone, in it a key for each high one. */
export const KEYS = ['123A', '456B', '789C', '*0#D'] as const;
