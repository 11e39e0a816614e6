import { describe, expect, it } from 'vitest';
import { PlivoCalls } from '../../../../../../src/callers/phone/carriers/plivo/calls.ts';
import { plivoProof } from '../../../../../../src/callers/phone/carriers/plivo/signature.ts';
import { plivoWebhook } from '../../../../../../src/callers/phone/carriers/plivo/webhook.ts';
import type {
  CarrierRequest,
  Instruction,
  WebhookFacts,
} from '../../../../../../src/callers/phone/carriers/webhook.ts';
import { parsePlivoXml } from '../../../../../../src/simulator/phone/carriers/plivo-xml.ts';

const TOKEN = 'auth-token-of-the-account';
const ACCOUNT = 'MA0123456789ABCDEF01';
const CALL = '12345678-1234-4234-8234-123456789abc';
const ORDER = '9834029e-58b6-4111-b8b7-a5bd0e4e126f';
const BASE = 'https://voice.example.com';

const set = (calls = new PlivoCalls(), secrets: readonly string[] = [TOKEN]) =>
  plivoWebhook({ secrets, accountId: ACCOUNT, contentType: 'audio/x-mulaw;rate=8000', calls });

/** A webhook as Plivo posts it. */
function posted(params: Record<string, string>, { path = '/incoming-call', signed = true } = {}): CarrierRequest {
  const url = BASE + path;
  const proof = signed ? plivoProof(TOKEN, { method: 'POST', url, params }, '17') : {};
  return {
    method: 'POST',
    url,
    query: path.split('?')[1] ?? '',
    headers: Object.fromEntries(Object.entries(proof).map(([name, text]) => [name.toLowerCase(), text])),
    contentType: 'application/x-www-form-urlencoded',
    rawBody: new URLSearchParams(params).toString(),
  };
}

const INBOUND = {
  CallUUID: CALL,
  From: '12025550143',
  To: '12025550100',
  CallStatus: 'ringing',
  Direction: 'inbound',
  Event: 'StartApp',
};
const PLACED = {
  ...INBOUND,
  CallStatus: 'in-progress',
  Direction: 'outbound',
  ALegUUID: CALL,
  ALegRequestUUID: ORDER,
  RequestUUID: ORDER,
};

const read = (params: Record<string, string>, webhook = set(), path?: string): WebhookFacts => {
  const facts = webhook.read(posted(params, path === undefined ? {} : { path }));
  if (facts === undefined) throw new Error('could not be read');
  return facts;
};

