import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionOptions, type RefusalReason } from '../../../../../src/admission/admission.ts';
import type { CallInfo } from '../../../../../src/call/info.ts';
import { type Termination, termination } from '../../../../../src/call/termination.ts';
import {
  type BridgeOrder,
  BrowserBridges,
  type BrowserBridgesDeps,
} from '../../../../../src/callers/browser/http/bridges.ts';
import { Intake, type IntakeDeps } from '../../../../../src/intake/intake.ts';
import { Strangers } from '../../../../../src/intake/strangers.ts';
import type { PeerHandlers } from '../../../../../src/transport/peer.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { FakeAgent, fakeLog } from '../../../../fakes/legs.ts';
import { FakePage } from '../../../../fakes/page.ts';

const OFFER = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=rtpmap:111 opus/48000/2',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  '',
].join('\r\n');
const ORDER: BridgeOrder = { conversationId: 'talk', offer: OFFER, operator: false, address: '198.51.100.1' };

function rig(more: { maxCalls?: number; maxPages?: number; callsPerSecond?: number; models?: object } = {}) {
  const clock = new FakeClock();
  const infos: CallInfo[] = [];
  const joined: string[] = [];
  const pages: FakePage[] = [];
  const ends: Array<(end: Termination) => void> = [];
  const losses: Array<(end: Termination) => void> = [];
  const ended: Termination[] = [];
  const bridges = new BrowserBridges();
  const admission = new Admission({
    clock,
    calls: () => infos.length - ended.length,
    isDraining: () => false,
    loopDelayMs: () => 0,
    maxLoopDelayMs: 0,
    maxCalls: 10,
    maxPages: 5,
    callsPerSecond: 0,
    ...more,
  } as AdmissionOptions);
  const calls = {
    create(info: CallInfo) {
      infos.push(info);
      const { promise: done, resolve } = Promise.withResolvers<Termination>();
      const end = (why: Termination) => {
        if (!ended.includes(why)) ended.push(why);
        resolve(why);
        return done;
      };
      ends.push(end);
      const { promise: agentLost, resolve: lose } = Promise.withResolvers<Termination>();
      losses.push(lose);
      return { done, end, agentLost, log: fakeLog() };
    },
    join(callId: string) {
      joined.push(callId);
      return true;
    },
  };
  const dispatch = {
    assign: async () => ({
      agent: new FakeAgent(),
      tools: () => {},
      route: 'r',
      prompt: 'p',
      model: 'mini',
    }),
  };
  bridges.connect({
    intake: new Intake({ calls, dispatch, admission } as unknown as IntakeDeps),
    calls,
    clock,
    log: fakeLog(),
    peer: (handlers: PeerHandlers) => {
      const page = new FakePage();
      pages.push(page);
      page.answer(handlers);
      return {
        answer: async () => 'v=0',
        sendAudio: () => {},
        stats: () => page.stats(),
        quality: () => page.quality(),
        close: () => page.close(),
      };
    },
    publicAddresses: [],
    strangers: new Strangers({ connecting: { perAddress: 2, total: 3 }, most: 5 }),
    connectMs: 8_000,
  } as unknown as BrowserBridgesDeps);
  let conversations = 0;
  return {
    bridges,
    admission,
    clock,
    infos,
    joined,
    pages,
    ends,
    losses,
    ended,
    open: (order: Partial<BridgeOrder> = {}) =>
      bridges.open(
        { ...ORDER, conversationId: `talk${conversations++ || ''}`, ...order },
        new AbortController().signal,
      ),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a call from a page', () => {
  it('is not made for one that went before it was its turn', async () => {
    const { bridges, admission, pages } = rig({ maxPages: 1 });
    await expect(bridges.open(ORDER, AbortSignal.abort())).rejects.toMatchObject({ code: 'CALL_ENDED' });
    expect([bridges.size, pages.length]).toEqual([0, 0]);
    expect(admission.admitStranger().ok).toBe(true);
  });

  it("begins when the page is reached, and tells the model it is really on, the prompt's own as well", async () => {
    const { open, infos, joined, pages } = rig();
    const { sessionId, answer } = await open();
    expect(answer).toBe('v=0');
    expect(infos).toEqual([]);
    pages[0]?.handlers?.state?.('connected');
    await settled();
    expect(infos).toEqual([
      {
        id: sessionId,
        callerKind: 'identity',
        direction: 'inbound',
        carrier: 'browser',
        conversationId: 'talk',
        route: 'r',
        prompt: 'p',
        model: 'mini',
      },
    ]);
    expect(joined).toEqual([]);
    pages[0]?.connect();
    await settled();
    expect(joined).toEqual([sessionId]);
  });

  it('that never connects is freed in time, and was never a call', async () => {
    const { open, infos, pages, clock, bridges, admission } = rig({ maxPages: 1 });
    await open();
    expect(admission.admitStranger()).toEqual({ ok: false, reason: 'pages' });
    await clock.advanceAsync(7_999);
    expect(bridges.size).toBe(1);
    await clock.advanceAsync(1_001);
    expect(bridges.size).toBe(0);
    expect(pages[0]?.closed).toBeGreaterThan(0);
    expect(infos).toEqual([]);
    expect(admission.admitStranger().ok).toBe(true);
  });

  it('whose page has media and opens no channel ends in the same time', async () => {
    const { open, infos, ended, pages, clock, bridges } = rig();
    await open();
    pages[0]?.handlers?.state?.('connected');
    await settled();
    expect(infos).toHaveLength(1);
    await clock.advanceAsync(9_000);
    expect(ended).toMatchObject([{ reason: 'no-stream' }]);
    expect(bridges.size).toBe(0);
  });

  it('has a limited number of others connecting beside it, by address and in all; a connected one is none of them', async () => {
    const { open, pages } = rig();
    await open();
    await open();
    const tooMany = {
      status: 429,
      code: 'NO_MORE_CALLS',
      details: { reason: 'pending' },
      headers: { 'retry-after': '5' },
    };
    await expect(open()).rejects.toMatchObject(tooMany);
    await open({ address: '198.51.100.2' });
    await expect(open({ address: '198.51.100.3' })).rejects.toMatchObject(tooMany);
    // Operators are not counted.
    await open({ operator: true, address: '198.51.100.3' });
    pages[0]?.connect();
    await settled();
    await open();
    await expect(open()).rejects.toMatchObject(tooMany);
  });

  it('is told so when there is no room any more at the moment it is connected', async () => {
    const { open, pages, infos, clock, bridges } = rig({ maxCalls: 1 });
    await open();
    infos.push({} as CallInfo);
    pages[0]?.connect();
    await clock.advanceAsync(1_000);
    expect(infos).toHaveLength(1);
    expect(pages[0]?.messages).toMatchObject([{ type: 'error', code: 'NO_MORE_CALLS' }, { type: 'ended' }]);
    expect(bridges.size).toBe(0);
  });

  it.each([
    ['before it is connected', true],
    ['after', false],
  ])('is told by a code that the model cannot be had: %s', async (_when, before) => {
    const { open, pages, losses } = rig();
    await open();
    const [page] = pages;
    const lose = () => losses[0]?.(termination('model-auth'));
    page?.handlers?.state?.('connected');
    await settled();
    if (before) lose();
    page?.connect();
    await settled();
    if (!before) lose();
    await settled();
    expect(page?.messages).toEqual([{ type: 'error', code: 'MODEL_AUTH', message: 'the model refuses the key' }]);
  });

  it.each([
    [{ maxCalls: 0 }, 503, 'calls', '10'],
    [{ maxPages: 0 }, 503, 'pages', '10'],
    [{ callsPerSecond: 0.001 }, 429, 'rate', '1'],
    [{ models: { spares: () => true, admits: () => false, isOpen: () => true } }, 503, 'model', '15'],
  ] as const)('is refused with its reason: %j', async (limits, status, reason: RefusalReason, retry) => {
    const { open, infos } = rig(limits);
    // What may come at once is one call at least.
    if (reason === 'rate') await open();
    await expect(open()).rejects.toMatchObject({
      status,
      code: 'NO_MORE_CALLS',
      details: { reason },
      headers: { 'retry-after': retry },
    });
    expect(infos).toEqual([]);
  });

  it('of one address leaves half of the strangers’ places to others, an operator’s aside', async () => {
    const { open, pages, clock, ends } = rig();
    const call = async (order: Partial<BridgeOrder> = {}) => {
      await open(order);
      pages.at(-1)?.connect();
      await settled();
    };
    for (let i = 0; i < 3; i++) await call();
    await expect(open()).rejects.toMatchObject({ status: 429, code: 'NO_MORE_CALLS', details: { reason: 'address' } });
    await call({ address: '198.51.100.2' });
    await call({ operator: true });
    ends[0]?.(termination('caller-hangup'));
    await clock.advanceAsync(1_000);
    await call();
    await expect(open()).rejects.toMatchObject({ details: { reason: 'address' } });
  });

  it('frees its places however it ends: hundreds of them leave room for the next', async () => {
    const { open, pages, clock, bridges, ends } = rig({ maxPages: 1 });
    for (let i = 0; i < 100; i++) {
      await open({ conversationId: 'one' });
      if (i % 3 !== 0) pages.at(-1)?.handlers?.state?.('connected');
      if (i % 3 === 2) pages.at(-1)?.connect();
      await settled();
      if (i % 2 === 0) void bridges.close('one');
      else if (i % 3 === 2) ends.at(-1)?.(termination('caller-hangup'));
      await clock.advanceAsync(9_000);
      expect(bridges.size).toBe(0);
    }
  });
});
