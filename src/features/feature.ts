import type { Logger } from 'pino';
import type { Admission } from '../admission/admission.ts';
import type { Agents } from '../agents/kind.ts';
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
import type { AdminOptions } from '../http/admin.ts';
import type { PublicUrls } from '../http/public-url.ts';
import type { HttpServer } from '../http/server.ts';
import type { Intake } from '../intake/intake.ts';
import type { EventReplay } from '../live/replay.ts';
import type { ProcessMemory } from '../memory/memory.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Lines } from '../orders/lines.ts';
import type { OutboundPlan } from '../orders/outbound-call.ts';
import type { Placer } from '../orders/placer.ts';
import type { RecordSink } from '../records/event.ts';

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
  /** News of a call at its carrier. Must not throw. */
  carrierNews?(update: StatusUpdate): void;
  /** What can be asked of calls at carriers; one part has it. */
  readonly lines?: Lines;
  /** Places ordered calls to destinations of its own kind. */
  readonly placer?: Placer | undefined;
  /** News that is no call's. Must not throw. */
  notice?(notice: Notice): void;
  /** How many calls of strangers it takes at once. */
  readonly strangers?: number;
  /** A call is over and forgotten by `calls`; told of each, once. Must not throw. */
  ended?(call: { readonly info: CallInfo; readonly startedAt: number }, end: Termination): void;
  /** Removes what this part holds of calls whose records are removed. Rejects when something of them may be left. */
  forget?(callIds: readonly string[]): Promise<void>;
  /** Gives events that were told before; one part has them. */
  readonly replay?: EventReplay;
  /** Registers routes and whatever else needs the other parts. */
  install?(parts: Parts): void | Promise<void>;
  /** After the calls ended and the HTTP server closed, in reverse order of opening. Must not reject. */
  close?(): Promise<void>;
}

/** News that is no call's. */
export interface Notice {
  readonly type: 'whatsapp.permission';
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
}

/** Everything of the app that a feature may be joined to. */
export interface Parts extends Base {
  readonly http: HttpServer;
  readonly calls: Calls;
  readonly dispatch: Dispatch;
  readonly agents: Agents;
  readonly admin: AdminOptions;
  /** The way in for calls of whatever kind: asked before anything is made for one. */
  readonly intake: Intake;
  /** Asked for an order, and whether there is room for callers. */
  readonly admission: Admission;
  /** What can be asked of calls at carriers; undefined where no part talks to any. */
  readonly lines: Lines | undefined;
  /** Whoever places ordered calls elsewhere than by those lines. */
  readonly placers: readonly Placer[];
  /** What was ordered of a call of which its carrier says that we placed it; undefined: it was not ordered here. */
  claim(call: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** Has every part hear what a carrier tells of a call. */
  carrierNews(update: StatusUpdate): void;
  /** Has every part hear of something that is no call's. */
  notice(notice: Notice): void;
  /** Events that are kept on disk; undefined where no part keeps any. */
  readonly replay: EventReplay | undefined;
  /** Has every part remove what it holds of these calls; rejects when something of them may be left. */
  forget(callIds: readonly string[]): Promise<void>;
  /** No new calls are taken any more. */
  isDraining(): boolean;
}
