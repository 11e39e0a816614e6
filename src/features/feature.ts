import type { Logger } from 'pino';
import type { Admission, RefusalReason } from '../admission/admission.ts';
import type { Agents, Dialler } from '../agents/kind.ts';
import type { Calls } from '../call/calls.ts';
import type { CarrierCall } from '../call/carrier-call.ts';
import type { Clock } from '../call/clock.ts';
import type { CallObserver } from '../call/events.ts';
import type { CallInfo } from '../call/info.ts';
import type { Log } from '../call/leg.ts';
import type { CallTap, TapHooks } from '../call/tap.ts';
import type { Termination } from '../call/termination.ts';
import type { Ticker } from '../call/ticker.ts';
import type { Carriers } from '../callers/phone/carriers/index.ts';
import type { StatusUpdate } from '../callers/phone/http/call-status.ts';
import type { Config } from '../config.ts';
import type { Dispatch } from '../dispatch.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Machine } from '../health/machine.ts';
import type { StatusView } from '../health/status-view.ts';
import type { AdminOptions } from '../http/admin.ts';
import type { PublicUrls } from '../http/public-url.ts';
import type { HttpServer } from '../http/server.ts';
import type { OperatorSessions } from '../http/sessions.ts';
import type { Intake, RefusedOffer } from '../intake/intake.ts';
import type { EventReplay } from '../live/replay.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Lines } from '../orders/lines.ts';
import type { OutboundPlan } from '../orders/outbound-call.ts';
import type { Placer } from '../orders/placer.ts';
import type { Done } from '../people/audit.ts';
import type { CallRecord } from '../records/call-record.ts';
import type { EventIds, RecordedEvent, RecordSink } from '../records/event.ts';
import type { RecordStore } from '../records/store.ts';

/**
 * A part of the daemon beside the bridge itself: records, the live stream, each kind of caller. Each is opened before there can be a call, joined
 * to the rest when the rest exists, and closed after the last call. `app.ts` lists them.
 */
