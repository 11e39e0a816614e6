import type { Clock, Timer } from '../call/clock.ts';
import { machineNow } from '../process/machine-clock.ts';
import { type Asking, type Form, isOurs, METHODS, type MemoryPort, type Telling } from './ipc-wire.ts';
import { Listeners } from './listeners.ts';
import {
  type MemoryChannel,
  type MemoryLeases,
  type MemorySpace,
  type MemoryState,
  type MemoryWindow,
  memoryUnavailable,
  type NamedOptions,
  type ProcessMemory,
  type SpaceOptions,
  type WindowOptions,
} from './memory.ts';
import { Watchers } from './watchers.ts';

export interface IpcMemoryOptions {
  readonly port: MemoryPort;
  readonly clock: Pick<Clock, 'after'>;
  /** How long the holder may take to answer, ms. */
  readonly withinMs?: number;
  /** The clock that both ends have, ms; the machine's. */
  readonly now?: () => number;
}

interface Waiting {
  readonly done: (value: unknown) => void;
  readonly failed: (error: Error) => void;
  readonly deadline: Timer;
}

/** The holder is on this machine and does little else: what takes longer than this is a process that hangs. */
const WITHIN_MS = 500;

/** A memory that another process of this machine holds (`holdMemory`), which is asked by messages. It is away for good when that process is gone. */
export class IpcMemory implements ProcessMemory {
  readonly #o: Required<IpcMemoryOptions>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: Listeners;
  readonly #watchers = new Watchers();
  #asked = 0;
  #state: MemoryState = 'here';

  constructor(options: IpcMemoryOptions) {
    this.#o = { withinMs: WITHIN_MS, now: machineNow, ...options };
    const { port } = this.#o;
    const send = (message: Asking) => port.send(message);
    this.#listeners = new Listeners({
      begin: (channel) => send({ memory: 'listen', channel }),
      end: (channel) => send({ memory: 'listen-no-more', channel }),
    });
    port.onMessage((message) => {
      if (isOurs(message)) this.#told(message as Telling);
    });
    port.onClose(() => this.#gone());
  }

  get state(): MemoryState {
    return this.#state;
  }

  onState(changed: (state: MemoryState) => void): () => void {
    return this.#watchers.add(changed);
  }

  space<T>(options: SpaceOptions): MemorySpace<T> {
    return this.#remote('space', options) as unknown as MemorySpace<T>;
  }

  window(options: WindowOptions): MemoryWindow {
    return this.#remote('window', options) as unknown as MemoryWindow;
  }

  leases<T>(options: NamedOptions): MemoryLeases<T> {
    return this.#remote('leases', options) as unknown as MemoryLeases<T>;
  }

  channel({ name }: NamedOptions): MemoryChannel {
    return {
      publish: (text) => this.#o.port.send({ memory: 'publish', channel: name, text } satisfies Asking),
      subscribe: (heard) => this.#listeners.add(name, heard),
    };
  }

  /** What outlives the process is the holder's. */
  async close(): Promise<void> {
    this.#gone();
  }

  #remote(form: Form, options: NamedOptions): Record<string, (...args: unknown[]) => Promise<unknown>> {
    const method = (name: string) => [name, (...args: unknown[]) => this.#ask(form, options, name, args)] as const;
    return Object.fromEntries((METHODS[form] as readonly string[]).map(method));
  }

  #ask(form: Form, options: NamedOptions, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#state === 'away') return Promise.reject(memoryUnavailable('the process that holds it is gone'));
    const { port, clock, withinMs, now } = this.#o;
    this.#asked++;
    const id = this.#asked;
    return new Promise((done, failed) => {
      const deadline = clock.after(withinMs, () => {
        this.#waiting.delete(id);
        failed(memoryUnavailable(`no answer within ${withinMs} ms`));
      });
      this.#waiting.set(id, { done, failed, deadline });
      const notAfter = now() + withinMs;
      // An argument that is left out would come as null where JSON carries the message.
      const given = args.filter((argument) => argument !== undefined);
      port.send({ memory: 'ask', id, notAfter, form, options, method, args: given } satisfies Asking);
    });
  }

  #told(telling: Telling): void {
    if (telling.memory === 'news') {
      this.#listeners.tell(telling.channel, telling.text);
      return;
    }
    const waiting = this.#waiting.get(telling.id);
    if (waiting === undefined) return;
    this.#waiting.delete(telling.id);
    waiting.deadline.cancel();
    if (telling.memory === 'done') waiting.done(telling.value);
    else waiting.failed(memoryUnavailable(telling.detail));
  }

  #gone(): void {
    if (this.#state === 'away') return;
    this.#state = 'away';
    for (const { failed, deadline } of this.#waiting.values()) {
      deadline.cancel();
      failed(memoryUnavailable('the process that holds it is gone'));
    }
    this.#waiting.clear();
    this.#watchers.tell('away');
  }
}
