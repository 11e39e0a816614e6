import type { CallControl } from '../callers/phone/control/index.ts';
import type { CallsDeskOptions } from './calls-desk.ts';

/** What whoever orders and operates calls asks of the lines that they are on: by whom one is placed and controlled, and how a transfer is told. */
export interface Lines extends Required<Pick<CallsDeskOptions, 'controlOf' | 'transferOptions' | 'comesBack'>> {
  /** Who places calls that are ordered; undefined: nobody can. */
  readonly forOrders: CallControl | undefined;
}
