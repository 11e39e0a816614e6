import { serve, sleep } from './child.ts';
import { LightModel, type LightTool } from './light-model.ts';
import { LightPhone, type PhoneReport, Phones } from './light-phone.ts';
import type { Summary } from './stats.ts';
import { usage } from './usage.ts';
import { Wheel } from './wheel.ts';

/** The load generator: all phones and the model's far end in one process, so that one clock stamps both ends. */

const wheel = new Wheel();
const phones = new Map<number, LightPhone>();
const shared = new Phones();
const model = new LightModel(wheel, phones);
let next = 0;

export interface LoadReport extends PhoneReport {
  readonly up: Summary;
  readonly appends: number;
  readonly unnamed: number;
  readonly toolResults: number;
}

const methods = {
  /** Starts the model's far end; resolves to its base URL. */
  listen: () => model.listen(),
  /** Lets the model call this tool at the end of each turn, or none. */
  useTool(tool: LightTool | undefined): void {
    model.tool = tool;
  },
  /** Has the model speak to callers that are none of these phones, too. */
  speakToAll(): void {
    model.speaksToAll = true;
  },
  /** Makes calls, so many a second, to a daemon (http) or a relay (ws). */
  async call({
    target,
    calls,
    perSecond,
    marked,
  }: {
    target: string;
    calls: number;
    perSecond: number;
    marked: boolean;
  }) {
    const made: Promise<void>[] = [];
    const began = performance.now();
    for (let i = 0; i < calls; i++) {
      await sleep(Math.max(0, began + (i * 1_000) / perSecond - performance.now()));
      made.push(dial(target, marked).then(() => {}));
    }
    await Promise.all(made);
  },
  async hangUpAll(): Promise<void> {
    await Promise.all([...phones.values()].map((phone) => phone.hangUp()));
    phones.clear();
  },
  /** Calls made and closed, `together` at a time, each for `holdMs`. */
  async churn({
    target,
    calls,
    together,
    holdMs,
    marked,
  }: {
    target: string;
    calls: number;
    together: number;
    holdMs: number;
    marked: boolean;
  }) {
    for (let made = 0; made < calls; made += together) {
      await Promise.all(
        Array.from({ length: Math.min(together, calls - made) }, async (_, i) => {
          await sleep(i * 20);
          const phone = await dial(target, marked);
          await sleep(holdMs);
          await phone.hangUp();
          phones.delete(phone.index);
        }),
      );
    }
  },
  /** What was measured since the last time. */
  take(): LoadReport {
    const { appends, unnamed, toolResults } = model;
    const told = { ...shared.take(), up: model.up.summary(), appends, unnamed, toolResults };
    model.up.reset();
    model.appends = 0;
    model.unnamed = 0;
    model.toolResults = 0;
    return told;
  },
  live: () => ({ phones: phones.size, peers: model.livePeers }),
  usage,
};
export type LoadMethods = typeof methods;

async function dial(target: string, marked: boolean): Promise<LightPhone> {
  // A phone's number is 12 bits of its frames' names.
  while (phones.has(next)) next = (next + 1) % 4_096;
  const index = next;
  next = (next + 1) % 4_096;
  const phone = await LightPhone.call(target, index, shared, wheel, marked);
  phones.set(index, phone);
  return phone;
}

serve(methods);
