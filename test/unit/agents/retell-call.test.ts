import { describe, expect, it } from 'vitest';
import { reportOf } from '../../../src/agents/retell/api.ts';
import { retellLeg } from '../../../src/agents/retell/leg.ts';
import type { AgentEvent } from '../../../src/call/events.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import { BridgeError } from '../../../src/errors.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { legContext } from '../../fakes/quiet.ts';
import { FakeRoom, person } from '../../fakes/room.ts';

const account = { apiUrl: 'https://api.retell.example', apiKey: 'key-of-the-account' };
const json = (status: number, body: object) => new Response(JSON.stringify(body), { status });

const contextOf = (clock: FakeClock) => legContext<AgentEvent>(clock, 24_000);

/** A call in a room whose server refuses the first `refused` tokens with this code. */
async function inRoom(refused: number, code: 'LIVEKIT_REFUSED' | 'LIVEKIT_UNREACHABLE') {
  const clock = new FakeClock();
  const made: string[] = [];
  const joined: Array<{ token: string; roomName: string }> = [];
  const { leg, callId } = retellLeg({
    account,
    target: { agent_id: 'agent_1', transport: 'livekit' },
    gateway: { iceServers: [] },
    ticker: new Ticker(clock),
    rooms: {
      url: 'wss://livekit.example',
      pool: async () => ({
        async join(options, handlers) {
          joined.push({ token: await options.token(), roomName: options.roomName });
          if (joined.length <= refused) throw new BridgeError(code, 'the server does not have us');
          const room = new FakeRoom(options, handlers, clock);
          queueMicrotask(() => handlers.participant('joined', person('server')));
          return room;
        },
      }),
      isInUse: () => false,
    },
    fetch: (async (url: string) => {
      made.push(new URL(url).pathname);
      const grants = Buffer.from(JSON.stringify({ video: { room: `room-${made.length}` } })).toString('base64url');
      return json(201, { call_id: `call_${made.length}`, access_token: `x.${grants}.${made.length}` });
    }) as typeof fetch,
  });
  const failure = await leg.start(contextOf(clock)).then(
    () => undefined,
    (error: BridgeError) => error,
  );
  return { made, joined, failure, callId: callId() };
}

describe('a call of the older version, whose token dies soon', () => {
  it('is made anew where its token is not taken any more, and it is the new one that counts', async () => {
    const { made, joined, failure, callId } = await inRoom(1, 'LIVEKIT_REFUSED');
    expect(failure).toBeUndefined();
    expect(made).toEqual(['/v2/create-web-call', '/v2/create-web-call']);
    expect(joined.map(({ roomName }) => roomName)).toEqual(['room-1', 'room-2']);
    expect(joined[0]!.token).not.toBe(joined[1]!.token);
    expect(callId).toBe('call_2');
  });

  it('is made anew once, and then refused', async () => {
    const { made, failure } = await inRoom(9, 'LIVEKIT_REFUSED');
    expect(made).toHaveLength(2);
    expect(failure?.code).toBe('MODEL_REJECTED');
  });

  it('is not made anew where the server is not reached: the call that was made may be there', async () => {
    const { made, failure } = await inRoom(9, 'LIVEKIT_UNREACHABLE');
    expect(made).toHaveLength(1);
    expect(failure?.code).toBe('MODEL_UNAVAILABLE');
  });
});

