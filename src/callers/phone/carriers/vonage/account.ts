import { z } from 'zod';
import { exchange, type HttpAnswer, jsonObject } from '../../../../transport/http.ts';
import type { AccountChecks, NumberChange, NumberFound, OwnedNumber, Via } from '../checks.ts';

/**
 * The account as the doctor asks it: the application with its own token, and with the account's key the application's webhooks and the numbers. A number
 * has no webhook of its own: it is linked to an application, which has one for all of its numbers.
 * https://developer.vonage.com/en/api/numbers, https://developer.vonage.com/en/api/application.v2
 */
export interface VonageAccount {
  readonly applicationId: string;
  /** The Voice API. */
  readonly voiceUrl: string;
  /** A token for it, minted when it is asked. */
  readonly token: () => string;
  /** Basic authentication (RFC 7617) of the account's APIs; undefined where it is not set. */
  readonly key: { readonly user: string; readonly password: string } | undefined;
  readonly numbersUrl: string;
  readonly applicationsUrl: string;
}

const number = z.object({
  country: z.string().regex(/^[A-Z]{2}$/),
  msisdn: z.string(),
  features: z.array(z.string()).nullish(),
  app_id: z.string().nullish(),
  voiceCallbackType: z.string().nullish(),
  voiceCallbackValue: z.string().nullish(),
});
type OwnNumber = z.infer<typeof number>;

/** An account without numbers answers with nothing at all. */
const numbers = z.object({ numbers: z.array(number).default([]) });

