import type { IncomingMessage, ServerResponse } from 'node:http';
import { delay } from '../../call/clock.ts';
import { parseJsonObject, readBody } from '../realtime/http-body.ts';
import type { Registry } from '../realtime/registry.ts';
import { findFault } from '../realtime/scenario.ts';
import { ServiceError, statusError } from '../realtime/service-error.ts';
import { answerChat } from './chat.ts';
import { answerSpeech } from './speech.ts';
import { answerTranscription, MAX_FORM_BYTES } from './transcriptions.ts';

/** What the service answers beside its Realtime API: speech from text, text from speech, and a judge. All of it is scripted, and the same each time. */

const ENDPOINTS: ReadonlyMap<string, 'speech' | 'transcription' | 'chat'> = new Map([
  ['/v1/audio/speech', 'speech'],
  ['/v1/audio/transcriptions', 'transcription'],
  ['/v1/chat/completions', 'chat'],
]);

/** Whether one of these endpoints has this path. */
export const isHttpEndpoint = (path: string): boolean => ENDPOINTS.has(path);

/** Answers one request, whose key and method were checked. Throws a ServiceError for what is refused. */
export async function answerHttpEndpoint(
  registry: Registry,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const endpoint = ENDPOINTS.get(path);
  if (endpoint === undefined) throw new ServiceError(`Invalid URL (${request.method} ${path})`, { status: 404 });
  const body = await readBody(request, endpoint === 'transcription' ? MAX_FORM_BYTES : undefined);
  const faults = registry.nextHttp(endpoint);
  const late = findFault(faults, 'delay_http');
  if (late !== undefined) await delay(registry.clock, late.ms);
  const refused = findFault(faults, 'refuse_http');
  if (refused !== undefined) throw statusError(refused.status, refused.code, refused.retryAfterSeconds);
  if (endpoint === 'speech') answerSpeech(parseJsonObject(body), response);
  else if (endpoint === 'chat') answerChat(parseJsonObject(body), registry.clock.wall(), response);
  else await answerTranscription(body, request.headers['content-type'] ?? '', response);
}
