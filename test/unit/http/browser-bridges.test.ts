import { describe, expect, it } from 'vitest';
import { Admission, type RefusalReason } from '../../../src/admission/admission.ts';
import type { CallInfo } from '../../../src/call/info.ts';
import { type BridgeOrder, BrowserBridges, type BrowserBridgesDeps } from '../../../src/http/browser-bridges.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../fakes/legs.ts';

const OFFER = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=rtpmap:111 opus/48000/2',
  'a=fingerprint:sha-256 AA:BB',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  '',
].join('\r\n');
const ORDER: BridgeOrder = { conversationId: 'talk', offer: OFFER, operator: false };

function rig(more: { maxCalls?: number; callsPerSecond?: number } = {}) {
  const clock = new FakeClock();
  const infos: CallInfo[] = [];
  const bridges = new BrowserBridges();
  bridges.connect({
    calls: {
      create(info: CallInfo) {
        infos.push(info);
        throw new Error('as far as this test goes');
      },
    },
    dispatch: {
      assign: async () => ({
        agent: new FakeAgent(),
        tools: () => {},
        route: 'r',
        prompt: 'p',
        model: 'mini',
        live: true,
      }),
    },
    admission: new Admission({
      clock,
      calls: () => 0,
      isDraining: () => false,
      loopDelayMs: () => 0,
      maxLoopDelayMs: 0,
      maxCalls: 10,
      callsPerSecond: 0,
      ...more,
    }),
    clock,
    log: fakeLog(),
    rtc: {},
    publicAddresses: [],
  } as unknown as BrowserBridgesDeps);
  return { bridges, infos, open: () => bridges.open(ORDER, new AbortController().signal) };
}

describe('a call from a page', () => {
  it("tells the model it is really on, the prompt's own as well", async () => {
    const { open, infos } = rig();
    await expect(open()).rejects.toThrow('as far as this test goes');
    expect(infos).toEqual([
      {
        id: expect.any(String),
        direction: 'inbound',
        carrier: 'browser',
        conversationId: 'talk',
        route: 'r',
        prompt: 'p',
        model: 'mini',
      },
    ]);
  });

  it.each([
    [{ maxCalls: 0 }, 503, 'calls', '10'],
    [{ callsPerSecond: 0.001 }, 429, 'rate', '1'],
  ] as const)('is refused with its reason: %j', async (limits, status, reason: RefusalReason, retry) => {
    const { open, infos } = rig(limits);
    await expect(open()).rejects.toMatchObject({
      status,
      code: 'NO_MORE_CALLS',
      details: { reason },
      headers: { 'retry-after': retry },
    });
    expect(infos).toEqual([]);
  });
});
