import type { Load } from './messages.ts';

/** Which worker gets a connection. */

export interface Candidate {
  /** Undefined until it has started. */
  readonly instance: string | undefined;
  readonly state: 'starting' | 'serving' | 'retiring' | 'draining' | 'ended';
  readonly load: Load | undefined;
  /** Connections given to it of which it has not told yet. */
  readonly pending: number;
  /** It has not told of itself for longer than one does that is well. */
  readonly silent: boolean;
}

/**
 * The instance that a path is for: `/media-stream/INSTANCE`, `/internal/INSTANCE/…`. That is how a call's socket comes to the process that has the call, though
 * nothing but the first line of its request is looked at.
 */
export function instanceOf(path: string): string | undefined {
  const [, , instance] = path.split('/', 3);
  return instance;
}

/** The worse, the higher: where anything else is there it is not asked. A process that takes no calls still answers what carriers ask of those that there were. */
function rank({ state, load, silent }: Candidate): number {
  if (state !== 'serving') return state === 'retiring' ? 3 : 4;
  if (silent) return 2;
  return load?.readiness === 'ok' ? 0 : load?.readiness === 'draining' ? 4 : 1;
}

/** Calls, and what may become calls. */
const busyness = ({ load, pending }: Candidate): number => (load?.calls ?? 0) + (load?.requests ?? 0) + pending;

/** Of those that were told to end the one with most calls is there for the longest; one without any may be gone before it reads what it is asked. */
const staying = ({ state, load }: Candidate): number => (state === 'draining' ? -(load?.calls ?? 0) : 0);

/**
 * The one whose path it is; else the least busy of those that are well. Of equals the one that was asked longest ago: callers put `turn` up by one with each
 * connection. Undefined where none can be asked.
 */
export function choose<W extends Candidate>(workers: readonly W[], path: string | undefined, turn = 0): W | undefined {
  const living = workers.filter(({ state }) => state !== 'starting' && state !== 'ended');
  const named = path === undefined ? undefined : instanceOf(path);
  const owner = named === undefined ? undefined : living.find(({ instance }) => instance === named);
  if (owner !== undefined) return owner;
  let best: W | undefined;
  for (let i = 0; i < living.length; i++) {
    const worker = living[(i + turn) % living.length] as W;
    if (best === undefined || compare(worker, best) < 0) best = worker;
  }
  return best;
}

const compare = (a: Candidate, b: Candidate): number =>
  rank(a) - rank(b) || staying(a) - staying(b) || busyness(a) - busyness(b);
