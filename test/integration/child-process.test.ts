import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { Child, type ChildOptions } from '../../src/process/child.ts';
import { usageOf } from '../../src/process/usage.ts';
import { until } from './rig.ts';

const start = (does: string, options: Partial<ChildOptions> = {}) =>
  new Child({
    module: new URL('../fixtures/processes/child.ts', import.meta.url),
    args: [does],
    what: 'a process of the test',
    clock: systemClock,
    startMs: 20_000,
    quiet: true,
    ...options,
  });

describe.concurrent('a process of ours', () => {
  it('serves, hears, answers with bytes, holds memory and threads, and ends when it is told', async () => {
    const said: unknown[] = [];
    const child = start('serve', { said: (message) => said.push(message), flags: ['--optimize-for-size'] });
    await child.ready;
    await child.say({ n: 1 });
    await until(() => said.length === 1, 'it answers');
    expect(said[0]).toMatchObject({ echo: { n: 1 }, bytes: Buffer.from('whole') });
    expect((said[0] as { flags: string[] }).flags).toEqual([...process.execArgv, '--optimize-for-size']);
    const usage = await usageOf(child.pid ?? 0);
    expect(usage?.rss).toBeGreaterThan(10_000_000);
    expect(usage?.threads).toBeGreaterThan(1);
    expect(await child.end(20_000, 'finish')).toMatchObject({ kind: 'finished', code: 0 });
    await expect(child.say('anybody?')).rejects.toMatchObject({ code: 'ABORTED' });
    expect(child.ending?.kind).toBe('finished');
  });

  it('carries bytes both ways on a pipe of its own, and takes a socket', async () => {
    const said: Array<{ handle?: string }> = [];
    const child = start('pipe', { pipes: 2, said: (message) => said.push(message as { handle?: string }) });
    await child.ready;
    const [, pipe] = child.pipes;
    pipe?.write('audio');
    const [chunk] = await once(pipe as NonNullable<typeof pipe>, 'data');
    expect(String(chunk)).toBe('AUDIO');
    const server = createServer({ pauseOnConnect: true }, (socket) => void child.say('yours', socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    await until(() => said.length === 1, 'it has the socket');
    expect(said[0]?.handle).toBe('Socket');
    client.destroy();
    // The channel closes, and so it ends.
    expect((await child.end(20_000)).kind).toBe('finished');
    server.close();
  });

  it('says why it cannot serve, by the code of the error', async () => {
    const child = start('refuse');
    await expect(child.ready).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: 'wrong settings' });
    expect((await child.ended).kind).toBe('failed');
  });

  it('fails to start where nothing catches an error', async () => {
    const child = start('throw');
    await expect(child.ready).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await child.ended).toMatchObject({ kind: 'failed', code: 1 });
  });

  it('is killed where it does not serve in time', async () => {
    const child = start('never', { startMs: 300 });
    await expect(child.ready).rejects.toThrow('did not start within 300 ms');
    expect((await child.ended).kind).toBe('killed');
  });

  it('is killed where it does not end in time', async () => {
    const child = start('stubborn');
    await child.ready;
    const ending = await child.end(200, 'stay');
    expect(ending).toMatchObject({ kind: 'killed', detail: 'did not end within 200 ms' });
  });

  it('that aborts is told from one whose heap is full', async () => {
    const aborted = start('serve');
    const full = start('serve', { env: { NODE_OPTIONS: '--max-old-space-size=40' } });
    await Promise.all([aborted.ready, full.ready]);
    void aborted.say('crash');
    void full.say('fill');
    expect((await aborted.ended).kind).toBe('aborted');
    expect((await full.ended).kind).toBe('out-of-memory');
  });
});
