import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { convertRate, mixDown } from '../../media/convert.ts';
import { decodeWav, encodeWav, WavError } from '../../media/wav.ts';
import { ExchangeError, exchange, type HttpAnswer, retryAfterMs } from '../../transport/http.ts';
import { withRetry } from '../../transport/retry.ts';
import { type Speech, type SpokenWords, TEST_RATE } from './kind.ts';

/** Source of the request: https://platform.openai.com/docs/api-reference/audio/createSpeech. */

export interface SpeechOptions {
  /** The API's base, its version with it. Undefined: words cannot be said that are not kept. */
  readonly url: string | undefined;
  /** Stands for the address in what the speech was made of, where that is another with each start. */
  readonly name?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly model: string;
  readonly voice: string;
  /** Where speech is kept; made when it is needed. */
  readonly folder: string;
  readonly clock: Clock;
  readonly fetch?: typeof fetch | undefined;
}

/** For one request, its answer included, ms. */
const TIMEOUT_MS = 60_000;
/** An hour of speech at 24 kHz has 170 MB; what is said at once has some minutes. */
const MOST_BYTES = 32 * 1024 * 1024;
const TRIES = 3;
/** Between two tries where the service does not say, ms, and the longest that it may ask for. */
const WAIT_MS = 1_000;
const MOST_WAIT_MS = 20_000;
/** Of what is kept: another number where what is kept would be another thing. */
const VERSION = 1;
/** Names of what is kept, and of what was only half written. */
const KEPT = /^[0-9a-f]{64}\.wav(\.[0-9a-f-]{36})?$/;

/**
 * Speech that a service makes of words, kept by the hash of all that it was made of: the same words are the same samples from then on, and cost once. Words that are
 * asked for twice at the same time are asked for once.
 */
export class KeptSpeech implements Speech {
  readonly #options: SpeechOptions;
  readonly #making = new Map<string, Promise<Int16Array>>();

  constructor(options: SpeechOptions) {
    this.#options = options;
  }

  /** As `Speech.say`. */
  say(words: SpokenWords, signal?: AbortSignal): Promise<Int16Array> {
    const { url, name, model, voice } = this.#options;
    const made = [VERSION, name ?? url ?? '', model, words.voice ?? voice, words.language ?? '', words.text];
    const hash = createHash('sha256').update(JSON.stringify(made)).digest('hex');
    const before = this.#making.get(hash);
    if (before !== undefined) return before;
    const now = this.#kept(hash, words, signal).finally(() => this.#making.delete(hash));
    this.#making.set(hash, now);
    return now;
  }

  async #kept(hash: string, words: SpokenWords, signal?: AbortSignal): Promise<Int16Array> {
    const { folder, clock } = this.#options;
    const path = join(folder, `${hash}.wav`);
    const kept = await readFile(path).catch(() => undefined);
    // A file that was damaged is made anew.
    const known = kept === undefined ? undefined : samplesIn(kept);
    if (known !== undefined) {
      // It is in use: what is not goes in time. Where that cannot be written it is said all the same.
      await utimes(path, clock.wall() / 1000, clock.wall() / 1000).catch(() => undefined);
      return known;
    }
    const answer = await this.#ask(words, signal);
    const samples = samplesIn(answer.body);
    if (samples === undefined || samples.length === 0)
      throw new BridgeError('SPEECH_INVALID', 'the answer is no WAV file of speech');
    await mkdir(folder, { recursive: true });
    const half = `${path}.${randomUUID()}`;
    try {
      await writeFile(half, encodeWav([samples], TEST_RATE));
      await rename(half, path);
    } finally {
      await rm(half, { force: true });
    }
    return samples;
  }

  async #ask({ text, voice, language }: SpokenWords, signal?: AbortSignal): Promise<HttpAnswer> {
    const { url, apiKey, model, clock } = this.#options;
    if (url === undefined) throw new BridgeError('SPEECH_UNSET', 'set SPEECH_API_URL, or say tones and files');
    const body = JSON.stringify({
      model,
      input: text,
      voice: voice ?? this.#options.voice,
      response_format: 'wav',
      ...(language === undefined ? {} : { instructions: `Speak ${language}.` }),
    });
    const once = async () => {
      const answer = await exchange({
        url: `${url}/audio/speech`,
        headers: {
          'content-type': 'application/json',
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body,
        timeoutMs: TIMEOUT_MS,
        mostBytes: MOST_BYTES,
        clock,
        signal,
        fetch: this.#options.fetch,
      }).catch((error: unknown) => {
        throw error instanceof ExchangeError ? unanswered(error) : error;
      });
      if (answer.status === 200) return answer;
      const asked = retryAfterMs(answer.headers, clock.wall());
      const mayHelp = (answer.status === 429 || answer.status >= 500) && (asked ?? 0) <= MOST_WAIT_MS;
      // Its body may hold the words, and what the service thinks of the key.
      throw new BridgeError('SPEECH_REFUSED', `the service answers ${answer.status}`, {
        retryable: mayHelp,
        status: answer.status,
        ...(asked === undefined ? {} : { retryAfterMs: asked }),
      });
    };
    const waitMs = (error: unknown, tries: number) => {
      if (!(error instanceof BridgeError) || !error.retryable || tries === TRIES) return undefined;
      // Whoever took so long once is not waited for again.
      return error.cause instanceof ExchangeError && error.cause.failure === 'timeout'
        ? undefined
        : (error.retryAfterMs ?? WAIT_MS * tries);
    };
    return withRetry(once, { clock, signal, waitMs });
  }
}

/** What it means here that there was no answer. */
function unanswered(error: ExchangeError): BridgeError {
  if (error.failure === 'aborted') return new BridgeError('ABORTED', 'the speech is not needed any more');
  if (error.failure === 'too-large') return new BridgeError('SPEECH_INVALID', 'the answer is too long');
  return new BridgeError('SPEECH_UNREACHABLE', `no answer (${error.systemCode ?? error.failure})`, {
    retryable: true,
    cause: error,
  });
}

/** Removes what is kept in a folder and was neither made nor said since `before`, ms since the epoch; how many files. Rejects where it cannot be looked through. */
export async function removeUnusedSpeech(folder: string, before: number): Promise<number> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  let removed = 0;
  for (const name of names.filter((one) => KEPT.test(one))) {
    const path = join(folder, name);
    const at = await stat(path).catch(() => undefined);
    if (at === undefined || at.mtimeMs >= before) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
}

/** The samples of a WAV file, all channels as one, at 24 kHz; undefined for what is none. */
function samplesIn(bytes: Uint8Array): Int16Array | undefined {
  try {
    const { sampleRate, channels } = decodeWav(bytes);
    return convertRate(mixDown(channels), sampleRate, TEST_RATE);
  } catch (error) {
    if (error instanceof WavError) return undefined;
    throw error;
  }
}
