import { Counter } from 'prom-client';
import { AFTERMATHS, Aftermath, type Job } from '../aftermath/aftermath.ts';
import { askWhatCame } from '../aftermath/ask.ts';
import { Owed } from '../aftermath/owed.ts';
import { TextModels } from '../aftermath/text-model.ts';
import type { Base, Feature, Parts } from './feature.ts';

/** Summaries, outcomes and fields of calls that are over, where prompts ask for them. */
export function openAftermath({ config, clock, log, ids, memory, fleet, metrics: { registry } }: Base): Feature {
  const { DATABASE_URL: shared, AFTER_CALL_API_URL: url, AFTER_CALL_API_KEY: key, AFTER_CALL_MODEL: model } = config;
  let parts: Pick<Parts, 'dispatch' | 'tell'> | undefined;
  let owed: Owed | undefined;
  const counter = new Counter({
    name: 'voicebridge_after_calls_total',
    help: 'Calls of which something was wanted once they were over, by what became of it.',
    labelNames: ['end'],
    registers: [registry],
  });
  for (const end of AFTERMATHS) counter.inc({ end }, 0);
  const models = new TextModels({
    ...{ url, key, model },
    embedded: () =>
      log.warn({}, 'AFTER_CALL_API_URL is not set: what calls came to is made by the embedded simulated service'),
  });
  const wantedOf = (prompt: string) => parts?.dispatch.afterCall(prompt);
  const aftermath = new Aftermath({
    wantedOf,
    ask: async (lines, wanted, signal) => askWhatCame(await models.get(), lines, wanted, { clock, signal }),
    model: models.name,
    tell: (event) => parts?.tell(event),
    ids,
    clock,
    log,
    count: (end) => counter.inc({ end }),
  });
  return {
    sinks: [aftermath],
    forget: async (callIds) => aftermath.forget(callIds),
    lost: (calls) => void owed?.lost(calls),
    finish: (signal) => aftermath.finish(signal),
    install({ dispatch, tell, records: store }) {
      parts = { dispatch, tell };
      if (store === undefined) return;
      const add = (job: Job) => aftermath.add(job);
      owed = new Owed({ store, isShared: shared !== undefined, fleet, memory, wantedOf, add, clock, log });
      void owed.start();
    },
    async close() {
      owed?.close();
      aftermath.close();
      await models.close();
    },
  };
}
