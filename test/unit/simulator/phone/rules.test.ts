import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { Addresses } from '../../../../src/simulator/phone/addresses.ts';
import { follow, type Instructions, type Line, type StreamEnd } from '../../../../src/simulator/phone/flow.ts';
import { parseCodecName, sign } from '../../../../src/simulator/phone/index.ts';
import { Spread } from '../../../../src/simulator/phone/spread.ts';
import { findTurns } from '../../../../src/simulator/phone/turns.ts';
import { parseTwiml } from '../../../../src/simulator/phone/twiml.ts';

describe('signatures', () => {
  const params = { To: '+1555', From: '+1 (666)', CallSid: 'CA1', AccountSid: 'ÄC' };

  it("are what Twilio's own library accepts", () => {
    const url = 'https://voice.example.com/incoming-call?a=b';
    expect(twilio.validateRequest('secret', sign('secret', url, params), url, params)).toBe(true);
    expect(twilio.validateRequest('secret', sign('other', url, params), url, params)).toBe(false);
    const media = 'wss://voice.example.com/media-stream';
    expect(twilio.validateRequest('secret', sign('secret', media), media, {})).toBe(true);
  });
});

describe('addresses', () => {
  const addresses = new Addresses('http://127.0.0.1:8080/incoming-call', 'https://voice.example.com');
  it.each([
    ['https://voice.example.com/a?b=c', 'http://127.0.0.1:8080/a?b=c'],
    ['wss://voice.example.com/media', 'ws://127.0.0.1:8080/media'],
    ['https://voice.example.com.evil.example/a', 'https://voice.example.com.evil.example/a'],
    ['https://elsewhere.example/a', 'https://elsewhere.example/a'],
  ])('dials %s at %s', (url, local) => expect(addresses.toLocal(url)).toBe(local));

  it('signs the public form', () => {
    expect(addresses.toPublic('http://127.0.0.1:8080/incoming-call')).toBe('https://voice.example.com/incoming-call');
    expect(addresses.toPublic('http://127.0.0.1:80801/x')).toBe('http://127.0.0.1:80801/x');
  });

  it('are one and the same without a public one', () => {
    const same = new Addresses('http://127.0.0.1:8080/incoming-call');
    expect(same.toLocal('wss://x.example/a')).toBe('wss://x.example/a');
    expect(same.toPublic('http://127.0.0.1:8080/incoming-call')).toBe('http://127.0.0.1:8080/incoming-call');
  });

  it.each([
    ['http://127.0.0.1:5050/incoming-call', 'wss://127.0.0.1:5050/media-stream', 'ws://127.0.0.1:5050/media-stream'],
    ['http://localhost:5050/incoming-call', 'WSS://localhost:5050/a?b=c', 'ws://localhost:5050/a?b=c'],
    ['http://127.0.0.1:5050/x', 'https://127.0.0.1:5050/status', 'http://127.0.0.1:5050/status'],
    // Without its port: the bridge wrote the host's name alone.
    ['http://127.0.0.1:5050/x', 'wss://127.0.0.1/media', 'ws://127.0.0.1:5050/media'],
    ['http://[::1]:5050/x', 'wss://[::1]:5050/media', 'ws://[::1]:5050/media'],
    ['http://voice.example.com/x', 'wss://voice.example.com/media', 'wss://voice.example.com/media'],
    ['http://voice.example.com:8080/x', 'wss://voice.example.com:8080/media', 'ws://voice.example.com:8080/media'],
    ['http://127.0.0.1:5050/x', 'wss://127.0.0.1:6060/media', 'wss://127.0.0.1:6060/media'],
    ['https://127.0.0.1:5050/x', 'wss://127.0.0.1:5050/media', 'wss://127.0.0.1:5050/media'],
  ])('of a webhook at %s: %s is dialled at %s', (webhook, url, local) => {
    expect(new Addresses(webhook).toLocal(url)).toBe(local);
  });

  it('has a second place for a stream that is not where its address says, on this machine alone', () => {
    const here = new Addresses('http://127.0.0.1:5050/incoming-call');
    expect(here.insteadOf('wss://abcd.ngrok.app/media?x=1')).toBe('ws://127.0.0.1:5050/media?x=1');
    expect(here.insteadOf('ws://127.0.0.1:5050/media')).toBeUndefined();
    expect(new Addresses('http://voice.example.com/x').insteadOf('wss://abcd.ngrok.app/media')).toBeUndefined();
    expect(new Addresses('https://127.0.0.1/x').insteadOf('wss://abcd.ngrok.app/media')).toBeUndefined();
  });
});

