import { z } from 'zod';
import { itemFromBeta, responseParamsFromBeta, updateFromBeta } from './beta.ts';
import type { ClientSide } from './client-side.ts';
import type { Entry, Item } from './conversation.ts';
import { createdItem, entryOf } from './created-item.ts';
import { ServiceError } from './service-error.ts';
import { parseResponseParams, parseUpdate } from './session-config.ts';
import { throwZodIssue } from './validation.ts';

/** What a client may send, each with its check. A wrong event is answered with an `error` event and changes nothing. */

type ClientEvent = Record<string, unknown>;
type Handler = (session: ClientSide, event: ClientEvent) => void;

const eventId = z.string().max(512).optional();
const type = z.string();

/** Largest audio of one append after decoding, bytes. Source: OpenAI API reference, input_audio_buffer.append. */
const MAX_APPEND_BYTES = 15 * 1024 * 1024;

const append: Handler = (session, event) => {
  // The one event that comes fifty times a second: checked by hand.
  const { audio } = event;
  if (typeof audio !== 'string') {
    throw audio === undefined
      ? new ServiceError("Missing required parameter: 'audio'.", { code: 'missing_required_parameter', param: 'audio' })
      : new ServiceError("Invalid type for 'audio': expected string.", { code: 'invalid_type', param: 'audio' });
  }
  if (audio.length > (MAX_APPEND_BYTES / 3) * 4) {
    throw new ServiceError("Invalid 'audio': at most 15 MiB are taken at once.", {
      code: 'invalid_value',
      param: 'audio',
    });
  }
  session.append(audio);
};

const itemCreate = z.strictObject({
  type,
  event_id: eventId,
  previous_item_id: z.string().nullable().optional(),
  item: createdItem,
});

const byId = z.strictObject({ type, event_id: eventId, item_id: z.string() });
const truncate = z.strictObject({
  type,
  event_id: eventId,
  item_id: z.string(),
  content_index: z.int().min(0),
  audio_end_ms: z.int().min(0),
});
const cancel = z.strictObject({ type, event_id: eventId, response_id: z.string().optional() });
const bare = z.strictObject({ type, event_id: eventId });
const create = z.strictObject({ type, event_id: eventId, response: z.unknown().optional() });
const update = z.strictObject({ type, event_id: eventId, session: z.unknown() });

const handlers: Record<string, Handler> = {
  'session.update': (session, event) => {
    const { session: wanted } = check(update, event);
    if (wanted === undefined) {
      throw new ServiceError("Missing required parameter: 'session'.", {
        code: 'missing_required_parameter',
        param: 'session',
      });
    }
    session.update(session.beta ? updateFromBeta(wanted) : parseUpdate(wanted));
  },
  'input_audio_buffer.append': append,
  'input_audio_buffer.commit': (session, event) => {
    check(bare, event);
    session.turns.commit();
  },
  'input_audio_buffer.clear': (session, event) => {
    check(bare, event);
    session.turns.clear();
  },
  'output_audio_buffer.clear': (session, event) => {
    check(bare, event);
    if (!session.holdsPlayout) {
      throw new ServiceError('output_audio_buffer.clear is only supported for WebRTC and SIP sessions.', {
        code: 'invalid_value',
        param: 'type',
      });
    }
    session.clearOutput();
  },
  'conversation.item.create': (session, event) => {
    const { item, previous_item_id: previous } = check(
      itemCreate,
      session.beta ? { ...event, item: itemFromBeta(event['item']) } : event,
    );
    session.addItem(entryOf(session, item), previous);
  },
  'conversation.item.delete': (session, event) => {
    const { item_id: id } = check(byId, event);
    session.conversation.delete(id);
    session.emit({ type: 'conversation.item.deleted', item_id: id });
  },
  'conversation.item.retrieve': (session, event) => {
    const { item_id: id } = check(byId, event);
    const entry = session.conversation.require(id, 'retrieve');
    session.emit({ type: 'conversation.item.retrieved', item: retrieved(session, entry) });
  },
  'conversation.item.truncate': (session, event) => {
    const { item_id: id, content_index: index, audio_end_ms: end } = check(truncate, event);
    session.conversation.truncate(id, index, end);
    session.emit({ type: 'conversation.item.truncated', item_id: id, content_index: index, audio_end_ms: end });
  },
  'response.create': (session, event) => {
    const { response } = check(create, event);
    session.responses.create(parseResponseParams(session.beta ? responseParamsFromBeta(response) : response));
  },
  'response.cancel': (session, event) => {
    const { response_id: id } = check(cancel, event);
    session.turns.forgetWaiting();
    session.responses.cancel(id);
  },
};

/** Does what one client event asks. Throws a ServiceError for what is wrong with it. */
export function handleClientEvent(session: ClientSide, event: unknown): void {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new ServiceError('An event must be a JSON object.', { code: 'invalid_type' });
  }
  const kind: unknown = Reflect.get(event, 'type');
  if (typeof kind !== 'string') {
    throw kind === undefined
      ? new ServiceError("Missing required parameter: 'type'.", { code: 'missing_required_parameter', param: 'type' })
      : new ServiceError("Invalid type for 'type': expected string.", { code: 'invalid_type', param: 'type' });
  }
  const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined;
  if (handler === undefined) {
    const known = Object.keys(handlers)
      .map((name) => `'${name}'`)
      .join(', ');
    const shown = kind.length > 80 ? `${kind.slice(0, 80)}...` : kind;
    throw new ServiceError(`Invalid value: '${shown}'. Supported values are: ${known}.`, {
      code: 'invalid_value',
      param: 'type',
    });
  }
  session.record.noteReceived(kind, event as ClientEvent);
  handler(session, event as ClientEvent);
}

function check<S extends z.ZodType>(schema: S, event: ClientEvent): z.infer<S> {
  const result = schema.safeParse(event);
  if (!result.success) throwZodIssue(result.error, event, '');
  return result.data;
}

/** An item as it is retrieved: with the caller's audio where it is kept and the transport can carry it. */
function retrieved(session: ClientSide, entry: Entry): Item {
  const { item, audio } = entry;
  // A data channel takes 256 KiB at most, so over WebRTC audio stays here.
  if (audio === undefined || session.holdsPlayout) return item;
  const bytes = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64');
  const parts = (item.content ?? []).map((part) => (part.type === 'input_audio' ? { ...part, audio: bytes } : part));
  return { ...item, content: parts };
}
