/** What pages that call are refused with. */
export const BRIDGE_ERRORS = {
  BRIDGE_UNKNOWN: 'This conversation has no call from a page at the moment.',
  BRIDGE_REPLACED: 'A newer call of the same conversation took the place of this one while it was made.',
  BRIDGE_FORBIDDEN:
    "The conversation's call is somebody else's: whoever is no operator shows the `session_id` of the call in the header `X-Session-Id`.",
  AGENT_REFUSED: 'Whoever is no operator may not choose `agent`.',
  SYSTEM_PROMPT_REFUSED: 'Whoever is no operator may not choose `system_prompt`; BROWSER_SYSTEM_PROMPT allows it.',
} as const;

export const TYPED_TURN_ERRORS = {
  TEXT_TOO_MANY: 'Too many typed turns in a minute.',
  TEXT_UNSUPPORTED: 'The agent of this call takes no typed turns.',
} as const;

type OfPages = typeof BRIDGE_ERRORS & typeof TYPED_TURN_ERRORS;
declare module '../../../http/api-error.ts' {
  interface ApiErrorCodes extends OfPages {}
}
