import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hitsOf } from '../../src/records/hits.ts';
import { overviewOf } from '../../src/records/overview.ts';
import type { RecordQuery, RecordStore, RefusedCaller } from '../../src/records/store.ts';
import { Telling, TURN_COST } from '../fakes/record-events.ts';
import type { RecordStorePlace, RecordStoreRig } from './record-store.ts';

/** What every store of records must find and count. */
export function recordOverviewContract(name: string, rig: RecordStoreRig): void {
  describe(`RecordStore: ${name}, what is found and counted`, () => {
    const HOUR = 3_600_000;
    const FROM = 1_700_000_000_000;
    const EDGES = [FROM, FROM + HOUR, FROM + 2 * HOUR];
    let place: RecordStorePlace;
    let store: RecordStore;
    let telling: Telling;
    beforeAll(async () => rig.prepare?.());
    beforeEach(async () => {
      place = await rig.place();
      store = await place.open();
      telling = new Telling('aaaaaa', FROM);
    });
    afterEach(() => place.close());
    afterAll(async () => rig.finish?.());

    const kept = () => telling.told.filter(({ transient }) => !transient);
    const stored = async () => store.append('aaaaaa', kept());
    const overview = async (edges = EDGES, filters = {}) =>
      overviewOf(await store.overview({ edges, ...filters }), edges);

    /** Two calls in the first hour, of which one failed; one in the second, which goes on. */
    async function threeCalls() {
      telling.start('a', { prompt: 'sales', route: 'day', carrier: 'twilio' });
      telling.turn('a', 'Do you open on Saturdays?', 'Yes, from nine.');
      telling.answers('a', 640, 1_250, 2_600);
      telling.tool('a', 'opening_hours');
      telling.tell('a', [{ type: 'barge_in', heard: [], clearMs: 1 }]);
      telling.end('a', 'caller-hangup', 60_000);
      telling.start('b', { prompt: 'support', route: 'day', carrier: 'plivo', model: 'unknown-model' });
      telling.turn('b', 'My invoice is wrong', 'I am sorry to hear that.');
      telling.answers('b', 480);
      telling.end('b', 'model-silent', 9_000);
      telling.wait(HOUR);
      telling.start('c', { prompt: 'sales', route: 'night', carrier: 'twilio' });
      telling.answers('c', 820);
      await stored();
    }

    it('counts calls by time, prompt, route, carrier and end, with tokens, cost and how long answers took', async () => {
      await threeCalls();
      const { totals, slots, prompts, routes, carriers, failures, costs } = await overview();
      expect(totals).toMatchObject({
        calls: 3,
        active: 1,
        failed: 1,
        durationMs: 69_000,
        turns: 2,
        bargeIns: 1,
        toolCalls: 1,
        cost: Number(TURN_COST.toFixed(9)),
        unpriced: 1,
        tokensIn: 2_200,
        tokensCached: 1_000,
        tokensOut: 500,
        refused: 0,
      });
      expect(totals.answers.count).toBe(5);
      // In the middle lies 820 ms, in the part from 800 to 900; the slowest is between 2.5 and 3 s.
      expect(totals.answers.p50Ms).toBeGreaterThanOrEqual(800);
      expect(totals.answers.p50Ms).toBeLessThanOrEqual(900);
      expect(totals.answers.p95Ms).toBeGreaterThanOrEqual(2_500);
      expect(totals.answers.p95Ms).toBeLessThanOrEqual(3_000);
      expect(slots.map(({ tokensIn, tokensOut, cost }) => [tokensIn, tokensOut, cost])).toEqual([
        [2_200, 500, Number(TURN_COST.toFixed(9))],
        [0, 0, 0],
      ]);
      expect(prompts.map(({ name, tokensIn, tokensOut }) => [name, tokensIn, tokensOut])).toEqual([
        ['sales', 1_100, 250],
        ['support', 1_100, 250],
      ]);
      expect(slots.map(({ from, calls, failed, answers }) => [from, calls, failed, answers.count])).toEqual([
        [EDGES[0], 2, 1, 4],
        [EDGES[1], 1, 0, 1],
      ]);
      expect(prompts.map(({ name, calls, failed }) => [name, calls, failed])).toEqual([
        ['sales', 2, 0],
        ['support', 1, 1],
      ]);
      expect(routes.map(({ name, calls }) => [name, calls])).toEqual([
        ['day', 2],
        ['night', 1],
      ]);
      expect(new Map(carriers.map(({ name, calls }) => [name, calls]))).toEqual(
        new Map([
          ['twilio', 2],
          ['plivo', 1],
        ]),
      );
      expect(failures).toEqual([{ result: 'upstream_error', reason: 'model-silent', calls: 1 }]);
      expect(costs).toEqual([{ currency: 'USD', cost: Number(TURN_COST.toFixed(9)) }]);
    });

    it('counts within a time, and of a prompt, a route or a carrier alone', async () => {
      await threeCalls();
      expect((await overview([FROM + HOUR, FROM + 2 * HOUR])).totals.calls).toBe(1);
      expect((await overview([FROM - 9, FROM])).totals).toMatchObject({ calls: 0, answers: { count: 0, p50Ms: null } });
      expect((await overview(EDGES, { prompt: 'sales' })).totals.calls).toBe(2);
      expect((await overview(EDGES, { prompt: 'sales', route: 'night' })).totals.calls).toBe(1);
      expect((await overview(EDGES, { carrier: "plivo' OR 1=1 --" })).totals.calls).toBe(0);
    });

    it('counts a call once however often and in whatever order it is told, and none that was removed', async () => {
      await threeCalls();
      await store.append('aaaaaa', kept().toReversed());
      expect((await overview()).totals).toMatchObject({ calls: 3, answers: { count: 5 } });
      await store.remove('a');
      expect((await overview()).totals).toMatchObject({ calls: 2, durationMs: 9_000, answers: { count: 2 } });
      await store.closeInterrupted({ instances: ['aaaaaa'] });
      expect((await overview()).failures).toContainEqual({ result: 'indeterminate', reason: 'process-lost', calls: 1 });
      await store.removeOlder(FROM + 9 * HOUR, 10);
      expect((await overview()).totals.calls).toBe(0);
    });

    it('counts a caller who was refused among those alone, whether he left a record or not', async () => {
      telling.start('w', { carrier: 'whatsapp' });
      telling.end('w', 'not-admitted', 0);
      await stored();
      const caller = (id: string, fields: Partial<RefusedCaller> = {}): RefusedCaller => ({
        ...{ id, at: FROM + 5, instance: 'aaaaaa', reason: 'loop-delay', carrier: 'twilio' },
        ...{ from: '+12025550143', to: '+12025550199', calls: 1, ...fields },
      });
      const many = { reason: 'rate', carrier: null, from: null, to: null, calls: 900 };
      const callers = [caller('1'), caller('2', { at: FROM + HOUR }), caller('3', { at: FROM + HOUR + 1, ...many })];
      await store.addRefused(callers);
      // Again, as after an answer that was lost.
      await store.addRefused(callers.slice(1));
      const { totals, refused, slots } = await overview();
      expect(totals).toMatchObject({ calls: 0, failed: 0, refused: 902 });
      expect(refused).toEqual([
        { reason: 'rate', calls: 900 },
        { reason: 'loop-delay', calls: 2 },
      ]);
      expect(slots.map((slot) => slot.refused)).toEqual([1, 901]);
      expect((await overview(EDGES, { carrier: 'twilio' })).totals.refused).toBe(2);
      const asked = { since: FROM, until: FROM + 9 * HOUR, limit: 10 };
      expect(await store.refusedCallers(asked)).toEqual(callers.toReversed());
      expect(await store.refusedCallers({ ...asked, reason: 'loop-delay', before: '2' })).toEqual([caller('1')]);
      expect((await store.refusedCallers({ ...asked, carrier: 'twilio' })).map(({ id }) => id)).toEqual(['2', '1']);
      // What is no call of the overview's is none of the list behind its figure.
      expect((await store.list({ limit: 10 })).map(({ id }) => id)).toEqual(['w']);
      expect(await store.list({ counted: true, limit: 10 })).toEqual([]);
      expect(await store.refusedCallers({ ...asked, until: FROM + 6, limit: 1 })).toEqual([caller('1')]);
      await store.removeOlder(FROM + HOUR, 10);
      expect((await store.refusedCallers(asked)).map(({ id }) => id)).toEqual(['3', '2']);
    });

    it('finds calls by prompt, route, carrier, tool, slow answers, interruption, failure and cost', async () => {
      await threeCalls();
      const idsOf = async (query: Partial<RecordQuery>) =>
        (await store.list({ limit: 100, ...query })).map(({ id }) => id);
      expect(await idsOf({ prompt: 'sales' })).toEqual(['c', 'a']);
      expect(await idsOf({ route: 'day' })).toEqual(['b', 'a']);
      expect(await idsOf({ carrier: 'plivo' })).toEqual(['b']);
      expect(await idsOf({ tool: 'opening_hours' })).toEqual(['a']);
      expect(await idsOf({ tool: 'opening' })).toEqual([]);
      expect(await idsOf({ slowMs: 800 })).toEqual(['c', 'a']);
      expect(await idsOf({ slowMs: 2_601 })).toEqual([]);
      expect(await idsOf({ interrupted: true })).toEqual(['a']);
      expect(await idsOf({ failed: true })).toEqual(['b']);
      expect(await idsOf({ counted: true })).toEqual(await idsOf({}));
      expect(await idsOf({ costFrom: TURN_COST / 2 })).toEqual(['a']);
      expect(await idsOf({ prompt: 'sales', failed: true })).toEqual([]);
      expect(await store.get('a')).toMatchObject({ slowestAnswerMs: 2_600 });
      await store.remove('a');
      expect(await idsOf({ tool: 'opening_hours' })).toEqual([]);
    });

    it('gives what was said in some calls, in order, so that what a search found can be shown', async () => {
      await threeCalls();
      const said = await store.spoken(['b', 'a', 'nobody'], 100);
      expect(said.map(({ callId, data }) => [callId, data['text']])).toEqual([
        ['a', 'Do you open on Saturdays?'],
        ['a', 'Yes, from nine.'],
        ['b', 'My invoice is wrong'],
        ['b', 'I am sorry to hear that.'],
      ]);
      expect(await store.spoken(['a', 'b'], 3)).toEqual(said.slice(0, 3));
      const hit = hitsOf('saturd', said).get('a');
      expect(hit).toMatchObject({
        role: 'caller',
        eventId: said[0]?.id,
        offsetMs: said[0]?.offsetMs,
        marks: [[15, 24]],
      });
    });
  });
}
