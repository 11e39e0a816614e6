import { describe, expect, it } from 'vitest';
import { termination } from '../../../../../src/call/termination.ts';
import { readMetaEvents } from '../../../../../src/callers/whatsapp/events.ts';
import { BridgeError } from '../../../../../src/errors.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { connectOf, metaBody, metaChange, NUMBER_ID, terminateOf } from '../../../../fakes/meta.ts';
import { ANSWER, rig } from './rig.ts';

const ready = (agent: { ctx: { emit(event: object): void } | undefined } | undefined) =>
  agent?.ctx?.emit({ type: 'ready', transport: 'websocket', resumed: false });

describe('a call that a user places', () => {
  it.each([true, false])(
    'is answered in the order that was chosen, with the same SDP, and not a packet leaves before accept has its 200 (pre_accept %s)',
    async (preAccept) => {
      const {
        webhook,
        settle,
        state,
        go,
        order,
        requests,
        phones,
        agents,
        records,
        state: { setUp },
      } = rig({ preAccept });
      state.held.add('accept');
      webhook(connectOf('wacid.A'));
      await settle(40);
      // The model is being prepared, and speaks, while Meta is answered.
      expect(agents).toHaveLength(1);
      ready(agents[0]);
      phones[0]?.connect();
      await settle(2_000);
      expect(order).toEqual(preAccept ? ['pre_accept', 'pre_accept 200', 'accept'] : ['accept']);
      go('accept');
      await settle(100);
      const at = order.indexOf('accept 200');
      expect(order.indexOf('packet')).toBeGreaterThan(at);
      // Silence flows within 100 ms.
      expect(order.filter((what) => what === 'packet').length).toBeGreaterThanOrEqual(6);
      expect(requests.map(({ sdp }) => sdp)).toEqual(Array(preAccept ? 2 : 1).fill(ANSWER));
      expect(setUp).toEqual(['asked', 'accepted']);
      expect(records()).toMatchObject([
        {
          starts: 1,
          ends: 0,
          info: {
            direction: 'inbound',
            carrier: 'whatsapp',
            accountId: NUMBER_ID,
            carrierCallId: 'wacid.A',
            from: '+12025550143',
            to: '+12025550199',
            callerKind: 'number',
            route: 'r',
            prompt: 'p',
          },
        },
      ]);
    },
  );

  it('of a user without a number is a call as any other', async () => {
    const { desk, settle, records, assigned, calls } = rig();
    const change = metaChange([{ ...connectOf('a'), from: undefined }]);
    change.value.contacts = [{ user_id: 'US.99' }];
    desk.take(readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] }));
    await settle(100);
    expect(calls.size).toBe(1);
    expect(assigned).toMatchObject([{ from: { kind: 'identity', scheme: 'whatsapp', text: 'whatsapp:US.99' } }]);
    expect(records()).toMatchObject([{ info: { from: 'whatsapp:US.99', callerKind: 'identity' } }]);
  });

  it('is routed by the number that was called, and by its id where that is no number', async () => {
    const { desk, settle, assigned } = rig();
    const change = metaChange([connectOf('a')]);
    const body = (display: string) => {
      change.value.metadata.display_phone_number = display;
      change.value.calls = [connectOf(`wacid.${display.length}`)];
      return { object: 'whatsapp_business_account', entry: [{ changes: [change] }] };
    };
    desk.take(readMetaEvents(body('+1 202-555-0199')));
    desk.take(readMetaEvents(body('')));
    await settle(20);
    expect(assigned.map(({ to }) => to)).toEqual([
      { kind: 'number', number: '+12025550199' },
      { kind: 'identity', scheme: 'whatsapp', text: `whatsapp:${NUMBER_ID}`, key: undefined },
    ]);
  });

  it('of another number of the account is counted and ignored', async () => {
    const { desk, settle, counts, records, actions } = rig();
    const changes = [metaChange([connectOf('a')], '999'), metaChange([terminateOf('a')], '999')];
    desk.take(readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes }] }));
    await settle(100);
    expect(counts).toEqual({ number_unknown: 2 });
    expect(records()).toEqual([]);
    expect(actions()).toEqual([]);
  });

  it('is not answered when it is told an hour late', async () => {
    const { webhook, settle, counts, clock, records } = rig();
    webhook(connectOf('a', { timestamp: String(clock.wall() / 1_000 - 3_700) }));
    webhook(connectOf('b', { timestamp: 'soon' }));
    await settle(100);
    expect(counts).toMatchObject({ connect: 2, connect_stale: 1, accepted: 1 });
    expect(records()).toHaveLength(1);
  });

  it("is in the log without Meta's id, in which the user's number is written, and without the number", async () => {
    const { webhook, settle, log } = rig();
    webhook(connectOf('wacid.HBgLMTIwMjU1NTAxNDM'));
    await settle(100);
    webhook(terminateOf('wacid.HBgLMTIwMjU1NTAxNDM'));
    await settle(100);
    const shown = log.lines
      .filter(({ level }) => level !== 'debug')
      .map((line) => JSON.stringify(line))
      .join('\n');
    expect(shown).toContain('a call comes in');
    expect(shown).not.toMatch(/HBgL|0143/);
  });
});

