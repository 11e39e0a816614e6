import { expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { notOpenedAgain } from '../../../src/stores/opened-again.ts';

it.each(['CONFIG_INVALID', 'STORE_SCHEMA_NEWER'] as const)(
  'what was open and cannot be opened again for %s is away, and no wrong setting',
  (code) => {
    const cause = new BridgeError(code, 'the database /data/people.db cannot be used: disk full');
    const told = notOpenedAgain(cause, 'the people');
    expect(told).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, cause });
    expect(String(told), 'who asks need not know where they are').not.toContain('/data');
  },
);

it('what else a thread answers is told as it is', () => {
  for (const error of [new BridgeError('ABORTED', 'it is closed'), new Error('anything')])
    expect(notOpenedAgain(error, 'the people')).toBe(error);
});
