/** The criteria without words in quotes that the scripted judge understands: two forms, by rules. */

export interface Verdict {
  readonly verdict: 'pass' | 'fail' | 'maybe';
  /** The line that decides; empty where none does. */
  readonly quote: string;
  readonly reason: string;
}

export interface Line {
  readonly speaker: string;
  readonly text: string;
}

/** What can be repeated, and how the words of it look. */
const KINDS = {
  day: /\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today)\b/g,
  time: /\b(?:\d{1,2}:\d{2}|(?<=\bat )(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)|noon|midnight)\b/g,
} as const;
type Kind = keyof typeof KINDS;

const REPEATED = /\bagent repeated ((?:the (?:day|time)(?:,? and )?)+) before it (\w+)\W*$/i;
const ASKED_TWICE = /\bagent (?:did not ask|never asked) for the same thing twice\W*$/i;

/** The verdict on such a criterion; undefined where it has another form. */
export function plainVerdict(criterion: string, conversation: readonly Line[]): Verdict | undefined {
  const [, things, verb] = REPEATED.exec(criterion) ?? [];
  if (things !== undefined && verb !== undefined) {
    const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => things.toLowerCase().includes(kind));
    return repeatedBefore(kinds, verb.toLowerCase(), conversation);
  }
  return ASKED_TWICE.test(criterion) ? askedTwice(conversation) : undefined;
}

/** Each of them was said by the caller, and behind that by the agent, in a line before the one in which it says that it did. */
function repeatedBefore(kinds: readonly Kind[], verb: string, conversation: readonly Line[]): Verdict {
  const done = conversation.findIndex(
    ({ speaker, text }) => speaker === 'agent' && text.toLowerCase().match(/\w+/g)?.includes(verb),
  );
  if (done < 0) return { verdict: 'maybe', quote: '', reason: `The agent did not say that it ${verb}.` };
  const before = conversation.slice(0, done);
  let quote = '';
  for (const kind of kinds) {
    const said = before.findIndex(({ speaker, text }) => speaker === 'caller' && valuesOf(kind, text).length > 0);
    if (said < 0) return { verdict: 'maybe', quote: '', reason: `The caller named no ${kind}.` };
    const wanted = valuesOf(kind, before[said]!.text);
    const again = before
      .slice(said + 1)
      .find(({ speaker, text }) => speaker === 'agent' && valuesOf(kind, text).some((one) => wanted.includes(one)));
    if (again === undefined) {
      const { text } = conversation[done]!;
      return { verdict: 'fail', quote: text, reason: `The agent had not repeated the ${kind} before that.` };
    }
    quote = again.text;
  }
  return { verdict: 'pass', quote, reason: `The agent repeated the ${kinds.join(' and the ')} before it ${verb}.` };
}

const valuesOf = (kind: Kind, text: string): readonly string[] => text.toLowerCase().match(KINDS[kind]) ?? [];

/** No question of the agent's has the words of an earlier one. */
function askedTwice(conversation: readonly Line[]): Verdict {
  const asked = new Set<string>();
  for (const { speaker, text } of conversation) {
    if (speaker !== 'agent') continue;
    for (const [question] of text.matchAll(/[^.!?]+\?/g)) {
      const bare =
        question
          .toLowerCase()
          .match(/[\p{L}\p{N}]+/gu)
          ?.join(' ') ?? '';
      if (asked.has(bare)) return { verdict: 'fail', quote: question.trim(), reason: 'The agent asked that before.' };
      asked.add(bare);
    }
  }
  return { verdict: 'pass', quote: '', reason: 'The agent asked nothing twice in the same words.' };
}
