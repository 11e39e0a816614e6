import { BridgeError, errorMessage } from '../../../errors.ts';
import { API_VERSION, type Carrier, newCallSid } from '../carrier.ts';
import { STREAM_CODECS } from '../codec.ts';
import { SignalWireDialect, TwilioDialect } from '../dialect.ts';
import type { FarEnd, Form, ToldCall } from '../far-end.ts';
import { sign } from '../signature.ts';
import { parseTwiml } from '../twiml.ts';

/** Twilio, and SignalWire's Compatibility API: the same forms and signatures, each with its own way about media streams. */

const callForm = ({ accountSid, callSid, callStatus, direction, from, to, answeredBy }: ToldCall): Form => ({
  AccountSid: accountSid,
  ApiVersion: API_VERSION,
  CallSid: callSid,
  CallStatus: callStatus,
  Direction: direction,
  From: from,
  To: to,
  ...(answeredBy === undefined ? {} : { AnsweredBy: answeredBy }),
});

const FINAL = /^(completed|busy|failed|no-answer|canceled)$/;

const STREAM_EVENTS = {
  started: 'stream-started',
  stopped: 'stream-stopped',
  unopened: 'stream-error',
  broken: 'stream-error',
} as const;

/** What the two have in common; `header` carries their signature. */
function laml(carrier: Carrier, header: string) {
  return {
    proof: (secret, method, url, form) =>
      secret === undefined ? {} : { [header]: sign(secret, url, method === 'POST' ? form : {}) },
    callForm,
    statusForm: (call, seconds, at) => ({
      ...callForm(call),
      ...(FINAL.test(call.callStatus) ? { CallDuration: String(seconds) } : {}),
      Timestamp: at.toUTCString(),
      CallbackSource: 'call-progress-events',
    }),
    machineForm: ({ callStatus: _, ...call }, answeredBy) => {
      const { CallStatus: _status, ...form } = callForm({ ...call, callStatus: '', answeredBy });
      return { ...form, MachineDetectionDuration: '900' };
    },
    dialForm: ({ status, seconds }) => ({
      DialCallSid: newCallSid(carrier),
      DialCallStatus: status,
      ...(seconds === undefined ? {} : { DialCallDuration: String(seconds) }),
    }),
    instructions: (document) => parseTwiml(document, carrier),
  } satisfies Partial<FarEnd>;
}

function streamForm({ accountSid, callSid, streamSid, name, at }: Parameters<FarEnd['streamForm']>[0], event: string) {
  return {
    AccountSid: accountSid,
    CallSid: callSid,
    StreamSid: streamSid,
    StreamName: name ?? streamSid,
    StreamEvent: event,
    Timestamp: at.toISOString(),
  };
}

/** https://www.twilio.com/docs/voice */
export const twilioFarEnd: FarEnd = {
  title: 'Twilio',
  secret: 'auth token',
  codecs: ['PCMU@8000'],
  codec: 'PCMU@8000',
  ...laml('twilio', 'X-Twilio-Signature'),
  upgrade: (url, secret) => (secret === undefined ? {} : { 'X-Twilio-Signature': sign(secret, url) }),
  streamForm(stream, news) {
    const form = streamForm(stream, STREAM_EVENTS[news.event]);
    if (news.event === 'unopened') return { ...form, StreamError: `31920: ${errorMessage(news.error)}` };
    // https://www.twilio.com/docs/api/errors/31921
    if (news.event === 'broken') return { ...form, StreamError: `31921: the WebSocket was closed with ${news.code}` };
    return form;
  },
  dialect: (identity) => new TwilioDialect(identity),
};

/** https://developer.signalwire.com/compatibility-api/cxml */
export const signalwireFarEnd: FarEnd = {
  title: 'SignalWire',
  secret: 'signing key',
  codecs: STREAM_CODECS,
  codec: 'PCMU@8000',
  ...laml('signalwire', 'X-SignalWire-Signature'),
  /** No signature is documented there: the stream's own token stands in its place. */
  upgrade: (_url, _secret, { authBearerToken: token }) =>
    token === undefined ? {} : { Authorization: `Bearer ${token}` },
  streamForm(stream, news) {
    // It documents no word for it.
    if (news.event === 'broken') return undefined;
    const form = {
      ...streamForm(stream, STREAM_EVENTS[news.event]),
      StreamTrack: 'inbound_track',
      'Unique-ID': stream.callSid,
    };
    if (news.event !== 'unopened') return form;
    const refused = news.error instanceof BridgeError && news.error.code === 'SOCKET_REFUSED';
    return { ...form, StreamError: refused ? 'connection_refused' : 'connection_refused_timeout_or_ssl_error' };
  },
  dialect: (identity) => new SignalWireDialect(identity),
};
