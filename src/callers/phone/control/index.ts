/** A carrier's control of calls, beside their media: hang up, transfer, digits, dial. */

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
export type { LamlControl } from './laml.ts';
export { SignalWireRelay, type SignalWireRelayOptions } from './signalwire-relay.ts';
export { type SignalWireRestOptions, signalWireRest } from './signalwire-rest.ts';
export { transferDocument } from './transfer-document.ts';
export { type TwilioRestOptions, twilioRest } from './twilio-rest.ts';
