import { defineCarrier } from '../carrier.ts';
import { vonageChecks } from './checks.ts';
import { vonageControl } from './control.ts';
import { vonageMedia } from './media.ts';
import { vonageContradictions, vonageSettings } from './settings.ts';
import { vonageWebhook } from './webhook.ts';

/** Vonage: NCCO, and calls on a WebSocket of binary frames. https://developer.vonage.com/en/voice/voice-api/overview */
export const vonageCarrier = defineCarrier({
  name: 'vonage',
  title: 'Vonage',
  settings: vonageSettings,
  problems: vonageContradictions,
  open(settings, { clock }) {
    const wall = () => clock.wall();
    const hz = Number(settings.VONAGE_CODEC.slice('L16@'.length));
    return {
      isSigned: settings.VONAGE_SIGNATURE_SECRET.length > 0,
      secretSetting: 'VONAGE_SIGNATURE_SECRET',
      webhook: vonageWebhook({
        secrets: settings.VONAGE_SIGNATURE_SECRET,
        contentType: `audio/l16;rate=${hz}`,
        applicationId: settings.VONAGE_APPLICATION_ID,
        wall,
      }),
      media: vonageMedia({ hz }),
      form: 'pcm16',
      control: (deps) => vonageControl(settings, deps),
      checks: vonageChecks(settings, wall),
    };
  },
});
