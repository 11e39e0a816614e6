/**
 * What one frame of a caller costs on its way through two WebSockets: a carrier's socket brings it, its audio goes on in a client's. Far ends by plain TCP are in
 * the same process, so that a figure holds their two system calls, too; compared with another checkout it says what a change of `transport/` brought, on a machine
 * that is too busy for whole calls: the least of many short windows is what other work disturbed least.
 * Run: node bench/frame-way.bench.ts [--before /path/of/the/other/checkout] [--rounds 3]
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { parseArgs } from 'node:util';
import type * as Transport from '../src/transport/socket.ts';
import { header, n, table } from './lib/table.ts';

const SOCKETS = 100;
/** Frames in one window, and windows of each length of burst. */
const FRAMES = 6_000;
const WINDOWS = 20;
/** Frames that come in one packet: one, as in a quiet hour, and three, as after a stall. */
const BURSTS = [1, 3] as const;

const { values } = parseArgs({
  options: { before: { type: 'string' }, rounds: { type: 'string', default: '3' }, tree: { type: 'string' } },
});

const listening = (server: Pick<Server, 'listen' | 'address'>) =>
  new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

/** CPU a frame in each window of each burst, microseconds. */
async function measure(tree: string): Promise<number[][]> {
  const { SocketAcceptor, openSocket } = (await import(`${tree}/src/transport/socket.ts`)) as typeof Transport;
  const payload = Buffer.alloc(160, 0x95).toString('base64');
  const append = Buffer.from(`{"type":"input_audio_buffer.append","audio":"${payload}"}`);
  const frame = carrierFrame(payload);

  // The model's end counts bytes.
  let missing = 0;
  let arrived = () => {};
  const model = createServer((stream) => {
    stream.on('error', () => {});
    stream.once('data', (request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(String(request))?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      stream.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      stream.on('data', (bytes) => {
        missing -= bytes.length;
        if (missing <= 0) arrived();
      });
    });
  });
  const modelUrl = `ws://127.0.0.1:${await listening(model)}`;
  const acceptor = new SocketAcceptor({ maxMessageBytes: 65_536, pingIntervalMs: 0, media: true });
  const deaf = { text() {}, binary() {}, close() {} };
  const options = { maxMessageBytes: 1_000_000, pingIntervalMs: 0, connectTimeoutMs: 5_000 };
  const ups = await Promise.all(Array.from({ length: SOCKETS }, () => openSocket(modelUrl, deaf, options)));
  const carriers = createHttpServer();
  carriers.on('upgrade', (request, stream, head) => {
    const up = ups[Number(request.url?.slice(1))]!;
    acceptor.accept(request, stream, head, (attach) => {
      attach({ ...deaf, text: () => void up.sendUtf8(append) });
    });
  });
  const port = await listening(carriers);
  const phones: TcpSocket[] = [];
  for (let i = 0; i < SOCKETS; i++) {
    const phone = connect({ port, host: '127.0.0.1', noDelay: true });
    phone.write(
      `GET /${i} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
    );
    await new Promise((resolve) => phone.once('data', resolve));
    phones.push(phone);
  }

  const pass = async (frames: number, burst: number) => {
    const packet = Buffer.concat(Array(burst).fill(frame));
    for (let passed = 0; passed < frames; passed += SOCKETS * burst) {
      missing = SOCKETS * burst * (append.length + 8);
      const all = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      for (const phone of phones) phone.write(packet);
      await all;
    }
  };
  const told: number[][] = [];
  for (const burst of BURSTS) {
    await pass(FRAMES * 10, burst);
    const windows: number[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      const from = process.cpuUsage();
      await pass(FRAMES, burst);
      const { user, system } = process.cpuUsage(from);
      windows.push((user + system) / FRAMES);
    }
    told.push(windows);
  }
  return told;
}

/** A carrier's message, masked as a client's is. */
function carrierFrame(payload: string): Buffer {
  const message = {
    event: 'media',
    sequenceNumber: '10000',
    streamSid: `MZ${'0'.repeat(32)}`,
    media: { track: 'inbound', chunk: '10000', timestamp: '200000', payload },
  };
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 1, 2, 3, 4]);
  return Buffer.concat([head, body.map((byte, i) => byte ^ ((i & 3) + 1))]);
}

if (values.tree !== undefined) {
  process.stdout.write(JSON.stringify(await measure(values.tree)));
  process.exit(0);
}
const here = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
const trees = values.before === undefined ? [here] : [values.before, here];
header();
const rows: string[][] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const tree of trees) {
    // A process of its own for each: what V8 happens to make of the same code differs from one to the next.
    const args = [import.meta.filename, '--tree', tree];
    const bursts = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as number[][];
    const cells = bursts.flatMap((windows) => {
      const sorted = [...windows].sort((a, b) => a - b);
      return [n(sorted[0]!), n(sorted[sorted.length >> 1]!)];
    });
    rows.push([String(round), tree === here ? 'after' : 'before', ...cells]);
  }
}
table(
  'CPU of a frame through two sockets, both far ends included, microseconds',
  ['round', '', 'one a packet: least', 'median', 'three a packet: least', 'median'],
  rows,
);
