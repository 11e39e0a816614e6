/**
 * What was said and done in a conversation, in the order of it: all that another agent needs to go on from there. Words alone, since audio is
 * nobody's to keep; a caller's words as they were understood, an agent's as far as they are known to have been heard.
 */
export type Said =
  | { readonly kind: 'message'; readonly role: 'caller' | 'agent'; readonly text: string }
  | { readonly kind: 'tool_call'; readonly toolCallId: string; readonly name: string; readonly arguments: string }
  | { readonly kind: 'tool_result'; readonly toolCallId: string; readonly output: string };

/** Most of it that is kept of one call: what is older a model does without. */
const MOST_ITEMS = 60;
const MOST_CHARACTERS = 12_000;

/** The newest of it, as far as is worth keeping. A result stands with its call, or not at all. */
export function newestSaid(
  said: readonly Said[],
  { items = MOST_ITEMS, characters = MOST_CHARACTERS }: { items?: number; characters?: number } = {},
): readonly Said[] {
  let first = said.length;
  let left = characters;
  while (first > 0 && said.length - first < items) {
    left -= lengthOf(said[first - 1]!);
    // The newest stays, even where it alone is too long.
    if (left < 0 && first < said.length) break;
    first--;
  }
  const kept = said.slice(first);
  const called = new Set(kept.flatMap((one) => (one.kind === 'tool_call' ? [one.toolCallId] : [])));
  return kept.filter((one) => one.kind !== 'tool_result' || called.has(one.toolCallId));
}

function lengthOf(one: Said): number {
  if (one.kind === 'message') return one.text.length;
  return one.kind === 'tool_call' ? one.name.length + one.arguments.length : one.output.length;
}
