import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/call/clock.ts';
import type { Counter } from '../../src/call/counters.ts';
import type { CallerEvent } from '../../src/call/events.ts';
import { type Termination, termination } from '../../src/call/termination.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { signalwireMedia } from '../../src/callers/phone/carriers/signalwire/media.ts';
import { twilio } from '../../src/callers/phone/carriers/twilio/media.ts';
import type { PhoneLeg } from '../../src/callers/phone/leg.ts';
import type { PhoneLegOptions } from '../../src/callers/phone/options.ts';
import { PhoneStream } from '../../src/callers/phone/stream.ts';
import { SocketAcceptor } from '../../src/transport/socket.ts';
import { fakeLog } from '../fakes/legs.ts';
import { tide } from '../fixtures/kinds/carrier/media.ts';

/** One accepted call, as its owner sees it. */
export interface ServedCall {
  readonly leg: PhoneLeg;
  readonly events: CallerEvent[];
  readonly heard: number[];
  of(counter: Counter): number;
  /** Why the leg ended, once it has. */
  readonly ended: () => Termination | undefined;
}

export interface PhoneServer {
  readonly url: string;
  readonly calls: ServedCall[];
  readonly refused: string[];
  readonly ticker: Ticker;
  close(): Promise<void>;
}

/** An HTTP server with phone legs behind its upgrades, and a hook on every event. */
export async function servePhone(
  init: {
    options?: Partial<PhoneLegOptions>;
    startTimeoutMs?: number;
    onCall?: (call: ServedCall) => void;
    onEvent?: (call: ServedCall, event: CallerEvent) => void;
  } = {},
): Promise<PhoneServer> {
  const server: Server = createServer();
  const acceptor = new SocketAcceptor({ maxMessageBytes: 64 * 1024, pingIntervalMs: 15_000, media: true });
  const ticker = new Ticker(systemClock);
  const calls: ServedCall[] = [];
  const refused: string[] = [];
  server.on('upgrade', (request, duplex, head) =>
    acceptor.accept(
      request,
      duplex,
      head,
      (attach) =>
        void new PhoneStream(attach, {
          carriers: [twilio, signalwireMedia(), tide],
          clock: systemClock,
          log: fakeLog(),
          count: () => {},
          authorize: () => ({ ok: true, grant: undefined }),
          refused: (reason) => refused.push(reason),
          ...(init.startTimeoutMs === undefined ? {} : { startTimeoutMs: init.startTimeoutMs }),
          ...(init.options === undefined ? {} : { leg: init.options }),
          accepted(leg) {
            const counted = new Map<Counter, number>();
            const events: CallerEvent[] = [];
            const heard: number[] = [];
            const call: ServedCall = {
              leg,
              events,
              heard,
              of: (counter) => counted.get(counter) ?? 0,
              ended: () => events.flatMap((e) => (e.type === 'ended' ? [e.end] : []))[0],
            };
            calls.push(call);
            void leg.start({
              callId: `call-${calls.length}`,
              peer: {
                sampleRate: leg.rate,
                write: (frame) => heard.push(...frame.samples),
                clear() {},
                toString: () => 'test',
              },
              emit(event) {
                events.push(event);
                init.onEvent?.(call, event);
              },
              count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
              log: fakeLog(),
              clock: systemClock,
              ticker,
              signal: new AbortController().signal,
            });
            init.onCall?.(call);
          },
        }),
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    refused,
    ticker,
    async close() {
      await Promise.all(calls.map((call) => call.leg.close(termination('drained'))));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
