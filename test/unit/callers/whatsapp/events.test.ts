import { describe, expect, it } from 'vitest';
import { readMetaEvents } from '../../../../src/callers/whatsapp/events.ts';
import { connectOf, metaBody, metaChange, NUMBER_ID, terminateOf } from '../../../fakes/meta.ts';

describe("what Meta's webhooks tell", () => {
  it('is read of a call that a user places', () => {
    expect(readMetaEvents(metaBody(connectOf('wacid.A')))).toEqual([
      {
        type: 'connect',
        id: 'wacid.A',
        phoneNumberId: NUMBER_ID,
        displayNumber: '12025550199',
        direction: 'inbound',
        user: { userId: 'US.1349', waId: '12025550143', from: '12025550143' },
        sdp: 'v=0\r\n',
        at: 1_700_000_000_000,
        opaque: undefined,
      },
    ]);
  });

  it('is read in its order of many entries, changes and calls of several numbers', () => {
    const body = {
      object: 'whatsapp_business_account',
      entry: [
        { id: '1', changes: [metaChange([connectOf('a'), connectOf('b')]), metaChange([connectOf('c')], '777')] },
        { id: '2', changes: [metaChange([terminateOf('a')])] },
      ],
    };
    const events = readMetaEvents(body).map((event) =>
      'id' in event ? [event.type, event.id, event.phoneNumberId] : [],
    );
    expect(events).toEqual([
      ['connect', 'a', NUMBER_ID],
      ['connect', 'b', NUMBER_ID],
      ['connect', 'c', '777'],
      ['terminate', 'a', NUMBER_ID],
    ]);
  });

  it('knows a user without a number by his user id', () => {
    const call = { ...connectOf('a'), from: undefined };
    const change = metaChange([call]);
    Object.assign(change.value, { contacts: [{ profile: { name: 'N', username: 'n' }, user_id: 'US.99' }] });
    const [event] = readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] });
    expect(event).toMatchObject({ user: { userId: 'US.99', waId: undefined, from: undefined } });
  });

  it('gives nobody the identity of another contact of the same webhook', () => {
    const change = metaChange([connectOf('a', { from: '12025550143' }), connectOf('b', { from: '12025550144' })]);
    Object.assign(change.value, {
      contacts: [
        { wa_id: '12025550144', user_id: 'US.2' },
        { wa_id: '12025550143', user_id: 'US.1' },
      ],
    });
    const events = readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] });
    expect(events.map((event) => 'user' in event && event.user.userId)).toEqual(['US.1', 'US.2']);
    Object.assign(change.value, { contacts: [{ wa_id: '12025550150', user_id: 'US.3' }] });
    const others = readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] });
    expect(others.map((event) => 'user' in event && event.user.userId)).toEqual([undefined, undefined]);
  });

  it('takes a terminate with a list for its status, and its errors beside it or in it', () => {
    const change = metaChange([terminateOf('a', { status: ['Failed'], duration: '12' })]);
    Object.assign(change.value, { errors: [{ code: 138021, message: 'm', error_data: { details: 'd' } }] });
    const read = () => readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] })[0];
    expect(read()).toMatchObject({ type: 'terminate', status: 'FAILED', seconds: 12, errors: [138021] });
    Object.assign(change.value, { errors: 'none', calls: [terminateOf('a', { errors: [{ code: '138020' }] })] });
    expect(read()).toMatchObject({ status: 'COMPLETED', errors: [138020] });
  });

  it('gives errors beside several calls to none of them', () => {
    const change = metaChange([terminateOf('a'), terminateOf('b')]);
    Object.assign(change.value, { errors: [{ code: 138021 }] });
    const events = readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] });
    expect(events.map((event) => event.type === 'terminate' && event.errors)).toEqual([[], []]);
  });

  it('reads statuses without contacts, and of calls that we place', () => {
    const change = metaChange([]);
    Object.assign(change.value, {
      contacts: undefined,
      statuses: [
        { id: 'wacid.B', type: 'call', status: 'RINGING', recipient_id: '12025550143', biz_opaque_callback_data: 'x' },
      ],
    });
    const [event] = readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] });
    expect(event).toMatchObject({
      type: 'status',
      id: 'wacid.B',
      status: 'RINGING',
      opaque: 'x',
      user: { from: '12025550143' },
    });
  });

  it('tells an answer to a call of ours by its direction, or by its SDP where that is missing', () => {
    const answer = { direction: undefined, session: { sdp_type: 'answer', sdp: 'v=0' } };
    expect(readMetaEvents(metaBody(connectOf('a', { direction: 'BUSINESS_INITIATED' })))).toMatchObject([
      { direction: 'outbound' },
    ]);
    expect(readMetaEvents(metaBody(connectOf('a', answer)))).toMatchObject([{ direction: 'outbound' }]);
  });

  it('ignores the legacy SDP beside the session', () => {
    const legacy = connectOf('a', { connection: { webrtc: { sdp: 'v=1' } } });
    expect(readMetaEvents(metaBody(legacy))).toMatchObject([{ sdp: 'v=0\r\n' }]);
  });

  it('reads the answer to a question for permission', () => {
    const reply = {
      response: 'accept',
      is_permanent: false,
      expiration_timestamp: '1700000100',
      response_source: 'user_action',
    };
    const message = {
      from: '12025550143',
      type: 'interactive',
      interactive: { type: 'call_permission_reply', call_permission_reply: reply },
    };
    const change = { ...metaChange([]), field: 'messages' };
    Object.assign(change.value, { calls: undefined, messages: [{ type: 'text', text: { body: 'hello' } }, message] });
    expect(readMetaEvents({ object: 'whatsapp_business_account', entry: [{ changes: [change] }] })).toMatchObject([
      {
        type: 'permission',
        accepted: true,
        permanent: false,
        until: 1_700_000_100_000,
        source: 'user_action',
        user: { from: '12025550143' },
      },
    ]);
  });

  it.each([
    [undefined, ['malformed']],
    [null, ['malformed']],
    ['text', ['malformed']],
    [[], ['malformed']],
    [{ object: 'page', entry: [] }, ['field']],
    [{ object: 'whatsapp_business_account' }, []],
    [{ object: 'whatsapp_business_account', entry: 'x' }, []],
    [{ object: 'whatsapp_business_account', entry: [null, 1, { changes: { a: 1 } }] }, []],
    [{ object: 'whatsapp_business_account', entry: [{ changes: [null] }] }, ['field']],
    [{ object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'calls', value: null }] }] }, ['event']],
    [
      { object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'account_update', value: {} }] }] },
      ['field'],
    ],
    [metaBody({ id: 'a', event: 'hold' }), ['event']],
    [metaBody({ event: 'connect' }), ['malformed']],
    [metaBody({ id: '../../x y', event: 'connect' }), ['malformed']],
    [metaBody({ id: { a: 1 }, event: 'connect' }), ['malformed']],
    [metaBody(null), ['malformed']],
  ])('is counted and never thrown where it is none: %j', (body, whys) => {
    expect(readMetaEvents(body).map((event) => (event.type === 'other' ? event.why : event.type))).toEqual(whys);
  });

  it('takes a connect without session, user and time, of which nothing can be answered', () => {
    expect(readMetaEvents(metaBody({ id: 'a', event: 'connect' }))).toMatchObject([
      { type: 'connect', sdp: '', at: undefined, direction: 'inbound' },
    ]);
  });
});
