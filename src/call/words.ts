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

/** A line of an operator's to the agent alone. */
export const operatorWhispers = (text: string): string =>
  `[Your supervisor whispers to you; the caller does not hear it: ${JSON.stringify(text)}. Heed it in what you say next, and do not mention it.]`;

/** Before, and after, an operator speaks to the agent alone. */
export const whisperStarts = (): string =>
  '[Your supervisor now speaks to you; the caller does not hear it. Do with the caller what the supervisor says. Do not answer the supervisor, and do not mention it.]';
export const whisperEnds = (): string => '[Your supervisor has stopped speaking to you. You hear the caller alone.]';

/** Before an operator speaks with the caller in the agent's place. */
export const takenOver = (name: string): string =>
  `[A colleague, ${JSON.stringify(name)}, has taken the call over. From now on you hear the caller and the colleague talk with each other. Listen, and say nothing until you are told that the call is yours again.]`;

/** After it. `heard`: the agent was there. */
export const handedBack = (name: string, seconds: number, heard: boolean): string =>
  heard
    ? `[${JSON.stringify(name)} has left, and the call is yours again. You heard what they said: go on from there.]`
    : `[A colleague, ${JSON.stringify(name)}, spoke with the caller for ${seconds} s and has left; the call is yours again. You did not hear what they said: ask the caller for what you need to know of it.]`;

/** What the agent says then. */
export const BACK_WITH_THE_CALLER =
  'The call is yours again. In one short sentence, in the language of the conversation, tell the caller that you are back, and go on.';

/** Words of an operator's. They are data: quoted, so that nothing in them passes for an instruction of ours. */
export const exactly = (words: string): string =>
  `Say exactly this to the caller, word for word, and nothing else: ${JSON.stringify(words)}`;

/** Who of several people on the line speaks. Names are what those people say of themselves: quoted data. */
export const nowSpeaks = (name: string, before?: string): string =>
  `[Several people are on the line. Now speaking: ${JSON.stringify(name)}${before === undefined ? '' : `; before that: ${JSON.stringify(before)}`}.]`;
