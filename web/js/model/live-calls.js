import { byAttention } from './attention.js';
import { applyEvent, callFrom, hear, newCall } from './call-state.js';

/**
 * @typedef {import('./call-state.js').CallState} CallState
 * @typedef {import('./call-state.js').RecordedEvent} RecordedEvent
 */

/** How long an ended call stays in the list, so that nobody misses how it ended, ms. */
export const LINGER_MS = 30_000;
/** What is louder is somebody, dBFS. */
const HEARD_DBFS = -45;
/** Ended calls that stay at most. */
const MOST_ENDED = 50;
/** Ids of calls that were dropped: what comes late makes no new call of them. */
const MOST_GONE = 1_000;
/** Events kept of a call whose beginning was not seen, until its history is read. */
const MOST_PENDING = 1_000;

/** The calls that go on, and those that ended a moment ago, as the stream and the list of calls tell them. No DOM, no network. */
export class LiveCalls {
  /** @type {Map<string, CallState>} */
  #calls = new Map();
  /** @type {Map<string, RecordedEvent[]>} events of calls whose beginning was not seen */
  #pending = new Map();
  /** @type {Set<string>} */
  #dirty = new Set();

  /** @type {Set<string>} the oldest first */
  #gone = new Set();
  /** @type {Map<string, number>} when it was seen that a call ended, by our clock */
  #endedAt = new Map();
  #skewMs = Number.POSITIVE_INFINITY;

  /** How far this machine's clock is ahead of the daemon's, ms, as far as events show it. */
  get skewMs() {
    return Number.isFinite(this.#skewMs) ? this.#skewMs : 0;
  }

  /** The daemon told its time. @param {number} wall ms since 1970 @param {number} [now] */
  setDaemonTime(wall, now = Date.now()) {
    this.#skewMs = now - wall;
  }

  /** @param {string} id */
  get(id) {
    return this.#calls.get(id);
  }

  /** Those that go on first, the newest first. */
  list() {
    const over = (/** @type {CallState} */ call) => (call.phase === 'ended' ? 1 : 0);
    return [...this.#calls.values()].sort(
      (a, b) => over(a) - over(b) || b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1),
    );
  }

