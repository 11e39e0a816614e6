/** What the phone says to people: states, refusals and ends in words. Every code of the daemon that a page can get has a sentence. */

/** @typedef {'idle' | 'microphone' | 'connecting' | 'connected' | 'unstable' | 'lost' | 'ended' | 'failed'} PhoneState */

/** @type {Readonly<Record<PhoneState, string>>} */
export const STATE_WORDS = {
  idle: 'Not in a call',
  microphone: 'Waiting for the microphone …',
  connecting: 'Connecting …',
  connected: 'In the call',
  unstable: 'The connection is interrupted, waiting for it to come back …',
  lost: 'The connection was lost',
  ended: 'The call has ended',
  failed: 'The call could not be made',
};

/** @type {Readonly<Record<string, string>>} */
const END_WORDS = {
  'caller-hangup': 'You hung up.',
  'agent-hangup': 'The agent hung up.',
  'operator-hangup': 'An operator ended the call.',
  transferred: 'The call was transferred.',
  'max-duration': 'The call reached its longest duration.',
  'caller-silent': 'Nobody spoke for a long time.',
  'stream-replaced': 'The conversation goes on in another window or device.',
  'media-lost': 'The connection to this page was lost.',
  'no-stream': 'No media connection came about: a firewall may block UDP.',
  'media-flood': 'This page sent too many messages.',
  'dial-busy': 'The number is busy.',
  'dial-no-answer': 'Nobody answered.',
  'dial-refused': 'The number did not take the call.',
  'dial-forbidden': 'The number may not be called.',
  'dial-limit': 'No more numbers can be called at the moment.',
  'dial-machine': 'A machine took the call.',
  'dial-failed': 'The call to the number failed.',
  drained: 'The server is being stopped.',
};

/**
 * Why a call ended.
 * @param {string} reason
 */
export function endWords(reason) {
  return END_WORDS[reason] ?? (reason.startsWith('model-') ? 'The agent was lost.' : 'The server ended the call.');
}

/** @type {Readonly<Record<string, string>>} */
const ERROR_WORDS = {
  ADMIN_TOKEN_MISSING: 'You are not signed in.',
  ADMIN_TOKEN_INVALID: 'The sign-in is no longer valid.',
  ORIGIN_REFUSED: 'This site may not place calls here.',
  BRIDGE_FORBIDDEN: 'This conversation is in use by somebody else.',
  BRIDGE_REPLACED: 'The conversation was begun anew in another window or device.',
  AGENT_REFUSED: 'This page may not choose who answers.',
  SYSTEM_PROMPT_REFUSED: 'This page may not choose the agent’s instructions.',
  NO_MORE_CALLS: 'All lines are busy. Please try again in a moment.',
  RATE_LIMITED: 'Too many calls in a short time. Please wait a moment.',
  MODEL_AUTH: 'The agent refuses the server’s key. An operator must look at it.',
  MODEL_QUOTA: 'The agent’s account has no credit left. An operator must look at it.',
  MODEL_RATE_LIMITED: 'The agent is overloaded. Please try again in a moment.',
  MODEL_UNAVAILABLE: 'The agent cannot be reached at the moment.',
  MODEL_TIMEOUT: 'The agent did not answer in time.',
  MODEL_SESSION_LOST: 'The agent was lost in the middle of the call.',
  MODEL_FORMAT_MISMATCH: 'The agent’s audio does not fit. An operator must look at it.',
  MODEL_SESSION_UNCONFIRMED: 'The agent did not take the server’s settings. Please try again.',
  MODEL_REJECTED: 'The agent refuses this session: is the voice right?',
  DIAL_BUSY: 'The number is busy.',
  DIAL_NO_ANSWER: 'Nobody answered.',
  DIAL_REFUSED: 'The number did not take the call.',
  DIAL_FORBIDDEN: 'The number may not be called: DIAL_ALLOW says which may.',
  DIAL_LIMIT: 'No more numbers can be called at the moment.',
  DIAL_MACHINE: 'A machine took the call.',
  DIAL_FAILED: 'The call to the number failed.',
  ROLE_TOO_LOW: 'Your role may not place such a call.',
  PEER_SDP_INVALID: 'The server cannot use this browser’s offer.',
  PEER_UNAVAILABLE: 'The server cannot do WebRTC.',
  PEER_FAILED: 'The server has no free port for this call.',
  NETWORK: 'The server cannot be reached. Is this device online?',
  TIMEOUT: 'The server did not answer in time.',
  MEDIA_TIMEOUT: 'No media connection came about: a firewall may block UDP.',
  NOT_CONNECTED: 'There is no call at the moment.',
  UNSUPPORTED: 'This browser cannot do WebRTC.',
  TEXT_TOO_MANY: 'Too many messages in a minute.',
  TEXT_UNSUPPORTED: 'This agent reads no messages: please speak.',
  TEXT_INVALID: 'This message is empty or too long.',
  CALL_ENDED: 'The call is over.',
  CALL_NOT_ANSWERED: 'The call has not begun yet.',
};

/**
 * An error in words: ours for a code we know, else what the server said.
 * @param {string} code
 * @param {string} [message]
 */
export function errorWords(code, message) {
  return ERROR_WORDS[code] ?? (message ? `The server says: ${message}` : `The server refused the call (${code}).`);
}

/**
 * What the button says that calls, and whether that is the last call once more, with all that was chosen for it.
 * @param {PhoneState} state
 */
export function callWords(state) {
  if (state === 'lost') return { words: 'Reconnect', isAgain: true };
  return state === 'failed' ? { words: 'Try again', isAgain: true } : { words: 'Call', isAgain: false };
}

/**
 * Whether an error that the server tells of a call is the reason of its end, rather than of one message.
 * @param {string} code
 */
export function isFatal(code) {
  return code === 'NO_MORE_CALLS' || /^(?:MODEL|DIAL)_/.test(code);
}

/**
 * Why there is no microphone.
 * @param {unknown} error what `getUserMedia` threw; undefined when it does not exist
 */
export function microphoneWords(error) {
  if (error === undefined)
    return globalThis.isSecureContext
      ? 'This browser gives no access to a microphone.'
      : 'This page is not secure: browsers give the microphone only to pages over HTTPS (or on localhost).';
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
      return 'The microphone was not allowed. Allow it in the browser’s settings for this site.';
    case 'OverconstrainedError':
      return 'The chosen microphone is not there.';
    case 'NotFoundError':
      return 'No microphone was found.';
    case 'NotReadableError':
      return 'The microphone is in use by another program.';
    case 'TrackEnded':
      return 'The microphone was taken away.';
    default:
      return 'The microphone cannot be used.';
  }
}
