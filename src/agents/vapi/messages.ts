import { z } from 'zod';
import type { StreamTold } from '../stream/session.ts';

/**
 * What Vapi tells a client. Source: the messages of npm @vapi-ai/server-sdk, ClientMessage; which of them come is the assistant's `clientMessages`. An
 * assistant that sends none is heard.
 */

const speechUpdate = z.object({ status: z.enum(['started', 'stopped']), role: z.enum(['assistant', 'user']) });
const transcript = z.object({
  role: z.enum(['assistant', 'user']),
  transcriptType: z.enum(['partial', 'final']),
  transcript: z.string(),
});
const toolCall = z.object({
  id: z.string(),
  function: z.object({ name: z.string(), arguments: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
});
const toolCalls = z.object({ toolCallList: z.array(toolCall).max(100) });
const statusUpdate = z.object({ status: z.string(), endedReason: z.string().optional() });

/** Known, and nothing that a call is told. */
const OF_NO_USE = new Set([
  'assistant.started',
  'assistant.speechStarted',
  'assistant-speech',
  'conversation-update',
  'end-of-call-report',
  'function-call',
  'function-call-result',
  'language-changed',
  'language-change-detected',
  'metadata',
  'model-output',
  'session.created',
  'tool-calls-result',
  'tool.completed',
  'transfer-update',
  'voice-input',
  'workflow.node.started',
]);

/** "The assistant is hanging": its answer takes long. After so much, ms, as its documents say. */
const HANGS_MS = 5_000;
/** Reasons for an end that are nobody's wish. */
const FAILURES = /error|fault|failed|did-not|not-found|not-valid|no-available|unknown/i;

/** Reads one call's messages. */
export class VapiMessages {
  readonly #told: StreamTold;
  /** The provider ended the call. `detail` is a word of its own list. */
  readonly #ended: (detail: string, isFailure: boolean) => void;
  /** What is known of the words that go on, by role: each partial is told anew, whole. */
  readonly #partial = { assistant: '', user: '' };
  readonly #finals = { assistant: 0, user: 0 };

  constructor(told: StreamTold, ended: (detail: string, isFailure: boolean) => void) {
    this.#told = told;
    this.#ended = ended;
  }

  read(outer: Readonly<Record<string, unknown>>): void {
    const told = this.#told;
    // To servers they come within `message`, to clients as they are.
    const inner = outer['message'];
    const message = outer['type'] === undefined && typeof inner === 'object' && inner !== null ? inner : outer;
    const { type } = message as { type?: unknown };
    if (typeof type !== 'string') {
      told.unreadable('the agent sent a message without a type');
      return;
    }
    // An assistant may be set to send only some of a type: `transcript[transcriptType="final"]`.
    switch (type.replace(/\[.*$/, '')) {
      case 'speech-update':
        this.#as(speechUpdate, message, (one) => this.#speech(one));
        return;
      case 'transcript':
        this.#as(transcript, message, (one) => this.#words(one));
        return;
      case 'user-interrupted':
        told.interrupted();
        return;
      case 'tool-calls':
        this.#as(toolCalls, message, ({ toolCallList }) => {
          for (const { id, function: called } of toolCallList) {
            const args = called.arguments;
            told.toolCall({ id, name: called.name, arguments: typeof args === 'string' ? args : JSON.stringify(args) });
          }
        });
        return;
      case 'hang':
        told.delayed(HANGS_MS);
        return;
      case 'status-update':
        this.#as(statusUpdate, message, ({ status, endedReason }) => {
          if (status !== 'ended') return;
          const detail = endedReason !== undefined && /^[\w.-]{1,80}$/.test(endedReason) ? endedReason : 'ended';
          this.#ended(detail, FAILURES.test(detail));
        });
        return;
      default:
        if (!OF_NO_USE.has(type)) told.unknown(type);
    }
  }

  #as<T>(shape: z.ZodType<T>, message: object, use: (parsed: T) => void): void {
    const parsed = shape.safeParse(message);
    if (parsed.success) use(parsed.data);
    else this.#told.unreadable('the agent sent a message that is not as its documents say');
  }

  #speech({ role, status }: z.infer<typeof speechUpdate>): void {
    const told = this.#told;
    if (role === 'assistant') {
      if (status === 'started') told.answerStarted();
      else told.answerEnded();
    } else if (status === 'started') told.callerSpeaks();
    else told.callerStops();
  }

  #words({ role, transcriptType, transcript: text }: z.infer<typeof transcript>): void {
    const isFinal = transcriptType === 'final';
    const before = this.#partial[role];
    const id = `${role}-${this.#finals[role]}`;
    const added = text.startsWith(before) ? text.slice(before.length) : '';
    if (isFinal) this.#finals[role]++;
    this.#partial[role] = isFinal ? '' : text;
    if (text === '' && before === '') return;
    this.#told.transcript(role === 'user' ? 'caller' : 'agent', isFinal ? text : added, isFinal, id);
  }
}
