import type { CallControl } from '../callers/phone/control/index.ts';
import { HourLimit } from '../memory/hour-limit.ts';
import { CallCallbacks } from '../orders/call-callbacks.ts';
import { callsApi } from '../orders/calls-api.ts';
import { callsDesk, type WatchedCallsDesk } from '../orders/calls-desk.ts';
import { DialledLines } from '../orders/dialled-lines.ts';
import { callsOfAll } from '../orders/fleet-calls.ts';
import { OutboundCalls } from '../orders/outbound-calls.ts';
import { type MayDial, mayDialBy, OutboundGuard } from '../orders/outbound-guard.ts';
import { PhonePlacer } from '../orders/phone-placer.ts';
import { Destinations } from '../tools/destinations.ts';
import { checkDestination, checkWhatsApp } from '../tools/policy.ts';
import type { Base, Feature } from './feature.ts';

/** Longer than the longest call: a call whose end is never told gives its place back after it, ms. */
const PLACE_SLACK_MS = 600_000;
/** How long reports of calls that ended with the process may take, ms. */
const REPORT_MS = 2_000;

/** Calls that are ordered, and the interface by which calls are seen and operated: `/calls`. */
export async function openCallsApi(base: Base): Promise<Feature> {
  const { config, carriers, clock, log, memory, urls, fleet } = base;
  const destinations = new Destinations({
    hosts: config.HTTP_TOOL_HOSTS,
    privateHosts: config.HTTP_TOOL_PRIVATE_HOSTS,
  });
  const callbacks = new CallCallbacks({
    clock,
    log,
    secret: config.CALLBACK_SECRET,
    dispatcherFor: (url) => destinations.dispatcherFor(url),
  });
  const policy = { allow: config.DIAL_ALLOW, deny: config.DIAL_DENY };
  const mayDial: MayDial = (to) =>
    mayDialBy(to.startsWith('whatsapp:') ? checkWhatsApp(to, policy) : checkDestination(to, policy));
  const guard = new OutboundGuard({
    clock,
    mayDial,
    hourly: new HourLimit(config.OUTBOUND_PER_HOUR, memory, 'orders-hour'),
    concurrent: config.OUTBOUND_CONCURRENT,
    leases: memory.leases({ name: 'orders' }),
    instance: fleet.self,
    longestMs: config.MAX_CALL_MINUTES * 60_000 + PLACE_SLACK_MS,
  });
  let outbound: OutboundCalls | undefined;
  let dialled: DialledLines | undefined;
  let desk: WatchedCallsDesk | undefined;

  return {
    claim: async (call, to) => outbound?.claim(call, to),
    claimLeg: async (call, to) => outbound?.claimLeg(call, to),
    get dialler() {
      return dialled;
    },
    carrierNews: (update) => outbound?.onStatus(update),
    ended: (call, end) => desk?.ended(call, end),
    forget: async (callIds) => desk?.forget(callIds),
    install({ http, calls, dispatch, admin, admission, lines, placers }) {
      const phonePlacer = (control: CallControl | undefined) =>
        new PhonePlacer({
          control,
          carrier: carriers.get(control?.account.carrier ?? ''),
          from: config.OUTBOUND_FROM,
          urls,
          memory,
          clock,
        });
      const forOrders = lines?.forOrders;
      // Orders go by one carrier; who is called to answer a call may be called by any.
      const others = (lines?.controls ?? []).filter((control) => control !== forOrders);
      const phones = [forOrders, ...others].map(phonePlacer);
      outbound = new OutboundCalls({
        guard,
        placers: [...placers, ...phones],
        clock,
        log,
        callbacks,
        fleet,
        hasPrompt: (name) => dispatch.hasPrompt(name),
        // What cannot be told now shows when somebody answers, as in any call.
        readAgent: (raw) => dispatch.readAgent(raw),
        modelFor: ({ from, to, ...wanted }) =>
          dispatch.modelFor({ from, to, direction: 'outbound' }, wanted).catch(() => dispatch.standard.model),
        admit: (model = dispatch.standard.model) => admission.admitOrder(model),
      });
      if (lines !== undefined)
        dialled = new DialledLines({
          outbound,
          streams: lines.dialled,
          carrier: forOrders?.account.carrier,
          carriers: lines.controls.map(({ account }) => account.carrier),
          endsOf: (callId) => calls.get(callId)?.info,
          callerOf: async (callId) => {
            const call = calls.get(callId);
            // A telephone's stream may come to another instance, which then makes the call anew.
            if (call !== undefined && carriers.get(call.info.carrier ?? '') !== undefined) await call.came;
          },
          clock,
        });
      desk = callsDesk({
        calls,
        outbound,
        transfers: dispatch.transfers,
        clock,
        controlOf: () => undefined,
        ...lines,
      });
      const told = (error: unknown) => placers.map((placer) => placer.told?.(error)).find((one) => one !== undefined);
      http.app.register(callsApi, {
        ...{ admin, desk, fleet, mayDial, clock, memory, told },
        all: callsOfAll(desk, fleet),
        saysAddress: (raw) => dispatch.saysAddress(raw),
      });
    },
    async close() {
      // What is to be reported is with the callbacks as soon as the first call returns.
      await Promise.all([outbound?.close(), callbacks.close(REPORT_MS)]);
      guard.close();
      await destinations.close();
    },
  };
}
