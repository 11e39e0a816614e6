import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { encodeWav } from '../../media/wav.ts';
import { ServiceError } from '../realtime/service-error.ts';
import { SPEECH_RATE } from '../realtime/speech.ts';
import { throwZodIssue } from '../realtime/validation.ts';
import { sayable, toneWords } from './tone-words.ts';

/** `POST /v1/audio/speech`. Source: OpenAI API reference, Create speech. */

const request = z.strictObject({
  model: z.string().min(1),
  input: z.string().min(1).max(4_096),
  voice: z.union([z.string().min(1), z.strictObject({ id: z.string().min(1) })]),
  instructions: z.string().max(4_096).optional(),
  response_format: z.enum(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']).default('mp3'),
  speed: z.number().min(0.25).max(4).default(1),
  stream_format: z.enum(['audio', 'sse']).default('audio'),
});

/** Where the simulated voice can still be understood. */
const SLOWEST = 0.5;
const FASTEST = 2;

/** Says the words in tones, see `tone-words.ts`: always the same for the same words and speed. */
export function answerSpeech(body: Record<string, unknown>, response: ServerResponse): void {
  const parsed = request.safeParse(body);
  if (!parsed.success) throwZodIssue(parsed.error, body, '');
  const { input, response_format: format, speed, stream_format: stream } = parsed.data;
  if (format !== 'wav' && format !== 'pcm') throw unsupported('response_format', `${format}; it says wav and pcm`);
  if (stream !== 'audio') throw unsupported('stream_format', stream);
  const text = sayable(input);
  if (text === '') throw unsupported('input', 'of these letters; it says Latin letters and digits');
  const samples = toneWords(text, Math.min(FASTEST, Math.max(SLOWEST, speed)));
  const bytes =
    format === 'wav'
      ? encodeWav([samples], SPEECH_RATE)
      : new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  response.writeHead(200, {
    'content-type': format === 'wav' ? 'audio/wav' : 'audio/pcm',
    'content-length': bytes.byteLength,
  });
  response.end(bytes);
}

function unsupported(param: string, what: string): ServiceError {
  return new ServiceError(`The simulated voice has no ${param} ${what}.`, { code: 'unsupported_value', param });
}