describe("Plivo's webhooks", () => {
  it('are proven by their signature, over the query and the form', () => {
    const webhook = set();
    expect(webhook.proves(posted(INBOUND))).toBe(true);
    expect(webhook.proves(posted(INBOUND, { path: '/transfer-ended?transfer=1' }))).toBe(true);
    expect(webhook.proves({ ...posted(INBOUND), url: `${BASE}/call-status` })).toBe(false);
    expect(webhook.proves({ ...posted(INBOUND), rawBody: 'CallUUID=x' })).toBe(false);
    expect(webhook.proves(posted(INBOUND, { signed: false }))).toBe(false);
    expect(set(undefined, []).proves(posted(INBOUND))).toBe(false);
    // A body that no signature covers.
    expect(webhook.proves({ ...posted({}), contentType: 'application/json', rawBody: '{"CallUUID":"x"}' })).toBe(false);
  });

  it('offer a call: numbers have no plus, and nothing is wrapped about that', () => {
    expect(set().offered(read(INBOUND))).toEqual({
      from: { kind: 'number', number: '+12025550143' },
      wrapped: false,
      to: { kind: 'number', number: '+12025550100' },
      direction: 'inbound',
      forwardedBy: { kind: 'withheld' },
      rings: true,
    });
    expect(set().offered(read({ ...INBOUND, From: 'sip:12025550143@phone.plivo.com' })).wrapped).toBe(true);
    expect(set().offered(read({ ...INBOUND, From: 'anonymous' })).from.kind).toBe('withheld');
  });

  it('of one call have one account and one id, whatever else they say', () => {
    expect(read(INBOUND)).toMatchObject({ accountId: ACCOUNT, carrierCallId: CALL });
    expect(read({ ...INBOUND, ParentAuthID: 'MASOMEBODYELSES00000' })).toMatchObject({ accountId: ACCOUNT });
  });

  it('of a call that was placed are known by the id of its order, and tell that of the call', () => {
    const calls = new PlivoCalls();
    expect(calls.idOf(ORDER)).toBe(ORDER);
    expect(read(PLACED, set(calls)).carrierCallId).toBe(ORDER);
    expect(calls.idOf(ORDER)).toBe(CALL);
    // Where both are one nothing is to be known.
    expect(read({ ...PLACED, ALegRequestUUID: CALL, RequestUUID: CALL }).carrierCallId).toBe(CALL);
  });

  it('that came to another process tell both ids to the one that has the call', () => {
    const [there, here] = [new PlivoCalls(), new PlivoCalls()];
    const { carrierCallId, params } = read(PLACED, set(there));
    set(here).known?.({ carrierCallId, params: JSON.parse(JSON.stringify(params)) });
    expect(here.idOf(ORDER)).toBe(CALL);
    set(here).known?.({ carrierCallId: 'other', params: { ...params, Direction: 'inbound', RequestUUID: 'other' } });
    expect(here.idOf('other')).toBe('other');
  });

  it('tell by their event what they are about, at whatever address', () => {
    const event = (params: Record<string, string>) => read({ ...INBOUND, ...params }).event;
    expect(event({})).toBeUndefined();
    expect(event({ Event: 'Redirect' })).toBeUndefined();
    expect(event({ Event: 'Hangup', CallStatus: 'completed' })).toBe('call-status');
    expect(event({ Event: '', CallStatus: 'completed', HangupCause: 'NORMAL_CLEARING' })).toBe('call-status');
    expect(event({ Event: 'Ring' })).toBe('call-status');
    expect(event({ Event: 'MachineDetection', Machine: 'true' })).toBe('call-status');
    expect(event({ Event: 'StartStream', StreamID: 's' })).toBe('stream-status');
    expect(event({ Event: 'DegradedStream', StreamID: 's' })).toBe('stream-status');
    // The action of a dial, though the caller hung up.
    expect(event({ DialStatus: 'completed', HangupCause: 'NORMAL_CLEARING', CallStatus: 'completed' })).toBeUndefined();
  });

  it.each([
    ['ringing', 'ringing'],
    ['in-progress', 'in-progress'],
    ['completed', 'completed'],
    ['busy', 'busy'],
    ['timeout', 'no-answer'],
    ['no-answer', 'no-answer'],
    ['cancel', 'canceled'],
    ['failed', 'failed'],
    ['somehow', undefined],
  ])('tell that a call is %s', (word, status) => {
    expect(set().status(read({ ...PLACED, CallStatus: word }))).toMatchObject({ status, word });
  });

  it.each([
    ['true', 'machine_start'],
    ['false', 'human'],
    ['perhaps', 'unknown'],
  ])('tell what machine detection found: Machine %s', (Machine, answeredBy) => {
    const told = set().status(read({ ...PLACED, Event: 'MachineDetection', Machine }));
    expect(told).toMatchObject({ answeredBy, to: { number: '+12025550100' } });
    expect(told.status).toBeUndefined();
  });

  it.each([
    ['StartStream', 'started'],
    ['started', 'started'],
    ['StopStream', 'stopped'],
    ['stopped', 'stopped'],
    ['DroppedStream', 'error'],
    ['failed', 'error'],
    ['DegradedStream', 'other'],
  ])('tell of a stream: %s', (Event, event) => {
    expect(set().stream(read({ ...INBOUND, Event, StreamID: 's-1' }))).toMatchObject({
      event,
      word: Event,
      streamId: 's-1',
    });
  });

  it.each([
    [{ DialStatus: 'completed' }, 'completed', false],
    [{ DialStatus: 'busy' }, 'busy', false],
    [{ DialStatus: 'timeout' }, 'no-answer', false],
    [{ DialStatus: 'no-answer' }, 'no-answer', false],
    [{ DialStatus: 'cancel', CallStatus: 'completed' }, 'canceled', true],
    [{ DialStatus: 'failed' }, 'failed', false],
    [{ DialStatus: 'failed', DialBLegDuration: '12' }, 'completed', false],
    [{}, 'failed', false],
  ] as const)('tell how a dial ended: %j', (params, how, gone) => {
    const facts = read({ ...INBOUND, CallStatus: 'in-progress', ...params }, set(), '/transfer-ended?transfer=2');
    expect(set().transferEnded(facts)).toMatchObject({ how, gone });
    expect(facts.query['transfer']).toBe('2');
  });

  it('are likelier Plivo’s the more they show of it', () => {
    const webhook = set();
    expect(webhook.likeness(posted(INBOUND))).toBe(3);
    expect(webhook.likeness(posted(INBOUND, { signed: false }))).toBe(2);
    expect(webhook.likeness(posted({ CallUUID: 'x' }, { signed: false }))).toBe(1);
    expect(webhook.likeness(posted({ CallSid: 'CA1' }, { signed: false }))).toBe(0);
  });
});

