import { describe, expect, it } from 'vitest';
import type { Admitted } from '../../../src/admission/admission.ts';
import type { ParsedTarget } from '../../../src/agents/target.ts';
import { termination } from '../../../src/call/termination.ts';
import { type CallControl, ControlError, type DialRequest } from '../../../src/callers/phone/control/index.ts';
import { publicUrls } from '../../../src/http/public-url.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { callView } from '../../../src/orders/calls-api-routes.ts';
import { OutboundCalls, type OutboundCallsOptions } from '../../../src/orders/outbound-calls.ts';
import { OutboundGuard } from '../../../src/orders/outbound-guard.ts';
import { PhonePlacer, type PhonePlacerOptions } from '../../../src/orders/phone-placer.ts';
import { atTwilio } from '../../fakes/carrier.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { orderLimits } from '../../fakes/memory.ts';

const HOUR = 3_600_000;
const ORDER = { to: '+15550001111', machineDetection: 'off', timeoutSeconds: 30 } as const;
const REQUEST = { headers: { host: 'localhost:8080' } };

type RigOptions = Partial<OutboundCallsOptions> &
  Partial<Pick<PhonePlacerOptions, 'control' | 'from'>> & { perHour?: number; concurrent?: number };

function rig(options: RigOptions = {}) {
  const phone = Object.fromEntries(Object.entries(options).filter(([name]) => name === 'control' || name === 'from'));
  const clock = new FakeClock();
  const dials: DialRequest[] = [];
  const hungUp: string[] = [];
  const sent: Array<{ url: string; body: { type: string; call: unknown } }> = [];
  const lines: object[] = [];
  const log = { info: (fields: object) => void lines.push(fields), warn: (fields: object) => void lines.push(fields) };
  let answer = async (_request: DialRequest): Promise<string> => `CA${dials.length}`;
  const control: CallControl = {
    name: 'twilio-rest',
    account: { carrier: 'twilio', accountId: 'AC1' },
    dial: (request) => {
      dials.push(request);
      return answer(request);
    },
    hangup: async (id) => void hungUp.push(id),
    transfer: async () => {},
    sendDigits: async () => {},
    close: async () => {},
  };
  const guard = new OutboundGuard({
    clock,
    mayDial: (number) =>
      number.startsWith('+1555') ? { ok: true, number } : { ok: false, code: 'not_listed', reason: 'Not listed.' },
    ...orderLimits(options.perHour ?? 100, clock),
    concurrent: options.concurrent ?? 10,
    longestMs: 30 * HOUR,
  });
  const outbound = new OutboundCalls({
    guard,
    placers: [
      new PhonePlacer({
        control,
        from: '+15550009999',
        urls: publicUrls({ publicUrl: undefined, signed: false }),
        memory: new LocalMemory({ clock }),
        clock,
        ...phone,
      }),
    ],
    clock,
    log,
    callbacks: { check: () => {}, send: (url, body) => void sent.push({ url, body: body as never }) },
    ...options,
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const status = async (carrierCallId: string, word: 'ringing' | 'in-progress' | 'completed' | 'busy', over = {}) => {
    outbound.onStatus({ ...atTwilio(carrierCallId), status: word, ...over });
    await turn();
  };
  return {
    clock,
    dials,
    hungUp,
    sent,
    lines,
    guard,
    outbound,
    turn,
    status,
    place: (over: object = {}) => outbound.place({ ...ORDER, ...over }, REQUEST),
    answerWith: (next: typeof answer) => {
      answer = next;
    },
  };
}

const callbackUrl = 'https://example.com/done';

describe('ordering a call', () => {
  it('calls nobody at the number that it is made from', async () => {
    const { place, dials, guard } = rig();
    for (const over of [{ to: '+15550009999' }, { from: ORDER.to }])
      await expect(place(over)).rejects.toMatchObject({
        code: 'DESTINATION_REFUSED',
        details: { reason: 'own_number' },
      });
    expect(dials).toEqual([]);
    expect(guard.active).toBe(0);
  });

  it('asks the carrier with our own addresses', async () => {
    const { place, dials } = rig();
    const view = callView.parse(await place({ machineDetection: 'detect', timeoutSeconds: 20 }));
    expect(view).toMatchObject({
      status: 'queued',
      direction: 'outbound',
      to: ORDER.to,
      from: '+15550009999',
      carrierCallId: 'CA1',
    });
    expect(dials[0]).toEqual({
      to: ORDER.to,
      from: '+15550009999',
      url: 'http://localhost:8080/incoming-call',
      statusCallback: 'http://localhost:8080/call-status',
      machineDetection: 'detect',
      timeoutSeconds: 20,
    });
    await place({ from: '+15550008888' });
    expect(dials[1]).toMatchObject({ from: '+15550008888', machineDetection: undefined });
  });

  it.each([
    [{ control: undefined }, {}, 503, 'OUTBOUND_UNAVAILABLE'],
    [{ from: undefined }, {}, 503, 'OUTBOUND_UNAVAILABLE'],
    [{ hasPrompt: () => false }, { prompt: 'x' }, 422, 'PROMPT_UNKNOWN'],
    [{}, { agent: 'x' }, 422, 'AGENT_UNKNOWN'],
    [{ perHour: 0 }, {}, 429, 'OUTBOUND_HOURLY_LIMIT'],
    [{ concurrent: 0 }, {}, 429, 'OUTBOUND_CONCURRENT_LIMIT'],
    [{}, { to: '+19005551234' }, 403, 'DESTINATION_REFUSED'],
  ])('is refused: %j %j', async (options, over, status, code) => {
    const { place, dials, outbound, guard } = rig(options as never);
    await expect(place(over)).rejects.toMatchObject({ status, code });
    expect(dials).toEqual([]);
    expect(outbound.views()).toEqual([]);
    expect(guard.active).toBe(0);
  });

  it.each([
    ['calls', 503, '10'],
    ['loop-delay', 503, '10'],
    ['draining', 503, '10'],
    ['rate', 429, '1'],
  ] as const)('is refused as a call that comes in would be (%s), and costs nothing', async (reason, status, retry) => {
    const asked: string[] = [];
    let admitted: Admitted = { ok: false, reason };
    const admit = () => {
      asked.push('admit');
      return admitted;
    };
    const { place, dials, outbound, guard } = rig({ admit, perHour: 1 });
    await expect(place({ to: '+19005551234' })).rejects.toMatchObject({ code: 'DESTINATION_REFUSED' });
    expect(asked, 'an order that is refused anyway takes nothing').toEqual([]);
    await expect(place()).rejects.toMatchObject({
      status,
      code: 'NO_MORE_CALLS',
      headers: { 'retry-after': retry },
      details: { reason },
    });
    expect([asked.length, dials, outbound.views(), guard.active]).toEqual([1, [], [], 0]);
    admitted = { ok: true };
    await place();
    expect(dials).toHaveLength(1);
  });

  it('is admitted by the model that is to answer it', async () => {
    const asked: unknown[] = [];
    const modelFor = async (call: object) => {
      asked.push(call);
      return 'refusing';
    };
    const admit = (model: string | undefined): Admitted =>
      model === 'refusing' ? { ok: false, reason: 'model' } : { ok: true };
    const { place, dials, guard } = rig({ admit, modelFor });
    await expect(place({ prompt: 'reminder' })).rejects.toMatchObject({ details: { reason: 'model' } });
    expect(asked).toEqual([
      {
        from: { kind: 'number', number: '+15550009999' },
        to: { kind: 'number', number: ORDER.to },
        prompt: 'reminder',
        agent: undefined,
      },
    ]);
    expect([dials, guard.active]).toEqual([[], 0]);
  });

  it('is answered by the agent that it names, and refused with all that is wrong in that', async () => {
    const models: unknown[] = [];
    const readAgent = async (raw: unknown): Promise<ParsedTarget> =>
      raw === 'none'
        ? {
            ok: false,
            kind: undefined,
            problems: [
              { path: [], problem: 'is wrong' },
              { path: ['agent_id'], problem: 'is missing' },
            ],
          }
        : { ok: true, target: { kind: 'berth', options: { agent_id: 'b-1' } } };
    const modelFor = async ({ agent }: { agent: unknown }) => {
      models.push(agent);
      return 'm';
    };
    const { place, outbound, dials } = rig({ readAgent, modelFor });
    await expect(place({ agent: 'none' })).rejects.toMatchObject({
      status: 422,
      code: 'AGENT_UNKNOWN',
      message: 'agent: is wrong; agent.agent_id: is missing',
    });
    expect(dials).toEqual([]);
    await place({ agent: { kind: 'berth', agent_id: 'b-1' } });
    const read = { kind: 'berth', options: { agent_id: 'b-1' } };
    expect(models).toEqual([read]);
    expect((await outbound.claim(atTwilio('CA1'), ORDER.to))?.agent).toEqual(read);
  });

  it('is refused when its callback must not be asked', async () => {
    const check = () => {
      throw new Error('This destination is not allowed.');
    };
    const { place, dials } = rig({ callbacks: { check, send: () => {} } });
    await expect(place({ callbackUrl })).rejects.toMatchObject({ status: 403, code: 'CALLBACK_REFUSED' });
    expect(dials).toEqual([]);
    await place();
  });

  it('that the carrier refused leaves nothing behind and costs nothing', async () => {
    const { place, outbound, guard, answerWith, clock } = rig({ perHour: 1 });
    answerWith(() => Promise.reject(new ControlError('CONTROL_REJECTED', 'no')));
    await expect(place()).rejects.toMatchObject({ code: 'CONTROL_REJECTED' });
    expect(outbound.views()).toEqual([]);
    expect([guard.active, clock.pending]).toEqual([0, 0]);
    answerWith(async () => 'CA9');
    await place();
    await expect(place()).rejects.toMatchObject({ code: 'OUTBOUND_HOURLY_LIMIT' });
  });
});

describe('the carrier comes for instructions', () => {
  it('and the plan is there', async () => {
    const { place, outbound } = rig();
    const { id } = await place({ prompt: 'reminder', variables: { name: 'Ada' } });
    expect(await outbound.claim(atTwilio('CA1'), ORDER.to)).toEqual({
      callId: id,
      prompt: 'reminder',
      variables: { name: 'Ada' },
    });
    expect(outbound.find(id)?.status).toBe('in-progress');
    expect(await outbound.claim(atTwilio('CA-other'), '+15550007777')).toBeUndefined();
  });

  it('before its own answer: the webhook waits for it', async () => {
    const { place, outbound, answerWith, turn } = rig();
    const answered = Promise.withResolvers<string>();
    answerWith(() => answered.promise);
    const placing = place();
    const claiming = outbound.claim(atTwilio('CA-early'), ORDER.to);
    await turn();
    answered.resolve('CA-early');
    const { id } = await placing;
    expect(await claiming).toMatchObject({ callId: id });
  });

  it('but waits three seconds at most', async () => {
    const { place, outbound, answerWith, turn, clock } = rig();
    answerWith(() => new Promise(() => {}));
    void place();
    let claimed: unknown = 'waiting';
    void outbound.claim(atTwilio('CA-foreign'), '+15550007777').then((plan) => {
      claimed = plan;
    });
    await turn();
    clock.advance(2_999);
    await turn();
    expect(claimed).toBe('waiting');
    clock.advance(1);
    await turn();
    expect(claimed).toBeUndefined();
  });

  it('for nobody but the account that was asked to place it', async () => {
    const { place, outbound } = rig();
    await place();
    for (const other of [atTwilio('CA1', 'AC2'), atTwilio('CA1', ''), { ...atTwilio('CA1'), carrier: 'signalwire' }]) {
      expect(await outbound.claim(other, ORDER.to)).toBeUndefined();
      outbound.onStatus({ ...other, status: 'completed', to: ORDER.to });
      await new Promise((resolve) => setImmediate(resolve));
      expect(outbound.views()).toMatchObject([{ status: 'queued' }]);
    }
    expect(await outbound.claim(atTwilio('CA1', 'ac1'), ORDER.to)).toBeDefined();
  });

  it('by its number for nobody but that account, where the answer was lost', async () => {
    const { place, outbound, answerWith } = rig();
    answerWith(() => Promise.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true })));
    await expect(place()).rejects.toMatchObject({ code: 'CONTROL_TIMEOUT' });
    expect(await outbound.claim({ ...atTwilio('CA-lost'), carrier: 'signalwire' }, ORDER.to)).toBeUndefined();
    expect(await outbound.claim(atTwilio('CA-lost'), ORDER.to)).toBeDefined();
  });

  it('for a call whose answer was lost: the number that was called tells which it is', async () => {
    const { place, outbound, answerWith, guard } = rig();
    answerWith(() => Promise.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true })));
    await expect(place({ prompt: 'reminder' })).rejects.toMatchObject({ code: 'CONTROL_TIMEOUT' });
    expect(guard.active).toBe(1);
    expect(await outbound.claim(atTwilio('CA-lost'), '+15550007777')).toBeUndefined();
    expect(await outbound.claim(atTwilio('CA-lost'), ORDER.to)).toMatchObject({ prompt: 'reminder' });
    expect(outbound.views()).toMatchObject([{ carrierCallId: 'CA-lost', status: 'in-progress' }]);
    expect(await outbound.claim(atTwilio('CA-second'), ORDER.to)).toBeUndefined();
  });
});

