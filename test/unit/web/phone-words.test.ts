import { describe, expect, it } from 'vitest';
import { termination, terminationReasons } from '../../../src/call/termination.ts';
import { modelTrouble } from '../../../src/callers/browser/http/bridge-state.ts';
import { callWords, endWords, errorWords, isFatal } from '../../../web/phone/words.js';

describe('what the phone says', () => {
  it('has a sentence of its own for whatever the daemon tells of an agent that was lost, and takes it for the reason of the end', () => {
    const told = terminationReasons.flatMap((reason) => modelTrouble(termination(reason)) ?? []);
    const codes = [...new Set(told.map(({ code }) => code))];
    expect(codes).toContain('DIAL_BUSY');
    expect(codes.filter((code) => !isFatal(code))).toEqual([]);
    expect(codes.filter((code) => /server (says|refused)/.test(errorWords(code, 'x')))).toEqual([]);
  });

  it('calls again what was lost or failed, and says so', () => {
    expect((['idle', 'ended', 'lost', 'failed'] as const).map(callWords)).toEqual([
      { words: 'Call', isAgain: false },
      { words: 'Call', isAgain: false },
      { words: 'Reconnect', isAgain: true },
      { words: 'Try again', isAgain: true },
    ]);
  });

  it('says how a call to a number ended', () => {
    const dialled = terminationReasons.filter((reason) => reason.startsWith('dial-'));
    expect(dialled.length).toBeGreaterThan(4);
    expect(dialled.filter((reason) => endWords(reason) === endWords('unheard-of'))).toEqual([]);
  });
});
