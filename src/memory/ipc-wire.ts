import type { MemoryLeases, MemorySpace, MemoryWindow } from './memory.ts';

/**
 * What is said between a process and the one that holds its memory, over whatever carries messages both ways between two processes of one machine.
 * All of it is plain JSON. Other messages may go the same way: those of the memory have `memory`.
 */
export interface MemoryPort {
  /** Never throws; what cannot be sent any more is lost. */
  send(message: object): void;
  onMessage(heard: (message: unknown) => void): void;
  /** The other end is gone; told once. */
  onClose(closed: () => void): void;
}

/** The channel of a child process, at either of its ends. https://nodejs.org/api/child_process.html#subprocesssendmessage-sendhandle-options-callback */
export interface ProcessChannel {
  readonly connected: boolean;
  send?(message: object, sendHandle: undefined, options: object, sent: (error: Error | null) => void): boolean;
  on(event: 'message', heard: (message: unknown) => void): unknown;
  on(event: 'disconnect', closed: () => void): unknown;
}

export const processPort = (channel: ProcessChannel): MemoryPort => ({
  send: (message) => {
    // What fails is told to the callback; that the other end is gone, `disconnect` tells.
    if (channel.connected) channel.send?.(message, undefined, {}, () => {});
  },
  onMessage: (heard) => void channel.on('message', heard),
  onClose: (closed) => void channel.on('disconnect', closed),
});

interface Forms {
  readonly space: MemorySpace<unknown>;
  readonly window: MemoryWindow;
  readonly leases: MemoryLeases<unknown>;
}

export type Form = keyof Forms;

/** What can be asked of each form. */
export const METHODS: { readonly [F in Form]: ReadonlyArray<keyof Forms[F] & string> } = {
  space: ['putIfAbsent', 'put', 'putAll', 'get', 'take', 'replace', 'replaceAll', 'delete', 'expire'],
  window: ['take', 'giveBack', 'putAgain'],
  leases: ['take', 'takeAll', 'renew', 'renewAll', 'free', 'freeAll', 'members'],
};

/** From the process to the holder. */
export type Asking =
  | {
      readonly memory: 'ask';
      readonly id: number;
      /** Not to be done any more after this, by the clock of the machine, ms: whoever asked has given up by then. */
      readonly notAfter: number;
      readonly form: Form;
      readonly options: { readonly name: string };
      readonly method: string;
      readonly args: readonly unknown[];
    }
  | { readonly memory: 'listen' | 'listen-no-more'; readonly channel: string }
  | { readonly memory: 'publish'; readonly channel: string; readonly text: string };

/** From the holder to the process. */
export type Telling =
  | { readonly memory: 'done'; readonly id: number; readonly value?: unknown }
  | { readonly memory: 'failed'; readonly id: number; readonly detail: string }
  | { readonly memory: 'news'; readonly channel: string; readonly text: string };

export const isOurs = (message: unknown): message is { readonly memory: string } =>
  typeof message === 'object' && message !== null && typeof (message as { memory?: unknown }).memory === 'string';
