import { describe, expect, it } from 'vitest';
import { says, ulaw } from '../../../fakes/model.ts';
import { type Run, run } from './run.ts';

/** Servers that speak the protocol in ways of their own: what they plainly mean is done, what they do not is told once and counted. */

const truncations = (r: Run) => r.model.last.of('conversation.item.truncate');
const warnings = (r: Run, text: RegExp) =>
  r.log.lines.filter((line) => line.level === 'warn' && text.test(line.message));

describe('ids that come again', () => {
  it('keep apart the items of two responses, so that the second is heard and can be interrupted', async () => {
    const r = await run();
    r.says(says.created('r1'), says.message('r1', 'item_0'), says.delta('r1', 'item_0', ulaw(400)));
    r.says(says.wordsDone('r1', 'item_0', 'First answer.'), says.audioDone('r1', 'item_0'));
    r.leg.interrupt([{ responseId: 'r1', itemId: 'item_0', contentIndex: 0, heardMs: 100, generatedMs: 400 } as never]);
    r.says(says.done('r1'));
    const before = r.peer.heard.length;
    r.says(says.created('r2'), says.message('r2', 'item_0'), says.delta('r2', 'item_0', ulaw(600)));
    expect(r.peer.heard.length - before).toBe(4800);
    const [first, second] = r.of('audio_started');
    expect(second?.itemId).not.toBe(first?.itemId);
    r.says(says.wordsDone('r2', 'item_0', 'Second answer.'));
    r.leg.interrupt([
      { responseId: 'r2', itemId: second?.itemId, contentIndex: 0, heardMs: 250, generatedMs: 600 } as never,
    ]);
    expect(truncations(r)).toMatchObject([
      { item_id: 'item_0', audio_end_ms: 100 },
      { item_id: 'item_0', audio_end_ms: 250 },
    ]);
    const said = r.of('transcript').filter((event) => event.final);
    expect(said.map((event) => event.text)).toEqual(['First answer.', 'Second answer.']);
    expect(new Set(said.map((event) => event.itemId)).size).toBe(2);
  });

  it('of a response that was interrupted do not silence the next one', async () => {
    const r = await run();
    for (let i = 0; i < 3; i++) {
      r.says(says.created('resp'), says.message('resp', 'item'), says.delta('resp', 'item', ulaw(100)));
      expect(r.peer.heard).toHaveLength(800 * (i + 1));
      r.leg.interrupt([]);
      r.says(says.delta('resp', 'item', ulaw(100)));
      expect(r.peer.heard).toHaveLength(800 * (i + 1));
      r.says(says.done('resp', 'cancelled'));
    }
    expect(r.model.last.of('response.cancel').map((event) => event['response_id'])).toEqual(['resp', 'resp', 'resp']);
  });

  it('are heard over WebRTC, too', async () => {
    const r = await run({ transport: 'webrtc' });
    for (let i = 0; i < 2; i++) {
      r.says(says.created('resp'), says.message('resp', 'item'), says.buffer('started', 'resp'));
      r.model.last.plays(new Int16Array(480).fill(1_000));
      r.says(says.done('resp'), says.buffer('stopped', 'resp'));
    }
    expect(new Set(r.of('audio_started').map((event) => event.itemId)).size).toBe(2);
    expect(r.of('audio_done')).toHaveLength(2);
  });

  it('of a response told twice while it runs are the same response', async () => {
    const r = await run();
    r.says(says.created('r1'), says.created('r1'), says.message('r1', 'i1'), says.delta('r1', 'i1', ulaw(100)));
    expect(r.of('audio_started')).toMatchObject([{ responseId: 'r1', itemId: 'i1' }]);
  });

  it("of the caller's turns keep their words apart", async () => {
    const r = await run();
    for (const words of ['one', 'two']) {
      r.says(says.speechStarted, says.speechStopped, { type: 'input_audio_buffer.committed', item_id: 'item_user' });
      r.says(says.created(`r-${words}`), says.callerSaid('item_user', words), says.done(`r-${words}`));
    }
    const said = r.of('transcript');
    expect(said.map((event) => event.text)).toEqual(['one', 'two']);
    expect(new Set(said.map((event) => event.itemId)).size).toBe(2);
    r.model.last.breaks();
    await r.settle();
    expect(JSON.stringify(r.model.last.sent)).toMatch(/"one".*"two"/);
  });

  it('of tools run each call, and give each result under the id of the server', async () => {
    const r = await run();
    for (const n of [1, 2]) {
      r.says(says.created(`r${n}`), says.call(`r${n}`, 'call_0', 'lookup', `{"n":${n}}`), says.done(`r${n}`));
      const call = r.of('tool_call').at(-1);
      expect(call?.arguments).toBe(`{"n":${n}}`);
      r.leg.submitToolResult({ toolCallId: call?.toolCallId ?? '', output: `result ${n}` });
    }
    expect(new Set(r.of('tool_call').map((event) => event.toolCallId)).size).toBe(2);
    const outputs = r.model.last.of('conversation.item.create').map((event) => event['item']);
    expect(outputs).toMatchObject([
      { call_id: 'call_0', output: 'result 1' },
      { call_id: 'call_0', output: 'result 2' },
    ]);
    expect(r.model.last.of('response.create')).toHaveLength(2);
  });

  it('begin anew in a new session', async () => {
    const r = await run();
    r.says(says.created('r0'), says.message('r0', 'i0'), says.delta('r0', 'i0', ulaw(100)), says.done('r0'));
    r.model.last.breaks();
    await r.settle();
    r.says(says.created('r0'), says.message('r0', 'i0'), says.delta('r0', 'i0', ulaw(100)));
    expect(r.peer.heard).toHaveLength(1600);
    expect(new Set(r.of('audio_started').map((event) => event.itemId)).size).toBe(2);
  });
});

