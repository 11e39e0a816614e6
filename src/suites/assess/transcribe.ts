import { z } from 'zod';
import { BridgeError } from '../../errors.ts';
import type { Span } from '../../measure/measures.ts';
import type { Tape } from '../../measure/tape.ts';
import { msToSamples } from '../../media/frame.ts';
import { encodeWav } from '../../media/wav.ts';
import type { ReportLine } from '../report/types.ts';
import type { Service } from './client.ts';

/**
 * Writes down what was said, from the tape: each stretch of a side's speech by itself, so that it is known when it was said and one side's
 * words never come to be the other's.
 */

/** Pauses within which two stretches are one turn, ms: cut finer, words lose what makes them understood. */
const JOINED_MS = 700;
/** What is heard before and after a stretch, ms. */
const MARGIN_MS = 150;
/** Shorter is no word: a click. */
const LEAST_MS = 120;
/** Longer is sent in parts: services take 25 MB. */
const MOST_MS = 240_000;
const AT_ONCE = 4;

export interface TranscribeOptions {
  readonly service: Service;
  readonly model: string;
  readonly language?: string | undefined;
}

const answer = z.object({ text: z.string() });

/** The lines of both sides in the order in which they began. Rejects with what `Service.post` does. */
export async function transcribe(
  { service, model, language }: TranscribeOptions,
  tape: Tape,
  speech: { readonly caller: readonly Span[]; readonly agent: readonly Span[] },
  signal?: AbortSignal,
): Promise<ReportLine[]> {
  const parts = (['caller', 'agent'] as const).flatMap((who) => turnsOf(speech[who]).map((span) => ({ who, span })));
  const lines: ReportLine[] = [];
  const queue = parts.values();
  let isLost = false;
  const work = async () => {
    for (const { who, span } of queue) {
      // Of what is incomplete no more is asked for.
      if (isLost) return;
      const from = msToSamples(Math.max(0, span.fromMs - MARGIN_MS), tape.rate);
      const to = msToSamples(span.toMs + MARGIN_MS, tape.rate);
      const wav = encodeWav([tape[who].subarray(from, to)], tape.rate);
      const said = await service.post('/audio/transcriptions', () => formOf(wav, model, language), signal);
      const read = answer.safeParse(said);
      if (!read.success) throw new BridgeError('ASSESSMENT_INVALID', 'the answer is no transcription');
      const text = read.data.text.trim();
      if (text !== '') lines.push({ who, text, fromMs: Math.round(span.fromMs), toMs: Math.round(span.toMs) });
    }
  };
  const lost = (error: unknown) => {
    isLost = true;
    throw error;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => work().catch(lost)));
  return lines.sort((a, b) => a.fromMs! - b.fromMs!);
}

function formOf(wav: Uint8Array, model: string, language: string | undefined): FormData {
  const form = new FormData();
  form.set('file', new Blob([wav.slice()], { type: 'audio/wav' }), 'speech.wav');
  form.set('model', model);
  form.set('response_format', 'json');
  // A language in two letters: https://platform.openai.com/docs/api-reference/audio/createTranscription
  if (language !== undefined) form.set('language', language.split('-')[0] ?? language);
  return form;
}

/** Stretches with short pauses between them as one, and none longer than a service takes. */
export function turnsOf(spans: readonly Span[]): Span[] {
  const turns: Array<{ fromMs: number; toMs: number }> = [];
  for (const { fromMs, toMs } of spans) {
    const last = turns.at(-1);
    if (last !== undefined && fromMs - last.toMs < JOINED_MS && toMs - last.fromMs <= MOST_MS) last.toMs = toMs;
    else turns.push({ fromMs, toMs });
  }
  return turns
    .filter(({ fromMs, toMs }) => toMs - fromMs >= LEAST_MS)
    .flatMap(({ fromMs, toMs }) =>
      Array.from({ length: Math.ceil((toMs - fromMs) / MOST_MS) }, (_, i) => ({
        fromMs: fromMs + i * MOST_MS,
        toMs: Math.min(toMs, fromMs + (i + 1) * MOST_MS),
      })),
    );
}
