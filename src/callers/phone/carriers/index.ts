import { systemClock } from '../../../call/clock.ts';
import type { Carrier, CarrierDeps, CarrierKind } from './carrier.ts';
import { plivoCarrier } from './plivo/index.ts';
import { signalwireCarrier } from './signalwire/index.ts';
import { telnyxCarrier } from './telnyx/index.ts';
import { twilioCarrier } from './twilio/index.ts';
import { vonageCarrier } from './vonage/index.ts';

/** The carriers that the daemon knows, one line each. Where nothing else decides between two, the first is meant. */
export const CARRIERS = [
  twilioCarrier,
  signalwireCarrier,
  telnyxCarrier,
  plivoCarrier,
  vonageCarrier,
] as const satisfies readonly CarrierKind[];

/** The carriers of a table, as the settings have them. */
export interface Carriers {
  /** In the order of the table. */
  readonly all: readonly Carrier[];
  /** Whether any carrier's webhooks can and therefore must be proven. */
  readonly isSigned: boolean;
  /** The carrier of this name; undefined: there is none. */
  get(name: string): Carrier | undefined;
  /** The same of a name that came from one of them. Throws a RangeError. */
  of(call: { readonly carrier: string }): Carrier;
}

export interface OpenCarriersOptions extends Partial<CarrierDeps> {
  /** In place of the daemon's own. */
  readonly kinds?: readonly CarrierKind[] | undefined;
}

const SILENT: CarrierDeps['log'] = { info() {}, warn() {} };

/** Opens the carriers of a table. `settings`: those of all of them, as `loadConfig` gives them. */
export function openCarriers(
  settings: Readonly<Record<string, unknown>>,
  { kinds = CARRIERS, clock = systemClock, log = SILENT }: OpenCarriersOptions = {},
): Carriers {
  const all = kinds.map((kind: CarrierKind): Carrier => {
    const { name, title } = kind;
    return { ...kind.open(settings, { clock, log }), name, title };
  });
  const byName = new Map(all.map((carrier) => [carrier.name, carrier]));
  return {
    all,
    isSigned: all.some((carrier) => carrier.isSigned),
    get: (name) => byName.get(name),
    of({ carrier: name }) {
      const carrier = byName.get(name);
      if (carrier === undefined) throw new RangeError(`no such carrier: ${name}`);
      return carrier;
    },
  };
}

/** The settings of which each would let some carrier's webhooks be proven: "A or B". */
export const secretSettings = ({ all }: Pick<Carriers, 'all'>): string =>
  all.map(({ secretSetting }) => secretSetting).join(' or ');

/** What the log says where none of them is set. */
export const unprovenWarning = (carriers: Pick<Carriers, 'all'>): string =>
  `WEBHOOKS ARE NOT VERIFIED: anybody who finds this address can place calls. Set ${secretSettings(carriers)}, and PUBLIC_URL`;
