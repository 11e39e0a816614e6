import { describe } from 'vitest';
import { startElevenLabs } from '../../src/simulator/elevenlabs/index.ts';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { startVapi } from '../../src/simulator/vapi/index.ts';
import { converse, cutsIn, hears, hearsOut } from './agent-heard.ts';
import { onlyRecord, startAgentRig } from './agents-rig.ts';
import { loudestTone, type Rig, toneAloneMs, until } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';

/** Phone calls that are answered by agents of providers, which stand-ins on real sockets play. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const KEY = 'key-canary-0123456789';

/** One far end, whichever provider's: what is looked at afterwards. */
interface Far {
  readonly rig: Rig;
  readonly conversations: () => ReadonlyArray<{
    heard(): { samples: Int16Array; rate: number };
    readonly problems: readonly string[];
    readonly interruptions: number;
  }>;
  readonly over: () => boolean;
  readonly asked: () => number;
}

interface FarOptions {
  readonly ms?: number;
  readonly key?: string;
  readonly dropsAtMs?: number;
  readonly refuse?: readonly number[];
}

const PROVIDERS = {
  async vapi(own: Own, { ms = 1_500, key = KEY, dropsAtMs, refuse = [] }: FarOptions = {}): Promise<Far> {
    const far = own(
      await startVapi({
        key: KEY,
        assistants: ['assistant-1'],
        voice: { tone: AGENT_HZ, ms, ...(dropsAtMs === undefined ? {} : { dropsAtMs }) },
        refuse: refuse.map((status) => ({ status, message: 'try wss://canary.example/x' })),
      }),
    );
    const settings = { VAPI_API_KEY: key, VAPI_API_URL: far.url };
    const rig = own(await startAgentRig({ kind: 'vapi', assistant_id: 'assistant-1' }, { settings }));
    return {
      rig,
      conversations: () => far.calls,
      over: () => far.calls.every(({ ended }) => ended === 'customer-ended-call'),
      asked: () => far.asked,
    };
  },
  async elevenlabs(own: Own, { ms = 1_500, key = KEY, dropsAtMs, refuse = [] }: FarOptions = {}): Promise<Far> {
    const far = own(
      await startElevenLabs({
        key: KEY,
        agents: ['agent-1'],
        // Up and down may differ.
        voice: {
          tone: AGENT_HZ,
          ms,
          input: 'ulaw_8000',
          output: 'pcm_24000',
          lateMs: 500,
          ...(dropsAtMs === undefined ? {} : { dropsAtMs }),
        },
        refuse: refuse.map((status) => ({ status, name: 'busy', message: 'try wss://canary.example/x' })),
      }),
    );
    const settings = { ELEVENLABS_API_KEY: key, ELEVENLABS_API_URL: far.url };
    const rig = own(await startAgentRig({ kind: 'elevenlabs', agent_id: 'agent-1' }, { settings }));
    return {
      rig,
      conversations: () => far.conversations,
      over: () => far.conversations.every(({ closed }) => closed),
      asked: () => far.asked,
    };
  },
};

const MODELS = { vapi: 'vapi/assistant-1', elevenlabs: 'elevenlabs/agent-1' };

