import { describe, expect, it } from 'vitest';
import { ToolLedger } from '../../../../src/agents/openai/tool-ledger.ts';
import { ResponseSequencer } from '../../../../src/agents/openai/turns.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { says, ulaw } from '../../../fakes/model.ts';
import { run } from './run.ts';

const BUSY = 'conversation_already_has_active_response';

function sequencer() {
  const clock = new FakeClock();
  const sent: Array<{ event_id: string; response?: unknown }> = [];
  const superseded: string[] = [];
  const line = { up: true, requested: 0 };
  const turns = new ResponseSequencer(
    {
      send(json) {
        if (line.up) sent.push(JSON.parse(json));
        return line.up;
      },
      requested: () => line.requested++,
      superseded: (id) => superseded.push(id),
    },
    clock,
  );
  return { clock, sent, superseded, line, turns };
}

describe('ResponseSequencer', () => {
  it('sends at once when nothing is active', () => {
    const { sent, turns, line } = sequencer();
    turns.request({ instructions: 'x' });
    expect(sent).toEqual([{ type: 'response.create', event_id: 'bridge_response_1', response: { instructions: 'x' } }]);
    expect(line.requested).toBe(1);
    expect(turns.idle).toBe(false);
  });

  it('lets one response run at a time', () => {
    const { sent, turns } = sequencer();
    turns.request({ a: 1 });
    turns.request({ a: 2 });
    turns.created('r1');
    expect(sent).toHaveLength(1);
    turns.done('r1');
    expect(sent.map((create) => create.response)).toEqual([{ a: 1 }, { a: 2 }]);
    turns.created('r2');
    turns.done('r2');
    expect(sent).toHaveLength(2);
    expect(turns.idle).toBe(true);
  });

  it('makes one of plain requests that wait together', () => {
    const { sent, turns } = sequencer();
    turns.created('r1');
    turns.request();
    turns.request();
    turns.done('r1');
    turns.created('r2');
    turns.done('r2');
    expect(sent).toHaveLength(1);
  });

  it('does not talk over the caller, and leaves the answer to the server', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.request();
    turns.callerStopped(true);
    turns.created('server');
    turns.done('server');
    expect(sent).toEqual([]);
    expect(turns.idle).toBe(true);
  });

  it('asks when the caller stops and the server does not answer by itself', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.request();
    turns.callerStopped(false);
    expect(sent).toHaveLength(1);
  });

  it('asks itself when the answer of the server began before it knew all', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.itemSent('item_1');
    turns.request();
    turns.callerStopped(true);
    turns.created('server');
    turns.itemSeen('item_1');
    turns.done('server');
    expect(sent).toHaveLength(1);
  });

  it('makes what must be made, whatever the server answers', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.request({ instructions: 'goodbye' }, true);
    turns.request({ instructions: 'greeting' });
    turns.callerStopped(true);
    turns.created('server');
    turns.done('server');
    expect(sent.map((create) => create.response)).toEqual([{ instructions: 'goodbye' }]);
  });

  it('stays quiet while the caller speaks on, though an answer to the first words begins', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.callerStopped(true);
    turns.callerSpeaks();
    turns.created('r1');
    turns.done('r1');
    turns.request();
    expect(sent).toEqual([]);
    expect(turns.callerTurn).toBe('speaking');
  });

  it('asks again after the one that was in the way', () => {
    const { sent, turns } = sequencer();
    turns.request({ a: 1 });
    expect(turns.failed(BUSY, 'bridge_response_1')).toBe(true);
    expect(sent).toHaveLength(1);
    turns.created('other');
    expect(sent).toHaveLength(1);
  });

  it('is content with the answer that was in the way when it knows all', () => {
    const { sent, turns } = sequencer();
    turns.request();
    turns.created('server');
    expect(turns.failed(BUSY, 'bridge_response_1')).toBe(true);
    turns.done('server');
    expect(sent).toHaveLength(1);
  });

  it('asks again when the answer in the way did not know all, though it has come to know it', () => {
    const { sent, turns } = sequencer();
    turns.itemSent('item_1');
    turns.request();
    turns.created('server');
    turns.itemSeen('item_1');
    expect(turns.failed(BUSY, 'bridge_response_1')).toBe(true);
    turns.done('server');
    expect(sent).toHaveLength(2);
  });

  it('asks again by itself when it is never told what was in the way, three times at most', () => {
    const { clock, sent, turns } = sequencer();
    turns.request();
    for (let i = 1; i <= 5; i++) {
      turns.failed(BUSY, `bridge_response_${i}`);
      clock.advance(2_000);
    }
    expect(sent).toHaveLength(3);
    expect(clock.pending).toBe(0);
    expect(turns.idle).toBe(true);
  });

  it('gives up a request that is refused for another reason, and reports it', () => {
    const { sent, turns } = sequencer();
    turns.request({ bad: true });
    expect(turns.failed('invalid_value', 'bridge_response_1')).toBe(false);
    turns.request();
    expect(sent).toHaveLength(2);
  });

  it('leaves errors alone that are not its own', () => {
    const { turns } = sequencer();
    turns.request();
    expect(turns.failed('invalid_value', undefined)).toBe(false);
    expect(turns.failed('invalid_value', 'somebody')).toBe(false);
    turns.created('r1');
    expect(turns.active).toBe('r1');
  });

  it('knows late events of what was interrupted', () => {
    const { turns } = sequencer();
    turns.created('r1');
    expect(turns.isLive('r1')).toBe(true);
    turns.interrupt();
    turns.created('r2');
    expect([turns.isLive('r1'), turns.isLive('r2')]).toEqual([false, true]);
  });

  it('supersedes a response that another runs over', () => {
    const { superseded, turns } = sequencer();
    turns.created('r1');
    turns.created('r2');
    expect(superseded).toEqual(['r1']);
    expect([turns.isLive('r1'), turns.isLive('r2')]).toEqual([false, true]);
    turns.done('r1');
    expect(turns.active).toBe('r2');
  });

  it('takes what was not begun to the next session', () => {
    const { sent, line, turns } = sequencer();
    turns.request({ a: 1 });
    line.up = false;
    turns.reset();
    turns.request({ a: 2 });
    expect(sent).toHaveLength(1);
    line.up = true;
    turns.resume();
    turns.created('r1');
    turns.done('r1');
    expect(sent.map((create) => create.response)).toEqual([{ a: 1 }, { a: 1 }, { a: 2 }]);
    expect(turns.isLive('r1')).toBe(true);
  });

  it('forgets the oldest responses, not the newest', () => {
    const { turns } = sequencer();
    for (let i = 0; i < 500; i++) {
      turns.created(`r${i}`);
      turns.done(`r${i}`);
    }
    turns.interrupt();
    expect(turns.isLive('r499')).toBe(false);
  });
});

