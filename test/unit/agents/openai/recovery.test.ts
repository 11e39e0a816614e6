import { describe, expect, it } from 'vitest';
import type { Said } from '../../../../src/call/said.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { Run, run } from './run.ts';

const down = () => new BridgeError('MODEL_UNAVAILABLE', 'HTTP 503', { retryable: true });

/** What a session was told and asked after its set-up: items as "role: text", the rest by type. */
function told(r: Run): string[] {
  return r.model.last.sent.slice(1).map((event) => {
    const item = event.item as
      | {
          type: string;
          role?: string;
          content?: Array<{ type: string; text: string }>;
          call_id?: string;
          output?: string;
        }
      | undefined;
    if (item === undefined) return event.type;
    if (item.type === 'message') return `${item.role}/${item.content?.[0]?.type}: ${item.content?.[0]?.text}`;
    return `${item.type} ${item.call_id} ${item.output ?? ''}`.trim();
  });
}

const instructionsOf = (r: Run) => {
  const create = r.model.last.of('response.create').at(-1) as { response?: { instructions?: string } } | undefined;
  return create?.response?.instructions;
};

describe('a call that goes on from one whose process is gone', () => {
  const before: Said[] = [
    { kind: 'message', role: 'agent', text: 'Good day.' },
    { kind: 'message', role: 'caller', text: 'Book me for Friday.' },
    { kind: 'tool_call', toolCallId: 'call_7', name: 'book', arguments: '{"day":"Friday"}' },
    { kind: 'tool_result', toolCallId: 'call_7', output: '{"booked":true}' },
  ];
  const goneOn = async (said: readonly Said[]) => {
    const r = new Run({ instructions: 'You are Ada.', greeting: 'Good day' });
    r.leg.goOnFrom(said);
    await r.start();
    r.leg.greet();
    return r;
  };

  it('tells its session all of it before anything else, and says that it goes on in place of the greeting', async () => {
    const r = await goneOn([...before, { kind: 'message', role: 'agent', text: 'You are booked.' }]);
    expect(told(r)).toEqual([
      'assistant/output_text: Good day.',
      'user/input_text: Book me for Friday.',
      'function_call before_2',
      'function_call_output before_2 {"booked":true}',
      'assistant/output_text: You are booked.',
      'response.create',
    ]);
    expect(instructionsOf(r)).toMatch(
      /^You are Ada\.[\s\S]*the line broke and that you are back[\s\S]*say it again briefly/,
    );
    expect(r.model.last.of('response.create').at(-1)).toMatchObject({ response: { tool_choice: 'none' } });
  });

  it('answers the words of the caller that were the last, with tools where it needs them', async () => {
    const r = await goneOn(before.slice(0, 2));
    expect(instructionsOf(r)).toMatch(/then answer what the caller said last/);
    expect(r.model.last.of('response.create').at(-1)).not.toHaveProperty('response.tool_choice');
  });

  it('does not take for done what no result tells of', async () => {
    const r = await goneOn(before.slice(0, 3));
    expect(told(r)).toContainEqual(expect.stringMatching(/^function_call_output before_2 .*not known/));
  });

  it('greets as ever where nothing had been said', async () => {
    const r = await goneOn([]);
    expect(instructionsOf(r)).toMatch(/exactly this to the caller: "Good day"/);
  });

  it('tells what was said in either life, so that a third can go on from it', async () => {
    const r = await goneOn(before);
    r.says({ type: 'input_audio_buffer.committed', item_id: 'u1' }, says.callerSaid('u1', 'Thanks.'));
    expect(r.leg.said()).toEqual([
      ...before.map((one) => ('toolCallId' in one ? { ...one, toolCallId: 'before_2' } : one)),
      { kind: 'message', role: 'caller', text: 'Thanks.' },
    ]);
  });
});

