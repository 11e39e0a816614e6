/** What whoever listens in is refused with, by the socket's messages too. */
export const LISTENING_ERRORS = {
  LISTENERS_TOO_MANY: 'As many as OPERATORS_LISTENING listen in already.',
  LISTEN_NOT_ANNOUNCED: 'The caller could not be told that somebody listens (LISTEN_NOTICE), so nobody does.',
  OPERATOR_BUSY: 'Another operator speaks on this call, or is about to.',
  TICKET_INVALID: 'An instance brings no ticket, or one that was used or is too old.',
} as const;
type OfListening = typeof LISTENING_ERRORS;
declare module '../http/api-error.ts' {
  interface ApiErrorCodes extends OfListening {}
}
