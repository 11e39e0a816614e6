import { type Clock, delay } from '../../../call/clock.ts';
import type { CallEvent, CallObserver } from '../../../call/events.ts';
import type { Log } from '../../../call/leg.ts';
import type { ConnectEvent, MetaEvent, PermissionEvent, StatusEvent, TerminateEvent } from '../events.ts';
import type { Farewells } from '../graph/farewells.ts';
import type { CountWhatsapp } from '../metrics.ts';
import { type Claims, OVER_MS } from './claims.ts';
import type { MetaElsewhere, CallEvent as OfCall } from './elsewhere.ts';
import type { Incoming } from './incoming.ts';
import { endOf, type IncomingGraph, MetaCall, shownId } from './meta-call.ts';

/**
 * Who sees to the calls that we place, as far as webhooks tell of them; each says whether the call is one of those that were placed here. None may throw.
 */
export interface PlacedCalls {
  /** The user's phone has answered: here is its SDP. */
  answered(event: ConnectEvent): boolean;
  /** Ringing, accepted, rejected. */
  status(event: StatusEvent): boolean;
  /** It is over at Meta. */
  ended(event: TerminateEvent): boolean;
  /** A user says whether he may be called. */
  permission(event: PermissionEvent): void;
}

export interface WhatsappDeskDeps {
  /** Our numbers, by their ids: whom Meta is asked through. */
  readonly numbers: ReadonlyMap<string, IncomingGraph>;
  readonly incoming: Pick<Incoming, 'take'>;
  readonly claims: Pick<Claims, 'over'>;
  readonly farewells: Pick<Farewells, 'known' | 'close'>;
  readonly placed?: PlacedCalls | undefined;
  /** Is told of calls that are not here; left out: there is no other instance. */
  readonly elsewhere?: Pick<MetaElsewhere, 'tell'> | undefined;
  readonly count: CountWhatsapp;
  readonly clock: Clock;
  readonly log: Pick<Log, 'debug' | 'warn' | 'error'>;
}

/** How long what is being made may take to come to its end when the process stops, ms: its calls are over by then. */
const MAKING_MS = 500;

/** Events that are seen to before everything else has its turn: a call that is turned away costs a record and a request, a millisecond and more. */
const AT_ONCE = 4;

/** The calls by WhatsApp, by Meta's ids. It is told what webhooks bring, and sees that each call gets to hear of it. */
export class WhatsappDesk implements CallObserver {
  /** From the connect until all is over here, those that are only being claimed included. */
  readonly #live = new Map<string, MetaCall>();
  /** What webhooks brought and nobody has seen to yet, in their order. */
  readonly #untaken: MetaEvent[] = [];
  #isTaking = false;
  /** What is being done, for the end of the process to wait for. */
  readonly #work = new Set<Promise<void>>();
  #deps: WhatsappDeskDeps | undefined;

  /** Joins it to the rest; it is made before the rest, since it watches calls. */
  connect(deps: WhatsappDeskDeps): void {
    this.#deps = deps;
  }

  /** Calls of Meta's that are here. */
  get size(): number {
    return this.#live.size;
  }

