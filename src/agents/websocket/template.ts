/**
 * What is written in place of code about somebody's messages: templates of what is sent, and paths into what comes. Pure.
 */

/** JSON with `{{name}}` in its texts. */
export type Template = unknown;

// The space around a name is taken off afterwards: a pattern that looked for its ends would try all of them, and these texts may be somebody else's.
const PLACE = /\{\{([^{}]*)\}\}/g;
const WHOLE = /^\{\{([^{}]*)\}\}$/;

/**
 * The template with its places filled. A text that is one place becomes the value as it is, of whatever type; within others values stand as texts. What
 * there is no value for is left out: an empty text, or no field.
 */
export function fillTemplate(template: Template, valueAt: (name: string) => unknown): unknown {
  if (typeof template === 'string') {
    const [, whole] = WHOLE.exec(template) ?? [];
    if (whole !== undefined) return valueAt(whole.trim());
    return template.replace(PLACE, (_, name: string) => textOf(valueAt(name.trim())));
  }
  if (Array.isArray(template)) return template.map((part) => fillTemplate(part, valueAt));
  if (typeof template !== 'object' || template === null) return template;
  const entries = Object.entries(template).map(([key, part]) => [key, fillTemplate(part, valueAt)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The names of the places in it. */
export function placesIn(template: Template): string[] {
  if (typeof template === 'string') return [...template.matchAll(PLACE)].map(([, name = '']) => name.trim());
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap(placesIn);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What is at a path of names and numbers with dots between them: `data.words.0.text`. Undefined where there is nothing. */
export function at(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}

/** Names of environment variables that a text refers to as `${NAME}`. */
export const variablesIn = (text: string): string[] =>
  [...text.matchAll(/\$\{([^{}]*)\}/g)].map(([, name = '']) => name);

/** The template with every `${NAME}` in its texts replaced. */
export function withVariables<T>(template: T, valueAt: (name: string) => string): T {
  const filled = (part: unknown): unknown => {
    if (typeof part === 'string') return part.replace(/\$\{([^{}]*)\}/g, (_, name: string) => valueAt(name));
    if (Array.isArray(part)) return part.map(filled);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, filled(inner)]));
  };
  return filled(template) as T;
}
