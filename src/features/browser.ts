import { termination } from '../call/termination.ts';
import { browserBridge } from '../http/browser-bridge.ts';
import { BrowserBridges } from '../http/browser-bridges.ts';
import { pendingLimits } from '../http/pending.ts';
import type { Base, Feature } from './feature.ts';

/** Calls from web pages. */
export function openBrowser({ config, clock, log }: Base): Feature {
  const bridges = new BrowserBridges();
  return {
    observers: [bridges],
    sinks: [bridges],
    install({ http, calls, dispatch, admission, admin }) {
      bridges.connect({
        calls,
        dispatch,
        admission,
        clock,
        log,
        rtc: {
          iceServers: config.ICE_SERVERS,
          ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
        },
        publicAddresses: config.RTC_PUBLIC_IP,
        pending: pendingLimits(config.BROWSER_MAX_PENDING),
        connectMs: config.BROWSER_CONNECT_MS,
      });
      http.app.register(browserBridge, {
        bridges,
        admin,
        access: config.BROWSER_ACCESS,
        origins: config.BROWSER_ORIGINS,
        agents: config.BROWSER_AGENTS,
        systemPrompt: config.BROWSER_SYSTEM_PROMPT,
        hasPrompt: (name) => dispatch.hasPrompt(name),
      });
    },
    close: () => bridges.closeAll(termination('drained')),
  };
}
