import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { termination } from '../../../call/termination.ts';
import type { HttpServer } from '../../../http/server.ts';
import { MAX_MESSAGE } from '../../../transport/channel-message.ts';
import { type Socket, SocketAcceptor } from '../../../transport/socket.ts';
import { type CallWord, parseHandlerMessage } from '../messages.ts';
import { type HandedCall, word } from './handed-call.ts';
import type { HandedCalls } from './handed-calls.ts';
import type { HandedCallMetrics } from './metrics.ts';
import { Outlet } from './outlet.ts';
import { SOCKET_PATH } from './routes.ts';

export interface HandlerSocketsOptions {
  readonly http: HttpServer;
  readonly calls: HandedCalls;
  readonly clock: Clock;
  readonly log: Pick<Log, 'debug' | 'warn'>;
  readonly metrics: Pick<HandedCallMetrics, 'sockets' | 'dropped'>;
  /** A reader that lets more lie than this is dropped, bytes. */
  readonly bufferBytes: number;
}

/** A message's characters are three bytes of UTF-8 at most. */
const MESSAGE_MOST_BYTES = MAX_MESSAGE * 3;
const PING_INTERVAL_MS = 20_000;

/** Serves the sockets of calls that were handed on: what happens in the call goes out, and its handler's orders come in. */
export function serveHandlerSockets({ http, calls, clock, log, metrics, bufferBytes }: HandlerSocketsOptions): void {
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MESSAGE_MOST_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    clock,
  });
  http.upgrades.serve(SOCKET_PATH, (request, stream, head) => {
    const handed = calls.withToken(tokenOf(request));
    if (handed === undefined || handed.isClosed) {
      log.debug(
        { remoteAddress: http.upgrades.addressOf(request) },
        'a socket without the token of a call was refused',
      );
      http.upgrades.refuse(stream, 401, 'BRIDGE_SOCKET_REFUSED');
      return;
    }
    if (handed.isFull) {
      http.upgrades.refuse(stream, 429, 'BRIDGE_SOCKETS_TOO_MANY');
      return;
    }
    acceptor.accept(request, stream, head, (attach) => {
      const reader = new Reader(handed, clock, {
        say: (said) => void socket.send(word(said)),
        flood: () => outlet.drop('flood'),
      });
      const socket: Socket = attach({
        text: (data) => reader.read(data.toString('utf8')),
        binary: () => reader.invalid('a message must be text'),
        close: () => {
          metrics.sockets(-1);
          handed.detach(outlet);
        },
      });
      const outlet = new Outlet({
        socket,
        bufferBytes,
        dropped(why) {
          metrics.dropped(why);
          log.warn({ callId: handed.callId, why }, "a handler's socket was closed");
          handed.detach(outlet);
        },
      });
      metrics.sockets(1);
      if (!handed.attach(outlet)) outlet.end();
    });
  });
}

/** The token that the address brings; '' without one, which opens nothing. */
function tokenOf(request: IncomingMessage): string {
  const [, query = ''] = (request.url ?? '').split('?', 2);
  return new URLSearchParams(query).get('token') ?? '';
}

interface Answers {
  say(said: CallWord): void;
  /** Its sender is not to be asked again. */
  flood(): void;
}

/** What one socket says, carried out. */
class Reader {
  readonly #call: HandedCall;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #answers: Answers;

  constructor(call: HandedCall, clock: Pick<Clock, 'now'>, answers: Answers) {
    this.#call = call;
    this.#clock = clock;
    this.#answers = answers;
  }

  read(json: string): void {
    if (!this.#admits(json.length)) return;
    const parsed = parseHandlerMessage(json);
    if (!parsed.ok) {
      const { of, error } = parsed;
      this.#answers.say(
        of === undefined ? { type: 'error', ...error } : { type: `${of.type}_failed`, id: of.id, ...error },
      );
      return;
    }
    const { message } = parsed;
    switch (message.type) {
      case 'accepted':
        this.#call.accept();
        return;
      case 'hangup':
        void this.#call.close(termination('operator-hangup', 'its handler hung up'));
        return;
      default: {
        const { type, id } = message;
        const error = this.#call.take(message, this.#clock.now());
        if (error !== undefined)
          this.#answers.say(id === undefined ? { type: 'error', ...error } : { type: `${type}_failed`, id, ...error });
        else if (id !== undefined) this.#answers.say({ type: `${type}_accepted`, id });
      }
    }
  }

  invalid(message: string): void {
    if (this.#admits(0)) this.#answers.say({ type: 'error', code: 'MESSAGE_INVALID', message });
  }

  #admits(characters: number): boolean {
    const { limit } = this.#call;
    const admitted = limit.admit(this.#clock.now(), characters);
    if (admitted === 'taken') return true;
    if (admitted === 'flood') this.#answers.flood();
    else if (limit.firstRefusal)
      this.#answers.say({ type: 'error', code: 'MESSAGE_FLOOD', message: 'too many messages in a short time' });
    return false;
  }
}