describe('ToolLedger', () => {
  it('is complete when the response is over and every call is answered, in either order', () => {
    const ledger = new ToolLedger();
    ledger.called('r1', 'a');
    ledger.called('r1', 'b');
    expect(ledger.answered('a')).toBe('waiting');
    expect(ledger.responseOver('r1')).toBe(false);
    expect(ledger.answered('b')).toBe('complete');
    expect(ledger.open).toBe(0);

    ledger.called('r2', 'c');
    expect(ledger.answered('c')).toBe('waiting');
    expect(ledger.responseOver('r2')).toBe(true);
  });

  it('knows no call twice and no answer twice', () => {
    const ledger = new ToolLedger();
    expect(ledger.called('r1', 'a')).toBe(true);
    expect(ledger.called('r1', 'a')).toBe(false);
    ledger.responseOver('r1');
    expect(ledger.answered('a')).toBe('complete');
    expect(ledger.answered('a')).toBe('unknown');
    expect(ledger.answered('never')).toBe('unknown');
    expect(ledger.responseOver('unknown')).toBe(false);
  });
});

describe('tools', () => {
  it('are called once, when their arguments are whole', async () => {
    const r = await run();
    r.says(says.created('r1'), says.call('r1', 'cut', 'lookup', '{"a":', 'incomplete'));
    r.says(says.call('r1', 'c1', 'lookup', '{"a":1}'));
    const output = [
      { id: 'x', type: 'function_call', status: 'completed', call_id: 'c1', name: 'lookup', arguments: '{"a":1}' },
    ];
    r.says(says.done('r1', 'completed', { output }));
    expect(r.of('tool_call')).toEqual([
      { type: 'tool_call', toolCallId: 'c1', name: 'lookup', arguments: '{"a":1}', responseId: 'r1' },
    ]);
  });

  it('are answered one by one, and the model goes on once', async () => {
    const r = await run();
    r.says(says.created('r1'), says.call('r1', 'c1'));
    r.leg.submitToolResult({ toolCallId: 'c1', output: 'one' });
    r.says(says.call('r1', 'c2'), says.done('r1'));
    expect(r.sent).toEqual(['conversation.item.create']);
    r.leg.submitToolResult({ toolCallId: 'c2', output: 'two' });
    expect(r.sent).toEqual(['conversation.item.create', 'conversation.item.create', 'response.create']);
    expect(r.model.last.sent[1]).toMatchObject({
      item: { type: 'function_call_output', call_id: 'c1', output: 'one' },
    });
  });

  it('drop and count a result that nobody asked for', async () => {
    const r = await run();
    r.leg.submitToolResult({ toolCallId: 'c9', output: 'late' });
    expect(r.counters.tool_result_dropped).toBe(1);
    expect(r.sent).toEqual([]);
  });

  it('wait with the answer for the caller who speaks, and leave it to the server when it knows the result', async () => {
    const r = await run();
    r.says(says.created('r1'), says.call('r1', 'c1'), says.done('r1'), says.speechStarted);
    r.leg.submitToolResult({ toolCallId: 'c1', output: 'one' });
    const id = (r.model.last.sent[1]?.item as { id: string } | undefined)?.id ?? '';
    r.says(says.itemAdded(id, 'function_call_output'), says.speechStopped, says.created('r2'), says.done('r2'));
    expect(r.model.last.of('response.create')).toEqual([]);
  });
});

