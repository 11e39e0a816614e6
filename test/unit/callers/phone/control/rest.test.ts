import { describe, expect, it } from 'vitest';
import { signalWireRest } from '../../../../../src/callers/phone/carriers/signalwire/rest.ts';
import { twilioRest } from '../../../../../src/callers/phone/carriers/twilio/rest.ts';
import { ControlError } from '../../../../../src/callers/phone/control/index.ts';
import { RestClient } from '../../../../../src/callers/phone/control/rest.ts';
import { FakeClock } from '../../../../fakes/clock.ts';

const SID = `AC${'0a'.repeat(16)}`;
const CALL = `CA${'1b'.repeat(16)}`;
const TOKEN = 'auth-token-canary-4711';
const DIAL = { to: '+15550001111', from: '+15550002222', url: 'https://voice.example.com/incoming-call' };

const REPEATABLE = { repeatable: true };

type Step = Response | Error | ((signal: AbortSignal) => Promise<Response>);

const answer = (status: number, body: unknown = { sid: CALL }, headers: Record<string, string> = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
const systemError = (code: string) =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
const never = (signal: AbortSignal) =>
  new Promise<Response>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Twilio's adapter on a fake clock over a carrier that answers by a list. */
function rig(steps: Step[], options: { random?: () => number; keySid?: string } = {}) {
  const clock = new FakeClock();
  const sent: Array<{ at: number; url: string; form: URLSearchParams; init: RequestInit }> = [];
  const warned: object[] = [];
  const control = twilioRest({
    accountSid: SID,
    authToken: TOKEN,
    clock,
    random: () => 1,
    log: { warn: (fields) => void warned.push(fields) },
    fetch: (async (url: string, init: RequestInit) => {
      sent.push({ at: clock.now(), url, form: new URLSearchParams(String(init.body)), init });
      const step = steps.shift();
      if (step === undefined) throw new Error('more requests than expected');
      if (step instanceof Error) throw step;
      return typeof step === 'function' ? step(init.signal as AbortSignal) : step;
    }) as typeof fetch,
    ...options,
  });
  /** Runs the work while time passes, and gives its outcome. */
  const settle = async <T>(work: Promise<T>, ms = 60_000): Promise<T | ControlError> => {
    let outcome: T | ControlError | undefined;
    const watched = work.then(
      (value) => {
        outcome = value;
      },
      (error: ControlError) => {
        outcome = error;
      },
    );
    for (let passed = 0; passed < ms && outcome === undefined; passed += 50) {
      await new Promise((resolve) => setImmediate(resolve));
      if (outcome === undefined) clock.advance(50);
    }
    await watched;
    return outcome as T | ControlError;
  };
  return { clock, sent, warned, control, settle };
}

describe('what is sent', () => {
  it('a hang-up is the status "completed", form-encoded, with Basic authentication', async () => {
    const { control, sent, clock } = rig([answer(200)]);
    await control.hangup(CALL);
    expect(sent[0]?.url).toBe(`https://api.twilio.com/2010-04-01/Accounts/${SID}/Calls/${CALL}.json`);
    expect(sent[0]?.form.toString()).toBe('Status=completed');
    expect(sent[0]?.init).toMatchObject({ method: 'POST', redirect: 'manual' });
    const headers = sent[0]?.init.headers as Record<string, string>;
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Buffer.from(headers['authorization']!.slice(6), 'base64').toString()).toBe(`${SID}:${TOKEN}`);
    expect(clock.pending).toBe(0);
  });

  it('an API key stands in for the account in the credentials alone', async () => {
    const { control, sent } = rig([answer(200)], { keySid: 'SK123' });
    await control.hangup(CALL);
    const headers = sent[0]?.init.headers as Record<string, string>;
    expect(Buffer.from(headers['authorization']!.slice(6), 'base64').toString()).toBe(`SK123:${TOKEN}`);
    expect(sent[0]?.url).toContain(SID);
  });

  it('a dial asks for all news and for detection beside the conversation', async () => {
    const { control, sent } = rig([answer(201)]);
    const statusCallback = 'https://voice.example.com/call-status';
    expect(await control.dial({ ...DIAL, statusCallback, machineDetection: 'message-end', timeoutSeconds: 25 })).toBe(
      CALL,
    );
    expect([...sent[0]!.form]).toEqual([
      ['To', DIAL.to],
      ['From', DIAL.from],
      ['Url', DIAL.url],
      ['Method', 'POST'],
      ['Timeout', '25'],
      ['StatusCallback', statusCallback],
      ['StatusCallbackMethod', 'POST'],
      ['StatusCallbackEvent', 'initiated'],
      ['StatusCallbackEvent', 'ringing'],
      ['StatusCallbackEvent', 'answered'],
      ['StatusCallbackEvent', 'completed'],
      ['MachineDetection', 'DetectMessageEnd'],
      ['AsyncAmd', 'true'],
      ['AsyncAmdStatusCallback', statusCallback],
      ['AsyncAmdStatusCallbackMethod', 'POST'],
    ]);
  });

  it('a plain dial names nothing that was not asked for', async () => {
    const { control, sent } = rig([answer(201)]);
    await control.dial(DIAL);
    expect([...sent[0]!.form.keys()]).toEqual(['To', 'From', 'Url', 'Method']);
  });

  it('SignalWire gets an address where Twilio gets the document', async () => {
    const documents: string[] = [];
    const urls: string[] = [];
    const control = signalWireRest({
      space: 'example.signalwire.com',
      projectId: '5e0a1f6c-1111-4222-8333-444455556666',
      token: TOKEN,
      host: (document) => `https://voice.example.com/hosted?${documents.push(document)}`,
      fetch: (async (url: string, init: RequestInit) => {
        urls.push(url);
        const form = new URLSearchParams(String(init.body));
        expect([...form]).toEqual([
          ['Url', 'https://voice.example.com/hosted?1'],
          ['Method', 'POST'],
        ]);
        return answer(200);
      }) as typeof fetch,
    });
    await control.transfer('0a1b-c', '+15550003333');
    expect(urls).toEqual([
      'https://example.signalwire.com/api/laml/2010-04-01/Accounts/5e0a1f6c-1111-4222-8333-444455556666/Calls/0a1b-c',
    ]);
    expect(documents[0]).toContain('<Dial>+15550003333</Dial>');
  });

  it('a document that cannot be served is an error of its own', async () => {
    const control = signalWireRest({
      space: 'example',
      projectId: 'p-1',
      token: TOKEN,
      host: () => {
        throw new Error('PUBLIC_URL is not set');
      },
      fetch: (() => Promise.reject(new Error('asked'))) as typeof fetch,
    });
    await expect(control.transfer('a-1', '+15550003333')).rejects.toMatchObject({
      code: 'CONTROL_UNSUPPORTED',
      message: expect.stringContaining('PUBLIC_URL'),
    });
  });
});

