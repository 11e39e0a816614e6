import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../../../../src/callers/phone/carriers/index.ts';
import { openControls } from '../../../../../src/callers/phone/control/controls.ts';
import { loadConfig } from '../../../../../src/config.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';

const TWILIO = { TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`, TWILIO_AUTH_TOKEN: 'token' };
const SIGNALWIRE = { SIGNALWIRE_PROJECT_ID: 'project-1', SIGNALWIRE_TOKEN: 'token', SIGNALWIRE_SPACE: 'example' };
const KEY = { TWILIO_API_KEY_SID: `SK${'2'.repeat(32)}`, TWILIO_API_KEY_SECRET: 'secret' };

const open = (env: Record<string, string>) => {
  const config = loadConfig(env);
  return openControls(openCarriers(config).all, config.OUTBOUND_CARRIER, {
    clock: new FakeClock(),
    log: fakeLog(),
    host: () => '',
    onStatus: () => {},
  });
};

describe('the carriers', () => {
  it.each([
    [{}, undefined, undefined, undefined],
    [TWILIO, 'twilio-rest', 'twilio-rest', undefined],
    [{ TWILIO_ACCOUNT_SID: TWILIO.TWILIO_ACCOUNT_SID, ...KEY }, 'twilio-rest', 'twilio-rest', undefined],
    [{ TWILIO_ACCOUNT_SID: TWILIO.TWILIO_ACCOUNT_SID }, undefined, undefined, undefined],
    [SIGNALWIRE, 'signalwire-rest', undefined, 'signalwire-rest'],
    [{ ...SIGNALWIRE, SIGNALWIRE_CONTROL: 'relay' }, 'signalwire-relay', undefined, 'signalwire-relay'],
    [{ ...TWILIO, ...SIGNALWIRE }, 'twilio-rest', 'twilio-rest', 'signalwire-rest'],
    [{ ...TWILIO, ...SIGNALWIRE, OUTBOUND_CARRIER: 'signalwire' }, 'signalwire-rest', 'twilio-rest', 'signalwire-rest'],
    [{ ...TWILIO, OUTBOUND_CARRIER: 'signalwire' }, undefined, 'twilio-rest', undefined],
  ])('are those whose credentials are set: %o', async (env, orders, twilio, signalwire) => {
    const carriers = open(env);
    expect(carriers.forOrders?.name).toBe(orders);
    expect(carriers.of({ carrier: 'twilio' })?.name).toBe(twilio);
    expect(carriers.of({ carrier: 'signalwire' })?.name).toBe(signalwire);
    expect(carriers.of({ carrier: 'browser' })).toBeUndefined();
    expect(carriers.of({})).toBeUndefined();
    await carriers.close();
  });

  it('control the calls of their own account alone', async () => {
    const carriers = open({ ...TWILIO, ...SIGNALWIRE });
    const of = (carrier: string, accountId: string) => carriers.of({ carrier, accountId })?.name;
    expect(of('twilio', TWILIO.TWILIO_ACCOUNT_SID)).toBe('twilio-rest');
    expect(of('twilio', `AC${'2'.repeat(32)}`)).toBeUndefined();
    expect(of('signalwire', 'PROJECT-1')).toBe('signalwire-rest');
    expect(of('signalwire', TWILIO.TWILIO_ACCOUNT_SID)).toBeUndefined();
    await carriers.close();
  });

  it.each([
    [{ ...SIGNALWIRE, SIGNALWIRE_SPACE: 'not a space' }, 'SIGNALWIRE_SPACE'],
    [{ ...TWILIO, TWILIO_ACCOUNT_SID: 'AC1' }, 'TWILIO_ACCOUNT_SID'],
    [{ ...TWILIO, TWILIO_API_KEY_SID: KEY.TWILIO_API_KEY_SID }, 'TWILIO_API_KEY_SECRET'],
    [KEY, 'TWILIO_ACCOUNT_SID'],
    [{ ...TWILIO, TWILIO_API_URL: 'http://api.example.com' }, 'https'],
  ])('stop the daemon at what cannot be right, and never show a secret: %o', (env, named) => {
    const attempt = () => open(env);
    expect(attempt).toThrow(named);
    expect(attempt).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(attempt).not.toThrow(/token|'secret'/);
  });
});
