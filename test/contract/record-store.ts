import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/records/event.ts';
import type { RecordQuery, RecordStore } from '../../src/records/store.ts';
import { Telling, TURN_COST } from '../fakes/record-events.ts';

/** A place for a store: each test gets a fresh one, and can open it more than once, as two processes would. */
export interface RecordStorePlace {
  open(): Promise<RecordStore>;
  close(): Promise<void>;
}

export interface RecordStoreRig {
  /** Before all tests. */
  prepare?(): Promise<void>;
  /** An empty place. */
  place(): Promise<RecordStorePlace>;
  finish?(): Promise<void>;
}

/** What every store of records must do. */
export function recordStoreContract(name: string, rig: RecordStoreRig): void {
  describe(`RecordStore: ${name}`, () => {
    const places: RecordStorePlace[] = [];
    const place = async () => {
      const made = await rig.place();
      places.push(made);
      return made;
    };
    const open = async () => (await place()).open();
    beforeAll(async () => rig.prepare?.());
    afterEach(async () => {
      for (const made of places.splice(0)) await made.close();
    });
    afterAll(async () => rig.finish?.());

    const idsOf = async (store: RecordStore, query: Partial<RecordQuery>) =>
      (await store.list({ limit: 100, ...query })).map(({ id }) => id);

    it('keeps a call and its events as they were told', async () => {
      const store = await open();
      const telling = new Telling('aaaaaa');
      telling.start('c1', { conversationId: 'talk-7', tenantId: 'acme' });
      telling.turn('c1', 'Do you open on Saturdays?', 'Yes, from nine to one.');
      telling.tell('c1', [
        { type: 'barge_in', heard: [], clearMs: 1 },
        { type: 'agent', event: { type: 'tool_call', toolCallId: 't', name: 'x', arguments: '{}', responseId: 'r' } },
        {
          type: 'agent',
          event: { type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 's', resumed: true },
        },
      ]);
      telling.turn('c1', 'Thank you', 'You are welcome');
      telling.end('c1');
      const kept = telling.told.filter(({ transient }) => !transient);
      await store.append('aaaaaa', kept);

      expect(await store.events('c1', undefined, 1_000)).toEqual(kept);
      const [first] = kept;
      expect(await store.get('c1')).toEqual({
        id: 'c1',
        instance: 'aaaaaa',
        direction: 'inbound',
        carrier: 'twilio',
        carrierCallId: 'CAc1',
        from: '+12025550143',
        to: '+12025550199',
        callerKind: null,
        route: 'main',
        prompt: 'default',
        model: 'gpt-realtime-2.1',
        conversationId: 'talk-7',
        continues: null,
        after: null,
        tenantId: 'acme',
        startedAt: first?.at,
        answeredAt: kept[1]?.at,
        endedAt: kept.at(-1)?.at,
        durationMs: 5_000,
        result: 'success',
        reason: 'caller-hangup',
        lastAt: kept.at(-1)?.at,
        lastOffsetMs: kept.at(-1)?.offsetMs,
        events: kept.length,
        turns: 2,
        bargeIns: 1,
        toolCalls: 1,
        slowestAnswerMs: null,
        answers: [],
        cost: Number((2 * TURN_COST).toFixed(9)),
        currency: 'USD',
        transports: ['webrtc', 'websocket'],
        usage: {
          inputTextTokens: 2_000,
          inputAudioTokens: 200,
          cachedTokens: 1_000,
          cachedAudioTokens: 0,
          outputTextTokens: 100,
          outputAudioTokens: 400,
        },
        counters: { frames_in: 250, barge_in: 1 },
        recording: null,
      });
      expect(await store.get('c2')).toBeUndefined();
      expect(await store.events('c2', undefined, 10)).toEqual([]);
    });

    it('bills talk by the minute where the model is, and settles it at the end, in whatever order and batches it is told', async () => {
      const store = await open();
      const telling = new Telling();
      for (const id of ['in-order', 'in-turn']) {
        telling.start(id, { model: 'by-the-minute' });
        // Tokens that it tells cost nothing.
        telling.turn(id, 'hello', 'good morning');
        telling.end(id, 'caller-hangup', 30_100);
      }
      // Nobody answered; and one that goes on.
      telling.tell('missed', [
        {
          type: 'call_started',
          at: 1_700_000_000_000,
          direction: 'inbound',
          info: { id: 'missed', direction: 'inbound', model: 'by-the-minute' },
        },
      ]);
      telling.wait(10_000);
      telling.end('missed', 'caller-hangup', 10_000);
      telling.start('open', { model: 'by-the-minute' });
      const kept = telling.told.filter(({ transient }) => !transient);
      const of = (id: string) => kept.filter(({ callId }) => callId === id);
      await store.append('aaaaaa', of('in-order'));
      for (const event of of('in-turn').toReversed()) await store.append('aaaaaa', [event]);
      await store.append('aaaaaa', [...of('missed'), ...of('open')]);
      // It was answered after 100 ms.
      for (const id of ['in-order', 'in-turn'])
        expect(await store.get(id)).toMatchObject({ cost: 0.3, currency: 'USD', durationMs: 30_100 });
      expect(await store.get('missed')).toMatchObject({ cost: 0, currency: null });
      expect(await store.get('open')).toMatchObject({ cost: 0.001, currency: 'USD', endedAt: null });
    });

    it('gives the events after one, in order, as many as are asked for', async () => {
      const store = await open();
      const telling = new Telling();
      telling.start('c1');
      for (let i = 0; i < 5; i++) telling.tell('c1', [{ type: 'barge_in', heard: [], clearMs: i }], 0);
      await store.append('aaaaaa', telling.told);
      const ids = telling.told.map(({ id }) => id);
      const got = async (after: string | undefined, limit: number) =>
        (await store.events('c1', after, limit)).map(({ id }) => id);
      expect(await got(undefined, 3)).toEqual(ids.slice(0, 3));
      expect(await got(ids[2], 100)).toEqual(ids.slice(3));
      expect(await got(ids.at(-1), 100)).toEqual([]);
    });

    it('gives the events of a range in the order of their ids, page by page, of all calls, one, or a conversation', async () => {
      const store = await open();
      const telling = new Telling();
      for (let i = 0; i < 4; i++) telling.start(`c${i}`, i % 2 === 0 ? { conversationId: 'even' } : {});
      for (let n = 0; n < 10; n++)
        for (let i = 0; i < 4; i++) telling.tell(`c${i}`, [{ type: 'barge_in', heard: [], clearMs: n }], 5);
      // They come in any order: calls of several processes, and what waited on a disk.
      await store.append('aaaaaa', telling.told.toReversed());
      const all = telling.told.map(({ id }) => id).sort();
      const [after = '', until = ''] = [all[3], all[40]];
      const whole = async (filter: { callId?: string; conversationId?: string }) => {
        const found: string[] = [];
        for (let from = after; ; from = found.at(-1) ?? from) {
          const page = await store.between({ ...filter, after: from, until, limit: 7 });
          found.push(...page.map(({ id }) => id));
          if (page.length < 7) return found;
        }
      };
      const of = (wanted: (callId: string) => boolean) =>
        all.filter((id) => id > after && id <= until && wanted(telling.told.find((e) => e.id === id)?.callId ?? ''));
      expect(await whole({})).toEqual(all.slice(4, 41));
      expect(await whole({ callId: 'c1' })).toEqual(of((id) => id === 'c1'));
      expect(await whole({ conversationId: 'even' })).toEqual(of((id) => id === 'c0' || id === 'c2'));
      expect(await whole({ conversationId: 'odd' })).toEqual([]);
      const [first] = await store.between({ after: '0', until: all[0] ?? '', limit: 10 });
      expect(first).toEqual(telling.told.find(({ id }) => id === all[0]));
    });

    it('stores what comes twice once, in one batch, in two, and beside what is new', async () => {
      const store = await open();
      const telling = new Telling();
      const started = telling.start('c1');
      const turn = telling.turn('c1', 'hello', 'good morning').filter(({ transient }) => !transient);
      await store.append('aaaaaa', [...started, ...started]);
      await store.append('aaaaaa', started);
      await store.append('aaaaaa', [...started, ...turn]);
      await store.append('aaaaaa', turn);
      expect(await store.events('c1', undefined, 100)).toEqual([...started, ...turn]);
      expect(await store.get('c1')).toMatchObject({ events: started.length + turn.length, turns: 1, cost: TURN_COST });
      expect(await idsOf(store, { text: 'morning' })).toEqual(['c1']);
      await store.append('aaaaaa', []);
    });

    it('takes the same events from several at once and keeps each once', async () => {
      const { open: reopen } = await place();
      const [a, b] = [await reopen(), await reopen()];
      const telling = new Telling();
      const batches = Array.from({ length: 10 }, (_, i) => [
        telling.start(`c${i}`),
        telling.turn(`c${i}`, 'hello', 'good morning').filter(({ transient }) => !transient),
      ]);
      const appendAll = async (store: RecordStore, parts: readonly RecordedEvent[][]) => {
        for (const part of parts) await store.append('aaaaaa', part);
      };
      await Promise.all(batches.flatMap((parts) => [appendAll(a, parts), appendAll(b, parts)]));
      for (let i = 0; i < 10; i++) {
        const events = await a.events(`c${i}`, undefined, 100);
        expect(events).toHaveLength(7);
        expect(await b.get(`c${i}`)).toMatchObject({ events: 7, turns: 1, cost: TURN_COST });
      }
    });

    it('keeps texts of every kind, and texts made to break a statement', async () => {
      const store = await open();
      const telling = new Telling();
      telling.start('c1');
      const words = `'); DROP TABLE call_records; -- "quoted" \\ \n {a,b} 日本語 🙂 ${'x'.repeat(20_000)}`;
      telling.tell('c1', [
        { type: 'agent', event: { type: 'transcript', role: 'caller', itemId: 'i', text: words, final: true } },
      ]);
      await store.append('aaaaaa', telling.told);
      expect((await store.events('c1', undefined, 10)).at(-1)?.data).toMatchObject({ text: words });
      expect(await idsOf(store, { text: 'drop TABLE' })).toEqual(['c1']);
      expect(await idsOf(store, { text: '日本' })).toEqual(['c1']);
      expect(await idsOf(store, { text: `' OR "1"=1 *` })).toEqual([]);
    });

    it('keeps all of a batch or nothing', async () => {
      const store = await open();
      const telling = new Telling();
      const good = telling.start('c1');
      const bad = { ...good[1]!, id: null as unknown as string };
      await expect(store.append('aaaaaa', [...good, bad])).rejects.toMatchObject({ code: 'STORE_REFUSED' });
      expect(await store.get('c1')).toBeUndefined();
      await store.append('aaaaaa', good);
      expect(await store.get('c1')).toMatchObject({ events: good.length });
    });

    describe('searching', () => {
      const filled = async () => {
        const store = await open();
        const telling = new Telling();
        telling.start('c1', { from: '+12025550101' });
        telling.turn('c1', 'Ich möchte einen Termin', 'Gerne, am Dienstag?');
        telling.end('c1');
        telling.wait(60_000);
        telling.start('c2', {
          from: '+12025550102',
          conversationId: 'x',
          callerKind: 'identity',
          tenantId: 'acme',
        });
        telling.turn('c2', 'An appointment please', 'On Tuesday?');
        telling.end('c2', 'model-quota');
        telling.wait(60_000);
        telling.start('c3', { from: '+447700900123', to: '+12025550101' });
        telling.turn('c3', 'Where is my order?', 'Let me look');
        await store.append(
          'aaaaaa',
          telling.told.filter(({ transient }) => !transient),
        );
        return store;
      };

      it('gives the newest first', async () => {
        expect(await idsOf(await filled(), {})).toEqual(['c3', 'c2', 'c1']);
      });

      it('finds words of either side by their beginnings, whatever their case and accents, all of them', async () => {
        const store = await filled();
        expect(await idsOf(store, { text: 'appoint' })).toEqual(['c2']);
        expect(await idsOf(store, { text: 'TUESDAY appointment' })).toEqual(['c2']);
        expect(await idsOf(store, { text: 'mochte' })).toEqual(['c1']);
        expect(await idsOf(store, { text: 'Möchte, Dienstag!' })).toEqual(['c1']);
        expect(await idsOf(store, { text: 'order tuesday' })).toEqual([]);
        expect(await idsOf(store, { text: 'ointment' })).toEqual([]);
        expect(await idsOf(store, { text: '?!' })).toEqual([]);
      });

      it('finds numbers of either side, whole or by their last digits', async () => {
        const store = await filled();
        expect(await idsOf(store, { number: '+12025550101' })).toEqual(['c3', 'c1']);
        expect(await idsOf(store, { number: '900123' })).toEqual(['c3']);
        expect(await idsOf(store, { number: '0101' })).toEqual(['c3', 'c1']);
        expect(await idsOf(store, { number: '+1202555010' })).toEqual([]);
      });

      it('finds an identity of either side as it is written, and no number that ends like it', async () => {
        const store = await filled();
        const telling = new Telling();
        const user = 'whatsapp:US.4912025550101';
        telling.start('c4', { from: user, callerKind: 'identity' });
        telling.start('c5', { from: '+12025550199', to: user });
        await store.append('aaaaaa', telling.told);
        expect(await idsOf(store, { number: user })).toEqual(['c5', 'c4']);
        expect(await idsOf(store, { number: 'whatsapp:US.491202555010' })).toEqual([]);
        expect(await idsOf(store, { number: '12025550101' })).toEqual(['c3', 'c1']);
      });

      it('finds by result, reason, conversation, state and time, and by several at once', async () => {
        const store = await filled();
        const at = (await store.get('c2'))!.startedAt;
        expect(await idsOf(store, { result: 'upstream_error' })).toEqual(['c2']);
        expect(await idsOf(store, { reason: 'caller-hangup' })).toEqual(['c1']);
        expect(await idsOf(store, { conversationId: 'x' })).toEqual(['c2']);
        expect(await idsOf(store, { tenantId: 'acme' })).toEqual(['c2']);
        expect(await idsOf(store, { tenantId: 'other' })).toEqual([]);
        expect(await idsOf(store, { callerKind: 'identity' })).toEqual(['c2']);
        expect(await idsOf(store, { callerKind: 'withheld' })).toEqual([]);
        expect(await idsOf(store, { active: true })).toEqual(['c3']);
        expect(await idsOf(store, { active: false })).toEqual(['c2', 'c1']);
        expect(await idsOf(store, { since: at })).toEqual(['c3', 'c2']);
        expect(await idsOf(store, { until: at })).toEqual(['c1']);
        expect(await idsOf(store, { since: at, until: at + 1, text: 'tuesday', number: '+12025550102' })).toEqual([
          'c2',
        ]);
        expect(await idsOf(store, { since: at, result: 'success' })).toEqual([]);
      });

      it('gives every call once over pages, also those that began at the same moment', async () => {
        const store = await open();
        const told: RecordedEvent[] = [];
        for (let i = 0; i < 25; i++) told.push(...new Telling(`i${i}`, 1_700_000_000_000 + (i >> 2)).start(`c${i}`));
        await store.append('aaaaaa', told);
        const seen: string[] = [];
        for (let page = await store.list({ limit: 4 }); page.length > 0; ) {
          seen.push(...page.map(({ id }) => id));
          const { startedAt, id } = page.at(-1)!;
          page = await store.list({ limit: 4, before: { startedAt, id } });
        }
        expect(seen).toHaveLength(25);
        expect(new Set(seen).size).toBe(25);
      });
    });

    describe('calls whose process died', () => {
      it('are closed when it is known dead, and no others', async () => {
        const { open: reopen } = await place();
        const store = await reopen();
        const dead = new Telling('dead01');
        const started = [...dead.start('d1'), ...dead.turn('d1', 'hello', 'hi').filter((e) => !e.transient)];
        const ended = [...dead.start('d2'), ...dead.end('d2')];
        await store.append('dead01', [...started, ...ended]);
        await store.append('alive1', new Telling('alive1').start('a1'));
        await store.heartbeat('alive1');

        expect(await (await reopen()).closeInterrupted({ instances: ['dead01'] })).toMatchObject([{ id: 'd1' }]);
        const last = started.at(-1)!;
        expect(await store.get('d1')).toMatchObject({
          result: 'indeterminate',
          reason: 'process-lost',
          endedAt: last.at,
          durationMs: last.offsetMs,
          events: started.length,
        });
        expect(await store.get('d2')).toMatchObject({ reason: 'caller-hangup' });
        expect(await store.get('a1')).toMatchObject({ endedAt: null, result: null });
        expect(await store.closeInterrupted({ instances: ['dead01'] })).toEqual([]);
      });

      it('are closed when it fell silent, while those of a process that still tells of itself go on', async () => {
        const store = await open();
        await store.heartbeat('silent');
        await store.heartbeat('alive1');
        await store.append('silent', new Telling('silent').start('s1'));
        await store.append('alive1', new Telling('alive1').start('a1'));
        expect(await store.closeInterrupted({ silentMs: 60_000 })).toEqual([]);
        expect(await store.silent(60_000)).toEqual([]);
        // So much longer than all that is asked then takes, also where the process stands still.
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        await store.heartbeat('alive1');
        expect(await store.silent(2_400)).toEqual(['silent']);
        expect(await store.closeInterrupted({ silentMs: 2_400, except: ['silent'] })).toEqual([]);
        expect(await store.get('s1')).toMatchObject({ endedAt: null });
        expect(await store.closeInterrupted({ silentMs: 2_400 })).toMatchObject([{ id: 's1', reason: 'process-lost' }]);
        expect(await store.silent(2_400)).toEqual([]);
        expect(await store.get('s1')).toMatchObject({ reason: 'process-lost' });
        expect(await store.get('a1')).toMatchObject({ endedAt: null });
      });

      it('are looked for while there may be another process', async () => {
        const store = await open();
        await store.heartbeat('first1');
        expect(await store.heartbeat('other1')).toBe(true);
        expect(await store.heartbeat('first1')).toBe(true);
      });

      it('are those of whoever has them now, where one was prepared elsewhere', async () => {
        const store = await open();
        await store.append('prepar', new Telling('prepar').start('m1'));
        await store.append('landed', new Telling('landed').start('m1', { takenFrom: 'prepar' } as object));
        expect(await store.closeInterrupted({ instances: ['prepar'] })).toEqual([]);
        expect(await store.closeInterrupted({ instances: ['landed'] })).toMatchObject([{ id: 'm1' }]);
      });

      it('stay ended when it is told what they came to', async () => {
        const store = await open();
        const telling = new Telling('dead02');
        await store.append(
          'dead02',
          [...telling.start('d3'), ...telling.turn('d3', 'hello', 'hi')].filter((e) => !e.transient),
        );
        await store.closeInterrupted({ instances: ['dead02'] });
        const after = { summary: 'Nothing.', outcome: null, fields: {}, model: 'm' };
        const [last] = (await store.events('d3', undefined, 99)).slice(-1);
        await store.append('another', [{ ...last!, id: `${last!.id}z`, type: 'call_summarized', data: after }]);
        expect(await store.get('d3')).toMatchObject({ reason: 'process-lost', instance: 'dead02', after });
      });

      it('go on in the record when they prove to live, and end as they then say', async () => {
        const store = await open();
        const telling = new Telling('cutoff');
        await store.append('cutoff', telling.start('c1'));
        await store.closeInterrupted({ instances: ['cutoff'] });
        await store.append(
          'cutoff',
          telling.turn('c1', 'still here', 'fine').filter((e) => !e.transient),
        );
        expect(await store.get('c1')).toMatchObject({ endedAt: null, result: null, reason: null, durationMs: null });
        await store.closeInterrupted({ instances: ['cutoff'] });
        await store.append('cutoff', telling.end('c1'));
        expect(await store.get('c1')).toMatchObject({ result: 'success', reason: 'caller-hangup', durationMs: 5_000 });
      });
    });

    describe('removing', () => {
      it('by age takes calls that ended, with all that was said, a few at a time', async () => {
        const store = await open();
        const old = new Telling('aaaaaa', 1_600_000_000_000);
        for (const id of ['o1', 'o2', 'o3']) {
          old.start(id);
          old.turn(id, 'secret', 'words');
          old.end(id);
        }
        old.start('open');
        const young = new Telling('bbbbbb');
        young.start('y1');
        young.end('y1');
        await store.append(
          'aaaaaa',
          [...old.told, ...young.told].filter(({ transient }) => !transient),
        );
        expect(await store.removeOlder(1_650_000_000_000, 2)).toBe(2);
        expect(await store.removeOlder(1_650_000_000_000, 2)).toBe(1);
        expect(await store.removeOlder(1_650_000_000_000, 2)).toBe(0);
        expect(await idsOf(store, {})).toEqual(['y1', 'open']);
        expect(await idsOf(store, { text: 'secret' })).toEqual([]);
        expect(await store.events('o1', undefined, 10)).toEqual([]);
      });

      it('of one call leaves the others, and none that goes on', async () => {
        const store = await open();
        const telling = new Telling();
        for (const id of ['c1', 'c2']) {
          telling.start(id);
          telling.turn(id, 'secret', 'words');
          telling.end(id);
        }
        telling.start('c3');
        await store.append(
          'aaaaaa',
          telling.told.filter(({ transient }) => !transient),
        );
        expect(await store.remove('c1')).toBe(true);
        expect(await store.remove('c1')).toBe(false);
        expect(await store.remove('c3')).toBe(false);
        expect(await idsOf(store, {})).toEqual(['c3', 'c2']);
        expect(await idsOf(store, { text: 'secret' })).toEqual(['c2']);
        expect(await store.events('c1', undefined, 10)).toEqual([]);
      });

      it('is for good: what comes of the call later, as from the spool of a process that died, is not stored', async () => {
        const store = await open();
        const telling = new Telling();
        telling.start('c1');
        telling.turn('c1', 'secret', 'words');
        telling.end('c1');
        const told = telling.told.filter(({ transient }) => !transient);
        await store.append('aaaaaa', told);
        await store.remove('c1');
        await store.append('aaaaaa', [...told, ...telling.start('c2')]);
        expect(await idsOf(store, {})).toEqual(['c2']);
        expect(await store.events('c1', undefined, 10)).toEqual([]);
        expect(await idsOf(store, { text: 'secret' })).toEqual([]);
      });

      it('is told to every process, by order and by age, until it is forgotten', async () => {
        const { open: reopen } = await place();
        const [store, other] = [await reopen(), await reopen()];
        const telling = new Telling('aaaaaa', 1_600_000_000_000);
        for (const id of ['c1', 'c2', 'c3', 'c4']) {
          telling.start(id);
          telling.end(id);
        }
        await store.append('aaaaaa', telling.told);
        const began = Date.now();
        await store.remove('c2');
        await new Promise((resolve) => setTimeout(resolve, 5));
        await store.removeOlder(1_650_000_000_000, 2);
        const first = await other.removed({ callId: '', at: 0 }, 1);
        expect(first.map(({ callId }) => callId)).toEqual(['c2']);
        expect(Math.abs((first[0]?.at ?? 0) - began)).toBeLessThan(10_000);
        const rest = await other.removed(first[0] as { callId: string; at: number }, 10);
        expect(rest.map(({ callId }) => callId)).toEqual(['c1', 'c3']);
        await store.forgetRemoved((rest[0]?.at ?? 0) - 1);
        expect((await other.removed({ callId: '', at: 0 }, 10)).map(({ callId }) => callId)).toEqual(['c1', 'c3']);
      });
    });

    it('brings its schema up to date once, however many start at the same moment', async () => {
      const { open: reopen } = await place();
      const stores = await Promise.all([reopen(), reopen(), reopen()]);
      await stores[0]!.append('aaaaaa', new Telling().start('c1'));
      for (const store of stores) expect(await idsOf(store, {})).toEqual(['c1']);
    });

    it('keeps what it has over a close, and refuses what comes after it', async () => {
      const { open: reopen } = await place();
      const store = await reopen();
      await store.append('aaaaaa', new Telling().start('c1'));
      await store.close();
      await store.close();
      await expect(store.get('c1')).rejects.toMatchObject({ code: 'ABORTED' });
      expect(await idsOf(await reopen(), {})).toEqual(['c1']);
    });
  });
}
