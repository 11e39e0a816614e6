import type { z } from 'zod';
import { ApiError } from './api-error.ts';

/** What the schema makes of a part of a request. Throws REQUEST_INVALID (400), which names the fields and never their values. */
export function checked<T extends z.ZodType>(schema: T, value: unknown, part: string): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({ path: [part, ...path].join('.'), message }));
  throw new ApiError(400, 'REQUEST_INVALID', `the ${part} is not what it should be`, { details: { issues } });
}
