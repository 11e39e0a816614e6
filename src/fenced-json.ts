/**
 * Reads JSON as models write it: alone, or in a fence of Markdown. Takes time in proportion to its length, whatever it is: a model that is asked for JSON may well answer with
 * a hundred thousand spaces. Throws as `JSON.parse` does.
 */
export function parseFencedJson(text: string): unknown {
  const whole = text.trim();
  const from = whole.startsWith('```json') ? 7 : whole.startsWith('```') ? 3 : 0;
  return JSON.parse(whole.slice(from, whole.endsWith('```') ? -3 : undefined));
}