describe('following a call', () => {
  it('through its life, to one report', async () => {
    const { place, outbound, status, sent, guard, clock, lines } = rig();
    const { id } = await place({ callbackUrl });
    await status('CA1', 'ringing');
    expect(outbound.find(id)?.status).toBe('ringing');
    await outbound.claim(atTwilio('CA1'), ORDER.to);
    outbound.onStatus({ ...atTwilio('CA1'), answeredBy: 'human' });
    await status('CA1', 'in-progress');
    clock.advance(65_000);
    outbound.ended(id, termination('agent-hangup'));
    expect(guard.active).toBe(0);
    expect(sent).toEqual([]);
    await status('CA1', 'completed');
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      url: callbackUrl,
      body: {
        type: 'call.ended',
        call: { id, status: 'completed', answeredBy: 'human', end: { result: 'success', reason: 'agent-hangup' } },
      },
    });
    callView.parse(sent[0]?.body.call);
    await status('CA1', 'completed');
    outbound.ended(id, termination('internal'));
    clock.advance(HOUR * 30);
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(JSON.stringify(lines)).not.toContain('5550001111');
  });

  it('news never takes it back', async () => {
    const { place, outbound, status } = rig();
    const { id } = await place();
    await status('CA1', 'in-progress');
    await status('CA1', 'ringing');
    expect(outbound.find(id)?.status).toBe('in-progress');
    await status('CA1', 'busy');
    await status('CA1', 'completed');
    await status('CA1', 'in-progress');
    expect(outbound.find(id)?.status).toBe('busy');
  });

  it('nobody answers: reported at once, and the place is free', async () => {
    const { place, status, sent, guard, clock } = rig({ concurrent: 1 });
    await place({ callbackUrl });
    await expect(place()).rejects.toMatchObject({ code: 'OUTBOUND_CONCURRENT_LIMIT' });
    await status('CA1', 'busy');
    expect(sent[0]?.body.call).toMatchObject({ status: 'busy' });
    expect(guard.active).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('the carrier’s end comes first: the conversation’s is waited for, not for long', async () => {
    const { place, outbound, status, sent, clock } = rig();
    const { id } = await place({ callbackUrl });
    await outbound.claim(atTwilio('CA1'), ORDER.to);
    await status('CA1', 'completed');
    expect(sent).toEqual([]);
    outbound.ended(id, termination('caller-hangup'));
    expect(sent[0]?.body.call).toMatchObject({ end: { reason: 'caller-hangup' } });

    await place({ callbackUrl });
    await outbound.claim(atTwilio('CA2'), ORDER.to);
    await status('CA2', 'completed');
    clock.advance(5_000);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.body.call).not.toHaveProperty('end');
  });

  it('whatever is told after the report changes no report', async () => {
    const { place, outbound, status, sent } = rig();
    const { id } = await place({ callbackUrl });
    await status('CA1', 'completed');
    expect(sent).toHaveLength(1);
    outbound.ended(id, termination('caller-hangup'));
    expect(sent).toHaveLength(1);
  });

  it('the conversation’s end comes and the carrier’s does not: completed', async () => {
    const { place, outbound, sent, clock } = rig();
    const { id } = await place({ callbackUrl });
    await outbound.claim(atTwilio('CA1'), ORDER.to);
    outbound.ended(id, termination('agent-hangup'));
    clock.advance(5_000);
    expect(sent[0]?.body.call).toMatchObject({ status: 'completed', end: { reason: 'agent-hangup' } });
    expect(clock.pending).toBe(0);
  });

  it('no news at all after the ringing: it has failed', async () => {
    const { place, outbound, sent, guard, clock } = rig();
    const { id } = await place({ callbackUrl });
    clock.advance(89_999);
    expect(outbound.find(id)?.status).toBe('queued');
    clock.advance(1);
    expect(outbound.find(id)?.status).toBe('failed');
    expect(sent).toHaveLength(1);
    expect(guard.active).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('an answered call is not given up, but not kept forever either', async () => {
    const { place, outbound, status, clock } = rig();
    const { id } = await place();
    await status('CA1', 'in-progress');
    clock.advance(24 * HOUR);
    expect(outbound.find(id)?.status).toBe('in-progress');
    clock.advance(HOUR);
    expect(outbound.find(id)?.status).toBe('failed');
    expect(clock.pending).toBe(0);
  });

  it('news of strangers is ignored', async () => {
    const { place, outbound, status } = rig();
    await status('CA-stranger', 'completed');
    const { id } = await place();
    await status('CA-stranger', 'completed');
    expect(outbound.find(id)?.status).toBe('queued');
    outbound.ended('no-such-call', termination('internal'));
  });
});

describe('hanging up before anybody answered', () => {
  it('asks the carrier, and is reported as canceled', async () => {
    const { place, outbound, hungUp, sent, guard } = rig();
    const { id } = await place({ callbackUrl });
    await outbound.hangup(id);
    expect(hungUp).toEqual(['CA1']);
    expect(outbound.find(id)?.status).toBe('canceled');
    expect(sent).toHaveLength(1);
    expect(guard.active).toBe(0);
    await outbound.hangup(id);
    await outbound.hangup('no-such-call');
    expect(hungUp).toHaveLength(1);
  });

  it('is not possible while the carrier has not named the call', async () => {
    const { place, outbound, answerWith } = rig();
    answerWith(() => Promise.reject(new ControlError('CONTROL_TIMEOUT', 'lost', { uncertain: true })));
    await place().catch(() => {});
    const [view] = outbound.views();
    await expect(outbound.hangup(view!.id)).rejects.toMatchObject({ code: 'CALL_NOT_ANSWERED' });
  });
});

describe('what is remembered', () => {
  it('calls that are over, for an hour; those that go on, always', async () => {
    const { place, outbound, status, clock } = rig();
    const over = await place();
    const live = await place();
    await status('CA1', 'busy');
    await status('CA2', 'in-progress');
    expect(outbound.views().map(({ id }) => id)).toEqual([live.id, over.id]);
    clock.advance(HOUR - 1);
    expect(outbound.views()).toHaveLength(2);
    clock.advance(1);
    expect(outbound.views().map(({ id }) => id)).toEqual([live.id]);
    expect(await outbound.claim(atTwilio('CA1'), '')).toBeUndefined();
  });

  it('not what is removed, unless it goes on or is not reported yet', async () => {
    const { place, outbound, status } = rig();
    const over = await place();
    await status('CA1', 'busy');
    const rings = await place();
    const talked = await place();
    await outbound.claim(atTwilio('CA3'), '');
    await status('CA3', 'completed');
    outbound.forget([over.id, rings.id, talked.id, 'never']);
    expect(outbound.views().map(({ id }) => id)).toEqual([talked.id, rings.id]);
    outbound.ended(talked.id, termination('caller-hangup'));
    outbound.forget([talked.id]);
    expect(outbound.views().map(({ id }) => id)).toEqual([rings.id]);
  });

  it('a thousand of them at most', async () => {
    const { place, outbound, clock } = rig({ perHour: 5_000, concurrent: 5_000 });
    for (let i = 0; i < 1_100; i++) await place();
    clock.advance(90_000);
    expect(outbound.views()).toHaveLength(1_000);
    expect(clock.pending).toBe(0);
  });

  it('nothing after close', async () => {
    const { place, outbound, clock } = rig();
    await place();
    await outbound.close();
    expect(clock.pending).toBe(0);
  });
});

describe('the end of the process', () => {
  it('takes back who still rings, and reports all that was ordered', async () => {
    const { place, outbound, hungUp, sent, status, clock } = rig();
    const talked = await place({ callbackUrl });
    const rings = await place({ callbackUrl });
    const over = await place({ callbackUrl });
    await status('CA3', 'busy');
    await outbound.claim(atTwilio('CA1'), '');
    outbound.ended(talked.id, termination('drained'));
    expect(sent.map(({ body }) => (body.call as { id: string }).id)).toEqual([over.id]);
    await outbound.close();
    expect(hungUp).toEqual(['CA2']);
    expect(sent.slice(1).map(({ body }) => body.call)).toMatchObject([
      { id: talked.id, status: 'completed', end: { reason: 'drained' } },
      { id: rings.id, status: 'canceled' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('waits for a carrier that does not answer no longer than two seconds', async () => {
    const account = { carrier: 'twilio', accountId: 'AC1' };
    const control = {
      account,
      name: 'twilio-rest',
      dial: async () => 'CA1',
      hangup: () => new Promise<void>(() => {}),
    };
    const stuck = rig({ control: control as unknown as CallControl });
    await stuck.place();
    let closed = false;
    const closing = stuck.outbound.close().then(() => {
      closed = true;
    });
    await stuck.clock.advanceAsync(1_900, 100);
    expect(closed).toBe(false);
    await stuck.clock.advanceAsync(200, 100);
    await closing;
    expect(stuck.clock.pending).toBe(0);
  });
});
