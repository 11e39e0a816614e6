import { describe, expect, it } from 'vitest';
import { signedJwt } from '../../../../../../src/callers/phone/carriers/vonage/jwt.ts';
import {
  STREAM_ADDRESS,
  TRANSFER_ADDRESS,
  vonageWebhook,
} from '../../../../../../src/callers/phone/carriers/vonage/webhook.ts';
import type {
  CarrierRequest,
  Instruction,
  WebhookFacts,
} from '../../../../../../src/callers/phone/carriers/webhook.ts';
import { APPLICATION_ID, SIGNATURE_SECRET } from '../../../../../fixtures/vonage/key.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const LEG = '0a5b1c2d-1111-4222-8333-444455556666';
const SOCKET_LEG = '99999999-1111-4222-8333-444455556666';
const PUBLIC = 'https://voice.example.com';

const vonage = (secrets: readonly string[] = [SIGNATURE_SECRET]) =>
  vonageWebhook({ secrets, contentType: 'audio/l16;rate=24000', applicationId: APPLICATION_ID, wall: () => NOW });

/** A webhook as Vonage sends it, signed. */
function posted(path: string, message: object, over: Partial<CarrierRequest> = {}): CarrierRequest {
  const rawBody = JSON.stringify(message);
  return {
    method: 'POST',
    url: PUBLIC + path,
    query: path.split('?')[1] ?? '',
    headers: { authorization: `Bearer ${signedJwt(SIGNATURE_SECRET, NOW, { body: rawBody })}` },
    contentType: 'application/json',
    rawBody,
    ...over,
  };
}

const got = (path: string): CarrierRequest => {
  const body = JSON.stringify(Object.fromEntries(new URL(PUBLIC + path).searchParams));
  const headers = { authorization: `Bearer ${signedJwt(SIGNATURE_SECRET, NOW, { body })}` };
  return posted(path, {}, { method: 'GET', rawBody: '', contentType: '', headers });
};

const answer = { from: '12025550143', to: '12025550100', uuid: LEG, conversation_uuid: 'CON-1' };
const facts = (request: CarrierRequest): WebhookFacts => vonage().read(request)!;

describe('the proof of a webhook', () => {
  it('[vonage] webhook signature: is a token of the account’s secret over this body', () => {
    expect(vonage().proves(posted('/incoming-call', answer))).toBe(true);
    expect(vonage(['another-secret']).proves(posted('/incoming-call', answer))).toBe(false);
    expect(vonage([]).proves(posted('/incoming-call', answer))).toBe(false);
    expect(vonage().proves(got(`/incoming-call?uuid=${LEG}`))).toBe(true);
  });

  it('[vonage] webhook signature: does not cover another body, and a body that no token covers is nobody’s', () => {
    const seen = posted('/call-status', answer);
    expect(vonage().proves({ ...seen, rawBody: JSON.stringify({ ...answer, from: '1' }) })).toBe(false);
    const upgrade = { authorization: `Bearer ${signedJwt(SIGNATURE_SECRET, NOW)}` };
    expect(vonage().proves({ ...seen, headers: upgrade })).toBe(false);
    expect(vonage().proves({ ...seen, headers: upgrade, rawBody: '' })).toBe(false);
    for (const authorization of [undefined, '', 'Bearer x', 'Basic abc'])
      expect(vonage().proves({ ...seen, headers: { authorization } })).toBe(false);
  });

  it('[vonage] webhook signature: covers the query of a GET, for which no other token will do', () => {
    const seen = got(`/incoming-call?from=12025550143&to=12025550100&uuid=${LEG}&n=1%202`);
    expect(vonage().proves(seen)).toBe(true);
    const query = `from=12025550143&to=12025550100&uuid=${SOCKET_LEG}&n=1%202`;
    expect(vonage().proves({ ...seen, query, url: `${PUBLIC}/incoming-call?${query}` })).toBe(false);
    for (const { headers } of [
      posted('/call-status', answer),
      { headers: { authorization: `Bearer ${signedJwt(SIGNATURE_SECRET, NOW)}` } },
    ])
      expect(vonage().proves({ ...seen, headers })).toBe(false);
  });

  it('[vonage] upgrade signature: is asked for, and its header is no token of ours', () => {
    const upgrade = (authorization: string | undefined, secrets?: readonly string[]) =>
      vonage(secrets).upgrade?.({ headers: { authorization }, url: () => 'wss://voice.example.com/media-stream' });
    const right = `Bearer ${signedJwt(SIGNATURE_SECRET, NOW)}`;
    expect(upgrade(right)).toEqual({ signed: true, ownAuthorization: true });
    expect(upgrade(`Bearer ${signedJwt('another-secret', NOW)}`)).toEqual({ signed: false, ownAuthorization: true });
    expect(upgrade(`Bearer ${signedJwt(SIGNATURE_SECRET, NOW - 600_000)}`)?.signed).toBe(false);
    expect(upgrade(right, [])).toEqual({ signed: undefined, ownAuthorization: true });
    expect(upgrade('Bearer one-time_token')).toBeUndefined();
    expect(upgrade(undefined)).toBeUndefined();
  });
});