describe('a session lost in the middle of a call', () => {
  it('is built again, told what was said, and asked to go on where it was cut', async () => {
    const r = await run({ instructions: 'You are Ada.' });
    r.says({ type: 'input_audio_buffer.committed', item_id: 'u1' }, says.callerSaid('u1', 'When are you open?'));
    r.says(says.created('r1'), says.message('r1', 'i1'), says.words('r1', 'i1', 'We are open from nine'));
    r.says(says.delta('r1', 'i1', ulaw(100)));
    const first = r.model.last;
    first.breaks();
    expect(r.types.slice(-2)).toEqual(['audio_done', 'reconnecting']);
    r.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    await r.settle();
    expect(r.model.connections).toHaveLength(2);
    expect(r.of('ready').at(-1)).toEqual({
      type: 'ready',
      transport: 'websocket',
      pace: 'burst',
      sessionId: 'sess_2',
      resumed: true,
    });
    expect(told(r)).toEqual([
      'user/input_text: When are you open?',
      'assistant/output_text: We are open from nine',
      'response.create',
    ]);
    expect(instructionsOf(r)).toMatch(/^You are Ada\.[\s\S]*"We are open from nine"/);
    expect(r.counters.model_reconnect).toBe(1);
    r.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(r.model.last.heard).toBe(160);
  });

  it('asks nothing when nothing was owed', async () => {
    const r = await run();
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(20)));
    r.says(says.wordsDone('r1', 'i1', 'Hello.'), says.done('r1'));
    r.model.last.breaks();
    await r.settle();
    expect(told(r)).toEqual(['assistant/output_text: Hello.']);
  });

  it('answers a caller who was understood and not yet answered', async () => {
    const r = await run();
    r.says(says.speechStarted, says.speechStopped, { type: 'input_audio_buffer.committed', item_id: 'u1' });
    r.says(says.callerSaid('u1', 'Hello?'));
    r.model.last.breaks();
    await r.settle();
    expect(told(r)).toEqual(['user/input_text: Hello?', 'response.create']);
    expect(instructionsOf(r)).toBeUndefined();
  });

  it('asks the caller to repeat what was lost', async () => {
    const r = await run();
    r.says(says.speechStarted, says.speechStopped, { type: 'input_audio_buffer.committed', item_id: 'u1' });
    r.model.last.breaks();
    await r.settle();
    expect(instructionsOf(r)).toMatch(/say it again/);
  });

  it('greets again when the greeting had not been heard', async () => {
    const r = await run({ greeting: 'Good day' });
    r.leg.greet();
    r.says(says.created('r1'));
    r.model.last.breaks();
    await r.settle();
    expect(instructionsOf(r)).toContain('"Good day"');
  });

  it('cuts the last words to what was heard of them over WebRTC', async () => {
    const r = await run({ transport: 'webrtc' });
    r.says(says.created('r1'), says.message('r1', 'i1'), says.buffer('started', 'r1'));
    r.says(says.wordsDone('r1', 'i1', 'I can tell you very much about our opening hours'), says.done('r1'));
    for (let i = 0; i < 100; i++) r.model.last.plays(new Int16Array(480).fill(1_000));
    r.model.last.breaks('ice-failed', 'no way to the far end works any more');
    await r.settle();
    expect(r.model.tries).toEqual(['webrtc', 'websocket']);
    expect(told(r)[0]).toBe('assistant/output_text: I can tell you');
    expect(instructionsOf(r)).toContain('"I can tell you"');
    expect(r.of('transcript').at(-1)).toMatchObject({ itemId: 'i1', text: 'I can tell you', final: true });
  });

  it('tries WebRTC first when only the session was lost, and the WebSocket at once after', async () => {
    const r = await run({ transport: 'webrtc' });
    r.model.outcomes.webrtc.push(new BridgeError('PEER_CONNECT_TIMEOUT', 'no'));
    r.model.last.breaks('channel-closed', 'the data channel was closed');
    await r.settle();
    expect(r.model.tries).toEqual(['webrtc', 'webrtc', 'websocket']);
    expect(r.types).toEqual(['ready', 'reconnecting', 'transport_fallback', 'ready']);
  });

  it('takes results to the new session, those that came in between and those that come later', async () => {
    const r = await run();
    r.says(says.created('r1'), says.call('r1', 'c1'), says.call('r1', 'c2'), says.done('r1'));
    r.model.outcomes.websocket.push(new Promise((resolve) => r.clock.after(1000, resolve)));
    r.model.last.breaks();
    r.leg.submitToolResult({ toolCallId: 'c1', output: 'one' });
    await r.after(1100);
    expect(told(r)).toEqual(['function_call c1', 'function_call c2', 'function_call_output c1 one']);
    r.leg.submitToolResult({ toolCallId: 'c2', output: 'two' });
    expect(told(r).slice(3)).toEqual(['function_call_output c2 two', 'response.create']);
  });

  it('goes on after results that all came in between', async () => {
    const r = await run();
    r.says(says.created('r1'), says.call('r1', 'c1'), says.done('r1'));
    r.model.outcomes.websocket.push(new Promise((resolve) => r.clock.after(1000, resolve)));
    r.model.last.breaks();
    r.leg.submitToolResult({ toolCallId: 'c1', output: 'one' });
    await r.after(1100);
    expect(told(r)).toEqual(['function_call c1', 'function_call_output c1 one', 'response.create']);
  });

  it('keeps a typed turn for the new session', async () => {
    const r = await run();
    r.model.outcomes.websocket.push(new Promise((resolve) => r.clock.after(1000, resolve)));
    r.model.last.breaks();
    r.leg.sendText('1234');
    await r.after(1100);
    expect(told(r)).toEqual(['user/input_text: 1234', 'response.create']);
  });

  it('to a bug of ours is built again as well, logged and counted, and the bug goes no further', async () => {
    const r = await run();
    r.says(says.created('r1'), says.message('r1', 'i1'));
    const { write } = r.peer;
    r.peer.write = () => {
      throw new Error('of ours');
    };
    expect(() => r.says(says.delta('r1', 'i1', ulaw(100)))).not.toThrow();
    r.peer.write = write;
    await r.settle();
    expect(r.types.slice(-2)).toEqual(['reconnecting', 'ready']);
    expect(r.counters.call_bug).toBe(1);
    expect(r.log.lines.some(({ level, message }) => level === 'error' && message.includes('a bug'))).toBe(true);
  });

  it('hears nothing of the old connection any more', async () => {
    const r = await run();
    const old = r.model.last;
    old.breaks();
    await r.settle();
    const before = r.events.length;
    old.says(says.speechStarted);
    old.breaks();
    expect(r.events).toHaveLength(before);
  });

  it('counts an expired session as lost', async () => {
    const r = await run();
    r.says(says.error('session_expired'));
    await r.settle();
    expect(r.types).toEqual(['ready', 'reconnecting', 'ready']);
    expect(r.model.connections[0]?.closed).toBe(true);
  });

  it('gives up after three reconnects in a call', async () => {
    const r = await run();
    for (let i = 0; i < 3; i++) {
      r.model.last.breaks();
      await r.settle();
    }
    expect(r.of('ready')).toHaveLength(4);
    r.model.last.breaks();
    expect(r.end).toMatchObject({ reason: 'model-session-lost' });
    expect(r.types.at(-1)).toBe('ended');
    expect(r.clock.pending).toBe(0);
  });

  it('builds a session again for as long as the call lasts when the losses are minutes apart', async () => {
    const r = await run();
    for (let i = 0; i < 12; i++) {
      r.model.last.breaks();
      await r.settle();
      r.clock.stall(301_000);
      await r.settle();
    }
    expect(r.of('ready')).toHaveLength(13);
    expect(r.end).toBeUndefined();
  });

  it('tries three times when the model is away, each within 3 s, and ends with the reason', async () => {
    const r = await run();
    r.model.outcomes.websocket.push(new Promise(() => {}), down(), down(), down());
    r.model.last.breaks();
    await r.after(5_000);
    expect(r.of('reconnecting')).toHaveLength(1);
    expect(r.model.tries).toHaveLength(4);
    expect(r.end).toMatchObject({ reason: 'model-unavailable' });
    expect(r.counters.model_reconnect).toBe(3);
    expect(r.clock.pending).toBe(0);
  });

  it.each([
    ['MODEL_AUTH', 'model-auth'],
    ['MODEL_QUOTA', 'model-quota'],
    ['MODEL_REJECTED', 'model-rejected'],
  ] as const)('does not insist after %s', async (code, reason) => {
    const r = await run();
    r.model.outcomes.websocket.push(new BridgeError(code, 'no'));
    r.model.last.breaks();
    await r.settle();
    expect(r.model.tries).toHaveLength(2);
    expect(r.end).toMatchObject({ reason });
  });

  it('stops when the call ends meanwhile', async () => {
    const r = await run();
    r.model.outcomes.websocket.push(new Promise(() => {}));
    r.model.last.breaks();
    await r.settle();
    r.abort.abort();
    await r.settle();
    expect(r.types.at(-1)).toBe('reconnecting');
    expect(r.clock.pending).toBe(0);
  });
});

