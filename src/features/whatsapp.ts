import { Whatsapp } from '../callers/whatsapp/http/whatsapp.ts';
import type { Base, Feature } from './feature.ts';

/** Calls by WhatsApp. Without a number there are none. */
export function openWhatsapp({ config, clock, log, memory, metrics, instance }: Base): Feature {
  const { WHATSAPP_ACCESS_TOKEN: token = '', WHATSAPP_VERIFY_TOKEN: verifyToken = '' } = config;
  if (config.WHATSAPP_PHONE_NUMBER_ID.length === 0) return {};
  const whatsapp = new Whatsapp({
    phoneNumberIds: config.WHATSAPP_PHONE_NUMBER_ID,
    token,
    secrets: config.WHATSAPP_APP_SECRET,
    verifyToken,
    url: config.GRAPH_API_URL,
    version: config.GRAPH_API_VERSION,
    preAccept: config.WHATSAPP_PRE_ACCEPT,
    rtc: {
      iceServers: config.ICE_SERVERS,
      ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
    },
    publicAddresses: config.RTC_PUBLIC_IP,
    clock,
    log,
    registry: metrics.registry,
    memory,
    instance,
  });
  return {
    observers: [whatsapp.desk],
    install: ({ http, calls, intake }) => whatsapp.install({ app: http.app, calls, intake }),
    close: () => whatsapp.close(),
  };
}