describe('ids that are left out', () => {
  const bare = (event: object, ...keys: string[]) =>
    Object.fromEntries(Object.entries(event).filter(([key]) => !keys.includes(key)));

  it('mean the response that runs and the message that was announced', async () => {
    const r = await run();
    r.says(
      says.created('r1'),
      says.message('r1', 'i1'),
      bare(says.delta('r1', 'i1', ulaw(100)), 'item_id', 'response_id', 'content_index'),
    );
    expect(r.peer.heard).toHaveLength(800);
    expect(r.of('audio_started')).toMatchObject([{ responseId: 'r1', itemId: 'i1', contentIndex: 0 }]);
    r.leg.interrupt([{ responseId: 'r1', itemId: 'i1', contentIndex: 0, heardMs: 40, generatedMs: 100 } as never]);
    expect(truncations(r)).toMatchObject([{ item_id: 'i1', audio_end_ms: 40 }]);
  });

  it('are no reason to lose audio that nothing announced', async () => {
    const r = await run();
    r.says({ type: 'response.created', response: { status: 'in_progress' } });
    r.says({ type: 'response.output_audio.delta', delta: ulaw(100) });
    r.says({ type: 'response.done', response: { status: 'completed', output: null } });
    expect(r.peer.heard).toHaveLength(800);
    expect(r.types).toEqual(['ready', 'response_started', 'audio_started', 'audio_done', 'response_done']);
  });

  it('are told and counted when nothing runs that they could mean', async () => {
    const r = await run();
    for (let i = 0; i < 3; i++) r.says({ type: 'response.output_audio.delta', delta: ulaw(100) });
    expect(r.counters.model_event_malformed).toBe(3);
    expect(warnings(r, /about no response/)).toHaveLength(1);
  });
});

