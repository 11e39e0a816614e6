import type { Clock } from '../../../../call/clock.ts';
import type { Log } from '../../../../call/leg.ts';
import { ControlError } from '../../control/errors.ts';
import { limited } from '../../control/limit.ts';
import { type RelayClient, type RelayModule, relayFailure } from './relay-sdk.ts';

export interface RelayConnectionOptions {
  readonly projectId: string;
  readonly token: string;
  /** wss://relay.signalwire.com when left out. */
  readonly host?: string | undefined;
  readonly load: () => Promise<RelayModule>;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly log?: Pick<Log, 'warn' | 'info'> | undefined;
}

const DISCONNECT_MS = 2_000;

/** The one connection to the relay, made when it is first needed. The package connects again by itself after a break. */
export class RelayConnection {
  readonly #o: RelayConnectionOptions;
  #client: RelayClient | undefined;
  /** While the package tries to connect for the first time: it cannot be told to stop, so there is never a second attempt beside it. */
  #connecting: Promise<RelayClient> | undefined;
  #up = false;
  #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: RelayConnectionOptions) {
    this.#o = options;
  }

  /**
   * The client, connected and authorized. Rejects with CONTROL_TIMEOUT, CONTROL_AUTH, CONTROL_DEPENDENCY_MISSING or CONTROL_UNAVAILABLE.
   * A request is only ever made on a live connection: the package would queue it and send it whenever the line is back.
   */
  async client(signal?: AbortSignal): Promise<RelayClient> {
    if (this.#closed) throw new ControlError('CONTROL_UNAVAILABLE', 'the connection to the relay was closed');
    if (this.#client !== undefined && this.#up) return this.#client;
    if (this.#client === undefined) this.#connecting ??= this.#connect();
    const work = this.#client === undefined ? this.#connecting! : this.#again(this.#client);
    return limited(work, {
      clock: this.#o.clock,
      ms: this.#o.connectTimeoutMs,
      what: 'no connection to the relay',
      uncertain: false,
      // The package has been trying all the time.
      retryable: false,
      signal,
    });
  }

  /** Disconnects. Never rejects; a first attempt that still runs is ended as soon as it got through. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    this.#connecting?.then((late) => this.#drop(late)).catch(() => {});
    if (client !== undefined) await this.#drop(client);
  }

  async #connect(): Promise<RelayClient> {
    try {
      const { projectId, token, host, load, log } = this.#o;
      const { SignalWire } = await load();
      let up = true;
      const client = await SignalWire({
        project: projectId,
        token,
        ...(host === undefined ? {} : { host }),
        // It writes requests, numbers included, to the console.
        logLevel: 'silent',
        listen: {
          onConnected: () => {
            up = true;
            this.#onUp();
          },
          onReconnecting: () => {
            up = false;
            this.#up = false;
            log?.warn({}, 'the connection to the relay broke');
          },
          onDisconnected: () => {
            this.#up = false;
            this.#client = undefined;
          },
        },
      });
      if (client.authStatus !== 'authorized') {
        void this.#drop(client);
        throw new ControlError('CONTROL_AUTH', `the relay does not take this project's token (${client.authStatus})`);
      }
      if (!this.#closed) this.#client = client;
      this.#up = up;
      return client;
    } catch (error) {
      throw relayFailure(error);
    } finally {
      this.#connecting = undefined;
    }
  }

  #onUp(): void {
    this.#up = true;
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  #again(client: RelayClient): Promise<RelayClient> {
    return new Promise((resolve) => this.#waiting.add(() => resolve(client)));
  }

  async #drop(client: RelayClient): Promise<void> {
    const { clock } = this.#o;
    const work = Promise.resolve(client.disconnect());
    await limited(work, { clock, ms: DISCONNECT_MS, what: 'not disconnected', uncertain: false }).catch(() => {});
  }
}
