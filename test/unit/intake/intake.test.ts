import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionOptions, type RefusalReason } from '../../../src/admission/admission.ts';
import { Calls } from '../../../src/call/calls.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { noTools } from '../../../src/call/tools.ts';
import type { Assignment, CallFacts } from '../../../src/dispatch.ts';
import { type Arrival, Intake } from '../../../src/intake/intake.ts';
import { Strangers } from '../../../src/intake/strangers.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../fakes/legs.ts';

const FACTS: CallFacts = {
  carrier: 'somewhere',
  direction: 'inbound',
  from: { kind: 'number', number: '+15550001111' },
  to: undefined,
};
const FIRST = { message: 'a call comes in', fields: { from: '+15550001111' } };
const HANGUP = termination('caller-hangup');

function rig(options: Partial<AdmissionOptions> = {}) {
  const clock = new FakeClock();
  const log = fakeLog();
  const refused: RefusalReason[] = [];
  const events: Array<[callId: string, event: CallEvent]> = [];
  const state = { draining: false, creates: true };
  const calls: Calls = new Calls({
    clock,
    ticker: new Ticker(clock),
    log,
    observers: [{ onEvent: (...told) => void events.push(told) }],
    apology: undefined,
    limits: { joinMs: 20_000, reclaimMs: 15_000, maxMs: 3_600_000 },
  });
  const limits = { maxCalls: 4, maxPages: 3, callsPerSecond: 0, maxLoopDelayMs: 0 };
  const admission = new Admission({
    clock,
    calls: () => calls.size,
    isDraining: () => state.draining,
    loopDelayMs: () => 0,
    refused: (reason) => void refused.push(reason),
    ...limits,
    ...options,
  });
  const assign = async ({ carrier }: CallFacts): Promise<Assignment> => {
    await undefined;
    if (carrier === 'nowhere') throw new Error('the prompt is gone');
    const chosen = { route: 'r', prompt: 'p', model: 'mini', recording: undefined };
    const own = { maxMs: undefined, silenceMs: undefined, silenceAsks: undefined };
    return { agent: new FakeAgent(), tools: noTools, ...chosen, ...own };
  };
  const create: Calls['create'] = (...made) => {
    if (!state.creates) throw new Error('a bug');
    return calls.create(...made);
  };
  const turnedAway: Calls['turnedAway'] = (...told) => calls.turnedAway(...told);
  const intake = new Intake({ admission, dispatch: { assign }, calls: { create, turnedAway } });
  const strangers = new Strangers({ connecting: { perAddress: 1, total: 2 }, most: 3 });
  const stranger = (address: string) => ({ address, among: strangers });
  const taken = (address?: string): Arrival => {
    const admitted = intake.admit({ stranger: address === undefined ? undefined : stranger(address) });
    if (!admitted.ok) throw new Error(`refused: ${admitted.reason}`);
    return admitted.arrival;
  };
  /** How many places there are, by taking them all and giving them back. */
  const places = (admit: (n: number) => ReturnType<Intake['admit']>) => {
    const all = Array.from({ length: 10 }, (_, n) => admit(n)).flatMap((one) => (one.ok ? [one.arrival] : []));
    for (const arrival of all) arrival.free();
    return all.length;
  };
  const free = () => ({
    callers: places(() => intake.admit()),
    connecting: places((n) => intake.admit({ stranger: stranger(`198.51.100.${n}`) })),
    oneAddress: places(() => {
      const admitted = intake.admit({ stranger: stranger('192.0.2.1') });
      if (admitted.ok) admitted.arrival.connected();
      return admitted;
    }),
  });
  return { intake, calls, log, refused, events, state, stranger, taken, free };
}

