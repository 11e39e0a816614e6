import { describe, expect, it } from 'vitest';
import { Monitor, type OpenMonitorSocket } from '../../../src/agents/retell/monitor.ts';
import type { OpenContext } from '../../../src/agents/stream/session.ts';
import { BridgeError } from '../../../src/errors.ts';
import type { Socket, SocketHandlers } from '../../../src/transport/socket.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

const transcripts = (...words: string[]) =>
  words.map((content, i) => ({ role: i % 2 === 0 ? 'agent' : 'user', content }));

/** A monitor whose tries fail as `refused` says, one after the other, and succeed after that. */
async function monitor(...refused: BridgeError[]) {
  const clock = new FakeClock();
  const log = fakeLog();
  const tries: number[] = [];
  const said: string[] = [];
  let line: SocketHandlers | undefined;
  const open = (async (_url, handlers) => {
    tries.push(clock.now());
    const failure = refused.shift();
    if (failure !== undefined) throw failure;
    line = handlers;
    return { close: () => {} } as unknown as Socket;
  }) as OpenMonitorSocket;
  const told = {
    transcript: (_role: string, text: string, final: boolean) => void (final && said.push(text)),
    unreadable: () => {},
    unknown: () => {},
  };
  const context = { clock, log } as unknown as OpenContext;
  const account = { apiUrl: 'https://api.retell.example', apiKey: 'key' };
  const one = new Monitor(account, 'call_1', told, context, open, () => 1);
  one.start();
  await clock.advanceAsync(10);
  return {
    clock,
    one,
    said,
    tries,
    warned: () => log.lines.filter(({ level }) => level === 'warn').length,
    tells: (type: string, ...words: string[]) =>
      line?.text(Buffer.from(JSON.stringify({ type, transcripts: transcripts(...words) }))),
    closes: (code: number) => line?.close(code, ''),
  };
}

describe('the words of a call while it goes on', () => {
  it('are tried for again when the line breaks, later each time, and nothing is lost or told twice', async () => {
    const { clock, tries, tells, closes, said, warned, one } = await monitor();
    tells('transcript_snapshot', 'Good day.', 'Hi.', 'How are you?');
    closes(1006);
    await clock.advanceAsync(1_000);
    closes(1011);
    await clock.advanceAsync(2_000);
    expect(tries).toEqual([0, 1_010, 3_010]);
    tells('transcript_snapshot', 'Good day.', 'Hi.', 'How are you?', 'Well.', 'Goodbye.');
    closes(1006);
    await clock.advanceAsync(1_000);
    expect(tries).toHaveLength(4);
    one.end();
    expect(said).toEqual(['Good day.', 'Hi.', 'How are you?', 'Well.', 'Goodbye.']);
    expect(warned()).toBe(2);
    one.close();
    expect(clock.pending).toBe(0);
  });

  it('are tried for again where they cannot be had, every 15 s at last, and said to be missing once', async () => {
    const failure = new BridgeError('SOCKET_CONNECT_FAILED', 'nobody is there');
    const { clock, tries, warned, one } = await monitor(...Array.from({ length: 20 }, () => failure));
    await clock.advanceAsync(60_000);
    expect(tries.map((at) => Math.round(at / 1_000))).toEqual([0, 1, 3, 7, 15, 30, 45, 60]);
    expect(warned()).toBe(1);
    one.close();
    await clock.advanceAsync(60_000);
    expect(tries).toHaveLength(8);
  });

  it('are asked for every second where the call is not live yet', async () => {
    const { clock, tries, closes, warned } = await monitor();
    for (let n = 1; n <= 15; n++) {
      closes(4_004);
      await clock.advanceAsync(1_000);
      expect(tries).toHaveLength(n + 1);
    }
    expect(warned()).toBe(0);
  });

  it.each([1_000, 4_010])('are whole when it is said that the call is over: %i', async (code) => {
    const { clock, tries, tells, closes, said, warned } = await monitor();
    tells('transcript_snapshot', 'Goodbye.');
    closes(code);
    await clock.advanceAsync(60_000);
    expect([said, tries.length, warned(), clock.pending]).toEqual([['Goodbye.'], 1, 0, 0]);
  });

  it.each([401, 403])('are not asked for again with a key that is refused: %i', async (status) => {
    const refusal = new BridgeError('SOCKET_REFUSED', 'no', { status });
    const { clock, tries, warned } = await monitor(refusal);
    await clock.advanceAsync(60_000);
    expect([tries.length, warned(), clock.pending]).toEqual([1, 1, 0]);
  });
});
