import { beforeEach, describe, expect, it } from 'vitest';
import { phoneAgentLeg } from '../../../src/agents/phone/leg.ts';
import { Call } from '../../../src/call/call.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import type { AgentLeg } from '../../../src/call/leg.ts';
import type { LineControls } from '../../../src/call/line-controls.ts';
import { OPERATOR_RATE } from '../../../src/call/operator-line.ts';
import { termination } from '../../../src/call/termination.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { ToolsFactory } from '../../../src/call/tools.ts';
import { makeTone, toneLevel } from '../../../src/media/tone.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, FakeCaller, fakeLog, PlainAgent } from '../../fakes/legs.ts';

/** Who hears whom, by tones: 400 Hz is the caller, 1000 Hz the operator, 1600 Hz a person in the agent's place; the agent's magnitude is constant. */

const RATE = 8_000;
const CALLER = 400;
const OPERATOR = 1_000;
const PERSON = 1_600;

let clock: FakeClock;
let events: CallEvent[];
beforeEach(() => {
  clock = new FakeClock();
  events = [];
});

/** How long a caller may be silent, ms. */
const PATIENCE_MS = 5_000;

/** A call of a caller's with this agent, which is started. */
function joined(agent: AgentLeg, tools?: ToolsFactory) {
  const caller = new FakeCaller(RATE);
  const deps = {
    clock,
    ticker: new Ticker(clock),
    log: fakeLog(),
    observers: [{ onEvent: (_id: string, event: CallEvent) => void events.push(event) }],
    apology: undefined,
    patience: { longestMs: PATIENCE_MS, asks: 1 },
    limits: { joinMs: 20_000, reclaimMs: 15_000, ringMs: 10_000, maxMs: 3_600_000 },
  };
  const call = new Call({ id: 'c1', direction: 'inbound' }, agent, deps, tools);
  call.start();
  call.join(caller);
  return { call, caller };
}

function begin<A extends PlainAgent>(agent: A, tools?: ToolsFactory) {
  const rig = joined(agent, tools);
  agent.ready();
  return { ...rig, agent };
}

const wave = (hz: number, ms: number, rate: number) => makeTone(hz, rate, ms);
const heardIn = (samples: readonly number[], hz: number) => toneLevel(Int16Array.from(samples), RATE, hz) > -30;
const operators = () => events.flatMap((event) => (event.type === 'operator' ? [event.event] : []));

/** Both speak for so long, in frames of 20 ms. */
function bothSpeak(rig: ReturnType<typeof begin>, voice: { write(frame: object): void } | undefined, ms: number) {
  const [low, high] = [wave(CALLER, ms, RATE), wave(OPERATOR, ms, OPERATOR_RATE)];
  for (let at = 0; at < ms; at += 20) {
    voice?.write({ samples: high.subarray(at * 16, (at + 20) * 16), sampleRate: OPERATOR_RATE });
    rig.caller.say([...low.subarray(at * 8, (at + 20) * 8)]);
    clock.advance(20);
  }
}

describe('a whisper', () => {
  it('by a line reaches the agent alone', () => {
    const { call, agent, caller } = begin(new FakeAgent(RATE));
    expect(call.operators.whisper('Anna', 'offer "ten" percent')).toBe(true);
    expect(agent.did.at(-1)).toMatch(/^note .*the caller does not hear it: "offer \\"ten\\" percent"/);
    expect(caller.audio.heard).toEqual([]);
    expect(operators()).toEqual([{ type: 'whispered', by: 'Anna', text: 'offer "ten" percent' }]);
  });

  it('is refused by an agent that takes no notes', () => {
    const { call } = begin(new PlainAgent(RATE));
    expect(call.operators.whisper('Anna', 'hello')).toBe(false);
    expect(operators()).toEqual([]);
  });

  it('by voice is heard by the agent beside the caller, and not by the caller, whom the agent still answers', () => {
    const rig = begin(new FakeAgent(RATE));
    const voice = rig.call.operators.speak('Anna', 'whisper', false);
    bothSpeak(rig, voice, 400);
    expect([CALLER, OPERATOR].map((hz) => heardIn(rig.agent.audio.heard, hz))).toEqual([true, true]);
    expect(rig.caller.audio.heard).toEqual([]);
    rig.agent.speak('a', 100);
    expect(rig.caller.audio.heard.length).toBe(800);
    voice?.end();
    rig.agent.audio.heard = [];
    bothSpeak(rig, voice, 400);
    expect([CALLER, OPERATOR].map((hz) => heardIn(rig.agent.audio.heard, hz))).toEqual([true, false]);
    expect(operators().map(({ type }) => type)).toEqual(['whisper_started', 'whisper_ended']);
  });

  it('is heard on a line that sends nothing, too', () => {
    const { call, agent } = begin(new FakeAgent(RATE));
    const voice = call.operators.speak('Anna', 'whisper', false);
    voice?.write({ samples: wave(OPERATOR, 1_000, OPERATOR_RATE), sampleRate: OPERATOR_RATE });
    expect(heardIn(agent.audio.heard, OPERATOR)).toBe(true);
  });
});

