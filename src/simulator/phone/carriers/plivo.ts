import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { parse } from 'node:querystring';
import type { FarEnd, Form, ToldCall } from '../far-end.ts';
import { PlivoDialect } from './plivo-dialect.ts';
import { parsePlivoXml } from './plivo-xml.ts';

/** Plivo: forms signed by its signature of version 3, XML of its own, audio streams. https://docs.plivo.com/docs/voice/xml/request */

/** What it signs with where nobody told its secret: it sends nothing unsigned. */
const UNKNOWN = randomBytes(20).toString('hex');

type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

/** `name`, `value` by `value` through `join`, both sorted. */
function sorted(params: Values, join: (name: string, value: string) => string): string[] {
  return Object.keys(params)
    .sort()
    .flatMap((name) =>
      [params[name] ?? '']
        .flat()
        .sort()
        .map((value) => join(name, value)),
    );
}

/** https://docs.plivo.com/docs/voice/concepts/signature-validation */
export function signV3(secret: string, method: 'GET' | 'POST', url: string, form: Form, nonce: string): string {
  const { protocol, host, search } = new URL(url);
  const path = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? '';
  const query = sorted(parse(search.slice(1)), (name, value) => `${name}=${value}`).join('&');
  const posted = method === 'POST' ? sorted(form, (name, value) => name + value).join('') : '';
  const base = `${protocol}//${host}${path}`;
  const signed =
    posted === '' ? (query === '' ? base : `${base}?${query}`) : `${base}?${query}${query && '.'}${posted}`;
  return createHmac('sha256', secret).update(`${signed}.${nonce}`, 'utf8').digest('base64');
}

function proof(secret: string | undefined, method: 'GET' | 'POST', url: string, form: Form): Form {
  const nonce = String(randomBytes(6).readUIntBE(0, 6));
  return {
    'X-Plivo-Signature-V3': signV3(secret ?? UNKNOWN, method, url, form, nonce),
    'X-Plivo-Signature-V3-Nonce': nonce,
  };
}

/** Numbers are written without their plus. */
const bare = (number: string) => number.replace(/^\+(?=\d)/, '');

function callForm({ callSid, callStatus, direction, from, to, accountSid, requestSid, answeredBy }: ToldCall): Form {
  return {
    CallUUID: callSid,
    CallStatus: callStatus,
    Direction: direction === 'inbound' ? 'inbound' : 'outbound',
    Event: 'StartApp',
    From: bare(from),
    To: bare(to),
    ParentAuthID: accountSid,
    ...(requestSid === undefined ? {} : { ALegUUID: callSid, ALegRequestUUID: requestSid, RequestUUID: requestSid }),
    ...(answeredBy === undefined ? {} : { Machine: String(answeredBy !== 'human') }),
  };
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['no-answer', 'timeout'],
  ['canceled', 'cancel'],
]);
const wordFor = (status: string) => WORDS.get(status) ?? status;

export const plivoFarEnd: FarEnd = {
  title: 'Plivo',
  secret: 'auth token',
  codecs: ['PCMU@8000', 'L16@8000', 'L16@16000'],
  codec: 'L16@8000',
  proof,
  // Its server library takes the upgrade's address as https.
  upgrade: (url, secret) => proof(secret, 'GET', url.replace(/^ws/, 'http'), {}),
  callForm,
  statusForm(call, seconds, at) {
    const form = { ...callForm(call), CallStatus: wordFor(call.callStatus), SessionStart: at.toISOString() };
    if (call.callStatus === 'ringing') return { ...form, Event: 'Ring' };
    return {
      ...form,
      Event: 'Hangup',
      Duration: String(seconds),
      BillDuration: String(seconds),
      HangupCause: call.callStatus === 'completed' ? 'NORMAL_CLEARING' : 'NO_ANSWER',
    };
  },
  machineForm: (call, answeredBy) => ({
    ...callForm(call),
    Event: 'MachineDetection',
    Machine: String(answeredBy !== 'human'),
    IfMachine: 'continue',
  }),
  dialForm: ({ status }) => ({
    DialStatus: wordFor(status),
    DialRingStatus: String(status !== 'failed'),
    DialHangupCause: status === 'completed' ? 'NORMAL_CLEARING' : 'USER_BUSY',
    DialBLegUUID: randomUUID(),
  }),
  streamForm({ callSid, streamSid, at }, news) {
    // What is closed is over for it, whatever the code.
    if (news.event === 'broken') return undefined;
    return {
      CallUUID: callSid,
      StreamID: streamSid,
      Event: { started: 'StartStream', stopped: 'StopStream', unopened: 'DroppedStream' }[news.event],
      Timestamp: at.toISOString(),
    };
  },
  instructions: parsePlivoXml,
  dialect: (identity) => new PlivoDialect(identity),
};