describe('numbers as texts', () => {
  it('are numbers', async () => {
    const r = await run();
    r.says(says.created('r1'), { ...says.delta('r1', 'i1', ulaw(100)), content_index: '1' });
    expect(r.of('audio_started')[0]?.contentIndex).toBe(1);
    r.says({ type: 'conversation.item.truncated', item_id: 'i1', content_index: '0', audio_end_ms: '40' });
    expect(r.of('truncated')).toMatchObject([{ audioEndMs: 40 }]);
    r.says(
      says.done('r1', 'completed', {
        usage: { input_token_details: { text_tokens: '7', audio_tokens: '8', cached_tokens: 0 } },
      }),
    );
    expect(r.of('response_done')[0]?.usage).toMatchObject({ inputTextTokens: 7, inputAudioTokens: 8 });
    r.says({
      type: 'rate_limits.updated',
      rate_limits: [{ name: 'tokens', limit: '10', remaining: '5', reset_seconds: '1.5' }],
    });
    expect(r.of('rate_limits')[0]?.limits).toEqual([{ name: 'tokens', limit: 10, remaining: 5, resetMs: 1500 }]);
  });

  it('are ids where a server counts', async () => {
    const r = await run();
    r.says({ type: 'response.created', response: { id: 5 } });
    r.says({ type: 'response.output_item.added', response_id: 5, item: { id: 9, type: 'message' } });
    expect(r.of('response_started')).toMatchObject([{ responseId: '5' }]);
    expect(r.model.last.closed).toBe(false);
  });
});

describe('base64', () => {
  // Bytes whose text has + and /, and needs padding at each of the three lengths.
  const bytes = (count: number) => Buffer.from(Uint8Array.from({ length: count }, (_, i) => (i * 37 + 251) & 0xff));
  it.each([100, 101, 102])('of %i bytes is taken with padding and without, in either alphabet', async (count) => {
    const forms = [
      bytes(count).toString('base64'),
      bytes(count).toString('base64').replaceAll('=', ''),
      bytes(count).toString('base64url'),
    ];
    const heard: number[][] = [];
    for (const form of forms) {
      const r = await run();
      r.says(says.created('r1'), says.delta('r1', 'i1', form));
      expect(r.counters.model_event_malformed).toBeUndefined();
      heard.push([...r.peer.heard]);
    }
    expect(heard[0]).toHaveLength(count);
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[2]).toEqual(heard[0]);
  });

  it('is taken in lines and behind the head of a data URL', async () => {
    const r = await run();
    const lines = bytes(150).toString('base64').replace(/.{76}/g, '$&\r\n');
    r.says(
      says.created('r1'),
      says.delta('r1', 'i1', lines),
      says.delta('r1', 'i1', `data:audio/pcmu;base64,${ulaw(10)}`),
    );
    expect(r.peer.heard).toHaveLength(150 + 80);
  });

  it('that is none is told once a call, and counted each time', async () => {
    const r = await run();
    r.says(says.created('r1'));
    for (let i = 0; i < 4; i++) r.says(says.delta('r1', 'i1', '%%%%'));
    expect(r.counters.model_event_malformed).toBe(4);
    expect(warnings(r, /not base64/)).toHaveLength(1);
  });
});

describe('what cannot be used', () => {
  it('is told once a call for each kind, across sessions, with its name and nothing else of it', async () => {
    const r = await run();
    const junk = () => {
      for (let i = 0; i < 3; i++)
        r.says('not json', { type: 'response.output_text.done', text: 7, secret: 'abc' }, { type: 'brand.new' });
      r.leg.submitToolResult({ toolCallId: 'nobody', output: 'x' });
    };
    junk();
    r.model.last.breaks();
    await r.settle();
    junk();
    expect(r.counters).toMatchObject({ model_event_malformed: 12, model_event_unknown: 6, tool_result_dropped: 2 });
    expect(warnings(r, /is no event/)).toHaveLength(1);
    expect(warnings(r, /unknown type/)).toHaveLength(1);
    expect(warnings(r, /not open/)).toHaveLength(1);
    expect(JSON.stringify(r.log.lines)).not.toContain('abc');
  });
});