describe('the answer webhook', () => {
  it('is read from a POST and from a GET alike, which leaves a prompt’s own values of the address', () => {
    const post = facts(posted('/incoming-call?department=sales', answer));
    const get = facts(
      got(
        `/incoming-call?department=sales&from=12025550143&to=12025550100&uuid=${LEG}&conversation_uuid=CON-1&SipHeader_X-A=1`,
      ),
    );
    for (const read of [post, get]) {
      expect(read).toMatchObject({ carrierCallId: LEG, accountId: APPLICATION_ID, event: undefined });
      expect({ ...read.query }).toEqual({ department: 'sales' });
      expect(vonage().offered(read)).toMatchObject({
        from: { kind: 'number', number: '+12025550143' },
        to: { kind: 'number', number: '+12025550100' },
        direction: 'inbound',
        // It shows no number that is not the account's.
        wrapped: true,
      });
    }
  });

  it('of a call that we placed says so by its address alone', () => {
    const placed = facts(posted('/incoming-call?placed=us', { ...answer, from: '12025550100', to: '12025550143' }));
    expect({ ...placed.query }).toEqual({});
    expect(vonage().offered(placed)).toMatchObject({ direction: 'outbound', wrapped: false });
  });

  it('names a user of the client SDK as one who has no number', () => {
    const read = facts(posted('/incoming-call', { ...answer, from: undefined, from_user: 'alice' }));
    expect(vonage().offered(read).from).toMatchObject({ kind: 'identity', text: 'client:alice' });
  });

  it('is of the application that its token names, before the one that is set', () => {
    const body = JSON.stringify(answer);
    const token = signedJwt(SIGNATURE_SECRET, NOW, { body, applicationId: 'another-application' });
    expect(facts(posted('/incoming-call', answer, { headers: { authorization: `Bearer ${token}` } })).accountId).toBe(
      'another-application',
    );
  });

  it('cannot be read that is no JSON object, and a hostile name is a name and nothing more', () => {
    for (const rawBody of ['', '[]', 'null', '{"uuid":', '5'])
      expect(vonage().read(posted('/incoming-call', {}, { rawBody }))).toBeUndefined();
    const rawBody = '{"__proto__":{"uuid":"x"},"constructor":"y","uuid":"u-1"}';
    const read = facts(posted('/incoming-call', {}, { rawBody }));
    expect(read.carrierCallId).toBe('u-1');
    expect(Object.getPrototypeOf(read.params)).toBeNull();
    expect(facts(posted('/incoming-call', { to: '1' })).carrierCallId).toBe('');
  });
});