const webhook = z.looseObject({ address: z.string().nullish(), http_method: z.string().nullish() });
const application = z.looseObject({
  id: z.string(),
  name: z.string(),
  capabilities: z
    .looseObject({
      voice: z
        .looseObject({
          webhooks: z.looseObject({ answer_url: webhook.nullish(), event_url: webhook.nullish() }).nullish(),
          signed_callbacks: z.boolean().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
type Application = z.infer<typeof application>;

/** Longer than any check of the doctor's, which gives up by its signal, ms. */
const ANSWER_MS = 30_000;
const ANSWER_BYTES = 1024 * 1024;

interface Question {
  readonly url: string;
  readonly authorization: string;
  readonly statusAlone?: boolean;
  readonly method?: 'POST' | 'PUT';
  readonly contentType?: string;
  readonly body?: string;
}

export function vonageAccount(account: VonageAccount, via: Via): AccountChecks {
  const ask = (
    { url, authorization, statusAlone, method, contentType, body }: Question,
    signal: AbortSignal,
  ): Promise<HttpAnswer> =>
    exchange({
      url,
      method: method ?? 'GET',
      headers: {
        Authorization: authorization,
        Accept: 'application/json',
        ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs: ANSWER_MS,
      mostBytes: ANSWER_BYTES,
      restIgnored: statusAlone,
      clock: via.clock,
      fetch: via.fetch,
      signal,
    });
  const { applicationId, key } = account;
  const basic = key === undefined ? '' : `Basic ${Buffer.from(`${key.user}:${key.password}`).toString('base64')}`;
  const applicationUrl = `${account.applicationsUrl}/v2/applications/${applicationId}`;

  /** The number and its application together, as they are now; a status where either cannot be read. */
  const find = async (msisdn: string, signal: AbortSignal): Promise<OwnedNumber | number | undefined> => {
    const query = new URLSearchParams({ pattern: msisdn, search_pattern: '0' });
    const listed = await ask({ url: `${account.numbersUrl}/account/numbers?${query}`, authorization: basic }, signal);
    const list = numbers.safeParse(jsonObject(listed.body));
    if (listed.status !== 200 || !list.success) return listed.status;
    const found = list.data.numbers.find((one) => one.msisdn === msisdn);
    if (found === undefined) return undefined;
    const told = await ask({ url: applicationUrl, authorization: basic }, signal);
    const ours = application.safeParse(jsonObject(told.body));
    return told.status === 200 && ours.success ? owned(found, ours.data) : told.status;
  };

  const owned = (found: OwnNumber, ours: Application): OwnedNumber => {
    const now = settingsOf(found, ours);
    return {
      takesCalls: found.features?.includes('VOICE') !== false,
      shown: { number: found, webhooks: ours.capabilities?.voice ?? {} },
      webhook: now.app_id === applicationId ? now.answer_url : '',
      otherOwner: ownerOf(found, applicationId),
      changes: (wanted) => changesOf(now, applicationId, wanted),
      async change(changes, signal) {
        const set = Object.fromEntries(changes.map(({ field, to }) => [field, to]));
        const { app_id, ...webhooks } = set;
        let status = 200;
        if (Object.keys(webhooks).length > 0)
          ({ status } = await ask(
            {
              url: applicationUrl,
              authorization: basic,
              method: 'PUT',
              contentType: 'application/json',
              body: JSON.stringify(changed(ours, webhooks)),
            },
            signal,
          ));
        if (app_id !== undefined && status >= 200 && status <= 299)
          ({ status } = await ask(
            {
              url: `${account.numbersUrl}/number/update`,
              authorization: basic,
              method: 'POST',
              contentType: 'application/x-www-form-urlencoded',
              body: new URLSearchParams({ country: found.country, msisdn: found.msisdn, app_id }).toString(),
            },
            signal,
          ));
        const after = status >= 200 && status <= 299 ? await find(found.msisdn, signal) : undefined;
        return { status, ...(typeof after === 'object' ? { owned: after } : {}) };
      },
    };
  };

  return {
    host: new URL(account.voiceUrl).host,
    settings: 'VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY',
    async status(signal) {
      const url = `${account.voiceUrl}/v1/calls?page_size=1`;
      return (await ask({ url, authorization: `Bearer ${account.token()}`, statusAlone: true }, signal)).status;
    },
    async number(e164, signal): Promise<NumberFound> {
      if (key === undefined) return { found: 'unasked', needs: 'VONAGE_API_KEY and VONAGE_API_SECRET' };
      const answer = await find(e164.replace(/^\+/, ''), signal);
      if (typeof answer === 'number') return { found: 'unreadable', status: answer };
      return answer === undefined ? { found: 'no' } : { found: 'yes', owned: answer };
    },
  };
}

/** What decides where the number's calls go, by Vonage's names. */
interface Settings {
  readonly app_id: string;
  readonly answer_url: string;
  readonly answer_method: string;
  readonly event_url: string;
  readonly event_method: string;
  readonly signed_callbacks: string;
}

const linkedTo = ({ app_id, voiceCallbackType, voiceCallbackValue }: OwnNumber): string =>
  app_id || (voiceCallbackType === 'app' ? (voiceCallbackValue ?? '') : '');

function settingsOf(found: OwnNumber, { capabilities }: Application): Settings {
  const { webhooks, signed_callbacks } = capabilities?.voice ?? {};
  const { answer_url, event_url } = webhooks ?? {};
  return {
    app_id: linkedTo(found),
    answer_url: answer_url?.address ?? '',
    answer_method: (answer_url?.http_method ?? 'GET').toUpperCase(),
    event_url: event_url?.address ?? '',
    event_method: (event_url?.http_method ?? 'POST').toUpperCase(),
    signed_callbacks: String(signed_callbacks ?? true),
  };
}

function changesOf(now: Settings, applicationId: string, wanted: string): NumberChange[] {
  const right: Settings = {
    app_id: applicationId,
    answer_url: wanted,
    // What a signature covers of a POST is its body as it came; of a GET it is the query as Vonage's own code would write it.
    answer_method: 'POST',
    event_url: wanted.replace(/\/incoming-call$/, '/call-status'),
    event_method: 'POST',
    signed_callbacks: 'true',
  };
  return (Object.keys(right) as (keyof Settings)[])
    .filter((field) => now[field] !== right[field])
    .map((field) => ({ field, from: now[field], to: right[field], isUrl: field.endsWith('_url') }));
}

/** The application as it is to be: the API replaces it whole, so that what is not said would be lost. */
function changed(ours: Application, to: Readonly<Record<string, string>>): object {
  const { id: _id, _links, capabilities, ...rest } = ours;
  const voice = capabilities?.voice ?? {};
  const { answer_url, event_url } = voice.webhooks ?? {};
  const hook = (
    now: z.infer<typeof webhook> | null | undefined,
    address: string | undefined,
    method: string | undefined,
  ) => ({
    ...now,
    ...(address === undefined ? {} : { address }),
    ...(method === undefined ? {} : { http_method: method }),
  });
  return {
    ...rest,
    capabilities: {
      ...capabilities,
      voice: {
        ...voice,
        webhooks: {
          ...voice.webhooks,
          answer_url: hook(answer_url, to['answer_url'], to['answer_method']),
          event_url: hook(event_url, to['event_url'], to['event_method']),
        },
        ...(to['signed_callbacks'] === undefined ? {} : { signed_callbacks: true }),
      },
    },
  };
}

function ownerOf(found: OwnNumber, applicationId: string): OwnedNumber['otherOwner'] {
  const { voiceCallbackType: type, voiceCallbackValue: value } = found;
  const app = linkedTo(found);
  const owner =
    app !== '' && app !== applicationId
      ? `the application ${app}`
      : app === '' && type && value
        ? `what was set for it (${type})`
        : undefined;
  return owner === undefined
    ? undefined
    : {
        seen: `calls to the number go to ${owner}, not to the application of VONAGE_APPLICATION_ID`,
        advice: 'Whoever set that up gets its calls: link the number to the application in Vonage’s dashboard',
      };
}
