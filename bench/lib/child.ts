import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Roles of a bench live in processes of their own, so that the CPU time and the memory of one are its own. They are asked over IPC. */

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The methods that a role offers, by name, each with one argument. */
// biome-ignore lint/suspicious/noExplicitAny: the parameter's type is each method's own, and only `any` lets every function in.
export type Methods = Record<string, (argument: any) => unknown>;

/** A role's process as its owner sees it. */
export interface Child<M extends Methods> {
  readonly pid: number;
  ask<K extends keyof M & string>(method: K, ...argument: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>>;
  /** Ends the process. */
  stop(): Promise<void>;
}

/** Starts `file` (beside this one) as a process that calls `serve`. */
export function startChild<M extends Methods>(file: string, execArgv: readonly string[] = []): Child<M> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, [], { execArgv: ['--expose-gc', ...execArgv] });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let id = 0;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${signal ?? code}`));
      waiting.clear();
      resolve();
    });
  });
  child.on('message', (reply: Reply) => {
    const entry = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error !== undefined) entry?.reject(new Error(`${file}: ${reply.error}`));
    else entry?.resolve(reply.value);
  });
  return {
    pid: child.pid ?? 0,
    ask(method, ...[argument]) {
      const entry = Promise.withResolvers<unknown>();
      waiting.set(++id, entry);
      child.send({ id, method, argument } satisfies Request, (error) => {
        if (error !== null) entry.reject(error);
      });
      return entry.promise as never;
    },
    async stop() {
      if (child.exitCode === null && child.connected) child.disconnect();
      await ended;
    },
  };
}

/** Answers the owner from now on; the process ends when the owner does or lets it go. */
export function serve(methods: Methods): void {
  process.on('message', (request: Request) => {
    const reply = (answer: Omit<Reply, 'id'>) => process.send?.({ id: request.id, ...answer });
    void (async () => methods[request.method]?.(request.argument))().then(
      (value) => reply({ value }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
