import { defineCarrier } from '../carrier.ts';
import { signalwireChecks } from './checks.ts';
import { signalwireControl } from './control.ts';
import { signalwireMedia } from './media.ts';
import { signalwireSettings } from './settings.ts';
import { signalwireWebhook } from './webhook.ts';

/** SignalWire: cXML and its `<Stream>`. https://developer.signalwire.com/compatibility-api */
export const signalwireCarrier = defineCarrier({
  name: 'signalwire',
  title: 'SignalWire',
  settings: signalwireSettings,
  open: (settings) => ({
    isSigned: settings.SIGNALWIRE_SIGNING_KEY.length > 0,
    secretSetting: 'SIGNALWIRE_SIGNING_KEY',
    webhook: signalwireWebhook({
      keys: settings.SIGNALWIRE_SIGNING_KEY,
      codec: settings.SIGNALWIRE_CODEC,
      realtime: settings.SIGNALWIRE_REALTIME,
    }),
    media: signalwireMedia({
      byteOrder: settings.SIGNALWIRE_L16_BYTE_ORDER,
      codec: settings.SIGNALWIRE_CODEC,
    }),
    form: settings.SIGNALWIRE_CODEC === 'PCMU@8000h' ? 'pcmu' : 'pcm16',
    control: (deps) => signalwireControl(settings, deps),
    checks: signalwireChecks(settings),
  }),
});
