import type { z } from 'zod';
import { ServiceError } from './service-error.ts';

/** The first issue of a failed check, thrown as the service words it: code, message and `param` with the path. */
export function throwZodIssue(error: z.ZodError, input: unknown, path: string): never {
  throw zodServiceError(error, input, path);
}

export function zodServiceError(error: z.ZodError, input: unknown, path: string): ServiceError {
  return issueError(error.issues[0], input, path);
}

function issueError(issue: z.core.$ZodIssue | undefined, input: unknown, path: string): ServiceError {
  if (issue === undefined) return new ServiceError('Invalid request.', { code: 'invalid_value' });
  const param = paramOf(path, issue.path);
  const value = valueAt(input, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const full = param === '' ? String(issue.keys[0]) : `${param}.${issue.keys[0]}`;
      return new ServiceError(`Unknown parameter: '${full}'.`, { code: 'unknown_parameter', param: full });
    }
    case 'invalid_union': {
      const branch = issue.errors.length === 1 ? issue.errors[0]?.[0] : undefined;
      if (branch !== undefined) return issueError({ ...branch, path: [...issue.path, ...branch.path] }, input, path);
      if ('discriminator' in issue && typeof issue.discriminator === 'string' && value !== undefined) {
        const full = issue.path.at(-1) === issue.discriminator ? param : `${param}.${issue.discriminator}`;
        const inner = typeof value === 'object' && value !== null ? Reflect.get(value, issue.discriminator) : value;
        if (inner === undefined) return missing(full);
        return new ServiceError(`Invalid value: '${printable(inner)}'.`, { code: 'invalid_value', param: full });
      }
      if (value === undefined) return missing(param);
      return new ServiceError(`Invalid value: '${printable(value)}'.`, { code: 'invalid_value', param });
    }
    case 'invalid_type':
      if (value === undefined) return missing(param);
      return new ServiceError(
        `Invalid type for '${param}': expected ${issue.expected}, but got ${kindOf(value)} instead.`,
        {
          code: 'invalid_type',
          param,
        },
      );
    case 'invalid_value': {
      if (value === undefined) return missing(param);
      const known = issue.values.map((v) => `'${String(v)}'`).join(', ');
      return new ServiceError(`Invalid value: '${printable(value)}'. Supported values are: ${known}.`, {
        code: 'invalid_value',
        param,
      });
    }
    case 'too_small':
      return new ServiceError(`Invalid '${param}': must be at least ${issue.minimum}.`, {
        code: `${issue.origin === 'string' ? 'string' : 'integer'}_below_min_value`,
        param,
      });
    case 'too_big':
      return new ServiceError(`Invalid '${param}': must be at most ${issue.maximum}.`, {
        code: `${issue.origin === 'string' ? 'string' : 'integer'}_above_max_value`,
        param,
      });
    default:
      return new ServiceError(`Invalid value for '${param}': ${issue.message}.`, { code: 'invalid_value', param });
  }
}

function missing(param: string): ServiceError {
  return new ServiceError(`Missing required parameter: '${param}'.`, { code: 'missing_required_parameter', param });
}

function paramOf(path: string, rest: readonly PropertyKey[]): string {
  let text = path;
  for (const key of rest) text += typeof key === 'number' ? `[${key}]` : text === '' ? String(key) : `.${String(key)}`;
  return text;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
