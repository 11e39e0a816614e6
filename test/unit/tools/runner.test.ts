import { getEventListeners } from 'node:events';
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadDefinition } from '../../../src/tools/loaded.ts';
import { defineTool, type Tool, ToolError } from '../../../src/tools/tool.ts';
import { fakeControl, hang, rig, tool } from './support.ts';

const echo = loadDefinition(
  'echo',
  defineTool({
    description: 'Echoes.',
    parameters: z.object({ words: z.string().min(2), times: z.int().max(3).default(1) }),
    execute: async (args) => args,
  }) as Tool,
);

describe('a tool that does its work', () => {
  it('gets checked arguments with their defaults, and its result as JSON; a text stays a text', async () => {
    const { run, events } = rig([echo, tool('text', async () => 'plain'), tool('nothing', async () => undefined)]);
    expect(await run('echo', { words: 'hello' })).toBe('{"words":"hello","times":1}');
    expect(await run('text')).toBe('plain');
    expect(await run('nothing', '')).toBe('{"ok":true}');
    expect(events.slice(0, 2)).toEqual([
      { type: 'tool_started', name: 'echo', toolCallId: 't1' },
      {
        type: 'tool_finished',
        name: 'echo',
        toolCallId: 't1',
        ms: 0,
        outcome: 'ok',
        truncated: false,
        output: '{"words":"hello","times":1}',
      },
    ]);
  });

  it('runs beside others of the same response', async () => {
    let running = 0;
    let most = 0;
    const slow = tool('slow', async (_, { clock }) => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.after(100, resolve));
      running--;
    });
    const { run, runner, advance } = rig([slow]);
    const all = Promise.all([run('slow'), run('slow'), run('slow')]);
    await advance(100);
    await all;
    expect([most, runner.running]).toEqual([3, 0]);
  });

  it('leaves no timer and no listener behind', async () => {
    const { run, clock, call } = rig([echo]);
    await run('echo', { words: 'hello' });
    await run('echo', 'nonsense');
    expect(clock.pending).toBe(0);
    expect(getEventListeners(call.signal, 'abort')).toEqual([]);
  });
});

describe('a call that cannot be made', () => {
  it('is told what there is instead of an unknown tool', async () => {
    const { run, events } = rig([echo]);
    expect(JSON.parse(await run('rm_rf'))).toEqual({
      error: 'unknown',
      message: 'There is no such tool. There are: echo.',
    });
    expect(events).toMatchObject([{ name: '(unknown)' }, { name: '(unknown)', outcome: 'unknown' }]);
  });

  it('is told what is wrong with its arguments and what would be right', async () => {
    const { run, events } = rig([echo]);
    const wrong = JSON.parse(await run('echo', { words: 'x', times: 9 }));
    expect(wrong).toMatchObject({ error: 'arguments_invalid', expected: { required: ['words'] } });
    expect(wrong.problems.map(({ field }: { field: string }) => field)).toEqual(['words', 'times']);
    expect(JSON.parse(await run('echo', '{"words": "hel'))).toMatchObject({
      error: 'arguments_invalid',
      message: expect.stringContaining('not valid JSON'),
    });
    expect(JSON.parse(await run('echo', '[]'))).toMatchObject({ error: 'arguments_invalid' });
    expect(JSON.parse(await run('echo', `"${'x'.repeat(70_000)}"`))).toMatchObject({
      message: 'The arguments are too long.',
    });
    expect(events.filter(({ type }) => type === 'tool_finished')).toHaveLength(4);
  });

  it('is refused when there are too many in a minute, and allowed again later', async () => {
    const { run, advance } = rig([echo], { perMinute: 2 });
    const words = { words: 'hello' };
    expect(await run('echo', words)).not.toContain('error');
    expect(await run('echo', words)).not.toContain('error');
    expect(JSON.parse(await run('echo', words))).toMatchObject({ error: 'rate_limited' });
    await advance(60_001);
    expect(await run('echo', words)).not.toContain('error');
  });

  it('is refused while too many run', async () => {
    const { run, call } = rig([tool('hang', hang)], { parallel: 1 });
    const first = run('hang');
    await tick();
    expect(JSON.parse(await run('hang'))).toMatchObject({ error: 'rate_limited' });
    call.abort();
    await first;
  });
});

