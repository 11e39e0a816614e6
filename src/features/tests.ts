import { join } from 'node:path';
import type { RefusalReason } from '../admission/admission.ts';
import type { CallEvent } from '../call/events.ts';
import type { Party } from '../call/party.ts';
import { BridgeError } from '../errors.ts';
import { Measurer } from '../measure/measurer.ts';
import { readRecording } from '../recording/read.ts';
import { openService } from '../suites/assess/client.ts';
import { type CallPlacer, NoRoom } from '../suites/attempt.ts';
import { callersOf } from '../suites/callers.ts';
import { runsOfAll } from '../suites/http/runs-of-all.ts';
import { testsApi, testToolsApi } from '../suites/http/tests-api.ts';
import { SELF, unknownKind } from '../suites/load.ts';
import { measuringBy } from '../suites/measuring.ts';
import { ProviderLimits } from '../suites/provider-limits.ts';
import { RunKeeper } from '../suites/run-keeper.ts';
import { Runs } from '../suites/runs.ts';
import { EmbeddedService } from '../suites/service.ts';
import { RunStore } from '../suites/store.ts';
import type { Base, Feature, Parts } from './feature.ts';

/** Callers that test agents come by no network: what stands where a carrier's name does. */
const TEST = 'test';
const DAY_MS = 86_400_000;
/** Who such a caller is, where a suite gives it no number. */
const NOBODY: Party = { kind: 'identity', scheme: 'other', text: 'test caller', key: undefined };

/** Refusals that end by themselves as other calls do: there is no room, or no time. */
const FOR_ROOM: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'calls',
  'rate',
  'loop-delay',
  'memory',
  'fleet',
  'number',
  'caller',
  'account',
]);

/** What a run is told of a call that was refused. */
const refusal = (reason: RefusalReason): BridgeError =>
  FOR_ROOM.has(reason) ? new NoRoom(reason) : new BridgeError('ABORTED', `no more calls are taken: ${reason}`);

/** Tests of agents: suites, their runs, and what those left. */
export function openTests(base: Base): Feature {
  const { config, clock, ticker, log, fleet } = base;
  const told = new Map<string, (event: CallEvent) => void>();
  const embedded = new EmbeddedService();
  const store = new RunStore(join(config.DATA_DIR, 'test-runs'));
  const measurer = new Measurer();
  const speechFolder = join(config.DATA_DIR, 'speech');
  let runs: Runs | undefined;
  let keeper: RunKeeper | undefined;

  const addressOf = async (url: string | undefined, key: string | undefined) =>
    url === undefined ? embedded.address() : { url, key: key ?? '' };

  return {
    observers: [
      {
        onEvent(callId, event) {
          told.get(callId)?.(event);
          if (event.type === 'call_ended' || event.type === 'call_moved') told.delete(callId);
        },
      },
    ],
    install(parts) {
      const { http, admin, dispatch, agents, notice } = parts;
      for (const kind of Object.keys(config.TESTS_LIMITS)) {
        const problem = unknownKind(kind, agents.kinds);
        if (problem !== undefined)
          throw new BridgeError('CONFIG_INVALID', `wrong settings:\n  TESTS_LIMITS: ${problem}`);
      }
      const placer = placerOf(parts, (id, hear) => {
        told.set(id, hear);
        return () => void told.delete(id);
      });
      runs = new Runs({
        clock,
        log,
        store,
        folder: config.SUITES_DIR,
        targets: { agents: agents.kinds },
        placer,
        measuring: measuringBy((tape, options) => measurer.measure(tape, options)),
        mask: config.TESTS_MASK,
        toolsToken: config.TESTS_TOOLS_TOKEN,
        limits: new ProviderLimits(clock, config.TESTS_LIMITS),
        publicUrl: config.PUBLIC_URL,
        assessors: async () => ({
          service: openService(await addressOf(config.TESTS_API_URL, config.TESTS_API_KEY), { clock }),
          transcriptionModel: config.TESTS_TRANSCRIPTION_MODEL,
          judgeModel: config.TESTS_JUDGE_MODEL,
          ownVoiceAlone: config.TESTS_API_URL === undefined,
        }),
        callersOf: (run, mask) =>
          callersOf(run, mask, {
            clock,
            ticker,
            log,
            store,
            speechFolder,
            speechModel: config.SPEECH_MODEL,
            speechVoice: config.SPEECH_VOICE,
            folder: config.SUITES_DIR,
            speech: () => addressOf(config.SPEECH_API_URL, config.SPEECH_API_KEY),
            persona: async ({ instructions, voice, language, tools }) =>
              dispatch.standard.create({ instructions, options: {}, voice, language, tools, form: 'pcm16' }).leg,
            recording: (callId) => readRecording(config.RECORDINGS_DIR ?? join(config.DATA_DIR, 'recordings'), callId),
          }),
        told: ({ type, ...data }) => notice({ type: `tests.${type}`, data }),
      });
      const days = config.TESTS_RETENTION_DAYS;
      keeper = new RunKeeper({
        store,
        runs,
        clock,
        log,
        retentionMs: days === 0 ? undefined : days * DAY_MS,
        speechFolder,
      });
      keeper.start();
      const everywhere = runsOfAll(runs, fleet);
      http.app.register(testsApi, { admin, runs, everywhere, store });
      http.app.register(testToolsApi, { everywhere });
      // The calls of runs are ended as all are; before that no further one may begin.
      http.app.addHook('preClose', async () => runs?.close());
    },
    async close() {
      keeper?.close();
      await runs?.close();
      await Promise.all([embedded.close(), measurer.close()]);
    },
  };
}

/** Begins calls of test callers by the one way in. */
export function placerOf(
  { intake, calls }: Pick<Parts, 'intake' | 'calls'>,
  watch: (callId: string, told: (event: CallEvent) => void) => () => void,
): CallPlacer {
  return {
    async place({ target, variables }, told) {
      const admitted = intake.admit();
      if (!admitted.ok) throw refusal(admitted.reason);
      const { arrival } = admitted;
      try {
        const isSelf = target.kind === SELF;
        const { prompt, to, from } = (isSelf ? target.options : {}) as Readonly<Record<string, string | undefined>>;
        const assigned = await arrival.assign(
          {
            carrier: TEST,
            direction: 'inbound',
            from: from === undefined ? NOBODY : { kind: 'number', number: from },
            to: to === undefined ? undefined : { kind: 'number', number: to },
          },
          {
            prompt,
            agent: isSelf ? undefined : target,
            variables: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
          },
        );
        const forget = watch(arrival.id, told);
        const begun = assigned.begin(
          {
            from: from ?? 'test caller',
            ...(to === undefined ? {} : { to }),
            callerKind: from === undefined ? 'identity' : 'number',
          },
          { message: 'a test caller calls', fields: { target: target.kind } },
        );
        if (!begun.ok) {
          forget();
          throw refusal(begun.reason);
        }
        const { call } = begun;
        return {
          callId: call.info.id,
          join: (leg) => calls.join(call.info.id, leg),
          end: (end) => void call.end(end),
          done: call.done,
          sources: assigned.sources,
        };
      } finally {
        arrival.free();
      }
    },
  };
}
