/** A carrier's control of calls, beside their media: hang up, transfer, digits, dial. */

export type { LamlControl } from '../carriers/laml/control.ts';
export { transferDocument } from '../carriers/laml/transfer-document.ts';
export { SignalWireRelay, type SignalWireRelayOptions } from '../carriers/signalwire/relay.ts';
export { type SignalWireRestOptions, signalWireRest } from '../carriers/signalwire/rest.ts';
export { type TwilioRestOptions, twilioRest } from '../carriers/twilio/rest.ts';
export {
  CALL_STATUSES,
  type CallControl,
  type CallStatus,
  type DialRequest,
  isFinal,
  type MachineDetection,
  type TransferOptions,
} from './control.ts';
export { CONTROL_ERRORS, ControlError, type ControlErrorCode } from './errors.ts';
