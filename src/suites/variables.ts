/**
 * Variables of suites: `{{name}}` in any text of a case. They are put in before the case is read, so that a text which is a variable and nothing
 * else becomes the variable's value with its type, and each variant of a case is checked as if it were written out. Pure.
 */

export type VariableValue = string | number | boolean;
export type Variables = Readonly<Record<string, VariableValue>>;

/** What is wrong, and where below the value. */
export interface VariableProblem {
  readonly path: readonly PropertyKey[];
  readonly name: string;
}

const PLACE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;
const ONLY_PLACE = /^\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$/;

/** The value with its variables put in; keys of objects stay as they are. `problems`: variables that there are not, which stay as they are written. */
export function putIn(value: unknown, variables: Variables): { value: unknown; problems: VariableProblem[] } {
  const problems: VariableProblem[] = [];
  const lookUp = (name: string, path: readonly PropertyKey[]): VariableValue | undefined => {
    const known = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (known === undefined) problems.push({ path, name });
    return known;
  };
  const walk = (one: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof one === 'string') {
      const only = ONLY_PLACE.exec(one)?.[1];
      if (only !== undefined) return lookUp(only, path) ?? one;
      return one.replace(PLACE, (place, name: string) => String(lookUp(name, path) ?? place));
    }
    if (Array.isArray(one)) return one.map((part, i) => walk(part, [...path, i]));
    if (typeof one === 'object' && one !== null)
      return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, walk(part, [...path, key])]));
    return one;
  };
  return { value: walk(value, []), problems };
}
