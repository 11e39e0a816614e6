/** What a handler that hands calls on is refused with. */
export const HANDED_CALL_ERRORS = {
  BRIDGE_STOPPED:
    'A call of this id was stopped, or is over: its `callId` begins no other. Webhooks are repeated and overtake each other; there is nothing to do.',
  BRIDGE_SOCKET_REFUSED:
    "The socket's address brings no token of a call that goes on. It comes with the answer to /bridge/start.",
  BRIDGE_SOCKETS_TOO_MANY: 'The call has as many sockets as one may have.',
} as const;
type OfHandedCalls = typeof HANDED_CALL_ERRORS;
declare module '../../../http/api-error.ts' {
  interface ApiErrorCodes extends OfHandedCalls {}
}