describe('codec names', () => {
  it.each([
    ['PCMU', 'PCMU@8000'],
    ['PCMA', 'PCMA@8000'],
    ['PCMU@8000h', 'PCMU@8000'],
    ['L16@16000h', 'L16@16000'],
    ['L16@24000', 'L16@24000'],
    ['L16', undefined],
    ['pcmu', undefined],
    ['OPUS@48000h', undefined],
  ])('%s is %s', (text, name) => expect(parseCodecName(text)).toBe(name));
});

describe('turns', () => {
  const spurts = (...list: Array<[number, number]>) => list.map(([fromMs, toMs]) => ({ fromMs, toMs }));
  const times = (caller: Array<[number, number]>, agent: Array<[number, number]>) =>
    findTurns(spurts(...caller), spurts(...agent)).map(({ callerFromMs, callerToMs, responseMs }) => [
      callerFromMs,
      callerToMs,
      responseMs,
    ]);

  it('run from the last sound of one to the first sound of the other', () => {
    expect(times([[0, 1000]], [[1600, 3000]])).toEqual([[0, 1000, 600]]);
  });
  it('join what the caller says without an answer between', () => {
    expect(
      times(
        [
          [0, 500],
          [900, 1500],
        ],
        [[2000, 3000]],
      ),
    ).toEqual([[0, 1500, 500]]);
  });
  it('do not take a greeting that goes on, or begins too early, for an answer', () => {
    expect(
      times(
        [[1000, 2000]],
        [
          [0, 500],
          [1500, 2500],
          [2900, 3500],
        ],
      ),
    ).toEqual([[1000, 2000, 900]]);
  });
  it('stay open when nobody answers', () => {
    expect(
      times(
        [
          [0, 500],
          [5000, 6000],
        ],
        [[700, 900]],
      ),
    ).toEqual([
      [0, 500, 200],
      [5000, 6000, undefined],
    ]);
  });
  it('are none when the caller says nothing', () => expect(times([], [[0, 100]])).toEqual([]));
});

describe('a spread', () => {
  it('knows its middle, its tail and its end', () => {
    const spread = new Spread();
    for (let i = 1; i <= 100; i++) spread.add(i - 0.5);
    spread.add(5000);
    expect(spread.report()).toEqual({ count: 101, meanMs: 99, p50Ms: 51, p95Ms: 96, maxMs: 5000 });
    expect(new Spread().report()).toEqual({ count: 0, meanMs: 0, p50Ms: 0, p95Ms: 0, maxMs: 0 });
  });
});

