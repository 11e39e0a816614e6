import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../../call/clock.ts';
import type { Log } from '../../call/leg.ts';
import { type Fleet, peerUnreachable } from '../../fleet/fleet.ts';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import type { RouteDefinition } from '../../http/route.ts';
import type { HttpServer } from '../../http/server.ts';
import type { OperatorSessions } from '../../http/sessions.ts';
import { SocketAccess } from '../../http/socket-access.ts';
import { CLOSE, type Socket, SocketAcceptor, type SocketHandlers } from '../../transport/socket.ts';
import type { Listening, ListeningDesk } from '../desk.ts';
import { VOICE_MOST_BYTES } from '../session.ts';
import type { Tickets } from '../tickets.ts';
import { type Begun, openRelay, type RawOutlet, type Relay } from './relay.ts';

/**
 * `/listen?call=ID`, a WebSocket: both sides of a call as binary messages, the operator's voice back, and who hears it as JSON. Whichever instance is asked, the one
 * that has the call serves it: the first then passes messages on, both ways, and keeps nothing of them.
 */

export const LISTEN_PATH = '/listen';
export const LISTEN_PROTOCOL = 'voicebridge.listen.v1';
const TICKETS = 'listen.ticket';

/** Audio that waits for a slow operator, bytes: half a second. What comes then is dropped, since late sound is worth less than none. */
const WAITS_MOST_BYTES = 32_000;
/** After so many blocks that were dropped in a row the socket is given up: 10 s. */
const DROPPED_MOST = 500;
/** An operator whose line is dead is gone after three of these at most: a caller whom he had is in silence until then. */
const PING_INTERVAL_MS = 2_000;
const MESSAGE_MOST_BYTES = Math.max(VOICE_MOST_BYTES, 1_024);
/** How long the other instance may take, ms. */
const ASK_MS = 3_000;

/** As the OpenAPI document has it. */
export const listenRoute = {
  method: 'GET',
  url: LISTEN_PATH,
  operationId: 'listen',
  summary:
    'Listens to a call, whispers to its agent, or speaks with the caller: a WebSocket. docs/operating.md has the messages. Asked without one it says why it would be refused, or 426.',
  role: 'operator',
  query: z.object({ call: z.string().describe('Id of the call.') }),
  headers: {
    'Sec-WebSocket-Protocol': `\`${LISTEN_PROTOCOL}\`, and where no Authorization can be sent \`bearer.\` and the token in base64url.`,
  },
  success: { status: 101 },
  errors: {
    403: ['ORIGIN_REFUSED', 'ROLE_TOO_LOW'],
    404: ['CALL_UNKNOWN'],
    409: ['CALL_ENDED'],
    426: ['REQUEST_INVALID'],
    503: ['LISTENERS_TOO_MANY', 'PEER_UNREACHABLE'],
  },
} as const satisfies RouteDefinition;

export interface ListenSocketOptions {
  readonly http: HttpServer;
  readonly admin: AdminOptions;
  readonly sessions: OperatorSessions;
  readonly publicUrl: string | undefined;
  readonly desk: ListeningDesk;
  readonly tickets: Tickets;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'debug'>;
}

/** Drops what a socket does not take in time, and ends one that takes nothing. */
function sender(socket: Socket): (bytes: Uint8Array) => void {
  let dropped = 0;
  return (bytes) => {
    if (socket.bufferedBytes <= WAITS_MOST_BYTES) {
      dropped = 0;
      socket.sendBinary(bytes);
    } else if (++dropped > DROPPED_MOST) socket.close(CLOSE.tryLater, 'too slow');
  };
}

/** The call that is asked for. @param url with its query */
const callOf = (url = ''): string => new URLSearchParams(url.split('?', 2)[1]).get('call') ?? '';

