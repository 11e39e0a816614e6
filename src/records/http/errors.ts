/** What readers of records are refused with. */
export const RECORDS_ERRORS = {
  RECORD_UNKNOWN: 'There is no record of such a call: it was never made, or it was removed for its age.',
  RECORD_OPEN: 'The call goes on; its record cannot be removed.',
} as const;
type OfRecords = typeof RECORDS_ERRORS;
declare module '../../http/api-error.ts' {
  interface ApiErrorCodes extends OfRecords {}
}
