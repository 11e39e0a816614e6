import { describe } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { type RetellOptions, type RetellScenario, RetellServer } from '../../src/simulator/retell/index.ts';
import type { WebCall } from '../../src/simulator/retell/web-call.ts';
import { converse, hearsOut } from './agent-heard.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { loudestTone, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A phone call that is answered by an agent at Retell, over its gateway: the whole daemon, a real peer connection, a far end as strict as its documents. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 700;
const KEY = 'key-canary-of-the-account';
const AGENT = 'agent_7';

type Own = <T extends { close(): Promise<void> }>(one: T) => T;

async function rigWith(
  own: Own,
  scenario: RetellScenario = {},
  target: object = {},
  options: Partial<RetellOptions> = {},
) {
  const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario, ...options }));
  const rig = own(
    await startAgentRig(
      { kind: 'retell', agent_id: AGENT, ...target },
      { settings: { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url } },
    ),
  );
  return { retell, rig };
}

/** What the far end heard, at 24 kHz or 48 kHz, whichever its transport has. */
function heardBy(call: WebCall): { samples: Int16Array; rate: number } {
  const rate = call.heard[0]?.rate ?? 48_000;
  const samples = new Int16Array(call.heard.reduce((sum, one) => sum + one.samples.length, 0));
  let at = 0;
  for (const one of call.heard) {
    samples.set(one.samples, at);
    at += one.samples.length;
  }
  return { samples, rate };
}

/** No secret of the account's or of a call's is in what the daemon wrote. */
const secretsOf = (retell: RetellServer) => [KEY, ...retell.calls.map(({ accessToken }) => accessToken)];

// One after the other: they listen to every gap.
describe('an agent at Retell, over its gateway', () => {
  it('answers a phone call: each side’s tone reaches the other, alone, with the words of both, and one record is left', async ({
    own,
    expect,
  }) => {
    const { rig, retell } = await rigWith(
      own,
      { notLive: 1 },
      { dynamic_variables: { name: 'Ada' }, agent_version: 3 },
    );
    const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
    const result = await report;
    expect(result.reason).toBe('audio went both ways');
    const [call] = retell.calls;
    expect(call!.request).toEqual({
      agent_id: AGENT,
      agent_version: 3,
      retell_llm_dynamic_variables: { name: 'Ada' },
    });
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_200);
    expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
    const far = heardBy(call!);
    expect(toneAloneMs(far.samples, far.rate, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(far.samples, far.rate, AGENT_HZ)).toBeLessThan(-50);

    const words = rig.of('agent').flatMap(({ event }) => (event.type === 'transcript' && event.final ? [event] : []));
    expect(words.map(({ role, text }) => [role, text])).toEqual([
      ['agent', 'turn 1 of the agent'],
      ['caller', 'turn 1 of the caller'],
      // Nobody says anything behind it: the caller hangs up.
      ['agent', 'turn 2 of the agent'],
    ]);
    const [session] = retell.sessions;
    await until(() => session!.deleted > 0, 'the hang-up told');
    expect(session!.candidates.length).toBeGreaterThan(0);
    expect(call!.status).toBe('ended');
    expect(await onlyRecord(rig)).toMatchObject({
      model: `retell/${AGENT}`,
      transports: ['gateway'],
      result: 'success',
      reason: 'caller-hangup',
    });
    const lines = JSON.stringify(rig.lines);
    for (const secret of secretsOf(retell)) expect(lines).not.toContain(secret);
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('gives way to a caller who speaks over it, and the call knows it', async ({ own, expect }) => {
    const { rig, retell } = await rigWith(own, { talker: { greetingMs: 8_000 } });
    // He speaks until it has given way: that it did is heard when it falls silent under his words.
    const interruptWith = toneSource(CALLER_HZ, { ms: 3_000, dbfs: -15 });
    const source = silenceSource();
    const { phone, report } = rig.call({ source, interruptAtMs: 2_000, interruptWith, hangUpAfterMs: 60_000 });
    const cut = await until(() => rig.of('barge_in')[0], 'the interruption');
    await hearsOut(phone, 1_000);
    phone.hangUp();
    await report;
    expect(retell.calls[0]!.talker!.cut).toBe(1);
    expect(cut.heard[0]?.heardMs).toBeGreaterThan(1_000);
    const heard = phone.recordedChannels()!;
    // Eight seconds of greeting were to come.
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeLessThan(6_500);
  });
});

describe.concurrent('an agent at Retell, over its gateway,', () => {
  it.for([
    ['ended', 'success', 'agent-hangup'],
    ['replaced', 'upstream_error', 'model-session-lost'],
    ['dropped', 'upstream_error', 'model-session-lost'],
  ] as const)('ends cleanly when it is %s in mid-sentence', async ([how, result, reason], { own, expect }) => {
    const { rig } = await rigWith(own, { talker: { greetingMs: 8_000 }, ends: { afterMs: 1_500, how } });
    rig.call({ source: scriptSource([{ pauseMs: 20_000 }]), hangUpAfterMs: 20_000 });
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result, reason });
    const types = rig.of('agent').map(({ event }) => event.type);
    expect(types.filter((type) => type === 'audio_started')).toHaveLength(1);
    expect(types.filter((type) => type === 'audio_done')).toHaveLength(1);
    expect(rig.app.calls.size).toBe(0);
  });

  it('is asked again where it is busy, as late as it says', async ({ own, expect }) => {
    const { rig, retell } = await rigWith(own, { busy: { times: 1, retryAfterSeconds: 1 } });
    rig.call({ source: toneSource(CALLER_HZ), hangUpAfterMs: 4_000 });
    await until(() => retell.ongoing[0], 'the call');
    expect(retell.requests.filter((one) => one === 'POST /v3/create-web-call')).toHaveLength(2);
  });

  it.for([
    ['a wrong key', { key: 'another' }, {}, 'model-auth', 1],
    ['no credit', {}, { broke: true }, 'model-quota', 1],
    ['too many calls', {}, { concurrency: 0 }, 'model-rate-limited', undefined],
    ['no such agent', { agents: ['other'] }, {}, 'model-rejected', 2],
    ['a refused session', {}, { sessionStatus: 403 }, 'model-auth', 1],
    ['a session that is not known', {}, { sessionStatus: 404 }, 'model-rejected', 1],
    ['a token that died on the way', {}, { tokenMs: 0 }, 'model-auth', 1],
  ] as const)('is told by a code: %s', async ([, options, scenario, reason, requests], { own, expect }) => {
    const { rig, retell } = await rigWith(own, scenario, {}, options);
    rig.call({ source: toneSource(CALLER_HZ), hangUpAfterMs: 20_000 });
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'upstream_error', reason });
    if (requests !== undefined)
      expect(retell.requests.filter((one) => one.includes('create-web-call'))).toHaveLength(requests);
    expect(retell.requests.filter((one) => one.endsWith('/sessions')).length).toBeLessThanOrEqual(1);
    const lines = JSON.stringify([rig.lines, ended]);
    for (const secret of secretsOf(retell)) expect(lines).not.toContain(secret);
    expect(retell.ongoing).toEqual([]);
  });
});
