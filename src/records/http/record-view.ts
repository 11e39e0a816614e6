import type { CallRecord } from '../call-record.ts';
import type { RecordView } from './records-api-routes.ts';

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** A record as the API shows it. */
export function recordViewOf(record: CallRecord): RecordView {
  const { lastAt: _, lastOffsetMs: __, answers: ___, startedAt, answeredAt, endedAt, ...rest } = record;
  return {
    ...rest,
    startedAt: new Date(startedAt).toISOString(),
    answeredAt: iso(answeredAt),
    endedAt: iso(endedAt),
    usage: { ...record.usage },
  };
}
