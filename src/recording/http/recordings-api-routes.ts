import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';

/** The interface for recordings, as data: requests are checked by it and the OpenAPI document is made of it. */

export const RECORDING_TYPES = { wav: 'audio/wav', opus: 'audio/ogg; codecs=opus' } as const;

const recordingId = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/) });
const peaksQuery = z.strictObject({
  buckets: z.coerce.number().int().min(1).max(10_000).default(1_000).describe('Parts of equal length.'),
});

const peaks = z.array(z.number().min(0).max(1)).describe('Highest magnitude in each part, 0 to 1.');
export const outlineView = z
  .object({ durationMs: z.number(), buckets: z.number().int(), caller: peaks, agent: peaks })
  .describe('The outline of a recording.');
namedSchemas.add(outlineView, { id: 'RecordingOutline' });

export const recordingRoutes = {
  getRecording: {
    method: 'GET',
    url: '/records/:id/recording',
    operationId: 'getRecording',
    audited: true,
    summary: 'What was recorded of a call, in stereo: the caller left, the agent right. Answers HEAD too.',
    params: recordingId,
    headers: {
      Range: 'One range of bytes; several, or another unit, are answered with the whole.',
      'If-Range': 'The ETag of an earlier answer: the range counts only if the recording is still the same.',
    },
    success: { status: 200, types: Object.values(RECORDING_TYPES) },
    also: { 206: 'The range that was asked for.' },
    errors: { 404: ['RECORDING_UNKNOWN'], 416: ['RANGE_INVALID'] },
  },
  getPeaks: {
    method: 'GET',
    url: '/records/:id/recording/peaks',
    operationId: 'getRecordingPeaks',
    summary: 'The outline of a recording, for drawing it.',
    params: recordingId,
    query: peaksQuery,
    success: { status: 200, body: outlineView },
    errors: { 404: ['RECORDING_UNKNOWN'] },
  },
  removeRecording: {
    method: 'DELETE',
    url: '/records/:id/recording',
    operationId: 'removeRecording',
    summary: 'Deletes the recording of a call that is over; its record stays.',
    params: recordingId,
    success: { status: 204 },
    errors: { 404: ['RECORDING_UNKNOWN'], 409: ['RECORDING_OPEN'] },
  },
} as const satisfies Record<string, RouteDefinition>;
