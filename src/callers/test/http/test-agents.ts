import type { FastifyPluginAsync } from 'fastify';
import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { Termination } from '../../../call/termination.ts';
import type { Dispatch } from '../../../dispatch.ts';
import { adminGuard } from '../../../http/admin.ts';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { OperatorSessions } from '../../../http/sessions.ts';
import { SocketAccess, type SocketAccessOptions } from '../../../http/socket-access.ts';
import type { Intake } from '../../../intake/intake.ts';
import { ownCallEvent } from '../../../live/own-call.ts';
import type { RecordedEvent, RecordSink } from '../../../records/event.ts';
import { CLOSE, SocketAcceptor } from '../../../transport/socket.ts';
import { TEST_AGENT_PATH, testAgentRoute } from './routes.ts';
import { TestCall } from './test-call.ts';

export interface TestAgentsDeps extends Omit<SocketAccessOptions, 'http'> {
  readonly http: HttpServer;
  readonly sessions: OperatorSessions;
  readonly intake: Intake;
  readonly calls: Calls;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly log: Log;
  readonly bufferBytes: number;
}

/** Largest message, bytes: ten seconds at 48 kHz. */
const MESSAGE_MOST_BYTES = 1024 * 1024;
const PING_INTERVAL_MS = 20_000;

/** The sockets of test agents, each with its call. */
export class TestAgents implements RecordSink {
  readonly #all = new Set<TestCall>();
  readonly #byCall = new Map<string, TestCall>();

  onRecord(record: RecordedEvent): void {
    const test = this.#byCall.get(record.callId);
    // Whoever may place test calls is an operator.
    const json = test === undefined ? undefined : ownCallEvent(record, true);
    if (json !== undefined) test?.tell(json, record.transient);
  }

  /** Serves `WS /test-agent`. */
  serve(deps: TestAgentsDeps): void {
    const { http, sessions, clock } = deps;
    const access = new SocketAccess(deps);
    const acceptor = new SocketAcceptor({
      maxMessageBytes: MESSAGE_MOST_BYTES,
      pingIntervalMs: PING_INTERVAL_MS,
      clock,
      // The token is never selected: it would be sent back.
      subprotocol: () => false,
    });
    http.upgrades.serve(TEST_AGENT_PATH, async (request, stream, head) => {
      const asked = await access.admit(request, stream, 'operator', () => undefined);
      if (asked === undefined) return;
      acceptor.accept(request, stream, head, (attach) => {
        let leave = () => {};
        const socket = attach({
          text: (data) => test.text(data.toString('utf8')),
          binary: (data) => test.binary(data),
          close: (code) => {
            leave();
            test.closed(code);
          },
        });
        leave = sessions.begin(asked.operator, () => socket.close(CLOSE.policy, 'the token was revoked'));
        const test: TestCall = new TestCall(socket, {
          ...deps,
          operator: asked.operator,
          watch: (callId, one) => this.#byCall.set(callId, one),
          forget: (one, callId) => {
            this.#all.delete(one);
            if (callId !== undefined) this.#byCall.delete(callId);
          },
        });
        this.#all.add(test);
      });
    });
    const plain: FastifyPluginAsync = async (app) => {
      answerErrors(app);
      // A GET that asks for no upgrade.
      const guarded = {
        config: { describes: testAgentRoute },
        exposeHeadRoute: false,
        onRequest: adminGuard(deps.admin),
      };
      app.get(testAgentRoute.url, guarded, async () => {
        throw new ApiError(426, 'REQUEST_INVALID', 'this address is a WebSocket', {
          headers: { upgrade: 'websocket' },
        });
      });
    };
    http.app.register(plain);
  }

  /** Ends all. */
  async closeAll(end: Termination): Promise<void> {
    await Promise.all([...this.#all].map((test) => test.end(end)));
  }
}
