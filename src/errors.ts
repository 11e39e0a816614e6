/**
 * Coded errors. A code is what operators search for and what answers carry; the message says what happened and, where the reader can
 * act, what would be right. Messages never hold secrets, phone numbers or what people said.
 */

/** Every code, with what it means to who reads it. `docs/errors.md` is made from this. */
export const ERRORS = {
  CONFIG_INVALID: 'A setting is wrong. The message says which, why, and what would be right.',
  LISTEN_FAILED: 'The port cannot be listened on: taken, or not allowed.',
  WEBHOOK_SIGNATURE_INVALID:
    "A webhook or upgrade does not carry the carrier's signature over the configured public URL. Check the secret, and that PUBLIC_URL is exactly what the carrier was given. Of WhatsApp it is the app's secret alone, of LiveKit the API's.",
  WEBHOOK_VERIFY_TOKEN_INVALID:
    'Meta asks for the webhook with another token than WHATSAPP_VERIFY_TOKEN: enter the same in the app dashboard.',
  WEBHOOK_INVALID: 'A webhook lacks what every webhook has (CallSid), or cannot be read.',
  HOST_NOT_ALLOWED: 'PUBLIC_URL is not set although a signing secret is, or the Host header is no host name.',
  NOT_FOUND: 'There is nothing at this address.',
  BODY_TOO_LARGE: "The request's body is over the limit.",
  REQUEST_INVALID: 'The request cannot be understood.',
  REQUEST_TIMEOUT: 'The request took too long to arrive.',
  RATE_LIMITED: 'This address asks too often; `Retry-After` says when it may again.',
  TOO_MANY_CONNECTIONS: 'Too many media sockets that have not shown a token, from this address or in all.',
  INTERNAL: 'A bug or an unforeseen failure of ours. The log has the stack.',
  STREAM_TOKEN_MISSING: "A media stream's `start` carries no token.",
  STREAM_TOKEN_INVALID:
    'The token is forged, damaged, or of another call; or instances do not share STREAM_TOKEN_SECRET.',
  STREAM_TOKEN_EXPIRED: 'The stream came more than a minute after the webhook.',
  STREAM_TOKEN_USED: 'The token opened a stream before.',
  STREAM_FORMAT_UNSUPPORTED:
    "The stream's audio format is none that the bridge speaks (PCMU and PCMA at 8000 Hz, L16 at 8000, 16000 or 24000 Hz, one channel), or says two things at once.",
  SOCKET_CONNECT_FAILED: 'A WebSocket could not be opened: the network, DNS or TLS.',
  SOCKET_CONNECT_TIMEOUT: 'A WebSocket was not open in time.',
  SOCKET_REFUSED: "The far end answered the WebSocket's handshake with an HTTP error.",
  PEER_UNAVAILABLE: 'The WebRTC library cannot be loaded on this machine; calls take the WebSocket.',
  PEER_SDP_INVALID: "The far end's SDP cannot be parsed or does not fit.",
  PEER_CONNECT_TIMEOUT: 'The peer connection was not up in time: as a rule UDP is blocked.',
  PEER_TOO_SLOW:
    'The far end was reached, and the peer connection was not up in time all the same: a long or slow way. WEBRTC_TIMEOUT_MS gives it longer.',
  PEER_FAILED: 'The peer connection failed or was lost.',
  LIVEKIT_UNAVAILABLE:
    "LiveKit's library cannot be loaded on this machine: there are binaries for glibc on x64 and arm64, macOS and Windows. Calls in rooms cannot be had, all others can.",
  LIVEKIT_UNREACHABLE: "LiveKit's server did not answer in time, or the network or TLS to it failed.",
  LIVEKIT_REFUSED: "LiveKit's server refuses the agent: a wrong key or secret, or no such room.",
  LIVEKIT_WORKER_FAILED: 'The process that holds rooms could not be started, or died while a room was joined.',
  MODEL_AUTH: 'The model refuses the key.',
  MODEL_QUOTA: 'The account has no credit or quota left.',
  MODEL_RATE_LIMITED: 'The model asks to come back later.',
  MODEL_UNAVAILABLE: "The model's service fails or cannot be reached.",
  MODEL_REJECTED: 'The model refuses the request: a wrong model name, voice or session.',
  MODEL_TIMEOUT: 'The model did not answer in time.',
  MODEL_FORMAT_MISMATCH:
    'The session that the model confirmed has another audio format than the leg sends; the call ends before noise is heard.',
  MODEL_SESSION_UNCONFIRMED:
    'The model did not confirm the session as it was asked for, twice: other instructions, tools or turn detection, or no word of it. It is not spoken through.',
  MODEL_SESSION_TOO_LARGE:
    "Instructions and tools are too large for WebRTC's data channel; the call takes the WebSocket. `npm run check` says which prompt it is.",
  MODEL_PROTOCOL: "The model's answer is not what the protocol says.",
  MODEL_SESSION_LOST: 'The session broke and could not be built again.',
  DIAL_BUSY: 'The number that is to answer the call (an agent of the kind phone) is busy.',
  DIAL_NO_ANSWER: 'Nobody answered at that number while it rang.',
  DIAL_REFUSED:
    'The call to that number was refused: by whoever was called, by the network, or by our own carrier, whose word the message has.',
  DIAL_FORBIDDEN:
    'That number may not be called: DIAL_ALLOW does not have it, it is the number of the line itself, or the carrier, its credentials, the number to call from or PUBLIC_URL is not set. The message says which.',
  DIAL_LIMIT:
    'That number cannot be called now: OUTBOUND_CONCURRENT or OUTBOUND_PER_HOUR is reached, or the carrier takes no more calls at the moment.',
  DIAL_MACHINE: 'A machine took the call to that number, and `on_machine: hang-up` is set.',
  DIAL_FAILED: 'The call to that number failed: the carrier does not answer, says so, or opened no media stream.',
  AFTER_CALL_FAILED: 'The text model that says what calls came to (AFTER_CALL_API_URL) did not answer, or refused.',
  AFTER_CALL_INVALID: "That model's answer is none: no JSON, or no chat completion.",
  STORE_SCHEMA_NEWER:
    'The database was written by a newer version of this program. Run that version, or restore a backup from before.',
  STORE_UNAVAILABLE:
    'The database of call records cannot be reached at the moment; what is to be stored waits on disk.',
  STORE_REFUSED: 'The database of call records refuses what it was given, and would again.',
  CALLER_UNKNOWN:
    'Something was to be kept of a caller who withholds the number, or whose identity nothing proves. Nothing was kept.',
  PEER_UNREACHABLE:
    'Another instance of the fleet has the call, or is to be asked, and cannot be reached: it was not asked, or its answer was lost.',
  PEER_LATE: 'Another instance of the fleet did not answer in time. What it had not begun by then it does not do.',
  PEER_REFUSED:
    'A request to /internal/ is not proven by the secret of the fleet: the instances do not share FLEET_SECRET, or a stranger asks.',
  INSTANCE_TAKEN:
    'Another instance of the fleet that lives has the id that this one was given by chance at its start. Start it anew: it is given another.',
  TEST_CALLER_INVALID:
    'A caller that is no person is told something that it cannot do: a file that is not there, a tone that is none. The message says which.',
  SPEECH_UNSET: 'Words are to be spoken, and no service that makes speech of them is set: SPEECH_API_URL.',
  SPEECH_REFUSED:
    'The service that makes speech of words refuses: its key, its quota, the voice or the model. The message has its status.',
  SPEECH_UNREACHABLE: 'The service that makes speech of words cannot be reached, or did not answer in time.',
  SPEECH_INVALID: 'What the service that makes speech of words answered is no WAV file of speech.',
  ASSESSMENT_REFUSED:
    'The service that writes down or judges tested conversations (TESTS_API_URL) refuses the request: a wrong key, or a model that it does not have.',
  ASSESSMENT_UNAVAILABLE:
    'That service cannot be reached, fails, or asks to come back later. The calls are kept: judge them again with `--rejudge`.',
  ASSESSMENT_INVALID: 'The answer of that service is not what the protocol says, or names not all criteria.',
  ABORTED: 'The call ended while something was still being started.',
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Every error this program throws on purpose. */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  /** Whether trying the same again may help. */
  readonly retryable: boolean;
  /** HTTP status of the answer that caused it, or that should carry it. */
  readonly status: number | undefined;
  /** What the far end asked us to wait before a retry, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean; status?: number; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BridgeError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The code of any thrown thing: its own when it is ours, else `fallback`. */
export function errorCode(error: unknown, fallback: ErrorCode = 'INTERNAL'): ErrorCode {
  return error instanceof BridgeError ? error.code : fallback;
}

/** The message of any thrown thing. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