describe.concurrent.each(['vapi', 'elevenlabs'] as const)('an agent at %s', (provider) => {
  it('answers a phone call: each side’s tone reaches the other, alone, and one record is left', async ({
    own,
    expect,
  }) => {
    const { rig, conversations, over } = await PROVIDERS[provider](own);
    const { phone, report } = rig.call({ source: silenceSource(), hangUpAfterMs: 60_000 });
    await converse(phone, toneSource(CALLER_HZ, { ms: 1_500, dbfs: -15 }));
    expect((await report).reason).toBe('audio went both ways');
    const heard = phone.recordedChannels()!;
    expect(toneAloneMs(heard.agent, heard.sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(2_500);
    expect(loudestTone(heard.agent, heard.sampleRate, CALLER_HZ)).toBeLessThan(-50);
    const [conversation] = conversations();
    const { samples, rate } = conversation!.heard();
    expect(toneAloneMs(samples, rate, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
    expect(loudestTone(samples, rate, AGENT_HZ)).toBeLessThan(-50);
    expect(conversation?.problems).toEqual([]);
    // Its events are the call's own.
    expect(rig.of('turn')).toHaveLength(1);
    expect(
      rig
        .agentEvents('transcript')
        .filter(({ final }) => final)
        .map(({ role }) => role),
    ).toEqual(['agent', 'caller', 'agent']);
    await until(over, 'the provider’s end of the call');
    expect(await onlyRecord(rig)).toMatchObject({
      model: MODELS[provider],
      transports: ['websocket'],
      result: 'success',
      reason: 'caller-hangup',
    });
    // Keys, addresses of calls and words are in no log.
    const lines = JSON.stringify(rig.lines);
    for (const secret of ['canary', '/transport', 'conversation_signature', 'words of'])
      expect(lines).not.toContain(secret);
    expect(rig.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('is cut off by a caller who speaks over it', async ({ own, expect }) => {
    const { rig, conversations } = await PROVIDERS[provider](own, { ms: 6_000 });
    const { phone, report } = rig.call({ source: silenceSource(), ...cutsIn(rig, () => phone, CALLER_HZ) });
    await report;
    expect(conversations()[0]?.interruptions).toBe(1);
    const [cut] = rig.of('barge_in');
    expect(cut?.heard[0]?.heardMs).toBeGreaterThan(1_500);
    expect(cut?.heard[0]?.heardMs).toBeLessThan(4_000);
    // From then on nothing of the answer is heard, however much of it still came.
    const { agent, sampleRate } = phone.recordedChannels()!;
    expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeLessThan(4_000);
  });

  it('is apologised for when its line breaks in the middle of a sentence', async ({ own, expect }) => {
    const { rig } = await PROVIDERS[provider](own, { dropsAtMs: 500 });
    await rig.call({ source: scriptSource([{ pauseMs: 15_000 }]), hangUpAfterMs: 15_000 }).report;
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'upstream_error', reason: 'model-session-lost' });
  });

  it('is not called with a key that it refuses, and is not asked twice', async ({ own, expect }) => {
    const { rig, conversations } = await PROVIDERS[provider](own, { key: 'another-canary-0123456789' });
    await rig.call({ source: toneSource(CALLER_HZ), hangUpAfterMs: 15_000 }).report;
    const ended = await until(() => rig.of('call_ended')[0], 'the end of the call');
    expect(ended.end).toMatchObject({ result: 'upstream_error', reason: 'model-auth' });
    expect(conversations()).toEqual([]);
    expect(ended.counters['model_retry'] ?? 0).toBe(0);
    expect(JSON.stringify([rig.lines, ended])).not.toContain('canary');
  });

  it('is asked again while its provider is busy', async ({ own, expect }) => {
    const { rig, asked } = await PROVIDERS[provider](own, { refuse: [429, 503] });
    const { phone, report } = rig.call({ source: toneSource(CALLER_HZ, { ms: 200 }), hangUpAfterMs: 60_000 });
    await hears(phone, 500);
    phone.hangUp();
    expect((await report).reason).toBe('audio went both ways');
    expect(asked()).toBe(3);
    expect(JSON.stringify(rig.lines)).not.toContain('canary');
  });
});

const silent = () => scriptSource([{ pauseMs: 20_000 }]);
const ended = (rig: Rig) => until(() => rig.of('call_ended')[0], 'the end of the call');

describe.concurrent('an assistant of Vapi', () => {
  const start = async (own: Own, options: Partial<Parameters<typeof startVapi>[0]>) => {
    const far = own(await startVapi({ key: KEY, assistants: ['assistant-1'], ...options }));
    const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: far.url };
    const agent = { kind: 'vapi', assistant_id: 'assistant-1', variable_values: { name: 'Ada' } };
    return { far, rig: own(await startAgentRig(agent, { settings })) };
  };

  it('that hangs up has hung up the phone', async ({ own, expect }) => {
    const { far, rig } = await start(own, { voice: { ms: 500, endsAfter: 1 }, withoutControl: true });
    await rig.call({ source: silent(), hangUpAfterMs: 15_000 }).report;
    expect((await ended(rig)).end).toMatchObject({ result: 'success', reason: 'agent-hangup' });
    const [call] = far.calls;
    expect(call?.overrides).toEqual({ variableValues: { name: 'Ada' } });
    // Whole frames of 20 ms, silence too.
    expect([...(call?.frameBytes ?? [])]).toEqual([640]);
    expect(call?.problems).toEqual([]);
  });

  it('that tells nothing of its answers is heard all the same', async ({ own, expect }) => {
    const { rig } = await start(own, { voice: { tone: AGENT_HZ, ms: 1_000, tells: false } });
    const { phone, report } = rig.call({ source: silent(), hangUpAfterMs: 60_000 });
    await hearsOut(phone, 700);
    await until(() => rig.agentEvents('response_done')[0], 'the end of what it said');
    phone.hangUp();
    await report;
    const { agent, sampleRate } = phone.recordedChannels()!;
    expect(toneAloneMs(agent, sampleRate, AGENT_HZ)).toBeGreaterThanOrEqual(700);
    expect(rig.agentEvents('response_done')).toMatchObject([{ status: 'completed' }]);
  });
});

describe.concurrent('an agent of ElevenLabs', () => {
  const start = async (
    own: Own,
    options: Partial<Parameters<typeof startElevenLabs>[0]>,
    agent: object = {},
    key = KEY,
  ) => {
    const far = own(await startElevenLabs({ key: KEY, agents: ['agent-1'], ...options }));
    const settings = { ELEVENLABS_API_URL: far.url, ...(key === '' ? {} : { ELEVENLABS_API_KEY: key }) };
    return { far, rig: own(await startAgentRig({ kind: 'elevenlabs', agent_id: 'agent-1', ...agent }, { settings })) };
  };

  it('whose account has nothing left says so by its end', async ({ own, expect }) => {
    const closes = { code: 1008, reason: 'This request exceeds your quota limit.' };
    const { rig } = await start(own, { voice: { ms: 300, closes } });
    const { phone, report } = rig.call({ source: silent(), hangUpAfterMs: 60_000 });
    await hearsOut(phone, 200);
    phone.say(toneSource(CALLER_HZ, { ms: 600 }));
    await report;
    expect((await ended(rig)).end).toMatchObject({ result: 'upstream_error', reason: 'model-quota' });
  });

  it('is refused where it does not allow what is overridden', async ({ own, expect }) => {
    const { rig } = await start(own, {}, { overrides: { agent: { language: 'de' } } });
    await rig.call({ source: silent(), hangUpAfterMs: 15_000 }).report;
    expect((await ended(rig)).end).toMatchObject({ result: 'upstream_error', reason: 'model-rejected' });
  });

  it('that is public answers without a key, is kept alive, and calls a tool of ours', async ({ own, expect }) => {
    const voice = { ms: 300, pingMs: 500, tool: { name: 'no_such_tool', parameters: { q: 1 } } };
    const { far, rig } = await start(own, { publicAgents: ['agent-1'], voice }, {}, '');
    const { phone, report } = rig.call({ source: silent(), hangUpAfterMs: 60_000 });
    const greeting = await hearsOut(phone, 200);
    phone.say(toneSource(CALLER_HZ, { ms: 600 }));
    await hearsOut(phone, greeting + 200);
    const [conversation] = far.conversations;
    await until(() => conversation!.pongs.length >= 2, 'answers to its pings');
    phone.hangUp();
    await report;
    // There is none of this name: the agent is told so, and goes on.
    expect(conversation?.results).toMatchObject([{ tool_call_id: 'tool-1', is_error: true }]);
    expect(conversation?.pongs.length).toBeGreaterThanOrEqual(2);
    expect(conversation?.problems).toEqual([]);
    expect(far.asked).toBe(0);
  });
});