describe('following instructions', () => {
  const setUp = (documents: Record<string, string>, streamEnd: StreamEnd = 'bridge-closed') => {
    const log: string[] = [];
    const hungUp = new AbortController();
    const line: Line = {
      hungUp: hungUp.signal,
      wait: async (ms) => void log.push(`wait ${ms}`),
      note: () => {},
      fetch: async (url, method, dialled) => {
        log.push([method, url, ...(dialled === undefined ? [] : [dialled.status])].join(' '));
        return document(url);
      },
      connect: async (stream, base) => {
        log.push(`stream ${stream.url} of ${base}`);
        if (streamEnd === 'caller-hung-up') hungUp.abort();
        return streamEnd;
      },
    };
    const document = (url: string): Instructions => ({
      verbs: parseTwiml(`<Response>${documents[new URL(url).pathname] ?? ''}</Response>`, 'twilio'),
      url,
    });
    return { log, hungUp, line, run: () => follow(document('http://b.example/first'), line) };
  };
  const stream = '<Connect><Stream url="wss://b.example/m"/></Connect>';

  it('goes verb by verb, and on after a stream that the bridge closed', async () => {
    const { log, run } = setUp({ '/first': `<Say>two words</Say><Pause length="2"/>${stream}<Say>bye</Say>` });
    expect(await run()).toMatchObject({ by: 'carrier', callStatus: 'completed' });
    expect(log).toEqual(['wait 750', 'wait 2000', 'stream wss://b.example/m of http://b.example/first', 'wait 375']);
  });

  it('goes on after a stream that could not be opened', async () => {
    const { run } = setUp({ '/first': `${stream}<Dial>+1555</Dial>` }, 'failed');
    expect(await run()).toMatchObject({ by: 'bridge', reason: expect.stringContaining('<Dial>') });
  });

  it('tells the action of a dial how it ended, and goes on with what that answers', async () => {
    const { log, line, run } = setUp({
      '/first': '<Dial action="/after" timeout="7" callerId="+12025550100">+12025550143</Dial><Say>no</Say>',
      '/after': '<Say>back again</Say>',
    });
    line.dial = async ({ target, timeout, callerId }) => {
      log.push(`dial ${target} ${timeout} ${callerId}`);
      return { status: 'busy', seconds: undefined };
    };
    expect(await run()).toMatchObject({ by: 'carrier' });
    expect(log).toEqual(['dial +12025550143 7 +12025550100', 'POST http://b.example/after busy', 'wait 750']);
  });

  it('goes on with the document after a dial that nobody answered, where there is no action', async () => {
    const { log, line, run } = setUp({ '/first': '<Dial>+12025550143</Dial><Say>nobody there</Say>' });
    line.dial = async () => ({ status: 'no-answer', seconds: undefined });
    expect(await run()).toMatchObject({ by: 'carrier' });
    expect(log).toEqual(['wait 750']);
  });

  it('stops when the caller hangs up', async () => {
    const { log, run } = setUp({ '/first': `${stream}<Say>nobody hears this</Say>` }, 'caller-hung-up');
    expect(await run()).toMatchObject({ by: 'caller', callStatus: 'completed' });
    expect(log).toHaveLength(1);
  });

  it('asks for the next document, relative to the last, and forgets the rest of this one', async () => {
    const { log, run } = setUp({
      '/first': '<Redirect method="GET">next?x=1</Redirect><Say>no</Say>',
      '/next': '<Hangup/>',
    });
    expect(await run()).toMatchObject({ reason: '<Hangup>' });
    expect(log).toEqual(['GET http://b.example/next?x=1']);
  });

  it("asks for a Connect's action", async () => {
    const { log, run } = setUp({
      '/first': `<Connect action="/after">${stream.slice(9)}<Say>no</Say>`,
      '/after': '<Hangup/>',
    });
    await run();
    expect(log).toEqual(['stream wss://b.example/m of http://b.example/first', 'POST http://b.example/after']);
  });

  it('gives up after ten redirects', async () => {
    const { log, run } = setUp({ '/first': '<Redirect>/first</Redirect>' });
    expect(await run()).toMatchObject({ callStatus: 'failed', reason: 'more than 10 redirects' });
    expect(log).toHaveLength(10);
  });

  it.each([
    ['<Reject/>', 'no-answer'],
    ['<Reject reason="busy"/>', 'busy'],
    ['<Say>x</Say><Reject reason="busy"/>', 'completed'],
  ])('%s ends as %s', async (document, callStatus) => {
    expect(await setUp({ '/first': document }).run()).toMatchObject({ callStatus });
  });
});