describe('a call of a tool', () => {
  const added = (name?: string) => ({
    type: 'response.output_item.added',
    response_id: 'r1',
    item: {
      id: 'i1',
      type: 'function_call',
      status: 'in_progress',
      call_id: 'c1',
      ...(name === undefined ? {} : { name }),
    },
  });
  const argumentsDone = (more: object = {}) => ({
    type: 'response.function_call_arguments.done',
    response_id: 'r1',
    item_id: 'i1',
    output_index: 0,
    call_id: 'c1',
    name: 'lookup',
    arguments: '{"id":"7"}',
    ...more,
  });
  const listed = {
    output: [
      { id: 'i1', type: 'function_call', status: 'completed', call_id: 'c1', name: 'lookup', arguments: '{"id":"7"}' },
    ],
  };
  const itemDone = {
    type: 'response.output_item.done',
    response_id: 'r1',
    item: listed.output[0] as object,
  };
  const nameless = argumentsDone({ name: undefined });
  const done = (more: object = { output: null }) => says.done('r1', 'completed', more);

  it.each<[string, object[]]>([
    ['its arguments alone', [argumentsDone(), done()]],
    ['its arguments without a name, which the announcement has', [added('lookup'), nameless, done()]],
    ['its arguments first and its name later', [nameless, added('lookup'), done()]],
    ['the response before its arguments', [done(), argumentsDone()]],
    ['the response before its arguments and its name', [done(), nameless, added('lookup')]],
    [
      'its arguments, without a call id, which the announcement has',
      [added('lookup'), argumentsDone({ call_id: undefined }), done()],
    ],
    ['its arguments as an object', [argumentsDone({ arguments: { id: '7' } }), done()]],
    ['its item alone', [itemDone, done()]],
    ['the response alone', [done(listed)]],
    ['a response without a status', [says.done('r1', '', listed)]],
    ['all of it', [added('lookup'), argumentsDone(), itemDone, done(listed)]],
    ['all of it, backwards', [done(listed), itemDone, argumentsDone(), added('lookup')]],
    [
      'all of it, twice',
      [added('lookup'), argumentsDone(), argumentsDone(), itemDone, itemDone, done(listed), argumentsDone()],
    ],
  ])('is run once when it is told by %s', async (_what, events) => {
    const r = await run();
    r.says(says.created('r1'), ...events);
    await r.after(1_000);
    const calls = r.of('tool_call');
    expect(calls).toMatchObject([{ name: 'lookup', arguments: '{"id":"7"}', responseId: 'r1' }]);
    r.leg.submitToolResult({ toolCallId: calls[0]?.toolCallId ?? '', output: 'ok' });
    await r.after(1_000);
    expect(r.model.last.of('conversation.item.create')).toMatchObject([{ item: { call_id: 'c1', output: 'ok' } }]);
    expect(r.model.last.of('response.create')).toHaveLength(1);
    expect(r.counters.tool_call_dropped).toBeUndefined();
  });

  it('is run when the server never ends its response', async () => {
    const r = await run();
    r.says(says.created('r1'), argumentsDone());
    await r.after(300);
    expect(r.of('tool_call')).toHaveLength(1);
  });

  it.each<[string, object[]]>([
    ['with half its arguments', [argumentsDone({ arguments: '{"id":"' }), says.done('r1', 'cancelled')]],
    ['with all of them', [argumentsDone(), says.done('r1', 'cancelled')]],
    ['and told of late', [says.done('r1', 'cancelled'), argumentsDone()]],
    [
      'by the end of its item',
      [argumentsDone(), { ...itemDone, item: { ...listed.output[0], status: 'incomplete' } }, done()],
    ],
    ['by a failure', [argumentsDone(), says.done('r1', 'failed')]],
  ])('is not run when it was cut off %s', async (_how, events) => {
    const r = await run();
    r.says(says.created('r1'), ...events);
    await r.after(500);
    expect(r.of('tool_call')).toEqual([]);
  });

  it('without a name anywhere is told, counted, and answered, so that the model goes on', async () => {
    const r = await run();
    r.says(says.created('r1'), nameless, done());
    expect(r.of('tool_call')).toEqual([]);
    expect(r.counters.tool_call_dropped).toBe(1);
    expect(warnings(r, /without naming/)).toHaveLength(1);
    expect(r.model.last.of('conversation.item.create')).toMatchObject([{ item: { call_id: 'c1' } }]);
    expect(r.model.last.of('response.create')).toHaveLength(1);
  });
});
