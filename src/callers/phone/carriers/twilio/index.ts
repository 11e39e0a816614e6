import { defineCarrier } from '../carrier.ts';
import { twilioChecks } from './checks.ts';
import { twilioControl } from './control.ts';
import { twilio } from './media.ts';
import { twilioContradictions, twilioSettings } from './settings.ts';
import { twilioWebhook } from './webhook.ts';

/** Twilio: TwiML and Media Streams. https://www.twilio.com/docs/voice */
export const twilioCarrier = defineCarrier({
  name: 'twilio',
  title: 'Twilio',
  settings: twilioSettings,
  problems: twilioContradictions,
  open: (settings) => ({
    isSigned: settings.TWILIO_AUTH_TOKEN.length > 0,
    secretSetting: 'TWILIO_AUTH_TOKEN',
    webhook: twilioWebhook(settings.TWILIO_AUTH_TOKEN),
    media: twilio,
    form: 'pcmu',
    control: (deps) => twilioControl(settings, deps),
    checks: twilioChecks(settings),
  }),
});
