import { join } from 'node:path';
import type { Clock } from '../call/clock.ts';
import type { AgentLeg, Log } from '../call/leg.ts';
import type { Ticker } from '../call/ticker.ts';
import { createTestCaller } from '../callers/test/create.ts';
import type { PersonaOrder, TestCallerDeps } from '../callers/test/kind.ts';
import { KeptSpeech } from '../callers/test/speech.ts';
import { TAPE_RATE, TapeWriter } from '../measure/tape.ts';
import { TapeFile } from '../measure/tape-file.ts';
import type { ServiceAddress } from './assess/client.ts';
import type { AttemptDeps } from './attempt.ts';
import type { Mask } from './mask.ts';
import type { RunStore } from './store.ts';

/** The callers of a run, each with a tape, in the run's folder where it may be kept, that grows while it calls. */

export interface CallersDeps {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly store: RunStore;
  /** Where speech is kept. */
  readonly speechFolder: string;
  readonly speechModel: string;
  readonly speechVoice: string;
  /** Files that steps name. */
  readonly folder: string;
  /** Who makes speech of words. */
  speech(): Promise<ServiceAddress>;
  persona(order: PersonaOrder): Promise<AgentLeg>;
  readonly recording?: TestCallerDeps['recording'];
}

/** Makes the callers of one run. Where words are masked no file of a tape is begun: a process that is killed would leave it. */
export function callersOf(run: string, mask: Mask, deps: CallersDeps): AttemptDeps['callerOf'] {
  const { clock, ticker, log, store, speechFolder, speechModel, speechVoice, folder, persona, recording } = deps;
  let speech: Promise<KeptSpeech> | undefined;
  const speaking = async () => {
    const { url, key, name } = await deps.speech();
    const by = { url, apiKey: key, name, model: speechModel, voice: speechVoice };
    return new KeptSpeech({ ...by, folder: speechFolder, clock });
  };
  return async (planned, signal) => {
    speech ??= speaking();
    const folderOfCase = await store.openCase(run, planned.id);
    const file = mask === 'words' ? {} : { file: await TapeFile.create(join(folderOfCase, 'tape.wav'), TAPE_RATE) };
    const tape = new TapeWriter({ clock, ...file });
    try {
      const own = log.child({ run, case: planned.id });
      const caller = await createTestCaller(
        planned.caller,
        { clock, ticker, log: own, speech: await speech, tape, seed: planned.seed, folder, persona, recording },
        signal,
      );
      return { caller, tape };
    } catch (error) {
      await tape.close().catch(() => undefined);
      throw error;
    }
  };
}
