import { describe, expect, it } from 'vitest';
import { callView } from '../../../../../src/orders/calls-api-routes.ts';
import { FakeAgent } from '../../../../fakes/legs.ts';
import { NUMBER_ID } from '../../../../fakes/meta.ts';
import { ANSWER, NUMBER, OFFER, permitted, refused, rig, USER } from './outbound-rig.ts';

const statusOf = (r: ReturnType<typeof rig>, id: string) => r.orders.find(id)?.status;

describe('a call that we place to a WhatsApp user', () => {
  it('is asked for with our offer, rings, and begins when he has picked up, not before', async () => {
    const r = rig();
    const view = callView.parse(await r.place({ prompt: 'reminder', variables: { day: 'Monday' } }));
    expect(r.asked).toEqual(['call_permissions', 'connect']);
    expect(r.sent).toEqual([{ to: { to: '12025550143' }, sdp: OFFER, opaque: view.id }]);
    expect(view).toMatchObject({
      carrierCallId: 'wacid.1',
      status: 'queued',
      direction: 'outbound',
      from: `whatsapp:${NUMBER_ID}`,
      to: NUMBER,
    });
    r.status('wacid.1', 'RINGING');
    r.answered('wacid.1');
    r.phones[0]?.connect();
    await r.settle(5_000);
    expect(statusOf(r, view.id)).toBe('ringing');
    expect(r.state.answers).toEqual([ANSWER]);
    // Nobody has picked up: no model is asked, nothing is sent.
    expect([r.agents.length, r.phones[0]?.heard.length]).toEqual([0, 0]);
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(40);
    expect(statusOf(r, view.id)).toBe('in-progress');
    expect(r.assigned).toMatchObject([
      {
        id: view.id,
        overrides: { prompt: 'reminder', variables: { day: 'Monday' } },
        facts: {
          carrier: 'whatsapp',
          direction: 'outbound',
          from: { kind: 'number', number: '+12025550199' },
          to: { kind: 'number', number: '+12025550143' },
        },
      },
    ]);
    expect(r.records.get(view.id)?.info).toMatchObject({
      carrierCallId: 'wacid.1',
      accountId: NUMBER_ID,
      from: '+12025550199',
      to: '+12025550143',
      callerKind: 'number',
    });
    const [agent] = r.agents;
    expect(r.phones[0]?.heard.length).toBeGreaterThan(0);
    expect(agent?.did).not.toContain('greet');
    agent?.ready();
    expect(agent?.did).toContain('greet');
  });

  it('begins when he is heard, where Meta tells late that he has picked up, and once', async () => {
    const r = rig();
    const { id } = await r.place();
    r.answered('wacid.1');
    r.phones[0]?.connect();
    await r.settle(1_000);
    r.state.isHeard = true;
    await r.settle(300);
    expect(statusOf(r, id)).toBe('in-progress');
    r.status('wacid.1', 'ACCEPTED');
    r.answered('wacid.1');
    r.status('wacid.1', 'RINGING');
    await r.settle(300);
    expect([r.agents.length, statusOf(r, id)]).toEqual([1, 'in-progress']);
    expect(r.state.answers).toHaveLength(1);
  });

  it('begins where the news that he picked up comes before the answer of his phone', async () => {
    const r = rig();
    const { id } = await r.place();
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(100);
    expect(r.agents).toEqual([]);
    r.answered('wacid.1');
    await r.settle(40);
    expect([r.agents.length, statusOf(r, id)]).toEqual([1, 'in-progress']);
  });

  it('is known by webhooks that overtake the answer that names it', async () => {
    const r = rig();
    let name = (_id: string) => {};
    r.state.connect = () => new Promise((resolve) => (name = resolve));
    const placing = r.place();
    await r.settle();
    r.status('wacid.X', 'RINGING');
    r.answered('wacid.X');
    r.status('wacid.X', 'ACCEPTED');
    // Those of another's call change nothing.
    r.status('wacid.Y', 'REJECTED');
    name('wacid.X');
    const { id } = await placing;
    await r.settle(40);
    expect([r.agents.length, statusOf(r, id)]).toEqual([1, 'in-progress']);
  });

  it('is known by what we gave it, where the answer that names it is lost', async () => {
    const r = rig();
    r.state.connect = () => refused('GRAPH_TIMEOUT', true);
    await expect(r.place()).rejects.toMatchObject({ code: 'GRAPH_TIMEOUT', uncertain: true });
    const [view] = r.orders.views();
    expect(view?.status).toBe('queued');
    r.status('wacid.Z', 'RINGING', { biz_opaque_callback_data: view?.id });
    expect(r.orders.views()[0]).toMatchObject({ status: 'ringing', carrierCallId: 'wacid.Z' });
    await r.orders.hangup(view?.id ?? '');
    await r.settle();
    expect(r.asked).toContain('terminate wacid.Z');
    expect(statusOf(r, view?.id ?? '')).toBe('canceled');
  });

  it.each([
    ['he does not want it', (r: ReturnType<typeof rig>) => r.status('wacid.1', 'REJECTED'), 'busy'],
    ['he lets it ring', (r: ReturnType<typeof rig>) => r.terminated('wacid.1', { status: 'FAILED' }), 'no-answer'],
    [
      'Meta cannot set it up',
      (r: ReturnType<typeof rig>) => r.terminated('wacid.1', { status: 'FAILED' }, [{ code: 138019 }]),
      'failed',
    ],
  ])(
    'is over before it was a conversation where %s, and Meta is told nothing that it knows',
    async (_, act, status) => {
      const r = rig();
      const { id } = await r.place();
      act(r);
      await r.settle(10);
      expect(statusOf(r, id)).toBe(status);
      expect(r.reports).toMatchObject([{ id, status }]);
      r.terminated('wacid.1');
      await r.settle(60_000);
      expect([r.asked, r.phones[0]?.closed, r.guard.active]).toEqual([['call_permissions', 'connect'], 1, 0]);
      expect(r.clock.pending).toBe(0);
    },
  );

  it('rings for as long as was ordered, and is taken back then', async () => {
    const r = rig();
    const { id } = await r.place({ timeoutSeconds: 20 });
    r.status('wacid.1', 'RINGING');
    await r.settle(19_900);
    expect(statusOf(r, id)).toBe('ringing');
    await r.settle(200);
    expect(statusOf(r, id)).toBe('no-answer');
    expect(r.asked).toEqual(['call_permissions', 'connect', 'terminate wacid.1']);
    expect([r.reports.length, r.phones[0]?.closed, r.guard.active]).toEqual([1, 1, 0]);
  });

  it('is taken back by whoever ordered it, and the news of that changes nothing', async () => {
    const r = rig();
    const { id } = await r.place();
    r.answered('wacid.1');
    await r.settle(10);
    await r.orders.hangup(id);
    await r.settle(10);
    expect([statusOf(r, id), r.asked.at(-1)]).toEqual(['canceled', 'terminate wacid.1']);
    r.status('wacid.1', 'ACCEPTED');
    r.terminated('wacid.1');
    await r.settle(60_000);
    expect([statusOf(r, id), r.agents.length, r.phones[0]?.closed, r.reports.length]).toEqual(['canceled', 0, 1, 1]);
    expect(r.clock.pending).toBe(0);
  });

  it('is taken back when the process ends', async () => {
    const r = rig();
    const { id } = await r.place();
    await r.orders.close();
    await r.settle(10);
    expect([statusOf(r, id), r.asked.at(-1), r.phones[0]?.closed]).toEqual(['canceled', 'terminate wacid.1', 1]);
    expect(r.reports).toMatchObject([{ status: 'canceled' }]);
  });

  it('ends when he hangs up, of which Meta is told nothing, and is reported with both its ends', async () => {
    const r = rig();
    const { id } = await r.place();
    r.answered('wacid.1');
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(40);
    r.terminated('wacid.1', { duration: 3 });
    await r.settle(10_000);
    expect(r.reports).toMatchObject([{ id, status: 'completed', end: { result: 'success', reason: 'caller-hangup' } }]);
    expect(r.asked).toEqual(['call_permissions', 'connect']);
    expect([r.phones[0]?.closed, r.calls.size, r.guard.active]).toEqual([1, 0, 0]);
  });

  it('ends when we hang up, and Meta is told, again and again where it fails', async () => {
    const r = rig();
    let tries = 0;
    r.state.terminate = () => (++tries < 3 ? refused('GRAPH_UNAVAILABLE') : Promise.resolve());
    const { id } = await r.place();
    r.answered('wacid.1');
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(40);
    void r.calls.get(id)?.end({ result: 'success', reason: 'agent-hangup' });
    await r.settle(10_000);
    expect(r.asked.filter((one) => one === 'terminate wacid.1')).toHaveLength(3);
    expect(r.reports).toMatchObject([{ status: 'completed', end: { reason: 'agent-hangup' } }]);
  });

  it('is not kept for somebody who comes back, when its line breaks', async () => {
    const r = rig();
    const { id } = await r.place();
    r.answered('wacid.1');
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(40);
    r.phones[0]?.connect();
    r.phones[0]?.handlers?.state?.('failed');
    await r.settle(100);
    expect([r.records.get(id)?.end, r.calls.size]).toEqual(['media-lost', 0]);
  });

  it('fails where the answer cannot be used, or never comes though he picked up', async () => {
    const r = rig();
    r.state.answer = () => Promise.reject(new Error('no candidate'));
    const first = await r.place();
    r.answered('wacid.1');
    await r.settle(10);
    expect([statusOf(r, first.id), r.asked.at(-1)]).toEqual(['failed', 'terminate wacid.1']);
    const second = await r.place();
    r.status('wacid.2', 'ACCEPTED');
    await r.settle(11_000);
    expect([statusOf(r, second.id), r.asked.at(-1), r.phones[1]?.closed]).toEqual(['failed', 'terminate wacid.2', 1]);
  });

  it('is turned away where there is no room when he picks up, with a record that says so', async () => {
    const r = rig({ maxCalls: 1 });
    const { id } = await r.place();
    const held = r.calls.create({ id: 'c', direction: 'inbound' }, new FakeAgent());
    r.answered('wacid.1');
    r.status('wacid.1', 'ACCEPTED');
    await r.settle(6_000);
    expect([statusOf(r, id), r.asked.at(-1), r.agents.length]).toEqual(['failed', 'terminate wacid.1', 0]);
    expect([...r.records.values()].map(({ end }) => end)).toContain('not-admitted');
    expect(r.phones[0]?.closed).toBe(1);
    void held.end({ result: 'success', reason: 'caller-hangup' });
  });
});

