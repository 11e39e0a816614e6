import { createHash } from 'node:crypto';
import { z } from 'zod';
import { exchange, type HttpAnswer, jsonObject } from '../../../../transport/http.ts';
import type { AccountChecks, NumberChange, NumberFound, OwnedNumber, Via } from '../checks.ts';
import { bare } from './document.ts';

/**
 * A Plivo account and its numbers. A number leads to an application, which holds the answer URL; an application may have many numbers, so that one is
 * never changed for a number's sake: the number gets another. https://docs.plivo.com/docs/numbers/api/account-phone-number
 */

export interface PlivoAccount {
  /** Of the account's resource, with its trailing slash. */
  readonly url: string;
  readonly authId: string;
  readonly authToken: string;
}

/** Longer than any check of the doctor's, which gives up by its signal, ms. */
const ANSWER_MS = 30_000;
const ANSWER_BYTES = 1024 * 1024;
/** Applications that are looked through for one of ours: a page of the API. */
const PAGE = 20;

const numberSchema = z.object({
  number: z.string(),
  voice_enabled: z.boolean().nullish(),
  /** "/v1/Account/MA…/Application/123/" */
  application: z.string().nullish(),
});

const application = z.object({
  app_id: z.string().regex(/^\d{1,40}$/),
  app_name: z.string().nullish(),
  answer_url: z.string().nullish(),
  answer_method: z.string().nullish(),
});
type Application = z.infer<typeof application>;
const applications = z.object({ objects: z.array(application) });

interface Found {
  readonly number: z.infer<typeof numberSchema>;
  readonly app: Application | undefined;
}

const isOk = ({ status }: HttpAnswer) => status >= 200 && status <= 299;
/** Letters, digits, "-" and "_" are all that a name may have. */
const nameFor = (url: string) => `voicebridge-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`;

export function plivoAccount({ url, authId, authToken }: PlivoAccount, via: Via): AccountChecks {
  const ask = (path: string, signal: AbortSignal, body?: object): Promise<HttpAnswer> =>
    exchange({
      url: url + path,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Basic ${Buffer.from(`${authId}:${authToken}`).toString('base64')}`,
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: ANSWER_MS,
      mostBytes: ANSWER_BYTES,
      clock: via.clock,
      fetch: via.fetch,
      signal,
    });

  /** The number and its application; the answer's status where it cannot be read. */
  const find = async (number: string, signal: AbortSignal): Promise<Found | number> => {
    const answer = await ask(`Number/${bare(number)}/`, signal);
    const parsed = numberSchema.safeParse(jsonObject(answer.body));
    if (!isOk(answer) || !parsed.success) return answer.status;
    const id = /\/Application\/(\d{1,40})\/?$/.exec(parsed.data.application ?? '')?.[1];
    if (id === undefined) return { number: parsed.data, app: undefined };
    const read = application.safeParse(jsonObject((await ask(`Application/${id}/`, signal)).body));
    return { number: parsed.data, app: read.success ? read.data : { app_id: id } };
  };

  /** An application that asks this address: one that is there, else a new one. Undefined where none can be had; then its status. */
  const applicationFor = async (wanted: string, signal: AbortSignal): Promise<string | number> => {
    const listed = applications.safeParse(jsonObject((await ask(`Application/?limit=${PAGE}`, signal)).body));
    const ours = listed.data?.objects.find((one) => asks(one, wanted));
    if (ours !== undefined) return ours.app_id;
    const made = await ask('Application/', signal, {
      app_name: nameFor(wanted),
      answer_url: wanted,
      answer_method: 'POST',
      // A call's end is told there, too.
      hangup_url: wanted,
      hangup_method: 'POST',
    });
    const id = jsonObject(made.body)?.['app_id'];
    return isOk(made) && typeof id === 'string' ? id : made.status;
  };

  const owned = ({ number, app }: Found): OwnedNumber => ({
    takesCalls: number.voice_enabled !== false,
    shown: { ...number, answer_url: app?.answer_url ?? '', answer_method: app?.answer_method ?? '' },
    webhook: app?.answer_url ?? '',
    otherOwner:
      app === undefined
        ? undefined
        : {
            seen: `calls to the number go to the application ${app.app_name ?? app.app_id}`,
            advice: 'Other numbers may be its too: set its answer URL in the carrier’s console if it is yours',
          },
    changes: (wanted) => changesOf(app, wanted),
    async change(changes, signal) {
      const wanted = changes.find(({ field }) => field === ANSWER_URL)?.to ?? '';
      const id = await applicationFor(wanted, signal);
      if (typeof id === 'number') return { status: id };
      const answer = await ask(`Number/${bare(number.number)}/`, signal, { app_id: id });
      const now = await find(number.number, signal);
      return { status: answer.status, ...(typeof now === 'number' ? {} : { owned: owned(now) }) };
    },
  });

  return {
    host: new URL(url).host,
    settings: 'PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN',
    status: async (signal) => (await ask('', signal)).status,
    async number(number, signal): Promise<NumberFound> {
      const found = await find(number, signal);
      if (typeof found !== 'number') return { found: 'yes', owned: owned(found) };
      return found === 404 ? { found: 'no' } : { found: 'unreadable', status: found };
    },
  };
}

const ANSWER_URL = 'answer_url';

/** The daemon answers GET as well. */
const asks = ({ answer_url: url }: Application, wanted: string) => url === wanted;

function changesOf(app: Application | undefined, wanted: string): NumberChange[] {
  if (app !== undefined && asks(app, wanted)) return [];
  return [{ field: ANSWER_URL, from: app?.answer_url ?? '', to: wanted, isUrl: true }];
}
