import { defineCarrier } from '../carrier.ts';
import { PlivoCalls } from './calls.ts';
import { plivoChecks } from './checks.ts';
import { plivoControl } from './control.ts';
import { formatOf, plivoMedia } from './media.ts';
import { plivoContradictions, plivoSettings } from './settings.ts';
import { plivoWebhook } from './webhook.ts';

/** Plivo: its XML and audio streams. https://docs.plivo.com/docs/voice */
export const plivoCarrier = defineCarrier({
  name: 'plivo',
  title: 'Plivo',
  settings: plivoSettings,
  problems: plivoContradictions,
  open(settings) {
    const { PLIVO_AUTH_TOKEN: secrets, PLIVO_AUTH_ID: accountId = '', PLIVO_CODEC: codec } = settings;
    const calls = new PlivoCalls();
    const { encoding, sampleRate } = formatOf(codec);
    return {
      isSigned: secrets.length > 0,
      secretSetting: 'PLIVO_AUTH_TOKEN',
      webhook: plivoWebhook({ secrets, accountId, contentType: `${encoding};rate=${sampleRate}`, calls }),
      media: plivoMedia({ codec, byteOrder: settings.PLIVO_L16_BYTE_ORDER }),
      ...(codec === 'PCMU@8000h' ? { form: 'pcmu' as const } : {}),
      control: (deps) => plivoControl(settings, calls, deps),
      checks: plivoChecks(settings),
    };
  },
});
