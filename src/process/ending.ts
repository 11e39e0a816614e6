/** Why a process ended, as far as that can be known from outside. */

export type EndingKind =
  /** By itself, with status 0. */
  | 'finished'
  /** By itself, with another status: an error that nothing caught, or a refusal to start. */
  | 'failed'
  /** The memory that it may have was full: the engine's own limit. */
  | 'out-of-memory'
  /** A native library or the engine gave up: SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP. */
  | 'aborted'
  /** By us: it did not do in time what it had to. */
  | 'killed'
  /** By a signal from somebody else. SIGKILL is as a rule the kernel's, where the machine or the container has no memory left. */
  | 'signalled'
  /** It could not be started at all. */
  | 'not-started';

export const ENDINGS: readonly EndingKind[] = [
  'finished',
  'failed',
  'out-of-memory',
  'aborted',
  'killed',
  'signalled',
  'not-started',
];

export interface Ending {
  readonly kind: EndingKind;
  /** Its exit status; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** A few words for people, without what the process itself wrote. */
  readonly detail: string;
}

/** Signals by which a process says of itself that it cannot go on. */
const ABORTS: ReadonlySet<string> = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);
/** As V8 writes it before it aborts. */
const HEAP_FULL = /heap out of memory|heap limit|invalid (?:array|string) length.*out of memory/i;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started. */
  readonly failure: Error | undefined;
  /** The last of what it wrote to standard error. */
  readonly stderr: string;
  /** Why we had it killed. */
  readonly reason: string | undefined;
}

/** Reads it from what the system tells. */
export function endingOf({ code, signal, failure, stderr, reason }: Ended): Ending {
  const of = (kind: EndingKind, detail: string): Ending => ({ kind, code, signal, detail });
  if (failure !== undefined) return of('not-started', failure.message);
  if (reason !== undefined) return of('killed', reason);
  if (signal !== null && ABORTS.has(signal)) {
    return HEAP_FULL.test(stderr) ? of('out-of-memory', 'its heap was full') : of('aborted', `aborted by ${signal}`);
  }
  if (signal === 'SIGKILL')
    return of('signalled', 'ended by SIGKILL, as the kernel does where there is no memory left');
  if (signal !== null) return of('signalled', `ended by ${signal}`);
  // Where a shell or an emulator stands between, an abort is 128 and the signal's number.
  if (code === 134 || code === 139) return of('aborted', `exit status ${code}`);
  return code === 0 ? of('finished', 'exit status 0') : of('failed', `exit status ${code}`);
}
