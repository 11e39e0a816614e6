import { describe, expect, it } from 'vitest';
import { TransportMemory } from '../../../../src/agents/openai/transport-memory.ts';
import { BridgeError } from '../../../../src/errors.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { HANGUP, Run, run } from './run.ts';

const lost = new BridgeError('PEER_CONNECT_TIMEOUT', 'no WebRTC', { retryable: true });
const down = new BridgeError('MODEL_UNAVAILABLE', 'HTTP 503', { retryable: true });

describe('start', () => {
  it('is ready once the session is confirmed, not before', async () => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    expect(r.events).toEqual([]);
    r.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(r.model.last.heard).toBe(0);
    expect(r.counters.ms_uplink_dropped).toBe(20);
    r.says({ type: 'session.updated', session: { id: 'sess_x' } });
    await r.started;
    expect(r.events).toEqual([
      { type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 'sess_x', resumed: false },
    ]);
    r.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(r.model.last.heard).toBe(160);
  });

  it('sends the update after the session was announced', async () => {
    const r = new Run();
    r.model.announces = false;
    await r.start();
    expect(r.model.last.sent).toEqual([]);
    r.says({ type: 'session.created', session: { id: 's' } });
    await r.settle();
    expect(r.model.last.types).toEqual(['session.update']);
    expect(r.types).toEqual(['ready']);
  });

  it('asks again, with a warning, when the model does not confirm, and never goes on without', async () => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    await r.after(1990);
    expect(r.model.last.types).toEqual(['session.update']);
    await r.after(20);
    expect(r.model.last.types).toEqual(['session.update', 'session.update']);
    expect(r.log.lines.some((line) => line.level === 'warn' && /confirm/.test(line.message))).toBe(true);
    await r.after(7_000);
    expect(r.end).toMatchObject({ reason: 'model-unconfirmed' });
    expect(r.of('ready')).toEqual([]);
  });

  it.each([
    ['input', { input: { format: { type: 'audio/pcm', rate: 24_000 } } }],
    ['output', { output: { format: { type: 'audio/pcma' } } }],
  ])('ends with model-format-mismatch when the %s the model confirms is another', async (_side, audio) => {
    const r = new Run();
    r.model.session = { audio };
    await r.start();
    expect(r.startError).toMatchObject({ code: 'MODEL_FORMAT_MISMATCH' });
    expect(r.end).toMatchObject({ reason: 'model-format-mismatch' });
    expect(r.model.last.closed).toBe(true);
    expect(r.clock.pending).toBe(0);
  });

  it('ends in the middle of a call when a later confirmation states another format', async () => {
    const r = await run();
    r.says({
      type: 'session.updated',
      session: { audio: { output: { format: { type: 'audio/pcm', rate: 24_000 } } } },
    });
    expect(r.end).toMatchObject({ reason: 'model-format-mismatch' });
  });

  it('rejects and tells why when the model refuses the session', async () => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    const update = r.model.last.of('session.update')[0];
    r.says(says.error('invalid_value', update?.event_id as string, "voice 'x' is not supported, key sk-secret123"));
    await r.settle();
    expect(r.startError).toMatchObject({ code: 'MODEL_REJECTED' });
    expect(String((r.startError as Error).message)).not.toContain('secret123');
    expect(r.end).toMatchObject({ reason: 'model-rejected' });
    expect(r.clock.pending).toBe(0);
  });

  it.each([
    ['insufficient_quota', 'model-quota'],
    ['invalid_api_key', 'model-auth'],
  ])('ends at once on the fatal error %s', async (code, reason) => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    r.says(says.error(code));
    await r.settle();
    expect(r.end).toMatchObject({ reason });
    expect(r.model.tries).toEqual(['websocket']);
  });

  it('takes the complaint before a close for its reason', async () => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    r.says(says.error('model_not_found'));
    r.model.last.breaks();
    await r.settle();
    expect(r.end).toMatchObject({ reason: 'model-rejected' });
  });

  it('tries again after a failure that may pass, and gives up inside its budget', async () => {
    const r = new Run();
    r.model.outcomes.websocket.push(down);
    await r.start();
    await r.after(500);
    expect(r.types).toEqual(['ready']);
    expect(r.counters.model_retry).toBe(1);

    const hopeless = new Run();
    hopeless.model.outcomes.websocket.push(down, down, down, down);
    await hopeless.start();
    await hopeless.after(3000);
    expect(hopeless.model.tries).toHaveLength(3);
    expect(hopeless.startError).toBe(down);
    expect(hopeless.end).toMatchObject({ reason: 'model-unavailable' });
    expect(hopeless.clock.pending).toBe(0);
  });

  it('gives up when nothing answers', async () => {
    const r = new Run();
    r.model.outcomes.websocket.push(new Promise(() => {}));
    await r.start();
    await r.after(9_100);
    expect(r.startError).toMatchObject({ code: 'MODEL_TIMEOUT' });
    expect(r.clock.pending).toBe(0);
  });
});

