import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * A load balancer as plain as there is: each request goes to the next one. Streams go by turns to the one that answered their webhook and to the next one, as near as can be
 * told from outside: they come in the order in which the webhooks were answered, but for two answers at nearly the same moment.
 */

/** What a stream follows. */
const WEBHOOK = '/incoming-call';

export type Kind = 'request' | 'upgrade';

export interface RoundRobin {
  readonly url: string;
  /** Where the next ones go, in place of the turn: the index of a target. */
  choose: ((kind: Kind, path: string) => number | undefined) | undefined;
  /** What went where, in order. */
  readonly went: ReadonlyArray<{ readonly kind: Kind; readonly path: string; readonly to: number }>;
  close(): Promise<void>;
}

/** `targets`: origins over http. */
export async function startRoundRobin(targets: readonly string[]): Promise<RoundRobin> {
  const went: Array<{ kind: Kind; path: string; to: number }> = [];
  const turns: Record<Kind, number> = { request: 0, upgrade: 0 };
  /** Who answered the webhooks whose streams are still to come, in order. */
  const answered: number[] = [];
  const open = new Set<Duplex>();
  const pick = (kind: Kind, path: string): Picked => {
    const turn = turns[kind]++;
    const inTurn = kind === 'upgrade' ? (answered.shift() ?? 0) + turn : turn;
    const to = proxy.choose?.(kind, path) ?? inTurn % targets.length;
    went.push({ kind, path, to });
    return { to, url: new URL(targets[to]!) };
  };
  const server: Server = createServer((request, response) =>
    forward(request, response, pick, (path, to) => {
      if (path === WEBHOOK) answered.push(to);
    }),
  );
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const { hostname, port } = pick('upgrade', path).url;
    const target: Socket = connect(Number(port), hostname, () => {
      const headers = request.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
      target.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: RoundRobin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    choose: undefined,
    went,
    async close() {
      for (const one of open) one.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

interface Picked {
  readonly to: number;
  readonly url: URL;
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  pick: (kind: Kind, path: string) => Picked,
  onAnswer: (path: string, to: number) => void,
): void {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const {
    to,
    url: { hostname, port },
  } = pick('request', path);
  const { method, url, headers } = request;
  const asked = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
    onAnswer(path, to);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  asked.on('error', () => response.writeHead(502).end());
  request.pipe(asked);
}
