/** What readers of recordings are refused with. */
export const RECORDINGS_ERRORS = {
  RECORDING_UNKNOWN: 'There is no recording of such a call: it was not recorded, or the recording was deleted.',
  RECORDING_OPEN: 'The call is being recorded at the moment; the recording can be deleted when it is over.',
  RANGE_INVALID: 'The range asked for lies outside of the file.',
} as const;
type OfRecordings = typeof RECORDINGS_ERRORS;
declare module '../../http/api-error.ts' {
  interface ApiErrorCodes extends OfRecordings {}
}
