import { z } from 'zod';
import { exchange, type HttpAnswer, jsonObject } from '../../../../transport/http.ts';
import { checkBase } from '../../control/control.ts';
import type { AccountChecks, NumberChange, NumberFound, OwnedNumber, Via } from '../checks.ts';
import { type TelnyxSettings, telnyxApiUrl } from './settings.ts';

/**
 * An account's numbers, and the applications they are given to: a number has no webhook of its own, its application has.
 * https://developers.telnyx.com/api-reference/phone-number-configurations/list-phone-numbers
 * https://developers.telnyx.com/api-reference/call-control-applications/retrieve-a-call-control-application
 */

/** What differs between the two kinds of applications. */
interface Kind {
  readonly path: string;
  readonly title: string;
  readonly name: string;
  readonly url: string;
  /** What must be set so beside the webhook. */
  readonly also: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<TelnyxSettings['TELNYX_APPLICATION'], Kind>> = {
  'call-control': {
    path: 'call_control_applications',
    title: 'Voice API application',
    name: 'application_name',
    url: 'webhook_event_url',
    // The older form of events is another one.
    also: { webhook_api_version: '2' },
  },
  texml: {
    path: 'texml_applications',
    title: 'TeXML application',
    name: 'friendly_name',
    url: 'voice_url',
    also: { voice_method: 'post' },
  },
};

const numberForm = z.object({
  id: z.string().regex(/^[\w-]{1,64}$/),
  phone_number: z.string(),
  status: z.string().nullish(),
  connection_id: z.string().nullish(),
  connection_name: z.string().nullish(),
});
type PhoneNumber = z.infer<typeof numberForm>;
const listForm = z.object({ data: z.array(numberForm) });
const applicationForm = z.object({ data: z.record(z.string(), z.unknown()) });

type Application = Readonly<Record<string, unknown>>;
const said = (application: Application | undefined, field: string): string => {
  const value = application?.[field];
  return typeof value === 'string' ? value : '';
};

/** Longer than any check of the doctor's, which gives up by its signal, ms. */
const ANSWER_MS = 30_000;
const ANSWER_BYTES = 1024 * 1024;

/** What a number is, where its calls go, and to which application they could. */
interface Seen {
  readonly number: PhoneNumber;
  /** The application that has it, or that is to have it; undefined where there is none of the kind that is set. */
  readonly applicationId: string | undefined;
  readonly application: Application | undefined;
}

/** The account of these settings; undefined without a key. */
export function telnyxAccount(settings: TelnyxSettings, via: Via): AccountChecks | undefined {
  const { TELNYX_API_KEY: apiKey, TELNYX_CONNECTION_ID: ownId, TELNYX_APPLICATION: which } = settings;
  if (apiKey === undefined) return undefined;
  const base = `${checkBase(telnyxApiUrl(settings))}/v2`;
  const kind = KINDS[which];

  const ask = (path: string, signal: AbortSignal, change?: object): Promise<HttpAnswer> =>
    exchange({
      url: `${base}/${path}`,
      method: change === undefined ? 'GET' : 'PATCH',
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: 'application/json',
        ...(change === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(change === undefined ? {} : { body: JSON.stringify(change) }),
      timeoutMs: ANSWER_MS,
      mostBytes: ANSWER_BYTES,
      clock: via.clock,
      fetch: via.fetch,
      signal,
    });

  const applicationOf = async (id: string | undefined, signal: AbortSignal): Promise<Application | undefined> => {
    if (id === undefined || !/^\d{1,32}$/.test(id)) return undefined;
    const parsed = applicationForm.safeParse(jsonObject((await ask(`${kind.path}/${id}`, signal)).body));
    return parsed.success ? parsed.data.data : undefined;
  };

  const look = async (number: string, signal: AbortSignal): Promise<NumberFound & { readonly seen?: Seen }> => {
    const query = new URLSearchParams({ 'filter[phone_number]': number });
    const { status, body } = await ask(`phone_numbers?${query}`, signal);
    const parsed = listForm.safeParse(jsonObject(body));
    if (status < 200 || status > 299 || !parsed.success) return { found: 'unreadable', status };
    const found = parsed.data.data.find(({ phone_number }) => phone_number === number);
    if (found === undefined) return { found: 'no' };
    const its = await applicationOf(found.connection_id ?? undefined, signal);
    const seen: Seen =
      its === undefined
        ? { number: found, applicationId: ownId, application: await applicationOf(ownId, signal) }
        : { number: found, applicationId: found.connection_id ?? undefined, application: its };
    return { found: 'yes', owned: owned(seen), seen };
  };

  const owned = (seen: Seen): OwnedNumber => ({
    takesCalls: !['deleted', 'ported-out', 'emergency-only'].includes(seen.number.status ?? ''),
    shown: { ...seen.number, application: seen.application },
    webhook: seen.number.connection_id === seen.applicationId ? said(seen.application, kind.url) : '',
    otherOwner: otherOwner(seen),
    changes: (wanted) => changesOf(seen, wanted),
    change: (changes, signal) => change(seen, changes, signal),
  });

  const otherOwner = ({ number, applicationId, application }: Seen): OwnedNumber['otherOwner'] => {
    const { connection_id: id, connection_name: name } = number;
    if (application === undefined)
      return {
        seen: `calls to the number go to ${id ? `the connection ${name ?? id}` : 'nothing'}, and there is no ${kind.title} for them`,
        advice: `Make a ${kind.title} in the portal, give the number to it, and set TELNYX_CONNECTION_ID to its id`,
      };
    if (!id || id === applicationId) return undefined;
    return {
      seen: `calls to the number go to the connection ${name ?? id}, which is no ${kind.title}`,
      advice: 'Whoever set that up gets its calls: give the number to the application in the portal',
    };
  };

  const changesOf = ({ number, applicationId, application }: Seen, wanted: string): NumberChange[] => {
    const wants = { [kind.url]: wanted, ...kind.also };
    const changes: NumberChange[] = Object.entries(wants).map(([field, to]) => ({
      field,
      from: said(application, field),
      to,
      ...(field === kind.url ? { isUrl: true } : {}),
    }));
    changes.push({ field: 'connection_id', from: number.connection_id ?? '', to: applicationId ?? '' });
    return changes.filter(({ field, from, to }) =>
      // The carrier's words for a method are in either case.
      field === 'voice_method' ? from.toLowerCase() !== to : from !== to || to === '',
    );
  };

  const change: (
    seen: Seen,
    changes: readonly NumberChange[],
    signal: AbortSignal,
  ) => ReturnType<OwnedNumber['change']> = async ({ number, applicationId, application }, changes, signal) => {
    // Without an application there is nothing to be set.
    if (applicationId === undefined || application === undefined) return { status: 404 };
    const fields = Object.fromEntries(changes.map(({ field, to }) => [field, to]));
    const { connection_id: connectionId, ...own } = fields;
    if (Object.keys(own).length > 0) {
      const named = { [kind.name]: said(application, kind.name), [kind.url]: said(application, kind.url), ...own };
      const { status } = await ask(`${kind.path}/${applicationId}`, signal, named);
      if (status < 200 || status > 299) return { status };
    }
    if (connectionId !== undefined) {
      const { status } = await ask(`phone_numbers/${number.id}`, signal, { connection_id: connectionId });
      if (status < 200 || status > 299) return { status };
    }
    const now = await look(number.phone_number, signal);
    return { status: 200, ...(now.seen === undefined ? {} : { owned: owned(now.seen) }) };
  };

  return {
    host: new URL(base).host,
    settings: 'TELNYX_API_KEY',
    status: async (signal) => (await ask('phone_numbers?page%5Bsize%5D=1', signal)).status,
    number: look,
  };
}
