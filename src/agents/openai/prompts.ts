/**
 * The few words the bridge itself puts to the model. A response's own instructions replace those of the session, so each begins with
 * them.
 */

function join(base: string | undefined, words: string): string {
  return base === undefined || base === '' ? words : `${base}\n\n${words}`;
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

/** The session broke after the caller spoke and before the words were understood. */
export function repeatPrompt(base: string | undefined): string {
  return join(
    base,
    'The line to you broke for a moment and what the caller said last was lost. Ask the caller in one short sentence to say it again.',
  );
}

const TAIL_CHARS = 400;

function tail(text: string): string {
  return text.length <= TAIL_CHARS ? text : `...${text.slice(-TAIL_CHARS)}`;
}