  /**
   * Sees to the events of webhooks, in their order; few at once, since one webhook may hold thousands and calls that go on wait meanwhile. Never throws.
   */
  readonly take = (events: readonly MetaEvent[]): void => {
    for (const event of events) this.#untaken.push(event);
    if (!this.#isTaking) this.#takeSome();
  };

  /** Sees to what another instance was told of a call that is here. Never throws. */
  readonly takeFromPeer = (event: OfCall): void => this.#try(event, true);

  onEvent(callId: string, event: CallEvent): void {
    if (event.type !== 'caller' || event.event.type !== 'ended') return;
    const { end } = event.event;
    // Nobody comes back to a line of WhatsApp's that broke: nothing is to be kept for him, as it is for a carrier.
    for (const meta of this.#live.values()) if (meta.call?.info.id === callId) void meta.call.end(end);
  }

  /** What is being made comes to its end, and Meta is told of what is over, within a bounded time. Never rejects. */
  async close(): Promise<void> {
    const { clock, farewells } = this.#deps ?? {};
    if (clock === undefined) return;
    // There is no later: whoever still calls is declined.
    for (const event of this.#untaken.splice(0)) this.#try(event);
    for (const meta of this.#live.values()) meta.stop.abort();
    const done = new AbortController();
    const late = delay(clock, MAKING_MS, done.signal).catch(() => {});
    await Promise.race([Promise.all(this.#work), late]);
    done.abort();
    await farewells?.close();
  }

  #takeSome(): void {
    for (const event of this.#untaken.splice(0, AT_ONCE)) this.#try(event);
    this.#isTaking = this.#untaken.length > 0;
    if (this.#isTaking) setImmediate(() => this.#takeSome());
  }

  #try(event: MetaEvent, fromPeer = false): void {
    try {
      this.#take(event, fromPeer);
    } catch (err) {
      this.#deps?.log.error({ err, event: event.type }, 'an event of WhatsApp could not be seen to');
    }
  }

  /** `fromPeer`: another instance has passed it on, and it goes no further. */
  #take(event: MetaEvent, fromPeer: boolean): void {
    const { count, numbers, placed } = this.#deps!;
    const elsewhere = (one: OfCall) => {
      if (!fromPeer) this.#elsewhere(one);
    };
    if (event.type === 'other') {
      count(event.why === 'malformed' ? 'malformed' : `other_${event.why}`);
      return;
    }
    const client = numbers.get(event.phoneNumberId);
    if (client === undefined) {
      // Another number of the same account, which is somebody else's to serve.
      count('number_unknown');
      return;
    }
    switch (event.type) {
      case 'connect':
        if (event.direction === 'inbound') this.#connected(event, client);
        else {
          count('connect_outbound');
          if (placed?.answered(event) !== true) elsewhere(event);
        }
        return;
      case 'terminate':
        if (!this.#terminated(event)) elsewhere(event);
        return;
      case 'status':
        count('status');
        if (placed?.status(event) !== true) elsewhere(event);
        return;
      case 'permission':
        count('permission');
        placed?.permission(event);
        return;
      default:
        event satisfies never;
    }
  }

  #connected(event: ConnectEvent, client: IncomingGraph): void {
    const { count, clock, incoming, log } = this.#deps!;
    count('connect');
    if (this.#live.has(event.id)) {
      count('connect_repeated');
      return;
    }
    // What happened longer ago than anybody remembers is a repetition, or somebody plays back what he saw: no phone rings for so long.
    if (event.at !== undefined && clock.wall() - event.at > OVER_MS) {
      count('connect_stale');
      log.warn(
        { call: shownId(event.id) },
        "a WhatsApp call was told more than an hour late and is not answered; where each is, this machine's clock is wrong",
      );
      return;
    }
    const meta = new MetaCall(event, client, clock.now());
    this.#live.set(event.id, meta);
    this.#doing(
      incoming.take(meta).finally(() => {
        const forget = () => {
          if (this.#live.get(event.id) === meta) this.#live.delete(event.id);
        };
        if (meta.call === undefined) forget();
        else void meta.call.done.then(forget);
      }),
    );
  }

  #elsewhere(event: OfCall): void {
    const told = this.#deps!.elsewhere?.tell(event);
    if (told !== undefined) this.#doing(told);
  }

  /** Whether the call is here. */
  #terminated(event: TerminateEvent): boolean {
    const { count, claims, farewells, placed, log } = this.#deps!;
    count('terminate');
    const meta = this.#live.get(event.id);
    farewells.known(event.id);
    meta?.hungUp(endOf(event, meta.accept === 'accepted'));
    if (meta === undefined && placed?.ended(event) === true) return true;
    const first = claims.over(event.id).then((isFirst) => {
      if (!isFirst || meta !== undefined) return;
      count('terminate_first');
      log.debug({ call: shownId(event.id) }, 'a WhatsApp call ended before it was told');
    });
    this.#doing(first);
    return meta !== undefined;
  }

  #doing(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}
