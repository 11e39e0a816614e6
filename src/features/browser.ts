import { termination } from '../call/termination.ts';
import { browserBridge } from '../callers/browser/http/bridge.ts';
import { BrowserBridges } from '../callers/browser/http/bridges.ts';
import { pendingLimits } from '../http/pending.ts';
import { Strangers } from '../intake/strangers.ts';
import type { Base, Feature } from './feature.ts';

/** Calls from web pages. */
export function openBrowser({ config, clock, log }: Base): Feature {
  const bridges = new BrowserBridges();
  return {
    observers: [bridges],
    sinks: [bridges],
    strangers: config.BROWSER_MAX_CALLS,
    install({ http, calls, dispatch, intake, admin, fleet, memory }) {
      bridges.connect({
        intake,
        calls,
        clock,
        log,
        rtc: {
          iceServers: config.ICE_SERVERS,
          ...(config.RTC_PORT_RANGE === undefined ? {} : { portRange: config.RTC_PORT_RANGE }),
        },
        publicAddresses: config.RTC_PUBLIC_IP,
        strangers: new Strangers({
          connecting: pendingLimits(config.BROWSER_MAX_PENDING),
          most: config.BROWSER_MAX_CALLS,
        }),
        connectMs: config.BROWSER_CONNECT_MS,
      });
      http.app.register(browserBridge, {
        bridges,
        fleet,
        memory,
        admin,
        access: config.BROWSER_ACCESS,
        // A proxy may ask under another Host than the one that the console was opened by.
        origins: [
          ...config.BROWSER_ORIGINS,
          ...(config.PUBLIC_URL === undefined ? [] : [new URL(config.PUBLIC_URL).origin]),
        ],
        agents: config.BROWSER_AGENTS,
        systemPrompt: config.BROWSER_SYSTEM_PROMPT,
        hasPrompt: (name) => dispatch.hasPrompt(name),
        readAgent: (raw) => dispatch.readAgent(raw),
        saysAddress: (raw) => dispatch.saysAddress(raw),
      });
    },
    close: () => bridges.closeAll(termination('drained')),
  };
}
