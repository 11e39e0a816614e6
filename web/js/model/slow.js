/**
 * An answer that took so long, or longer, is slow, ms from the caller's last word to the first sound that he hears: within it is heard as a conversation's. The console
 * has no other meaning of the word, wherever it marks, counts, sorts or links; it is what `slowMs` of the records finds.
 */
export const SLOW_MS = 1_000;

/** @param {number} ms that an answer took */
export const isSlow = (ms) => ms >= SLOW_MS;
