/**
 * The few words the bridge itself puts to the model. A response's own instructions replace those of the session, so each begins with
 * them.
 */

function join(base: string | undefined, words: string): string {
  return base === undefined || base === '' ? words : `${base}\n\n${words}`;
}

/** What the response to an order of exact words is asked for with: it cannot call a tool in place of saying them. */
export function exactly(instructions: string): Readonly<Record<string, unknown>> {
  return { instructions, tool_choice: 'none' };
}

/** Opens the call with these words. */
export function greetingPrompt(base: string | undefined, words: string): string {
  return join(base, `The call has just begun. Open it by saying exactly this to the caller: "${words}"`);
}

/** One answer with instructions of its own. */
export function respondPrompt(base: string | undefined, instructions: string): string {
  return join(base, instructions);
}

/** The session broke while the model spoke; `heard` is how far the caller heard it. */
export function continuePrompt(base: string | undefined, heard: string): string {
  return join(
    base,
    'The line to you broke for a moment while you were speaking to the caller. The last words the caller heard were: ' +
      `"${tail(heard)}". Finish what you were saying from exactly there. Do not greet, do not apologise, do not repeat.`,
  );
}

/**
 * The caller's line broke together with the process that had the call, and he has been brought to this one. What it knows may lack the last
 * seconds, and the end of what was said last may have been heard by nobody. `unanswered`: the last words that are known are the caller's.
 */
export function backAgainPrompt(base: string | undefined, unanswered: boolean): string {
  const then = unanswered
    ? 'then answer what the caller said last.'
    : 'then go on where you were: if you were telling or asking something, say it again briefly, since its end may not have been heard.';
  return join(
    base,
    'The telephone line broke in the middle of this conversation and the caller has just been connected again. The last seconds of it may be ' +
      `missing here. In the language of the conversation, say in one short sentence that the line broke and that you are back, and ${then} ` +
      'Do not greet, do not introduce yourself, and ask nothing that was answered before.',
  );
}

/** The session broke after the caller spoke and before the words were understood. */
export function repeatPrompt(base: string | undefined): string {
  return join(
    base,
    'The line to you broke for a moment and what the caller said last was lost. Ask the caller in one short sentence to say it again.',
  );
}

/** The model wrote an answer in place of saying it. It is data: quoted, so that nothing in it passes for an instruction of ours. */
export function exactPrompt(base: string | undefined, words: string): string {
  return join(base, `Say exactly this to the caller, word for word, and nothing else: ${JSON.stringify(words)}`);
}

/** Two answers in a row were not heard. */
export function sorryPrompt(base: string | undefined): string {
  return join(
    base,
    'Your last answer did not reach the caller. In one short sentence, in the language of the conversation, say that you are sorry and ' +
      'could not answer that, and ask the caller to say it again.',
  );
}

/** The rest of an answer was held back for what it says. */
export function regretPrompt(base: string | undefined): string {
  return join(
    base,
    'You were stopped in the middle of your answer. In one short sentence, in the language of the conversation, say that you cannot say ' +
      'more about that, and ask what else you can do. Do not repeat any of it.',
  );
}

const TAIL_CHARS = 400;

function tail(text: string): string {
  return text.length <= TAIL_CHARS ? text : `...${text.slice(-TAIL_CHARS)}`;
}
