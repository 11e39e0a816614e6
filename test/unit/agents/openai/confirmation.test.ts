import { describe, expect, it } from 'vitest';
import type { OpenAiAgentOptions } from '../../../../src/agents/openai/options.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { Run } from './run.ts';

const lookup = {
  type: 'function',
  name: 'lookup',
  description: 'Looks up.',
  parameters: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
} as const;

const ASKED: Partial<OpenAiAgentOptions> = {
  instructions: 'You are Ada.\nBe brief.',
  tools: [lookup],
  voice: 'marin',
  turnDetection: { type: 'server_vad', silenceDurationMs: 500 },
};

/** What a server says that holds the session as it was asked. */
const HELD = {
  id: 'sess_1',
  object: 'realtime.session',
  type: 'realtime',
  output_modalities: ['audio'],
  instructions: 'You are Ada.\nBe brief.',
  tools: [lookup],
  tool_choice: 'auto',
  audio: {
    input: {
      format: { type: 'audio/pcmu' },
      turn_detection: { type: 'server_vad', threshold: 0.5, silence_duration_ms: 500, create_response: true },
    },
    output: { format: { type: 'audio/pcmu' }, voice: 'marin', speed: 1 },
  },
};

const updated = (session: object) => ({ type: 'session.updated', session });

/** A leg whose server answers `session.update` by the test's hand alone. */
async function asking(options: Partial<OpenAiAgentOptions> = {}): Promise<Run> {
  const r = new Run({ ...ASKED, ...options });
  r.model.confirms = false;
  return r.start();
}

const asks = (r: Run) => r.model.last.of('session.update').length;

describe('a session that the model holds as it was asked, however it spells it', () => {
  const audio = (input: object, output: object = input) => ({
    audio: { input: { ...HELD.audio.input, ...input }, output: { ...HELD.audio.output, ...output } },
  });
  it.each<[string, object]>([
    ['word for word', HELD],
    ['in another order of keys', Object.fromEntries(Object.entries(HELD).reverse())],
    ['with a codec in capitals', { ...HELD, ...audio({ format: { type: 'audio/PCMU' } }) }],
    ['with the rate of mu-law', { ...HELD, ...audio({ format: { type: 'audio/pcmu', rate: 8000 } }) }],
    ['with a rate in words', { ...HELD, ...audio({ format: { type: 'audio/pcmu', rate: '8000' } }) }],
    ['with a format that is only a name', { ...HELD, ...audio({ format: 'g711_ulaw' }) }],
    ['with other ends of lines', { ...HELD, instructions: 'You are Ada.\r\nBe brief.\n' }],
    ['with tools that have defaults', { ...HELD, tools: [{ ...lookup, strict: false, description: null }] }],
    ['with tools in the form of chat', { ...HELD, tools: [{ type: 'function', function: lookup }] }],
    [
      'with another silence, which the server may bound',
      { ...HELD, ...audio({ turn_detection: { type: 'server_vad', silence_duration_ms: 400 } }, {}) },
    ],
    ['in parts only', { id: 'sess_1', audio: HELD.audio }],
    ['without a word of it', {}],
  ])('is used: %s', async (_how, session) => {
    const r = await asking();
    r.says(updated(session));
    await r.settle();
    expect(r.types).toEqual(['ready']);
    expect(asks(r)).toBe(1);
  });

  it('is used when the confirmation is an event without a session', async () => {
    const r = await asking();
    r.says({ type: 'session.updated' });
    await r.settle();
    expect(r.types).toEqual(['ready']);
  });

  it.each([
    ['audio/pcm without a rate', { type: 'audio/pcm' }],
    ['audio/PCM with the rate as a text', { type: 'audio/PCM', rate: '24000' }],
    ['pcm16', 'pcm16'],
    ['audio/pcm;rate=24000', { type: 'audio/pcm;rate=24000' }],
  ])('is used at 24 kHz: %s', async (_how, format) => {
    const r = await asking({ format: 'pcm16' });
    r.says(updated({ audio: { input: { format }, output: { format } } }));
    await r.settle();
    expect(r.types).toEqual(['ready']);
  });
});

