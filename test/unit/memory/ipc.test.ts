import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { IpcMemory } from '../../../src/memory/ipc.ts';
import { holdMemory } from '../../../src/memory/ipc-host.ts';
import { processPort } from '../../../src/memory/ipc-wire.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, memoryPorts } from '../../fakes/memory.ts';

const MINUTE = 60_000;

function rig(held: ProcessMemory = new LocalMemory({ clock: new FakeClock() })) {
  const clock = new FakeClock();
  const [port, other] = memoryPorts();
  const machine = new FakeClock();
  holdMemory(held, other, () => machine.now());
  const memory = new IpcMemory({ port, clock, now: () => machine.now() });
  const space = memory.space<number>({ name: 'a', most: 9 });
  return { clock, port, other, memory, space, held, pass: (ms: number) => machine.advance(ms) };
}

describe('a memory that another process holds', () => {
  it('leaves no timer behind where there is an answer, or a failure, which is told as one of the memory', async () => {
    const failing = failingMemory();
    const { space, clock } = rig(failing.memory);
    await expect(space.get('k')).rejects.toMatchObject({ code: 'INTERNAL', retryable: true, status: 503 });
    failing.fails = false;
    expect(await space.get('k')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('does not do what came too late, of which it was said that it failed', async () => {
    const { space, clock, other, pass } = rig();
    const release = other.hold();
    const put = space.put('k', 1, MINUTE).then(String, (error) => error.message);
    await clock.advanceAsync(500, 500);
    expect(await put).toMatch('no answer within 500 ms');
    pass(501);
    release();
    expect(await space.get('k')).toBeUndefined();
  });

  it('is away when that process is gone: what waits fails at once, and whoever wants to know is told once', async () => {
    const { space, clock, memory, port, other } = rig();
    const told: string[] = [];
    memory.onState((state) => told.push(state));
    other.hold();
    const waits = space.get('k').then(String, (error) => error.code);
    port.close();
    expect([await waits, memory.state, told, clock.pending]).toEqual(['INTERNAL', 'away', ['away'], 0]);
    await expect(space.get('k')).rejects.toMatchObject({ code: 'INTERNAL' });
    await memory.close();
    expect(told).toEqual(['away']);
  });

  it('tells nothing to a process that is gone', async () => {
    const held = new LocalMemory({ clock: new FakeClock() });
    const { memory, space, port } = rig(held);
    const heard: string[] = [];
    memory.channel({ name: 'news' }).subscribe((text) => heard.push(text));
    await space.get('until it listens');
    held.channel({ name: 'news' }).publish('one');
    await space.get('until it has heard');
    port.close();
    held.channel({ name: 'news' }).publish('two');
    await Promise.resolve();
    expect(heard).toEqual(['one']);
  });

  it('refuses what it does not know, and minds no messages of others', async () => {
    const { port, other, space } = rig();
    const answers: unknown[] = [];
    port.onMessage((message) => answers.push(message));
    for (const message of [7, null, 'text', { other: 1 }, { memory: 'unknown' }]) port.send(message as object);
    port.send({
      memory: 'ask',
      id: 101,
      notAfter: 9,
      form: 'space',
      options: { name: 'a' },
      method: 'constructor',
      args: [],
    });
    port.send({ memory: 'ask', id: 102, notAfter: 9, form: 'close', options: { name: 'a' }, method: 'get', args: [] });
    other.send({ memory: 'done', id: 99 });
    expect(await space.get('k')).toBeUndefined();
    expect(answers).toContainEqual({ memory: 'failed', id: 101, detail: 'the memory has no space.constructor' });
    expect(answers).toContainEqual({ memory: 'failed', id: 102, detail: 'the memory has no close.get' });
  });

  it('is reached over the channel of a child process', async () => {
    const child = fork(new URL('../../fixtures/memory/child.ts', import.meta.url));
    try {
      const held = new LocalMemory({ clock: new FakeClock() });
      const words = held.space<string>({ name: 'words', most: 9 });
      await words.put('word', 'it', MINUTE);
      holdMemory(held, processPort(child));
      expect(await once(child, 'exit', { signal: AbortSignal.timeout(20_000) })).toEqual([0, null]);
      expect(await words.get('answer')).toBe('found it');
    } finally {
      child.kill('SIGKILL');
    }
  });
});
