import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { sendJson } from '../realtime/http-body.ts';
import { ServiceError } from '../realtime/service-error.ts';
import { throwZodIssue } from '../realtime/validation.ts';
import { type Heard, listen } from './ears.ts';

/** `POST /v1/audio/transcriptions`. Source: OpenAI API reference, Create transcription. */

/** The service's own limit for a file, 25 MB, and what a form has around it. */
export const MAX_FORM_BYTES = 25 * 1024 * 1024 + 64 * 1024;

const fields = z.object({
  model: z.string().min(1),
  language: z.string().optional(),
  prompt: z.string().optional(),
  response_format: z.enum(['json', 'text', 'verbose_json', 'srt', 'vtt', 'diarized_json']).default('json'),
  temperature: z.coerce.number().min(0).max(1).optional(),
  stream: z.literal('false').optional(),
});

/** Writes down what is said in a file, see `ears.ts`. */
export async function answerTranscription(bytes: Buffer, contentType: string, response: ServerResponse): Promise<void> {
  const form = await formOf(bytes, contentType);
  const given = Object.fromEntries([...form].filter(([, value]) => typeof value === 'string'));
  const parsed = fields.safeParse(given);
  if (!parsed.success) throwZodIssue(parsed.error, given, '');
  const file = form.get('file');
  if (!(file instanceof Blob))
    throw new ServiceError("Missing required parameter: 'file'.", {
      code: 'missing_required_parameter',
      param: 'file',
    });
  const format = parsed.data.response_format;
  if (format !== 'json' && format !== 'text' && format !== 'verbose_json')
    throw new ServiceError(`The simulated transcription has no response_format ${format}.`, {
      code: 'unsupported_value',
      param: 'response_format',
    });
  const heard = await listen(new Uint8Array(await file.arrayBuffer()));
  const text = heard.words.map((word) => word.text).join(' ');
  if (format === 'text') {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`${text}\n`);
    return;
  }
  const usage = { type: 'duration', seconds: Math.ceil(heard.durationMs / 1000) };
  sendJson(response, 200, format === 'json' ? { text, usage } : { ...verbose(heard, text), usage });
}

function verbose({ words, durationMs }: Heard, text: string) {
  const seconds = (ms: number) => Math.round(ms) / 1000;
  return {
    task: 'transcribe',
    language: 'english',
    duration: seconds(durationMs),
    text,
    words: words.map((word) => ({ word: word.text, start: seconds(word.fromMs), end: seconds(word.toMs) })),
    segments:
      words.length === 0 ? [] : [{ id: 0, start: seconds(words[0]!.fromMs), end: seconds(words.at(-1)!.toMs), text }],
  };
}

async function formOf(bytes: Buffer, contentType: string): Promise<FormData> {
  if (!/^multipart\/form-data\b/i.test(contentType))
    throw new ServiceError(`Unsupported content type: '${contentType}'. Use multipart/form-data.`, {
      status: 415,
      code: 'unsupported_content_type',
    });
  try {
    return await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw new ServiceError('The multipart body could not be parsed.', { code: 'invalid_form' });
  }
}
