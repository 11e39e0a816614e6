import type { CallRecord } from '../call-record.ts';
import type { RecordCursor } from '../store.ts';
import { recordViewOf } from './record-view.ts';
import type { RecordView } from './records-api-routes.ts';

/** Records as a file, page by page: however many there are, one page is in memory. */

const PAGE = 500;
/** A file has so many at most. */
const MOST = 100_000;

/** The records that `list` finds, the newest first, in pages of one at least. */
export async function* exported(
  list: (page: { readonly limit: number; readonly before: RecordCursor | undefined }) => Promise<readonly CallRecord[]>,
): AsyncGenerator<RecordView[], undefined> {
  let before: RecordCursor | undefined;
  for (let n = 0; n < MOST; n += PAGE) {
    const page = await list({ limit: Math.min(PAGE, MOST - n), before });
    if (page.length > 0) yield page.map(recordViewOf);
    before = page.at(-1);
    if (page.length < PAGE) return;
  }
}

type Pages = AsyncGenerator<RecordView[], undefined>;
type First = Awaited<ReturnType<Pages['next']>>;

/** The columns of the file, each with what is in it. Times are ISO 8601, delays ms. */
const COLUMNS = {
  id: (record) => record.id,
  startedAt: (record) => record.startedAt,
  endedAt: (record) => record.endedAt,
  durationMs: (record) => record.durationMs,
  direction: (record) => record.direction,
  carrier: (record) => record.carrier,
  from: (record) => record.from,
  to: (record) => record.to,
  callerKind: (record) => record.callerKind,
  route: (record) => record.route,
  prompt: (record) => record.prompt,
  model: (record) => record.model,
  conversationId: (record) => record.conversationId,
  tenantId: (record) => record.tenantId,
  result: (record) => record.result,
  reason: (record) => record.reason,
  turns: (record) => record.turns,
  bargeIns: (record) => record.bargeIns,
  toolCalls: (record) => record.toolCalls,
  slowestAnswerMs: (record) => record.slowestAnswerMs,
  cost: (record) => record.cost,
  currency: (record) => record.currency,
  transports: (record) => record.transports.join(' '),
  outcome: (record) => record.after?.outcome ?? null,
  summary: (record) => record.after?.summary ?? null,
  fields: (record) => (record.after === null ? null : JSON.stringify(record.after.fields)),
  recording: (record) => record.recording?.file ?? null,
} as const satisfies Record<string, (record: RecordView) => string | number | null>;

/** Comma-separated values as RFC 4180 has them, with a line of names. */
export async function* csvOf(first: First, rest: Pages): AsyncGenerator<string> {
  yield `${Object.keys(COLUMNS).join(',')}\r\n`;
  for await (const page of joined(first, rest))
    yield page
      .map(
        (record) =>
          `${Object.values(COLUMNS)
            .map((of) => cell(of(record)))
            .join(',')}\r\n`,
      )
      .join('');
}

/** `{"records": [...]}`, each as the API has it. */
export async function* jsonOf(first: First, rest: Pages): AsyncGenerator<string> {
  yield '{"records":[';
  let between = '\n';
  for await (const page of joined(first, rest)) {
    yield between + page.map((record) => JSON.stringify(record)).join(',\n');
    between = ',\n';
  }
  yield '\n]}\n';
}

async function* joined(first: First, rest: Pages): AsyncGenerator<RecordView[]> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** What a spreadsheet would run as a formula: https://owasp.org/www-community/attacks/CSV_Injection. Signs of full width are the same to some. A number in E.164 form is none. */
const FORMULA = /^(?:[=@\t\r\n\uff1d\uff0b\uff0d\uff20]|[+-](?!\d+$))/;

function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const harmless = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