describe("the upgrade of Plivo's media socket", () => {
  const url = 'wss://voice.example.com/media-stream';
  const upgrade = (signedAs: string, secret = TOKEN, secrets: readonly string[] = [TOKEN]) => {
    const proof = plivoProof(secret, { method: 'GET', url: signedAs, params: {} }, '4');
    const headers = Object.fromEntries(Object.entries(proof).map(([name, text]) => [name.toLowerCase(), text]));
    return set(undefined, secrets).upgrade?.({ headers, url: () => url });
  };

  it('is signed, over its address as https or as wss', () => {
    expect(upgrade('https://voice.example.com/media-stream')).toEqual({ signed: true });
    expect(upgrade(url)).toEqual({ signed: true });
  });

  it('is refused with another’s signature, and proves nothing without one', () => {
    expect(upgrade('https://voice.example.com/media-streams')).toEqual({ signed: false });
    expect(upgrade(url, 'another token')).toEqual({ signed: false });
    expect(upgrade(url, TOKEN, [])).toBeUndefined();
    expect(set().upgrade?.({ headers: {}, url: () => url })).toBeUndefined();
  });
});

describe("Plivo's documents", () => {
  const told = (instruction: Instruction, params: Record<string, string> = INBOUND) => {
    const webhook = set();
    return webhook.document(instruction, read(params, webhook));
  };
  const stream = {
    streamUrl: 'wss://voice.example.com/media-stream',
    token: 'AQIDBA',
    continueUrl: `${BASE}/call-continue`,
    statusUrl: `${BASE}/stream-status`,
    callId: 'our-id',
    pace: undefined,
  };

  it('open a stream both ways, and ask what comes next when it is over', () => {
    const document = told({ do: 'connect', stream });
    expect(document).toContain('<Stream bidirectional="true" keepCallAlive="true" audioTrack="inbound"');
    expect(document).toContain('contentType="audio/x-mulaw;rate=8000"');
    expect(document).toContain('extraHeaders="token=01020304">wss://voice.example.com/media-stream</Stream>');
    expect(parsePlivoXml(document)).toMatchObject([
      { verb: 'Connect', stream: { url: stream.streamUrl, parameters: { token: '01020304' }, codec: 'PCMU@8000' } },
      { verb: 'Redirect', url: stream.continueUrl, method: 'POST' },
    ]);
  });

  it('have the stream of a call that was placed bring the id that it is known by', () => {
    const [connect] = parsePlivoXml(told({ do: 'connect', stream }, PLACED));
    expect(connect).toMatchObject({ stream: { parameters: { call: Buffer.from(ORDER).toString('hex') } } });
  });

  it('connect a caller to a number, and are told how that ended', () => {
    const connection = {
      to: '+12025550199',
      seconds: 600,
      ringSeconds: 25,
      callerId: '+12025550100',
      action: `${BASE}/transfer-ended?transfer=1`,
    };
    const document = told({ do: 'transfer', connection });
    expect(document).toContain('<Number>12025550199</Number>');
    expect(parsePlivoXml(document)).toEqual([
      {
        verb: 'Dial',
        target: '+12025550199',
        action: connection.action,
        method: 'POST',
        timeout: 25,
        timeLimit: 600,
        callerId: '+12025550100',
      },
      { verb: 'Hangup' },
    ]);
  });

  it('apologise, refuse with and without words, and hang up', () => {
    const spoken = { text: 'Sorry & <goodbye>', language: 'de-DE', voice: 'Polly.Vicki-Neural' };
    const verbs = (instruction: Instruction) => parsePlivoXml(told(instruction));
    expect(told({ do: 'apologise', spoken })).toContain('<Speak language="de-DE" voice="Polly.Vicki">');
    expect(verbs({ do: 'apologise', spoken, connection: { to: '+12025550199' } })).toMatchObject([
      { verb: 'Say', text: spoken.text },
      { verb: 'Dial', target: '+12025550199' },
      { verb: 'Hangup' },
    ]);
    expect(verbs({ do: 'refuse' })).toEqual([{ verb: 'Reject', reason: 'busy' }]);
    expect(verbs({ do: 'refuse', spoken: { text: ' ' } })).toEqual([{ verb: 'Reject', reason: 'busy' }]);
    expect(verbs({ do: 'refuse', spoken: { text: 'Busy.' } })).toMatchObject([{ verb: 'Say' }, { verb: 'Hangup' }]);
    expect(verbs({ do: 'hang-up' })).toEqual([{ verb: 'Hangup' }]);
  });

  it('name voices as Plivo does', () => {
    const { voice } = set();
    expect(['woman', 'MAN', 'polly.Joanna-Neural', 'Google.de-DE-Standard-A'].map(voice)).toEqual([
      'WOMAN',
      'MAN',
      'Polly.Joanna',
      'WOMAN',
    ]);
  });

  it('refuse a stream that no carrier takes', () => {
    expect(() => told({ do: 'connect', stream: { ...stream, streamUrl: 'wss://x/y?token=1' } })).toThrow(
      'neither query',
    );
    expect(() => told({ do: 'connect', stream: { ...stream, token: 'A'.repeat(400) } })).toThrow('512');
  });
});
