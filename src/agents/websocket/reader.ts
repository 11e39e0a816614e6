import { jsonObject } from '../../transport/http.ts';
import type { StreamTold } from '../stream/session.ts';
import type { EventRule } from './target.ts';
import { at, fillTemplate } from './template.ts';

export interface ReaderOptions {
  readonly rules: readonly EventRule[];
  readonly told: StreamTold;
  /** Audio in base64, as text. */
  readonly audio: (base64: string) => void;
  readonly reply: (message: unknown) => void;
}

/** Texts under an id that go on growing; older ones have come to their end. */
const MOST_TEXTS = 64;
const MOST_TEXT_CHARS = 20_000;

/** Reads a far end's messages by an operator's rules. */
export class MessageReader {
  readonly #o: ReaderOptions;
  /** What came of each text so far, by its id. */
  readonly #texts = new Map<string, string>();

  constructor(options: ReaderOptions) {
    this.#o = options;
  }

  read(data: Buffer): void {
    const { rules, told, reply } = this.#o;
    const message = jsonObject(data);
    if (message === undefined) {
      told.unreadable('the agent sent a text that is no JSON object');
      return;
    }
    const rule = rules.find(({ when }) => Object.entries(when).every(([path, value]) => at(message, path) === value));
    if (rule === undefined) {
      told.unknown(String(message['type'] ?? message['event'] ?? ''));
      return;
    }
    if (rule.reply !== undefined) reply(fillTemplate(rule.reply, (path) => at(message, path)));
    this.#tell(rule, message);
  }

  #tell(rule: EventRule, message: unknown): void {
    const { told, audio } = this.#o;
    const found = (path: string | undefined) => (path === undefined ? undefined : textOf(at(message, path)));
    switch (rule.is) {
      case 'ready':
        told.ready(found(rule.id) ?? '');
        return;
      case 'audio':
        audio(found(rule.data) ?? '');
        return;
      case 'answer-started':
        told.answerStarted(found(rule.id));
        return;
      case 'answer-ended':
        told.answerEnded();
        return;
      case 'caller-speaks':
        told.callerSpeaks();
        return;
      case 'caller-stops':
        told.callerStops();
        return;
      case 'interrupted':
        told.interrupted();
        return;
      case 'caller-said':
      case 'agent-said':
        this.#words(rule, rule.is === 'caller-said' ? 'caller' : 'agent', message);
        return;
      case 'tool-call': {
        const [id, name] = [found(rule.id), found(rule.name)];
        if (id === undefined || name === undefined) told.unreadable('the agent called a tool without an id or a name');
        else told.toolCall({ id, name, arguments: found(rule.arguments) ?? '{}' });
        return;
      }
      case 'error':
        told.problem(found(rule.code) ?? 'error', found(rule.message) ?? '');
        return;
      case 'hang-up':
        told.hungUp();
        return;
      case 'ignored':
        return;
      default:
        rule.is satisfies never;
    }
  }

  /** Words come whole, or grow: by what is added, or by being told anew each time. */
  #words(rule: EventRule, role: 'caller' | 'agent', message: unknown): void {
    const found = (path: string | undefined) => (path === undefined ? undefined : textOf(at(message, path)));
    const [whole, delta, id] = [found(rule.text), found(rule.delta), found(rule.id)];
    const isFinal = rule.final === undefined || at(message, rule.final) === true;
    const key = `${role} ${id ?? ''}`;
    const before = this.#texts.get(key) ?? '';
    const text = whole ?? before + (delta ?? '');
    if (isFinal) this.#texts.delete(key);
    else if (text.length <= MOST_TEXT_CHARS) this.#texts.set(key, text);
    if (this.#texts.size > MOST_TEXTS) this.#texts.delete(this.#texts.keys().next().value!);
    const itemId = id === undefined ? undefined : `${role}-${id}`;
    // Of words that were taken back only the last say so.
    const added = text.startsWith(before) ? text.slice(before.length) : '';
    if (text !== '' || before !== '') this.#o.told.transcript(role, isFinal ? text : added, isFinal, itemId);
  }
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