describe('a call whose transport is left open', () => {
  /** What was done, in order, and with what it failed, where the API answers the newer version like this. */
  async function opened({
    v3,
    isInUse = false,
    hasRooms = true,
  }: {
    v3: Response;
    isInUse?: boolean;
    hasRooms?: boolean;
  }) {
    const clock = new FakeClock();
    const order: string[] = [];
    const { leg } = retellLeg({
      account,
      target: { agent_id: 'agent_1', transport: 'auto' },
      gateway: {
        iceServers: [],
        makePeer: () => {
          order.push('peer');
          throw new BridgeError('PEER_UNAVAILABLE', 'there is none');
        },
      },
      ticker: new Ticker(clock),
      rooms: {
        url: 'wss://livekit.example',
        isInUse: () => isInUse,
        async pool() {
          order.push('pool');
          if (!hasRooms) throw new BridgeError('LIVEKIT_UNREACHABLE', 'no process');
          return {
            async join() {
              order.push('join');
              throw new BridgeError('LIVEKIT_UNREACHABLE', 'nobody is there');
            },
          };
        },
      },
      fetch: (async (url: string) => {
        const path = new URL(url).pathname;
        order.push(path.split('/')[1]!);
        return path.startsWith('/v3') ? v3 : created('livekit');
      }) as typeof fetch,
    });
    await leg.start(contextOf(clock)).catch(() => undefined);
    return order;
  }
  const created = (transport: string) => {
    const grants = Buffer.from(JSON.stringify({ video: { room: 'room-1' } })).toString('base64url');
    return json(201, { call_id: 'call_1', access_token: `x.${grants}.1`, transport });
  };

  it('has a process for its room before it is made by the older version', async () => {
    expect(await opened({ v3: json(404, {}) })).toEqual(['v3', 'pool', 'v2', 'pool', 'join']);
    // Nobody would come to it.
    expect(await opened({ v3: json(404, {}), hasRooms: false })).toEqual(['v3', 'pool']);
  });

  it('has one before it is made at all where calls of before needed rooms, and is made where none can be had', async () => {
    expect(await opened({ v3: created('livekit'), isInUse: true })).toEqual(['pool', 'v3', 'pool', 'join']);
    expect(await opened({ v3: created('gateway'), isInUse: true, hasRooms: false })).toEqual(['pool', 'v3', 'peer']);
  });

  it('has none begun for the gateway', async () => {
    expect(await opened({ v3: created('gateway') })).toEqual(['v3', 'peer']);
  });
});

describe('what the API says of a call afterwards', () => {
  const asked = async (status: number, body: object) => {
    const requests: Array<{ url: string; headers: unknown }> = [];
    const clock = new FakeClock();
    const report = reportOf(account, 'call_1', {
      clock,
      signal: new AbortController().signal,
      count: () => {},
      deadline: clock.now() + 1,
      fetch: (async (url: string, init?: RequestInit) => {
        requests.push({ url, headers: init?.headers });
        return json(status, body);
      }) as typeof fetch,
    });
    return { requests, report: await report };
  };
  const ended = {
    call_id: 'call_1',
    call_status: 'ended',
    disconnection_reason: 'user_hangup',
    duration_ms: 12_345,
    latency: { e2e: { p50: 800, p90: 1_200, max: 1_500, num: 3 }, llm: { p50: 300 } },
    transcript_object: [
      { role: 'agent', content: 'Hello.', words: [] },
      { role: 'user', content: 'Hi.' },
    ],
  };

  it('is asked with the key, and is its id, end, length, latencies from end to end and words', async () => {
    const { requests, report } = await asked(200, ended);
    expect(requests).toEqual([
      {
        url: 'https://api.retell.example/v2/get-call/call_1',
        headers: expect.objectContaining({ Authorization: 'Bearer key-of-the-account' }),
      },
    ]);
    expect(report).toEqual({
      callId: 'call_1',
      endReason: 'user_hangup',
      durationMs: 12_345,
      latencyMs: { p50: 800, p90: 1_200, max: 1_500 },
      transcript: [
        { who: 'agent', text: 'Hello.' },
        { who: 'caller', text: 'Hi.' },
      ],
    });
  });

  it.each(['registered', 'ongoing'])('is nothing yet while the call is %s', async (call_status) => {
    expect((await asked(200, { ...ended, call_status })).report).toBeUndefined();
  });

  it('is without what it says wrongly, and without what it does not say', async () => {
    const { report } = await asked(200, {
      call_status: 'error',
      duration_ms: -5,
      latency: { e2e: { p50: 'fast', max: 900 } },
      disconnection_reason: 7,
      transcript_object: 'none',
    });
    expect(report).toEqual({ callId: 'call_1', latencyMs: { max: 900 }, transcript: [] });
  });

  it.each([
    [401, 'MODEL_AUTH'],
    [404, 'MODEL_REJECTED'],
  ])('cannot be had where it is answered %i', async (status, code) => {
    await expect(asked(status, {})).rejects.toMatchObject({ code });
  });
});
