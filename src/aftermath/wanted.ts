import { parseFencedJson } from '../fenced-json.ts';
import type { Wanted } from '../prompts/after-call.ts';

/** What is made of a call that is over, and how it is asked for. */

/** What was made of a call. What the conversation does not tell is null. */
export interface Made {
  readonly summary: string | null;
  readonly outcome: string | null;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

/** A line of the conversation. */
export interface Line {
  readonly speaker: 'caller' | 'agent' | 'operator';
  readonly text: string;
}

/** Longest summary and longest text of a field that are kept, UTF-16 units. */
const SUMMARY_MOST = 2_000;
const TEXT_MOST = 1_000;

/** The form of the answer as JSON Schema, for services that keep to one: https://platform.openai.com/docs/guides/structured-outputs */
export function formOf({ summary, outcome, fields = {} }: Wanted): Record<string, unknown> {
  const object = (properties: Record<string, unknown>) => ({
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties),
    properties,
  });
  return object({
    ...(summary ? { summary: { type: 'string' } } : {}),
    ...(outcome === undefined ? {} : { outcome: { type: ['string', 'null'], enum: [...outcome, null] } }),
    ...(Object.keys(fields).length === 0
      ? {}
      : {
          fields: object(
            Object.fromEntries(
              Object.entries(fields).map(([name, { type, description, values }]) => [
                name,
                {
                  type: [type, 'null'],
                  ...(description === undefined ? {} : { description }),
                  ...(values === undefined ? {} : { enum: [...values, null] }),
                },
              ]),
            ),
          ),
        }),
  });
}

/** What of an answer is as it was asked for; undefined where it is no JSON object. What is of another type, or none of the values, is null: a model's word is a claim. */
export function madeOf(content: string, { summary, outcome, fields = {} }: Wanted): Made | undefined {
  let said: unknown;
  try {
    said = parseFencedJson(content);
  } catch {
    return undefined;
  }
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return undefined;
  const all = said as Record<string, unknown>;
  const found =
    typeof all['fields'] === 'object' && all['fields'] !== null ? (all['fields'] as Record<string, unknown>) : {};
  const text = (value: unknown, most: number) =>
    typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, most).toWellFormed() : null;
  return {
    summary: summary ? text(all['summary'], SUMMARY_MOST) : null,
    outcome: outcome?.find((one) => one === all['outcome']) ?? null,
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, { type, values }]) => {
        const value = Object.hasOwn(found, name) ? found[name] : null;
        if (type === 'string') {
          const written = text(value, TEXT_MOST);
          return [name, written !== null && values?.includes(written) === false ? null : written];
        }
        return [
          name,
          typeof value === type && (type !== 'number' || Number.isFinite(value)) ? (value as number | boolean) : null,
        ];
      }),
    ),
  };
}
