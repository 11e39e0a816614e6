import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { sendJson } from '../realtime/http-body.ts';
import { newId } from '../realtime/ids.ts';
import { throwZodIssue } from '../realtime/validation.ts';
import { aftermathOf } from './aftermath.ts';
import { verdictOf } from './verdict.ts';

/** `POST /v1/chat/completions`: a scripted judge of conversations. Source: OpenAI API reference, Create chat completion. */

const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]).nullish(),
});
const request = z.looseObject({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  n: z.int().min(1).max(128).default(1),
  temperature: z.number().min(0).max(2).optional(),
  seed: z.int().optional(),
  stream: z.literal(false).optional(),
});

/** What a judge is asked, as the last message has it: JSON with a conversation and criteria. Of anything else it says that it has read it. */
const question = z.object({
  conversation: z.array(z.object({ speaker: z.string(), text: z.string() })),
  criteria: z.array(z.object({ id: z.string(), criterion: z.string() })),
});

export function answerChat(body: Record<string, unknown>, wallMs: number, response: ServerResponse): void {
  const parsed = request.safeParse(body);
  if (!parsed.success) throwZodIssue(parsed.error, body, '');
  const { model, messages, n } = parsed.data;
  const asked = textOf(messages.at(-1)?.content);
  const content = answerTo(asked);
  const promptTokens = tokens(messages.map(({ content: said }) => textOf(said)).join(' '));
  const completionTokens = tokens(content) * n;
  sendJson(response, 200, {
    id: newId('chatcmpl'),
    object: 'chat.completion',
    created: Math.floor(wallMs / 1000),
    model,
    choices: Array.from({ length: n }, (_, index) => ({
      index,
      message: { role: 'assistant', content, refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    })),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  });
}

function answerTo(asked: string): string {
  let value: unknown;
  try {
    value = JSON.parse(asked);
  } catch {
    return 'I have read your message.';
  }
  const aftermath = aftermathOf(value);
  if (aftermath !== undefined) return aftermath;
  const judged = question.safeParse(value);
  if (!judged.success) return 'I have read your message.';
  const { conversation, criteria } = judged.data;
  return JSON.stringify({
    verdicts: criteria.map(({ id, criterion }) => ({ id, ...verdictOf(criterion, conversation) })),
  });
}

function textOf(content: z.infer<typeof message>['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text }) => text ?? '').join('');
}

/** About as many as a model would count. */
const tokens = (text: string) => Math.ceil(text.length / 4);