describe('an event', () => {
  it.each([
    ['started', 'initiated'],
    ['ringing', 'ringing'],
    ['answered', 'in-progress'],
    ['completed', 'completed'],
    ['busy', 'busy'],
    ['cancelled', 'canceled'],
    ['unanswered', 'no-answer'],
    ['timeout', 'no-answer'],
    ['rejected', 'failed'],
    ['failed', 'failed'],
    ['transfer', undefined],
    ['constructor', undefined],
  ])('%s of a call is %s', (status, expected) => {
    const read = facts(posted('/call-status', { ...answer, status }));
    expect(read.event).toBeUndefined();
    expect(vonage().status(read)).toMatchObject({ status: expected, word: status });
  });

  it.each([
    [{ status: 'human' }, 'human'],
    [{ status: 'machine' }, 'machine_start'],
    [{ status: 'machine', sub_state: 'beep_start' }, 'machine_end_beep'],
  ])('of machine detection, which names the call differently, is %o', (said, by) => {
    const read = facts(posted('/call-status', { call_uuid: LEG, conversation_uuid: 'CON-1', ...said }));
    expect(read.carrierCallId).toBe(LEG);
    expect(vonage().status(read)).toMatchObject({ status: undefined, answeredBy: by });
  });

  it.each([
    ['disconnected', 'call-continue', 'stopped'],
    ['failed', 'call-continue', 'error'],
    ['unanswered', 'call-continue', 'error'],
    ['answered', 'stream-status', 'started'],
    ['completed', 'stream-status', 'stopped'],
    ['ringing', 'stream-status', 'other'],
  ])('%s of the socket is %s, and belongs to the caller’s call, not to the socket’s own leg', (status, event, told) => {
    const path = `${STREAM_ADDRESS}?leg=${LEG}&number=12025550100`;
    const read = facts(
      posted(path, { ...answer, to: 'wss://voice.example.com/media-stream', uuid: SOCKET_LEG, status }),
    );
    expect(read).toMatchObject({ event, carrierCallId: LEG });
    expect(read.also).toBe(event === 'call-continue' ? 'stream-status' : undefined);
    expect(vonage().stream(read)).toMatchObject({ event: told, streamId: SOCKET_LEG });
    expect(vonage().offered(read)).toMatchObject({ from: { kind: 'withheld' }, to: { number: '+12025550100' } });
  });

  it.each([
    ['completed', 'completed', false],
    ['busy', 'busy', false],
    ['unanswered', 'no-answer', false],
    ['timeout', 'no-answer', false],
    ['rejected', 'failed', false],
    ['cancelled', 'canceled', true],
  ])('%s of whoever is dialled is %s', (status, how, gone) => {
    const path = `${TRANSFER_ADDRESS}?transfer=2&leg=${LEG}&number=12025550100`;
    const read = facts(posted(path, { uuid: SOCKET_LEG, status, duration: '7' }));
    expect(read).toMatchObject({ event: 'transfer-ended', carrierCallId: LEG, query: { transfer: '2' } });
    expect(vonage().transferEnded(read)).toEqual({ how, seconds: 7, gone });
  });

  it('of a leg that only rings, or was just answered, asks for nothing', () => {
    for (const status of ['started', 'ringing', 'answered'])
      expect(facts(posted(`${TRANSFER_ADDRESS}?leg=${LEG}`, { uuid: SOCKET_LEG, status })).event).toBe('other');
  });

  it('of an error in an answer is news of a stream, by its conversation', () => {
    const read = facts(posted('/call-status', { reason: 'Syntax error in NCCO.', conversation_uuid: 'CON-1' }));
    expect(read).toMatchObject({ event: 'stream-status', carrierCallId: 'CON-1' });
    expect(vonage().stream(read)).toMatchObject({ event: 'error', error: 'Syntax error in NCCO.' });
  });
});

describe('the likeness of an unsigned request', () => {
  it('is in the ids that only Vonage has, in a body or a query', () => {
    expect(vonage().likeness(posted('/incoming-call', answer))).toBe(3);
    expect(vonage().likeness(got(`/incoming-call?uuid=${LEG}&conversation_uuid=CON-1`))).toBe(3);
    expect(vonage().likeness(posted('/call-status', { conversation_uuid: 'CON-1' }))).toBe(1);
    expect(vonage().likeness(posted('/incoming-call', { CallSid: 'CA1' }))).toBe(0);
    expect(vonage().likeness(posted('/incoming-call', {}, { rawBody: 'x' }))).toBe(0);
  });
});

