import { defineCarrier } from '../carrier.ts';
import { signalwire } from './media.ts';
import { signalwireSettings } from './settings.ts';
import { signalwireWebhook } from './webhook.ts';

/** SignalWire: cXML and its `<Stream>`. https://developer.signalwire.com/compatibility-api */
export const signalwireCarrier = defineCarrier({
  name: 'signalwire',
  title: 'SignalWire',
  settings: signalwireSettings,
  open: ({ SIGNALWIRE_SIGNING_KEY: keys, SIGNALWIRE_CODEC: codec, SIGNALWIRE_REALTIME: realtime }) => ({
    name: 'signalwire',
    title: 'SignalWire',
    isSigned: keys.length > 0,
    webhook: signalwireWebhook({ keys, codec, realtime }),
    media: signalwire,
  }),
});
