import { accountOf } from '../callers/whatsapp/http/account.ts';
import type { OutboundWhatsApp } from '../callers/whatsapp/http/outbound.ts';
import { type PermissionReply, Permissions, permissionNotice } from '../callers/whatsapp/http/permissions.ts';
import { permissionsApi } from '../callers/whatsapp/http/permissions-api.ts';
import { Whatsapp } from '../callers/whatsapp/http/whatsapp.ts';
import { adminTokens } from '../http/admin-token.ts';
import { mayDialBy } from '../orders/outbound-guard.ts';
import { checkWhatsApp } from '../tools/policy.ts';
import type { Base, Feature } from './feature.ts';

/** Calls by WhatsApp. Without a number of Meta's there are those of the simulated far end alone. */
export function openWhatsapp({ config, clock, log, memory, metrics, instance, fleet }: Base): Feature {
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
    fleet,
  });
  const policy = { allow: config.DIAL_ALLOW, deny: config.DIAL_DENY };
  let placer: OutboundWhatsApp | undefined;
  return {
    observers: [whatsapp.desk, { onEvent: (callId, event) => placer?.onEvent(callId, event) }],
    get placer() {
      return placer;
    },
    install({ http, calls, intake, admin, notice }) {
      const told = (event: Parameters<typeof permissionNotice>[0], reply: PermissionReply) =>
        notice({ type: 'whatsapp.permission', data: permissionNotice(event, reply) });
      const permissions = new Permissions({ memory, clock, log, told });
      placer = whatsapp.placer({ calls, intake }, permissions);
      whatsapp.install({ app: http.app, calls, intake, placed: placer });
      const { numbers } = whatsapp;
      http.app.register(permissionsApi, {
        admin,
        numbers,
        permissions,
        mayDial: (to) => mayDialBy(checkWhatsApp(to, policy)),
      });
    },
    close: () => whatsapp.close(),
  };
}
