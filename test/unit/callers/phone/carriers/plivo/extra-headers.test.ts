import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  broughtBy,
  extraHeaders,
  readExtraHeaders,
} from '../../../../../../src/callers/phone/carriers/plivo/extra-headers.ts';
import { parsePlivo } from '../../../../../../src/callers/phone/carriers/plivo/messages.ts';
import { StreamTokens } from '../../../../../../src/callers/phone/http/stream-token.ts';
import { LocalMemory } from '../../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../../fakes/clock.ts';

const CALL = '12345678-1234-4234-8234-123456789abc';

describe('the extra headers of a Plivo stream', () => {
  it('bring back a token of an ordinary call and its id, in letters and digits, within 512 bytes', () => {
    const tokens = new StreamTokens({
      secrets: ['s'.repeat(16)],
      memory: new LocalMemory({ clock: new FakeClock() }),
      wall: () => 0,
    });
    const token = tokens.issue({ carrier: 'plivo', carrierCallId: CALL, callId: CALL });
    const text = extraHeaders(token, CALL);
    expect(text).toMatch(/^token=[A-Za-z0-9]+,call=[A-Za-z0-9]+$/);
    expect(text.length).toBeLessThanOrEqual(512);
    expect(broughtBy(readExtraHeaders(text))).toEqual({ token, callId: CALL });
    expect(tokens.verify(broughtBy(readExtraHeaders(extraHeaders(token, undefined))).token).carrierCallId).toBe(CALL);
  });

  it('are refused beyond what the carrier takes', () => {
    expect(() => extraHeaders('A'.repeat(400), undefined)).toThrow('the carrier takes 512');
  });

  it('are read in every form that is documented or was seen', () => {
    const wanted = { token: 'AQID', callId: undefined };
    for (const text of [
      'token=010203',
      'token=010203,call=',
      'userId=12345;token=010203',
      ' token = 010203 ; tier=premium',
      '{X-PH-token: 010203}',
      '{"token": "010203", "x": "y"}',
    ])
      expect(broughtBy(readExtraHeaders(text)), text).toEqual(wanted);
  });

  it('prove nothing in any other form, and never throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        broughtBy(readExtraHeaders(text));
        const start = { callId: 'c', streamId: 's', mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 } };
        const message = parsePlivo(JSON.stringify({ event: 'start', start, extra_headers: text }));
        expect(message?.type).toBe('start');
      }),
    );
    expect(readExtraHeaders('token=01;token=02').get('token')).toBe('01');
    expect(broughtBy(readExtraHeaders('token=not hex')).token).toBe('not hex');
  });

  it('take no longer the more a stranger makes of them than their length asks for', () => {
    const taken = (length: number) => {
      const began = performance.now();
      readExtraHeaders(`X-PH-token=x${' '.repeat(length)}y"z`);
      return performance.now() - began;
    };
    taken(100);
    // A message as long as any may be. By a pattern it took seconds.
    expect(taken(60_000)).toBeLessThan(200);
  });
});
