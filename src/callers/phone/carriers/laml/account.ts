import { z } from 'zod';
import { exchange, type HttpAnswer, jsonObject } from '../../../../transport/http.ts';
import type { AccountChecks, NumberChange, NumberFound, OwnedNumber, Via } from '../checks.ts';

/**
 * An account and its numbers, by the REST API of 2010-04-01. Of a number's settings, a trunk wins over an application, and an application over the
 * webhook: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource. The family's compatible APIs have the same names.
 */

/** What differs from carrier to carrier. */
export interface LamlAccount {
  /** Of the IncomingPhoneNumbers resource, without what ends it. */
  readonly url: string;
  /** ".json" where the API answers XML without it. */
  readonly suffix: '' | '.json';
  /** Basic authentication (RFC 7617). */
  readonly user: string;
  readonly password: string;
  readonly settings: string;
  /** What may have the calls of a number without a webhook, where this API does not show it. */
  readonly unseenOwner?: { readonly seen: string; readonly advice: string };
}

const resource = z.object({
  sid: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
  phone_number: z.string(),
  capabilities: z.object({ voice: z.boolean().nullish() }).nullish(),
  voice_url: z.string().nullish(),
  voice_method: z.string().nullish(),
  voice_application_sid: z.string().nullish(),
  trunk_sid: z.string().nullish(),
});
type Resource = z.infer<typeof resource>;

const list = z.object({ incoming_phone_numbers: z.array(resource) });

/** Longer than any check of the doctor's, which gives up by its signal, ms. */
const ANSWER_MS = 30_000;
/** A number is some kilobytes, and the filter finds few. */
const ANSWER_BYTES = 1024 * 1024;

interface Question {
  readonly query?: string;
  /** One number; the list without it. */
  readonly sid?: string;
  /** Its status says all: an error page may be of any length. */
  readonly statusAlone?: boolean;
  /** What to set; a GET without it. */
  readonly form?: Readonly<Record<string, string>>;
}

export function lamlAccount(account: LamlAccount, via: Via): AccountChecks {
  const ask = ({ query = '', sid, statusAlone, form }: Question, signal: AbortSignal): Promise<HttpAnswer> =>
    exchange({
      url: `${account.url}${sid === undefined ? '' : `/${sid}`}${account.suffix}${query}`,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Basic ${Buffer.from(`${account.user}:${account.password}`).toString('base64')}`,
        Accept: 'application/json',
        ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
      timeoutMs: ANSWER_MS,
      mostBytes: ANSWER_BYTES,
      restIgnored: statusAlone,
      clock: via.clock,
      fetch: via.fetch,
      signal,
    });

  const owned = (found: Resource): OwnedNumber => ({
    takesCalls: found.capabilities?.voice !== false,
    shown: found,
    webhook: found.voice_url ?? '',
    otherOwner: ownerOf(found) ?? (found.voice_url ? undefined : account.unseenOwner),
    changes: (wanted) => changesOf(found, wanted),
    async change(changes, signal) {
      const form = Object.fromEntries(changes.map(({ field, to }) => [field, to]));
      const answer = await ask({ sid: found.sid, form }, signal);
      const now = resource.safeParse(jsonObject(answer.body));
      return { status: answer.status, ...(now.success ? { owned: owned(now.data) } : {}) };
    },
  });

  return {
    host: new URL(account.url).host,
    settings: account.settings,
    async status(signal) {
      return (await ask({ query: '?PageSize=1', statusAlone: true }, signal)).status;
    },
    async number(number, signal): Promise<NumberFound> {
      const { status, body } = await ask({ query: `?${new URLSearchParams({ PhoneNumber: number })}` }, signal);
      const parsed = list.safeParse(jsonObject(body));
      if (status < 200 || status > 299 || !parsed.success) return { found: 'unreadable', status };
      // The filter also finds numbers that this one is a part of.
      const found = parsed.data.incoming_phone_numbers.find(({ phone_number }) => phone_number === number);
      return found === undefined ? { found: 'no' } : { found: 'yes', owned: owned(found) };
    },
  };
}

function changesOf(found: Resource, wanted: string): NumberChange[] {
  const url = found.voice_url ?? '';
  const method = (found.voice_method ?? 'POST').toUpperCase();
  const changes: NumberChange[] = [
    { field: 'VoiceUrl', from: url, to: wanted, isUrl: true },
    // The daemon answers both.
    { field: 'VoiceMethod', from: method, to: method === 'GET' && url === wanted ? 'GET' : 'POST' },
    { field: 'VoiceApplicationSid', from: found.voice_application_sid ?? '', to: '' },
    { field: 'TrunkSid', from: found.trunk_sid ?? '', to: '' },
  ];
  return changes.filter(({ from, to }) => from !== to);
}

function ownerOf(found: Resource): OwnedNumber['otherOwner'] {
  const owner = found.trunk_sid
    ? `the SIP trunk ${found.trunk_sid}`
    : found.voice_application_sid
      ? `the application ${found.voice_application_sid}`
      : undefined;
  return owner === undefined
    ? undefined
    : {
        seen: `calls to the number go to ${owner}, not to its webhook`,
        advice: 'Whoever set that up gets its calls: take the number off there in the carrier’s console',
      };
}
