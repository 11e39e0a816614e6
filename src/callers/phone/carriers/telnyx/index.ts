import { configured } from '../../control/configured.ts';
import { ControlError } from '../../control/errors.ts';
import { type CarrierDeps, defineCarrier, type OpenedCarrier } from '../carrier.ts';
import type { CarrierRequest } from '../webhook.ts';
import { carryOut } from './answers.ts';
import { TelnyxApi } from './api.ts';
import { telnyxChecks } from './checks.ts';
import { telnyxCodecs } from './codecs.ts';
import { TelnyxControl } from './control.ts';
import { telnyxMedia } from './media.ts';
import { CallNews } from './news.ts';
import { type TelnyxSettings, telnyxApiUrl, telnyxContradictions, telnyxSettings } from './settings.ts';
import { TelnyxSignatures } from './signature.ts';
import { texmlRest, texmlWebhook } from './texml.ts';
import { telnyxWebhook } from './webhook.ts';

/**
 * Telnyx: a Voice API application, whose webhooks are answered by commands over REST, or a TeXML application; one media stream for both.
 * https://developers.telnyx.com/docs/voice/programmable-voice
 */
export const telnyxCarrier = defineCarrier({
  name: 'telnyx',
  title: 'Telnyx',
  settings: telnyxSettings,
  problems: telnyxContradictions,
  open(settings, deps) {
    const wall = () => deps.clock.wall();
    const codecs = telnyxCodecs(settings);
    const signatures = new TelnyxSignatures(settings.TELNYX_PUBLIC_KEY, wall);
    const proves = ({ headers, rawBody }: CarrierRequest) => signatures.proves(headers, rawBody);
    const isNarrow = codecs.playedHz === 8_000 && codecs.sent !== 'L16';
    return {
      isSigned: settings.TELNYX_PUBLIC_KEY.length > 0,
      secretSetting: 'TELNYX_PUBLIC_KEY',
      media: telnyxMedia({ ...codecs, byteOrder: settings.TELNYX_L16_BYTE_ORDER }),
      form: isNarrow ? 'pcmu' : 'pcm16',
      checks: telnyxChecks(settings, wall),
      ...(settings.TELNYX_APPLICATION === 'texml'
        ? texml(settings, proves, codecs)
        : callControl(settings, proves, codecs, deps)),
    };
  },
});

type Way = Pick<OpenedCarrier, 'webhook' | 'control'>;
type Proves = (request: CarrierRequest) => boolean;
type Codecs = ReturnType<typeof telnyxCodecs>;

const texml = (settings: TelnyxSettings, proves: Proves, codecs: Codecs): Way => ({
  webhook: texmlWebhook(proves, codecs),
  control({ clock, log }) {
    const { TELNYX_API_KEY: apiKey, TELNYX_ACCOUNT_SID: accountSid, TELNYX_CONNECTION_ID: connectionId } = settings;
    if (apiKey === undefined || accountSid === undefined) return undefined;
    const baseUrl = telnyxApiUrl(settings);
    return configured('TELNYX_API_URL', () => texmlRest({ apiKey, accountSid, connectionId, baseUrl, clock, log }));
  },
});

function callControl(settings: TelnyxSettings, proves: Proves, codecs: Codecs, { clock, log }: CarrierDeps): Way {
  const { TELNYX_API_KEY: apiKey, TELNYX_CONNECTION_ID: connectionId } = settings;
  const news = new CallNews(clock);
  let made: TelnyxApi | undefined;
  const api = (key: string) => {
    made ??= configured(
      'TELNYX_API_URL',
      () => new TelnyxApi({ apiKey: key, baseUrl: telnyxApiUrl(settings), clock, log }),
    );
    return made;
  };
  return {
    webhook: telnyxWebhook({
      proves,
      async carryOut(instruction, facts) {
        if (apiKey === undefined)
          throw new ControlError('CONTROL_AUTH', 'TELNYX_API_KEY is not set, without which no call is answered');
        await carryOut({ api: api(apiKey), codecs, news }, instruction, facts);
      },
      noted: ({ carrierCallId, params }) => news.told(carrierCallId, params['event_type'] ?? ''),
    }),
    control: () => (apiKey === undefined ? undefined : new TelnyxControl({ api: api(apiKey), news, connectionId })),
  };
}
