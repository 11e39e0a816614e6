import { describe, expect, it } from 'vitest';
import { bench } from './fakes.ts';

const tool = {
  type: 'function',
  name: 'look_up',
  description: 'Looks up',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
    required: ['city', 'days'],
  },
};

describe('session.update', () => {
  it('is answered with the whole merged session', () => {
    const { send, last } = bench();
    send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'Be brief.', tools: [tool], audio: { output: { voice: 'cedar' } } },
    });
    const { session } = last('session.updated');
    expect(session).toMatchObject({
      object: 'realtime.session',
      id: 'sess_1',
      type: 'realtime',
      instructions: 'Be brief.',
      tools: [tool],
    });
    expect(session.audio.output).toEqual({ format: { type: 'audio/pcm', rate: 24_000 }, voice: 'cedar', speed: 1 });
    expect(session.audio.input.turn_detection.type).toBe('server_vad');
    send({
      type: 'session.update',
      session: { type: 'realtime', instructions: '', audio: { input: { turn_detection: null } } },
    });
    const after = last('session.updated').session;
    expect(after.instructions).toBe('');
    expect(after.tools).toEqual([tool]);
    expect(after.audio.input.turn_detection).toBeNull();
  });

  it.each([
    [{ instructions: 'x' }, 'missing_required_parameter', 'session.type'],
    [{ type: 'realtime', voice: 'alloy' }, 'unknown_parameter', 'session.voice'],
    [
      { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad', nope: 1 } } } },
      'unknown_parameter',
      'session.audio.input.turn_detection.nope',
    ],
    [
      { type: 'realtime', audio: { input: { format: { type: 'audio/pcm', rate: 16_000 } } } },
      'invalid_value',
      'session.audio.input.format.rate',
    ],
    [
      { type: 'realtime', audio: { output: { format: { type: 'audio/opus' } } } },
      'invalid_value',
      'session.audio.output.format.type',
    ],
    [
      { type: 'realtime', audio: { output: { format: {} } } },
      'missing_required_parameter',
      'session.audio.output.format.type',
    ],
    [{ type: 'realtime', output_modalities: ['audio', 'text'] }, 'invalid_value', 'session.output_modalities'],
    [
      { type: 'realtime', audio: { input: { turn_detection: { type: 'server_vad', threshold: 2 } } } },
      'integer_above_max_value',
      'session.audio.input.turn_detection.threshold',
    ],
    [{ type: 'realtime', instructions: 7 }, 'invalid_type', 'session.instructions'],
    [{ type: 'realtime', model: 'another' }, 'invalid_value', 'session.model'],
    [{ type: 'other' }, 'invalid_value', 'session.type'],
  ])('refuses %j with %s', (session, code, param) => {
    const { send, last, types } = bench();
    send({ type: 'session.update', event_id: 'evt_9', session });
    expect(last('error').error).toMatchObject({ type: 'invalid_request_error', code, param, event_id: 'evt_9' });
    expect(types()).not.toContain('session.updated');
  });

  it('fixes the voice with the first audio', () => {
    const { send, clock, last } = bench();
    send({ type: 'session.update', session: { type: 'realtime', audio: { output: { voice: 'ash' } } } });
    send({ type: 'response.create' });
    clock.advance(50);
    send({ type: 'session.update', session: { type: 'realtime', audio: { output: { voice: 'coral' } } } });
    expect(last('error').error.code).toBe('cannot_update_voice');
    send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'y', audio: { output: { voice: 'ash' } } },
    });
    expect(last('session.updated').session.instructions).toBe('y');
  });
});