describe('who is called', () => {
  it('goes by his user id where he has no number that is known, and is remembered by it', async () => {
    const r = rig();
    const { id } = await r.place({ to: `whatsapp:${USER}` });
    expect(r.sent[0]?.to).toEqual({ recipient: USER });
    r.status('wacid.1', 'ACCEPTED', { recipient_id: undefined });
    r.answered('wacid.1', { to: undefined });
    await r.settle(40);
    expect(r.assigned[0]?.facts.to).toEqual({
      kind: 'identity',
      scheme: 'whatsapp',
      text: `whatsapp:${USER}`,
      key: `whatsapp:${USER}`,
    });
    expect(r.records.get(id)?.info).toMatchObject({ to: `whatsapp:${USER}`, callerKind: 'identity' });
    expect(callView.parse(r.orders.find(id)).to).toBe(`whatsapp:${USER}`);
  });

  it('is known by both where Meta tells both of the call, and is never taken for our own number', async () => {
    const r = rig();
    await r.place();
    r.answered('wacid.1');
    r.status('wacid.1', 'ACCEPTED', { recipient_user_id: USER });
    await r.settle(40);
    expect(r.assigned[0]?.facts.to).toEqual({ kind: 'number', number: '+12025550143', key: `whatsapp:${USER}` });
  });
});

