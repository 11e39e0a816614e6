import type { CallControl } from '../../src/callers/phone/control/index.ts';
import { publicUrls } from '../../src/http/public-url.ts';
import type { ProcessMemory } from '../../src/memory/memory.ts';
import { OutboundCalls } from '../../src/orders/outbound-calls.ts';
import { OutboundGuard } from '../../src/orders/outbound-guard.ts';
import { PhonePlacer } from '../../src/orders/phone-placer.ts';
import type { FakeClock } from './clock.ts';
import { orderLimits } from './memory.ts';

/** What one process orders calls by at an account of Twilio's; what the carrier does is the test's. */
export function phoneOrders(
  memory: ProcessMemory,
  clock: FakeClock,
  carrier: Partial<CallControl>,
  publicUrl?: string,
): OutboundCalls {
  const control = { account: { carrier: 'twilio', accountId: 'AC1' }, ...carrier } as unknown as CallControl;
  return new OutboundCalls({
    guard: new OutboundGuard({
      clock,
      mayDial: (number) => ({ ok: true, number }),
      ...orderLimits(100, clock),
      concurrent: 100,
      longestMs: 3_600_000,
    }),
    placers: [
      new PhonePlacer({ control, from: '+15550009999', urls: publicUrls({ publicUrl, signed: false }), memory, clock }),
    ],
    clock,
    log: { info: () => {}, warn: () => {} },
    callbacks: { check: () => {}, send: () => {} },
  });
}
