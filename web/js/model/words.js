import { phoneNumber } from '../lib/format.js';

/** As the daemon names a model that stands in for one. */
const SIMULATED = 'simulated';

/** What codes mean, for people. A code nobody foresaw is shown as it is: better strange than silent. */

/** @type {Record<string, string>} */
const REASONS = {
  'caller-hangup': 'The caller hung up',
  'agent-hangup': 'The agent ended the call',
  transferred: 'Transferred',
  'operator-hangup': 'Hung up by an operator',
  'max-duration': 'Longest duration reached',
  'caller-silent': 'The caller stayed silent',
  'ended-first': 'Hung up before it was answered',
  'media-flood': 'Too much audio from the caller’s side',
  'media-malformed': 'Unusable audio from the caller’s side',
  'media-stalled': 'Audio from the caller’s side stopped',
  'media-backpressure': 'The caller’s side took no audio',
  'media-format-unsupported': 'Audio format not supported',
  'stream-replaced': 'Replaced by a second stream',
  'media-lost': 'The line was lost',
  'no-stream': 'The carrier opened no stream',
  'carrier-failed': 'The carrier could not set the call up or keep it',
  'model-auth': 'The model refused our key',
  'model-quota': 'The model’s quota is used up',
  'model-rate-limited': 'The model’s rate limit was reached',
  'model-unavailable': 'The model could not be reached',
  'model-rejected': 'The model refused the session',
  'model-session-lost': 'The model’s session was lost',
  'model-format-mismatch': 'The model took another audio format',
  'model-unconfirmed': 'The model did not take the session as it was asked for',
  'model-silent': 'The model stayed silent',
  'dial-busy': 'The number that was to answer was busy',
  'dial-no-answer': 'Nobody answered at the number',
  'dial-refused': 'The call to the number was refused',
  'dial-failed': 'The call to the number failed',
  'dial-machine': 'A machine took the call to the number',
  'dial-forbidden': 'The number may not be called',
  'dial-limit': 'No more numbers can be called at the moment',
  drained: 'The daemon was stopped',
  moved: 'It goes on at another instance',
  'not-admitted': 'Not taken: no room, or nobody to answer',
  internal: 'Internal error',
  'process-lost': 'The daemon stopped unexpectedly',
  unknown: 'Not known',
};

/** @type {Record<string, string>} */
const RESULTS = {
  success: 'Completed',
  caller_error: 'Caller’s side failed',
  upstream_error: 'Carrier or model failed',
  server_error: 'Daemon failed',
  indeterminate: 'Not known',
};

/** @type {Record<string, string>} */
const ERRORS = {
  ADMIN_TOKEN_MISSING:
    'An admin token is needed: that of ADMIN_TOKEN, or where none is set the one in the file admin-token of DATA_DIR.',
  ADMIN_TOKEN_INVALID: 'This token is not accepted.',
  CALL_UNKNOWN: 'The daemon does not know this call any more.',
  CALL_ENDED: 'The call is already over.',
  CALL_TAKEN_OVER: 'An operator speaks with the caller; the agent is silent until the call is handed back.',
  OPERATOR_BUSY: 'Another operator speaks on this call, or is about to.',
  LISTENERS_TOO_MANY: 'As many operators listen in already as the setting OPERATORS_LISTENING allows (0: nobody may).',
  PEER_UNREACHABLE: 'The instance that has it cannot be reached at the moment.',
  LISTEN_NOT_ANNOUNCED: 'The caller could not be told that somebody listens, so nobody does.',
  ROLE_TOO_LOW: 'Your role may not do this.',
  PERSON_UNKNOWN: 'There is no such person, or the token was revoked before.',
  CALL_NOT_ANSWERED: 'Nobody is on the line at the moment.',
  DESTINATION_REFUSED: 'This number may not be called.',
  OUTBOUND_UNAVAILABLE: 'Calls cannot be placed: the carrier or its number is not set up.',
  NO_MORE_CALLS: 'No further call is taken at the moment.',
  TRANSFER_HOURLY_LIMIT: 'This hour’s transfers are used up.',
  OUTBOUND_HOURLY_LIMIT: 'This hour’s calls are used up.',
  OUTBOUND_CONCURRENT_LIMIT: 'Too many calls are being made at once.',
  PROMPT_UNKNOWN: 'There is no prompt of this name.',
  AGENT_UNKNOWN: 'There is no such agent.',
  CONTROL_UNSUPPORTED: 'This call’s carrier cannot do that, or its credentials are not set.',
  CONTROL_GONE: 'The carrier says the call is over.',
  CONTROL_AUTH: 'The carrier refused our credentials.',
  CONTROL_REJECTED: 'The carrier refused.',
  CONTROL_RATE_LIMITED: 'The carrier asks to wait a moment.',
  CONTROL_UNAVAILABLE: 'The carrier could not be reached.',
  CONTROL_TIMEOUT: 'The carrier did not answer in time. It may have been done all the same.',
  RECORD_UNKNOWN: 'There is no record of this call.',
  RECORDING_UNKNOWN: 'The recording is not there any more: it was deleted, by somebody or because of its age.',
  STORE_UNAVAILABLE: 'The store of records cannot be reached at the moment.',
  RATE_LIMITED: 'Too many requests. Wait a moment and try again.',
  OFFLINE: 'The daemon cannot be reached.',
  NOT_FOUND: 'This daemon does not offer that.',
  INTERNAL: 'The daemon failed at this. Its log says more.',
};

