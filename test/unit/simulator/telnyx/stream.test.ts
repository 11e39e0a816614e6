import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Ticker } from '../../../../src/call/ticker.ts';
import { pcmu } from '../../../../src/media/codecs.ts';
import { silenceSource, Timeline } from '../../../../src/simulator/phone/index.ts';
import { TelnyxStream } from '../../../../src/simulator/telnyx/stream.ts';
import { SocketAcceptor } from '../../../../src/transport/socket.ts';
import { FakeClock } from '../../../fakes/clock.ts';

it('a leg on which nothing comes is given up, and not where this process stood still', async () => {
  const server = createServer();
  const acceptor = new SocketAcceptor({ maxMessageBytes: 1 << 20, pingIntervalMs: 0 });
  server.on('upgrade', (request, socket, head) =>
    acceptor.accept(request, socket, head, (attach) => void attach({ text() {}, binary() {}, close() {} })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const clock = new FakeClock();
  const began = Promise.withResolvers<void>();
  const stream = new TelnyxStream({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    authToken: undefined,
    about: {},
    sent: { name: 'PCMU', codec: pcmu },
    played: pcmu,
    source: silenceSource(),
    clock,
    ticker: new Ticker(clock),
    timeline: new Timeline(clock),
    onBegan: () => began.resolve(),
  });
  const end = stream.run();
  await began.promise;
  clock.stall(10_000);
  clock.advance(1_000);
  expect(stream.talk.ended).toBe(false);
  clock.advance(500);
  expect(await end).toBe('silent');
});