describe('what has to be said before any answer', () => {
  it('goes before what waits, and the answer of the server is asked for behind it', () => {
    const { sent, turns } = sequencer();
    turns.created('r1');
    turns.request({ a: 1 }, true);
    turns.request({ notice: 1 }, 'first');
    turns.request({ notice: 2 }, 'first');
    turns.callerSpeaks();
    turns.done('r1', true);
    turns.callerStopped(true);
    expect(sent).toEqual([]);
    // The server answers what he said.
    expect(turns.created('r2')).toBe(true);
    expect(turns.isLive('r2')).toBe(false);
    for (const id of ['r2', 'r3', 'r4', 'r5', 'r6']) {
      turns.done(id, id === 'r2');
      if (id !== 'r6') turns.created(`r${Number(id[1]) + 1}`);
    }
    expect(sent.map(({ response }) => response)).toEqual([{ notice: 1 }, { notice: 2 }, undefined, { a: 1 }]);
    expect(turns.idle).toBe(true);
  });

  it('goes before an answer that was cut off by the caller, too', () => {
    const { sent, turns } = sequencer();
    turns.request({ tool: 1 });
    turns.request({ notice: 1 }, 'first');
    turns.callerSpeaks();
    // It begins while he speaks, and is asked for again.
    expect(turns.created('r1')).toBe(true);
    turns.done('r1', true);
    turns.callerStopped(true);
    expect(turns.created('r2')).toBe(true);
    turns.done('r2', true);
    expect(sent.at(-1)?.response).toEqual({ notice: 1 });
  });

  it('does not cut off an answer that began before', () => {
    const { sent, turns } = sequencer();
    turns.callerSpeaks();
    turns.callerStopped(true);
    expect(turns.created('r1')).toBe(false);
    turns.request({ notice: 1 }, 'first');
    expect(turns.isLive('r1')).toBe(true);
    turns.done('r1');
    expect(sent).toHaveLength(1);
  });

  it.each(['webrtc', 'websocket'] as const)(
    'is asked for again over %s where it was cut off before its first word',
    async (transport) => {
      const r = await run({ transport });
      r.leg.respond('Say that it is recorded.', true);
      r.says(says.created('r1'), says.speechStarted);
      r.says(says.done('r1', 'cancelled'), says.speechStopped);
      expect(r.model.last.of('response.create')).toHaveLength(1);
      r.says(says.created('r2'));
      expect(r.sent).toContain('response.cancel');
      r.says(says.done('r2', 'cancelled'));
      const asked = r.model.last.of('response.create');
      expect(asked).toHaveLength(2);
      expect(asked[1]).toMatchObject({ response: asked[0]?.['response'] });
      // And then what he said is answered.
      r.answers('r3', 'i3');
      expect(r.model.last.of('response.create').slice(2)).toEqual([
        { type: 'response.create', event_id: expect.any(String) },
      ]);
    },
  );

  it('is not asked for again by itself once a word of it was told: whoever asked for it sees that', async () => {
    const r = await run();
    r.leg.respond('Say that it is recorded.', true);
    r.says(says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(100)), says.speechStarted);
    r.says(says.done('r1', 'cancelled'), says.speechStopped, says.created('r2'), says.done('r2'));
    expect(r.model.last.of('response.create')).toHaveLength(1);
  });

  it('holds for nothing else that is to be said: of a goodbye that the caller speaks into nothing stays', async () => {
    const r = await run();
    r.leg.respond('Say goodbye.');
    r.says(says.created('r1'), says.speechStarted, says.done('r1', 'cancelled'), says.speechStopped);
    r.answers('r2', 'i2');
    expect(r.model.last.of('response.create')).toHaveLength(1);
  });
});