describe('roll-over', () => {
  const minutes = (n: number) => n * 60_000;

  it('replaces an ageing session in a silence, without a word to the call but ready', async () => {
    const r = await run();
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(20)));
    r.says(says.wordsDone('r1', 'i1', 'Hello.'), says.done('r1'));
    r.clock.advance(minutes(55) - 1);
    await r.settle();
    expect(r.model.connections).toHaveLength(1);
    await r.after(300);
    expect(r.model.connections).toHaveLength(2);
    expect(r.model.connections[0]?.closed).toBe(true);
    expect(r.types.filter((type) => type === 'ready' || type === 'reconnecting')).toEqual(['ready', 'ready']);
    expect(told(r)).toEqual(['assistant/output_text: Hello.']);
    r.clock.advance(minutes(54));
    await r.settle();
    expect(r.model.connections).toHaveLength(2);
  });

  it('waits for a silence, and does not wait beyond 59 minutes', async () => {
    const r = await run();
    r.clock.advance(minutes(54));
    r.says(says.speechStarted);
    r.clock.advance(minutes(1));
    await r.settle();
    await r.after(minutes(3));
    expect(r.model.connections).toHaveLength(2);
    expect(r.model.connections[0]?.closed).toBe(false);
    expect(r.of('ready')).toHaveLength(1);
    await r.after(minutes(1) + 500);
    expect(r.of('ready')).toHaveLength(2);
    expect(r.model.connections[0]?.closed).toBe(true);
  });

  it('goes by the life that the server gives the session', async () => {
    const r = new Run();
    r.model.session = { expires_at: Math.floor(r.clock.wall() / 1000) + 600 };
    await r.start();
    r.clock.advance(minutes(5) - 1000);
    await r.settle();
    expect(r.model.connections).toHaveLength(1);
    await r.after(2000);
    expect(r.model.connections).toHaveLength(2);
  });

  it('takes the prepared session when the old one breaks first', async () => {
    const r = await run();
    r.says(says.speechStarted);
    r.clock.advance(minutes(55));
    await r.settle();
    expect(r.model.connections).toHaveLength(2);
    r.model.connections[0]?.breaks();
    expect(r.of('ready')).toHaveLength(2);
    expect(r.counters.model_reconnect).toBeUndefined();
  });

  it('tries again when none could be had, and stays usable', async () => {
    const r = await run();
    r.model.outcomes.websocket.push(down());
    r.clock.advance(minutes(55));
    await r.settle();
    expect(r.end).toBeUndefined();
    await r.after(30_500);
    expect(r.of('ready')).toHaveLength(2);
  });

  it('frees a prepared session with the call', async () => {
    const r = await run();
    r.says(says.speechStarted);
    r.clock.advance(minutes(55));
    await r.settle();
    r.abort.abort();
    expect(r.model.connections.map((connection) => connection.closed)).toEqual([true, true]);
    expect(r.clock.pending).toBe(0);
  });
});

