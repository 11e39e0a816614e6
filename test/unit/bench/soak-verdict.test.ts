import { describe, expect, it } from 'vitest';
import { type SoakPerson, type SoakSeen, soakFaults } from '../../../bench/lib/soak-verdict.ts';

/** Answers of 1.5 s, one each 10 s, from this time to that, ms. */
const answers = (fromMs: number, toMs: number) =>
  Array.from({ length: (toMs - fromMs) / 10_000 }, (_, i) => {
    const at = fromMs + i * 10_000;
    return { fromMs: at + 1_500, toMs: at + 3_000 };
  });
const anna: SoakPerson = {
  room: 1,
  person: 0,
  fromMs: 0,
  untilMs: 600_000,
  spoke: answers(0, 600_000),
  gaps: 3,
  longestGapMs: 120,
};
const from = (firstMb: number, lastMb: number) => ({ firstMb, lastMb });
const well: SoakSeen = {
  minutes: 10,
  everyMs: 10_000,
  cutIns: 180,
  delays: Array.from({ length: 180 }, () => 700),
  people: [anna],
  memory: { daemon: from(250, 270), 'worker 1': from(180, 230), 'worker 2': from(400, 400) },
  rooms: { opened: 3, left: 3 },
};
const faults = (more: Partial<SoakSeen>) => soakFaults({ ...well, ...more });
const heard = (more: Partial<SoakPerson>) => ({ people: [{ ...anna, ...more }] });

describe('a soak of rooms', () => {
  it('in which all was well has no fault, a few late barge-ins and holes of a busy machine included', () => {
    expect(faults({})).toEqual([]);
    expect(faults({ delays: well.delays.map((ms, i) => (i < 9 ? 4_000 : ms)) })).toEqual([]);
    expect(faults(heard({ longestGapMs: 200 }))).toEqual([]);
    expect(faults(heard({ spoke: [...answers(0, 200_000), ...answers(260_000, 600_000)] }))).toEqual([]);
  });

  it.each<[string, Partial<SoakSeen>, string]>([
    ['a room was lost', { rooms: { opened: 3, left: 2 } }, 'of 3 rooms 2 are left'],
    ['nobody cut in', { cutIns: 0, delays: [], ...heard({ gaps: 0 }) }, 'nobody has cut in'],
    [
      'barge-ins were late',
      { delays: well.delays.map((ms, i) => (i < 10 ? 1_501 : ms)) },
      '10 of 180 barge-ins took more than 1500 ms',
    ],
    [
      'barge-ins were not heard',
      { delays: well.delays.map((ms, i) => (i < 10 ? undefined : ms)) },
      'of 180 barge-ins 10 did not silence the agent',
    ],
    ['none was measured', { delays: [] }, 'of 180 barge-ins 180 did not silence the agent'],
    ['somebody heard nothing', heard({ spoke: [] }), 'room 1: person 0 has never heard the agent'],
    [
      'the agent fell silent',
      heard({ spoke: answers(0, 90_000) }),
      'room 1: person 0 did not hear the agent from minute 1.4 to 10.0',
    ],
    [
      'the agent began late',
      heard({ spoke: answers(90_000, 600_000) }),
      'room 1: person 0 did not hear the agent from minute 0.0 to 1.5',
    ],
    [
      'the agent was silent for minutes in the middle',
      heard({ spoke: [...answers(0, 200_000), ...answers(270_000, 600_000)] }),
      'room 1: person 0 did not hear the agent from minute 3.2 to 4.5',
    ],
    ['answers were torn', heard({ gaps: 4 }), 'room 1: person 0 heard 4 holes in 60 answers'],
    ['a syllable was lost', heard({ gaps: 1, longestGapMs: 201 }), 'room 1: person 0 heard a hole of 201 ms'],
    ['the daemon grew', { memory: { daemon: from(250, 331) } }, 'daemon has grown by 81 MB in 10 minutes'],
    [
      'a worker grew that came later',
      { memory: { 'worker 1': from(180, 230), 'worker 2': from(110, 191) } },
      'worker 2 has grown by 81 MB in 10 minutes',
    ],
  ])('in which %s says so', (_, more, fault) => {
    expect(faults(more)).toEqual([fault]);
  });

  it('finds the faults of the one of 30 November, beside whose first minutes other programs ran', () => {
    // Two hours in five rooms, 721 answers each: of 385 holes at ten people at least one person had 39, which is more than one in twenty.
    const hours = { untilMs: 7_210_000, spoke: answers(0, 7_210_000), gaps: 39, longestGapMs: 503 };
    const seen = { cutIns: 3_605, delays: Array.from({ length: 3_605 }, () => 708), rooms: { opened: 5, left: 5 } };
    expect(faults({ ...seen, minutes: 120, ...heard(hours) })).toEqual([
      'room 1: person 0 heard 39 holes in 721 answers',
      'room 1: person 0 heard a hole of 503 ms',
    ]);
  });
});
