import { describe, expect, onTestFinished } from 'vitest';
import { makeTone } from '../../src/media/tone.ts';
import { openSocket, type Socket } from '../../src/transport/socket.ts';
import { OPERATOR } from './operator.ts';
import { loudestTone, type Rig, startRig, toneAloneMs, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** A test agent of somebody else's, on its socket. */

const CALLER_HZ = 1_020;
const AGENT_HZ = 620;
const VOICE = { voice: { tone: AGENT_HZ, ms: 1_500, dbfs: -15 } };

class TestAgent {
  readonly messages: Array<Record<string, unknown>> = [];
  readonly heard: number[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #socket: Socket | undefined;

  static async open(rig: Rig, headers: Readonly<Record<string, string>> = OPERATOR): Promise<TestAgent> {
    const made = new TestAgent();
    made.#socket = await openSocket(
      `${rig.url.replace('http', 'ws')}/test-agent`,
      {
        text: (data) => made.messages.push(JSON.parse(data.toString()) as Record<string, unknown>),
        binary: (data) => {
          for (let at = 0; at < data.length; at += 2) made.heard.push(data.readInt16LE(at));
        },
        close: (code, reason) => {
          made.closed = { code, reason };
        },
      },
      { maxMessageBytes: 1 << 20, pingIntervalMs: 0, connectTimeoutMs: 5_000, headers },
    );
    onTestFinished(() => made.#socket?.terminate());
    return made;
  }

  send(message: unknown): void {
    this.#socket?.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  say(samples: Int16Array): void {
    this.#socket?.sendBinary(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  bytes(bytes: Uint8Array): void {
    this.#socket?.sendBinary(bytes);
  }

  break(): void {
    this.#socket?.terminate();
  }

  told(type: string): Array<Record<string, unknown>> {
    return this.messages.filter((message) => message['type'] === type);
  }

  events(type: string): unknown[] {
    return this.told('event').filter((message) => (message['event'] as { type: string }).type === type);
  }

  get samples(): Int16Array {
    return Int16Array.from(this.heard);
  }
}

describe('a test agent that somebody else built', () => {
  it.for([24_000, 8_000] as const)(
    'talks to the agent in full duplex at %s Hz, each side alone',
    async (rate, { own }) => {
      const rig = own(await startRig({ model: VOICE }));
      const agent = await TestAgent.open(rig);
      agent.send({ type: 'start', rate });
      const [started] = await until(() => agent.told('started')[0] && agent.told('started'), 'the call to be made');
      expect(started).toEqual({ type: 'started', id: expect.any(String), rate });
      const agentMs = () => toneAloneMs(agent.samples, rate, AGENT_HZ);
      await until(() => agentMs() >= 1_200, 'the greeting to be heard');
      await until(() => agent.events('agent.audio_done')[0], 'the end of the greeting');
      // At once: it is heard at the pace of speech all the same.
      agent.say(makeTone(CALLER_HZ, rate, 1_500, -12));
      await until(() => agent.events('agent.speech_started')[0], 'the model to hear the test agent');
      await until(() => agentMs() >= 2_400, 'the answer to be heard');
      expect(loudestTone(agent.samples, rate, CALLER_HZ)).toBeLessThan(-40);
      const input = rig.model.sessions[0]!.inputAudio();
      expect(toneAloneMs(input, 24_000, CALLER_HZ)).toBeGreaterThanOrEqual(1_200);
      expect(loudestTone(input, 24_000, AGENT_HZ)).toBeLessThan(-40);
      agent.send({ type: 'hangup' });
      await until(() => agent.closed, 'the socket to be closed');
      expect(agent.told('ended')).toEqual([{ type: 'ended', result: 'success', reason: 'caller-hangup' }]);
      expect(agent.closed?.code).toBe(1_000);
      expect(rig.of('call_started').map(({ info }) => info)).toMatchObject([{ carrier: 'test', id: started?.['id'] }]);
      expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['caller-hangup']);
      expect(rig.of('caller_joined').map(({ kind }) => kind)).toEqual(['test']);
    },
  );

  it('speaks over the agent, which stops, and takes back what it has not said yet', async ({ own }) => {
    const rig = own(await startRig({ model: { voice: { tone: AGENT_HZ, ms: 8_000, dbfs: -15 } } }));
    const agent = await TestAgent.open(rig);
    agent.send({ type: 'start' });
    await until(() => toneAloneMs(agent.samples, 24_000, AGENT_HZ) >= 600, 'the greeting');
    agent.say(makeTone(CALLER_HZ, 24_000, 15_000, -12));
    await until(() => agent.told('clear')[0], 'the agent to stop');
    agent.send({ type: 'clear' });
    agent.send({ type: 'keys', digits: '12' });
    await until(() => rig.of('caller').filter(({ event }) => event.type === 'dtmf')[1], 'the keys');
    agent.send({ type: 'hangup' });
    await until(() => agent.closed, 'the end');
    expect(rig.of('barge_in')).toHaveLength(1);
    expect(toneAloneMs(rig.model.sessions[0]!.inputAudio(), 24_000, CALLER_HZ)).toBeLessThan(10_000);
  });

  it('is refused without the token, and told what is wrong with its start', async ({ own }) => {
    const rig = own(await startRig());
    await expect(TestAgent.open(rig, {})).rejects.toThrow();
    const refused = async (first: unknown) => {
      const agent = await TestAgent.open(rig);
      if (first instanceof Uint8Array) agent.bytes(first);
      else agent.send(first);
      await until(() => agent.closed, 'the socket to be closed');
      expect(agent.closed?.code).toBe(1_008);
      return agent.told('error').map(({ code }) => code);
    };
    expect(await refused('no JSON')).toEqual(['MESSAGE_INVALID']);
    expect(await refused({ type: 'begin' })).toEqual(['MESSAGE_UNKNOWN']);
    expect(await refused({ type: 'start', rate: 44_100 })).toEqual(['MESSAGE_INVALID']);
    expect(await refused({ type: 'start', prompt: 'nobody' })).toEqual(['PROMPT_UNKNOWN']);
    expect(await refused({ type: 'start', agent: { kind: 'nobody' } })).toEqual(['AGENT_UNKNOWN']);
    expect(await refused({ type: 'clear' })).toEqual(['CALL_NOT_STARTED']);
    expect(await refused(new Uint8Array(2))).toEqual(['CALL_NOT_STARTED']);
    expect(rig.of('call_started')).toEqual([]);
  });

  it('is told of audio that is none, has one call a socket, and a line that breaks is the end', async ({ own }) => {
    const rig = own(await startRig());
    const agent = await TestAgent.open(rig);
    agent.send({ type: 'start' });
    await until(() => agent.events('connected')[0], 'the call');
    agent.bytes(new Uint8Array(3));
    agent.send({ type: 'start' });
    await until(() => agent.told('error')[1], 'what is wrong');
    expect(agent.told('error').map(({ code }) => code)).toEqual(['AUDIO_INVALID', 'MESSAGE_INVALID']);
    agent.break();
    await until(() => rig.of('call_ended')[0], 'the end');
    expect(rig.of('call_ended').map(({ end }) => end.reason)).toEqual(['media-lost']);
    expect(rig.of('call_ended')[0]?.counters).toMatchObject({ message_malformed: 1 });
  });
});