describe('a silent model', () => {
  it('is asked again after 8 s and given up after 30 s', async () => {
    const r = await run();
    r.says(says.speechStarted, says.speechStopped);
    await r.after(7_900);
    expect(r.sent).toEqual([]);
    await r.after(200);
    expect(r.sent).toEqual(['response.create']);
    await r.after(21_800);
    expect(r.end).toBeUndefined();
    await r.after(200);
    expect(r.end).toMatchObject({ reason: 'model-silent' });
    expect(r.clock.pending).toBe(0);
  });

  it('owes nothing once it answers, or the caller goes on speaking', async () => {
    const r = await run();
    r.says(says.speechStarted, says.speechStopped);
    r.answers('r1', 'i1');
    await r.after(30_000);
    r.says(says.speechStarted, says.speechStopped, says.speechStarted);
    await r.after(30_000);
    expect(r.sent).toEqual([]);
    expect(r.end).toBeUndefined();
  });

  it('owes nothing when it is not to answer by itself', async () => {
    const r = await run({ turnDetection: { type: 'server_vad', createResponse: false } });
    r.says(says.speechStarted, says.speechStopped);
    await r.after(30_000);
    expect(r.end).toBeUndefined();
  });

  it('is cancelled and asked again when a response stands still', async () => {
    const r = await run();
    r.says(says.created('r1'), says.delta('r1', 'i1', ulaw(20)));
    r.heard('r1', 'i1', 20);
    await r.after(7_000);
    r.says(says.delta('r1', 'i1', ulaw(20)));
    await r.after(7_000);
    expect(r.sent).toEqual([]);
    await r.after(1_200);
    expect(r.sent).toEqual(['response.cancel']);
    r.says(says.done('r1', 'cancelled'));
    expect(r.sent).toEqual(['response.cancel', 'response.create']);
    r.answers('r2', 'i2');
    await r.after(30_000);
    expect(r.end).toBeUndefined();
  });
});

