import type { SendHandle, Serializable } from 'node:child_process';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorCode, errorMessage } from '../errors.ts';

/** The side of a child process in the talk with the process that started it (`child.ts`). */

/** What a child sends. */
export type Sent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'said'; readonly message: Serializable };

export interface ParentOptions {
  /** What the parent says, with the handle that it gives away. Must not throw. */
  readonly told: (message: unknown, handle: SendHandle | undefined) => void;
  /** The parent is gone, or has closed the channel: nobody is left to serve, and the process is to end. Must not throw. */
  readonly gone: () => void;
}

export interface Parent {
  /** It serves from now on. */
  ready(): void;
  /** It cannot serve; resolves when that is said, so that the process can end then. */
  failed(error: unknown): Promise<void>;
  /** Says something, in order. Where the parent is gone it is said to nobody. Resolves when it is on its way, and this process may end. */
  say(message: Serializable): Promise<void>;
}

/** Opens the talk. The process lives as long as the channel is open, or until it ends itself. Throws where no parent is. */
export function openParent({ told, gone }: ParentOptions): Parent {
  if (process.send === undefined) throw new Error('this module is started by the daemon, not by hand');
  const send = (sent: Sent, done: () => void = () => {}) => {
    if (process.connected) process.send?.(sent, undefined, {}, () => done());
    else done();
  };
  process.on('message', (message, handle) => told(message, handle as SendHandle | undefined));
  process.on('disconnect', gone);
  return {
    ready: () => send({ kind: 'ready' }),
    failed: (error) =>
      new Promise((resolve) => send({ kind: 'failed', code: errorCode(error), message: errorMessage(error) }, resolve)),
    say: (message) => new Promise((resolve) => send({ kind: 'said', message }, resolve)),
  };
}

/** The pipe that is the `n`th of `ChildOptions.pipes`, from 0. */
export function openPipe(n: number): Duplex {
  return new Socket({ fd: 4 + n, readable: true, writable: true });
}