describe('what is refused before anybody is rung', () => {
  it.each([
    ['nobody whom the lists do not name', { to: 'whatsapp:+13035550143' }, { code: 'DESTINATION_REFUSED' }],
    ['no user of a country that they do not name', { to: 'whatsapp:DE.1' }, { code: 'DESTINATION_REFUSED' }],
    ['no machine is looked for', { machineDetection: 'detect' }, { code: 'CONTROL_UNSUPPORTED' }],
    ['no number of others is called from', { from: 'whatsapp:99999' }, { code: 'CONTROL_INVALID' }],
    ['no telephone number is called from', { from: '+12025550100' }, { code: 'CONTROL_INVALID' }],
  ])('%s', async (_, over, error) => {
    const r = rig();
    await expect(r.place(over)).rejects.toMatchObject(error);
    expect([r.asked, r.guard.active, r.orders.views()]).toEqual([[], 0, []]);
  });

  it('a user who has not allowed it; nothing counts', async () => {
    const r = rig({ perHour: 1 });
    r.state.permission = async () => ({
      status: 'no_permission',
      until: undefined,
      actions: [
        { name: 'start_call', allowed: false, limits: [{ period: 'PT24H', most: 100, used: 0, until: undefined }] },
      ],
    });
    await expect(r.place()).rejects.toMatchObject({ code: 'GRAPH_NO_CALL_PERMISSION', uncertain: false });
    expect([r.asked, r.phones.length, r.guard.active]).toEqual([['call_permissions'], 0, 0]);
    r.state.permission = async () => permitted;
    await r.place();
  });

  it('a user with whom as many calls were connected as is allowed, with when it may be again', async () => {
    const r = rig();
    const until = r.clock.wall() + 60_000;
    r.state.permission = async () => ({
      status: 'permanent',
      until: undefined,
      actions: [{ name: 'start_call', allowed: false, limits: [{ period: 'PT24H', most: 100, used: 100, until }] }],
    });
    await expect(r.place()).rejects.toMatchObject({ code: 'GRAPH_CALL_LIMIT', retryAfterMs: 60_000 });
  });

  it('what Meta refuses: it is as if it had never been ordered, and its media is freed', async () => {
    const r = rig({ perHour: 1 });
    r.state.connect = () => refused('GRAPH_NOT_CALLABLE');
    await expect(r.place()).rejects.toMatchObject({ code: 'GRAPH_NOT_CALLABLE' });
    expect([r.phones[0]?.closed, r.guard.active, r.orders.views(), r.clock.pending]).toEqual([1, 0, [], 0]);
    expect(r.outbound.told(await r.place().catch((error) => error))).toMatchObject({
      status: 422,
      error: { code: 'GRAPH_NOT_CALLABLE', uncertain: false },
    });
  });

  it('nobody while no media can be had', async () => {
    const r = rig();
    r.state.offer = () => Promise.reject(new Error('no port'));
    await expect(r.place()).rejects.toMatchObject({ code: 'OUTBOUND_UNAVAILABLE', status: 503 });
    expect([r.asked, r.phones[0]?.closed]).toEqual([['call_permissions'], 1]);
  });

  it('nobody for want of an answer whether he may be called: Meta says it when it is asked to call', async () => {
    const r = rig();
    r.state.permission = () => refused('GRAPH_RATE_LIMITED');
    await r.place();
    expect(r.sent).toHaveLength(1);
  });
});