  /** Those that need attention first. @param {number} now the daemon's clock, ms since 1970 */
  listByAttention(now) {
    return byAttention([...this.#calls.values()], now);
  }

  /**
   * How loud a call is; who is loud is heard.
   * @param {string} id
   * @param {{ caller: number | null, agent: number | null }} levels dBFS
   * @param {number} now the daemon's clock, ms since 1970
   */
  loud(id, { caller, agent }, now) {
    const call = this.#calls.get(id);
    if (call !== undefined && Math.max(caller ?? -127, agent ?? -127) > HEARD_DBFS) hear(call, now);
  }

  /** How many go on. */
  get active() {
    let n = 0;
    for (const call of this.#calls.values()) if (call.phase !== 'ended') n += 1;
    return n;
  }

  /** Ids of calls that changed since this was asked last. */
  takeDirty() {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    return dirty;
  }

  /** @param {RecordedEvent} event */
  apply(event, now = Date.now()) {
    // Events come late, by the way or by a replay, never early.
    this.#skewMs = Math.min(this.#skewMs, now - event.at);
    let call = this.#calls.get(event.callId);
    if (call === undefined) {
      if (this.#gone.has(event.callId)) return;
      call = newCall(event.callId, { startedAt: event.at - event.offsetMs });
      this.#calls.set(event.callId, call);
    }
    if (!applyEvent(call, event)) return;
    if (!call.complete) {
      const pending = this.#pending.get(call.id) ?? [];
      if (pending.length < MOST_PENDING) pending.push(event);
      this.#pending.set(call.id, pending);
    }
    if (call.phase === 'ended') this.#endedAt.set(call.id, now);
    this.#dirty.add(call.id);
  }

  /**
   * What `GET /calls` says: calls the stream has not told of are added, those it does not know any more are over.
   * @param {ReadonlyArray<{ id: string, direction: string, status: string, from?: string, to?: string, callerKind?: string, prompt?: string, createdAt: string }>} views
   * @param {number} now the daemon's clock, ms since 1970
   * @param {boolean} whole whether these are all: else a call that is not among them may go on all the same, at an instance that did not answer
   * @returns {string[]} ids of those that are over and of which it is not known how they ended
   */
  reconcile(views, now = Date.now(), whole = true) {
    const known = new Set(views.map((view) => view.id));
    /** @type {string[]} */
    const lost = [];
    for (const view of views) {
      let call = this.#calls.get(view.id);
      if (call === undefined) {
        call = newCall(view.id, { startedAt: Date.parse(view.createdAt) });
        call.phase = view.status === 'in-progress' ? 'talking' : 'ringing';
        // Whether somebody was heard before is not known: it is silent from now on at the most.
        hear(call, now);
        this.#calls.set(view.id, call);
      }
      const { direction, from, to, callerKind, prompt } = view;
      for (const [key, value] of Object.entries({ direction, from, to, callerKind, prompt }))
        if (value !== undefined) call.info[key] ??= value;
      call.rev += 1;
      this.#dirty.add(call.id);
    }
    for (const call of whole ? this.#calls.values() : []) {
      // A call that began after the list was made is not in it.
      if (call.phase === 'ended' || known.has(call.id) || now - call.startedAt < 5_000) continue;
      call.phase = 'ended';
      call.recording = false;
      call.endedAt = now;
      this.#endedAt.set(call.id, now);
      call.durationMs = now - call.startedAt;
      call.rev += 1;
      this.#dirty.add(call.id);
      lost.push(call.id);
    }
    return lost;
  }

  /**
   * How a call ended whose end the stream did not tell, by its record.
   * @param {string} id
   * @param {{ result: string, reason: string }} end
   * @param {number | null} durationMs
   */
  setEnd(id, end, durationMs) {
    const call = this.#calls.get(id);
    if (call === undefined || call.phase !== 'ended' || call.end !== undefined) return;
    call.end = end;
    call.durationMs = durationMs ?? call.durationMs;
    call.rev += 1;
    this.#dirty.add(id);
  }

  /** Has every call that goes on be shown anew: what is known of all of them changed. */
  touch() {
    for (const call of this.#calls.values()) {
      if (call.phase === 'ended') continue;
      call.rev += 1;
      this.#dirty.add(call.id);
    }
  }

  /**
   * Whether the beginning of a call is missing and could be read from the records.
   * @param {string} id
   */
  lacksHistory(id) {
    const call = this.#calls.get(id);
    return call !== undefined && !call.complete;
  }

  /**
   * Puts a call's stored events before those that were seen live.
   * @param {string} id
   * @param {ReadonlyArray<RecordedEvent>} stored from the call's beginning on
   * @param {boolean} last whether a gap between both is put up with: else nothing is done about it
   * @returns {boolean} whether there is no gap: records are written a moment later than events are told
   */
  addHistory(id, stored, last = false) {
    const old = this.#calls.get(id);
    if (old === undefined || old.complete) return true;
    if (stored.length === 0) return false;
    const first = this.#pending.get(id)?.[0]?.seq;
    const whole = first === undefined || (stored.at(-1)?.seq ?? -1) >= first - 1;
    if (!whole && !last) return false;
    const bySeq = new Map([...stored, ...(this.#pending.get(id) ?? [])].map((event) => [event.seq, event]));
    const call = callFrom(id, [...bySeq.values()], { maxEntries: old.maxEntries });
    call.info = { ...old.info, ...call.info };
    call.rev = old.rev + 1;
    for (const entry of call.entries) entry.rev += old.rev + 1;
    if (old.phase === 'ended' && call.phase !== 'ended') {
      const { end, endedAt, durationMs } = old;
      Object.assign(call, { phase: 'ended', end, endedAt, durationMs });
    }
    // What the records do not have yet comes by the stream; they are not asked a second time.
    call.complete = true;
    this.#calls.set(id, call);
    this.#pending.delete(id);
    this.#dirty.add(id);
    return whole;
  }

  /**
   * What the records say of calls whose beginning was not seen, for the list.
   * @param {ReadonlyArray<Record<string, any>>} records
   */
  describe(records) {
    for (const { id, carrier, route, prompt, model, transports } of records) {
      const call = this.#calls.get(id);
      if (call === undefined || call.complete) continue;
      for (const [key, value] of Object.entries({ carrier, route, prompt, model }))
        call.info[key] ??= value ?? undefined;
      call.transport ??= transports?.at(-1);
      call.rev += 1;
      this.#dirty.add(id);
    }
  }

  /**
   * Drops calls that ended a while ago, and the oldest of too many.
   * @param {string | undefined} keep the call that is looked at
   */
  sweep(keep, now = Date.now()) {
    const ended = this.list().filter((call) => call.phase === 'ended');
    ended.forEach((call, index) => {
      if (call.id === keep) return;
      if (index < MOST_ENDED && now - (this.#endedAt.get(call.id) ?? 0) < LINGER_MS) return;
      this.#calls.delete(call.id);
      this.#pending.delete(call.id);
      this.#endedAt.delete(call.id);
      this.#gone.add(call.id);
      this.#dirty.add(call.id);
    });
    for (const id of this.#gone) {
      if (this.#gone.size <= MOST_GONE) break;
      this.#gone.delete(id);
    }
  }

  clear() {
    for (const id of this.#calls.keys()) this.#dirty.add(id);
    this.#calls.clear();
    this.#pending.clear();
    this.#endedAt.clear();
  }
}
