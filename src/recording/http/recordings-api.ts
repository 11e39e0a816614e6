import { open } from 'node:fs/promises';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import type { Answers, Found, Question } from '../scribe.ts';
import { RECORDING_TYPES, recordingRoutes } from './recordings-api-routes.ts';

export interface RecordingsApiOptions {
  readonly admin: AdminOptions;
  readonly recordings: { ask<Q extends Question>(question: Q): Promise<Answers[Q['type']]> };
}

/** `/records/:id/recording`: what was recorded of a call, for operators. */
export const recordingsApi: FastifyPluginAsync<RecordingsApiOptions> = async (app, { admin, recordings }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  const { getRecording, getPeaks, removeRecording } = recordingRoutes;

  app.get(getRecording.url, { config: { describes: getRecording } }, async (request, reply) => {
    const { id } = checked(getRecording.params, request.params, 'path');
    const found = await recordings.ask({ type: 'find', id });
    if (found === undefined) throw unknown();
    return serve(found, request, reply);
  });

  app.get(getPeaks.url, { config: { describes: getPeaks } }, async (request, reply) => {
    const { id } = checked(getPeaks.params, request.params, 'path');
    const { buckets } = checked(getPeaks.query, request.query, 'query');
    const waveform = await recordings.ask({ type: 'waveform', id, buckets });
    if (waveform === undefined) throw unknown();
    return reply.header('cache-control', 'no-store').send(waveform);
  });

  app.delete(removeRecording.url, { config: { describes: removeRecording } }, async (request, reply) => {
    const { id } = checked(removeRecording.params, request.params, 'path');
    const done = await recordings.ask({ type: 'delete', id });
    if (done === 'unknown') throw unknown();
    if (done === 'busy') throw new ApiError(409, 'RECORDING_OPEN', 'the call is being recorded');
    request.log.info({ callId: id }, 'a recording was deleted by an operator');
    return reply.code(204).send();
  });
};

const unknown = () => new ApiError(404, 'RECORDING_UNKNOWN', 'there is no recording of such a call');

/** Sends a recording or the part of it that was asked for; one that is still being written as far as it goes. */
async function serve(found: Found, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { manifest, path } = found;
  const file = await open(path, 'r').catch((error: unknown) => {
    // Deleted a moment ago, or consent was there and the first byte was not written.
    if ((error as { code?: unknown }).code === 'ENOENT') throw unknown();
    throw error;
  });
  let handedOver = false;
  try {
    const { size, mtimeMs } = await file.stat();
    const tag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
    reply.headers({
      'content-type': RECORDING_TYPES[manifest.format],
      'content-disposition': `inline; filename="${manifest.callId}.${manifest.format}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      etag: tag,
    });
    const ifRange = request.headers['if-range'];
    const wanted = ifRange === undefined || ifRange === tag ? rangeOf(request.headers.range, size) : undefined;
    if (wanted === 'outside') {
      throw new ApiError(416, 'RANGE_INVALID', 'the range lies outside of the file', {
        headers: { 'content-range': `bytes */${size}`, 'content-type': 'application/json; charset=utf-8' },
      });
    }
    const from = wanted?.from ?? 0;
    const to = wanted?.to ?? size - 1;
    reply.header('content-length', to - from + 1);
    if (wanted !== undefined) reply.code(206).header('content-range', `bytes ${from}-${to}/${size}`);
    if (size === 0) return reply.send();
    handedOver = true;
    // The size is that of this moment: a recording that grows meanwhile does not make the answer longer than it says. Of the body of a HEAD
    // the framework sends nothing but takes the length from it, so there must be one.
    return reply.send(file.createReadStream({ start: from, end: request.method === 'HEAD' ? from : to }));
  } finally {
    if (!handedOver) await file.close();
  }
}

/**
 * The one range asked for (RFC 9110 section 14.2), both ends inclusive. Undefined: the whole, also where several ranges or another unit are
 * asked for, which a server may ignore.
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): { from: number; to: number } | 'outside' | undefined {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(size, Number(last));
    return length === 0 ? 'outside' : { from: size - length, to: size - 1 };
  }
  const from = Number(first);
  const to = last === '' ? size - 1 : Math.min(size - 1, Number(last));
  if (last !== '' && Number(last) < from) return undefined;
  return from >= size ? 'outside' : { from, to };
}