describe('events that are wrong', () => {
  it.each([
    ['not json', 'invalid_json', null],
    ['[]', 'invalid_type', null],
    ['{}', 'missing_required_parameter', 'type'],
    ['{"type":5}', 'invalid_type', 'type'],
    ['{"type":"session.destroy"}', 'invalid_value', 'type'],
    ['{"type":"__proto__"}', 'invalid_value', 'type'],
    ['{"type":"input_audio_buffer.append"}', 'missing_required_parameter', 'audio'],
    ['{"type":"input_audio_buffer.append","audio":5}', 'invalid_type', 'audio'],
    ['{"type":"input_audio_buffer.append","audio":"%%%%"}', 'invalid_value', 'audio'],
    ['{"type":"input_audio_buffer.append","audio":"AAAA"}', 'invalid_value', 'audio'],
    ['{"type":"input_audio_buffer.commit","x":1}', 'unknown_parameter', 'x'],
    ['{"type":"response.create","response":{"temperature":1}}', 'unknown_parameter', 'response.temperature'],
    ['{"type":"conversation.item.delete","item_id":"nope"}', 'item_delete_invalid_item_id', 'item_id'],
    ['{"type":"conversation.item.retrieve","item_id":"nope"}', 'item_retrieve_invalid_item_id', 'item_id'],
    [
      '{"type":"conversation.item.truncate","item_id":"nope","content_index":0,"audio_end_ms":1}',
      'item_truncate_invalid_item_id',
      'item_id',
    ],
    [
      '{"type":"conversation.item.truncate","item_id":"nope","content_index":0}',
      'missing_required_parameter',
      'audio_end_ms',
    ],
    [
      '{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"call_x","output":""}}',
      'invalid_tool_call_id',
      'item.call_id',
    ],
    [
      '{"type":"conversation.item.create","item":{"type":"message","role":"user"}}',
      'missing_required_parameter',
      'item.content',
    ],
    [
      '{"type":"conversation.item.create","previous_item_id":"nope","item":{"type":"message","role":"user","content":[]}}',
      'item_create_invalid_previous_item_id',
      'previous_item_id',
    ],
  ])('answers %s with %s', (text, code, param) => {
    const { session, last, all } = bench();
    session.receive(text);
    expect(all('error')).toHaveLength(1);
    expect(last('error').error).toMatchObject({ code, param });
    expect(typeof last('error').event_id).toBe('string');
  });

  it('goes on as if nothing had been', () => {
    const { session, send, last } = bench();
    session.receive('garbage');
    send({ type: 'session.update', session: { type: 'realtime', instructions: 'still here' } });
    expect(last('session.updated').session.instructions).toBe('still here');
  });

  it('never answers an append', () => {
    const { send, types } = bench();
    send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(960).toString('base64') });
    send({ type: 'input_audio_buffer.append', audio: '' });
    expect(types()).toEqual(['session.created']);
  });
});

describe('items', () => {
  it('are created in their place, retrieved and deleted', () => {
    const { send, last, session } = bench();
    const message = (id: string) => ({
      id,
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: id }],
    });
    send({ type: 'conversation.item.create', item: message('a') });
    send({ type: 'conversation.item.create', item: message('b') });
    expect(last('conversation.item.added')).toMatchObject({
      previous_item_id: 'a',
      item: { id: 'b', object: 'realtime.item' },
    });
    send({ type: 'conversation.item.create', previous_item_id: 'root', item: message('c') });
    send({ type: 'conversation.item.create', previous_item_id: 'a', item: message('d') });
    expect(session.conversation.entries.map(({ item }) => item.id)).toEqual(['c', 'a', 'd', 'b']);
    send({ type: 'conversation.item.create', item: message('a') });
    expect(last('error').error.code).toBe('item_create_duplicate_item_id');
    send({ type: 'conversation.item.delete', item_id: 'd' });
    expect(last('conversation.item.deleted').item_id).toBe('d');
    send({ type: 'conversation.item.retrieve', item_id: 'b' });
    expect(last('conversation.item.retrieved').item.content[0].text).toBe('b');
  });

  it('are truncated to what was heard, never beyond what there is', () => {
    const { send, last, clock } = bench({ voice: { tone: 500, ms: 2_000 } });
    send({ type: 'response.create' });
    clock.advance(2_000);
    const id = last('response.output_item.done').item.id;
    const truncate = (ms: number) =>
      send({ type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: ms });
    truncate(2_001);
    expect(last('error').error.message).toBe('Audio content of 2000ms is already shorter than 2001ms');
    truncate(700);
    expect(last('conversation.item.truncated')).toMatchObject({ item_id: id, content_index: 0, audio_end_ms: 700 });
    send({ type: 'conversation.item.retrieve', item_id: id });
    expect(last('conversation.item.retrieved').item.content[0]).not.toHaveProperty('transcript');
    truncate(701);
    expect(last('error').error.message).toBe('Audio content of 700ms is already shorter than 701ms');
  });

  it('of typed text are acknowledged aloud', () => {
    const { send, last, clock } = bench();
    send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
    });
    send({ type: 'response.create' });
    clock.advance(2_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('I have read your message.');
  });

  it('or instructions that ask for a greeting get one', () => {
    const { send, last, clock } = bench();
    send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Greet the caller.' }] },
    });
    send({ type: 'response.create' });
    clock.advance(2_000);
    expect(last('response.output_audio_transcript.done').transcript).toContain('Hello');
  });
});

describe('tools', () => {
  it('are called when the client forces it, with arguments that fit, and the result is answered', () => {
    const { send, last, clock, types } = bench();
    send({ type: 'session.update', session: { type: 'realtime', tools: [tool], tool_choice: 'required' } });
    send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'go' }] },
    });
    send({ type: 'response.create' });
    clock.advance(100);
    const done = last('response.function_call_arguments.done');
    expect(done.name).toBe('look_up');
    expect(JSON.parse(done.arguments)).toEqual({ city: 'test', days: 2 });
    expect(types()).toContain('response.function_call_arguments.delta');
    const item = last('response.done').response.output[0];
    expect(item).toMatchObject({ type: 'function_call', name: 'look_up', call_id: done.call_id, status: 'completed' });
    send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: done.call_id, output: '{"ok":true}' },
    });
    send({ type: 'response.create' });
    clock.advance(2_000);
    expect(last('response.output_audio_transcript.done').transcript).toBe('The tool has answered.');
  });
});