describe('what is tried again', () => {
  it('waits twice as long before the second retry, within the jitter', async () => {
    for (const [random, waits] of [
      [1, [200, 400]],
      [0, [100, 200]],
    ] as const) {
      const { control, sent, settle } = rig([answer(500), answer(502), answer(200)], { random: () => random });
      expect(await settle(control.hangup(CALL))).toBeUndefined();
      expect(sent.map(({ at }, i) => at - (sent[i - 1]?.at ?? 0))).toEqual([0, ...waits]);
    }
  });

  it('three tries in all', async () => {
    const { control, sent, settle, warned } = rig([answer(500), answer(500), answer(500), answer(200)]);
    expect(await settle(control.hangup(CALL))).toMatchObject({ code: 'CONTROL_UNAVAILABLE', status: 500 });
    expect(sent).toHaveLength(3);
    expect(warned).toHaveLength(2);
  });

  it('the carrier says how long to wait, in seconds or as a date', async () => {
    const { control, sent, settle, clock } = rig([
      answer(429, {}, { 'retry-after': '2' }),
      answer(429, {}, { 'retry-after': new Date(1_700_000_000_000 + 5_000).toUTCString() }),
      answer(200),
    ]);
    expect(await settle(control.hangup(CALL))).toBeUndefined();
    expect(sent[1]!.at).toBe(2_000);
    expect(sent[2]!.at).toBe(5_000);
    expect(clock.pending).toBe(0);
  });

  it('a carrier that asks for a minute is not waited for; the error says what it asked', async () => {
    const { control, sent, settle } = rig([answer(429, {}, { 'retry-after': '60' })]);
    expect(await settle(control.hangup(CALL))).toMatchObject({
      code: 'CONTROL_RATE_LIMITED',
      retryAfterMs: 60_000,
      retryable: true,
      uncertain: false,
    });
    expect(sent).toHaveLength(1);
  });

  it('nothing is tried again that the carrier refused', async () => {
    for (const [status, body, code] of [
      [400, { code: 21211, message: 'The number is not valid' }, 'CONTROL_REJECTED'],
      [401, { code: 20003, message: 'Authenticate' }, 'CONTROL_AUTH'],
      [403, {}, 'CONTROL_AUTH'],
      [307, '', 'CONTROL_PROTOCOL'],
    ] as const) {
      const { control, sent } = rig([answer(status, body)]);
      await expect(control.transfer(CALL, '+15550003333')).rejects.toMatchObject({ code, status, retryable: false });
      expect(sent).toHaveLength(1);
    }
  });

  it('a dial is tried again when the carrier was certainly not reached or turned it away', async () => {
    const { control, sent, settle } = rig([systemError('ECONNREFUSED'), answer(503), answer(201)]);
    expect(await settle(control.dial(DIAL))).toBe(CALL);
    expect(sent).toHaveLength(3);
  });

  it.each([
    ['a reset connection', systemError('ECONNRESET'), 'CONTROL_UNAVAILABLE'],
    ['a failure inside the carrier', answer(500), 'CONTROL_UNAVAILABLE'],
    ['a gateway that gave up', answer(504), 'CONTROL_UNAVAILABLE'],
    ['no answer', never, 'CONTROL_TIMEOUT'],
    ['an answer without an id', answer(201, '<html>'), 'CONTROL_PROTOCOL'],
    ['an id that is none', answer(201, { sid: '../x' }), 'CONTROL_PROTOCOL'],
    ['a redirect', answer(307, ''), 'CONTROL_PROTOCOL'],
    ['a flood', answer(201, { sid: CALL, padding: 'x'.repeat(300_000) }), 'CONTROL_PROTOCOL'],
  ])('a dial is not repeated after %s, and the error says that it may ring', async (_, step, code) => {
    const { control, sent, settle, clock } = rig([step]);
    expect(await settle(control.dial(DIAL))).toMatchObject({ code, uncertain: true });
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('each try has its own limit', async () => {
    const { control, sent, settle } = rig([never, never, answer(200)]);
    expect(await settle(control.hangup(CALL))).toBeUndefined();
    expect(sent.map(({ at }) => at)).toEqual([0, 5_200, 10_600]);
  });
});

describe('a call that is gone', () => {
  it.each([
    ['404', answer(404, { code: 20404 })],
    ['410', answer(410)],
    ['not in progress', answer(400, { code: 21220, message: 'Call is not in-progress. Cannot redirect.' })],
  ])('%s: hung up already, and not to be transferred', async (_, step) => {
    const hangup = rig([step.clone()]);
    await hangup.control.hangup(CALL);
    const transfer = rig([step]);
    await expect(transfer.control.transfer(CALL, '+15550003333')).rejects.toMatchObject({ code: 'CONTROL_GONE' });
    expect([hangup.sent.length, transfer.sent.length]).toEqual([1, 1]);
  });

  it('no such account is no call that is gone', async () => {
    const { control } = rig([answer(404, { code: 20404 })]);
    await expect(control.dial(DIAL)).rejects.toMatchObject({ code: 'CONTROL_REJECTED', status: 404 });
  });
});

describe('who gives up', () => {
  it('before: nothing is sent', async () => {
    const { control, sent } = rig([]);
    await expect(control.dial({ ...DIAL, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CONTROL_ABORTED',
      uncertain: false,
    });
    expect(sent).toEqual([]);
  });

  it('while the carrier thinks: it may have been done', async () => {
    const controller = new AbortController();
    const { control, clock } = rig([never]);
    const work = control.dial({ ...DIAL, signal: controller.signal });
    controller.abort();
    await expect(work).rejects.toMatchObject({ code: 'CONTROL_ABORTED', uncertain: true });
    expect(clock.pending).toBe(0);
  });

  it('while waiting for the next try: at once', async () => {
    const controller = new AbortController();
    const { control, sent, clock } = rig([answer(500), answer(200)]);
    const work = control.transfer(CALL, '+15550003333', { signal: controller.signal });
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(work).rejects.toMatchObject({ code: 'CONTROL_ABORTED' });
    expect(sent).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('what an error shows', () => {
  it('neither credentials nor numbers, however the carrier writes them', async () => {
    const basic = Buffer.from(`${SID}:${TOKEN}`).toString('base64');
    const message = `No +15550001111, 1-555-000-1111 or (555) 000 1111 for ${SID} with ${TOKEN} and Basic ${basic}\n${'x'.repeat(500)}`;
    const { control } = rig([answer(400, { code: 21211, message })]);
    const error = await control.dial(DIAL).catch((thrown: Error) => thrown);
    const text = `${error} ${(error as Error).stack}`;
    for (const secret of ['5550001111', '555-000-1111', '000 1111', SID, TOKEN, basic])
      expect(text).not.toContain(secret);
    expect(error).toMatchObject({ code: 'CONTROL_REJECTED', carrierCode: 21_211 });
    expect((error as Error).message.length).toBeLessThan(320);
    expect((error as Error).message).not.toContain('\n');
  });

  it('nor does a connection that fails', async () => {
    const { control, settle } = rig([new TypeError(`bad ${TOKEN}`), new TypeError('x'), new TypeError(TOKEN)]);
    const error = (await settle(control.hangup(CALL))) as ControlError;
    expect(error.code).toBe('CONTROL_UNAVAILABLE');
    expect(`${error} ${error.stack} ${JSON.stringify(error)}`).not.toContain(TOKEN);
  });
});

describe('what is checked before anything else', () => {
  it('credentials go over TLS or stay on this machine', () => {
    const make = (baseUrl: string) => () => twilioRest({ accountSid: SID, authToken: TOKEN, baseUrl });
    for (const bad of ['http://api.twilio.com', 'ftp://x', 'nonsense', 'https://u:p@x', 'https://x/?a=1'])
      expect(make(bad), bad).toThrow(ControlError);
    for (const good of [
      'https://api.dublin.ie1.twilio.com/',
      'http://127.0.0.1:1',
      'http://localhost:1',
      'http://[::1]:1',
    ])
      expect(make(good), good).not.toThrow();
  });

  it('ids that become part of an address', () => {
    expect(() => twilioRest({ accountSid: 'AC/../x', authToken: TOKEN })).toThrow('AC and 32');
    const make = (over: object) => () =>
      signalWireRest({ space: 'example', projectId: 'p', token: TOKEN, host: () => '', ...over });
    expect(make({ projectId: 'a/b' })).toThrow(ControlError);
    expect(make({ space: 'evil.com/' })).toThrow(ControlError);
    expect(make({ space: '' })).toThrow(ControlError);
    expect(make({})).not.toThrow();
  });
});

describe('an API of JSON', () => {
  const KEY = 'key-canary-0815';
  const client = (step: Response) => {
    const sent: Array<RequestInit & { url: string }> = [];
    const send = async (url: string, init: RequestInit) => {
      sent.push({ url, ...init });
      return step;
    };
    return { sent, rest: new RestClient({ password: KEY, fetch: send as typeof fetch, clock: new FakeClock() }) };
  };

  it('is sent it by the method that it has for that, with a bearer token', async () => {
    const { rest, sent } = client(answer(200, { call: 'c-1' }));
    const told = await rest.json('hangup', 'PUT', 'https://api.example.com/v1/calls/c-1', { do: ['end'] }, REPEATABLE);
    expect(told).toEqual({ status: 200, body: { call: 'c-1' } });
    expect(sent).toMatchObject([
      { url: 'https://api.example.com/v1/calls/c-1', method: 'PUT', body: '{"do":["end"]}' },
    ]);
    const headers = sent[0]?.headers as Record<string, string>;
    expect(headers['content-type']).toBe('application/json');
    expect(headers['authorization']).toBe(`Bearer ${KEY}`);
  });

  it('may say what failed in a form of its own, and by its own number that the call is over', async () => {
    const rest = new RestClient({
      password: KEY,
      clock: new FakeClock(),
      goneCodes: [90_018],
      failureOf: ({ errors }) => (errors as Array<{ code: string; detail: string }>)[0] ?? {},
      fetch: (async () =>
        answer(422, { errors: [{ code: '90018', detail: 'ended' }], code: 7 })) as unknown as typeof fetch,
    });
    const failed = await rest.json('hangup', 'POST', 'https://api.example.com/c', {}, REPEATABLE).catch((e) => e);
    expect(failed).toMatchObject({ code: 'CONTROL_GONE', carrierCode: 90_018, status: 422 });
  });

  it('is shown another token at every try, where tokens are minted, and has none of them in an error', async () => {
    const clock = new FakeClock();
    const shown: string[] = [];
    let minted = 0;
    const tokens: string[] = [];
    const rest = new RestClient({
      password: () => {
        const token = `minted.canary-${++minted}.signed`;
        tokens.push(token);
        return token;
      },
      clock,
      random: () => 0,
      fetch: (async (_url: string, init: RequestInit) => {
        shown.push((init.headers as Record<string, string>)['authorization']!);
        // It repeats all that it was ever shown.
        return answer(shown.length % 2 === 1 ? 503 : 401, { message: `expired: ${tokens.join(', ')}` });
      }) as typeof fetch,
    });
    const ask = async () => {
      const failed = rest.json('hangup', 'PUT', 'https://api.example.com/c-1', {}, REPEATABLE).catch((error) => error);
      const since = minted;
      while (minted === since || minted % 2 === 1) {
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(50);
      }
      return failed;
    };
    for (let i = 0; i < 2; i++) {
      const refused = await ask();
      expect(refused).toMatchObject({ code: 'CONTROL_AUTH' });
      expect(`${refused} ${refused.stack}`).not.toContain('canary');
    }
    expect(shown).toEqual([1, 2, 3, 4].map((n) => `Bearer minted.canary-${n}.signed`));
  });

  it('never has its key in an error', async () => {
    const { rest } = client(answer(401, { message: `no such key: ${KEY}` }));
    const refused = await rest
      .json('hangup', 'PUT', 'https://api.example.com/c-1', {}, REPEATABLE)
      .catch((error) => error);
    expect(refused).toMatchObject({ code: 'CONTROL_AUTH' });
    expect(String(refused)).not.toContain(KEY);
  });
});
