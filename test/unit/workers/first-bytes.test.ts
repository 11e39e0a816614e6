import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/call/clock.ts';
import { firstBytes, readAgain } from '../../../src/workers/first-bytes.ts';
import { FakeClock } from '../../fakes/clock.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A socket that gives what it is told, without the network between. */
function dribbling() {
  const socket = new EventEmitter() as Socket & { pause(): Socket };
  socket.pause = () => socket;
  const read = new Promise<Buffer>((resolve) =>
    firstBytes(socket, {
      clock: new FakeClock(),
      withinMs: 3_000,
      taken: (bytes, { path }) => resolve(path === undefined ? bytes : Buffer.from(`${path} ${bytes}`)),
      none: () => {},
    }),
  );
  return { socket, read };
}

describe('a line that comes byte by byte', () => {
  it('is put together as it came', async () => {
    const { socket, read } = dribbling();
    for (const byte of Buffer.from('\r\nGET /events HTTP/1.1\r\n')) socket.emit('data', Buffer.from([byte]));
    expect(String(await read)).toBe('/events \r\nGET /events HTTP/1.1\r\n');
  });

  it('costs no more than its length: a stranger who dribbles holds up nobody', async () => {
    const { socket, read } = dribbling();
    const before = process.cpuUsage();
    for (let n = 0; n < 16 * 1024; n++) socket.emit('data', Buffer.from('a'));
    expect((await read).length).toBe(16 * 1024);
    const { user, system } = process.cpuUsage(before);
    // Some tens of ms; put together anew with each byte it was some seconds.
    expect((user + system) / 1_000).toBeLessThan(1_500);
  });
});

describe('the time that the first line may take', () => {
  /** A connection of which `rest` is there when the time is over and was not read, as where the process stood still; `first` was read before. */
  async function stood({ first = '', rest = '' }): Promise<string> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ];
    const clock = new FakeClock();
    const told: string[] = [];
    const end = new Promise<void>((resolve) => {
      const say = (what: string) => {
        told.push(what);
        setImmediate(resolve);
      };
      firstBytes(socket, { clock, withinMs: 3_000, taken: (read) => say(`taken ${read}`), none: say });
    });
    if (first !== '') {
      client.write(first);
      await once(socket, 'data');
    }
    await sleep(0);
    // What is due by time comes before what there is to read.
    setTimeout(() => {
      if (rest !== '') client.write(rest);
      clock.advance(3_000);
    }, 0);
    await end;
    expect([socket.listenerCount('data'), clock.pending]).toEqual([0, 0]);
    client.destroy();
    socket.destroy();
    server.close();
    return told.join();
  }

  it('is not over for a line that is there, and was not read because the process was late', async () => {
    const line = 'POST /incoming-call HTTP/1.1\r\n';
    expect(await stood({ rest: line })).toBe(`taken ${line}`);
    expect(await stood({ first: line.slice(0, 9), rest: line.slice(9) })).toBe(`taken ${line}`);
  });

  it('is over for whoever says nothing, or not all of it, and that is told once', async () => {
    expect(await stood({})).toBe('late');
    expect(await stood({ rest: 'POST /inc' })).toBe('late');
    expect(await stood({ first: 'POST' })).toBe('late');
  });
});

describe('a connection whose first line was read', () => {
  it('is not read of further, however long it waits for its worker: what comes is for whoever gets it', async () => {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    const taken = new Promise<Buffer>((resolve, reject) =>
      firstBytes(socket, { clock: systemClock, withinMs: 2_000, taken: resolve, none: reject }),
    );
    client.write('POST /incoming-call HTTP/1.1\r\n');
    expect(String(await taken)).toBe('POST /incoming-call HTTP/1.1\r\n');
    await sleep(20);
    client.write('Host: x\r\n\r\n');
    await sleep(50);
    expect([socket.bytesRead, socket.readableLength]).toEqual([30, 0]);
    readAgain(socket);
    socket.resume();
    const [rest] = (await once(socket, 'data')) as [Buffer];
    expect(String(rest)).toBe('Host: x\r\n\r\n');
    client.destroy();
    socket.destroy();
    server.close();
  });
});
