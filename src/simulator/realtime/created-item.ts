import { z } from 'zod';
import type { ContentPart, Conversation, Entry, Item } from './conversation.ts';
import { newId } from './ids.ts';
import { ServiceError } from './service-error.ts';

/** Items that a client may create. Source: OpenAI API reference, ConversationItem (npm openai, resources/realtime/realtime.d.ts). */

const common = {
  id: z.string().min(1).max(64).optional(),
  object: z.literal('realtime.item').optional(),
  status: z.enum(['completed', 'incomplete', 'in_progress']).optional(),
};
const text = <T extends string>(kind: T) => z.strictObject({ type: z.literal(kind), text: z.string() });
const message = { ...common, type: z.literal('message') };

export const createdItem = z.discriminatedUnion('type', [
  z.discriminatedUnion('role', [
    z.strictObject({ ...message, role: z.literal('system'), content: z.array(text('input_text')) }),
    z.strictObject({
      ...message,
      role: z.literal('user'),
      content: z.array(
        z.discriminatedUnion('type', [
          text('input_text'),
          z.strictObject({ type: z.literal('input_audio'), audio: z.string(), transcript: z.string().optional() }),
          z.strictObject({
            type: z.literal('input_image'),
            image_url: z.string(),
            detail: z.enum(['auto', 'low', 'high']).optional(),
          }),
        ]),
      ),
    }),
    z.strictObject({
      ...message,
      role: z.literal('assistant'),
      content: z.array(
        z.discriminatedUnion('type', [
          text('output_text'),
          z.strictObject({
            type: z.literal('output_audio'),
            audio: z.string().optional(),
            transcript: z.string().optional(),
          }),
        ]),
      ),
    }),
  ]),
  z.strictObject({ ...common, type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
  z.strictObject({
    ...common,
    type: z.literal('function_call'),
    call_id: z.string().optional(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.strictObject({
    id: z.string().min(1).max(64),
    type: z.literal('mcp_approval_response'),
    approval_request_id: z.string(),
    approve: z.boolean(),
    reason: z.string().nullable().optional(),
  }),
]);
type CreatedItem = z.infer<typeof createdItem>;

/** What is asked of the session that an item is for. */
interface ItemSide {
  readonly conversation: Pick<Conversation, 'hasCall'>;
  decodeItemAudio(base64: string): Int16Array;
}

/** The entry for an item that a client creates. Throws a ServiceError for the result of a call that there was not, or audio that cannot be read. */
export function entryOf(session: ItemSide, created: CreatedItem): Entry {
  const base = { id: created.id ?? newId('item'), object: 'realtime.item', status: 'completed' } as const;
  switch (created.type) {
    case 'message': {
      const parts: ContentPart[] = [];
      for (const part of created.content) {
        if (part.type === 'input_image')
          parts.push({ type: 'input_image', image_url: part.image_url, ...optional('detail', part.detail) });
        else if (part.type === 'input_audio' || part.type === 'output_audio')
          parts.push({ type: part.type, ...optional('transcript', part.transcript) });
        else parts.push({ type: part.type, text: part.text });
      }
      const spoken = created.role === 'user' ? created.content.find((part) => part.type === 'input_audio') : undefined;
      const item: Item = { ...base, type: 'message', role: created.role, content: parts };
      if (spoken === undefined) return { item, audioMs: 0 };
      const audio = session.decodeItemAudio(spoken.audio);
      return { item, audioMs: audio.length / 24, audio };
    }
    case 'function_call_output':
      if (!session.conversation.hasCall(created.call_id)) {
        throw new ServiceError(`Tool call ID '${created.call_id}' not found in conversation.`, {
          code: 'invalid_tool_call_id',
          param: 'item.call_id',
        });
      }
      return {
        item: { ...base, type: 'function_call_output', call_id: created.call_id, output: created.output },
        audioMs: 0,
      };
    case 'function_call': {
      const callId = created.call_id ?? newId('call');
      const item: Item = {
        ...base,
        type: 'function_call',
        call_id: callId,
        name: created.name,
        arguments: created.arguments,
      };
      return { item, audioMs: 0 };
    }
    case 'mcp_approval_response': {
      const { id, approval_request_id, approve, reason } = created;
      const item: Item = {
        id,
        type: 'mcp_approval_response',
        approval_request_id,
        approve,
        ...optional('reason', reason),
      };
      return { item, audioMs: 0 };
    }
    default:
      return created satisfies never;
  }
}

/** The field where it has a value: what is not there is left out. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
