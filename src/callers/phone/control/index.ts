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
export { CONTROL_ERRORS, ControlError, type ControlErrorCode, controlCode } from './errors.ts';
