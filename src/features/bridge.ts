import { termination } from '../call/termination.ts';
import { handedCalls } from '../callers/bridge/http/bridge.ts';
import { HandedCalls } from '../callers/bridge/http/handed-calls.ts';
import { handedCallMetrics } from '../callers/bridge/http/metrics.ts';
import { serveHandlerSockets } from '../callers/bridge/http/socket.ts';
import { ClientAddresses, isLocalUrl } from '../http/client-address.ts';
import type { Base, Feature } from './feature.ts';

/** Calls that somebody else's webhook handler hands on. */
export function openBridge({ config, clock, log, memory, metrics: { registry }, urls, fleet }: Base): Feature {
  const calls = new HandedCalls();
  const metrics = handedCallMetrics(registry, () => calls.size);
  return {
    observers: [calls],
    sinks: [calls],
    install({ http, calls: all, intake, admin }) {
      calls.connect({
        intake,
        calls: all,
        memory,
        fleet,
        clock,
        log,
        rtc: {
          iceServers: config.ICE_SERVERS,
          ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
        },
        publicAddresses: config.RTC_PUBLIC_IP,
        metrics,
      });
      http.app.register(handedCalls, {
        calls,
        urls,
        access: {
          tokens: [...config.BRIDGE_TOKEN, ...admin.tokens],
          open: config.BRIDGE_TOKEN.length + config.ADMIN_TOKEN.length === 0 && !isPassedOn(config),
        },
      });
      serveHandlerSockets({ http, calls, clock, log, metrics, bufferBytes: config.EVENTS_BUFFER_KB * 1_024 });
    },
    close: () => calls.closeAll(termination('drained')),
  };
}

/** Whether something is known to pass strangers on to this machine: a public address is served by a proxy or a tunnel, which need not leave a trace. */
function isPassedOn({ PUBLIC_URL, TRUST_PROXY }: Pick<Base['config'], 'PUBLIC_URL' | 'TRUST_PROXY'>): boolean {
  return (PUBLIC_URL !== undefined && !isLocalUrl(PUBLIC_URL)) || new ClientAddresses(TRUST_PROXY).trusts('127.0.0.1');
}
