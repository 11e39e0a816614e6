import { defineCarrier } from '../carrier.ts';
import { twilio } from './media.ts';
import { twilioContradictions, twilioSettings } from './settings.ts';
import { twilioWebhook } from './webhook.ts';

/** Twilio: TwiML and Media Streams. https://www.twilio.com/docs/voice */
export const twilioCarrier = defineCarrier({
  name: 'twilio',
  title: 'Twilio',
  settings: twilioSettings,
  problems: twilioContradictions,
  open: ({ TWILIO_AUTH_TOKEN: secrets }) => ({
    name: 'twilio',
    title: 'Twilio',
    isSigned: secrets.length > 0,
    webhook: twilioWebhook(secrets),
    media: twilio,
  }),
});
