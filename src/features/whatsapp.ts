import { accountOf } from '../callers/whatsapp/http/account.ts';
import { Whatsapp } from '../callers/whatsapp/http/whatsapp.ts';
import { adminTokens } from '../http/admin-token.ts';
import type { Base, Feature } from './feature.ts';

/** Calls by WhatsApp. Without a number of Meta's there are those of the simulated far end alone. */
export function openWhatsapp({ config, clock, log, memory, metrics, instance }: Base): Feature {
  const account = accountOf(config, () => adminTokens(config).tokens[0] ?? '');
  const whatsapp = new Whatsapp({
    ...account,
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