const ticketOf = ({ headers }: IncomingMessage): string =>
  /^Ticket (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';

export function listenSockets(options: ListenSocketOptions): void {
  const { http, admin, sessions, publicUrl, desk, tickets, fleet, clock, log } = options;
  const access = new SocketAccess({ http, admin, publicUrl, log });
  const acceptor = new SocketAcceptor({
    maxMessageBytes: MESSAGE_MOST_BYTES,
    pingIntervalMs: PING_INTERVAL_MS,
    clock,
    subprotocol: (names) => (names.has(LISTEN_PROTOCOL) ? LISTEN_PROTOCOL : false),
  });
  const open = new Set<Socket>();
  if (!fleet.isAlone)
    fleet.serve<Listening, string>(TICKETS, async (listening) => {
      desk.check(listening.callId);
      return tickets.give(listening);
    });

  /** The instance that has the call, its address, and what it gives for this operator; undefined where the call is here. Rejects where there is no such call, nobody may listen, or there is no way to it. */
  const ticketFor = async (listening: Listening) => {
    const { callId } = listening;
    const owner = desk.has(callId) || fleet.isAlone ? undefined : await fleet.ownerOf({ kind: 'call', id: callId });
    if (owner === undefined || !owner.reachable || owner.instance === fleet.self) {
      desk.check(callId);
      return undefined;
    }
    const { instance } = owner;
    const url = (await fleet.instances()).find(({ id }) => id === instance)?.url;
    if (url === undefined) throw peerUnreachable('it has told no address');
    const ticket = await fleet.ask<Listening, string>(instance, TICKETS, listening, { withinMs: ASK_MS });
    return { instance, url, ticket };
  };

  /** The way to the instance that has the call; undefined where it is here. Rejects as `ticketFor` does. */
  const wayTo = async (listening: Listening): Promise<Relay | undefined> => {
    const given = await ticketFor(listening);
    if (given === undefined) return undefined;
    const { instance, url, ticket } = given;
    return openRelay(`${url.replace(/^http/, 'ws')}${LISTEN_PATH}/${instance}`, ticket, clock);
  };

  const join = (listening: Listening, relay: Relay | undefined, attach: (handlers: SocketHandlers) => Socket) => {
    let begun: Begun | undefined;
    const socket = attach({
      text: (data) => begun?.text(data.toString()),
      binary: (data) => begun?.audio(data),
      close: () => {
        open.delete(socket);
        leave();
        begun?.close();
      },
    });
    open.add(socket);
    // Of a relayed one the first instance sees to it that it ends; here that is its operator's end.
    const leave = sessions.begin(listening.operator, () => {
      socket.close(CLOSE.policy, 'the token was revoked');
      // Not when the far end has agreed to be closed: the agent has the caller again now.
      begun?.close();
    });
    const outlet: RawOutlet = {
      audio: sender(socket),
      text: (message) => void socket.send(message),
      end: (reason) => socket.close(CLOSE.goingAway, reason),
    };
    begun =
      relay?.begin(outlet) ??
      desk.begin(listening, { ...outlet, tell: (message) => outlet.text(JSON.stringify(message)) });
  };

  http.upgrades.serve(
    LISTEN_PATH,
    async (request, stream, head) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      if (path !== LISTEN_PATH) {
        const listening = tickets.take(ticketOf(request));
        if (listening === undefined)
          access.refuse(request, stream, new ApiError(403, 'TICKET_INVALID', 'the ticket is not good'));
        else acceptor.accept(request, stream, head, (attach) => join(listening, undefined, attach));
        return;
      }
      let relay: Relay | undefined;
      // Whatever becomes of the handshake: the way is not left open behind an operator who is gone.
      stream.once('close', () => relay?.close());
      const asked = await access.admit(request, stream, listenRoute.role, async (operator) => {
        const listening = { callId: callOf(request.url), operator, address: http.upgrades.addressOf(request) };
        relay = await wayTo(listening);
        return listening;
      });
      if (asked === undefined) relay?.close();
      else acceptor.accept(request, stream, head, (attach) => join(asked.what, relay, attach));
    },
    'api',
    { named: true },
  );
  http.app.register(async (scope) => {
    answerErrors(scope);
    scope.route({
      method: 'GET',
      url: listenRoute.url,
      config: { describes: listenRoute },
      exposeHeadRoute: false,
      onRequest: adminGuard(admin),
      // A page is not told why its WebSocket was refused. Asked without one this answers what that is, and 426 where nothing is in the way.
      handler: async (request) => {
        const { operator, url, ip } = request;
        const address = scope.addressOf?.(request) ?? ip;
        if (operator !== undefined) await ticketFor({ callId: callOf(url), operator, address });
        throw new ApiError(426, 'REQUEST_INVALID', 'a WebSocket has to be asked for', {
          headers: { upgrade: 'websocket' },
        });
      },
    });
  });
  http.app.addHook('preClose', async () => {
    for (const socket of open) socket.close(CLOSE.goingAway, 'closing');
  });
}
