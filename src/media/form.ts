/**
 * The form of audio that a caller's side has, so that an agent which can meets it in the same: `pcmu` is mu-law at 8 kHz, as telephone networks carry
 * it; `pcm16` is linear and wideband. An agent that has another rate of its own keeps it: whoever joins the two converts.
 */
export type AudioForm = 'pcmu' | 'pcm16';
