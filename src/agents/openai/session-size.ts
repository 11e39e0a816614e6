import type { Review } from '../kind.ts';
import { type FunctionTool, resolveOptions } from './options.ts';
import { channelBytes, MAX_CHANNEL_SESSION_BYTES, sessionUpdate } from './session.ts';

/** What is too long in what the model is told at the beginning of each call of a prompt. Pure. */

/**
 * Tokens of instructions and tools together that gpt-realtime takes; later models take more. Their tokeniser is not here: four letters of ASCII,
 * or one character of another script, are counted as one token.
 */
const INSTRUCTION_TOKENS = 16_384;
/** The largest window that a Realtime model is known to have, tokens. */
const WINDOW_TOKENS = 128_000;
/** Longest description of a function that every model of the vendor's takes, characters. */
const DESCRIPTION_CHARS = 1_024;

/** Tokens that a text comes to, about. */
export function tokensOf(text: string): number {
  let others = 0;
  for (const character of text) if (character > '\u007f') others++;
  return Math.ceil((text.length - others) / 4) + others;
}

/** Looks at the words of one prompt with the tools that its calls have. */
export function sessionLengths(instructions: string, tools: readonly FunctionTool[]): Review {
  const problems: string[] = [];
  const warnings: string[] = [];
  const words = tokensOf(instructions);
  const calls = tools.length === 0 ? 0 : tokensOf(JSON.stringify(tools));
  const sum = `instructions and tools come to about ${words + calls} tokens (${words} and ${calls})`;
  if (words + calls > WINDOW_TOKENS) {
    problems.push(
      `${sum}; no model is known to take more than ${WINDOW_TOKENS}. Put what is seldom needed into knowledge.`,
    );
  } else if (words + calls > INSTRUCTION_TOKENS) {
    warnings.push(
      `${sum}; gpt-realtime takes ${INSTRUCTION_TOKENS}, and each answer pays for them. Put what is seldom needed into knowledge.`,
    );
  }
  const session = sessionUpdate(resolveOptions({ apiKey: 'none', model: 'none', instructions, tools }), 'webrtc');
  const bytes = channelBytes(JSON.stringify(session));
  if (bytes > MAX_CHANNEL_SESSION_BYTES) {
    warnings.push(
      `instructions and tools are ${bytes} bytes; WebRTC takes ${MAX_CHANNEL_SESSION_BYTES}, so its calls take the WebSocket.`,
    );
  }
  return { problems, warnings };
}

/** Tools whose description some models do not take, one line each. */
export function longDescriptions(tools: readonly FunctionTool[]): string[] {
  return tools.flatMap(({ name, description = '' }) =>
    description.length > DESCRIPTION_CHARS
      ? [`the description of ${name} is ${description.length} characters; some models take ${DESCRIPTION_CHARS}.`]
      : [],
  );
}