describe('an answer of exact words', () => {
  it('cannot call a tool in place of saying them', async () => {
    const tools = [{ type: 'function', name: 'lookup' }] as const;
    const r = await run({ tools, greeting: 'Good day' });
    r.leg.greet();
    r.says(says.created('r1'), says.done('r1'));
    r.leg.respond('Say goodbye.');
    const asked = r.model.last.of('response.create').map((event) => event['response']);
    expect(asked).toMatchObject([{ tool_choice: 'none' }, { tool_choice: 'none' }]);
    r.says(says.created('r2'), says.done('r2'));
    r.leg.sendText('hello');
    expect(r.model.last.of('response.create').at(-1)).not.toHaveProperty('response');
  });
});

describe('asking for answers', () => {
  it('greets with its words, after the instructions, once asked', async () => {
    const r = await run({ greeting: 'Welcome to Acme', instructions: 'You are Ada.' });
    expect(r.sent).toEqual([]);
    r.leg.greet();
    expect(r.model.last.sent[1]).toMatchObject({
      type: 'response.create',
      response: { instructions: expect.stringMatching(/^You are Ada\.[\s\S]*"Welcome to Acme"/) },
    });
  });

  it('greets as the session has it, or not at all', async () => {
    const plain = await run({ greeting: true });
    plain.leg.greet();
    expect(plain.model.last.sent[1]).toEqual({ type: 'response.create', event_id: expect.any(String) });
    const silent = await run();
    silent.leg.greet();
    expect(silent.sent).toEqual([]);
  });

  it('adds a typed turn and asks for its answer', async () => {
    const r = await run();
    r.leg.sendText('4711');
    expect(r.model.last.sent.slice(1)).toMatchObject([
      { item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: '4711' }] } },
      { type: 'response.create' },
    ]);
  });

  it('asks for one answer of its own behind a running one', async () => {
    const r = await run({ instructions: 'Base.' });
    r.says(says.created('r1'));
    r.leg.respond('Say goodbye.');
    expect(r.sent).toEqual([]);
    r.says(says.done('r1'));
    expect(r.model.last.sent[1]).toMatchObject({ response: { instructions: 'Base.\n\nSay goodbye.' } });
  });
});