describe('an operator who takes over', () => {
  it('is heard by the caller in the place of the agent, which hears both', () => {
    const rig = begin(new FakeAgent(RATE));
    const { agent, caller, call } = rig;
    caller.playsAtOnce = false;
    agent.speak('a', 1_000, { done: false });
    caller.played = 300;
    const voice = call.operators.speak('Anna', 'takeover', true);
    // What lay unplayed is discarded, and the agent knows what was heard of it.
    expect(caller.audio.cleared).toBe(1);
    expect(agent.interruptions.at(-1)).toMatchObject([{ itemId: 'a', heardMs: 300 }]);
    expect(agent.did).toContain('hush');
    bothSpeak(rig, voice, 400);
    agent.speak('b', 200);
    expect([CALLER, OPERATOR].map((hz) => heardIn(caller.audio.heard, hz))).toEqual([false, true]);
    expect(caller.audio.heard.length).toBeLessThan(RATE * 0.41);
    expect([CALLER, OPERATOR].map((hz) => heardIn(agent.audio.heard, hz))).toEqual([true, true]);
    // What it says all the same was heard by nobody, and it is told so.
    expect(agent.interruptions.at(-1)).toMatchObject([{ itemId: 'b', heardMs: 0 }]);
    expect(operators()[0]).toEqual({ type: 'takeover_started', by: 'Anna', announced: true, heard: true });
  });

  it('leaves again: the agent is told, has what waited, and speaks', () => {
    const rig = begin(new FakeAgent(RATE));
    const { agent, caller, call } = rig;
    const voice = call.operators.speak('Anna', 'takeover', false);
    agent.did.length = 0;
    caller.ctx?.emit({ type: 'text', text: 'my number is 7' });
    bothSpeak(rig, voice, 3_000);
    expect(agent.did).toEqual([]);
    voice?.end();
    voice?.end();
    expect(agent.did[0]).toBe('unhush');
    expect(agent.did[1]).toBe('note my number is 7');
    expect(agent.did[2]).toMatch(/^note .*"Anna" has left.*You heard what they said/);
    expect(agent.did[3]).toMatch(/^respond .*you are back/);
    caller.audio.heard = [];
    agent.speak('c', 100);
    voice?.write({ samples: wave(OPERATOR, 400, OPERATOR_RATE), sampleRate: OPERATOR_RATE });
    expect(caller.audio.heard.length).toBe(800);
    expect(operators().at(-1)).toMatchObject({ type: 'takeover_ended', by: 'Anna', ms: 3_000 });
  });

  it('is alone with the caller where the agent cannot keep silent: it hears nothing, and is told how long', () => {
    class Talkative extends FakeAgent {
      override hush = undefined as never;
    }
    const rig = begin(new Talkative(RATE));
    const voice = rig.call.operators.speak('Anna', 'takeover', false);
    bothSpeak(rig, voice, 2_000);
    expect(rig.agent.audio.heard).toEqual([]);
    voice?.end();
    expect(rig.agent.did.join()).toMatch(/spoke with the caller for 2 s.*You did not hear/);
    bothSpeak(rig, voice, 100);
    expect(rig.agent.audio.heard.length).toBe(800);
    expect(operators()[0]).toMatchObject({ heard: false });
  });

  it('hands back to a person in the middle of a sentence: each hears the other from then on', async () => {
    const far = new FakeCaller(RATE);
    const leg = phoneAgentLeg({
      rate: RATE,
      target: { to: '+12025550100', ring_seconds: 30, on_machine: 'talk' },
      dialler: {
        carrier: 'some',
        carriers: ['some'],
        dial: async () => ({ leg: far, carrierCallId: 'c2' }),
      },
    });
    const { call, caller } = joined(leg);
    await call.ready;
    /** Both talk on without a pause, in frames of 20 ms. */
    const both = (ms: number) => {
      const [low, high] = [wave(CALLER, ms, RATE), wave(PERSON, ms, RATE)];
      for (let at = 0; at < ms; at += 20) {
        clock.advance(20);
        far.say([...high.subarray(at * 8, (at + 20) * 8)]);
        caller.say([...low.subarray(at * 8, (at + 20) * 8)]);
      }
    };
    both(400);
    const voice = call.operators.speak('Anna', 'takeover', false);
    caller.audio.heard = [];
    far.audio.heard = [];
    both(400);
    expect(caller.audio.heard).toEqual([]);
    expect(heardIn(far.audio.heard, CALLER)).toBe(false);
    far.audio.heard = [];
    voice?.end();
    both(400);
    expect(heardIn(caller.audio.heard, PERSON)).toBe(true);
    expect(caller.audio.heard.length).toBeGreaterThanOrEqual(RATE * 0.38);
    expect(heardIn(far.audio.heard, CALLER)).toBe(true);
    expect(far.audio.heard.length).toBeGreaterThanOrEqual(RATE * 0.38);
    await call.end(termination('caller-hangup'));
  });

  it('is one at a time, and is not asked whether he is there', async () => {
    const { call } = begin(new FakeAgent(RATE));
    const first = call.operators.speak('Anna', 'takeover', false);
    expect(call.operators.speak('Ben', 'whisper', false)).toBeUndefined();
    expect(call.operators.speaking).toEqual({ by: 'Anna', mode: 'takeover' });
    first?.end();
    expect(call.operators.speak('Ben', 'whisper', false)).toBeDefined();
  });

  it('has the call to its end though the agent is lost, and whoever is left alone then is not left in silence', () => {
    const { call, agent } = begin(new FakeAgent(RATE));
    const voice = call.operators.speak('Anna', 'takeover', false);
    agent.emit({ type: 'ended', end: termination('model-session-lost') });
    expect(call.state).toBe('joined');
    voice?.end();
    expect(call.state).toBe('leaving');
  });

  it('ends with the call, and nothing is asked of an agent that is gone', async () => {
    const { call, agent } = begin(new FakeAgent(RATE));
    const voice = call.operators.speak('Anna', 'takeover', false);
    const did = agent.did.length;
    await call.end(termination('caller-hangup'));
    expect(voice?.ended).toBe(true);
    expect(agent.did).toHaveLength(did);
    expect(operators().at(-1)).toMatchObject({ type: 'takeover_ended' });
    expect(events.at(-1)).toMatchObject({
      type: 'call_ended',
      counters: expect.objectContaining({ operator_takeover: 1 }),
    });
  });

  it('has his words told as his, and the caller’s as the caller’s', () => {
    const rig = begin(new FakeAgent(RATE));
    const { agent, call, caller } = rig;
    const voice = call.operators.speak('Anna', 'takeover', false);
    const turn = (itemId: string, speak: () => void) => {
      agent.emit({ type: 'speech_started', itemId });
      speak();
      agent.emit({ type: 'speech_stopped', itemId });
      agent.emit({ type: 'transcript', role: 'caller', itemId, text: itemId, final: true });
    };
    const high = wave(OPERATOR, 20, OPERATOR_RATE);
    turn('hers', () => {
      for (let i = 0; i < 10; i++) {
        voice?.write({ samples: high, sampleRate: OPERATOR_RATE });
        caller.say(new Array(160).fill(0));
      }
    });
    turn('his', () => {
      for (let i = 0; i < 10; i++) caller.say([...wave(CALLER, 20, RATE)]);
    });
    const words = events.flatMap((event) =>
      event.type === 'agent' && event.event.type === 'transcript'
        ? [[event.event.text, event.event.by?.name, event.event.operator]]
        : [],
    );
    expect(words).toEqual([
      ['hers', 'Anna', true],
      ['his', undefined, undefined],
    ]);
  });
});

