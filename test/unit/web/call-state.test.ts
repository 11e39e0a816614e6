import { describe, expect, it } from 'vitest';
import { applyEvent, callFrom, elapsedMs, newCall } from '../../../web/js/model/call-state.js';
import { stream } from './events.ts';

describe('the state of a call', () => {
  it('follows a call from its start to its end', () => {
    const tell = stream('c1');
    const call = newCall('c1');
    const phases = [];
    for (const event of [
      tell('call_started', {
        direction: 'inbound',
        info: { from: '+12025550143', carrier: 'twilio', prompt: 'default' },
      }),
      tell('caller_joined', { kind: 'twilio', again: false }),
      tell('agent.ready', { transport: 'webrtc', sessionId: 's', resumed: false }),
      tell('connected', { audioPath: 'up; down' }),
      tell('agent.reconnecting', { reason: 'MODEL_GONE' }),
      tell('agent.ready', { transport: 'websocket', sessionId: 's', resumed: true }),
      tell(
        'call_ended',
        { end: { result: 'success', reason: 'caller-hangup' }, durationMs: 9_000, counters: {} },
        9_100,
      ),
    ]) {
      applyEvent(call, event);
      phases.push(call.phase);
    }
    expect(phases).toEqual(['ringing', 'connecting', 'connecting', 'talking', 'held', 'talking', 'ended']);
    expect(call).toMatchObject({
      transport: 'websocket',
      durationMs: 9_000,
      complete: true,
      end: { reason: 'caller-hangup' },
    });
    expect(call.info).toMatchObject({ direction: 'inbound', from: '+12025550143' });
    expect(elapsedMs(call, Number.MAX_SAFE_INTEGER)).toBe(9_000);
  });

  it('replaces the pieces of a transcript by the whole, and takes no piece after it', () => {
    const tell = stream('c1');
    const say = (text: string, final: boolean) =>
      tell('agent.transcript', { role: 'agent', itemId: 'i1', text, final });
    const call = callFrom('c1', [say('Good ', false), say('mor', false)]);
    expect(call.entries[0]).toMatchObject({ text: 'Good mor', final: false });
    applyEvent(call, say('Good morning.', true));
    applyEvent(call, say('late', false));
    expect(call.entries).toHaveLength(1);
    expect(call.entries[0]).toMatchObject({ text: 'Good morning.', final: true, role: 'agent' });
  });

  it("puts the caller's words where they were said, though they are known after the answer began", () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.speech_started', { itemId: 'u1' }, 1_000),
      tell('agent.audio_started', { responseId: 'r', itemId: 'a1', contentIndex: 0 }, 3_000),
      tell('agent.transcript', { role: 'agent', itemId: 'a1', text: 'Hello.', final: true }, 3_100),
      tell('agent.transcript', { role: 'caller', itemId: 'u1', text: 'Hi.', final: true }, 3_200),
    ]);
    expect(call.entries.map(({ text, atMs }) => [text, atMs])).toEqual([
      ['Hi.', 1_000],
      ['Hello.', 3_000],
    ]);
  });

  it('marks what was spoken over with what was heard of it', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.transcript', { role: 'agent', itemId: 'a1', text: 'A long story.', final: true }),
      tell('barge_in', { heard: [{ itemId: 'a1', heardMs: 1_840, writtenMs: 4_000 }], clearMs: 0.2 }),
    ]);
    expect(call.bargeIns).toBe(1);
    expect(call.entries[0]).toMatchObject({ heardMs: 1_840 });
    expect(call.entries[1]).toMatchObject({ kind: 'mark', mark: 'bargeIn' });
    expect(call.entries[1]?.text).toContain('1.8 s');
  });

  it('makes one line of all that is told of a tool', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.tool_call', { toolCallId: 't1', name: 'book', arguments: '{"day":"Monday"}', responseId: 'r' }),
      tell('tool.tool_started', { toolCallId: 't1', name: 'book' }),
      tell('tool.tool_finished', { toolCallId: 't1', name: 'book', ms: 120, outcome: 'timeout', truncated: false }),
      tell('tool.tool_result_dropped', { toolCallId: 't1', name: 'book', ms: 9_000, why: 'late' }),
    ]);
    expect(call.entries).toHaveLength(1);
    expect(call.entries[0]).toMatchObject({ args: '{"day":"Monday"}', status: 'dropped', outcome: 'late', ms: 9_000 });
  });

  it('says in words what went wrong', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.transport_fallback', { from: 'webrtc', to: 'websocket', reason: 'ICE_FAILED' }),
      tell('agent.error', { code: 'server_error', message: 'try later' }),
      tell('audio_alarm', { kind: 'missing', audioPath: '' }),
      tell('caller.dtmf', { digit: '5' }),
      tell('an_event_of_tomorrow', { what: 1 }),
    ]);
    expect(call.errors).toBe(2);
    expect(call.entries.map((entry) => entry.mark)).toEqual(['warning', 'error', 'error', 'keypad']);
    expect(call.entries[0]?.text).toContain('WebRTC could not be had (ICE_FAILED)');
  });

  it('shows what the caller wrote where it was written, as words of theirs', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.transcript', { role: 'agent', itemId: 'a1', text: 'Your number?', final: true }),
      tell('caller.text', { text: '4711 <b>' }, 5_000),
      tell('caller.text', { text: '4711 <b>' }, 6_000),
    ]);
    const typed = { kind: 'speech', role: 'caller', typed: true, final: true, text: '4711 <b>' };
    expect(call.entries.slice(1)).toMatchObject([
      { ...typed, atMs: 5_000 },
      { ...typed, atMs: 6_000 },
    ]);
    expect(new Set(call.entries.map(({ key }) => key)).size).toBe(3);
  });

  it('holds a call whose line broke until the caller is back', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [tell('call_started', { info: {} }), tell('connected', { audioPath: '' })]);
    applyEvent(call, tell('caller.ended', { end: { result: 'upstream_error', reason: 'media-lost' } }));
    expect(call).toMatchObject({ phase: 'held', entries: [{ mark: 'warning', text: 'The caller’s line broke' }] });
    applyEvent(call, tell('caller_joined', { kind: 'twilio', again: true }));
    applyEvent(call, tell('connected', { audioPath: '' }));
    expect(call.phase).toBe('talking');
    applyEvent(call, tell('caller.ended', { end: { result: 'success', reason: 'caller-hangup' } }));
    expect(call.phase).toBe('talking');
    expect(call.entries).toHaveLength(2);
  });

  it('shows to whom a caller is connected, and what became of it', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [tell('call_started', { info: {} }), tell('connected', { audioPath: '' })]);
    applyEvent(call, tell('transfer_started', { n: 1, to: '+12025550143' }));
    expect(call.phase).toBe('held');
    applyEvent(call, tell('transfer_ended', { n: 1, how: 'no-answer' }));
    applyEvent(call, tell('connected', { audioPath: '' }));
    expect(call.phase).toBe('talking');
    applyEvent(call, tell('transfer_started', { n: 2, to: '+12025550143' }));
    applyEvent(call, tell('transfer_ended', { n: 2, how: 'completed', seconds: 9 }));
    expect(call.entries.map(({ text }) => text)).toEqual([
      'The caller is being connected to +1 202 555 0143',
      'The caller was not connected: nobody answered',
      'The caller is being connected to +1 202 555 0143',
      'The caller was connected, and that talk is over',
    ]);
  });

  it('says of speech whose words were never told that there are none, once the call is over', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.speech_started', { itemId: 'u1' }),
      tell('agent.transcript', { role: 'agent', itemId: 'a1', text: 'Hello.', final: true }),
    ]);
    expect(call.entries[0]?.wordless).toBeUndefined();
    applyEvent(call, tell('call_ended', { end: { result: 'success', reason: 'caller-hangup' }, durationMs: 9 }));
    expect(call.entries.map(({ wordless }) => wordless)).toEqual([true, undefined]);
    expect(call.entries[0]?.rev).toBe(call.rev);
  });

  it('keeps what a tool answered', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.tool_call', { toolCallId: 't1', name: 'look_up', arguments: '{}', responseId: 'r' }),
      tell('tool.tool_finished', { toolCallId: 't1', name: 'look_up', ms: 1, outcome: 'ok', output: '{"found":true}' }),
    ]);
    expect(call.entries).toMatchObject([{ kind: 'tool', status: 'ok', output: '{"found":true}' }]);
  });

  it('takes an event once, whenever it comes', () => {
    const tell = stream('c1');
    const events = [tell('barge_in', { heard: [], clearMs: 1 }), tell('barge_in', { heard: [], clearMs: 1 })];
    const call = callFrom('c1', [...events].reverse());
    expect(events.map((event) => applyEvent(call, event))).toEqual([false, false]);
    expect(call.bargeIns).toBe(2);
  });

  it('keeps a bounded number of lines, and counts those it let go', () => {
    const tell = stream('c1');
    const digits = Array.from({ length: 25 }, () => tell('caller.dtmf', { digit: '1' }));
    const call = callFrom('c1', digits, { maxEntries: 10 });
    expect(call.entries).toHaveLength(10);
    expect(call.dropped).toBe(15);
    expect(call.entries[0]?.key).toBe('mark-15');
  });

  it('lets a later word on a turn complete an earlier one', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('turn', { index: 0, detectedMs: 1_500 }),
      tell('turn', { index: 0, firstAudioMs: 1_900, heardMs: 2_000 }),
      tell('turn', { index: 1, detectedMs: 4_000 }),
    ]);
    expect(call.turns).toEqual([
      { index: 0, detectedMs: 1_500, firstAudioMs: 1_900, heardMs: 2_000 },
      { index: 1, detectedMs: 4_000 },
    ]);
  });

  it('writes how long the caller waited to what he waited for, and keeps what tools took', () => {
    const tell = stream('c1');
    const call = callFrom('c1', [
      tell('agent.audio_started', { responseId: 'r0', itemId: 'greeting', contentIndex: 0 }, 100),
      tell('tool.tool_finished', { name: 'book', toolCallId: 't', ms: 300, outcome: 'ok' }, 2_400),
      tell('agent.audio_started', { responseId: 'r1', itemId: 'answer', contentIndex: 0 }, 2_910),
      tell('turn', { index: 0, callerStoppedMs: 2_000, detectedMs: 2_300, firstAudioMs: 2_900, heardMs: 3_000 }, 3_000),
    ]);
    const delays = call.entries.filter(({ role }) => role === 'agent').map(({ delayMs }) => delayMs);
    expect(delays).toEqual([undefined, 1_000]);
    expect(call.tools).toEqual([{ name: 'book', ms: 300, fromMs: 2_100 }]);
  });
});
