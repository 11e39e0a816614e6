import { type Clock, delay } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { LEASE_MS } from '../fleet/roll.ts';
import type { MemorySpace, ProcessMemory } from '../memory/memory.ts';
import type { Wanted } from '../prompts/after-call.ts';
import { type CallRecord, isMoved } from '../records/call-record.ts';
import type { RecordedEvent } from '../records/event.ts';
import type { RecordStore } from '../records/store.ts';
import { AGE_MS, type Job } from './aftermath.ts';
import { Conversation } from './conversation.ts';

/**
 * What instances that are gone have left undone: calls of the last day of which something was wanted, and that ended without it. Each instance looks in its store of records some time after its start
 * and each hour, since others leave when it is long there, and each call that is closed as lost is looked at; of all instances that find a call one makes it.
 */

export interface OwedOptions {
  /** This instance's own. */
  readonly store: Pick<RecordStore, 'list' | 'events' | 'silent'>;
  /** Daemons that this one does not know may store their calls there, too. */
  readonly isShared: boolean;
  readonly fleet: Pick<Fleet, 'self' | 'isAlone' | 'instances'>;
  readonly memory: Pick<ProcessMemory, 'space' | 'state'>;
  readonly wantedOf: (prompt: string) => Wanted | undefined;
  /** Has it made. */
  readonly add: (job: Job) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of how many calls it is made up for at one start. */
const MOST = 200;
/** How many records are looked at for it, in pages of so many. */
const LOOKED_AT_MOST = 10_000;
const PAGE = 200;
const EVENTS_MOST = 20_000;
/** A start has enough to do; with others that live it is to be known who does. */
const ALONE_MS = 2_000;
const AMONG_OTHERS_MS = LEASE_MS + 15_000;
const AWAY_MS = 60_000;
/** Whom the store has not heard of for so long is gone, as far as can be known of daemons that are none of the fleet, ms: each is heard of every 10 s. */
const SILENT_MS = 30_000;
/** How often it is looked again where there are others, ms. */
const AGAIN_MS = 3_600_000;
/** A claim is for as long as its call is looked for: how many wait for a slow model nobody knows, and that of an instance that is gone is taken over. */
const CLAIM_MS = AGE_MS;

export class Owed {
  readonly #o: OwedOptions;
  /** Which instance makes it of which call. */
  readonly #claims: MemorySpace<string>;
  readonly #closed = new AbortController();

  constructor(options: OwedOptions) {
    this.#o = options;
    this.#claims = options.memory.space({ name: 'aftermath', most: 10_000 });
  }

  /** Looks in a while, and where there are others again and again. Resolves when it looks no more. Never rejects. */
  async start(): Promise<void> {
    const { clock, fleet, isShared } = this.#o;
    const { signal } = this.#closed;
    const wait = (ms: number) => delay(clock, ms, signal).catch(() => {});
    await wait(fleet.isAlone && !isShared ? ALONE_MS : AMONG_OTHERS_MS);
    while (!signal.aborted) {
      await this.#lookNow(signal);
      if (fleet.isAlone && !isShared) return;
      await wait(AGAIN_MS);
    }
  }

  async #lookNow(signal: AbortSignal): Promise<void> {
    const { clock, memory, log } = this.#o;
    try {
      // Who lives, and who makes what, is not known meanwhile.
      while (memory.state === 'away') await delay(clock, AWAY_MS, signal);
      const found = await this.#look();
      if (found > 0) log.info({ calls: found }, 'what calls came to is made up for: a process ended before');
    } catch (error) {
      if (!signal.aborted)
        log.warn({ reason: errorMessage(error) }, 'what calls came to that a process left undone cannot be looked for');
    }
  }

  /** These calls were closed as lost by this instance. Never rejects. */
  async lost(calls: readonly CallRecord[]): Promise<void> {
    try {
      for (const record of calls) if (!this.#closed.signal.aborted) await this.#consider(record);
    } catch (error) {
      this.#o.log.warn({ reason: errorMessage(error) }, 'what lost calls came to cannot be made');
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async #look(): Promise<number> {
    const { store, clock } = this.#o;
    const since = clock.wall() - AGE_MS;
    const living = await this.#living();
    let before: CallRecord | undefined;
    let found = 0;
    for (let seen = 0; seen < LOOKED_AT_MOST && !this.#closed.signal.aborted; seen += PAGE) {
      const page = await store.list({ active: false, since, before, limit: PAGE });
      for (const record of page) {
        // Whoever lives makes its own.
        if (living.has(record.instance) || this.#closed.signal.aborted) continue;
        if (await this.#consider(record, living)) found++;
        if (found === MOST) return found;
      }
      before = page.at(-1);
      if (page.length < PAGE) break;
    }
    return found;
  }

  async #living(): Promise<ReadonlySet<string>> {
    const { store, fleet, isShared } = this.#o;
    const living = new Set((await fleet.instances()).map(({ id }) => id));
    if (!isShared) return living;
    const silent = new Set(await store.silent(SILENT_MS));
    for (const id of await store.silent(0)) if (!silent.has(id)) living.add(id);
    return living;
  }

  /** Whether it is made now. */
  async #consider(record: CallRecord, living?: ReadonlySet<string>): Promise<boolean> {
    const { store, wantedOf, add } = this.#o;
    const { id, prompt, turns, after } = record;
    const isNone = turns === 0 || after !== null || isMoved(record);
    const wanted = prompt === null || isNone ? undefined : wantedOf(prompt);
    if (wanted === undefined) return false;
    const events = await store.events(id, undefined, EVENTS_MOST);
    const last = events.at(-1);
    const lines = owedLines(events);
    if (last === undefined || lines === undefined || !(await this.#claim(id, living))) return false;
    add({ wanted, lines, last });
    return true;
  }

  /** Of all who find the call this one makes it; of whoever claimed it and is gone it is taken over. */
  async #claim(callId: string, living: ReadonlySet<string> | undefined): Promise<boolean> {
    const { self } = this.#o.fleet;
    const put = await this.#claims.putIfAbsent(callId, self, CLAIM_MS);
    if (put.put || put.there === undefined) return put.put;
    if (living === undefined || living.has(put.there)) return false;
    return this.#claims.replace(callId, put.there, self, CLAIM_MS);
  }
}

/** What was said in a call of which something was wanted when it began, and nothing made since; undefined otherwise. */
function owedLines(events: readonly RecordedEvent[]) {
  const conversation = new Conversation();
  let isWanted = false;
  for (const event of events) {
    if (event.type === 'call_started')
      isWanted ||= (event.data['info'] as { readonly afterCall?: boolean } | undefined)?.afterCall === true;
    if (event.type === 'call_summarized') return undefined;
    conversation.add(event);
  }
  return isWanted ? conversation.lines : undefined;
}
