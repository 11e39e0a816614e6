import { BridgeError } from '../../errors.ts';
import { convertRate } from '../../media/convert.ts';
import { Effects } from '../../media/effects/chain.ts';
import { SILENCE_DBFS } from '../../media/level.ts';
import { activeDbfs } from '../../media/trim.ts';
import { type CallerOutcome, type Done, TEST_RATE, type TestCaller, type TestCallerDeps } from './kind.ts';
import { TestLeg } from './leg.ts';
import type { Utterance } from './mouth.ts';
import type { Party } from './party.ts';
import { Persona } from './persona.ts';
import { HANG_UP, PATIENCE_MS, personaWords } from './persona-words.ts';
import { type Conversation, type Played, replayOf } from './replay.ts';
import { Script } from './script.ts';
import { readWav, samplesOf } from './sources.ts';
import type { CallerSpec, PersonaSpec, ReplaySpec, ScriptSpec } from './spec.ts';
import type { Step } from './steps.ts';

/** What effects are measured against where the caller's own level cannot be known before it speaks, dBFS. */
const SPEECH_DBFS = -20;

/** A party, and what is known of how loud it speaks. */
export interface MadeParty {
  readonly party: Party;
  readonly speechDbfs?: number | undefined;
}

/**
 * Makes a caller of what it is told, with all that it is going to say, before there is a call. Rejects with TEST_CALLER_INVALID for what cannot be said, and as
 * `Speech` does where speech cannot be had.
 */
export async function createTestCaller(
  spec: CallerSpec,
  deps: TestCallerDeps,
  signal?: AbortSignal,
): Promise<TestCaller> {
  const { promise: outcome, resolve } = Promise.withResolvers<CallerOutcome>();
  const done: Done = (known) =>
    resolve({
      ...known,
      marks: leg.marks.toSorted((a, b) => a.at - b.at),
      pace: leg.pace.report(),
      stalls: leg.pace.stalls,
    });
  const { party, speechDbfs = SPEECH_DBFS } = await makeParty(spec, deps, done, signal);
  const { tape, seed } = deps;
  const effects = new Effects(spec.effects ?? {}, { sampleRate: TEST_RATE, seed, speechDbfs });
  const leg = new TestLeg({ party, tape, effects });
  return { leg, tape, outcome };
}

const invalid = (problem: string) => new BridgeError('TEST_CALLER_INVALID', problem);

async function makeParty(spec: CallerSpec, deps: TestCallerDeps, done: Done, signal?: AbortSignal): Promise<MadeParty> {
  switch (spec.kind) {
    case 'script':
      return scriptParty(spec, await utterancesOf(spec, deps, signal), done);
    case 'replay': {
      const { steps, utterances, awaitsAnswer } = replayOf(await conversationOf(spec, deps), spec.pace);
      if (utterances.size === 0) throw invalid('nobody speaks in what is to be replayed');
      return scriptParty({ steps, max_seconds: spec.max_seconds, awaitsAnswer }, utterances, done);
    }
    case 'persona':
      return { party: await personaParty(spec, deps, done) };
    default:
      return spec satisfies never;
  }
}

interface Steps extends Partial<Pick<Played, 'awaitsAnswer'>> {
  readonly steps: readonly Step[];
  readonly max_seconds: number;
}

/** A party that takes these steps. */
function scriptParty(
  { steps, max_seconds: seconds, awaitsAnswer }: Steps,
  utterances: ReadonlyMap<number, Utterance>,
  done: Done,
): MadeParty {
  const party = new Script({ steps, utterances, mostMs: seconds * 1000, awaitsAnswer, done });
  const level = activeDbfs(
    [...utterances.values()].map(({ samples }) => samples),
    TEST_RATE,
  );
  return { party, speechDbfs: level === SILENCE_DBFS ? undefined : level };
}

/** What a step says, and as what. */
function wordsOf(step: Step) {
  switch (step.do) {
    case 'say':
      return { kind: 'say', text: step.say } as const;
    case 'interrupt':
      return { kind: 'interrupt', text: step.interrupt } as const;
    case 'backchannel':
      return { kind: 'backchannel', text: step.backchannel } as const;
    case 'tic':
      return { kind: 'tic', text: step.tic } as const;
    case 'side_talk':
      return { kind: 'side-talk', text: step.side_talk } as const;
    default:
      return undefined;
  }
}

async function utterancesOf(
  { steps, voice, language }: ScriptSpec,
  deps: TestCallerDeps,
  signal?: AbortSignal,
): Promise<Map<number, Utterance>> {
  const made = new Map<number, Utterance>();
  for (const [index, step] of steps.entries()) {
    const words = wordsOf(step);
    if (words === undefined) continue;
    const samples = await samplesOf({ text: words.text, voice, language }, deps, signal);
    made.set(index, {
      samples,
      marks: [
        { offset: 0, kind: words.kind, text: words.text },
        { offset: samples.length, kind: 'said' },
      ],
    });
  }
  return made;
}

async function personaParty(spec: PersonaSpec, deps: TestCallerDeps, done: Done): Promise<Party> {
  if (deps.persona === undefined) throw invalid('there is no model here that could play a persona');
  const { voice, language, max_turns: maxTurns, max_seconds: seconds } = spec;
  const agent = await deps.persona({ instructions: personaWords(spec), voice, language, tools: [HANG_UP] });
  const { clock, ticker, log } = deps;
  const patienceMs = PATIENCE_MS[spec.patience];
  const persona = new Persona({ agent, clock, ticker, log, maxTurns, mostMs: seconds * 1000, patienceMs, done });
  await persona.prepare();
  return persona;
}

async function conversationOf(
  { call_id: callId, wav, channel }: ReplaySpec,
  deps: TestCallerDeps,
): Promise<Conversation> {
  const recorded = wav === undefined ? await deps.recording?.(callId ?? '') : await readWav(wav, deps.folder);
  if (recorded === undefined) throw invalid(`there is no recording of the call ${callId}`);
  const { sampleRate, channels } = recorded;
  const at24k = (samples: Int16Array) => convertRate(samples, sampleRate, TEST_RATE);
  const caller = channels[channel];
  if (caller === undefined) throw invalid(`the recording has no channel ${channel}: it has ${channels.length}`);
  // Of two channels the other one is the agent's.
  const other = channels.length === 2 ? channels[1 - channel] : undefined;
  return { caller: at24k(caller), ...(other === undefined ? {} : { agent: at24k(other) }) };
}