describe('transport', () => {
  it('uses WebRTC where it can be had', async () => {
    const r = await run({ transport: 'webrtc' });
    expect(r.model.tries).toEqual(['webrtc']);
    expect(r.events[0]).toMatchObject({ type: 'ready', transport: 'webrtc' });
    r.leg.audio.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(r.model.last.heard).toBe(960);
  });

  it('falls back to the WebSocket with the same key', async () => {
    const r = new Run({ transport: 'webrtc' });
    r.model.outcomes.webrtc.push(lost);
    await r.start();
    expect(r.events).toEqual([
      { type: 'transport_fallback', from: 'webrtc', to: 'websocket', reason: 'PEER_CONNECT_TIMEOUT' },
      { type: 'ready', transport: 'websocket', pace: 'burst', sessionId: 'sess_1', resumed: false },
    ]);
    expect(new Set(r.model.keys).size).toBe(1);
  });

  it('does not fall back from a refused key', async () => {
    const r = new Run({ transport: 'webrtc' });
    r.model.outcomes.webrtc.push(new BridgeError('MODEL_AUTH', 'HTTP 401'));
    await r.start();
    expect(r.model.tries).toEqual(['webrtc']);
    expect(r.end).toMatchObject({ reason: 'model-auth' });
  });

  it.each(['MODEL_TIMEOUT', 'PEER_TOO_SLOW', 'MODEL_REJECTED'] as const)(
    'spares nobody else WebRTC for one %s',
    async (code) => {
      const memory = new TransportMemory();
      const first = new Run({ transport: 'webrtc', memory });
      first.model.outcomes.webrtc.push(new BridgeError(code, 'slow', { retryable: true }));
      await first.start();
      expect(first.of('transport_fallback')).toMatchObject([{ reason: code }]);
      const second = await run({ transport: 'webrtc', memory });
      expect(second.model.tries).toEqual(['webrtc']);
    },
  );

  it.each([
    ['4 s where nothing is set', {}, 4_000],
    ['as long as is set', { webrtcMs: 9_000 }, 9_000],
    ['less where both transports have less', { connectMs: 2_000 }, 1_500],
  ])('gives WebRTC %s', async (_what, budgets, ms) => {
    const r = new Run({ transport: 'webrtc', budgets });
    const given: number[] = [];
    const { webrtc } = r.model.connectors;
    (r.model.connectors as { webrtc: typeof webrtc }).webrtc = (options, handlers) => {
      given.push(options.timeoutMs);
      return webrtc(options, handlers);
    };
    await r.start();
    expect(given.map(Math.round)).toEqual([ms]);
  });

  it('takes the WebSocket at once for a session that no data channel takes, for that call alone', async () => {
    const memory = new TransportMemory();
    const large = await run({ transport: 'webrtc', memory, instructions: 'x'.repeat(300 * 1024) });
    expect(large.model.tries).toEqual(['websocket']);
    expect(large.events).toMatchObject([
      { type: 'transport_fallback', reason: 'MODEL_SESSION_TOO_LARGE' },
      { type: 'ready' },
    ]);
    const tools = [{ type: 'function', name: 'f', description: '語'.repeat(50 * 1024) }] as const;
    const described = await run({ transport: 'webrtc', memory, tools });
    expect(described.model.tries).toEqual(['websocket']);
    const small = await run({ transport: 'webrtc', memory, instructions: 'x'.repeat(200 * 1024) });
    expect(small.model.tries).toEqual(['webrtc']);
  });

  it('takes the WebSocket where the channel takes the session, but not an answer that is asked for with all of its instructions', async () => {
    const r = new Run({
      transport: 'webrtc',
      instructions: 'x'.repeat(65_300),
      greeting: 'Welcome to the house of Example.',
    });
    r.model.channelBytes = 65_536;
    await r.start();
    r.leg.greet();
    expect(r.model.tries).toEqual(['webrtc', 'websocket']);
    expect(r.sent).toEqual(['response.create']);
    const small = new Run({ transport: 'webrtc', instructions: 'x'.repeat(50_000), greeting: 'Welcome.' });
    small.model.channelBytes = 65_536;
    await small.start();
    small.leg.greet();
    expect(small.model.tries).toEqual(['webrtc']);
    expect(small.sent).toEqual(['response.create']);
  });

  it('spares the next callers the wait', async () => {
    const memory = new TransportMemory();
    const first = new Run({ transport: 'webrtc', memory });
    first.model.outcomes.webrtc.push(lost);
    await first.start();
    const second = await run({ transport: 'webrtc', memory });
    expect(second.model.tries).toEqual(['websocket']);
    expect(second.of('transport_fallback')[0]?.reason).toBe('PEER_CONNECT_TIMEOUT');
  });

  it('lets nothing through that a failed transport still says', async () => {
    const r = new Run({ transport: 'webrtc' });
    let fail: (error: Error) => void = () => {};
    let handlers: { event(json: string): void; closed(code: string, detail: string): void } | undefined;
    const connectors = r.model.connectors as { webrtc: unknown };
    connectors.webrtc = (_options: unknown, given: typeof handlers) => {
      handlers = given;
      return new Promise((_, reject) => {
        fail = reject;
      });
    };
    await r.start();
    fail(lost);
    await r.settle();
    expect(r.types).toEqual(['transport_fallback', 'ready']);
    handlers?.event(JSON.stringify(says.speechStarted));
    handlers?.closed('PEER_FAILED', 'late');
    expect(r.types).toEqual(['transport_fallback', 'ready']);
  });
});

