import type { MessagePort } from 'node:worker_threads';

/** A thread's own side of the conversation with `WorkerThread`: answers one question after the other, takes what it is told, closes when told. */

/** What a thread is sent. */
export type Order =
  | { readonly type: 'ask'; readonly id: number; readonly question: unknown }
  | { readonly type: 'tell'; readonly message: unknown }
  | { readonly type: 'close' };

/** An error as it crosses threads: a copy without its class. */
export interface Failure {
  readonly message: string;
  readonly stack: string | undefined;
  /** SQLite's result code, where it was SQLite that failed. https://www.sqlite.org/rescode.html */
  readonly errcode?: number;
}

/** What a thread sends. */
export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: Failure }
  | { readonly type: 'told'; readonly message: unknown };

/** What a thread does. None of it may be asynchronous: a thread has one thing to do at a time. */
export interface Service {
  /** Answers a question; a throw is the asker's rejection. */
  answer(question: unknown): unknown;
  /** Takes a message that has no answer. A throw ends the thread. */
  take?(message: unknown): void;
  /** Nothing more comes: frees what is held. */
  close(): void;
}

/** Serves from now on and says that it is ready. */
export function serveThread(port: MessagePort, service: Service): void {
  const send = (report: Report) => port.postMessage(report);
  port.on('message', (order: Order) => {
    switch (order.type) {
      case 'ask':
        send(answerOf(service, order.id, order.question));
        return;
      case 'tell':
        service.take?.(order.message);
        return;
      case 'close':
        service.close();
        port.close();
        return;
      default:
        order satisfies never;
    }
  });
  send({ type: 'ready' });
}

/** For a thread to tell what nobody asked. */
export function teller(port: MessagePort): (message: unknown) => void {
  return (message) => port.postMessage({ type: 'told', message } satisfies Report);
}

function answerOf(service: Service, id: number, question: unknown): Report {
  try {
    return { type: 'answer', id, value: service.answer(question) };
  } catch (error) {
    return { type: 'failed', id, error: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  const { message, stack, errcode } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    errcode?: unknown;
  };
  return { message, stack, ...(typeof errcode === 'number' ? { errcode } : {}) };
}