describe('webhooks that come twice, late or in another order', () => {
  it('answer a call once, however often its connect comes', async () => {
    const { webhook, settle, counts, actions, records } = rig();
    webhook(connectOf('a'), connectOf('a'));
    webhook(connectOf('a'));
    await settle(100);
    webhook(connectOf('a'));
    await settle(100);
    webhook(terminateOf('a'), terminateOf('a'));
    await settle(100);
    webhook(connectOf('a'));
    await settle(100);
    expect(actions()).toEqual(['pre_accept', 'accept']);
    expect(records()).toMatchObject([{ starts: 1, ends: 1, end: { reason: 'caller-hangup' } }]);
    expect(counts).toMatchObject({ connect: 5, connect_repeated: 4, accepted: 1 });
  });

  it('answer a call once where two processes get its connect', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [a, b] = [rig({ clock, memory, instance: 'a' }), rig({ clock, memory, instance: 'b' })];
    a.webhook(connectOf('x'));
    b.webhook(connectOf('x'));
    await a.settle(100);
    expect([...a.actions(), ...b.actions()]).toEqual(['pre_accept', 'accept']);
    expect(a.records().length + b.records().length).toBe(1);
  });

  it('leave a call alone whose terminate came first: no accept, no reject, no terminate, one record that says why', async () => {
    const { webhook, settle, counts, actions, records, calls, agents } = rig();
    webhook(terminateOf('a'));
    await settle(599_000);
    webhook(connectOf('a'));
    webhook(connectOf('a'));
    await settle(1_000);
    expect(actions()).toEqual([]);
    expect(agents).toEqual([]);
    expect(calls.size).toBe(0);
    expect(records()).toMatchObject([{ starts: 1, ends: 1, end: { reason: 'ended-first', result: 'success' } }]);
    expect(records()[0]?.info).toMatchObject({ carrierCallId: 'a', from: '+12025550143' });
    expect(counts).toMatchObject({ terminate_first: 1, connect_ended_first: 1, connect_repeated: 1 });
  });

  it('end a call whose terminate came to another process before it was accepted', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [a, b] = [rig({ clock, memory, instance: 'a' }), rig({ clock, memory, instance: 'b' })];
    a.state.held.add('pre_accept');
    a.webhook(connectOf('x'));
    await a.settle(20);
    b.webhook(terminateOf('x'));
    await b.settle(20);
    a.go('pre_accept');
    await a.settle(100);
    expect(a.actions()).toEqual(['pre_accept']);
    expect(a.ends()).toEqual(['caller-hangup']);
    expect(b.records()).toEqual([]);
  });

  it('of 50 calls at once, each told twice and a fifth of them in the wrong order, leave 50 records, none doubled and none stuck', async () => {
    const { webhook, settle, records, actions, calls, desk, clock } = rig();
    for (let i = 0; i < 50; i++) {
      const events = [connectOf(`c${i}`), connectOf(`c${i}`), terminateOf(`c${i}`), terminateOf(`c${i}`)];
      if (i % 5 === 0) events.reverse();
      for (const event of events.slice(0, 2)) webhook(event);
      await settle(i % 5 === 0 ? 0 : 40);
      for (const event of events.slice(2)) webhook(event);
    }
    await settle(2_000);
    expect(records()).toHaveLength(50);
    expect(records().every(({ starts, ends }) => starts === 1 && ends === 1)).toBe(true);
    expect(records().filter(({ end }) => end?.reason === 'ended-first')).toHaveLength(10);
    expect(new Set(records().map(({ info }) => info.carrierCallId)).size).toBe(50);
    expect(actions().filter((action) => action === 'terminate' || action === 'reject')).toEqual([]);
    expect(calls.size).toBe(0);
    expect(desk.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('a webhook of thousands of events', () => {
  const flood = (n: number) => readMetaEvents(metaBody(...Array.from({ length: n }, (_, i) => connectOf(`f${i}`))));

  it('lets everything else have its turn, and sees to each of them in order', async () => {
    const { desk, settle, state, records } = rig();
    state.draining = true;
    desk.take(flood(200));
    desk.take(readMetaEvents(metaBody(terminateOf('f199'))));
    // A turn of the event loop later most are still to come.
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(desk.size + records().length).toBeLessThan(100);
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    await settle(100);
    expect(records()).toHaveLength(200);
    expect(records().every(({ starts, ends }) => starts === 1 && ends === 1)).toBe(true);
    expect(desk.size).toBe(0);
  });

  it('is seen to whole when the process ends', async () => {
    const { desk, settle, state, records } = rig();
    state.draining = true;
    desk.take(flood(200));
    const closed = desk.close();
    await settle(5_000);
    await closed;
    expect(records()).toHaveLength(200);
  });
});

describe('a call that is not admitted is declined, and leaves one record', () => {
  it.each([
    ['busy', { admission: { maxCalls: 0 } }, (_: ReturnType<typeof rig>) => {}, 'calls'],
    ['draining', {}, (r: ReturnType<typeof rig>) => void Object.assign(r.state, { draining: true }), 'draining'],
    [
      'no prompt',
      {},
      (r: ReturnType<typeof rig>) => void Object.assign(r.state, { prompt: false }),
      'no prompt answers',
    ],
    [
      'the model refuses all',
      { admission: { models: { admits: () => false, spares: () => true, isOpen: () => true } } },
      (_: ReturnType<typeof rig>) => {},
      'model',
    ],
  ])('where it is %s', async (_why, options, prepare, detail) => {
    const one = rig(options as object);
    prepare(one);
    one.webhook(connectOf('a'));
    await one.settle(200);
    one.webhook(terminateOf('a'));
    one.webhook(connectOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual(['reject']);
    expect(one.records()).toMatchObject([{ starts: 1, ends: 1, end: { reason: 'not-admitted', detail } }]);
    expect(one.desk.size).toBe(0);
    expect(one.clock.pending).toBe(0);
  });

  it('and its place is free again', async () => {
    const { webhook, settle, state, calls } = rig({ admission: { maxCalls: 1 } });
    state.prompt = false;
    for (const id of ['a', 'b', 'c']) webhook(connectOf(id));
    await settle(100);
    state.prompt = true;
    webhook(connectOf('d'));
    await settle(100);
    expect(calls.size).toBe(1);
  });
});

describe('what fails while a call is answered', () => {
  /** All that a call had is gone: its place, its peer, the model's session, its timers. */
  const expectFreed = ({ calls, phones, agents, desk, clock }: ReturnType<typeof rig>) => {
    expect(calls.size).toBe(0);
    expect(desk.size).toBe(0);
    expect(phones.map(({ closed }) => closed)).toEqual(phones.map(() => 1));
    expect(agents.map(({ closedWith }) => closedWith.length)).toEqual(agents.map(() => 1));
    expect(clock.pending).toBe(0);
  };

  it('ends it with everything freed, when Meta does not take the accept', async () => {
    const one = rig();
    one.state.failures.accept = 'GRAPH_PARAMETER_INVALID';
    one.webhook(connectOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'reject']);
    expect(one.order).not.toContain('packet');
    expect(one.records()).toMatchObject([
      { starts: 1, ends: 1, end: { reason: 'carrier-failed', result: 'upstream_error' } },
    ]);
    expect(one.records()[0]?.end?.detail).toContain('GRAPH_PARAMETER_INVALID');
    expectFreed(one);
  });

  it('says of a number that it shares with the app why its accept is refused', async () => {
    const one = rig();
    one.state.failures.accept = 'GRAPH_NOT_CALLABLE';
    one.webhook(connectOf('a'));
    await one.settle(200);
    expect(one.records()[0]?.end).toMatchObject({
      reason: 'carrier-failed',
      detail: expect.stringContaining('GRAPH_NOT_CALLABLE'),
    });
  });

  it('has a call terminated, and not declined, of which it is not certain that it was not accepted', async () => {
    const one = rig();
    Object.assign(one.state, { failures: { accept: 'GRAPH_TIMEOUT' }, uncertain: true });
    one.webhook(connectOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
    expectFreed(one);
  });

  it('accepts without pre_accept where only that could not be done, and gives up where it never will be', async () => {
    const passing = rig();
    passing.state.failures.pre_accept = 'GRAPH_UNAVAILABLE';
    passing.webhook(connectOf('a'));
    await passing.settle(200);
    expect(passing.actions()).toEqual(['pre_accept', 'accept']);
    expect(passing.counts).toMatchObject({ pre_accept_failed: 1, accepted: 1 });
    const final = rig();
    final.state.failures.pre_accept = 'GRAPH_NUMBER_ON_SIP';
    final.webhook(connectOf('a'));
    await final.settle(200);
    expect(final.actions()).toEqual(['pre_accept', 'reject']);
    expect(final.ends()).toEqual(['carrier-failed']);
    expectFreed(final);
  });

  it.each([
    ['PEER_SDP_INVALID', 'media-malformed'],
    ['PEER_FAILED', 'internal'],
    ['PEER_UNAVAILABLE', 'internal'],
  ] as const)('declines an offer that cannot be answered: %s', async (code, reason) => {
    const one = rig();
    one.state.answer = async () => {
      throw new BridgeError(code, 'the offer cannot be used: why');
    };
    one.webhook(connectOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual(['reject']);
    expect(one.records()).toMatchObject([
      { starts: 1, ends: 1, end: { reason, detail: expect.stringContaining(code) } },
    ]);
    expectFreed(one);
  });

  it('gives up a call that Meta neither takes nor refuses', async () => {
    const one = rig();
    one.state.held.add('accept');
    one.webhook(connectOf('a'));
    await one.settle(21_000);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
    expect(one.ends()).toEqual(['no-stream']);
    expectFreed(one);
  });

  it.each(['pre_accept', 'accept'] as const)(
    'sends nothing to a user who hangs up while %s is asked, and asks no more',
    async (action) => {
      const one = rig();
      one.state.held.add(action);
      one.webhook(connectOf('a'));
      await one.settle(40);
      ready(one.agents[0]);
      one.webhook(terminateOf('a', { status: 'FAILED' }));
      await one.settle(40);
      one.go(action);
      await one.settle(2_000);
      expect(one.actions()).toEqual(action === 'accept' ? ['pre_accept', 'accept'] : ['pre_accept']);
      expect(one.order).not.toContain('packet');
      expect(one.agents[0]?.did).toEqual([]);
      expect(one.ends()).toEqual(['caller-hangup']);
      expectFreed(one);
    },
  );

  it('leaves one record of a user who hangs up before there is a call', async () => {
    const one = rig();
    one.webhook(connectOf('a'), terminateOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual([]);
    expect(one.records()).toMatchObject([{ starts: 1, ends: 1, end: { reason: 'caller-hangup' } }]);
    expectFreed(one);
  });
});

describe('the end of a call', () => {
  const running = async () => {
    const one = rig();
    one.webhook(connectOf('a'));
    await one.settle(40);
    one.phones[0]?.connect();
    ready(one.agents[0]);
    await one.settle(100);
    const [call] = [...one.calls];
    if (call === undefined) throw new Error('there is no call');
    return { ...one, call };
  };

  it('by the user needs no terminate', async () => {
    const one = await running();
    one.webhook(terminateOf('a', { duration: 12 }));
    await one.settle(200);
    expect(one.actions()).toEqual(['pre_accept', 'accept']);
    expect(one.ends()).toEqual(['caller-hangup']);
    expect(one.clock.pending).toBe(0);
  });

  it('by us is told to Meta once, and its own terminate changes nothing', async () => {
    const one = await running();
    void one.call.end(termination('agent-hangup'));
    await one.settle(100);
    one.webhook(terminateOf('a'));
    await one.settle(200);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
    expect(one.records()).toMatchObject([{ ends: 1, end: { reason: 'agent-hangup' } }]);
  });

  it('gives its place back first, then Meta is told for as long as it takes', async () => {
    const one = await running();
    one.state.failures.terminate = 'GRAPH_UNAVAILABLE';
    void one.call.end(termination('agent-hangup'));
    await one.settle(5_000);
    expect(one.calls.size).toBe(0);
    expect(one.desk.size).toBe(0);
    expect(one.phones[0]?.closed).toBe(1);
    expect(one.actions().filter((action) => action === 'terminate').length).toBeGreaterThan(2);
    expect(one.farewells.waiting).toBe(1);
    one.state.failures = {};
    await one.settle(16_000);
    expect(one.order.at(-1)).toBe('terminate 200');
    expect(one.farewells.waiting).toBe(0);
    expect(one.clock.pending).toBe(0);
  });

  it('by a model that dies has an end at Meta, too', async () => {
    const one = await running();
    one.agents[0]?.ctx?.emit({ type: 'ended', end: termination('model-session-lost') });
    await one.settle(2_000);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
    expect(one.ends()).toEqual(['model-session-lost']);
    expect(one.clock.pending).toBe(0);
  });

  it('by a model that died while the call was accepted waits until the user can hear the apology', async () => {
    const one = rig({ apology: true });
    one.state.held.add('accept');
    one.webhook(connectOf('a'));
    await one.settle(40);
    one.agents[0]?.ctx?.emit({ type: 'ended', end: termination('model-auth') });
    await one.settle(100);
    one.go('accept');
    await one.settle(5_000);
    expect(one.calls.size).toBe(1);
    one.phones[0]?.connect();
    await one.settle(5_000);
    expect(one.phones[0]?.samples).toBeGreaterThan(0);
    expect(one.ends()).toEqual(['model-auth']);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
    expect(one.clock.pending).toBe(0);
  });

  it('comes at once when media is lost: nobody comes back to a line of WhatsApp', async () => {
    const one = await running();
    one.phones[0]?.handlers?.state?.('failed');
    await one.settle(100);
    expect(one.ends()).toEqual(['media-lost']);
    expect(one.actions()).toEqual(['pre_accept', 'accept', 'terminate']);
  });

  it.each([
    [138021, 'media-lost', 'GRAPH_NO_MEDIA_RECEIVED (138021)'],
    [138022, 'media-lost', 'GRAPH_NO_MEDIA_SENT (138022)'],
    [138023, 'media-lost', 'GRAPH_ACCEPTED_WITHOUT_MEDIA (138023)'],
    [138020, 'carrier-failed', 'GRAPH_RELAY_FAILED (138020)'],
    [138999, 'carrier-failed', "Meta's error 138999"],
  ])('by Meta for %i is told in the record, and needs no terminate', async (code, reason, detail) => {
    const one = await running();
    one.webhook(terminateOf('a', { status: 'FAILED', errors: [{ code }] }));
    await one.settle(200);
    expect(one.records()).toMatchObject([{ ends: 1, end: { reason, detail, result: 'upstream_error' } }]);
    expect(one.actions()).toEqual(['pre_accept', 'accept']);
  });

  it('by Meta without a reason counts as a failure once the call was accepted', async () => {
    const one = await running();
    one.webhook(terminateOf('a', { status: 'FAILED' }));
    await one.settle(200);
    expect(one.ends()).toEqual(['carrier-failed']);
  });
});

describe('when the process ends', () => {
  it('Meta is told of every call, those that are being answered included', async () => {
    const one = rig();
    one.webhook(connectOf('a'));
    await one.settle(100);
    one.state.held.add('pre_accept');
    one.webhook(connectOf('b'));
    await one.settle(40);
    one.state.draining = true;
    void one.calls.endAll(termination('drained'));
    await one.settle(20);
    const closed = one.desk.close();
    await one.settle(4_000);
    await closed;
    const told = one.requests.filter(({ action }) => action === 'terminate' || action === 'reject');
    expect(told.map(({ action, id }) => `${action} ${id}`).sort()).toEqual(['reject b', 'terminate a']);
    expect(one.ends()).toEqual(['drained', 'drained']);
    expect(one.desk.size).toBe(0);
    expect(one.clock.pending).toBe(0);
  });

  it('a Graph API that is gone keeps it for some seconds, and no longer', async () => {
    const one = rig();
    one.webhook(connectOf('a'));
    await one.settle(100);
    one.state.failures.terminate = 'GRAPH_UNAVAILABLE';
    void one.calls.endAll(termination('drained'));
    await one.settle(20);
    let done = false;
    void one.desk.close().then(() => {
      done = true;
    });
    await one.settle(3_500);
    expect(done).toBe(false);
    await one.settle(1_000);
    expect(done).toBe(true);
    expect(one.counts).toMatchObject({ farewell_lost: 1 });
    expect(one.clock.pending).toBe(0);
  });
});

describe('calls that we place', () => {
  it('are told to whoever placed them: the answer, each status, the end, a permission', async () => {
    const told: string[] = [];
    const placed = {
      answered: ({ id }: { id: string }) => told.push(`answered ${id}`) > 0,
      status: ({ status }: { status: string }) => told.push(`status ${status}`) > 0,
      ended: ({ id }: { id: string }) => {
        told.push(`ended ${id}`);
        return id === 'b';
      },
      permission: ({ accepted }: { accepted: boolean }) => void told.push(`permission ${accepted}`),
    };
    const { webhook, desk, settle, actions, counts } = rig({ placed });
    webhook(connectOf('b', { direction: 'BUSINESS_INITIATED', session: { sdp_type: 'answer', sdp: 'v=0' } }));
    const change = metaChange([]);
    Object.assign(change.value, { statuses: [{ id: 'b', type: 'call', status: 'ACCEPTED' }] });
    desk.take(readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] }));
    webhook(terminateOf('b'), terminateOf('unknown'));
    await settle(20);
    expect(told).toEqual(['answered b', 'status ACCEPTED', 'ended b', 'ended unknown']);
    expect(actions()).toEqual([]);
    expect(counts).toMatchObject({ connect_outbound: 1, status: 1, terminate: 2, terminate_first: 1 });
  });

  it('are counted where nobody placed them, and nothing that is unknown is thrown', async () => {
    const { webhook, desk, settle, counts, records } = rig();
    webhook(connectOf('b', { direction: 'BUSINESS_INITIATED' }), { id: 'c', event: 'hold' }, null);
    const change = metaChange([]);
    Object.assign(change.value, {
      contacts: undefined,
      statuses: [{ id: 'b', type: 'call', status: 'NEW' }, { type: 'x' }],
    });
    desk.take(readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] }));
    desk.take(readMetaEvents('nonsense'));
    desk.take(readMetaEvents(metaBody()));
    await settle(20);
    expect(counts).toEqual({ connect_outbound: 1, other_event: 3, malformed: 2, status: 1 });
    expect(records()).toEqual([]);
  });
});
