import type { Conversation, Entry } from './conversation.ts';
import type { SessionRecord } from './record.ts';
import type { ServerEvent } from './response.ts';
import type { Responses } from './responses.ts';
import type { SessionUpdate } from './session-config.ts';
import type { Turns } from './turns.ts';

/** A session as far as a client's events reach into it. */
export interface ClientSide {
  readonly beta: boolean;
  /** Whether the server holds what is still to be played (WebRTC). */
  readonly holdsPlayout: boolean;
  readonly conversation: Conversation;
  readonly record: SessionRecord;
  readonly responses: Responses;
  readonly turns: Turns;
  emit(event: ServerEvent): void;
  append(base64: string): void;
  decodeItemAudio(base64: string): Int16Array;
  update(update: SessionUpdate): void;
  addItem(entry: Entry, previousItemId?: string | null): void;
  clearOutput(): void;
}
