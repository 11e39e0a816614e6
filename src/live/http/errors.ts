/** What readers of `/events` are refused with. */
export const EVENTS_ERRORS = {
  WATCHERS_TOO_MANY: 'As many as EVENTS_MAX_WATCHERS read /events already.',
} as const;
type OfEvents = typeof EVENTS_ERRORS;
declare module '../../http/api-error.ts' {
  interface ApiErrorCodes extends OfEvents {}
}
