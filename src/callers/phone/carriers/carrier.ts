import type { CarrierCall } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { AudioForm } from '../../../media/form.ts';
import type { KindSettings, SettingsOf } from '../../../settings.ts';
import type { CarrierMedia } from '../carrier-media.ts';
import type { CallControl, CallStatus } from '../control/control.ts';
import type { CarrierChecks } from './checks.ts';
import type { CarrierWebhook } from './webhook.ts';

/**
 * A carrier: one object in one folder, `carriers/<name>/index.ts`, and one line in the table of `carriers/index.ts`. Everything that is its own
 * is said here; whatever else has to do with carriers asks these objects and switches on no name.
 */

/** What a carrier is opened with beside its settings. */
export interface CarrierDeps {
  /** Its wall time tells whether a signature is too old. */
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** What its control is made with. */
export interface ControlDeps extends CarrierDeps {
  /** Puts a document where the carrier can fetch it, and gives its address. */
  readonly host: (document: string) => string;
  /** News of calls that were placed over a connection instead of webhooks. Must not throw. */
  readonly onStatus: (call: CarrierCall, status: CallStatus) => void;
}

/** A carrier as the settings have it. */
export interface Carrier {
  /** In lower case: log field, metric label, part of a token. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  /** Whether a secret is set that proves its webhooks: it can and therefore must be checked then. */
  readonly isSigned: boolean;
  /** The setting that holds it. */
  readonly secretSetting: string;
  readonly webhook: CarrierWebhook;
  /** How its media socket speaks. */
  readonly media: CarrierMedia;
  /** The form of audio in which an agent meets its callers: its law where its streams have one; wideband without it. */
  readonly form?: AudioForm;
  /** Control of its calls beside their media; undefined without its credentials. Throws CONFIG_INVALID. */
  control?(deps: ControlDeps): CallControl | undefined;
  /** What the doctor asks of it. */
  readonly checks: CarrierChecks;
}

/** What a kind opens: a plain object of all that the settings decide. Its names are the kind's, and `openCarriers` gives them to it. */
export type OpenedCarrier = Omit<Carrier, 'name' | 'title'>;

/** A kind of carrier: a constant, made with `defineCarrier`. */
export interface CarrierKind<S extends KindSettings['settings'] = KindSettings['settings']> extends KindSettings {
  readonly settings: S;
  problems?(settings: SettingsOf<S>): string[];
  /** The carrier as these settings have it; nothing is connected yet. */
  open(settings: SettingsOf<S>, deps: CarrierDeps): OpenedCarrier;
}

/** A kind of carrier, which sees its own settings with their types. */
export function defineCarrier<const S extends KindSettings['settings']>(kind: CarrierKind<S>): CarrierKind<S> {
  return kind;
}