describe('a response that fails', () => {
  const failed = (code: string) => ({ status_details: { type: 'failed', error: { type: 'x', code, message: 'm' } } });

  it('is asked for again, a little later', async () => {
    const r = await run();
    r.says(says.created('r1'), says.done('r1', 'failed', failed('server_error')));
    expect(r.sent).toEqual([]);
    await r.after(800);
    expect(r.sent).toEqual(['response.create']);
    expect(r.of('response_done')[0]).toMatchObject({ status: 'failed', reason: 'server_error' });
  });

  it('ends the call at the third in a row, not before', async () => {
    const r = await run();
    for (let i = 1; i <= 2; i++) {
      r.says(says.created(`r${i}`), says.done(`r${i}`, 'failed', failed('rate_limit_exceeded')));
      await r.after(3_000);
    }
    r.answers('ok', 'i1');
    for (let i = 3; i <= 4; i++) {
      r.says(says.created(`r${i}`), says.done(`r${i}`, 'failed', failed('rate_limit_exceeded')));
      await r.after(3_000);
    }
    expect(r.end).toBeUndefined();
    r.says(says.created('r5'), says.done('r5', 'failed', failed('rate_limit_exceeded')));
    expect(r.end).toMatchObject({ reason: 'model-rate-limited' });
  });

  it('ends the call at once for want of money', async () => {
    const r = await run();
    r.says(says.created('r1'), says.done('r1', 'failed', failed('insufficient_quota')));
    expect(r.end).toMatchObject({ reason: 'model-quota' });
    expect(r.clock.pending).toBe(0);
  });
});
