import { z } from 'zod';

/** What the simulated text model makes of a conversation: by a script, the same each time. */

const property = z.looseObject({ type: z.unknown(), enum: z.array(z.union([z.string(), z.null()])).optional() });
const question = z.object({
  conversation: z.array(z.object({ speaker: z.string(), text: z.string() })),
  wanted: z.looseObject({
    properties: z.looseObject({
      summary: z.unknown().optional(),
      outcome: property.optional(),
      fields: z.looseObject({ properties: z.record(z.string(), property) }).optional(),
    }),
  }),
});

/**
 * The answer to such a question; undefined where it is another. The summary tells who said what first and last; an outcome, or a value out of a list, is the first one
 * whose words were said; a number the first that was said in digits; a boolean whether the caller said "yes"; any other text what the caller said last.
 */
export function aftermathOf(asked: unknown): string | undefined {
  const read = question.safeParse(asked);
  if (!read.success) return undefined;
  const { conversation, wanted } = read.data;
  const { summary, outcome, fields } = wanted.properties;
  const all = conversation.map(({ text }) => text.toLowerCase()).join('\n');
  const byCaller = conversation.filter(({ speaker }) => speaker === 'caller').map(({ text }) => text);
  const listed = (values: ReadonlyArray<string | null>) =>
    values.find((value) => value !== null && all.includes(value.toLowerCase())) ?? null;
  const answerFor = ({ type, enum: values }: z.infer<typeof property>) => {
    const types = [type].flat();
    if (values !== undefined) return listed(values);
    if (types.includes('number')) return Number(/\d+(?:\.\d+)?/.exec(all)?.[0] ?? Number.NaN) || null;
    if (types.includes('boolean')) return byCaller.some((text) => /\byes\b/i.test(text));
    return byCaller.at(-1) ?? null;
  };
  return JSON.stringify({
    ...(summary === undefined
      ? {}
      : {
          summary: `The caller began with: ${byCaller[0] ?? 'nothing'} The last word was: ${conversation.at(-1)?.text ?? 'nothing'}`,
        }),
    ...(outcome === undefined ? {} : { outcome: listed(outcome.enum ?? []) }),
    ...(fields === undefined
      ? {}
      : { fields: Object.fromEntries(Object.entries(fields.properties).map(([name, one]) => [name, answerFor(one)])) }),
  });
}