describe('a session that is not what was asked', () => {
  const other: Array<[string, object, string]> = [
    ['other instructions', { ...HELD, instructions: 'You are a helpful assistant.' }, 'model-unconfirmed'],
    ['no instructions', { ...HELD, instructions: '' }, 'model-unconfirmed'],
    ['null for instructions', { ...HELD, instructions: null }, 'model-unconfirmed'],
    ['no tools', { ...HELD, tools: [] }, 'model-unconfirmed'],
    ['other tools', { ...HELD, tools: [{ ...lookup, name: 'delete_all' }] }, 'model-unconfirmed'],
    ['one tool more', { ...HELD, tools: [lookup, { ...lookup, name: 'x' }] }, 'model-unconfirmed'],
    [
      'a tool of other parameters',
      { ...HELD, tools: [{ ...lookup, parameters: { type: 'object', properties: { q: {} } } }] },
      'model-unconfirmed',
    ],
    ['tools that may not be used', { ...HELD, tool_choice: 'none' }, 'model-unconfirmed'],
    ['text for an answer', { ...HELD, output_modalities: ['text'] }, 'model-unconfirmed'],
    ['a session that only transcribes', { ...HELD, type: 'transcription' }, 'model-unconfirmed'],
    [
      'no turn detection',
      { ...HELD, audio: { ...HELD.audio, input: { ...HELD.audio.input, turn_detection: null } } },
      'model-unconfirmed',
    ],
    [
      'another turn detection',
      { ...HELD, audio: { ...HELD.audio, input: { ...HELD.audio.input, turn_detection: { type: 'semantic_vad' } } } },
      'model-unconfirmed',
    ],
    [
      'another format',
      { ...HELD, audio: { ...HELD.audio, output: { format: { type: 'audio/pcm', rate: 24_000 } } } },
      'model-format-mismatch',
    ],
    [
      'mu-law at another rate',
      { ...HELD, audio: { ...HELD.audio, output: { format: { type: 'audio/pcmu', rate: 16_000 } } } },
      'model-format-mismatch',
    ],
    [
      'a format that nobody can read',
      { ...HELD, audio: { ...HELD.audio, output: { format: { codec: 7 } } } },
      'model-format-mismatch',
    ],
  ];

  it.each(other)('is asked for again, and never spoken through: %s', async (_what, session, reason) => {
    const r = await asking();
    r.says(updated(session));
    await r.settle();
    expect(asks(r)).toBe(2);
    expect(r.types).toEqual([]);
    r.says(updated(session), says.created('r1'), says.delta('r1', 'i1', ulaw(100)));
    await r.settle();
    expect(r.end).toMatchObject({ reason });
    expect(r.peer.heard).toEqual([]);
    expect(r.model.last.closed).toBe(true);
    expect(r.clock.pending).toBe(0);
  });

  it.each(other)('is used when the second answer is right: %s', async (_what, session) => {
    const r = await asking();
    r.says(updated(session));
    await r.settle();
    r.says(updated(HELD));
    await r.settle();
    expect(r.types).toEqual(['ready']);
  });

  it('is known by what was announced, where the confirmation leaves the format out', async () => {
    const r = new Run(ASKED);
    r.model.confirms = false;
    r.model.announces = false;
    await r.start();
    const pcm = { format: { type: 'audio/pcm', rate: 24_000 } };
    r.says({ type: 'session.created', session: { id: 's', audio: { input: pcm, output: pcm } } });
    await r.settle();
    r.says(updated({ id: 's', instructions: HELD.instructions }));
    await r.settle();
    expect(asks(r)).toBe(2);
    r.says(updated({ id: 's' }));
    await r.settle();
    expect(r.end).toMatchObject({ reason: 'model-format-mismatch' });
  });

  it('is told without a word of the instructions', async () => {
    const r = await asking({ instructions: 'secret recipe' });
    r.says(updated({ ...HELD, instructions: 'other words' }), updated({ ...HELD, instructions: 'other words' }));
    await r.settle();
    expect(JSON.stringify([r.log.lines, String(r.startError), r.events])).not.toMatch(/secret recipe|other words/);
  });
});

