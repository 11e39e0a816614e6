import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../../../src/simulator/openai-http/verdict.ts';

const conversation = [
  { speaker: 'agent', text: 'Hello, this is the test line.' },
  { speaker: 'caller', text: 'room 12, please' },
];

describe('the scripted judge', () => {
  it('finds quoted words in the line of who is meant, by words and not by letters', () => {
    expect(verdictOf('The agent says "This is the TEST line".', conversation)).toMatchObject({
      verdict: 'pass',
      quote: 'Hello, this is the test line.',
    });
    expect(verdictOf('The agent says "room 12"', conversation).verdict).toBe('fail');
    expect(verdictOf('The caller says "room 12"', conversation).verdict).toBe('pass');
    expect(verdictOf('The caller says "room 1"', conversation).verdict).toBe('fail');
  });

  it('wants all of them, and none of those that must not be said', () => {
    expect(verdictOf('Says "hello" and "goodbye"', conversation)).toMatchObject({ verdict: 'fail', quote: '' });
    expect(verdictOf('Never says "goodbye"', conversation).verdict).toBe('pass');
    expect(verdictOf('The agent does not say "hello"', conversation)).toMatchObject({
      verdict: 'fail',
      quote: 'Hello, this is the test line.',
    });
  });

  it('says maybe of what it does not understand', () => {
    expect(verdictOf('The agent is friendly.', conversation).verdict).toBe('maybe');
  });
});

describe('the scripted judge, of a criterion without quotes', () => {
  const repeated = 'The agent repeated the day and the time before it booked.';
  const twice = 'The agent did not ask for the same thing twice.';
  const talk = (...lines: string[]) =>
    lines.map((line) => ({ speaker: line.startsWith('>') ? 'caller' : 'agent', text: line.replace('>', '') }));
  const wanted = '>an appointment next tuesday at nine.';
  const booked = 'it is booked. goodbye.';

  it('wants what the caller named from the agent, before it is done', () => {
    const verdict = (...lines: string[]) => verdictOf(repeated, talk(...lines)).verdict;
    expect(verdictOf(repeated, talk(wanted, 'for ann, tuesday at nine?', '>yes.', booked))).toMatchObject({
      verdict: 'pass',
      quote: 'for ann, tuesday at nine?',
    });
    expect(verdict(wanted, 'tuesday?', '>yes.', 'at nine?', '>yes.', booked)).toBe('pass');
    expect(verdict(wanted, 'tuesday?', '>yes.', booked)).toBe('fail');
    expect(verdict(wanted, 'tuesday at ten?', '>yes.', booked)).toBe('fail');
    expect(verdict(wanted, booked, '>thank you.', 'tuesday at nine.')).toBe('fail');
    expect(verdict('tuesday at nine?', wanted, booked)).toBe('fail');
    expect(verdict(wanted, 'tuesday at nine?', '>yes.', 'i cannot do that.')).toBe('maybe');
    expect(verdict('>hello.', 'tuesday at nine?', '>yes.', booked)).toBe('maybe');
  });

  it('takes a question in the same words for the same thing', () => {
    expect(verdictOf(twice, talk('hello. your name?', '>ann.', 'which day?', '>tuesday.')).verdict).toBe('pass');
    expect(verdictOf(twice, talk('your name?', '>ann.', 'thank you. Your name?', '>ann!'))).toMatchObject({
      verdict: 'fail',
      quote: 'Your name?',
    });
  });
});
