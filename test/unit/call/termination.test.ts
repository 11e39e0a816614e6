import { describe, expect, it } from 'vitest';
import { isFailure, termination, terminationReasons } from '../../../src/call/termination.ts';

describe('termination', () => {
  it.each([
    ['caller-hangup', 'success'],
    ['max-duration', 'success'],
    ['media-flood', 'caller_error'],
    ['media-lost', 'upstream_error'],
    ['no-stream', 'upstream_error'],
    ['model-auth', 'upstream_error'],
    ['internal', 'server_error'],
    ['unknown', 'indeterminate'],
  ] as const)('%s counts as %s', (reason, result) => {
    expect(termination(reason)).toEqual({ result, reason });
    expect(isFailure(termination(reason))).toBe(result !== 'success');
  });

  it('has only kebab slugs, which are metric labels', () => {
    for (const reason of terminationReasons) expect(reason).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });
});