describe('an NCCO', () => {
  const told = (
    instruction: Instruction,
    from: WebhookFacts = facts(posted('/incoming-call', answer)),
    secrets?: string[],
  ) => JSON.parse(vonage(secrets).document(instruction, from)) as Array<Record<string, unknown>>;
  const stream = {
    streamUrl: 'wss://voice.example.com/media-stream',
    token: 't-1',
    continueUrl: `${PUBLIC}${STREAM_ADDRESS}`,
    statusUrl: `${PUBLIC}/stream-status`,
    callId: 'c-1',
    pace: 'burst' as const,
  };

  it('opens the media socket, which Vonage is asked to sign, and asks us when it is gone', () => {
    expect(told({ do: 'connect', stream })).toEqual([
      {
        action: 'connect',
        eventType: 'synchronous',
        eventUrl: [`${PUBLIC}${STREAM_ADDRESS}?leg=${LEG}&number=12025550100`],
        eventMethod: 'POST',
        endpoint: [
          {
            type: 'websocket',
            uri: stream.streamUrl,
            'content-type': 'audio/l16;rate=24000',
            headers: { call: LEG, token: 't-1' },
            authorization: { type: 'vonage' },
          },
        ],
      },
    ]);
    expect(JSON.stringify(told({ do: 'connect', stream }, undefined, []))).not.toContain('authorization');
  });

  it('is not written that Vonage would not take', () => {
    for (const over of [{ streamUrl: 'wss://voice.example.com/media-stream?x=1' }, { token: 't'.repeat(500) }])
      expect(() => told({ do: 'connect', stream: { ...stream, ...over } })).toThrow();
  });

  it('connects a caller on, shows a number of the account, and asks what came of it', () => {
    const action = `${PUBLIC}${TRANSFER_ADDRESS}?transfer=1`;
    const connection = { to: '+12025550199', seconds: 90_000, action, ringSeconds: 20, callerId: '+12025550100' };
    const [dial] = told({ do: 'transfer', connection });
    expect(dial).toEqual({
      action: 'connect',
      eventType: 'synchronous',
      eventUrl: [`${action}&leg=${LEG}&number=12025550100`],
      eventMethod: 'POST',
      from: '12025550100',
      timeout: 20,
      limit: 7_200,
      endpoint: [{ type: 'phone', number: '12025550199' }],
    });
    const [plain] = told({ do: 'transfer', connection: { to: '+12025550199' } });
    expect(plain).toEqual({
      action: 'connect',
      randomFromNumber: true,
      endpoint: [{ type: 'phone', number: '12025550199' }],
    });
  });

  it('keeps our number through the events of a call, whichever way it went', () => {
    const after = facts(
      posted(`${STREAM_ADDRESS}?leg=${LEG}&number=12025550100`, { uuid: SOCKET_LEG, status: 'disconnected' }),
    );
    const placed = facts(posted('/incoming-call?placed=us', { ...answer, from: '12025550100', to: '12025550143' }));
    for (const from of [after, placed])
      expect(told({ do: 'connect', stream }, from)[0]?.['eventUrl']).toEqual([
        `${PUBLIC}${STREAM_ADDRESS}?leg=${LEG}&number=12025550100`,
      ]);
  });

  it('says words by language, and by style where the voice is one of Vonage’s', () => {
    const say = (voice?: string) => told({ do: 'refuse', spoken: { text: 'Sorry.', language: 'de-DE', voice } });
    expect(say()).toEqual([{ action: 'talk', text: 'Sorry.', language: 'de-DE' }]);
    expect(say('style-2')).toEqual([{ action: 'talk', text: 'Sorry.', language: 'de-DE', style: 2 }]);
    expect(say('Polly.Vicki-Neural')).toEqual(say());
    expect(
      told({ do: 'apologise', spoken: { text: 'x'.repeat(2_000) }, connection: { to: '+12025550199' } }),
    ).toMatchObject([{ action: 'talk', text: 'x'.repeat(1_500) }, { action: 'connect' }]);
  });

  it('ends a call by saying nothing more', () => {
    expect(told({ do: 'hang-up' })).toEqual([]);
    expect(told({ do: 'refuse' })).toEqual([]);
  });
});
