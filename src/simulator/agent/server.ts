import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import { l16Decode, l16Encode } from '../../media/l16.ts';
import { CLOSE, type Socket, SocketAcceptor } from '../../transport/socket.ts';
import { asksForWebSocket } from '../../transport/upgrade-request.ts';
import { AGENT_FRAME, ScenarioAgent } from './agent.ts';
import type { AgentScenario } from './scenario.ts';
import type { AgentTruth } from './truth.ts';

/** An agent of set behaviour behind a socket: PCM16 little-endian at 24 kHz as binary messages both ways, beside them texts. */

export interface AgentServerOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  readonly host?: string;
  readonly scenario: AgentScenario;
  /** Told when a connection is over. */
  readonly onTruth?: (truth: AgentTruth) => void;
}

export interface AgentServer {
  /** `ws://127.0.0.1:PORT/agent`. */
  readonly url: string;
  readonly port: number;
  /** Of each connection, the first first; those that go on, too. Of the last thousand. */
  readonly truths: readonly AgentTruth[];
  /** Ends all connections and stops listening. Idempotent. */
  close(): Promise<void>;
}

const PATH = '/agent';
/** A second of audio at 48 kHz, and more than any text here. */
const MAX_MESSAGE_BYTES = 96_000;
const PING_INTERVAL_MS = 20_000;
const MOST_TRUTHS = 1_000;

/** Starts it. Rejects with LISTEN_FAILED when the port cannot be had. */
export async function startAgentServer(options: AgentServerOptions): Promise<AgentServer> {
  const clock = systemClock;
  const ticker = new Ticker(clock);
  const acceptor = new SocketAcceptor({ maxMessageBytes: MAX_MESSAGE_BYTES, pingIntervalMs: PING_INTERVAL_MS, clock });
  const truths: AgentTruth[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer({ shouldUpgradeCallback: asksForWebSocket }, (_, response) => {
    response.writeHead(404).end();
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => {});
    if (request.url?.split('?', 1)[0] !== PATH) {
      stream.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    acceptor.accept(request, stream, head, (attach) => converse(attach));
  });
  const converse = (attach: Parameters<Parameters<SocketAcceptor['accept']>[3]>[0]): void => {
    // Its clock begins with a tick, so that a frame is due when the ticker ticks.
    const openedAt = clock.now();
    let startedAt: number | undefined;
    const now = () => clock.now() - (startedAt ?? clock.now());
    const bytes = new Uint8Array(AGENT_FRAME * 2);
    const agent = new ScenarioAgent(options.scenario, ++connections, {
      audio(samples) {
        l16Encode(samples, bytes, 'le');
        socket.sendBinary(bytes.slice());
      },
      said: (text) => socket.send(JSON.stringify({ type: 'transcript', role: 'agent', text, final: true })),
      clear: () => socket.send(JSON.stringify({ type: 'clear' })),
      hangUp: () => socket.close(CLOSE.normal, 'the agent hung up'),
    });
    const { truth } = agent;
    truths.push(truth);
    if (truths.length > MOST_TRUTHS) truths.shift();
    const samples = new Int16Array(MAX_MESSAGE_BYTES / 2);
    const socket = attach({
      binary(data) {
        if (data.length % 2 !== 0) truth.others++;
        else agent.hear(samples.subarray(0, l16Decode(data, samples, 'le')), now());
      },
      text() {
        truth.others++;
      },
      close() {
        leave();
        open.delete(socket);
        agent.end(now());
        options.onTruth?.(truth);
      },
    });
    open.add(socket);
    const leave = ticker.subscribe((at) => {
      if (startedAt === undefined) {
        startedAt = at;
        truth.startedAfterMs = at - openedAt;
      }
      agent.tick(at - startedAt);
    });
  };
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(new BridgeError('LISTEN_FAILED', `cannot listen on ${host}:${options.port}: ${cause.message}`, { cause }));
    });
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  let closing: Promise<void> | undefined;
  return {
    url: `ws://${shown}:${port}${PATH}`,
    port,
    truths,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.close(CLOSE.goingAway);
        server.closeAllConnections();
      });
      return closing;
    },
  };
}
