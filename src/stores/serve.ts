import type { MessagePort } from 'node:worker_threads';

/** A database thread's side of the conversation: answers one request after the other, closes when told. */

export type Request =
  | { readonly id: number; readonly area: string; readonly name: string; readonly args: unknown[] }
  | 'close';

export interface QueryFailure {
  readonly message: string;
  readonly stack: string | undefined;
  /** SQLite's result code, where it was SQLite that failed. https://www.sqlite.org/rescode.html */
  readonly errcode?: number;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: QueryFailure };

type Query = (...args: never[]) => unknown;

/** Answers with `queries` (by area and name) from now on and says that it is ready. `before` is told of the area of each request. */
export function serveDatabase(
  port: MessagePort,
  db: { close(): void },
  queries: Readonly<Record<string, Readonly<Record<string, Query>>>>,
  before: (area: string) => void = () => {},
): void {
  port.on('message', (request: Request) => {
    if (request === 'close') {
      db.close();
      port.close();
      return;
    }
    const { id, area, name, args } = request;
    try {
      before(area);
      const functions = Object.hasOwn(queries, area) ? queries[area] : undefined;
      if (functions === undefined || !Object.hasOwn(functions, name)) throw new Error(`no query ${area}.${name}`);
      port.postMessage({ id, value: functions[name]!(...(args as never[])) } satisfies Answer);
    } catch (error) {
      port.postMessage({ id, error: failureOf(error) } satisfies Answer);
    }
  });
  port.postMessage('ready');
}

function failureOf(error: unknown): QueryFailure {
  const { message, stack, errcode } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    errcode?: unknown;
  };
  return { message, stack, ...(typeof errcode === 'number' ? { errcode } : {}) };
}
