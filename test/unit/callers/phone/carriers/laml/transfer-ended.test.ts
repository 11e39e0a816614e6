import { describe, expect, it } from 'vitest';
import { openCarriers } from '../../../../../../src/callers/phone/carriers/index.ts';
import { signalwireCarrier } from '../../../../../../src/callers/phone/carriers/signalwire/index.ts';
import { twilioCarrier } from '../../../../../../src/callers/phone/carriers/twilio/index.ts';
import { loadConfig } from '../../../../../../src/config.ts';

const { all } = openCarriers(loadConfig({}), { kinds: [twilioCarrier, signalwireCarrier] });

describe('what a carrier tells of a number that it dialled', () => {
  it.each([
    [{ DialCallStatus: 'completed', DialCallDuration: '12' }, 'completed', 12],
    [{ DialCallStatus: 'answered' }, 'completed', 0],
    [{ DialCallStatus: 'Completed' }, 'completed', 0],
    [{ DialCallStatus: 'failed', DialCallDuration: '3' }, 'completed', 3],
    [{ DialCallStatus: 'failed', DialCallDuration: '0.4' }, 'completed', 1],
    [{ DialCallStatus: 'hangup', DialBridged: 'True' }, 'completed', 0],
    [{ DialCallStatus: 'busy', DialCallDuration: '0', DialBridged: 'false' }, 'busy', 0],
    [{ DialCallStatus: ' BUSY ' }, 'busy', 0],
    [{ DialCallStatus: 'No Answer' }, 'no-answer', 0],
    [{ DialCallStatus: 'no_answer' }, 'no-answer', 0],
    [{ DialCallStatus: 'noAnswer' }, 'no-answer', 0],
    [{ DialCallStatus: 'cancelled' }, 'canceled', 0],
    [{ DialCallStatus: 'constructor', DialCallDuration: '-1' }, 'failed', 0],
    [{}, 'failed', 0],
  ] as const)('%o is %s after %i s', (params, how, seconds) => {
    for (const { webhook } of all)
      expect(webhook.transferEnded({ accountId: '', carrierCallId: 'CA1', params, query: {} })).toEqual({
        how,
        seconds,
        gone: false,
      });
  });
});
