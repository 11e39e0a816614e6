import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type DialledParty, type PhoneOptions, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { hearsOut } from './agent-heard.ts';
import { startCallsRig, THEIRS } from './calls-rig.ts';
import { type Placed, type Rig, type RigOptions, sleep, startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Callers who are connected to another number, and those whom nobody answers there: they are back with their agent, in the same call. */

const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');
const voice = { tone: 620, ms: 500, dbfs: -15 };
const ELSEWHERE = '+12025550100';
const OURS = '+12025550177';

/** An agent that is asked for a transfer in the caller's first turn. */
const asked: RigOptions = {
  settings: { ROUTES_FILE, DIAL_ALLOW: '+1202' },
  model: { voice },
  scenario: {
    turns: [
      {
        say: { tone: 620, toneMs: 400 },
        tools: [{ name: 'transfer_call', arguments: { destination: ELSEWHERE } }],
        afterTools: { tone: 620, toneMs: 600 },
      },
      { say: { tone: 620, toneMs: 600 } },
    ],
  },
};

/** The caller hears the greeting and says one thing: the agent is asked for the transfer. */
const asks = async ({ phone }: Placed) => {
  await hearsOut(phone, 300);
  phone.say(toneSource(1_020, { ms: 500, dbfs: -15 }));
};

const transferOf = async (rig: Rig, dialled: DialledParty, options: Partial<PhoneOptions> = {}) => {
  const call = rig.call({
    source: silenceSource(),
    from: '+12025550143',
    to: OURS,
    dialled: () => dialled,
    hangUpAfterMs: 40_000,
    ...options,
  });
  await asks(call);
  // Who is back hangs up when he has heard what happened.
  const told = () => {
    const back = rig.events.findLastIndex((event) => event.type === 'caller_joined' && event.again);
    return (
      back >= 0 && rig.events.slice(back).some((event) => event.type === 'agent' && event.event.type === 'audio_done')
    );
  };
  const saidWhy = async () => {
    await until(told, 'the agent has said why');
    await until(() => call.phone.stream?.ear.lastLoudMs !== undefined, 'it is heard');
    setTimeout(() => call.phone.hangUp(), 1_500);
  };
  void saidWhy().catch(() => {});
  const report = await call.report;
  await until(() => rig.of('call_ended')[0], 'the end of the call');
  return { report, verbs: report.timeline.filter(({ what }) => what === 'verb').map(({ text }) => text) };
};

const outputs = (rig: Rig) =>
  rig.model.sessions.flatMap((session) =>
    (session.received ?? []).flatMap((event) => {
      const item = event['item'] as { type?: string; output?: string } | undefined;
      return item?.type === 'function_call_output' ? [item.output ?? ''] : [];
    }),
  );

describe.concurrent.each(TRANSPORTS)('a transfer by the agent, the model on %s', (transport) => {
  it.for([
    ['busy', 'the line was busy'],
    ['failed', 'could not be reached'],
  ] as const)(
    '[twilio] transfer: by the agent, to a number that is %s, brings the caller back to the same call, and the agent knows why',
    async ([outcome, words], { own }) => {
      const rig = own(await startRig({ transport, ...asked }));
      const { report, verbs } = await transferOf(rig, { outcome, ringMs: 300 });
      expect(verbs).toContain(`<Dial> ${ELSEWHERE}`);
      expect(verbs).toContain(`<Dial> ended: ${outcome}`);
      // One call and one session; a second stream, on which the agent says what happened.
      expect(rig.of('call_started')).toHaveLength(1);
      expect(rig.model.sessions).toHaveLength(1);
      expect(report.streams).toHaveLength(2);
      expect(report.streams[1]?.agentSpoke.length).toBeGreaterThanOrEqual(1);
      expect(outputs(rig)).toEqual([expect.stringContaining(words)]);
      expect(rig.of('transfer_started')).toEqual([{ type: 'transfer_started', n: 1, to: ELSEWHERE }]);
      expect(rig.of('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: outcome }]);
      expect(rig.of('call_ended')[0]?.end.reason).toBe('caller-hangup');
      expect(rig.of('caller_joined').map(({ again }) => again)).toEqual([false, true]);
    },
  );
});

describe.concurrent('a transfer by the agent', () => {
  it('rings as long as it is set to, and no longer', async ({ own }) => {
    const rig = own(await startRig({ ...asked, settings: { ...asked.settings, TRANSFER_RING_SECONDS: '5' } }));
    const { report, verbs } = await transferOf(rig, { outcome: 'no-answer', ringMs: 0 }, { verbTimeScale: 0.2 });
    expect(verbs).toContain('<Dial> ended: no-answer');
    expect(report.streams).toHaveLength(2);
    expect(outputs(rig)).toEqual([expect.stringContaining('nobody answered')]);
  });

  it.for(['twilio', 'signalwire'] as const)(
    '[twilio, signalwire] transfer: by the agent, that was answered, is the end of the call, at %s',
    async (carrier, { own }) => {
      const rig = own(await startRig(asked));
      const { report } = await transferOf(rig, { outcome: 'answer', ringMs: 200, talkMs: 2_000 }, { carrier });
      expect(report.streams).toHaveLength(1);
      expect(report.ended).toMatchObject({ by: 'bridge', reason: `connected on to ${ELSEWHERE} by <Dial>` });
      expect(rig.of('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: 'completed', seconds: 2 }]);
      expect(rig.of('call_ended')[0]?.end).toMatchObject({ result: 'success', reason: 'transferred' });
      expect(rig.model.sessions).toHaveLength(1);
    },
  );

  it('to the number that was called is refused, and the call goes on', async ({ own }) => {
    const rig = own(await startRig(asked));
    const call = rig.call({ source: silenceSource(), from: '+12025550143', to: ELSEWHERE });
    await asks(call);
    await until(() => outputs(rig)[0], 'what the agent is told', 20_000);
    // A transfer would begin behind its last words.
    await hearsOut(call.phone, 1_500);
    call.phone.hangUp();
    await call.report;
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(outputs(rig)).toEqual([expect.stringContaining('the number of this line itself')]);
    expect(rig.of('transfer_started')).toEqual([]);
    expect(rig.of('call_ended')[0]?.end.reason).toBe('caller-hangup');
  });

  it('of a caller who hangs up while it rings ends as his hang-up', async ({ own }) => {
    const rig = own(await startRig(asked));
    let rings = false;
    const dialled = (): DialledParty => {
      rings = true;
      return { outcome: 'answer', ringMs: 60_000 };
    };
    const call = rig.call({ source: silenceSource(), from: '+12025550143', to: OURS, dialled });
    await asks(call);
    await until(() => rings, 'the ringing', 20_000);
    await sleep(200);
    call.phone.hangUp();
    await call.report;
    await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(rig.of('call_ended')[0]?.end.reason).toBe('caller-hangup');
  });

  it.for([
    ['Anonymous', {}, OURS],
    ['+266696687', {}, OURS],
    ['sip:alice@pbx.example.com', { TRANSFER_CALLER_ID: '+12025550188' }, '+12025550188'],
    ['sip:+12025550143@pbx.example.com', {}, OURS],
    ['client:+12025550143', { TRANSFER_CALLER_ID: '+12025550188' }, '+12025550188'],
    ['+12025550143', { TRANSFER_CALLER_ID: '+12025550188' }, undefined],
  ] as const)('of %s with %o is shown by a number', async ([from, settings, shown], { own }) => {
    const rig = own(await startRig({ ...asked, settings: { ...asked.settings, ...settings } }));
    const documents: string[] = [];
    const dialled: PhoneOptions['dialled'] = (to) => {
      documents.push(to);
      return { outcome: 'answer', ringMs: 0, talkMs: 500 };
    };
    const { report, verbs } = await transferOf(rig, { outcome: 'answer', ringMs: 0 }, { from, dialled });
    expect(documents).toEqual([ELSEWHERE]);
    expect(verbs).toContain('<Dial> ended: completed');
    expect(report.timeline.find(({ text }) => text.startsWith('dials'))?.text).toBe(
      `dials ${ELSEWHERE} as ${shown ?? 'the caller'}`,
    );
  });
});

describe.concurrent('a transfer by an operator', () => {
  it.for([
    ['twilio', 'rest'],
    ['signalwire', 'rest'],
    ['signalwire', 'relay'],
  ] as const)(
    '[twilio, signalwire] transfer: by an operator, that fails, brings the caller back, at %s by %s',
    async ([carrier, control], { own }) => {
      const far = (to: string): DialledParty =>
        to === THEIRS ? { outcome: 'answer', ringMs: 0 } : { outcome: 'busy', ringMs: 200 };
      const rig = own(await startCallsRig({ carrier, control, model: { voice }, far }));
      const { id } = (await rig.api('POST', '/calls', { to: THEIRS })).body;
      await until(() => rig.of('connected').length > 0, 'both ends');
      expect((await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE, say: 'One moment.' })).status).toBe(204);
      await until(() => rig.of('transfer_ended').length > 0, 'the news of the transfer');
      expect(rig.of('transfer_ended')).toEqual([{ type: 'transfer_ended', n: 1, how: 'busy' }]);
      await until(() => rig.of('caller_joined').length === 2, 'the caller is back');
      const told = () =>
        rig.model.sessions[0]?.received?.some(
          (event) => event['type'] === 'response.create' && JSON.stringify(event).includes('the line was busy'),
        );
      await until(told, 'the agent is told');
      expect(rig.of('call_started')).toHaveLength(1);
      expect((await rig.api('GET', `/calls/${id}`)).body.status).toBe('in-progress');
    },
  );
});

describe.concurrent('a transfer by an operator, of a caller who came in', () => {
  it.for([
    ['Anonymous', OURS],
    ['sip:+12025550143@pbx.example.com', OURS],
    ['+12025550143', undefined],
  ] as const)('from %s is shown by a number', async ([from, shown], { own }) => {
    const rig = own(await startCallsRig({ carrier: 'twilio', model: { voice } }));
    rig.carrier.callIn({ from, to: OURS, webhookUrl: 'https://voice.example.com/incoming-call' });
    await until(() => rig.of('first_agent_audio').length > 0, 'the agent is heard');
    const id = rig.of('call_started')[0]?.info.id;
    expect((await rig.api('POST', `/calls/${id}/transfer`, { to: ELSEWHERE })).status).toBe(204);
    const update = rig.carrier.requests.findLast(({ form }) => form['Twiml'] !== undefined);
    expect(/callerId="([^"]*)"/.exec(String(update?.form['Twiml']))?.[1]).toBe(shown);
  });
});

describe.concurrent('a call that the carrier brings again', () => {
  it('when its conversation was over has another one, with a token that works', async ({ own }) => {
    const rig = own(await startCallsRig({ carrier: 'twilio', model: { voice } }));
    const webhookUrl = 'https://voice.example.com/incoming-call';
    const call = rig.carrier.callIn({ from: THEIRS, to: OURS, webhookUrl });
    for (const visit of [1, 2, 3]) {
      await until(() => rig.of('caller_joined').length === visit, `visit ${visit}`);
      await until(() => rig.of('first_agent_audio').length === visit, 'the agent is heard');
      expect(rig.of('call_started')).toHaveLength(visit);
      // A menu of the account's has the caller for a moment, and sends him here again.
      call.redirect({ url: webhookUrl, method: 'POST' });
    }
    await until(() => rig.of('caller_joined').length === 4, 'the last visit');
    await until(() => rig.of('call_ended').length === 3, 'the ends of those before');
    expect(new Set(rig.of('call_started').map(({ info }) => info.id)).size).toBe(4);
    expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(Array(3).fill('caller-hangup'));
    expect(rig.lines.filter(({ msg }) => String(msg).includes('was refused'))).toEqual([]);
  });

  it('by a webhook that was not answered gets the same answer and no second session; by an old one, nothing', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings: { ROUTES_FILE }, model: { voice } }));
    const callSid = `CA${'7'.repeat(32)}`;
    const accountSid = `AC${'1'.repeat(32)}`;
    const ask = async (CallStatus: string) => {
      const body = new URLSearchParams({
        CallSid: callSid,
        AccountSid: accountSid,
        From: '+12025550143',
        To: OURS,
        CallStatus,
      });
      const answer = await fetch(`${rig.url}/incoming-call`, { method: 'POST', body });
      return answer.text();
    };
    const first = await ask('ringing');
    expect(await ask('ringing')).toBe(first);
    const { report, phone } = rig.call({ source: silenceSource(), callSid, accountSid });
    await until(() => rig.of('caller_joined')[0], 'the stream');
    // While somebody is on the line, and after it, the first webhook is an old one.
    expect(await Promise.all([ask('ringing'), ask('in-progress')])).toEqual([first, first]);
    phone.hangUp();
    await report;
    await until(() => rig.of('call_ended')[0], 'the end');
    expect(await ask('ringing')).toBe(first);
    expect(rig.of('call_started')).toHaveLength(1);
    // What says that the call is in progress is a new visit of it; asked twice, one.
    const [second, again] = await Promise.all([ask('in-progress'), ask('in-progress')]);
    expect(second).not.toBe(first);
    expect(again).toBe(second);
    expect(rig.of('call_started')).toHaveLength(2);
  });
});
