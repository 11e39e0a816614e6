import type { DatabaseSync } from 'node:sqlite';

/** A message somebody left. */
export interface NewMessage {
  readonly callId: string;
  /** Who leaves it, for people to read; nobody is found by it. */
  readonly callerNumber?: string | undefined;
  readonly name?: string | undefined;
  readonly recipient?: string | undefined;
  readonly body: string;
  /** E.164. */
  readonly callbackNumber?: string | undefined;
  readonly urgent: boolean;
}

/** Messages taken for the people of the business. */
export function messageQueries(db: DatabaseSync) {
  // A model that repeats itself leaves one message, not two.
  const insert = db.prepare(`
    INSERT INTO messages (call_id, caller_number, name, recipient, body, callback_number, urgent, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (call_id, body) DO UPDATE SET
      name = coalesce(excluded.name, name),
      recipient = coalesce(excluded.recipient, recipient),
      callback_number = coalesce(excluded.callback_number, callback_number),
      urgent = excluded.urgent
    RETURNING id`);
  return {
    /** Keeps a message. The same words in the same call are the same message. `now` is epoch ms. */
    leave(message: NewMessage, now: number): { id: number } {
      const row = insert.get(
        message.callId,
        message.callerNumber ?? null,
        message.name ?? null,
        message.recipient ?? null,
        message.body,
        message.callbackNumber ?? null,
        message.urgent ? 1 : 0,
        now,
      );
      return { id: Number(row?.['id']) };
    },
  };
}
