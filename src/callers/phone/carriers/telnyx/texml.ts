import { checkBase } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import type { RestOptions } from '../../control/rest.ts';
import { LamlControl } from '../laml/control.ts';
import { lamlWebhook } from '../laml/webhook.ts';
import type { CarrierRequest, CarrierWebhook } from '../webhook.ts';
import { telnyxFailure } from './api.ts';
import type { TelnyxCodecs } from './codecs.ts';
import { SIGNATURE } from './signature.ts';
import { telnyxUpgrade } from './webhook.ts';
import { telnyxVoice } from './words.ts';

/**
 * The other kind of application: TeXML, forms and documents as the family of TwiML has them. The media stream is the same.
 * https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream
 */

/** `proves`: by the account's public key, as every webhook. */
export function texmlWebhook(proves: (request: CarrierRequest) => boolean, codecs: TelnyxCodecs): CarrierWebhook {
  return {
    ...lamlWebhook({
      proves: () => false,
      likeness: ({ CallSid = '' }, headers) => (headers[SIGNATURE] !== undefined ? 3 : /^v\d+:/.test(CallSid) ? 2 : 0),
      upgrade: telnyxUpgrade,
      streamAttributes: () => ({
        track: 'inbound_track',
        codec: codecs.sent,
        bidirectionalMode: 'rtp',
        bidirectionalCodec: codecs.played,
        bidirectionalSamplingRate: String(codecs.playedHz),
      }),
      voice: telnyxVoice,
    }),
    proves,
  };
}

export interface TexmlRestOptions extends Omit<RestOptions, 'user' | 'password'> {
  readonly apiKey: string;
  readonly accountSid: string;
  /** The TeXML application that calls are placed from. */
  readonly connectionId: string | undefined;
  /** https://api.telnyx.com when left out. */
  readonly baseUrl?: string | undefined;
}

/** Call control of TeXML calls, by a REST API as the family has it, shown a bearer token. Throws CONTROL_INVALID. */
export function texmlRest(options: TexmlRestOptions): LamlControl {
  const { apiKey, accountSid, connectionId, baseUrl = 'https://api.telnyx.com', ...rest } = options;
  return new LamlControl(
    {
      name: 'telnyx-texml',
      account: { carrier: 'telnyx', accountId: accountSid },
      callsUrl: `${checkBase(baseUrl)}/v2/texml/Accounts/${accountSid}/Calls`,
      suffix: '',
      redirect: (document) => ({ Texml: document }),
      noDigits: 'TeXML plays digits only by new instructions, which would end the media stream',
      order(form) {
        if (connectionId === undefined)
          throw new ControlError(
            'CONTROL_INVALID',
            'TELNYX_CONNECTION_ID says from which application calls are placed',
          );
        const events = form['StatusCallbackEvent'];
        return {
          ...form,
          ApplicationSid: connectionId,
          // One text, where others repeat the key.
          StatusCallbackEvent: typeof events === 'string' ? events : events?.join(' '),
        };
      },
    },
    { ...rest, password: apiKey, failureOf: telnyxFailure },
  );
}
