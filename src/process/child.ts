import { type ChildProcess, fork, type SendHandle, type Serializable } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../call/clock.ts';
import { BridgeError, ERRORS, type ErrorCode } from '../errors.ts';
import { type Ending, endingOf } from './ending.ts';
import type { Sent } from './parent.ts';
import { Tail } from './tail.ts';

/**
 * A process of ours beside this one: what would end a process (a native library's abort, memory that is never given back) ends that one alone.
 * It is another run of the same Node with a module of ours, and talks over a channel (the module's side is `parent.ts`), by handles and
 * by pipes of its own where there is much to say. It starts within a time or not at all, and ends within a time, by force if it must.
 */

export interface ChildOptions {
  /** The module that it runs, which calls `openParent`. */
  readonly module: URL;
  readonly args?: readonly string[];
  /** Flags of Node's beside this process's own. */
  readonly flags?: readonly string[];
  /** Its environment; this process's own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Of it, for messages: "a worker". */
  readonly what: string;
  readonly clock: Clock;
  /** How long it may take until it says that it serves, ms. */
  readonly startMs: number;
  /** Pipes both ways beside the channel, for bytes: in the child file descriptors 4, 5 and so on (`openPipe`). */
  readonly pipes?: number;
  /** Its standard error is read for why it ended, and shown nowhere, nor is what else it writes. */
  readonly quiet?: boolean;
  /** What it says. Must not throw. */
  readonly said?: (message: unknown) => void;
}

/** How long what a process wrote last is waited for once it is gone, ms. */
const LAST_WORDS_MS = 250;

export class Child {
  /** Resolves when it serves. Rejects with the code that its start failed with, INTERNAL where it has none; nothing of it runs then, or soon. */
  readonly ready: Promise<void>;
  /** Resolves when the process is gone, with why. Never rejects. */
  readonly ended: Promise<Ending>;
  /** In the order of their file descriptors. */
  readonly pipes: readonly Duplex[];
  readonly #process: ChildProcess;
  readonly #o: ChildOptions;
  readonly #stderr = new Tail();
  /** Why we had it killed. */
  #reason: string | undefined;
  #ending: Ending | undefined;

  constructor(options: ChildOptions) {
    this.#o = options;
    const { pipes = 0, clock } = options;
    this.#process = fork(fileURLToPath(options.module), options.args ?? [], {
      // A debugger's port is this process's own.
      execArgv: [...process.execArgv.filter((flag) => !flag.startsWith('--inspect')), ...(options.flags ?? [])],
      serialization: 'advanced',
      stdio: [
        'ignore',
        options.quiet === true ? 'ignore' : 'inherit',
        'pipe',
        'ipc',
        ...Array<'pipe'>(pipes).fill('pipe'),
      ],
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
    });
    this.pipes = this.#process.stdio.slice(4) as unknown as Duplex[];
    // A pipe to a process that is gone fails, which `ended` says already.
    for (const pipe of this.pipes) pipe.on('error', () => {});
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr.add(chunk);
      if (options.quiet !== true) process.stderr.write(chunk);
    });
    this.ended = new Promise((resolve) => {
      const over = (failure: Error | undefined, code: number | null, signal: NodeJS.Signals | null) => {
        if (this.#ending !== undefined) return;
        this.#ending = endingOf({ code, signal, failure, stderr: this.#stderr.text, reason: this.#reason });
        resolve(this.#ending);
      };
      // Its last words are read until they end, and no longer than a moment: what it started itself may hold its end of the pipe.
      this.#process.once('exit', (code, signal) => {
        const wait = clock.after(LAST_WORDS_MS, () => over(undefined, code, signal));
        this.#process.once('close', () => {
          wait.cancel();
          over(undefined, code, signal);
        });
      });
      // Where it never ran there is an error alone.
      this.#process.on('error', (error) => {
        if (this.#process.pid === undefined) over(error, null, null);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      const late = clock.after(options.startMs, () => this.kill(`did not start within ${options.startMs} ms`));
      this.#process.on('message', (sent: Sent) => {
        if (sent.kind === 'said') options.said?.(sent.message);
        else {
          late.cancel();
          if (sent.kind === 'ready') resolve();
          else reject(new BridgeError(sent.code in ERRORS ? (sent.code as ErrorCode) : 'INTERNAL', sent.message));
        }
      });
      void this.ended.then((ending) => {
        late.cancel();
        reject(new BridgeError('INTERNAL', `${options.what} ended while it started: ${ending.detail}`));
      });
    });
    // Who does not wait for it hears of it by `ended`.
    this.ready.catch(() => {});
  }

  /** Undefined where it could not be started at all. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Why it ended; undefined while it lives. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * Says something, in order with all that is said; `handle` goes with it, one at a time: what is said next waits until the child has it. It stays open here,
   * too, until it is destroyed, which ends nothing of the child's; a socket is not to be read here meanwhile. Resolves when it is on its way. Rejects with ABORTED where the child is gone.
   */
  say(message: Serializable, handle?: SendHandle): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (cause?: Error) =>
        reject(new BridgeError('ABORTED', `${this.#o.what} is gone`, cause === undefined ? {} : { cause }));
      if (!this.#process.connected) {
        gone();
        return;
      }
      this.#process.send(message, handle, { keepOpen: true }, (error) => (error === null ? resolve() : gone(error)));
    });
  }

  /** Says `message`, or closes the channel where there is none, upon which it is to end; kills it when it has not within `withinMs`. */
  async end(withinMs: number, message?: Serializable): Promise<Ending> {
    if (message !== undefined) void this.say(message).catch(() => {});
    else if (this.#process.connected) this.#process.disconnect();
    const late = this.#o.clock.after(withinMs, () => this.kill(`did not end within ${withinMs} ms`));
    const ending = await this.ended;
    late.cancel();
    return ending;
  }

  /** Ends it by force (SIGKILL), which it cannot hold up. `reason` is the ending's detail. */
  kill(reason: string): void {
    if (this.#ending !== undefined) return;
    this.#reason ??= reason;
    this.#process.kill('SIGKILL');
  }
}
