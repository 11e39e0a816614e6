import { describe, expect } from 'vitest';
import { lamlSignature } from '../../src/callers/phone/carriers/laml/signature.ts';
import { type Rig, sleep, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { PUBLIC, SIGNALWIRE, TWILIO } from './webhook-rig.ts';

/** That what one carrier, or one account, says is no news of a call of another, though it names the same id. */

const ID = `CA${'b2'.repeat(16)}`;
const settings = {
  PUBLIC_URL: PUBLIC,
  TWILIO_AUTH_TOKEN: TWILIO,
  SIGNALWIRE_SIGNING_KEY: SIGNALWIRE,
  ADMIN_TOKEN: 'token-for-operators-1',
};

const OURS = { secret: TWILIO, account: 'AC1' };
const OTHERS = [
  ['another carrier', { secret: SIGNALWIRE, account: '5e0a1f6c-1111-4222-8333-444455556666' }],
  ['another carrier that names our account', { secret: SIGNALWIRE, account: 'AC1' }],
  ['another account of the carrier', { secret: TWILIO, account: 'AC2' }],
  ['an account that is not named', { secret: TWILIO, account: undefined }],
] as const;

/** A webhook, signed with the secret; SignalWire's own signature has Twilio's form, too. */
async function post(
  rig: Rig,
  path: string,
  by: { secret: string; account: string | undefined },
  more: Record<string, string> = {},
) {
  const params = {
    CallSid: ID,
    ...(by.account === undefined ? {} : { AccountSid: by.account }),
    From: '+12025550143',
    To: '+12025550100',
    Direction: 'inbound',
    ...more,
  };
  const answer = await fetch(rig.url + path, {
    method: 'POST',
    headers: { 'x-twilio-signature': lamlSignature(by.secret, PUBLIC + path, params) },
    body: new URLSearchParams(params),
  });
  return { status: answer.status, text: await answer.text() };
}

describe.for(OTHERS)('%s', ([, other]) => {
  it('does not end the call', async ({ own }) => {
    const rig = own(await startRig({ settings }));
    expect((await post(rig, '/incoming-call', OURS)).text).toContain('<Connect>');
    expect((await post(rig, '/call-status', other, { CallStatus: 'completed' })).status).toBe(204);
    await sleep(50);
    expect(rig.of('call_ended')).toEqual([]);
    // Its own carrier does.
    await post(rig, '/call-status', OURS, { CallStatus: 'completed' });
    await until(() => rig.of('call_ended')[0], 'the end');
    expect(rig.of('call_ended')).toHaveLength(1);
  });

  it('does not end a call before it begins', async ({ own }) => {
    const rig = own(await startRig({ settings }));
    await post(rig, '/call-status', other, { CallStatus: 'completed' });
    await post(rig, '/incoming-call', OURS);
    await until(() => rig.of('call_started')[0], 'the call');
    await sleep(50);
    expect(rig.of('call_started')).toHaveLength(1);
    expect(rig.of('call_ended')).toEqual([]);
  });

  it('does not continue it: it gets neither its stream nor its transfer, and takes no chance of it away', async ({
    own,
  }) => {
    const rig = own(await startRig({ settings }));
    await post(rig, '/incoming-call', OURS);
    for (let i = 0; i < 4; i++) expect((await post(rig, '/call-continue', other)).text).not.toContain('<Connect>');
    expect((await post(rig, '/call-continue', OURS)).text).toContain('<Connect>');
  });

  it('is not given its document, and has a call of its own', async ({ own }) => {
    const rig = own(await startRig({ settings }));
    const ours = (await post(rig, '/incoming-call', OURS)).text;
    const theirs = (await post(rig, '/incoming-call', other)).text;
    expect(theirs).toContain('<Connect>');
    expect(theirs).not.toBe(ours);
    expect(rig.of('call_started').map(({ info }) => info?.carrierCallId)).toEqual([ID, ID]);
    expect(new Set(rig.of('call_started').map(({ info }) => info?.id)).size).toBe(2);
    // Each is repeated to its own.
    expect((await post(rig, '/incoming-call', OURS)).text).toBe(ours);
    expect((await post(rig, '/incoming-call', other)).text).toBe(theirs);
  });
});