describe('a session that is refused without saying which request', () => {
  it('is asked for again, and used when that is confirmed', async () => {
    const r = await asking();
    r.says({ type: 'error', error: { type: 'invalid_request_error', code: null, message: 'no', event_id: null } });
    await r.settle();
    expect(asks(r)).toBe(2);
    expect(new Set(r.model.last.of('session.update').map((event) => event['event_id'])).size).toBe(2);
    expect(r.types).toEqual([]);
    r.says(updated(HELD));
    await r.settle();
    expect(r.types).toEqual(['ready']);
  });

  it.each([
    ['null', { event_id: null }],
    ['no', {}],
    ['an unknown', { event_id: 'event_of_nobody' }],
  ])('ends without a sound when it is refused twice with %s event id', async (_id, id) => {
    const r = await asking();
    const refused = {
      type: 'error',
      error: { type: 'invalid_request_error', code: 'invalid_value', message: 'no', ...id },
    };
    r.says(refused);
    await r.settle();
    r.says(refused, says.created('r1'), says.delta('r1', 'i1', ulaw(7000)));
    await r.settle();
    expect(r.end).toMatchObject({ reason: 'model-rejected' });
    expect(r.peer.heard).toEqual([]);
    expect(r.clock.pending).toBe(0);
  });

  it('takes a late refusal of its second request for none, once the first was confirmed', async () => {
    const r = await asking();
    r.says({ type: 'error', error: { type: 'server_error', code: null, message: 'hiccup', event_id: null } });
    await r.settle();
    r.says(updated(HELD));
    await r.settle();
    const second = r.model.last.of('session.update')[1]?.['event_id'] as string;
    r.says(says.error('cannot_update_voice', second));
    await r.settle();
    expect(r.types).toEqual(['ready']);
    expect(r.end).toBeUndefined();
  });
});

describe('a session that is never confirmed', () => {
  it('is asked for again, then given up without a sound', async () => {
    const r = await asking();
    r.says(says.created('r1'), says.delta('r1', 'i1', ulaw(7000)));
    await r.after(2_050);
    expect(asks(r)).toBe(2);
    await r.after(7_500);
    expect(r.end).toMatchObject({ reason: 'model-unconfirmed' });
    expect(r.peer.heard).toEqual([]);
    expect(r.clock.pending).toBe(0);
  });

  it('is used when it is confirmed late', async () => {
    const r = await asking();
    await r.after(3_000);
    r.says(updated(HELD));
    await r.settle();
    expect(r.types).toEqual(['ready']);
  });
});

describe('what a model says of its own before the session is confirmed', () => {
  it('is cancelled and never heard, neither then nor later', async () => {
    const r = await asking();
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(100)));
    r.says(updated(HELD));
    await r.settle();
    expect(r.model.last.of('response.cancel')).toMatchObject([{ response_id: 'r1' }]);
    r.says(
      says.delta('r1', 'i1', ulaw(100)),
      says.wordsDone('r1', 'i1', 'Hi, I am an assistant.'),
      says.done('r1', 'cancelled'),
    );
    expect(r.types).toEqual(['ready']);
    expect(r.peer.heard).toEqual([]);
    r.says(says.created('r2'), says.message('r2', 'i2'), says.delta('r2', 'i2', ulaw(100)));
    expect(r.peer.heard).toHaveLength(800);
  });
});

describe('over WebRTC', () => {
  it('takes the WebSocket when its session is not confirmed, with the same key', async () => {
    const r = await asking({ transport: 'webrtc' });
    const wrong = updated({ ...HELD, instructions: 'other' });
    r.says(wrong);
    await r.settle();
    r.says(wrong);
    await r.settle();
    expect(r.model.tries).toEqual(['webrtc', 'websocket']);
    expect(r.model.connections[0]?.closed).toBe(true);
    expect(r.of('transport_fallback')).toMatchObject([{ reason: 'MODEL_SESSION_UNCONFIRMED' }]);
    r.says(updated(HELD));
    await r.settle();
    expect(r.types).toEqual(['transport_fallback', 'ready']);
    expect(new Set(r.model.keys).size).toBe(1);
  });

  it('gives up when neither confirms', async () => {
    const r = await asking({ transport: 'webrtc' });
    const wrong = updated({ ...HELD, tools: [] });
    for (let i = 0; i < 4; i++) {
      r.says(wrong);
      await r.settle();
    }
    expect(r.model.tries).toEqual(['webrtc', 'websocket']);
    expect(r.end).toMatchObject({ reason: 'model-unconfirmed' });
    expect(r.clock.pending).toBe(0);
  });
});

describe('a session that changes in the middle of a call', () => {
  it('is parted from, and built again', async () => {
    const r = await asking();
    r.says(updated(HELD));
    await r.settle();
    r.says(updated({ ...HELD, instructions: 'You are a pirate.' }));
    await r.settle();
    expect(r.model.connections).toHaveLength(2);
    expect(r.model.connections[0]?.closed).toBe(true);
    r.says(updated(HELD));
    await r.settle();
    expect(r.types).toEqual(['ready', 'reconnecting', 'ready']);
  });
});