describe('a tool that hangs', () => {
  it('is aborted at its own limit, and the model is told', async () => {
    const { run, advance, clock } = rig([tool('hang', hang, { timeoutMs: 3_000 })]);
    const output = run('hang');
    await advance(2_999);
    expect(clock.pending).toBeGreaterThan(0);
    await advance(1);
    expect(JSON.parse(await output)).toMatchObject({ error: 'timeout' });
    expect(clock.pending).toBe(0);
  });

  it('has 8 s when it says nothing else, even if it ignores its signal', async () => {
    const { run, advance, events } = rig([tool('deaf', () => new Promise(() => undefined))]);
    const output = run('deaf');
    await advance(8_000);
    expect(JSON.parse(await output)).toMatchObject({ error: 'timeout' });
    expect(events.at(-1)).toMatchObject({ outcome: 'timeout', ms: 8_000 });
  });

  it('has its late result dropped and counted', async () => {
    let finish: (value: string) => void = () => undefined;
    const late = tool(
      'late',
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    const { run, advance, events, counted } = rig([late]);
    const output = run('late');
    await advance(8_000);
    await output;
    finish('too late');
    await advance(500);
    expect(counted).toEqual(['tool_result_dropped']);
    expect(events.at(-1)).toEqual({
      type: 'tool_result_dropped',
      name: 'late',
      toolCallId: 't1',
      ms: 8_000,
      why: 'timeout',
    });
  });
});

describe('a tool that throws', () => {
  it('gives the model a clean error and the log the stack', async () => {
    const broken = tool('broken', async () => {
      throw new Error('password is hunter2 at /srv/secret.ts');
    });
    const { run, log, events } = rig([broken]);
    const output = await run('broken');
    expect(JSON.parse(output)).toMatchObject({ error: 'failed' });
    expect(output).not.toMatch(/hunter2|secret|\.ts/);
    const line = log.lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({ err: { stack: expect.stringContaining('hunter2') } });
    expect(events.at(-1)).toMatchObject({ outcome: 'failed' });
  });

  it('may say something to the model on purpose, synchronously too', async () => {
    const refusing = tool('refusing', () => {
      throw new ToolError('TOOL_REFUSED', 'Not on Sundays.');
    });
    const { run, log } = rig([refusing]);
    expect(JSON.parse(await run('refusing'))).toEqual({ error: 'refused', message: 'Not on Sundays.' });
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('returns what JSON cannot hold: that is a failure, not a crash', async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const { run } = rig([
      tool('cycle', async () => cycle),
      tool('big', async () => ({ n: 10n })),
      tool('fn', async () => () => 1),
    ]);
    for (const name of ['cycle', 'big', 'fn'])
      expect(JSON.parse(await run(name))).toMatchObject({ error: expect.any(String) });
  });
});

describe('a large result', () => {
  it('is cut to 16 KiB for the model, with what was cut said', async () => {
    const { run, events } = rig([tool('long', async () => 'ä'.repeat(50_000))]);
    const output = await run('long');
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(16 * 1024);
    expect(output).toMatch(/ä\n\[The result was cut: the first \d+ of 100000 bytes are shown\./);
    expect(events.at(-1)).toMatchObject({ outcome: 'ok', truncated: true });
  });

  it('beyond 1 MiB is cut without being serialised whole', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => ({ i, text: 'x'.repeat(100) }));
    const { run, events } = rig([tool('rows', async () => rows), tool('text', async () => 'x'.repeat(5_000_000))]);
    for (const [name, begin] of [
      ['rows', '[{"i":0,"text":"xxx'],
      ['text', 'xxx'],
    ] as const) {
      const output = await run(name);
      expect(output.startsWith(begin)).toBe(true);
      expect(Buffer.byteLength(output)).toBeLessThanOrEqual(16 * 1024);
      expect(output).toMatch(/\[The result was cut: the first \d+ of more than 1048576 bytes are shown\./);
      expect(events.at(-1)).toMatchObject({ outcome: 'ok', truncated: true });
    }
  });
});

describe('the end of the call', () => {
  it('aborts its tools at once', async () => {
    const reasons: unknown[] = [];
    const watching: Tool['execute'] = (args, ctx) => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      return hang(args, ctx);
    };
    const { run, call, runner, clock, counted } = rig([tool('hang', watching)]);
    const outputs = [run('hang'), run('hang')];
    await tick();
    call.abort('over');
    for (const output of await Promise.all(outputs)) expect(JSON.parse(output)).toMatchObject({ error: 'aborted' });
    expect([reasons.length, runner.running, clock.pending]).toEqual([2, 0, 0]);
    await tick();
    // The call counts the results it does not want any more; twice would be wrong.
    expect(counted).toEqual([]);
  });

  it('starts no tool after it', async () => {
    let ran = false;
    const { run, call } = rig([
      tool('x', async () => {
        ran = true;
      }),
    ]);
    call.abort();
    expect(JSON.parse(await run('x'))).toMatchObject({ error: 'aborted' });
    expect(ran).toBe(false);
  });

  it('drops the result that comes after it', async () => {
    let finish: (value: string) => void = () => undefined;
    const { run, call, events } = rig([
      tool(
        'late',
        () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      ),
    ]);
    const output = run('late');
    await tick();
    call.abort();
    await output;
    finish('x');
    await tick();
    expect(events.at(-1)).toMatchObject({ type: 'tool_result_dropped', why: 'aborted' });
  });
});

describe('a superseded response', () => {
  it('takes its own tools with it and no others', async () => {
    const { run, runner, call, events, counted } = rig([tool('hang', hang)]);
    const first = run('hang');
    const second = run('hang');
    await tick();
    runner.supersede(['t1']);
    expect(JSON.parse(await first)).toMatchObject({ error: 'superseded' });
    expect(runner.running).toBe(1);
    await tick();
    expect(counted).toEqual(['tool_result_dropped']);
    expect(events.at(-1)).toMatchObject({ type: 'tool_result_dropped', toolCallId: 't1', why: 'superseded' });
    call.abort();
    await second;
  });
});

describe('a slow tool', () => {
  it('makes the agent say a word after 1.5 s, once for tools that run side by side', async () => {
    const { run, advance, fillers, call } = rig([tool('a', hang), tool('b', hang)]);
    const outputs = [run('a'), run('b')];
    await advance(1_499);
    expect(fillers).toEqual([]);
    await advance(1);
    expect(fillers).toEqual(['a']);
    await advance(3_000);
    expect(fillers).toHaveLength(1);
    call.abort();
    await Promise.all(outputs);
  });

  it('does so again for the next slow one, but never for a quick one or one that speaks for itself', async () => {
    const quick = tool('quick', async () => 1);
    const slow = tool('slow', hang, { timeoutMs: 2_000 });
    const quiet = tool('quiet', hang, { timeoutMs: 2_000, filler: false });
    const { run, advance, fillers } = rig([quick, slow, quiet]);
    for (const name of ['slow', 'quick', 'quiet', 'slow']) {
      const output = run(name);
      await advance(2_000);
      await output;
    }
    expect(fillers).toEqual(['slow', 'slow']);
  });
});

describe('what a tool may touch', () => {
  it('is what it declared: the rest is refused with its name', async () => {
    const sly = tool(
      'sly',
      async (_, { store }) => store.messages.leave({ callId: 'x', body: 'x', urgent: false }, 0),
      {
        touches: ['callers'],
      },
    );
    const caller = tool('caller', (_, { store }) => store.callers.find('+12025550143'), { touches: ['callers'] });
    const grabber = tool('grabber', async (_, { control }) => control.transfer('+12025550143'));
    const control = fakeControl();
    const { run, log } = rig([sly, caller, grabber], { control });
    expect(JSON.parse(await run('sly'))).toMatchObject({ error: 'not_declared' });
    expect(JSON.parse(await run('grabber'))).toMatchObject({ error: 'not_declared' });
    expect(JSON.parse(await run('caller'))).toMatchObject({ name: 'Maria Santos' });
    expect(control.asked).toEqual([]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('cannot be widened from inside', async () => {
    const forging = tool('forging', async (_, ctx) => {
      Object.assign(ctx, { store: {} });
    });
    expect(JSON.parse(await rig([forging]).run('forging'))).toMatchObject({ error: 'failed' });
  });

  it('is refused where the line has no such thing', async () => {
    const gather = tool('gather', (_, { control }) => control.gatherDigits!({ most: 4, timeoutMs: 100 }), {
      touches: ['gatherDigits'],
    });
    expect(JSON.parse(await rig([gather]).run('gather'))).toMatchObject({ error: 'refused' });
  });
});

it('survives an observer that throws', async () => {
  const { run } = rig([echo], {
    onEvent: () => {
      throw new Error('full disk');
    },
  });
  expect(await run('echo', { words: 'hello' })).toContain('hello');
});
