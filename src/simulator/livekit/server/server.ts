/** A real livekit-server of one's own: on free ports of loopback, with its own key, for as long as its user lives. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { errorMessage } from '../../../errors.ts';

/** How long it may take until it serves, ms: half a second as a rule, more on a busy machine. */
const START_LIMIT_MS = 20_000;
/** A port that was free when it was looked for may be somebody else's end of a connection a moment later: so often others are looked for. */
const MOST_STARTS = 4;

export interface LiveKitServerOptions {
  /** The program; see `findServer`. */
  readonly program: string;
  /** TCP port of signalling and the API; a free one when left out or 0. */
  readonly port?: number | undefined;
  readonly apiKey?: string | undefined;
  /** At least 32 characters, or the server complains. */
  readonly apiSecret?: string | undefined;
  /** Where it posts what happens in its rooms, signed with its key. */
  readonly webhooks?: readonly string[] | undefined;
  /** How long a room without people lives, s: before the first came, and after the last left. The server's own are 300 and 20. */
  readonly emptyTimeoutSeconds?: number | undefined;
  readonly departureTimeoutSeconds?: number | undefined;
  /** Told each line of its log. */
  readonly onLog?: ((line: string) => void) | undefined;
}

export class LiveKitServer {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly port: number;
  readonly #o: LiveKitServerOptions;
  readonly #config: string;
  #child: ChildProcess | undefined;
  /** The end of its log, for the words of whoever fails with it. */
  #log = '';

  private constructor(options: LiveKitServerOptions, port: number, tcpPort: number, udpPort: number) {
    this.#o = options;
    this.port = port;
    this.apiKey = options.apiKey ?? 'APIlocaltrial';
    this.apiSecret = options.apiSecret ?? randomBytes(24).toString('base64url');
    const { webhooks = [], emptyTimeoutSeconds, departureTimeoutSeconds } = options;
    // JSON is YAML, too. https://github.com/livekit/livekit/blob/master/config-sample.yaml
    this.#config = JSON.stringify({
      port,
      bind_addresses: ['127.0.0.1'],
      keys: { [this.apiKey]: this.apiSecret },
      rtc: {
        tcp_port: tcpPort,
        udp_port: udpPort,
        use_external_ip: false,
        enable_loopback_candidate: true,
        node_ip: '127.0.0.1',
      },
      room: {
        ...(emptyTimeoutSeconds === undefined ? {} : { empty_timeout: emptyTimeoutSeconds }),
        ...(departureTimeoutSeconds === undefined ? {} : { departure_timeout: departureTimeoutSeconds }),
      },
      ...(webhooks.length === 0 ? {} : { webhook: { api_key: this.apiKey, urls: webhooks } }),
      logging: { level: options.onLog === undefined ? 'warn' : 'info' },
    });
  }

  /** Starts one. Rejects with the end of its log when it does not serve. */
  static async start(options: LiveKitServerOptions): Promise<LiveKitServer> {
    for (let n = 1; ; n++) {
      const port = options.port || (await freePort('tcp'));
      const server = new LiveKitServer(options, port, await freePort('tcp'), await freePort('udp'));
      try {
        await server.start();
        return server;
      } catch (error) {
        if (n === MOST_STARTS || !/address already in use/.test(errorMessage(error))) throw error;
      }
    }
  }

  /** As clients and the daemon's settings name it. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Where its API is. */
  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Of its process; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it again, on the same ports with the same key, and nothing of what it knew. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error('it runs already');
    // Of the environment it gets nothing: what would change it there is meant for somebody else.
    const child = spawn(this.#o.program, [], {
      env: { LIVEKIT_CONFIG: this.#config },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const orphan = () => void child.kill('SIGKILL');
    process.once('exit', orphan);
    child.once('close', () => {
      process.removeListener('exit', orphan);
      if (this.#child === child) this.#child = undefined;
    });
    child.on('error', (error) => this.#said(String(error)));
    for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding('utf8').on('data', (text) => this.#said(text));
    const end = performance.now() + START_LIMIT_MS;
    while (!(await this.#serves())) {
      if (this.#child === undefined || performance.now() > end) {
        await this.stop();
        throw new Error(`livekit-server did not start: ${this.#log.trim() || 'it said nothing'}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Ends it as a crash does, its clients are told nothing; a soft end waits for them to leave. Resolves when it is gone. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }

  async #serves(): Promise<boolean> {
    try {
      return (await fetch(this.httpUrl, { signal: AbortSignal.timeout(1_000) })).ok;
    } catch {
      return false;
    }
  }

  #said(text: string): void {
    this.#log = (this.#log + text).slice(-2_000);
    if (this.#o.onLog !== undefined) for (const line of text.split('\n')) if (line !== '') this.#o.onLog(line);
  }
}

/** Below those that systems give to whoever asks for any (32768 to 60999 on Linux): a server that is started again finds its ports free. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
/** Ports that are tried until it is given up. */
const MOST_PORTS = 50;

/** A port of loopback that nobody has now, nor gets while the server is away for a moment. */
async function freePort(kind: 'tcp' | 'udp'): Promise<number> {
  for (let n = 1; ; n++) {
    const port = FIRST_PORT + randomInt(PORTS);
    try {
      await (kind === 'udp' ? bindUdp(port) : bindTcp(port));
      return port;
    } catch (error) {
      if (n === MOST_PORTS) throw new Error('no port could be had', { cause: error });
    }
  }
}

/** Takes the port and gives it back. Rejects where somebody has it. */
async function bindUdp(port: number): Promise<void> {
  // At all addresses, where a port is taken that somebody has at any.
  const socket = createSocket('udp4');
  const bound = once(socket, 'listening');
  socket.bind(port);
  try {
    await bound;
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

async function bindTcp(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  await new Promise((resolve) => server.close(resolve));
}
