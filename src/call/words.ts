/** What the agent is asked to say by the call itself, beside what its prompt says. */

/** For a caller who is back after a break of the line. */
export const ASK_TO_GO_ON =
  'The telephone line broke for a moment and the caller is back. Say so in one short sentence, then go on where you were.';

/** For a goodbye that the agent did not say by itself. */
export const SAY_GOODBYE = 'Say goodbye to the caller in one short sentence.';

/** For a line on which nobody speaks. */
export const ASK_WHETHER_THERE =
  'The caller has said nothing for a while. Ask in one short sentence, in the language of the conversation, whether they are still there.';

/** For a caller who was asked that and does not answer. */
export const GIVE_UP =
  'The caller does not answer any more. In one short sentence, say that you hear nothing and end the call now, and say goodbye.';

/** For callers who are still there when the service has to stop. */
export const SAY_WE_CLOSE =
  'The line has to be closed now. In one or two short sentences, in the language of the conversation, apologise for that, ask the caller to call again, and say goodbye. Do not ask anything.';

/** A word while a tool takes long. */
export const filler = (words: string): string => `Say only this, in the caller's language: ${words}`;

/** Words of an operator's. They are data: quoted, so that nothing in them passes for an instruction of ours. */
export const exactly = (words: string): string =>
  `Say exactly this to the caller, word for word, and nothing else: ${JSON.stringify(words)}`;
