import { type CarrierCall, isSameAccount } from '../../../call/carrier-call.ts';
import type { Carrier, ControlDeps } from '../carriers/carrier.ts';
import type { CallControl } from './control.ts';

/** Which carriers the daemon can ask for something, by the credentials that are set. */
export interface Controls {
  /** Who places calls that are ordered; undefined: nobody can. */
  readonly forOrders: CallControl | undefined;
  /** All that can be asked, in the order of the table. */
  readonly all: readonly CallControl[];
  /** Who controls calls of this carrier and account; undefined without their credentials. An account that is not told is the one that is set. */
  of(call: Partial<Pick<CarrierCall, 'carrier' | 'accountId'>>): CallControl | undefined;
  /** Never rejects. */
  close(): Promise<void>;
}

/**
 * Makes the control of each carrier whose credentials are set. `outbound`: the name of the one that places calls; the first of the table that can
 * without it. Throws CONFIG_INVALID.
 */
export function openControls(
  carriers: ReadonlyArray<Pick<Carrier, 'name' | 'control'>>,
  outbound: string | undefined,
  deps: ControlDeps,
): Controls {
  const all = new Map<string, CallControl>();
  for (const carrier of carriers) {
    const control = carrier.control?.(deps);
    if (control !== undefined) all.set(carrier.name, control);
  }
  const [first] = all.values();
  return {
    forOrders: outbound === undefined ? first : all.get(outbound),
    all: [...all.values()],
    of({ carrier = '', accountId = '' }) {
      const control = all.get(carrier);
      if (control === undefined || accountId === '') return control;
      // Another account's call is none of ours there: what we asked for it would come to nothing, or be done to another.
      return isSameAccount(control.account, { carrier, accountId }) ? control : undefined;
    },
    async close() {
      await Promise.allSettled([...all.values()].map((control) => control.close()));
    },
  };
}