describe('the end', () => {
  it('frees everything when the call ends in the middle of a start', async () => {
    const r = new Run();
    r.model.outcomes.websocket.push(new Promise(() => {}));
    await r.start();
    r.abort.abort(HANGUP);
    await r.settle();
    expect(r.startError).toMatchObject({ code: 'ABORTED' });
    expect(r.events).toEqual([]);
    expect(r.clock.pending).toBe(0);
  });

  it('frees everything when the call ends while the session is being confirmed', async () => {
    const r = new Run();
    r.model.confirms = false;
    await r.start();
    r.abort.abort(HANGUP);
    await r.settle();
    expect(r.startError).toMatchObject({ code: 'ABORTED' });
    expect(r.model.last.closed).toBe(true);
    expect(r.clock.pending).toBe(0);
  });

  it('closes once, tells nothing, and hears nothing afterwards', async () => {
    const r = await run();
    r.says(says.created('r1'), says.delta('r1', 'i1', ulaw(20)));
    const before = r.order.length;
    await Promise.all([r.leg.close(HANGUP), r.leg.close(HANGUP)]);
    expect(r.model.last.closed).toBe(true);
    expect(r.clock.pending).toBe(0);
    r.says(says.delta('r1', 'i1', ulaw(20)), says.speechStarted);
    r.leg.greet();
    r.leg.sendText('x');
    r.leg.interrupt([]);
    r.leg.submitToolResult({ toolCallId: 'c', output: '' });
    expect(r.order).toHaveLength(before);
    expect(r.clock.pending).toBe(0);
  });

  it('counts what it cannot read and goes on', async () => {
    const r = await run();
    r.says(
      '{',
      '[]',
      '{"type":5}',
      '{"type":"response.created"}',
      '{"type":"brand.new"}',
      '{"type":"conversation.created"}',
    );
    expect(r.counters.model_event_malformed).toBe(4);
    expect(r.counters.model_event_unknown).toBe(1);
    expect(r.types).toEqual(['ready']);
  });
});
