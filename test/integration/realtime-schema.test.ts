import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { WebSocket } from 'ws';
import { makeTone } from '../../src/media/tone.ts';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { parseScenario, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { Page } from './browser-page.ts';
import { SchemaCheck } from './realtime-schema.ts';
import { sleep, startRig, TRANSPORTS, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What the daemon and the simulated model say to each other is what OpenAI publishes, in calls that are real but for the vendor. */

const ROUTES_FILE = join(import.meta.dirname, '../fixtures/routes.yaml');
const VOICE = { tone: 620, ms: 1_500, dbfs: -15 };
const TURN = [toneSource(1_020, { ms: 500, dbfs: -15 }), { pauseMs: 2_500 }];

describe('the check of events against the published types', () => {
  it('finds what does not fit, and nothing else', async () => {
    const check = new SchemaCheck();
    check.note('client', { type: 'response.create', response: { instructions: 'Greet.', tool_choice: 'none' } });
    check.note('client', { type: 'response.cancel', reason: 'because' });
    check.note('client', { type: 'session.update', session: { type: 'realtime', reasoning: null } });
    const item = (content: object) => ({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [content] },
    });
    check.note('client', item({ type: 'input_text', text: 'Hello' }));
    check.note('client', item({ type: 'output_text', text: 'Hello' }));
    check.note('client', item({ type: 'input_audio', audio: 'AAAA', transcript: null }));
    check.note('service', { type: 'output_audio_buffer.stopped', event_id: 'e', response_id: 'r' });
    check.note('service', { type: 'output_audio_buffer.stopped', event_id: 'e' });
    check.note('service', { type: 'no.such.event', event_id: 'e' });
    const session = { id: 's', object: 'realtime.session', type: 'realtime', model: 'gpt-realtime' };
    check.note('service', { type: 'session.created', event_id: 'e', session });
    check.note('service', {
      type: 'session.created',
      event_id: 'e',
      session: { ...session, parallel_tool_calls: true },
    });
    const violations = await check.violations();
    expect(violations.map((one) => one.split(': ')[0])).toEqual([
      'client response.cancel',
      'client session.update',
      'client conversation.item.create',
      'client conversation.item.create',
      'service output_audio_buffer.stopped',
      'service no.such.event',
      'service session.created',
    ]);
  });
});

describe.concurrent('what is said between daemon and model is as published', () => {
  it.for(TRANSPORTS)(
    'in a call with tools, an interruption, a failure and silence, over %s',
    async (transport, { own }) => {
      const check = new SchemaCheck();
      const rig = own(
        await startRig({
          transport,
          settings: { ROUTES_FILE, SILENCE_SECONDS: '3' },
          model: { voice: VOICE, onEvent: check.note },
          scenario: {
            turns: [
              {
                tools: [
                  { name: 'search_knowledge', arguments: { question: 'parking' } },
                  { name: 'no_such_tool', arguments: 'no JSON' },
                ],
                afterTools: { text: 'Behind the house.', tone: 620, toneMs: 600 },
              },
              { fail: { code: 'server_error', message: 'try again' } },
              { say: { text: 'All of that again, slowly.', tone: 620, toneMs: 6_000 } },
            ],
          },
        }),
      );
      const source = scriptSource([{ pauseMs: 2_500 }, ...TURN, ...TURN, ...TURN, { pauseMs: 8_000 }]);
      const { report } = rig.call({ source, hangUpAfterMs: 18_000 });
      expect((await report).ok).toBe(true);
      for (const seen of [
        'client session.update',
        'client response.create',
        'client conversation.item.create',
        'service session.updated',
        'service conversation.item.input_audio_transcription.completed',
        'service response.function_call_arguments.done',
        'service response.done',
      ])
        expect(check.seen).toContain(seen);
      expect(await check.violations()).toEqual([]);
    },
  );

  it.for(TRANSPORTS)(
    'when a session is built again and told what was said before, over %s',
    async (transport, { own, onTestFinished }) => {
      const check = new SchemaCheck();
      const rig = own(
        await startRig({
          transport,
          settings: { ROUTES_FILE },
          model: { voice: VOICE, onEvent: check.note },
          scenario: {
            turns: [{ tools: [{ name: 'search_knowledge', arguments: { question: 'parking' } }] }],
            faults: [{ fault: 'drop', sessions: [1], afterMs: 8_000 }],
          },
        }),
      );
      const caller = new Page();
      onTestFinished(() => caller.close());
      await caller.call(rig.url, { conversation_id: 'c1' });
      await sleep(2_500);
      caller.say(1_020);
      await sleep(700);
      caller.say(undefined);
      await sleep(2_500);
      caller.send({ type: 'text', id: 't1', text: 'And where can I park?' });
      await until(() => rig.model.sessions[1], 'the second session', 15_000);
      await sleep(2_000);
      caller.send({ type: 'text', id: 't2', text: 'Thank you.' });
      await sleep(2_000);
      const items =
        rig.model.sessions[1]?.received.filter((event) => event['type'] === 'conversation.item.create') ?? [];
      expect(JSON.stringify(items)).toContain('And where can I park?');
      expect(await check.violations()).toEqual([]);
    },
  );

  it('in the simulated model’s answers to whatever a client may ask', async ({ own, onTestFinished }) => {
    const check = new SchemaCheck();
    const server = own(
      await startRealtimeServer({
        port: 0,
        voice: VOICE,
        onEvent: check.note,
        scenario: parseScenario({
          turns: [
            { tools: [{ name: 'weather', arguments: { city: 'Bern' } }], afterTools: { text: 'Sunny.' } },
            { say: { text: 'A long one.', tone: 620, toneMs: 8_000 } },
          ],
        }),
      }),
    );
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/realtime?model=gpt-realtime`, {
      headers: { authorization: 'Bearer sk-test' },
    });
    onTestFinished(() => socket.terminate());
    const events: Array<Record<string, unknown>> = [];
    socket.on('message', (data) => events.push(JSON.parse(String(data)) as Record<string, unknown>));
    await once(socket, 'open');
    const told = (type: string) => events.filter((event) => event['type'] === type);
    const ask = (event: object) => socket.send(JSON.stringify(event));
    const item = (fields: object) => ask({ type: 'conversation.item.create', item: fields });
    const answers = async (n: number) => {
      await until(() => told('response.done').length >= n, `${n} answers`);
    };
    ask({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'Be a line.',
        parallel_tool_calls: false,
        reasoning: { effort: 'low' },
        max_output_tokens: 2_000,
        truncation: { type: 'retention_ratio', retention_ratio: 0.8, token_limits: { post_instructions: 8_000 } },
        prompt: { id: 'pmpt_1', version: '2', variables: { name: 'Ada' } },
        tracing: null,
        include: ['item.input_audio_transcription.logprobs'],
        tools: [{ type: 'function', name: 'weather', description: 'The weather.', parameters: { type: 'object' } }],
        tool_choice: 'auto',
        audio: {
          input: {
            noise_reduction: { type: 'far_field' },
            transcription: { model: 'gpt-4o-transcribe', language: 'en', prompt: 'A phone call.' },
            turn_detection: { type: 'semantic_vad', eagerness: 'low' },
          },
          output: { voice: { id: 'voice_1' }, speed: 1.1 },
        },
      },
    });
    ask({ type: 'response.create', response: { instructions: 'Greet.', metadata: { topic: 'greeting' } } });
    await answers(1);
    ask({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'], input: [] } });
    await answers(2);
    // Both kinds of turn detection, and the audio of a turn.
    for (const detection of [{ type: 'semantic_vad' }, { type: 'server_vad', idle_timeout_ms: 5_000 }]) {
      ask({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: detection } } } });
      const done = told('response.done').length;
      for (const part of [makeTone(640, 24_000, 700, -18), new Int16Array(24_000 * 3)])
        for (let at = 0; at < part.length; at += 2_400)
          ask({
            type: 'input_audio_buffer.append',
            audio: Buffer.from(part.slice(at, at + 2_400).buffer).toString('base64'),
          });
      await answers(done + 1);
      const call = told('response.function_call_arguments.done').at(-1);
      if (call !== undefined)
        item({ type: 'function_call_output', call_id: call['call_id'], output: '{"sky":"clear"}' });
      await sleep(300);
    }
    item({ type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be short.' }] });
    item({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I am.' }] });
    item({
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is this?' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'low' },
        { type: 'input_audio', audio: Buffer.alloc(480).toString('base64') },
      ],
    });
    item({ type: 'mcp_approval_response', id: 'mcpr_1', approval_request_id: 'mcpa_1', approve: true, reason: null });
    const done = told('response.done').length;
    ask({ type: 'response.create' });
    await until(() => told('response.output_audio.delta').length > 0 || undefined, 'audio');
    await answers(done + 1);
    const spoken = events.findLast((event) => event['type'] === 'response.output_audio.done');
    ask({ type: 'conversation.item.truncate', item_id: spoken?.['item_id'], content_index: 0, audio_end_ms: 100 });
    ask({ type: 'conversation.item.retrieve', item_id: spoken?.['item_id'] });
    for (const added of told('conversation.item.added').slice(0, 4))
      ask({ type: 'conversation.item.retrieve', item_id: (added['item'] as { id: string }).id });
    ask({ type: 'conversation.item.delete', item_id: spoken?.['item_id'] });
    ask({ type: 'input_audio_buffer.clear' });
    ask({ type: 'input_audio_buffer.commit' });
    ask({ type: 'response.cancel' });
    ask({ type: 'output_audio_buffer.clear' });
    await until(() => told('error').length >= 3, 'the refusals');
    await until(() => told('conversation.item.deleted')[0], 'the deletion');
    // What this client got wrong on purpose is the service's to refuse.
    expect(told('error').map(({ error }) => (error as { code: string }).code)).toEqual([
      'input_audio_buffer_commit_empty',
      'response_cancel_not_active',
      'invalid_value',
    ]);
    expect(await check.violations()).toEqual([]);
  });
});
