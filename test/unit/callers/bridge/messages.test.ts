import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHandlerMessage } from '../../../../src/callers/bridge/messages.ts';
import { MAX_MESSAGE, MAX_TEXT } from '../../../../src/transport/channel-message.ts';

const parsed = (message: unknown) => parseHandlerMessage(JSON.stringify(message));

describe('a message of a handler', () => {
  it.each([
    [{ type: 'accepted' }, { type: 'accepted' }],
    [{ type: 'hangup', why: 'ignored' }, { type: 'hangup' }],
    [
      { type: 'text', text: ' Hello ' },
      { type: 'text', text: 'Hello', id: undefined },
    ],
    [
      { type: 'say', text: 'Hello', id: 's:1' },
      { type: 'say', text: 'Hello', id: 's:1' },
    ],
  ])('is read: %j', (message, expected) => {
    expect(parsed(message)).toEqual({ ok: true, message: expected });
  });

  it.each([
    [[], 'MESSAGE_INVALID'],
    [null, 'MESSAGE_INVALID'],
    [{}, 'MESSAGE_UNKNOWN'],
    [{ type: 'mute' }, 'MESSAGE_UNKNOWN'],
    [{ type: 'text', text: 'x', id: 5 }, 'MESSAGE_INVALID'],
    [{ type: 'text', text: 'x', id: 'a b' }, 'MESSAGE_INVALID'],
    [{ type: 'say', text: 5 }, 'TEXT_INVALID'],
    [{ type: 'say', text: 'x'.repeat(MAX_TEXT + 1) }, 'TEXT_INVALID'],
    [{ type: 'say', text: 'x'.repeat(MAX_MESSAGE) }, 'MESSAGE_INVALID'],
  ])('is refused with a code: %.60j', (message, code) => {
    expect(parsed(message)).toMatchObject({ ok: false, error: { code } });
  });

  it('that cannot be taken is named where it has an id', () => {
    expect(parsed({ type: 'say', text: '', id: 's1' })).toMatchObject({ ok: false, of: { type: 'say', id: 's1' } });
    expect(parsed({ type: 'say', text: '' })).not.toHaveProperty('of');
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(typeof parseHandlerMessage(text).ok).toBe('boolean');
      }),
    );
  });
});
