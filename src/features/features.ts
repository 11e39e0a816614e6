import type { RefusalReason } from '../admission/admission.ts';
import type { Dialler } from '../agents/kind.ts';
import type { Clock } from '../call/clock.ts';
import { delay } from '../call/clock.ts';
import type { CallObserver } from '../call/events.ts';
import type { CallInfo } from '../call/info.ts';
import type { Log } from '../call/leg.ts';
import type { CallTap, TapHooks } from '../call/tap.ts';
import type { Termination } from '../call/termination.ts';
import type { RefusedOffer } from '../intake/intake.ts';
import type { RecordSink } from '../records/event.ts';
import type { Base, Feature, Parts, PeopleParts } from './feature.ts';

/** How long each part may take to write what it still has, ms: no part may keep the process from its end. */
const CLOSE_MS = 5_000;

/** How a part is opened. */
export type OpenFeature = (base: Base) => Feature | Promise<Feature>;

/** The parts of the daemon beside the bridge itself, as one: what is asked of one is asked of all, in the order of their list. */
export class Features {
  readonly #all: readonly Feature[];
  readonly #clock: Clock;
  readonly #log: Log;

  private constructor(all: readonly Feature[], { clock, log }: Base) {
    this.#all = all;
    this.#clock = clock;
    this.#log = log;
  }

  /** Opens each; what one waits for, its database, the others do not. Rejects with what the first of them rejects with, when the others are closed again. */
  static async open(openers: readonly OpenFeature[], base: Base): Promise<Features> {
    const opened = await Promise.allSettled(openers.map(async (open) => open(base)));
    const features = new Features(
      opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
      base,
    );
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed === undefined) return features;
    await features.close();
    throw failed.reason;
  }

  get observers(): CallObserver[] {
    return this.#all.flatMap((feature) => feature.observers ?? []);
  }

  get sinks(): RecordSink[] {
    return this.#all.flatMap((feature) => feature.sinks ?? []);
  }

  /** Who operates the daemon. */
  get people(): PeopleParts {
    const found = this.#all.find((feature) => feature.people !== undefined)?.people;
    if (found === undefined) throw new TypeError('no part knows who operates the daemon');
    return found;
  }

  /** Who calls people by telephone that are to answer calls; undefined before all are installed, and where no part does. */
  get dialler(): Dialler | undefined {
    return this.#all.find((feature) => feature.dialler !== undefined)?.dialler;
  }

  /** How many calls of strangers they take together. */
  get strangers(): number {
    return this.#all.reduce((sum, feature) => sum + (feature.strangers ?? 0), 0);
  }

  readonly taps = (info: CallInfo, hooks: TapHooks): CallTap[] =>
    this.#all.map((feature) => feature.tap?.(info, hooks)).filter((tap) => tap !== undefined);

  readonly refused = (reason: RefusalReason): void => {
    for (const feature of this.#all) feature.refused?.(reason);
  };

  readonly turnedAway = (offer: RefusedOffer): void => {
    for (const feature of this.#all) feature.turnedAway?.(offer);
  };

  readonly ended = (call: { readonly info: CallInfo; readonly startedAt: number }, end: Termination): void => {
    for (const feature of this.#all) feature.ended?.(call, end);
  };

  /** Joins each to the rest, and so to one another: by these ports, and by nothing else. */
  async install(
    rest: Omit<
      Parts,
      | 'lines'
      | 'placers'
      | 'replay'
      | 'records'
      | 'problems'
      | 'claim'
      | 'claimLeg'
      | 'carrierNews'
      | 'notice'
      | 'lost'
      | 'forget'
    >,
  ): Promise<void> {
    const all = this.#all;
    const parts: Parts = {
      ...rest,
      lines: all.find((feature) => feature.lines !== undefined)?.lines,
      // Asked for by the last of them, when those before it are joined.
      get placers() {
        return all.map((feature) => feature.placer).filter((placer) => placer !== undefined);
      },
      replay: all.find((feature) => feature.replay !== undefined)?.replay,
      records: all.find((feature) => feature.records !== undefined)?.records,
      problems: () => all.flatMap((feature) => feature.problems?.() ?? []),
      async claim(call, to) {
        const plans = await Promise.all(all.map((feature) => feature.claim?.(call, to)));
        return plans.find((plan) => plan !== undefined);
      },
      async claimLeg(call, to) {
        const plans = await Promise.all(all.map((feature) => feature.claimLeg?.(call, to)));
        return plans.find((plan) => plan !== undefined);
      },
      carrierNews(update) {
        for (const feature of all) feature.carrierNews?.(update);
      },
      notice(notice) {
        for (const feature of all) feature.notice?.(notice);
      },
      lost(calls) {
        for (const feature of all) feature.lost?.(calls);
      },
      async forget(callIds) {
        await Promise.all(all.map((feature) => feature.forget?.(callIds)));
      },
    };
    for (const feature of all) await feature.install?.(parts);
  }

  /** Resolves when all have made what they still make of calls that are over, or with `signal`. Never rejects. */
  readonly finish = async (signal: AbortSignal): Promise<void> => {
    await Promise.allSettled(this.#all.map((feature) => feature.finish?.(signal)));
  };

  /** Closes each after those that were opened later; each may take its time but not for ever. Never rejects. */
  async close(): Promise<void> {
    for (const feature of this.#all.toReversed()) await this.#close(feature);
  }

  async #close(feature: Feature): Promise<void> {
    const log = this.#log;
    const late = new AbortController();
    const timeout = delay(this.#clock, CLOSE_MS, late.signal).then(
      () => log.error({}, 'a part of the daemon could not be closed in time'),
      () => {},
    );
    try {
      await Promise.race([feature.close?.(), timeout]);
    } catch (err) {
      log.error({ err }, 'a part of the daemon could not be closed');
    } finally {
      late.abort();
    }
  }
}