export interface Feature {
  /** Watch all calls. */
  readonly observers?: readonly CallObserver[];
  /** Get every recorded event. */
  readonly sinks?: readonly RecordSink[];
  /** Listens to a call's audio; asked once for each call, before it starts. Undefined: not to this one. */
  tap?(info: CallInfo, hooks: TapHooks): CallTap | undefined;
  /** What was ordered of a call of which its carrier says that we placed it; undefined: it was not ordered here. */
  claim?(call: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** The same of a call to somebody who was called to answer another call; undefined: it is none. */
  claimLeg?(call: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** Who calls people by telephone that are to answer calls; one part has it, when it is installed. */
  readonly dialler?: Dialler | undefined;
  /** News of a call at its carrier. Must not throw. */
  carrierNews?(update: StatusUpdate): void;
  /** What can be asked of calls at carriers; one part has it. */
  readonly lines?: Lines;
  /** Places ordered calls to destinations of its own kind. */
  readonly placer?: Placer | undefined;
  /** News that is no call's. Must not throw. */
  notice?(notice: Notice): void;
  /** A call was refused, for a reason of admission's list. Must not throw. */
  refused?(reason: RefusalReason): void;
  /** A caller was not taken, whoever he was; told of each, once. Must not throw. */
  turnedAway?(offer: RefusedOffer): void;
  /** How many calls of strangers it takes at once. */
  readonly strangers?: number;
  /** A call is over and forgotten by `calls`; told of each, once. Must not throw. */
  ended?(call: { readonly info: CallInfo; readonly startedAt: number }, end: Termination): void;
  /** Removes what this part holds of calls whose records are removed. Rejects when something of them may be left. */
  forget?(callIds: readonly string[]): Promise<void>;
  /** Calls of an instance that died were closed by this process, and are told of nowhere else. Must not throw. */
  lost?(calls: readonly CallRecord[]): void;
  /** Who operates the daemon; one part knows. */
  readonly people?: PeopleParts;
  /** Gives events that were told before; one part has them. */
  readonly replay?: EventReplay;
  /** The records of this process's own store, those of others not among them; one part has them. */
  readonly records?: OwnRecords;
  /** What is wrong just now and an operator has to mend. Must not throw. */
  problems?(): StatusView['problems'];
  /** Registers routes and whatever else needs the other parts. */
  install?(parts: Parts): void | Promise<void>;
  /** While the process drains, when its calls are over: resolves when what is still made of them is made, or with `signal`. Must not reject. */
  finish?(signal: AbortSignal): Promise<void>;
  /** After the calls ended and the HTTP server closed, in reverse order of opening. Must not reject. */
  close?(): Promise<void>;
}

/** What other parts need of the one that knows people. */
export interface PeopleParts {
  /** Whose token this is. */
  readonly find: NonNullable<AdminOptions['people']>;
  /** Sockets of theirs that are open. */
  readonly sessions: OperatorSessions;
  /** Has the audit log know what was done by other ways than a route. Must not throw. */
  note(done: Done): void;
}

/** What other parts read of the records. */
export type OwnRecords = Pick<RecordStore, 'list' | 'events' | 'silent'>;

/** News that is no call's. */
export interface Notice {
  readonly type:
    | 'whatsapp.permission'
    | `tests.${'run_started' | 'case_started' | 'case_ended' | 'run_waits' | 'run_ended'}`;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What exists before there can be a call. */
export interface Base {
  readonly config: Config;
  readonly log: Log;
  /** The logger itself, for libraries that want one. */
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** What is remembered of calls beyond the calls themselves; other processes may share it. */
  readonly memory: ProcessMemory;
  readonly metrics: Metrics;
  /** Those that the daemon knows, as the settings have them. */
  readonly carriers: Carriers;
  /** The addresses that carriers are given. */
  readonly urls: PublicUrls;
  /** Tells this process from others of the fleet; letters and digits. */
  readonly instance: string;
  /** Ids of the events of this process. */
  readonly ids: EventIds;
  /** The processes of this machine that take calls behind one port; undefined where this one is alone. */
  readonly machine?: Machine | undefined;
  /** The processes that take calls of the same numbers: who has which call, and what one asks of another. */
  readonly fleet: Fleet;
}

/** Everything of the app that a feature may be joined to. */
export interface Parts extends Base {
  readonly http: HttpServer;
  readonly calls: Calls;
  readonly dispatch: Dispatch;
  readonly agents: Agents;
  readonly admin: AdminOptions;
  /** Sockets of operators that are open, and the log of what operators do. */
  readonly people: Pick<PeopleParts, 'sessions' | 'note'>;
  /** The way in for calls of whatever kind: asked before anything is made for one. */
  readonly intake: Intake;
  /** Asked for an order, and whether there is room for callers. */
  readonly admission: Admission;
  /** What can be asked of calls at carriers; undefined where no part talks to any. */
  readonly lines: Lines | undefined;
  /** Whoever places ordered calls elsewhere than by those lines. */
  readonly placers: readonly Placer[];
  /** What all parts say that an operator has to mend. */
  problems(): StatusView['problems'];
  /** What was ordered of a call of which its carrier says that we placed it; undefined: it was not ordered here. */
  claim(call: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** The same of a call to somebody who was called to answer another call; undefined: it is none. */
  claimLeg(call: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** Has every part hear what a carrier tells of a call. */
  carrierNews(update: StatusUpdate): void;
  /** Has every part hear of something that is no call's. */
  notice(notice: Notice): void;
  /** Events that are kept on disk; undefined where no part keeps any. */
  readonly replay: EventReplay | undefined;
  /** The records of this process's own store; undefined where no part keeps any. */
  readonly records: OwnRecords | undefined;
  /** Has every part remove what it holds of these calls; rejects when something of them may be left. */
  forget(callIds: readonly string[]): Promise<void>;
  /** Has every watcher of records hear of an event of a call that is over. */
  tell(event: RecordedEvent): void;
  /** Has every part hear of calls of an instance that died. */
  lost(calls: readonly CallRecord[]): void;
  /** No new calls are taken any more. */
  isDraining(): boolean;
}
