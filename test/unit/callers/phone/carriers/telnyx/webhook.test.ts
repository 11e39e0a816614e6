import { describe, expect, it } from 'vitest';
import { stateText } from '../../../../../../src/callers/phone/carriers/telnyx/state.ts';
import { telnyxWebhook } from '../../../../../../src/callers/phone/carriers/telnyx/webhook.ts';
import type { CarrierRequest } from '../../../../../../src/callers/phone/carriers/webhook.ts';

const webhook = telnyxWebhook({ proves: () => true, carryOut: async () => {}, noted: () => {} });

const request = (rawBody: string, query = ''): CarrierRequest => ({
  method: 'POST',
  url: `https://voice.example.com/incoming-call${query}`,
  query,
  headers: {},
  contentType: 'application/json',
  rawBody,
});

const event = (name: string, payload: object = {}) =>
  request(
    JSON.stringify({
      data: { event_type: name, id: 'e-1', payload: { call_control_id: 'v3:a', ...payload } },
      meta: { attempt: 1 },
    }),
  );
const read = (name: string, payload: object = {}) => webhook.read(event(name, payload))!;
const placed = stateText({ is: 'placed' });
const transfer = stateText({ is: 'transfer', n: 2, callId: 'v3:caller' });
const moving = stateText({ is: 'moving' });

describe("what Telnyx's events are", () => {
  it.each([
    ['call.initiated', { direction: 'incoming', state: 'parked' }, 'incoming-call', undefined],
    ['call.initiated', { direction: 'outgoing', client_state: placed }, 'call-status', undefined],
    ['call.answered', { client_state: stateText({ is: 'stream', token: 't' }) }, 'other', undefined],
    // Whoever we called answers: what is to be done with him?
    ['call.answered', { client_state: placed }, 'incoming-call', undefined],
    ['call.hangup', { hangup_cause: 'normal_clearing' }, 'call-status', undefined],
    ['call.machine.detection.ended', { result: 'machine' }, 'call-status', undefined],
    ['call.machine.premium.greeting.ended', { result: 'beep_detected' }, 'call-status', undefined],
    ['streaming.started', {}, 'stream-status', undefined],
    ['streaming.stopped', {}, 'call-continue', 'stream-status'],
    ['streaming.failed', { failure_reason: 'x' }, 'call-continue', 'stream-status'],
    ['streaming.stopped', { client_state: moving }, 'stream-status', undefined],
    ['call.dtmf.received', { digit: '1' }, 'other', undefined],
    ['call.speak.ended', {}, 'other', undefined],
    ['call.thoughts.read', {}, 'other', undefined],
    // Of the leg that a transfer rings only its end is news, of the call that it was rung for.
    ['call.initiated', { direction: 'outgoing', client_state: transfer }, 'other', undefined],
    ['call.answered', { client_state: transfer }, 'other', undefined],
    ['call.hangup', { client_state: transfer, hangup_cause: 'user_busy' }, 'transfer-ended', undefined],
  ])('%s with %o is %s', (name, payload, about, also) => {
    const facts = read(name, payload);
    expect([facts.event, facts.also]).toEqual([about, also]);
    expect(facts.carrierCallId).toBe(
      (payload as { client_state?: string }).client_state === transfer ? 'v3:caller' : 'v3:a',
    );
  });

  it('are nothing where the body is none of them', () => {
    for (const body of ['', '{', '[]', 'null', '{}', '{"data":[]}', '{"data":{"event_type":"call.initiated"}}'])
      expect(webhook.read(request(body))).toBeUndefined();
    expect(webhook.read(event('call.initiated', { call_control_id: 5 }))?.carrierCallId).toBe('');
    const hostile = '{"data":{"event_type":"call.initiated","payload":{"__proto__":{"from":"x"},"from":["a"]}}}';
    expect(webhook.read(request(hostile))?.params['from']).toBeUndefined();
  });

  it('bring the values that the address gives a prompt', () => {
    const facts = webhook.read({ ...event('call.initiated'), query: 'department=sales' });
    expect({ ...facts?.query }).toEqual({ department: 'sales' });
  });
});

describe('a call at Telnyx', () => {
  it('says who calls, by whom it was handed on, and that it rings', () => {
    const facts = read('call.initiated', {
      direction: 'incoming',
      from: '+12025550143',
      to: '+12025550100',
      sip_headers: [{ name: 'Diversion', value: '<sip:+12025550177@example.com>;reason=no-answer' }],
    });
    expect(webhook.offered(facts)).toMatchObject({
      from: { kind: 'number', number: '+12025550143' },
      to: { kind: 'number', number: '+12025550100' },
      wrapped: false,
      direction: 'inbound',
      forwardedBy: { number: '+12025550177' },
      rings: true,
    });
    expect(webhook.offered(read('call.initiated', { from: 'anonymous' })).from.kind).toBe('withheld');
    expect(webhook.offered(read('call.initiated', { from: 'sip:+12025550143@example.com' })).wrapped).toBe(true);
  });

  it('that we placed is known by what it brings back', () => {
    const facts = read('call.answered', { client_state: placed, from: '+12025550100', to: '+12025550143' });
    expect(webhook.offered(facts)).toMatchObject({ direction: 'outbound', rings: false });
  });

  it.each([
    ['normal_clearing', 'completed'],
    ['time_limit', 'completed'],
    ['user_busy', 'busy'],
    ['call_rejected', 'busy'],
    ['timeout', 'no-answer'],
    ['no_answer', 'no-answer'],
    ['originator_cancel', 'canceled'],
    ['not_found', 'failed'],
    ['unspecified', 'failed'],
    ['constructor', 'failed'],
  ])('that ended by %s is %s, and a transfer accordingly', (cause, status) => {
    expect(webhook.status(read('call.hangup', { hangup_cause: cause, to: '+12025550143' }))).toMatchObject({
      status,
      word: cause,
      to: { number: '+12025550143' },
    });
    const ended = webhook.transferEnded(read('call.hangup', { client_state: transfer, hangup_cause: cause }));
    expect(ended).toEqual({ how: status, seconds: 0, gone: status === 'canceled', n: 2 });
  });

  it.each([
    ['human', 'human'],
    ['human_business', 'human'],
    ['machine', 'machine_start'],
    ['beep_detected', 'machine_end_beep'],
    ['ended', 'machine_end_silence'],
    ['not_sure', 'unknown'],
    ['silence', 'unknown'],
  ])('at which %s was found was answered by %s', (result, answeredBy) => {
    const told = webhook.status(read('call.machine.detection.ended', { result }));
    expect([told.answeredBy, told.status]).toEqual([answeredBy, undefined]);
  });

  it('tells how its stream fares', () => {
    expect(webhook.stream(read('streaming.failed', { stream_id: 's', failure_reason: 'connection_failed' }))).toEqual({
      event: 'error',
      word: 'streaming.failed',
      streamId: 's',
      error: 'connection_failed',
    });
    expect(webhook.stream(read('streaming.started')).event).toBe('started');
    expect(webhook.stream(read('streaming.stopped')).event).toBe('stopped');
  });
});

describe('the upgrade of a Telnyx stream', () => {
  it('[telnyx] upgrade signature: none, so the token of a stream that was asked for by itself comes in a header', () => {
    const url = () => 'wss://voice.example.com/media-stream';
    expect(webhook.upgrade?.({ headers: { 'x-telnyx-streaming-auth-token': 'tok' }, url })).toEqual({ token: 'tok' });
    expect(webhook.upgrade?.({ headers: {}, url })).toBeUndefined();
  });
});