describe('the intake', () => {
  it('makes a call of what is admitted, with what was chosen for it, and writes its first line', async () => {
    const { taken, calls, log } = rig();
    const arrival = taken();
    const assigned = await arrival.assign(FACTS);
    const begun = assigned.begin({ from: '+15550001111', carrierCallId: 'CA1', accountId: 'AC1' }, FIRST);
    arrival.free();
    expect(begun.ok && begun.call).toBe(calls.get(arrival.id));
    expect(calls.get(arrival.id)?.info).toEqual({
      id: arrival.id,
      direction: 'inbound',
      carrier: 'somewhere',
      accountId: 'AC1',
      carrierCallId: 'CA1',
      from: '+15550001111',
      route: 'r',
      prompt: 'p',
      model: 'mini',
    });
    expect(log.lines).toContainEqual({
      level: 'info',
      fields: { from: '+15550001111', route: 'r', prompt: 'p' },
      message: 'a call comes in',
    });
    await calls.endAll(HANGUP);
  });

  it('keeps the record of a call that was turned away, for which nothing is started', () => {
    const { intake, calls, events, log } = rig();
    const info = { from: '+15550001111', carrierCallId: 'CA1', accountId: 'AC1' };
    const end = termination('not-admitted', 'calls');
    const id = intake.turnAway({ carrier: 'somewhere', direction: 'inbound' }, info, end);
    expect(calls.size).toBe(0);
    expect(events).toEqual([
      [
        id,
        {
          type: 'call_started',
          at: expect.any(Number),
          direction: 'inbound',
          info: { id, carrier: 'somewhere', direction: 'inbound', ...info },
        },
      ],
      [id, { type: 'call_ended', end, durationMs: 0, counters: {} }],
    ]);
    expect(log.lines).toContainEqual({ level: 'info', fields: { ...end }, message: 'a call was not taken' });
  });

  it('gives a call the id that was promised for it', async () => {
    const { taken, calls } = rig();
    const arrival = taken();
    (await arrival.assign(FACTS, {}, 'ordered')).begin({}, FIRST);
    arrival.free();
    expect([...calls].map(({ info }) => info.id)).toEqual(['ordered']);
    await calls.endAll(HANGUP);
  });

  it('counts a call from the moment it is admitted, and once', async () => {
    const { intake, taken, calls } = rig({ maxCalls: 2 });
    const first = taken();
    expect(intake.admit().ok).toBe(true);
    expect(intake.admit()).toEqual({ ok: false, reason: 'calls' });
    (await first.assign(FACTS)).begin({}, FIRST);
    expect(intake.admit()).toEqual({ ok: false, reason: 'calls' });
    await calls.endAll(HANGUP);
    expect(intake.admit().ok).toBe(true);
  });

  it('gives each refusal its reason, whatever step it comes at, and counts it', async () => {
    const models = { admits: () => false, spares: () => true, isOpen: () => true };
    const { intake, taken, calls, refused, state, stranger } = rig({ models });
    const arrival = taken('192.0.2.1');
    expect(intake.admit({ stranger: stranger('192.0.2.1') })).toEqual({ ok: false, reason: 'pending' });
    arrival.connected();
    taken('192.0.2.1').connected();
    expect(intake.admit({ stranger: stranger('192.0.2.1') })).toEqual({ ok: false, reason: 'address' });
    const assigned = await arrival.assign(FACTS);
    expect(assigned.foresee()).toEqual({ ok: false, reason: 'model' });
    expect(assigned.begin({}, FIRST)).toEqual({ ok: false, reason: 'model' });
    state.draining = true;
    expect(assigned.begin({}, FIRST)).toEqual({ ok: false, reason: 'draining' });
    expect(intake.admit()).toEqual({ ok: false, reason: 'draining' });
    expect(refused).toEqual(['pending', 'address', 'model', 'model', 'draining', 'draining']);
    expect(calls.size).toBe(0);
  });

  it('makes one call of an arrival, and none of one that was given up', async () => {
    const { taken, calls } = rig();
    const arrival = taken();
    const assigned = await arrival.assign(FACTS);
    assigned.begin({}, FIRST);
    expect(() => assigned.begin({}, FIRST)).toThrow();
    const other = taken();
    const late = await other.assign(FACTS);
    other.free();
    expect(() => late.begin({}, FIRST)).toThrow();
    expect(calls.size).toBe(1);
    await calls.endAll(HANGUP);
  });

  it('keeps the place of a stranger until his call is over and his side of it is closed, whichever comes first', async () => {
    for (const closedFirst of [true, false]) {
      const { taken, calls, intake, stranger } = rig({ maxPages: 1 });
      const arrival = taken('192.0.2.1');
      (await arrival.assign(FACTS)).begin({}, FIRST);
      if (closedFirst) arrival.free();
      else await calls.endAll(HANGUP);
      expect(intake.admit({ stranger: stranger('192.0.2.2') })).toEqual({ ok: false, reason: 'pages' });
      if (closedFirst) await calls.endAll(HANGUP);
      else arrival.free();
      expect(intake.admit({ stranger: stranger('192.0.2.2') }).ok).toBe(true);
    }
  });

  it('is given every place back, whatever fails when', async () => {
    const steps = ['none', 'assign', 'foresee', 'connected', 'begin', 'again', 'end'] as const;
    const arrivals = fc.record({
      address: fc.option(fc.constantFrom('192.0.2.1', '192.0.2.2'), { nil: undefined }),
      /** The last step that is taken. */
      until: fc.constantFrom(...steps),
      frees: fc.integer({ min: 1, max: 3 }),
      freesEarly: fc.boolean(),
      fails: fc.constantFrom('nothing', 'assign', 'create', 'draining'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(arrivals, { maxLength: 12 }), async (many) => {
        const { intake, calls, state, stranger, free } = rig();
        const whole = free();
        expect(whole).toEqual({ callers: 4, connecting: 2, oneAddress: 2 });
        const live = many.map(async ({ address, until, frees, freesEarly, fails }) => {
          const admitted = intake.admit({ stranger: address === undefined ? undefined : stranger(address) });
          if (!admitted.ok) return;
          const { arrival } = admitted;
          const reaches = (step: (typeof steps)[number]) => steps.indexOf(until) >= steps.indexOf(step);
          const failing = <T>(work: () => T): T => {
            Object.assign(state, { draining: fails === 'draining', creates: fails !== 'create' });
            try {
              return work();
            } finally {
              Object.assign(state, { draining: false, creates: true });
            }
          };
          try {
            if (!reaches('assign')) return;
            const assigned = await arrival.assign({ ...FACTS, ...(fails === 'assign' ? { carrier: 'nowhere' } : {}) });
            if (reaches('foresee')) assigned.foresee();
            if (reaches('connected')) arrival.connected();
            if (freesEarly) arrival.free();
            if (!reaches('begin')) return;
            const begun = failing(() => assigned.begin({}, FIRST));
            if (reaches('again')) assigned.begin({}, FIRST);
            if (begun.ok && reaches('end')) await begun.call.end(HANGUP);
          } catch {
            // What failed is not looked at here, but what is left of it.
          } finally {
            for (let n = 0; n < frees; n++) arrival.free();
          }
        });
        await Promise.all(live);
        await calls.endAll(HANGUP);
        expect(free()).toEqual(whole);
      }),
    );
  });
});

describe('the limits of all instances, at the intake', () => {
  const limited = (taken: () => Promise<'caller' | { free(): void; leave(): void }>) => {
    const made = rig();
    const { calls } = made;
    const refused: string[] = [];
    const admission = {
      admitCaller: () => ({ ok: true, place: { begin: () => ({ ok: true }), free: () => {} } }),
      admitModel: () => ({ ok: true }),
      foresee: () => ({ ok: true }),
      refuse: (reason: string) => {
        refused.push(reason);
        return { ok: false, reason };
      },
    } as unknown as Admission;
    const assign = async (): Promise<Assignment> => ({
      agent: new FakeAgent(),
      tools: noTools,
      ...{ route: 'r', prompt: 'p', model: 'mini', recording: undefined },
      ...{ maxMs: undefined, silenceMs: undefined, silenceAsks: undefined },
    });
    const intake = new Intake({ admission, calls, dispatch: { assign }, fleet: { take: taken } });
    const admitted = intake.admit();
    if (!admitted.ok) throw new Error('refused');
    return { arrival: admitted.arrival, refused, calls };
  };

  it('refuse a call before anything is made for it, also one that begins only later', async () => {
    const { arrival, refused, calls } = limited(async () => 'caller');
    const assigned = await arrival.assign(FACTS);
    expect([assigned.foresee(), assigned.begin({}, FIRST)]).toEqual([
      { ok: false, reason: 'caller' },
      { ok: false, reason: 'caller' },
    ]);
    arrival.free();
    expect([refused, calls.size]).toEqual([['caller', 'caller'], 0]);
  });

  it('have their place back when the call is over, and when it never was', async () => {
    const freed: string[] = [];
    const place = (name: string) => async () => ({
      free: () => void freed.push(name),
      leave: () => void freed.push(`${name} left`),
    });
    const over = limited(place('over'));
    (await over.arrival.assign(FACTS)).begin({}, FIRST);
    over.arrival.free();
    expect(freed).toEqual([]);
    await over.calls.endAll(HANGUP);
    expect(freed).toEqual(['over']);
    const never = limited(place('never'));
    const assigning = never.arrival.assign(FACTS);
    never.arrival.free();
    await assigning;
    expect(freed).toEqual(['over', 'never']);
    // Whoever has it now counts it under the same id.
    const moved = limited(place('moved'));
    (await moved.arrival.assign(FACTS)).begin({}, FIRST);
    moved.arrival.free();
    await moved.calls.endAll(termination('moved'));
    expect(freed.slice(2)).toEqual(['moved left']);
  });
});
