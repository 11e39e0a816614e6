import type { JsonSchema } from './loaded.ts';
import { atPointer } from './pointer.ts';

/**
 * What of a model's arguments a tool's schema declares. JSON Schema lets objects have more than their `properties` unless it says otherwise
 * (https://json-schema.org/understanding-json-schema/reference/object#additionalproperties); a model, or a caller who talks it into it,
 * must not reach fields of somebody else's service in that way.
 */

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (of: unknown, key: string): unknown => (isObject(of) && Object.hasOwn(of, key) ? of[key] : undefined);

/** Keywords whose schemas all speak about the same value. */
const BESIDE = ['allOf', 'anyOf', 'oneOf', 'then', 'else'] as const;

/**
 * The value with what is not declared left out, within objects and lists too. An object that a schema says nothing about (`{"type":"object"}`),
 * or says may have more (`additionalProperties`), stays as it is.
 */
export function declaredOnly(schema: JsonSchema, value: unknown): unknown {
  return keep([schema], value, schema);
}

function keep(schemas: readonly unknown[], value: unknown, root: JsonSchema): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const all = withBranches(schemas, root);
  if (Array.isArray(value)) {
    return value.map((item, i) => {
      const of = all.flatMap((schema) => {
        const first = own(schema, 'prefixItems') ?? own(schema, 'items');
        return Array.isArray(first) ? [first[i] ?? own(schema, 'items')] : [first];
      });
      return keep(of.filter(isObject), item, root);
    });
  }
  const isFree = !all.some((schema) =>
    ['properties', 'patternProperties', 'additionalProperties'].some((keyword) => Object.hasOwn(schema, keyword)),
  );
  if (isFree) return value;
  const kept: Array<[string, unknown]> = [];
  for (const [key, inner] of Object.entries(value)) {
    const declared = all.flatMap((schema) => declarationsOf(schema, key));
    // Own keys alone, and none that would be a prototype where it is copied.
    if (declared.length > 0 && key !== '__proto__') kept.push([key, keep(declared.filter(isObject), inner, root)]);
  }
  return Object.fromEntries(kept);
}

/** The schemas that one schema has for a key of an object; `true` where it allows it without saying what it is. */
function declarationsOf(schema: Schema, key: string): unknown[] {
  const properties = own(schema, 'properties');
  const found: unknown[] = isObject(properties) && Object.hasOwn(properties, key) ? [properties[key]] : [];
  for (const [pattern, of] of Object.entries(own(schema, 'patternProperties') ?? {}))
    if (matches(pattern, key)) found.push(of);
  if (found.length > 0) return found;
  const more = own(schema, 'additionalProperties');
  return more === true || isObject(more) ? [more] : [];
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key);
  } catch {
    return false;
  }
}

/** These schemas and all that speak about the same value with them. */
function withBranches(schemas: readonly unknown[], root: JsonSchema): Schema[] {
  const found = new Set<Schema>();
  const add = (schema: unknown): void => {
    if (!isObject(schema) || found.has(schema)) return;
    found.add(schema);
    for (const keyword of BESIDE) for (const one of [own(schema, keyword)].flat()) add(one);
    const ref = own(schema, '$ref');
    if (typeof ref === 'string' && ref.startsWith('#')) add(atPointer(root, ref.slice(1)));
  };
  schemas.forEach(add);
  return [...found];
}