/** The model's name for people: one that stands in for another says so. @param {string | undefined} model */
export const modelWords = (model) => (model === SIMULATED ? 'Simulated, at no cost' : model);
/** Whether nobody is billed for what this model says. @param {string | null | undefined} model */
export const isSimulated = (model) => model === SIMULATED;

/** Says that callers' words are not written down. @param {string} [cure] a sentence, what turns it on */
export const unwrittenWords = (cure) => `What callers say is not written down.${cure === undefined ? '' : ` ${cure}`}`;

/** @param {string | undefined} reason */
export const reasonWords = (reason) => (reason === undefined ? 'Not known' : (REASONS[reason] ?? reason));
/** @param {string | undefined} result */
export const resultWords = (result) => (result === undefined ? 'Not known' : (RESULTS[result] ?? result));
/** All results a call can have, with their words. */
export const results = Object.entries(RESULTS);

/**
 * @param {string | undefined} result
 * @returns {'good' | 'bad' | 'neutral'} what colour says it
 */
export function resultTone(result) {
  if (result === 'success') return 'good';
  return result === undefined || result === 'indeterminate' ? 'neutral' : 'bad';
}

/**
 * An error of the API in words, with what it says of single fields.
 * @param {{ code: string, message?: string | undefined, issues?: ReadonlyArray<{ path: string, message: string }> | undefined }} error
 */
export function errorWords({ code, message, issues }) {
  if (issues !== undefined && issues.length > 0)
    return issues.map((issue) => `${issue.path.split('.').at(-1)}: ${issue.message}`).join('. ');
  const known = ERRORS[code];
  if (known !== undefined) return code === 'DESTINATION_REFUSED' && message ? `${known} (${message})` : known;
  return message === undefined || message === '' ? code : `${message} (${code})`;
}

/** Why a caller was not connected to somebody. @param {string | undefined} how */
export function transferWords(how) {
  const words = { busy: 'the line was busy', 'no-answer': 'nobody answered', canceled: 'it was given up' };
  return (how && Reflect.get(words, how)) || 'the number could not be reached';
}

/** Why a recording ended before its call. @param {string | undefined} reason */
export function recordingStopWords(reason) {
  const words = {
    'disk-full': 'the disk is full',
    'write-failed': 'it could not be written',
    'too-slow': 'the disk is too slow',
    'too-long': 'it became too long',
    'notice-not-heard': 'the caller did not hear the notice',
  };
  return reason === undefined ? 'for a reason not known' : (Reflect.get(words, reason) ?? reason);
}

/**
 * Who is on the other end of a call, of what is known of it.
 * @param {Readonly<Record<string, any>>} info
 */
export function partyWords({ direction, from, to, carrier, callerKind }) {
  const who = direction === 'outbound' ? to : from;
  if (!who && carrier === 'browser') return 'A web page';
  return !who && callerKind === 'withheld' ? 'Number withheld' : phoneNumber(who ?? undefined);
}

/** Where audio comes from, by the names that calls have for it. */
const origins = new Map([
  ['browser', 'Browser'],
  ['whatsapp', 'WhatsApp'],
  ['livekit', 'LiveKit room'],
  ['bridge', 'WhatsApp, by another’s webhook'],
]);

/** Tells how people write the carriers that the daemon knows. @param {Readonly<Record<string, string>>} titles by name */
export function nameCarriers(titles) {
  for (const [name, title] of Object.entries(titles)) origins.set(name, title);
}

/** Where a call's audio comes from, in words. @param {string | undefined} carrier */
export function carrierWords(carrier) {
  return carrier === undefined ? undefined : (origins.get(carrier) ?? carrier);
}

/** @param {string | undefined} transport */
export function transportWords(transport) {
  const names = { webrtc: 'WebRTC', websocket: 'WebSocket' };
  return transport === undefined ? undefined : (Reflect.get(names, transport) ?? transport);
}
