/**
 * Arguments that fit a tool's JSON schema, for a client that forces a call: required properties only, the plainest value of each.
 */

const MAX_DEPTH = 6;

/** JSON text of an object that satisfies the common part of JSON Schema: type, enum, const, default, required, items, minimum. */
export function sampleArguments(schema: Record<string, unknown> | undefined): string {
  const value = schema === undefined ? {} : sample(schema, 0);
  return JSON.stringify(typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {});
}

function sample(schema: Record<string, unknown>, depth: number): unknown {
  if (depth > MAX_DEPTH) return null;
  if ('const' in schema) return schema['const'];
  if ('default' in schema) return schema['default'];
  const choices = schema['enum'];
  if (Array.isArray(choices) && choices.length > 0) return choices[0];
  const branches = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(branches) && isSchema(branches[0])) return sample(branches[0], depth + 1);
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'string':
      return sampleString(schema);
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array': {
      const count = typeof schema['minItems'] === 'number' ? Math.min(schema['minItems'], 10) : 0;
      const items = schema['items'];
      return Array.from({ length: count }, () => (isSchema(items) ? sample(items, depth + 1) : null));
    }
    default:
      return sampleObject(schema, depth);
  }
}

function sampleString(schema: Record<string, unknown>): string {
  const text = schema['format'] === 'date' ? '2030-01-01' : 'test';
  const least = typeof schema['minLength'] === 'number' ? Math.min(schema['minLength'], 1_000) : 0;
  return text.padEnd(least, 'x');
}

function sampleObject(schema: Record<string, unknown>, depth: number): Record<string, unknown> {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const entries: Array<[string, unknown]> = [];
  for (const name of required) {
    const property: unknown = properties[String(name)];
    entries.push([String(name), isSchema(property) ? sample(property, depth + 1) : 'test']);
  }
  return Object.fromEntries(entries);
}

function isSchema(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
