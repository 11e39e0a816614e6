import { expect, it } from 'vitest';
import { CallEars } from '../../../src/listening/call-ears.ts';
import { ListeningDesk } from '../../../src/listening/desk.ts';
import type { ListenedCall, SessionMessage } from '../../../src/listening/session.ts';
import type { Done } from '../../../src/people/audit.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const LISTENING = {
  ...{ callId: 'c1', address: '192.0.2.1' },
  operator: { id: 'a', name: 'Anna', role: 'operator' as const },
};

function rig(announce: () => Promise<boolean>, note: (done: Done) => void = () => {}) {
  const call: ListenedCall = {
    info: { id: 'c1' },
    state: 'joined',
    announce,
    operators: { speaking: undefined, listens: () => () => {}, speak: () => undefined },
  };
  const ears = new CallEars();
  ears.tap({ id: 'c1' });
  const log = fakeLog();
  const desk = new ListeningDesk({
    ...{ ears, note, log, clock: new FakeClock() },
    calls: { get: () => call },
    listenNotice: 'A colleague is listening, too.',
    takeoverNotice: undefined,
    most: 2,
  });
  const ends: string[] = [];
  const told: SessionMessage[] = [];
  const begin = async () => {
    const begun = desk.begin(LISTENING, {
      audio: () => {},
      tell: (message) => void told.push(message),
      end: (reason) => void ends.push(reason),
    });
    await new Promise((resolve) => setImmediate(resolve));
    return begun;
  };
  return { desk, begin, ends, told, log };
}

it('an operator is put out where the caller was not told, and the next one has him told again', async () => {
  const outcomes = [false, true];
  const { begin, ends, told } = rig(async () => outcomes.shift() ?? true);
  await begin();
  expect([ends, told]).toEqual([['not-announced'], [expect.objectContaining({ code: 'LISTEN_NOT_ANNOUNCED' })]]);
  await begin();
  expect(told.at(-1)).toMatchObject({ kind: 'hello', announced: true });
  expect([ends.length, outcomes]).toEqual([1, []]);
});

it('of those who were let in together no more listen than may, whatever they were let in by', async () => {
  const noted: number[] = [];
  const { desk, begin, ends, told } = rig(
    async () => true,
    ({ status }) => void noted.push(status),
  );
  // Each was looked at before any of them was there.
  for (let n = 0; n < 3; n++) desk.check('c1');
  const first = await begin();
  await begin();
  await begin();
  expect(told.map((message) => (message.kind === 'refused' ? message.code : message.kind))).toEqual([
    ...['hello', 'hello', 'LISTENERS_TOO_MANY'],
  ]);
  expect([ends, noted]).toEqual([['too-many-listen'], [200, 200, 503]]);
  // It took nobody's place.
  first.close();
  await begin();
  expect([told.at(-1)?.kind, ends.length]).toEqual(['hello', 1]);
});

it.each([
  ['told', (): Promise<boolean> => Promise.reject(new Error('a bug')), undefined],
  [
    'noted',
    async (): Promise<boolean> => true,
    (): void => {
      throw new Error('a bug');
    },
  ],
] as const)(
  'an operator whose coming breaks where it is %s is put out, and it is logged',
  async (_where, announce, note) => {
    const { begin, ends, log } = rig(announce, note);
    await begin();
    expect(ends).toEqual(['internal']);
    expect(log.lines.map(({ level }) => level)).toEqual(['error']);
  },
);
