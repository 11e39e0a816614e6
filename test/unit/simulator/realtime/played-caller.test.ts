import { describe, expect, it } from 'vitest';
import { personaWords, HANG_UP as TOOL } from '../../../../src/callers/test/persona-words.ts';
import { goalOf, PlayedCaller } from '../../../../src/simulator/realtime/played-caller.ts';

const instructions = personaWords({
  persona: 'You are Ann Miller, in a hurry.',
  goal: 'An appointment next Tuesday at nine.',
  patience: 'low',
  talkativeness: 'normal',
  language: undefined,
});

describe('the test line as a caller', () => {
  it('knows what it wants by what a persona is told, and is none without the tool to hang up', () => {
    expect(goalOf({ instructions, tools: [TOOL] })).toBe('An appointment next Tuesday at nine.');
    expect(goalOf({ instructions, tools: [] })).toBeUndefined();
    expect(
      goalOf({ instructions: 'You answer the phone.\n\nWhat you want:\nNothing.', tools: [TOOL] }),
    ).toBeUndefined();
  });

  it('says what it wants, confirms, and hangs up when it is told the end', () => {
    const caller = new PlayedCaller('A table.');
    expect(caller.next('hello, how can i help you?')).toEqual({ say: 'A table.', hangUp: false });
    expect(caller.next('for two?')).toEqual({ say: 'Yes.', hangUp: false });
    expect(caller.next('it is booked. goodbye.')).toEqual({ say: 'Goodbye.', hangUp: true });
    const other = new PlayedCaller('A table.');
    other.next('hello.');
    expect(other.next('we are closed.')).toEqual({ say: 'Thank you. Goodbye.', hangUp: true });
  });

  it('gives up what it cannot understand at the third time, and asks into silence', () => {
    const caller = new PlayedCaller('A table.');
    expect(caller.next(undefined)).toEqual({ say: 'A table.', hangUp: false });
    expect(caller.next(undefined)).toEqual({ say: 'Are you still there?', hangUp: false });
    expect(['', '', ''].map((heard) => caller.next(heard).hangUp)).toEqual([false, false, true]);
  });
});