describe('a bug on an operator’s line', () => {
  const breaks = () => {
    throw new Error('a bug');
  };
  it.each([
    ['when it begins', (agent: FakeAgent) => Object.assign(agent, { hush: breaks })],
    ['while it speaks', (agent: FakeAgent) => Object.assign(agent.audio, { write: breaks })],
    ['when it ends', (agent: FakeAgent) => Object.assign(agent, { respond: breaks })],
    ['when it whispers', (agent: FakeAgent) => Object.assign(agent, { note: breaks })],
  ])('%s ends this call, and is thrown no further', async (_when, broken) => {
    const { call, agent } = begin(new FakeAgent(RATE));
    broken(agent);
    expect(() => {
      const voice = call.operators.speak('Anna', 'takeover', false);
      voice?.write({ samples: wave(OPERATOR, 1_000, OPERATOR_RATE), sampleRate: OPERATOR_RATE });
      voice?.end();
      call.operators.whisper('Anna', 'offer ten percent');
    }).not.toThrow();
    expect(call.operators.speaking).toBeUndefined();
    expect(call.ended?.reason).toBe('internal');
    await call.done;
  });
});

describe('a call that was about to go by itself', () => {
  const TO = '+12025550100';

  /** A call in which a tool does this to the line while the agent's words are in play; what came of it. */
  function withTool(act: (line: LineControls) => Promise<unknown>) {
    const outcomes: unknown[] = [];
    const tools: ToolsFactory = ({ line }) => ({
      async run() {
        outcomes.push(await act(line).catch((error: Error) => error.message));
        return '';
      },
    });
    const rig = begin(new FakeAgent(RATE), tools);
    rig.caller.playsAtOnce = false;
    rig.agent.speak('a', 1_000);
    const ask = () =>
      rig.agent.emit({ type: 'tool_call', toolCallId: 't1', name: 'any', arguments: '{}', responseId: 'resp_a' });
    return { ...rig, outcomes, ask };
  }

  /** It still has the caller after a minute, and so it has when the operator is gone. */
  async function stays({ call }: Pick<ReturnType<typeof begin>, 'call'>, voice: { end(): void } | undefined) {
    await clock.advanceAsync(60_000, 100);
    expect([call.state, call.ended]).toEqual(['joined', undefined]);
    voice?.end();
    await clock.advanceAsync(1_000, 100);
    expect([call.state, call.ended]).toEqual(['joined', undefined]);
  }

  it('is the operator’s who takes it over while its caller hears the goodbye that he did not answer', async () => {
    const rig = begin(new FakeAgent(RATE));
    const { agent, caller, call } = rig;
    const gaveUp = () => agent.did.filter((one) => one.includes('does not answer any more')).length;
    await clock.advanceAsync(2 * PATIENCE_MS + 1_000, 100);
    expect(gaveUp()).toBe(1);
    caller.playsAtOnce = false;
    agent.speak('bye', 1_000);
    await clock.advanceAsync(200, 20);
    const voice = call.operators.speak('Anna', 'takeover', false);
    await stays(rig, voice);
    // Who is still silent then is asked before he is given up anew.
    const asked = () => agent.did.filter((one) => one.includes('whether they are still there')).length;
    expect(asked()).toBe(1);
    await clock.advanceAsync(PATIENCE_MS, 100);
    expect([asked(), gaveUp()]).toEqual([2, 1]);
    await clock.advanceAsync(PATIENCE_MS + 500, 100);
    expect(gaveUp()).toBe(2);
  });

  it('is the operator’s who takes it over while a tool waits to hang up', async () => {
    const rig = withTool((line) => line.hangupAfterPlayout());
    rig.ask();
    await clock.advanceAsync(200, 20);
    const voice = rig.call.operators.speak('Anna', 'takeover', false);
    await stays(rig, voice);
    expect(rig.outcomes).toEqual(['taken_over']);
  });

  it('is the operator’s who takes it over while a tool waits to transfer it', async () => {
    const rig = withTool((line) => line.transfer(TO));
    rig.ask();
    await clock.advanceAsync(200, 20);
    const voice = rig.call.operators.speak('Anna', 'takeover', false);
    await stays(rig, voice);
    expect(rig.outcomes).toEqual(['a colleague speaks with the caller and decides about the call']);
  });

  it.each(['hangs up', 'transfers'])(
    'is the operator’s though a tool that runs on %s in the middle of it',
    async (does) => {
      const rig = withTool((line) =>
        new Promise((resolve) => clock.after(5_000, () => resolve(undefined))).then(() =>
          does === 'hangs up' ? line.hangupAfterPlayout() : line.transfer(TO),
        ),
      );
      rig.ask();
      await clock.advanceAsync(200, 20);
      const voice = rig.call.operators.speak('Anna', 'takeover', false);
      await stays(rig, voice);
      expect(rig.outcomes).toHaveLength(1);
    },
  );

  it('is transferred by the operator who has it, as soon as his own words were heard', async () => {
    const { call } = begin(new FakeAgent(RATE));
    call.operators.speak('Anna', 'takeover', false);
    const handed = call.handOver(TO);
    await clock.advanceAsync(100, 20);
    expect(await handed).toBe(true);
    expect([call.state, call.transferTo]).toEqual(['ended', TO]);
  });
});
